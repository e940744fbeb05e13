"""One object of AIL, from its name to what is written about it.

AIL (`AilHost`) is asked for the object's file and where it was seen, the engine what it resembles, and the
publisher writes that. What was done is not done again: the label `written` of the object's occurrence says
that everything was done. An object that a crash interrupted, or that a back-fill only stored, is continued.
Every step may be repeated.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from douglas_quaid import Correlator, CorruptImage, Seen

from ..config import Settings
from ..objects import AilObject, read_picture
from ..publishing.publisher import Publisher
from ..publishing.store_view import Finding, stored, stored_findings
from ..servers import About

if TYPE_CHECKING:
    from .ail_api import AilHost  # loads in AIL's interpreter only

#: Maximum number of domains or chats in a label. chosen: a placeholder page is seen on thousands.
LABEL_VALUES = 20
#: Maximum length of a label. chosen: the store keeps 4096 characters of all labels together.
LABEL_CHARACTERS = 1500
#: Label of an occurrence about which everything is written to AIL.
WRITTEN = "written"
#: Value of that label. A later version that writes something else uses another value.
WRITTEN_BY = "2"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was done with an object."""

    #: added: new to the store; updated: known, but seen somewhere new; known: everything was done before;
    #: skipped: the settings exclude it.
    status: str
    #: What it matches or resembles.
    found: tuple[Finding, ...] = ()


def process(
    engine: Correlator,
    obj: AilObject,
    host: "AilHost",
    publisher: Publisher,
    *,
    settings: Settings,
    seen: datetime | None = None,
) -> Outcome:
    """Store and link an object, and write what was found. Return what was done.

    `seen`: when it was seen, if the message says so. Raises CorruptImage and other ImageErrors if the picture
    cannot be used, FileNotThere if its file is missing or incomplete, StoreError, and OSError.
    """
    first = host.first_seen(obj)
    if seen is None and obj.type == "image":
        seen = first  # an image without a day in its message was not posted again
    about = host.about(obj)
    labels = occurrence_labels(about, first)
    unsafe = settings.unsafe_hash_only and about.unsafe
    before = stored(engine, [obj]).get(obj)
    if before is not None and _is_done(before, labels) and not unsafe:
        outcome = Outcome("known")
    else:
        path = host.path(obj)
        if path is None:
            raise CorruptImage(f"{obj.gid}: AIL has no path for this id")
        data = read_picture(obj, path, settings.max_bytes)
        if settings.skip_gif and data.startswith(b"GIF8"):
            return Outcome("skipped")
        result = engine.add(
            data, occurrence=obj.occurrence, labels=labels, seen=first or seen, hash_only=unsafe, name=obj.gid
        )
        found = stored_findings(engine, obj)
        publisher.write(obj, found)
        outcome = Outcome(result.status, found)
    engine.note(obj.id, occurrence=obj.occurrence, labels={**labels, WRITTEN: WRITTEN_BY}, seen=seen)
    if outcome.status == "known" and before and before.sighting.labels.get("item") != labels.get("item"):
        publisher.check(obj)  # crawled again, with the same result: the new item may get tags
    return outcome


def occurrence_labels(about: About, first: datetime | None = None) -> dict[str, str]:
    """Return the labels of an object's occurrence: where it was seen, on which crawled items, and since
    when.
    """
    date = first.astimezone(timezone.utc).strftime("%Y-%m-%d") if first else ""
    labels = {
        "domain": _joined(about.domains),
        "chat": _joined(about.chats),
        "item": _joined(about.items),
        "date": date,
    }
    return {name: text for name, text in labels.items() if text}


def _is_done(before: Seen, labels: Mapping[str, str]) -> bool:
    """Whether nothing is left to do. If the object was since seen on another domain or in another chat, that
    may have to be written now.
    """
    known = before.sighting.labels
    is_written = before.linked and known.get(WRITTEN) == WRITTEN_BY
    return is_written and all(known.get(name) == labels.get(name) for name in ("domain", "chat"))


def _joined(names: tuple[str, ...]) -> str:
    """Names separated by commas, as many whole ones as fit."""
    text = ",".join(names[:LABEL_VALUES])
    return text if len(text) <= LABEL_CHARACTERS else text[:LABEL_CHARACTERS].rpartition(",")[0]
