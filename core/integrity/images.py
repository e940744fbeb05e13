"""The images of one shard: their records and times, where they were seen, and which collections hold them.

Two or three keys say the same of a sighting and of a membership. What two of them say counts; what is missing
in one is built from the others, and what only one says of three is removed.
"""

import hashlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import CorruptRecord, FormatError
from ..index.new_image import new_image
from ..records import ImageId
from ..search.references import read_record
from ..store import NewImage, Store, values
from ..store.images import scored
from ..store.keys import Command, as_text, key, on_image, on_meta, on_shard
from .finding import ADD_AGAIN, NEWER, Finding, asking, read, repair


@dataclass(frozen=True, slots=True, eq=False)
class Held:
    """What the lookups of a shard hold, by image."""

    #: Occurrences that `where` has for an image.
    where: Mapping[ImageId, set[bytes]]
    #: Digests under which `pixels` has an image.
    pixels: Mapping[ImageId, set[bytes]]
    #: Collections whose set has an image.
    sets: Mapping[ImageId, set[bytes]]
    #: Names of the collections that were created.
    collections: frozenset[bytes]
    #: Images in the list of the shard.
    listed: frozenset[ImageId]


def held(store: Store, tag: str, sets: set[str]) -> tuple[Held, list[Finding]]:
    """Return what the lookups of a shard hold, and what of it names no image."""
    findings = list[Finding]()
    by_image: dict[str, dict[ImageId, set[bytes]]] = {}
    for name in ("where", "pixels"):
        by_image[name] = {}
        for field, value in _fields(store, tag, name):
            ids, fitting = [], True
            for at in range(0, max(len(value), 1), values.ID_CHARACTERS):
                text = as_text(value[at : at + values.ID_CHARACTERS])
                good = bool(values.IMAGE_ID.fullmatch(text)) and text[0] == tag and text not in ids
                ids += [text] if good else []
                fitting = fitting and good
            if not fitting:
                mend = repair(store, tag, "field", name, field, value, "".join(ids))
                remedy = "the ids that can be read are kept, others come from the images"
                findings.append(
                    Finding(f"{key(tag, name)}, {field!r:.200}", "not a list of ids", remedy, mend)
                )
            for image_id in ids:
                by_image[name].setdefault(image_id, set()).add(field)
    members: dict[ImageId, set[bytes]] = {}
    names = sorted(sets)
    found = read(store, [on_shard(tag, "SMEMBERS", f"set:{name}") for name in names])
    for name, some in zip(names, found, strict=True):
        field = name.encode("utf-8", "surrogateescape")
        for member in some or ():
            text = as_text(member)
            if values.IMAGE_ID.fullmatch(text) and text[0] == tag:
                members.setdefault(text, set()).add(field)
                continue
            mend = asking(store, Command(tag, "SREM", key(tag, "set:").encode() + field, member))
            place = f"{key(tag, f'set:{name}')!r:.200}, {text!r:.100}"
            findings.append(Finding(place, "not the id of an image of this shard", "it is removed", mend))
    created = read(store, [on_meta("HKEYS", "collections")])[0] or ()
    listed = frozenset(map(as_text, read(store, [on_shard(tag, "ZRANGE", "ids", 0, -1)])[0] or ()))
    return Held(by_image["where"], by_image["pixels"], members, frozenset(created), listed), findings


def _fields(store: Store, tag: str, name: str) -> Iterator[tuple[bytes, bytes]]:
    try:
        yield from store.connection.scan(tag, name, "")
    except CorruptRecord:
        return  # of another type, which the walk through all keys finds


def check_image(
    store: Store, image_id: ImageId, answers: Sequence[Any], lookups: Held
) -> Iterator[Finding | NewImage]:
    """Yield what is wrong with an image; and the image as it should be stored, if its record can be read.

    `answers` are those to `questions`. An id that only one lookup has does not count as an image.
    """
    fields, occurrences, _, memberships = (answer or {} for answer in answers)
    tag, image = image_id[0], key(image_id[0], f"img:{image_id}")
    scores = dict(scored(answers[2] or ()))
    record = fields.get(b"record")
    known = bool(fields or occurrences or memberships or scores)
    if not known and image_id not in lookups.listed:
        yield from _listed_elsewhere(store, image_id, lookups.pixels.get(image_id, set()))
    elif not known and not any(image_id in kind for kind in (lookups.where, lookups.pixels, lookups.sets)):
        mend = asking(store, on_shard(tag, "ZREM", "ids", image_id))
        yield Finding(f"{key(tag, 'ids')}, {image_id}", "nothing else is known of it", "it is removed", mend)
    elif not fields:
        mend = repair(store, tag, "keep", image_id, int(time.time()))
        yield Finding(image, "it is gone", "what else is known is kept; " + ADD_AGAIN.format(image_id), mend)
        return
    elif record is None:
        if b"digest" in fields:
            mend = repair(store, tag, "strip", image_id, "")
            yield Finding(f"{image}, digest", "it has no record", "it is removed", mend)
        yield from _listed_elsewhere(store, image_id, lookups.pixels.get(image_id, set()))
        yield Finding(f"{image}, record", "it is gone", ADD_AGAIN.format(image_id))
    else:
        yield from _recorded(store, image_id, record, fields.get(b"digest"), lookups)
    if fields:
        yield from _times(store, image_id, fields, occurrences, scores)
    for name in sorted({*occurrences, *scores, *lookups.where.get(image_id, ())}):
        value, score = occurrences.get(name), scores.get(name)
        yield from _sighting(store, image_id, name, value, score, name in lookups.where.get(image_id, ()))
    for name in sorted({*memberships, *lookups.sets.get(image_id, ())}):
        yield from _membership(store, image_id, name, memberships.get(name), lookups, known=known)


def questions(image_id: ImageId) -> list[Command]:
    """Return the commands whose answers `check_image` needs."""
    return [
        on_image("HGETALL", "img", image_id),
        on_image("HGETALL", "occ", image_id),
        on_image("ZRANGE", "seen", image_id, 0, -1, "WITHSCORES"),
        on_image("HGETALL", "mem", image_id),
    ]


def _recorded(
    store: Store,
    image_id: ImageId,
    record: bytes,
    digest: bytes | None,
    lookups: Held,
) -> Iterator[Finding | NewImage]:
    tag, image = image_id[0], key(image_id[0], f"img:{image_id}")
    try:
        entry = new_image(read_record(image_id, record))
    except CorruptRecord as error:
        mend = repair(store, tag, "strip", image_id, hashlib.sha1(record).hexdigest())
        remedy = "it is removed and all else is kept; " + ADD_AGAIN.format(image_id)
        yield Finding(f"{image}, record", str(error), remedy, mend)
        return
    except FormatError as error:
        yield Finding(f"{image}, record", str(error), NEWER)
        return
    listed = lookups.pixels.get(image_id, set())
    if digest != entry.pixel_digest or entry.pixel_digest not in listed:
        mend = repair(store, tag, "pixels", image_id, entry.pixel_digest, digest or b"")
        yield Finding(
            f"{image}, digest",
            "not that of its record, or not listed",
            "it is listed as its record says",
            mend,
        )
    yield from _listed_elsewhere(store, image_id, listed - {entry.pixel_digest})
    yield entry


def _listed_elsewhere(store: Store, image_id: ImageId, digests: set[bytes]) -> Iterator[Finding]:
    """Digests under which an image is listed, and whose pixels it does not have."""
    for digest in sorted(digests):
        mend = _unlisted(store, image_id[0], "pixels", digest, image_id)
        place = f"{key(image_id[0], 'pixels')}, {digest.hex()}"
        yield Finding(place, f"it lists {image_id}", "it is taken out", mend)


def _unlisted(store: Store, tag: str, name: str, field: bytes, image_id: ImageId) -> Callable[[], object]:
    """Take an id out of a list, if it still is there."""

    def run() -> object:
        value = store.connection.ask(on_shard(tag, "HGET", name, field)) or b""
        size = values.ID_CHARACTERS
        ids = [value[at : at + size] for at in range(0, len(value), size)]
        left = b"".join(other for other in ids if other != image_id.encode())
        return repair(store, tag, "field", name, field, value, left)()

    return run


def _times(
    store: Store,
    image_id: ImageId,
    fields: dict[bytes, bytes],
    occurrences: dict[bytes, bytes],
    scores: dict[bytes, float],
) -> Iterator[Finding]:
    """The first and the last time an image was seen, when it was linked, and the numbers of its rows."""
    tag, image = image_id[0], key(image_id[0], f"img:{image_id}")
    starts = [
        int(text) for text in (value.partition(b" ")[0] for value in occurrences.values()) if _is_time(text)
    ]
    ends = [int(score) for score in scores.values() if 0 <= score <= values.LATEST]
    first, last = fields.get(b"first"), fields.get(b"last")
    known = [int(text) for text in (first, last) if text is not None and _is_time(text)]
    earliest = min([*starts, *known], default=int(time.time()))
    latest = max([*ends, *known], default=earliest)
    for name, found, right, fits in (
        ("first", first, earliest, _is_time(first) and int(first or 0) <= earliest),
        ("last", last, latest, _is_time(last) and int(last or 0) >= latest),
    ):
        if not fits:
            mend = repair(store, tag, "field", f"img:{image_id}", name, found or b"", right)
            remedy = "the times of its occurrences count"
            yield Finding(f"{image}, {name}", f"{found!r:.80} is not the {name} time", remedy, mend)
    if b"linked" in fields and not _is_time(fields[b"linked"]):
        mend = repair(store, tag, "field", f"img:{image_id}", "linked", fields[b"linked"], latest)
        yield Finding(f"{image}, linked", "not a time", "the last time it was seen counts", mend)
    for name in ("renewed", "rejudged"):
        value = fields.get(name.encode())
        if value is not None and not _fits(values.seconds, value):
            mend = repair(store, tag, "field", f"img:{image_id}", name, value, repr(time.time()))
            yield Finding(f"{image}, {name}", "not a time in seconds", "its verdicts are judged again", mend)


def _fits(reader: Callable[[str, bytes], object], value: bytes) -> bool:
    """Whether a checked reader takes a value."""
    try:
        reader("", value)
    except CorruptRecord:
        return False
    return True


def _is_time(text: bytes | None) -> bool:
    return text is not None and _fits(values.moment, text)


def _sighting(
    store: Store, image_id: ImageId, name: bytes, value: bytes | None, score: float | None, listed: bool
) -> Iterator[Finding]:
    """An occurrence of an image, which three keys name."""
    tag = image_id[0]
    place = f"{key(tag, f'occ:{image_id}')}, {as_text(name)!r:.200}"
    old, labels, start = value or b"", b"{}", None
    problem = ""
    try:
        values.occurrence(place, name)
        if value is not None:
            text, _, written = value.partition(b" ")
            start = int(text) if _is_time(text) else None
            problem = "" if start is not None else f"the time {text!r:.80} cannot be read"
            values.labels(place, written)
            labels = written
    except CorruptRecord as error:
        problem = str(error)
    end = int(score) if score is not None and 0 <= score <= values.LATEST and score == int(score) else None
    named = (value is not None) + (score is not None) + listed
    if named < 2 or not name or (problem and "expected HOST:KIND:ID" in problem):
        mend = repair(store, tag, "sighting", image_id, name, old, b"", 0)
        said = f"; it said {value!r:.200}" if value else ""
        yield Finding(place, "only one of three keys names it", f"it is removed{said}", mend)
        return
    times = [moment for moment in (start, end) if moment is not None]
    if named == 3 and not problem and len(times) == 2 and times[0] <= times[1]:
        return
    first, last = (min(times), max(times)) if times else (int(time.time()),) * 2
    mend = repair(store, tag, "sighting", image_id, name, old, f"{first} ".encode() + labels, last)
    lost = (
        f"; labels that are lost: {value!r:.200}"
        if value and labels == b"{}" != value.partition(b" ")[2]
        else ""
    )
    yield Finding(place, problem or "its keys differ", f"it is built from the others{lost}", mend)


def _membership(
    store: Store, image_id: ImageId, name: bytes, value: bytes | None, lookups: Held, *, known: bool
) -> Iterator[Finding]:
    """An image in a collection, which two keys name; a third says that the collection was created."""
    tag, listed = image_id[0], name in lookups.sets.get(image_id, ())
    place = f"{key(tag, f'mem:{image_id}')}, {as_text(name)!r:.200}"
    if name not in lookups.collections or not known:
        if value is not None and listed:
            collection = as_text(name)
            yield Finding(
                f"collection {collection!r:.200}",
                "it has members and was never created, or its purpose is lost",
                f"quaid collection create {collection} --purpose known, baseline or ignore",
            )
            return
        mend = repair(store, tag, "membership", image_id, name, value or b"", b"")
        yield Finding(
            place,
            "there is no such collection, or no such image",
            f"it is removed; it said {value!r:.200}",
            mend,
        )
        return
    labels = b"{}" if value is None else value
    problem = "" if value is not None and listed else "its keys differ"
    try:
        values.labels(place, labels)
    except CorruptRecord as error:
        labels, problem = b"{}", str(error)
    if problem:
        mend = repair(store, tag, "membership", image_id, name, value or b"", labels)
        lost = f"; labels that are lost: {value!r:.200}" if value and labels != value else ""
        yield Finding(place, problem, f"it is built from the others{lost}", mend)
