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
place. Either way the other objects must be checked; the bookmark says how far that has come, so it is done in
small steps, and continued by another process after a crash. If two processes change a star at the same
moment, the next check corrects what is outdated.

Every function may raise StoreError, and CorruptRecord if a bookmark cannot be read.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from enum import Enum

from douglas_quaid import CorruptRecord, Engine, ImageId, UnknownVersion
from douglas_quaid.strict_json import from_object, parse_object, to_object

from ..objects import AilObject, BadObject

#: Start of the names of entries among the store's bookmarks.
PREFIX = "ail:wrote:"
#: Start of the names of locks.
LOCK = "ail:busy:"
#: Format of an entry. A reader refuses a higher one.
VERSION = 1
#: Seconds after which a lock ends although its owner runs. chosen: a write takes milliseconds, but AIL's
#: servers may be slow.
HOLD_SECONDS = 30.0


class Kind(str, Enum):
    """Why a tag was written."""

    #: A match on another domain.
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
    #: `other` represents that image's cluster.
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


#: Anything that is written to AIL about an object.
Line = Correlation | Duplicate | Tag


@dataclass(frozen=True, slots=True)
class Lines:
    """Lines of one object, by their kind."""

    #: Correlations; the one with the representative of the object's own cluster comes first.
    correlations: tuple[Correlation, ...] = ()
    #: Rows of AIL's duplicates.
    duplicates: tuple[Duplicate, ...] = ()
    #: Tags.
    tags: tuple[Tag, ...] = ()

    @classmethod
    def of(cls, lines: Iterable[Line]) -> "Lines":
        """Return these lines by their kind, each once."""
        each = tuple(dict.fromkeys(lines))
        return Lines(
            tuple(line for line in each if isinstance(line, Correlation)),
            tuple(line for line in each if isinstance(line, Duplicate)),
            tuple(line for line in each if isinstance(line, Tag)),
        )

    @property
    def lines(self) -> tuple[Line, ...]:
        """Correlations, duplicates and tags, in this order."""
        return (*self.correlations, *self.duplicates, *self.tags)


@dataclass(frozen=True, slots=True)
class Entry(Lines):
    """All that is written about one object."""

    #: Lines that are being removed. AIL may or may not have them.
    going: Lines = Lines()
    #: Whether AIL was given all of it. What somebody removes in AIL afterwards stays removed.
    settled: bool = True
    #: Tags by which analysts answered, and which were acted upon or were there before this module wrote.
    heard: tuple[str, ...] = ()


def read_entry(engine: Engine, obj: AilObject) -> Entry:
    """Return the entry of an object, which is empty if nothing is written about it.

    Raises CorruptRecord and UnknownVersion.
    """
    text = engine.bookmark(PREFIX + obj.gid)
    if text is None:
        return Entry()
    try:
        fields = parse_object(text)
        if fields.pop("v") > VERSION:
            raise UnknownVersion(
                f"the ledger entry of {obj.gid} was written by a newer douglas-quaid; update this one. "
                "Nothing was changed"
            )
        return from_object(Entry, fields)
    except (ValueError, KeyError, TypeError, BadObject) as error:
        raise CorruptRecord(f"the ledger entry of {obj.gid} cannot be read: {error}") from None


def write_entry(engine: Engine, obj: AilObject, entry: Entry) -> None:
    """Replace the entry of an object. Call it while holding the object."""
    text = json.dumps({"v": VERSION} | to_object(entry), separators=(",", ":"))
    engine.set_bookmark(PREFIX + obj.gid, None if entry == Entry() else text)


def written_objects(engine: Engine) -> Iterator[AilObject]:
    """Yield every object that has an entry, each at least once, in no order."""
    for name, _ in engine.bookmarks(PREFIX):
        yield AilObject.parse(name.removeprefix(PREFIX))


def claims(engine: Engine, other: AilObject, line: Line, owner: AilObject) -> bool:
    """Return whether the entry of `other` holds the same correlation or duplicate with `owner`."""
    entry = read_entry(engine, other)
    if isinstance(line, Duplicate):
        return Duplicate(owner, line.score) in entry.duplicates
    return any(correlation.other == owner for correlation in entry.correlations)


def hold(engine: Engine, obj: AilObject) -> AbstractContextManager[None]:
    """Let nobody else change the entry of an object until the block ends.

    Entering raises StoreTimeout if another process does not release it.
    """
    return engine.lock(LOCK + obj.gid, HOLD_SECONDS, wait=2 * HOLD_SECONDS)


#: Start of the names of stars among the store's bookmarks.
STAR = "ail:star:"


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


def read_star(engine: Engine, cluster_id: str) -> Star | None:
    """Return the star of a cluster; None if nobody was elected yet. Raises CorruptRecord."""
    text = engine.bookmark(STAR + cluster_id)
    if text is None:
        return None
    try:
        return from_object(Star, parse_object(text))
    except (ValueError, BadObject) as error:
        raise CorruptRecord(f"the star of cluster {cluster_id} cannot be read: {error}") from None


def write_star(engine: Engine, cluster_id: str, star: Star | None, *, unless_there: bool = False) -> None:
    """Replace the star of a cluster; None removes it. `unless_there`: only if it has none."""
    text = None if star is None else json.dumps(to_object(star), separators=(",", ":"))
    engine.set_bookmark(STAR + cluster_id, text, unless_there=unless_there)


def clusters_with_star(engine: Engine) -> Iterator[str]:
    """Yield the id of every cluster that has a star, each at least once, in no order."""
    for name, _ in engine.bookmarks(STAR):
        yield name.removeprefix(STAR)


def elect(engine: Engine, names: Sequence[str], propose: AilObject) -> AilObject:
    """Return the representative of a cluster, and elect `propose`, one of its objects, if it has none.

    `names`: the cluster's id, then its former ids.
    """
    cluster_id, former = names[0], names[1:]
    star = read_star(engine, cluster_id)
    if star is None:
        inherited = next((found.centre for name in former if (found := read_star(engine, name))), propose)
        write_star(engine, cluster_id, Star(inherited), unless_there=True)
        star = read_star(engine, cluster_id) or Star(propose)
    if len(former) != star.former_ids:
        star = _merge(engine, cluster_id, former, star)
    if star.centre.id != propose.id and engine.cluster_ids([star.centre.id]) != [cluster_id]:
        star = replace(star, centre=propose, checked="")
        write_star(engine, cluster_id, star)
    return star.centre


def _merge(engine: Engine, cluster_id: str, former: Sequence[str], star: Star) -> Star:
    """Take over the stars of former clusters.

    The star is written before theirs are removed: otherwise a crash would leave correlations for which
    nobody looks.
    """
    absorbed = {name: found for name in former if (found := read_star(engine, name))}
    centres = dict.fromkeys([*star.former, *(found.centre for found in absorbed.values())])
    star = replace(
        star,
        former_ids=len(former),
        checked="" if absorbed else star.checked,
        former=tuple(obj for obj in centres if obj != star.centre),
    )
    write_star(engine, cluster_id, star)
    for name in absorbed:
        write_star(engine, name, None)
    return star
