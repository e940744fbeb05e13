"""The columns of one shard against its records, and building them anew from these.

The new columns grow beside the old ones as those of a compaction do (compact.lua): everybody reads and
appends to the old generation until the last step, which takes the new one into use when no image is missing
in it. An image that is forgotten meanwhile dies in both. What a process that is killed leaves, the next one
begins anew.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from ..batches import in_groups
from ..errors import CorruptRecord, FormatError, StoreUnavailable
from ..index.new_image import new_image
from ..records import ImageId
from ..search.references import read_record
from ..store import ROW, NewImage, Store
from ..store.columns import MOST_ROWS, unfit_rows
from ..store.images import packed_row
from ..store.keys import SHARDS, key, on_image, on_shard
from ..store.scripts import ROW_BYTES, WORD_BYTES
from ..store.values import whole
from .finding import Finding, read, repair

#: Images whose rows are written in one step. chosen: 1 MB, some milliseconds of a server's time.
IMAGES_AT_ONCE = 128
#: How often images that were added meanwhile are looked for before it is given up. chosen.
ATTEMPTS = 100
#: Seconds after which another process may build the columns of an older schema. chosen: a million images take
#: some twenty minutes.
RENEWAL_SECONDS = 3600.0


@dataclass(eq=False)
class Columns:
    """The columns of a shard as they were read, by image."""

    #: Number of the generation.
    generation: int = 0
    #: Number of rows.
    rows: int = 0
    #: Number and content of each image's row.
    found: dict[ImageId, tuple[int, bytes]] = field(default_factory=dict)
    #: What is wrong with them.
    problems: list[str] = field(default_factory=list)


def content(row: bytes, words: bytes) -> bytes:
    """Return what two equal rows with equal words have in common."""
    return hashlib.blake2b(row + words, digest_size=16).digest()


def read_columns(store: Store, tag: str) -> Columns:
    """Return the columns of a shard and what by itself is wrong with them."""
    columns, name = Columns(), key(tag, "head")
    names = ("generation", "rows", "dead", "fence", "next", "next_chunk", "next_rows", "next_dead")
    head = read(store, [on_shard(tag, "HMGET", "head", *names, "stamp", "rebuild")])[0] or [None] * 10
    try:
        numbers = [
            whole(f"{name}, {field}", value, most=MOST_ROWS)
            for field, value in zip(names[:3], head[:3], strict=True)
        ]
        columns.generation, columns.rows, dead = numbers
        for field_name, value in zip(names[3:], head[3:8], strict=True):
            whole(f"{name}, {field_name}", value)
        stamp = head[8] if head[8] is not None else b"0.0"
        if not all(part.isdigit() for part in stamp.split(b".", 1)):
            raise ValueError(f"its stamp is {stamp!r:.80}")
        _read_rows(store, tag, columns, dead)
        if head[4] is not None and head[9] is None:
            _check_next(store, tag, int(head[4]), int(head[6] or 0), columns)
    except (CorruptRecord, ValueError) as error:
        columns.problems.append(str(error))
    if head[9] is not None:
        columns.problems.append("building them anew was interrupted")
    return columns


def _read_rows(store: Store, tag: str, columns: Columns, dead: int) -> None:
    """Raises ValueError for columns that contradict their head."""
    size, generation = store.connection.options.chunk_rows, columns.generation
    dead_rows = set[int]()
    for chunk in range(-(-columns.rows // size)):
        name = f"{generation}:{chunk}"
        data, words = read(store, [on_shard(tag, "GET", f"{kind}:{name}") for kind in ("rows", "words")])
        expected, words = min(size, columns.rows - chunk * size), words or b""
        if data is None or len(data) < ROW_BYTES * expected:
            raise ValueError(f"rows:{name} has {len(data or b'')} bytes where {expected} rows belong")
        if len(data) > ROW_BYTES * expected and chunk * size + expected < columns.rows:
            raise ValueError(f"rows:{name} is longer than a chunk")
        rows = np.frombuffer(data[: ROW_BYTES * expected], ROW)
        ends = WORD_BYTES * rows["words"].cumsum(dtype=np.int64)
        if unfit_rows(tag, rows).any():
            raise ValueError(f"rows:{name} holds rows that no image has")
        if len(words) < (ends[-1] if len(ends) else 0) or len(words) % WORD_BYTES or len(data) % ROW_BYTES:
            raise ValueError(f"words:{name} does not have the words that its rows count")
        more = np.frombuffer(data[ROW_BYTES * expected :], ROW)  # appended since the head was read
        if len(words) > ends[-1] + WORD_BYTES * int(more["words"].sum(dtype=np.int64)):
            raise ValueError(f"words:{name} has more words than its rows count")
        for at, row in enumerate(rows):
            number = chunk * size + at
            own = words[ends[at] - WORD_BYTES * int(row["words"]) : ends[at]]
            image_id = row["image_id"].tobytes().hex()
            if not row["image_id"].any():
                dead_rows.add(number)
                if any(own):
                    raise ValueError(f"row {number} is dead, and its words are not")
            elif image_id in columns.found:
                raise ValueError(f"image {image_id} has two rows")
            else:
                columns.found[image_id] = number, content(row.tobytes(), own)
    _check_dead(store, tag, columns, dead, dead_rows)


def _check_dead(store: Store, tag: str, columns: Columns, dead: int, found: set[int]) -> None:
    """Raises ValueError unless the tombstones name the dead rows, each once."""
    data = read(store, [on_shard(tag, "GETRANGE", f"tombs:{columns.generation}", 0, -1)])[0] or b""
    named = (
        np.frombuffer(data[: 4 * dead], "<u4").tolist()
        if len(data) >= 4 * dead and not len(data) % 4
        else None
    )
    if named is None or len(set(named)) != dead or not set(named) <= found:
        raise ValueError(f"tombs:{columns.generation} does not name the {dead} rows that died")
    later = np.frombuffer(data[4 * dead :], "<u4").tolist()  # died since the head was read
    if found - set(named) - set(later):
        raise ValueError("rows are dead that no tombstone names")
    if len(data) > 4 * dead and not set(later) & found:
        raise ValueError(f"tombs:{columns.generation} is longer than head says")


def _check_next(store: Store, tag: str, generation: int, rows: int, columns: Columns) -> None:
    """The rows that a compaction has copied so far. Raises ValueError where some are missing."""
    size = store.connection.options.chunk_rows
    chunks = range(min(-(-rows // size), columns.rows // size + 1))
    found = read(store, [on_shard(tag, "STRLEN", f"rows:{generation}:{chunk}") for chunk in chunks])
    if rows > columns.rows or sum(length or 0 for length in found) < ROW_BYTES * rows:
        raise ValueError(f"the columns of generation {generation}, which are being made, lack rows")


def against_records(columns: Columns, entries: Mapping[ImageId, tuple[bytes, bytes]]) -> list[str]:
    """Return what the columns have otherwise than the records; `entries`: for each image with a record the
    number of its row, as the image has it, and what its row should hold.
    """
    problems = []
    for image_id, (number, wanted) in entries.items():
        if image_id not in columns.found:
            problems.append(f"image {image_id} has no row, so that no query finds it")
        elif columns.found[image_id][1] != wanted:
            problems.append(f"the row of image {image_id} is not what its record says")
        elif number != b"%d" % columns.found[image_id][0]:
            problems.append(f"image {image_id} has the number of another row")
    return problems + [
        f"a row of image {image_id}, which has no record"
        for image_id in columns.found.keys() - entries.keys()
    ]


def columns_finding(
    store: Store, tag: str, columns: Columns, problems: Sequence[str], newest: int
) -> Iterator[Finding]:
    """Yield one finding about the columns of a shard, if anything is wrong. `newest`: the highest number of a
    generation that was seen.
    """
    found = [*columns.problems, *(() if columns.problems else problems)]
    if found:
        yield Finding(
            f"columns of shard {tag}",
            found[0],
            "they are built anew from the records",
            lambda: rebuild(store, tag, max(newest, columns.generation) + 2),
        )


def rebuild(store: Store, tag: str, generation: int) -> None:
    """Build the columns of a shard anew from its records, under this number, which was never used.

    Raises StoreUnavailable when images are added faster than they are read.
    """
    repair(store, tag, "begin", generation)()
    without = set[ImageId]()
    for _ in range(ATTEMPTS):
        missing = repair(store, tag, "end", generation, *sorted(without))()
        if not missing:
            return
        for some in in_groups([image_id.decode() for image_id in missing], IMAGES_AT_ONCE):
            without |= _write_page(store, tag, generation, some)
    raise StoreUnavailable(f"shard {tag}: images were added faster than its columns were built; try again")


def _write_page(store: Store, tag: str, generation: int, ids: Sequence[ImageId]) -> set[ImageId]:
    """Append the rows of these images, and return the images whose records cannot be read."""
    arguments, without = list[bytes | str](), set[ImageId]()
    for image_id, record in zip(
        ids, read(store, [on_image("HGET", "img", i, "record") for i in ids]), strict=True
    ):
        try:
            entry = new_image(read_record(image_id, record or b""))
        except FormatError:
            without.add(image_id)
            continue
        arguments += [image_id, hashlib.sha1(record).hexdigest(), packed_row(entry), entry.words]
    repair(store, tag, "page", generation, *arguments)()
    return without


def with_our_columns(store: Store) -> Store:
    """Return the store; if an earlier program made its columns, they are built anew first. One process does
    it, and others wait.

    Raises StoreError.
    """
    if store.has_older_columns():
        with store.locks.hold("columns", RENEWAL_SECONDS, wait=RENEWAL_SECONDS):
            _renew(store)
    return store


def _renew(store: Store) -> None:
    if store.has_older_columns():
        for tag in SHARDS:
            fields = ("generation", "next", "rebuild", "rows")
            head = store.connection.ask(on_shard(tag, "HMGET", "head", *fields))
            generation, *others, rows = (int(value or 0) for value in head)
            rebuild(store, tag, max(generation, *others) + 2)
            chunks = range(-(-rows // store.connection.options.chunk_rows) + 1)
            for old in {generation, *others}:  # a compaction may have been interrupted
                names = [f"{kind}:{old}:{chunk}" for kind in ("rows", "words") for chunk in chunks]
                store.connection.run([on_shard(tag, "UNLINK", name) for name in (*names, f"tombs:{old}")])
        store.mark_upgraded()


def row_of(entry: NewImage) -> bytes:
    """Return what the row of an image should hold."""
    return content(packed_row(entry), entry.words)
