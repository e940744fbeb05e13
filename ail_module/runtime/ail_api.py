"""AIL's own functions: what is asked about a picture (`AilHost`), what is written to AIL (`AilSink`), and
how a message goes back to AIL's queue (`ReturnedMessages`).

AIL's code (`lib`, `modules`) is imported here and in VisualCorrelation.py only, so these files, and those
that import them, load in AIL's interpreter only, with AIL's environment. Failures of AIL's servers leave as
errors of `redis`.
"""

import heapq
import os
import sys
import time
from datetime import datetime, timezone
from typing import Any

from xxhash import xxh3_64_hexdigest

if os.environ["AIL_BIN"] not in sys.path:
    sys.path.append(os.environ["AIL_BIN"])

from lib import Tag, ail_core, ail_queues  # type: ignore[import-not-found]
from lib.ConfigLoader import ConfigLoader  # type: ignore[import-not-found]
from lib.objects import ail_objects  # type: ignore[import-not-found]

from ..objects import TYPES, AilObject, BadObject
from ..publishing.apply import ALGORITHM
from ..servers import About

__all__ = ["AilHost", "AilSink", "ReturnedMessages", "ail_object", "day"]

#: Field of AIL's metadata that holds our note. AIL's own descriptions are in `desc:<model>`, too.
NOTE = "desc:douglas-quaid"
#: Maximum number of domains of a screenshot that are checked for unsafe tags. chosen.
MAX_DOMAINS = 20


class AilHost:
    """What AIL knows of a picture."""

    def path(self, obj: AilObject) -> str | None:
        """Return the path of the object's file, which may be missing; None if the id leads out of AIL's
        folder.
        """
        found: str | None = _ail(obj).get_filepath()
        return found

    def about(self, obj: AilObject) -> About:
        """Return where an object was seen, and whether AIL marks it, or a domain of it, as unsafe."""
        if obj.type == "image":
            return About(
                (), tuple(sorted(_ail(obj).get_correlation("chat")["chat"])), not _ail(obj).is_tags_safe()
            )
        names, items = (
            sorted(name.partition(":")[2] for name in _ail(obj).get_correlation(kind)[kind])
            for kind in ("domain", "item")
        )
        domains = (ail_objects.get_object("domain", "", name) for name in names[:MAX_DOMAINS])
        unsafe = not all(each.is_tags_safe() for each in (_ail(obj), *domains))
        return About(tuple(names), (), unsafe, items=tuple(reversed(items)))

    def first_seen(self, obj: AilObject) -> datetime | None:
        """Return the day on which AIL first saw the object; None if it does not know."""
        dates = [_ail(obj).get_first_seen()] if obj.type == "image" else _ail(obj).get_dates()
        return min(filter(None, map(day, dates)), default=None)


class AilSink:
    """What is written to AIL, as `Sink` of publishing/apply.py."""

    def __init__(self, queue: Any) -> None:
        """`queue`: an AILQueue of a module that publishes Tags."""
        self._queue = queue
        config = ConfigLoader()
        self._duplicates = config.get_db_conn("Kvrocks_Duplicates")
        self._tags = config.get_db_conn("Kvrocks_Tags")
        #: Whether AIL describes pictures with a model. Its descriptions must not be kept from being made.
        self._describes = config.has_option("Images", "ollama_enabled") and config.get_config_boolean(
            "Images", "ollama_enabled"
        )

    def correlate(self, a: AilObject, b: AilObject) -> None:
        """Add a correlation."""
        _ail(a).add_correlation(b.type, "", b.id)

    def uncorrelate(self, a: AilObject, b: AilObject) -> None:
        """Remove a correlation."""
        _ail(a).delete_correlation(b.type, "", b.id)

    def correlated(self, a: AilObject, b: AilObject) -> bool:
        """Return whether AIL has this correlation."""
        return bool(_ail(a).is_correlated(b.type, "", b.id))

    def duplicate(self, a: AilObject, b: AilObject, score: int) -> None:
        """Add a row with this score at both objects."""
        for one, other in ((a, b), (b, a)):
            _ail(one).add_duplicate(ALGORITHM, score, other.id)

    def unduplicate(self, a: AilObject, b: AilObject, score: int) -> None:
        """Remove both rows. AIL has no function for it; the rows are those of lib/Duplicate.py."""
        for one, other in ((a, b), (b, a)):
            self._duplicates.srem(f"obj:duplicates:{one.gid}", f"{score}:{ALGORITHM}:{other.id}")

    def tag(self, obj: AilObject, tag: str) -> None:
        """Send a tag through the module Tags, as AIL's own modules do."""
        self._queue.send_message(obj.gid, tag, "Tags")

    def untag(self, obj: AilObject, tag: str) -> None:
        """Remove a tag."""
        Tag.delete_object_tag(tag, obj.type, obj.id)

    def tags(self, obj: AilObject) -> set[str]:
        """Return all tags of an object."""
        return set(_ail(obj).get_tags())

    def tag_origin(self, origin: str, tag: str) -> None:
        """Give a tag to a domain or an item as AIL itself passes tags on: no other system is told."""
        kind, _, name = origin.split(":", 2)
        item = ail_objects.get_object(kind, "", name) if kind == "item" else None
        domain = item.get_domain() if item and item.is_crawled() else None
        spreads = domain is not None and not Tag.is_obj_tagged_by_tag("domain", domain, tag)
        Tag.add_object_tag(tag, kind, name)
        if spreads:  # AIL gave it to the domain, too, where somebody removed it
            Tag.delete_object_tag(tag, "domain", domain)

    def untag_origin(self, origin: str, tag: str) -> None:
        """Remove a tag of a domain or an item."""
        kind, _, name = origin.split(":", 2)
        try:
            Tag.delete_object_tag(tag, kind, name)
        except TypeError:
            # AIL 7.0 fails before its last step if the item was the last one with the tag on the tag's first
            # day, and items of later days have it, too (Tag.py, _update_tag_first_seen).
            self._tags.srem(f"tag:{kind}::{name}", tag)

    def origin_tags(self, origin: str) -> set[str]:
        """Return all tags of a domain or an item."""
        kind, _, name = origin.split(":", 2)
        return set(Tag.get_object_tags(kind, name))

    def note(self, obj: AilObject, text: str) -> None:
        """Put a text on the page of the object: into a field that patch P6 shows. Without P6, and while AIL
        makes no descriptions of pictures itself, it becomes the description if there is none.
        """
        found = _ail(obj)
        found._set_field(NOTE, text)
        field = _description()
        if self._describes or field is None or "visual_note" in found.get_meta(options={"description"}):
            return
        if not found._get_field(field):
            found._set_field(field, text)

    def unnote(self, obj: AilObject, text: str) -> None:
        """Remove that text, wherever it stands."""
        found = _ail(obj)
        for field in filter(None, (NOTE, _description())):
            if found._get_field(field) == text:
                found._delete_field(field)


def ail_object(gid: str) -> Any:
    """Return AIL's object of a global id. Raises BadObject if AIL has none, or if it is a malformed id of a
    picture.
    """
    if gid.partition(":")[0] in TYPES:
        AilObject.parse(gid)
    try:
        return ail_objects.get_obj_from_global_id(gid)
    except Exception as error:  # KeyError, ValueError, or whatever one of AIL's many classes raises
        raise BadObject(
            f"{gid[:120]!r}: AIL has no object of this name ({type(error).__name__}: {error})"
        ) from None


def _description() -> str | None:
    """The field of the description that AIL's pages show; None in a version without descriptions."""
    model = getattr(ail_core, "get_default_image_description_model", None)
    return f"desc:{model()}" if model else None


def _ail(obj: AilObject) -> Any:
    return ail_objects.get_object(obj.type, "", obj.id)


def day(text: Any) -> datetime | None:
    """Return the day that AIL writes as YYYYMMDD; None if it is malformed or in the future."""
    try:
        found = datetime.strptime(str(text), "%Y%m%d").replace(tzinfo=timezone.utc)
    except ValueError:
        return None
    return found if found <= datetime.now(timezone.utc) else None


class ReturnedMessages:
    """The messages that one process of a module returns to the module's queue.

    Every method may raise errors of redis.
    """

    def __init__(self, queue: Any, module: str) -> None:
        """`queue`: the AILQueue of the module."""
        self._queue = queue
        self._module = module
        #: Heap of what waits: when it is due (monotonic), global id, hash, text.
        self._waiting: list[tuple[float, str, str, str]] = []

    def send_back(self, gid: str, name: str, message: str) -> None:
        """Put a popped message at the tail of the queue. `name`: the hash by which AIL's ledger knows it."""
        ail_queues.add_processed_obj(gid, name, queue=self._module)
        self._queue.send_back_message_to_queue(gid, name, message)

    def put_off(self, gid: str, name: str, message: str, seconds: float) -> None:
        """Keep a popped message in this process for some time, and in AIL's ledger as queued."""
        ail_queues.add_processed_obj(gid, name, queue=self._module)
        self._queue.end_message(gid, name, resend=True)
        heapq.heappush(self._waiting, (time.monotonic() + seconds, gid, name, message))

    def hand_back(self, *, everything: bool = False) -> None:
        """Put the messages that are due, or all that wait, at the tail of the queue."""
        due = float("inf") if everything else time.monotonic()
        while self._waiting and self._waiting[0][0] <= due:
            _, gid, name, message = self._waiting[0]
            self.send_back(gid, name, message)
            heapq.heappop(self._waiting)

    def recover(self, gid: str, name: str) -> None:
        """Put a lost message at the tail of the queue. Its text is lost, and with it the hash by which AIL
        would remove the old entry from its ledger.
        """
        self.send_back(gid, name, "")
        if name != xxh3_64_hexdigest(f"{gid};"):
            ail_queues.end_processed_obj(gid, name, queue=self._module)
