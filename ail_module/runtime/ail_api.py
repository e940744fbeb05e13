"""What we ask of AIL about a picture, and what we have AIL write: the implementations of `Host` and `Sink` by
AIL's own functions.

This file and VisualCorrelation.py are all that imports AIL's code (`lib`, `modules`), so both load in AIL's
interpreter only, with AIL's environment. Whatever AIL's servers do wrong leaves as the error of `redis` that
it is.
"""

from __future__ import annotations

import os
import sys
from datetime import datetime, timezone
from typing import Any

if os.environ["AIL_BIN"] not in sys.path:
    sys.path.append(os.environ["AIL_BIN"])

from lib import Tag  # type: ignore[import-not-found]
from lib.ConfigLoader import ConfigLoader  # type: ignore[import-not-found]
from lib.objects import ail_objects  # type: ignore[import-not-found]

from ..objects import TYPES, AilObject, BadObject
from ..publishing.apply import ALGORITHM

#: Domains of a screenshot that are asked whether they are unsafe. chosen.
MOST_DOMAINS = 20


class AilHost:
    """What AIL knows of a picture."""

    def path(self, obj: AilObject) -> str | None:
        found: str | None = _ail(obj).get_filepath()
        return found

    def domains(self, obj: AilObject) -> tuple[str, ...]:
        return (
            tuple(sorted(name.partition(":")[2] for name in _ail(obj).get_correlation("domain")["domain"]))
            if obj.type == "screenshot"
            else ()
        )

    def chats(self, obj: AilObject) -> tuple[str, ...]:
        return tuple(sorted(_ail(obj).get_correlation("chat")["chat"])) if obj.type == "image" else ()

    def is_unsafe(self, obj: AilObject) -> bool:
        return not (
            _ail(obj).is_tags_safe()
            and all(
                ail_objects.get_object("domain", "", name).is_tags_safe()
                for name in self.domains(obj)[:MOST_DOMAINS]
            )
        )

    def first_seen(self, obj: AilObject) -> datetime | None:
        """AIL keeps days only."""
        dates = [_ail(obj).get_first_seen()] if obj.type == "image" else _ail(obj).get_dates()
        return min(filter(None, map(day, dates)), default=None)


class AilSink:
    """AIL's own functions for what we write."""

    def __init__(self, queue: Any) -> None:
        """`queue`: an AILQueue of a module that publishes Tags."""
        self._queue = queue
        self._duplicates = ConfigLoader().get_db_conn("Kvrocks_Duplicates")

    def correlate(self, a: AilObject, b: AilObject) -> None:
        _ail(a).add_correlation(b.type, "", b.id)

    def uncorrelate(self, a: AilObject, b: AilObject) -> None:
        _ail(a).delete_correlation(b.type, "", b.id)

    def correlated(self, a: AilObject, b: AilObject) -> bool:
        return bool(_ail(a).is_correlated(b.type, "", b.id))

    def duplicate(self, a: AilObject, b: AilObject, score: int) -> None:
        """A row on both sides."""
        _ail(a).add_duplicate(ALGORITHM, score, b.id)
        _ail(b).add_duplicate(ALGORITHM, score, a.id)

    def unduplicate(self, a: AilObject, b: AilObject, score: int) -> None:
        """AIL has no function for it; the rows are those of lib/Duplicate.py."""
        for one, other in ((a, b), (b, a)):
            self._duplicates.srem(f"obj:duplicates:{one.gid}", f"{score}:{ALGORITHM}:{other.id}")

    def tag(self, obj: AilObject, tag: str) -> None:
        """Through the module Tags, as AIL's own modules do, so that its exports hear of it."""
        self._queue.send_message(obj.gid, tag, "Tags")

    def untag(self, obj: AilObject, tag: str) -> None:
        Tag.delete_object_tag(tag, obj.type, obj.id)

    def tags(self, obj: AilObject) -> set[str]:
        return set(_ail(obj).get_tags())


def ail_object(gid: str) -> Any:
    """AIL's object. Raises BadObject for what AIL has no object for, and for an id of a picture that is none."""
    if gid.partition(":")[0] in TYPES:
        AilObject.parse(gid)
    try:
        return ail_objects.get_obj_from_global_id(gid)
    except (
        Exception
    ) as error:  # KeyError, ValueError, AIL's own: whatever its many classes raise for such an id
        raise BadObject(
            f"{gid[:120]!r}: AIL has no object of this name ({type(error).__name__}: {error})"
        ) from None


def _ail(obj: AilObject) -> Any:
    return ail_objects.get_object(obj.type, "", obj.id)


def day(text: Any) -> datetime | None:
    """The day that AIL writes as YYYYMMDD; None for what is none, or has not come yet."""
    try:
        found = datetime.strptime(str(text), "%Y%m%d").replace(tzinfo=timezone.utc)
    except ValueError:
        return None
    return found if found <= datetime.now(timezone.utc) else None
