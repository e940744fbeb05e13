"""Checks a whole store, and mends it: first all keys by name and type, then what spans images, then shard by
shard the images, their pairs and the columns.

Others work meanwhile, so a finding counts only if a second walk makes it too. Mending is a step on the server
that looks again (repair.lua, meta.lua), and can be repeated. What one step frees or reveals the next walk
finds, until nothing is left that can be mended.
"""

from collections.abc import Callable, Iterator

from ..errors import DouglasQuaidError, NotAllowed, StoreFull
from ..records import ImageId
from ..store import NewImage, Store
from ..store.values import IMAGE_ID
from .columns import against_records, columns_finding, read_columns, row_of
from .finding import NEWER, Finding, read
from .images import check_image, held, questions
from .keys import Inventory, check_keys
from .link_queue import check_link_queue
from .lists import check_lists, check_marks
from .meta import (
    check_calibration,
    check_clusters,
    check_counts,
    check_fields,
    check_head,
    check_homes,
    check_schema,
)
from .pairs import check_pairs

#: Images read in one round trip. chosen: 2 MB of records.
IMAGES_AT_ONCE = 256
#: Walks that mend, at most. chosen: twice what the longest chain of consequences takes.
ROUNDS = 12


def find_problems(store: Store) -> list[Finding]:
    """Return what is wrong with a store, each thing once, and what mends it."""
    first = {str(finding) for finding in _walk(store)}
    if not first:
        return []
    return list({str(one): one for one in _walk(store) if str(one) in first}.values())


def mend_store(store: Store, tell: Callable[[Finding], None], *, alone: bool = False) -> list[Finding]:
    """Mend what can be mended, `tell` each thing, and return what is left for a person.

    `alone`: nobody else works with the store, so that what one walk finds counts. Raises NotAllowed and
    StoreFull where nothing can be written, and StoreError.
    """
    seen = set() if alone else {str(finding) for finding in _walk(store)}
    for _ in range(ROUNDS):
        if not seen and not alone:
            return []
        found, mended = dict[str, Finding](), 0
        for finding in _walk(store):
            found[str(finding)] = finding
            if finding.mend is not None and (alone or str(finding) in seen):
                try:
                    finding.mend()
                except (NotAllowed, StoreFull):
                    raise
                except DouglasQuaidError:  # something else has to be mended first
                    continue
                tell(finding)
                mended += 1
        left = [one for name, one in found.items() if one.mend is None and (alone or name in seen)]
        if not mended and len(left) == len(found):
            return left
        seen = set(found)
    return find_problems(store)


def _walk(store: Store) -> Iterator[Finding]:
    inventory = Inventory()
    if (schema := check_schema(store)) is not None:
        yield schema
        if schema.mend is None:
            return
    yield from check_head(store)
    yield from check_keys(store, inventory)
    yield from check_fields(store)
    yield from check_calibration(store)
    yield from check_lists(store, inventory)
    yield from check_marks(store)
    yield from check_clusters(store, inventory)
    for tag in sorted(inventory.shards):
        yield from check_counts(store, tag)
        yield from _check_shard(store, tag, inventory)
        yield from check_link_queue(store, tag)


def _check_shard(store: Store, tag: str, inventory: Inventory) -> Iterator[Finding]:
    columns = read_columns(store, tag)
    lookups, findings = held(store, tag, inventory.sets[tag])
    yield from findings
    ids = lookups.listed | {i for kind in (lookups.where, lookups.pixels, lookups.sets) for i in kind}
    known = sorted(image_id for image_id in ids if IMAGE_ID.fullmatch(image_id) and image_id[0] == tag)
    entries, newer = dict[ImageId, tuple[bytes, bytes]](), False
    for at in range(0, len(known), IMAGES_AT_ONCE):
        some = known[at : at + IMAGES_AT_ONCE]
        answers = read(store, [command for image_id in some for command in questions(image_id)])
        linked = []
        for number, image_id in enumerate(some):
            own = answers[4 * number : 4 * number + 4]
            for found in check_image(store, image_id, own, lookups):
                if isinstance(found, NewImage):
                    row = (own[0] or {}).get(b"row:%d" % columns.generation, b"")
                    entries[image_id] = row, row_of(found)
                    if found.informative and b"linked" in own[0]:
                        linked.append(image_id)
                else:
                    newer = newer or found.remedy == NEWER
                    yield found
        yield from check_homes(store, linked)
        yield from check_pairs(store, some)
    if newer:  # columns that are built anew would lack the rows of records that only a newer program reads
        return
    problems = against_records(columns, entries)
    newest = max(inventory.generations[tag], default=0)
    yield from columns_finding(store, tag, columns, problems, newest)
