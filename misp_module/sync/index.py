"""Fetches the files that are needed, a few at a time, and brings each attribute into the engine on several
threads meanwhile: is its image there already, add it, or remove its occurrence.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass

from douglas_quaid import (
    Cluster,
    Correlator,
    CorruptImage,
    FormatError,
    ImageError,
    ImageId,
    ImageTooLarge,
    NotFound,
    Seen,
    StoreError,
    UnsupportedImage,
)
from douglas_quaid.batches import in_groups, in_parallel
from douglas_quaid.decoding.headers import read_header

from ..attachment import decode_attachment, unpack_sample
from ..text import clean
from .attribute import Attribute, Filters, Outcome, Status
from .client import Client, MispAway

#: Labels that `--no-names` leaves out.
NAMES = ("filename", "info")
#: Label of an occurrence: the collection that `--into` filled from it.
FILLED = "collection"
#: Bytes that tell the type of a file. chosen: one step of Python's ZIP reader; the first 32 are
#: enough.
HEAD = 4096
#: Labels that name a legitimate page; `page` is for example "sign-in page".
PAGE_KEYS = ("brand", "domain", "page")

_TAG = re.compile(r'douglas-quaid:(\w+)="?([^"]*)"?', re.IGNORECASE)
_PAIR = re.compile(
    r"""(?:^|[\s,;(])(brand|domain|page)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s,;]+))""", re.IGNORECASE
)


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexOptions:
    """How images are stored."""

    #: Base URL of the MISP, kept as the label `misp`.
    misp: str
    #: Collection to fill.
    into: str | None = None
    #: Whether file names and event titles are kept as labels.
    names: bool = True
    #: Whether matches are searched for at once.
    link: bool = True
    #: Whether nothing is written.
    dry_run: bool = False


class Indexer:
    """Brings attributes of one MISP into one engine. Several threads may call `index`."""

    def __init__(self, engine: Correlator, options: IndexOptions) -> None:
        """Index into `engine` as the options say."""
        self._engine = engine
        self._options = options

    def known(self, attributes: Sequence[Attribute]) -> list[Outcome | None]:
        """Return the outcome of each attribute that can be told without its file; None where the file is
        needed.

        Removes the occurrences of deleted attributes, and links images that are stored but not linked. Raises
        StoreError.
        """
        places = self._engine.sightings([attribute.occurrence for attribute in attributes])
        return [self._known(attribute, seen) for attribute, seen in zip(attributes, places, strict=True)]

    def _known(self, attribute: Attribute, places: Sequence[Seen]) -> Outcome | None:
        if attribute.deleted:
            return self._withdrawn(attribute) if places else Outcome.of(attribute, Status.GONE)
        try:
            return self._stored(attribute, places)
        except NotFound:  # an image that was forgotten meanwhile is added again
            return None

    def _stored(self, attribute: Attribute, places: Sequence[Seen]) -> Outcome | None:
        """The outcome if the store holds this state of the attribute, else None. Raises NotFound."""
        current = [seen for seen in places if self._is_current(attribute, seen)]
        if len(current) != 1:
            return None
        (seen,) = current
        if not self._options.dry_run:
            if self._options.link and not seen.linked:
                self._engine.link(seen.image_id)
            if len(places) > 1:  # an earlier pass ended between adding the new image and removing the old one
                withdraw(self._engine, attribute.occurrence, keep=seen.image_id)
        return Outcome.of(attribute, Status.KNOWN, image_id=seen.image_id)

    def _is_current(self, attribute: Attribute, seen: Seen) -> bool:
        labels = seen.sighting.labels
        if labels.get("timestamp") != str(attribute.timestamp) or (
            not self._options.names and any(name in labels for name in NAMES)
        ):
            return False
        if self._options.into is None:
            return True
        found = self._engine.show(seen.image_id)
        return not isinstance(found, Cluster) and any(
            member.name == self._options.into and dict(member.labels) == membership_labels(attribute)
            for member in found.memberships
        )

    def index(self, attribute: Attribute) -> Outcome:
        """Add the picture of the attribute, and return what became of it.

        A file that cannot be used is an outcome, not an error. Raises StoreError, FormatError.
        """
        if not attribute.data:
            return Outcome.of(
                attribute,
                Status.WAITING,
                reason="MISP has no file for it; restore it on the MISP server, or delete the attribute",
            )
        try:
            data = picture_bytes(attribute, max_bytes=self._engine.config.max_bytes)
            status, image_id = self._add(attribute, data)
            withdraw(self._engine, attribute.occurrence, keep=image_id)
            return Outcome.of(attribute, status, image_id=image_id)
        except ImageError as error:
            withdraw(self._engine, attribute.occurrence)
            return Outcome.of(
                attribute,
                Status.SKIPPED if isinstance(error, UnsupportedImage) else Status.FAILED,
                reason=clean(str(error).removeprefix(f"{attribute.occurrence}: ")),
            )

    def _add(self, attribute: Attribute, data: bytes) -> tuple[Status, str]:
        options = self._options
        first = None
        if options.into is not None:  # before linking, which judges members of a baseline in another way
            first = self._engine.add(
                data,
                collection=options.into,
                labels=membership_labels(attribute),
                link=False,
                name=attribute.occurrence,
            )
        labels = {"event": attribute.event, "timestamp": str(attribute.timestamp), "misp": options.misp}
        filled = options.into or filled_by(self._engine, attribute.occurrence)
        labels |= {FILLED: filled} if filled else {}
        if options.names:
            labels |= {"filename": clean(attribute.filename), "info": clean(attribute.info)}
        added = self._engine.add(
            data,
            occurrence=attribute.occurrence,
            labels=labels,
            seen=attribute.seen,
            link=options.link,
            name=attribute.occurrence,
        )
        status = added.status if first is None or first.status == "known" else first.status
        return Status(status), added.image_id

    def _withdrawn(self, attribute: Attribute) -> Outcome:
        if self._options.dry_run:
            return Outcome.of(attribute, Status.WOULD_WITHDRAW)
        image_id = withdraw(self._engine, attribute.occurrence)
        return Outcome.of(attribute, Status.WITHDRAWN, image_id=image_id)


def membership_labels(attribute: Attribute) -> dict[str, str]:
    """Return the PAGE_KEYS that the attribute states.

    They are read from its tags, such as `douglas-quaid:brand="Example Bank"`, else from its comment, such as
    `brand="Example Bank" domain=bank.example`, else from the tags of its event.
    """
    in_comment = {
        key.lower(): next(filter(None, values), "")
        for key, *values in _PAIR.findall(attribute.comment[:10_000])
    }
    labels = _of_tags(attribute.event_tags) | in_comment | _of_tags(attribute.tags)
    return {key: clean(labels[key]) for key in PAGE_KEYS if labels.get(key)}


def _of_tags(tags: Iterable[str]) -> dict[str, str]:
    return {match[1].lower(): match[2] for tag in tags if (match := _TAG.fullmatch(tag))}


def filled_by(engine: Correlator, occurrence: str) -> str | None:
    """Return the collection that was filled from this occurrence, if any. Raises StoreError."""
    (places,) = engine.sightings([occurrence])
    return next((seen.sighting.labels[FILLED] for seen in places if FILLED in seen.sighting.labels), None)


def withdraw(engine: Correlator, occurrence: str, *, keep: ImageId | None = None) -> ImageId | None:
    """Remove all images but `keep` from this occurrence, and return one of those removed, if any.

    An image without another occurrence leaves the collection that was filled from this one. Raises
    StoreError.
    """
    withdrawn = engine.withdraw(occurrence, keep=keep, collection=filled_by(engine, occurrence))
    return withdrawn[0].image_id if withdrawn else None


def picture_bytes(attribute: Attribute, *, max_bytes: int) -> bytes:
    """Return the bytes of the attribute's picture.

    Most malware samples are not pictures, and decrypting one takes a second per megabyte. So the first bytes
    are checked before the rest is decrypted.

    Raises UnsupportedImage when the file is not a picture, CorruptImage when it cannot be unpacked,
    EmptyImage without data, ImageTooLarge above `max_bytes`.
    """
    try:
        data = decode_attachment(attribute.data or "", max_bytes=max_bytes)
        if attribute.type == "malware-sample":
            _require_picture(unpack_sample(data, max_bytes=max_bytes, only_first=HEAD))
            data = unpack_sample(data, max_bytes=max_bytes)
    except ImageTooLarge:
        raise ImageTooLarge(
            f"more than the limit of {max_bytes:,} bytes; raise DOUGLAS_QUAID_MAX_BYTES to accept it"
        ) from None
    _require_picture(data)
    return data


def _require_picture(head: bytes) -> None:
    """Raise UnsupportedImage unless the file begins like a picture."""
    with suppress(CorruptImage):  # it begins like a picture; the decoder reports what is wrong with it
        read_header(head)


#: Files in one request. chosen: MISP builds the response in memory, a third larger than the files.
FILES_PER_REQUEST = 8
#: Attributes in a row that have to wait, after which MISP and the store are checked. chosen.
WAITING_BEFORE_CHECK = 3


def fetch(
    client: Client,
    filters: Filters,
    indexer: Indexer,
    attributes: Iterable[str],
    *,
    workers: int,
    check: Callable[[], object],
) -> Iterator[Outcome]:
    """Return one outcome for each attribute (UUID), in their order.

    After several attributes in a row that have to wait, `check` is called; it raises when MISP or the store
    is away, which ends the pass with that error.
    """

    def index(item: Attribute | Outcome) -> Outcome:
        if isinstance(item, Outcome):
            return item
        try:
            return indexer.index(item)
        except (StoreError, FormatError) as error:
            return Outcome.of(item, Status.WAITING, reason=str(error))

    waiting = 0
    with closing(in_parallel(index, _files(client, filters, attributes), workers)) as outcomes:
        for outcome in outcomes:
            waiting = waiting + 1 if outcome.status is Status.WAITING else 0
            if waiting and waiting % WAITING_BEFORE_CHECK == 0:
                check()
            yield outcome


def _files(client: Client, filters: Filters, attributes: Iterable[str]) -> Iterator[Attribute | Outcome]:
    """Attributes with their files, and the outcomes of those that do not come."""
    for group in in_groups(attributes, FILES_PER_REQUEST):
        try:
            rows = {row.uuid: row for row in client.files(group)}
        except MispAway as error:
            if len(group) == 1:
                yield Outcome(attribute=group[0], status=Status.WAITING, reason=str(error))
            else:
                for one in group:
                    yield from _files(client, filters, [one])
            continue
        for attribute in group:
            row = rows.get(attribute)
            if row is None or row.deleted:  # deleted after it was listed; the next pass removes it
                yield Outcome(attribute=attribute, status=Status.GONE)
            else:
                yield row if filters.passes(row) else Outcome.of(row, Status.FILTERED)
