"""One object of AIL, from its name to what is written about it.

Takes an `AilObject`, asks AIL (`Host`) for its file and its places, asks the engine what it resembles, and
hands that to a `Writer`. What was done before is not done again: the label `written` of the object's
occurrence says that it was done to the end, so an object that a crash interrupted, or that a back-fill only
stored, is done from where it stands. Everything it does may be done twice.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Protocol

from douglas_quaid.engine import Engine
from douglas_quaid.errors import CorruptImage
from douglas_quaid.records import Cluster, Decision, Seen

from ..objects import AilObject, FileNotThere, read
from ..publishing.findings import Finding, objects_of, stored_findings
from ..publishing.ledger import Entry, Ledger
from ..publishing.publisher import Publisher, Written
from ..publishing.stars import Stars

if TYPE_CHECKING:
    from ..config import Settings

#: Most domains or chats that a label names. chosen: a placeholder page is seen on thousands.
LABEL_VALUES = 20
#: Longest label. chosen: the store keeps 4096 characters of all labels together.
LABEL_CHARACTERS = 1500
#: Images of a cluster that is looked through for such as were left out. chosen: as many as one search finds
#: and tells of.
MOST_TOLD = 50
#: Label of an occurrence about which everything is written to AIL.
WRITTEN = "written"
#: Value of that label. A later version that writes other things gives another one.
WRITTEN_BY = "1"


class Host(Protocol):
    """What is asked of AIL about an object."""

    def path(self, obj: AilObject) -> str | None:
        """Its file, there or not; None for an id that leads out of AIL's folder."""

    def domains(self, obj: AilObject) -> tuple[str, ...]:
        """Domains it was taken on, sorted."""

    def chats(self, obj: AilObject) -> tuple[str, ...]:
        """`<subtype>:<id>` of the chats it was posted in, sorted."""

    def is_unsafe(self, obj: AilObject) -> bool:
        """Whether AIL marks it, or a domain it was taken on, with one of its unsafe tags."""

    def first_seen(self, obj: AilObject) -> datetime | None:
        """Return the day on which AIL saw an object for the first time; None if it does not know."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an object."""

    obj: AilObject
    #: added: new to the store; updated: known, seen at a new place; known: all was done before; skipped: left
    #: alone by the settings.
    status: str
    found: tuple[Finding, ...] = ()
    written: Written | None = None


def process(
    engine: Engine,
    obj: AilObject,
    host: Host,
    publisher: Publisher,
    *,
    settings: Settings,
    seen: datetime | None = None,
) -> Outcome:
    """Store, link and write. `seen`: when the message says it was seen; now when not given.

    Raises ImageError for a picture that cannot be used, FileNotThere for a file that is missing or not whole,
    StoreError, OSError.
    """
    first = host.first_seen(obj)
    seen = seen or (
        first if obj.type == "image" else None
    )  # an image without a day in its message was not posted again
    labels = _labels(obj, host, first)
    unsafe = settings.unsafe_hash_only and host.is_unsafe(obj)
    before = _before(engine, obj)
    if before is not None and _is_done(before, labels) and not unsafe:
        engine.note(obj.id, occurrence=obj.occurrence, labels={**labels, WRITTEN: WRITTEN_BY}, seen=seen)
        return Outcome(obj, "known")
    data = _bytes(obj, host, settings)
    if settings.skip_gif and data.startswith(b"GIF8"):
        return Outcome(obj, "skipped")
    result = engine.add(
        data, occurrence=obj.occurrence, labels=labels, seen=first or seen, hash_only=unsafe, name=obj.gid
    )
    found = stored_findings(engine, obj)
    if any(finding.hit.decision is Decision.MATCH for finding in found):
        _catch_up(engine, obj, publisher, again=before is not None)
    written = publisher.write(obj, found)
    engine.note(obj.id, occurrence=obj.occurrence, labels={**labels, WRITTEN: WRITTEN_BY}, seen=seen)
    return Outcome(obj, result.status, found, written)


def _before(engine: Engine, obj: AilObject) -> Seen | None:
    """What the store had of it."""
    (places,) = engine.sightings([obj.occurrence])
    return next((seen for seen in places if seen.image_id == obj.id), None)


def _is_done(before: Seen, labels: Mapping[str, str]) -> bool:
    """Not when it was seen on another domain since: a pair that was of one domain then, and kept quiet about,
    is none now.
    """
    known = before.sighting.labels
    return before.linked and known.get(WRITTEN) == WRITTEN_BY and known.get("domain") == labels.get("domain")


def _catch_up(engine: Engine, obj: AilObject, publisher: Publisher, *, again: bool) -> None:
    """Write about objects of its cluster that were done when nothing matched them yet, and that nobody told
    since.

    Normally the second of a cluster tells the first. That second one may have died before, or be in work in
    another process, when a third one comes: the star has no representative yet, or this is the second one
    `again`. Few clusters, then small.
    """
    (cluster_id,) = engine.cluster_ids([obj.id])
    if cluster_id is None or (not again and Stars(engine).read(cluster_id) is not None):
        return
    cluster = engine.show(cluster_id)
    if not isinstance(cluster, Cluster) or not 2 < len(cluster.members) <= MOST_TOLD:
        return
    others = [other for member in cluster.members if member != obj.id for other in objects_of(member)]
    for other, places in zip(others, engine.sightings([other.occurrence for other in others]), strict=True):
        done = any(seen.image_id == other.id and WRITTEN in seen.sighting.labels for seen in places)
        if done and Ledger(engine).read(other.gid) == Entry():
            publisher.write(other, stored_findings(engine, other))


def _bytes(obj: AilObject, host: Host, settings: Settings) -> bytes:
    path = host.path(obj)
    if path is None:
        raise CorruptImage(f"{obj.gid}: AIL has no path for this id")
    data = read(path, settings.max_bytes)
    if hashlib.sha256(data).hexdigest() != obj.id:
        raise FileNotThere(
            f"{path}: its {len(data):,} bytes do not have the sha256 that its name says; it is being written, was cut short or changed"
        )
    return data


def _labels(obj: AilObject, host: Host, first: datetime | None) -> dict[str, str]:
    domains = host.domains(obj) if obj.type == "screenshot" else ()
    return place_labels(domains=domains, chats=host.chats(obj) if obj.type == "image" else (), first=first)


def place_labels(
    *, domains: tuple[str, ...] = (), chats: tuple[str, ...] = (), first: datetime | None = None
) -> dict[str, str]:
    """Labels of an object's occurrence; both in AIL's order, sorted."""
    date = first.astimezone(timezone.utc).strftime("%Y-%m-%d") if first else ""
    labels = {"domain": _joined(domains), "chat": _joined(chats), "date": date}
    return {name: text for name, text in labels.items() if text}


def _joined(names: tuple[str, ...]) -> str:
    """Separated by commas; whole names only."""
    text = ",".join(names[:LABEL_VALUES])
    return text if len(text) <= LABEL_CHARACTERS else text[:LABEL_CHARACTERS].rpartition(",")[0]
