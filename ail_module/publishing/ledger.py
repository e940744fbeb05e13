"""What this module notes in the store about AIL: what it wrote about each object (ledger), so that it never
removes anything else, and which object represents a cluster (star).

The ledger has one bookmark for each object, `ail:wrote:<global id>`, in JSON. An entry is written before AIL
is changed, and again when AIL has everything (`settled`). A process that finds an unsettled entry finishes
it. Therefore everything that this module put into AIL is in the ledger, whenever a process is killed. `hold`
lets one process at a time change the entry of an object.

In the star of a cluster one object represents the cluster, and the others are correlated with it. Objects of
a cluster are never correlated with each other, because AIL cannot draw large cliques. The first process that
sets the bookmark `ail:star:<cluster id>` elects the representative. When clusters merge, the representative
of the cluster that keeps its id stays. When a representative left its cluster, another object takes its
place. Whenever a star changes, the objects of the cluster must be checked; the bookmark says how far that has
come, so it is done in small steps, and continued by another process after a crash.

A star also says which objects carry the tag of a match (`Told`): an analyst is told of a cluster once, and of
each pair of clusters that share a part once, however many copies follow.

Every function may raise StoreError, and CorruptRecord if a bookmark cannot be read.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from enum import Enum
from typing import Any

from douglas_quaid import Correlator, CorruptRecord, ImageId, UnknownVersion
from douglas_quaid.strict_json import from_object, parse_object, to_object

from ..objects import AilObject, BadObject

#: Start of the names of entries among the store's bookmarks.
PREFIX = "ail:wrote:"
#: Start of the names of locks.
LOCK = "ail:busy:"
#: Format of an entry. A reader refuses a higher one. Entries of version 1 had neither notes nor `known` and
#: `asks`, those of version 2 no tags of origins; they are read, and the next check settles them again.
VERSION = 3
#: Maximum number of pairs of clusters that one star remembers. chosen: a picture that shares parts with more
#: clusters is a template, and one more of them is no news.
MAX_TOLD = 100
#: Seconds after which a lock ends although its owner runs. chosen: a write takes milliseconds, but AIL's
#: servers may be slow.
HOLD_SECONDS = 30.0


class Kind(str, Enum):
    """Why a tag was written."""

    #: A match on another domain, or the same file at two places.
    MATCH = "match"
    #: A pair that a person should look at.
    REVIEW = "review"
    #: The object shows, or looks like, a picture of a collection.
    REFERENCE = "reference"


@dataclass(frozen=True, slots=True, order=True)
class Correlation:
    """A correlation in AIL."""

    #: The other object.
    other: AilObject
    #: Empty: `other` represents the object's own cluster. Otherwise an image that the object matches, and
    #: `other` represents that image's cluster; or one that it may match, and `other` shows that image.
    via: ImageId = ""


@dataclass(frozen=True, slots=True, order=True)
class Duplicate:
    """A row of AIL's duplicates, stored at both objects."""

    #: The other object, which has the same type.
    other: AilObject
    #: 100 * confidence, rounded.
    score: int


@dataclass(frozen=True, slots=True, order=True)
class Tag:
    """A tag in AIL."""

    #: As AIL shows it.
    name: str
    #: Why it was written.
    kind: Kind
    #: The image because of which it was written.
    about: ImageId
    #: Whether AIL had the tag when feedback was last read. Before that it may still be in AIL's queue.
    seen: bool = False


@dataclass(frozen=True, slots=True, order=True)
class Note:
    """A text on AIL's page of the object."""

    #: Plain text in lines.
    text: str


@dataclass(frozen=True, slots=True, order=True)
class OriginTag:
    """A tag of the object that its domain or its crawled item has in AIL, too."""

    #: AIL's global id of the domain or the item.
    origin: str
    #: The tag.
    name: str


#: Anything that is written to AIL about an object.
Line = Correlation | Duplicate | Tag | Note | OriginTag


@dataclass(frozen=True, slots=True)
class Lines:
    """Lines of one object, by their kind."""

    #: Correlations; the one with the representative of the object's own cluster comes first.
    correlations: tuple[Correlation, ...] = ()
    #: Rows of AIL's duplicates.
    duplicates: tuple[Duplicate, ...] = ()
    #: Tags.
    tags: tuple[Tag, ...] = ()
    #: At most one note.
    notes: tuple[Note, ...] = ()
    #: Tags that are passed on to where the object came from.
    origins: tuple[OriginTag, ...] = ()

    @classmethod
    def of(cls, lines: Iterable[Line]) -> "Lines":
        """Return these lines by their kind, each once."""
        each = tuple(dict.fromkeys(lines))
        return Lines(
            tuple(line for line in each if isinstance(line, Correlation)),
            tuple(line for line in each if isinstance(line, Duplicate)),
            tuple(line for line in each if isinstance(line, Tag)),
            tuple(line for line in each if isinstance(line, Note)),
            tuple(line for line in each if isinstance(line, OriginTag)),
        )

    @property
    def lines(self) -> tuple[Line, ...]:
        """Correlations, duplicates, tags, notes and tags of origins, in this order."""
        return (*self.correlations, *self.duplicates, *self.tags, *self.notes, *self.origins)


@dataclass(frozen=True, slots=True)
class Entry(Lines):
    """All that is written about one object."""

    #: Lines that are being removed. AIL may or may not have them.
    going: Lines = Lines()
    #: Whether AIL was given all of it. What somebody removes in AIL afterwards stays removed.
    settled: bool = True
    #: Tags by which analysts answered, and which were acted upon or were there before this module wrote.
    heard: tuple[str, ...] = ()
    #: Whether anything was ever written about the object. Passes look at such objects as long as they are in
    #: the store, because a judgement that is undone brings lines back.
    known: bool = False
    #: Whether the object is the one of a pair at which a review is asked: a search for it found one.
    asks: bool = False


def read_entry(engine: Correlator, obj: AilObject) -> Entry:
    """Return the entry of an object, which is empty if nothing is written about it.

    Raises CorruptRecord and UnknownVersion.
    """
    text = engine.bookmark(PREFIX + obj.gid)
    if text is None:
        return Entry()
    try:
        fields = parse_object(text)
        if (version := fields.pop("v")) > VERSION:
            raise UnknownVersion(
                f"the ledger entry of {obj.gid} was written by a newer douglas-quaid; update this one. "
                "Nothing was changed"
            )
        fields = _of_version_1(fields) if version == 1 else fields
        return from_object(Entry, _of_version_2(fields) if version <= 2 else fields)
    except (ValueError, KeyError, TypeError, BadObject) as error:
        raise CorruptRecord(f"the ledger entry of {obj.gid} cannot be read: {error}") from None


def _of_version_1(fields: dict[str, Any]) -> dict[str, Any]:
    asks = any(tag["kind"] == Kind.REVIEW.value for tag in fields["tags"])
    return fields | {"notes": [], "going": fields["going"] | {"notes": []}, "known": True, "asks": asks}


def _of_version_2(fields: dict[str, Any]) -> dict[str, Any]:
    return fields | {"origins": [], "going": fields["going"] | {"origins": []}}


def write_entry(engine: Correlator, obj: AilObject, entry: Entry) -> None:
    """Replace the entry of an object. Call it while holding the object."""
    text = json.dumps({"v": VERSION} | to_object(entry), separators=(",", ":"))
    engine.set_bookmark(PREFIX + obj.gid, None if entry == Entry() else text)


def written_objects(engine: Correlator) -> Iterator[AilObject]:
    """Yield every object that has an entry, each at least once, in no order."""
    return (obj for obj, _ in bookmarked(engine, PREFIX))


def bookmarked(engine: Correlator, prefix: str) -> Iterator[tuple[AilObject, str]]:
    """Yield each object whose global id follows this prefix in the name of a bookmark, and the bookmark's
    text. Another name is passed over, so that it does not end every pass.
    """
    for name, text in engine.bookmarks(prefix):
        with suppress(BadObject):
            yield AilObject.parse(name.removeprefix(prefix)), text


def claims(engine: Correlator, other: AilObject, line: Line, owner: AilObject) -> bool:
    """Return whether the entry of `other` holds the same correlation or duplicate with `owner`."""
    entry = read_entry(engine, other)
    if isinstance(line, Duplicate):
        return Duplicate(owner, line.score) in entry.duplicates
    return any(correlation.other == owner for correlation in entry.correlations)


def hold(engine: Correlator, obj: AilObject) -> AbstractContextManager[None]:
    """Let nobody else change the entry of an object until the block ends.

    Entering raises StoreTimeout if another process does not release it.
    """
    return engine.lock(LOCK + obj.gid, HOLD_SECONDS, wait=2 * HOLD_SECONDS)


#: Start of the names of stars among the store's bookmarks.
STAR = "ail:star:"


@dataclass(frozen=True, slots=True)
class Told:
    """An object that carries the tag of a match, so that others of its cluster need not."""

    #: The object, of the star's cluster.
    obj: AilObject
    #: The object's own image if it announces its cluster; otherwise an image of another cluster, with which
    #: the object shares a part.
    about: ImageId


@dataclass(frozen=True, slots=True)
class Star:
    """Who represents a cluster, and which objects are still to be checked for that."""

    #: The object with which the others are correlated.
    centre: AilObject
    #: Number of former cluster ids whose stars were taken over. If the cluster has more, it was merged since.
    former_ids: int = 0
    #: Last image whose objects were checked, "" before the first one; None if no check is due.
    checked: str | None = None
    #: Representatives of merged clusters, which are correlated with the centre first.
    former: tuple[AilObject, ...] = ()
    #: Objects that carry the tag of a match.
    told: tuple[Told, ...] = ()


def cluster_keys(engine: Correlator, ids: Sequence[ImageId]) -> list[str]:
    """Return the id of each image's cluster; of an image that is blank, not linked or not in the store, which
    matches nothing, its own id.
    """
    found = engine.cluster_names(ids) if ids else []
    return [names[0] if names else image_id for names, image_id in zip(found, ids, strict=True)]


def read_star(engine: Correlator, cluster: str) -> Star | None:
    """Return the star of a cluster; None if nobody was elected yet. Raises CorruptRecord."""
    text = engine.bookmark(STAR + cluster)
    if text is None:
        return None
    try:
        return from_object(Star, {"told": []} | parse_object(text))
    except (ValueError, BadObject) as error:
        raise CorruptRecord(f"the star of cluster {cluster} cannot be read: {error}") from None


def change_star(
    engine: Correlator, cluster: str, change: Callable[[Star | None], Star | None]
) -> Star | None:
    """Change the star of a cluster while nobody else does, and return it. None: there is none."""
    with engine.lock(f"{LOCK}{STAR}{cluster}", HOLD_SECONDS, wait=2 * HOLD_SECONDS):
        before = read_star(engine, cluster)
        after = change(before)
        if after != before:
            text = None if after is None else json.dumps(to_object(after), separators=(",", ":"))
            engine.set_bookmark(STAR + cluster, text)
        return after


def clusters_with_star(engine: Correlator) -> Iterator[str]:
    """Yield the id of every cluster that has a star, each at least once, in no order."""
    for name, _ in engine.bookmarks(STAR):
        yield name.removeprefix(STAR)


def elect(engine: Correlator, names: Sequence[str], propose: AilObject) -> Star:
    """Return the star of a cluster, and elect `propose`, one of its objects, if nobody represents it.

    `names`: the cluster's id, then its former ids.
    """
    cluster, former = names[0], names[1:]

    def is_sound(star: Star) -> bool:
        here = star.centre.id == propose.id or cluster_keys(engine, [star.centre.id]) == [cluster]
        return here and star.former_ids == len(former)

    def renew(star: Star | None) -> Star:
        if star is not None and is_sound(star):
            return star
        absorbed.extend((name, found) for name in former if (found := read_star(engine, name)))
        stars = [*([star] if star else []), *(found for _, found in absorbed)]
        centres = list(dict.fromkeys(obj for each in stars for obj in (each.centre, *each.former)))
        keys = cluster_keys(engine, [obj.id for obj in centres])
        centres = [obj for obj, key in zip(centres, keys, strict=True) if key == cluster] or [propose]
        told = tuple(dict.fromkeys(each for one in stars for each in one.told))[:MAX_TOLD]
        return Star(centres[0], len(former), "", tuple(centres[1:]), told)

    star = read_star(engine, cluster)
    if star is None or not is_sound(star):
        absorbed: list[tuple[str, Star]] = []
        star = change_star(engine, cluster, renew)
        for name, _ in absorbed:  # not before: a crash would leave correlations for which nobody looks
            change_star(engine, name, lambda _: None)
    assert star is not None
    return star


def told_of(engine: Correlator, cluster: str, star: Star | None) -> list[tuple[Told, str]]:
    """Return who of a cluster was told, with the cluster that it is about. Those that left do not count."""
    told = star.told if star else ()
    keys = cluster_keys(engine, [image_id for each in told for image_id in (each.obj.id, each.about)])
    pairs = zip(told, keys[::2], keys[1::2], strict=True)
    return [(each, about) for each, own, about in pairs if own == cluster]
