"""The columns that replicas follow: one packed row for each image, and its visual words, in order of arrival
in each shard.

A reader keeps a `ColumnState`, says how far it has read, and gets the bytes behind it; an add acknowledged
before the call is in the answer. Rows never move inside a generation; a dead row is overwritten with zeros
and named by a tombstone. Compaction rewrites a shard under a new generation, whose number is in the key
names, so that a reader can never mix two: it finds nothing under the old names and reads that shard anew.
Layout in FORMAT.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ..errors import CorruptRecord, StoreUnavailable
from .commands import Command
from .connection import Connection
from .keys import SHARDS, key
from .scripts import CHUNK_ROWS, COMPACT, ROW_BYTES, WORD_BYTES

#: One row, 72 bytes. `words` counts the row's visual words, 16 bytes each; a dead row is zero but for that
#: count.
ROW = np.dtype(
    [
        ("image_id", "u1", 32),
        ("pdq", "u1", 32),
        ("pdq_quality", "u1"),
        ("flags", "u1"),
        ("words", "<u2"),
        ("pdq_version", "u1"),
        ("local_version", "u1"),
        ("reserved", "<u2"),
    ]
)
#: Bit of `flags`.
INFORMATIVE = 1
MAX_WORDS = 65535

#: A shard is compacted when it has more dead rows than this, and their share is above the next. chosen: not
#: worth the work before.
COMPACT_DEAD_ROWS = 1000
COMPACT_DEAD_SHARE = 0.25
#: Chunks in one slice of a compaction. chosen: 4 MB of words, some 10 ms of a server's time.
COMPACT_CHUNKS = 4
#: Chunks asked for in one round trip. chosen: 64 MB of words at 500 an image, the most that is held twice for
#: a moment.
READ_CHUNKS = 64
#: Readings of a shard that is compacted again each time before it is given up. chosen.
ATTEMPTS = 20


@dataclass(frozen=True, slots=True)
class Head:
    """A shard's columns at one moment."""

    generation: int
    rows: int
    dead: int
    stamp: bytes


@dataclass(frozen=True, slots=True)
class ShardState:
    """How far a reader has read one shard."""

    head: Head = Head(-1, 0, 0, b"")
    #: Bytes of words read in the chunk that the next row lies in.
    words_read: int = 0
    #: Image id of the last row read and bytes of the last tombstone: still there at the next reading, unless
    #: a server that crashed came back without its last second; then the shard is read anew.
    last_row: bytes = b""
    last_dead: bytes = b""


@dataclass(frozen=True, slots=True)
class ColumnState:
    """How far a reader has read; a new one has read nothing."""

    shards: tuple[ShardState, ...] = (ShardState(),) * len(SHARDS)


@dataclass(frozen=True, slots=True, eq=False)
class ShardChange:
    """What is new in one shard."""

    #: 0 to 15.
    shard: int
    #: True: what was known of this shard is void; the rows below are all it has.
    reload: bool
    #: Number of the first row below, within the shard.
    first_row: int
    #: dtype ROW, shape (n,). A row that died meanwhile has a zero id and is named in this `dead` or the next.
    rows: NDArray[np.void]
    #: Words of these rows one after the other, shape (sum of rows["words"], 16); shape (0, 16) when they were
    #: not asked for.
    words: NDArray[np.uint8]
    #: Numbers of rows that died since the last reading, of these rows or earlier ones.
    dead: NDArray[np.uint32]


@dataclass(frozen=True, slots=True)
class ColumnChanges:
    """What is new; `state` is to be handed to the next reading."""

    state: ColumnState
    shards: tuple[ShardChange, ...] = field(default=())


def pack_row(
    image_id: str,
    pdq: bytes,
    *,
    quality: int,
    informative: bool,
    words: int,
    pdq_version: int,
    local_version: int,
) -> bytes:
    """The 72 bytes of a row. Raises ValueError for numbers that do not fit."""
    if len(pdq) != 32 or not 0 <= words <= MAX_WORDS:
        raise ValueError(
            f"row of image {image_id}: PDQ of {len(pdq)} bytes and {words} words; 32 and at most {MAX_WORDS} fit"
        )
    row = np.zeros(1, ROW)
    row["image_id"] = np.frombuffer(bytes.fromhex(image_id), np.uint8)
    row["pdq"] = np.frombuffer(pdq, np.uint8)
    for name, value in (
        ("pdq_quality", quality),
        ("flags", INFORMATIVE * informative),
        ("pdq_version", pdq_version),
        ("local_version", local_version),
    ):
        if not 0 <= value <= 255:
            raise ValueError(f"row of image {image_id}: {name} is {value}; 0 to 255 fits")
        row[name] = value
    row["words"] = words
    return row.tobytes()


class ColumnReader:
    """Reads what is new; holds no state of its own, so that threads may share it."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def refresh(self, state: ColumnState, *, words: bool = True) -> ColumnChanges:
        """All that was appended or died since `state`. One round trip when nothing is new."""
        changes = []
        for change, after in self.steps(state, words=words):
            changes.append(change)
            state = after
        return ColumnChanges(state, tuple(changes))

    def steps(self, state: ColumnState, *, words: bool = True) -> Iterator[tuple[ShardChange, ColumnState]]:
        """The same, shard by shard, each with the state after it: who is interrupted can go on from the last
        one taken over.
        """
        shards = dict(enumerate(state.shards))
        pending = self._changed(shards, shards)
        for _ in range(ATTEMPTS):
            retry = []
            for number, head in pending:
                change = self._read(number, shards[number], head, words)
                if change is None:  # compacted while it was read
                    retry.append(number)
                    continue
                shards[number] = change[1]
                yield change[0], ColumnState(tuple(shards.values()))
            if not retry:
                return
            pending = self._changed(shards, retry)
        raise StoreUnavailable(
            f"the columns at {self._connection.name} were compacted {ATTEMPTS} times while they were read; try again"
        )

    def beginnings(
        self, covered: Sequence[tuple[int, int]]
    ) -> tuple[list[NDArray[np.void]], ColumnState] | None:
        """Of each shard its first rows without their words, as many of that generation as `covered`
        (generation, rows) says, and the state behind them; what died is told by the next reading. None where
        the store has another generation, or fewer rows.
        """
        numbers = range(len(SHARDS))
        heads = dict(self._changed({number: ShardState() for number in numbers}, numbers))
        found, states = [], []
        for number, (generation, count) in zip(numbers, covered, strict=True):
            head, until = heads[number], Head(generation, count, 0, b"")
            if head.generation != generation or head.rows < count:
                return None
            rows, _, words_read = self._appended(
                SHARDS[number], ShardState(Head(generation, 0, 0, b"")), until, False
            )
            if len(rows) != ROW_BYTES * count:  # compacted while it was read
                return None
            found.append(np.frombuffer(rows, ROW))
            states.append(
                ShardState(
                    head if (head.rows, head.dead) == (count, 0) else until,
                    words_read,
                    rows[-ROW_BYTES:][:32],
                )
            )
        return found, ColumnState(tuple(states))

    def _changed(self, states: Mapping[int, ShardState], numbers: Iterable[int]) -> list[tuple[int, Head]]:
        numbers = list(numbers)
        fields = ("generation", "rows", "dead", "stamp")
        answers = self._connection.run(
            [Command(SHARDS[n], "HMGET", key(SHARDS[n], "head"), *fields) for n in numbers]
        )
        heads = [Head(int(a or 0), int(b or 0), int(c or 0), d or b"") for a, b, c, d in answers]
        return [(n, head) for n, head in zip(numbers, heads, strict=True) if head != states[n].head]

    def _read(
        self, number: int, state: ShardState, head: Head, with_words: bool
    ) -> tuple[ShardChange, ShardState] | None:
        """What is new in a shard; None when it was compacted meanwhile."""
        if not self._continues(number, state, head):
            state = ShardState(Head(head.generation, 0, 0, b""))
            reload = True
        else:
            reload = False
        tag, start = SHARDS[number], state.head
        rows, words, words_read = self._appended(tag, state, head, with_words)
        dead = (
            self._connection.ask(
                Command(
                    tag, "GETRANGE", key(tag, f"tombs:{head.generation}"), 4 * start.dead, 4 * head.dead - 1
                )
            )
            if head.dead
            else b""
        )
        complete = len(rows) == ROW_BYTES * (head.rows - start.rows) and len(dead) == 4 * (
            head.dead - start.dead
        )
        if not complete or words is None:
            if not self._changed({number: ShardState(head)}, [number]):
                raise CorruptRecord(
                    f"columns of shard {tag} at {self._connection.name} are shorter than their head says; restore the store from a copy"
                )
            return None
        change = ShardChange(
            shard=number,
            reload=reload,
            first_row=start.rows,
            rows=np.frombuffer(rows, ROW),
            words=np.frombuffer(words, np.uint8).reshape(-1, WORD_BYTES),
            dead=np.frombuffer(dead, "<u4"),
        )
        return change, ShardState(
            head, words_read, rows[-ROW_BYTES:][:32] or state.last_row, dead[-4:] or state.last_dead
        )

    def _continues(self, number: int, state: ShardState, head: Head) -> bool:
        """Whether what was read before is still the beginning of what is there now."""
        before, tag = state.head, SHARDS[number]
        if before.generation != head.generation or before.rows > head.rows or before.dead > head.dead:
            return False
        if (before.rows, before.dead) == (head.rows, head.dead):  # another stamp, and nothing new
            return False
        rows, dead = (
            key(tag, f"rows:{head.generation}:{(before.rows - 1) // CHUNK_ROWS}"),
            key(tag, f"tombs:{head.generation}"),
        )
        at = (before.rows - 1) % CHUNK_ROWS * ROW_BYTES
        last_row, last_dead = self._connection.run(
            [
                Command(tag, "GETRANGE", rows, at, at + 31),
                Command(tag, "GETRANGE", dead, 4 * before.dead - 4, 4 * before.dead - 1),
            ]
        )
        if before.rows and last_row != state.last_row and any(last_row):  # zeros: it died since
            return False
        return not before.dead or bytes(last_dead) == state.last_dead

    def _appended(
        self, tag: str, state: ShardState, head: Head, with_words: bool
    ) -> tuple[bytes, bytes | None, int]:
        """Rows behind `state`, their words (None when some are missing), and the bytes of words read in the
        last, unfilled chunk.
        """
        start, generation = state.head.rows, head.generation
        row_parts, word_parts, words_read = [], [], state.words_read
        end_chunk = -(-head.rows // CHUNK_ROWS) if head.rows > start else 0
        for base in range(start // CHUNK_ROWS, end_chunk, READ_CHUNKS):
            chunks = range(base, min(base + READ_CHUNKS, end_chunk))
            commands = []
            for chunk in chunks:
                first, last = (
                    max(start - chunk * CHUNK_ROWS, 0),
                    min(head.rows - chunk * CHUNK_ROWS, CHUNK_ROWS),
                )
                commands.append(
                    Command(
                        tag,
                        "GETRANGE",
                        key(tag, f"rows:{generation}:{chunk}"),
                        ROW_BYTES * first,
                        ROW_BYTES * last - 1,
                    )
                )
                if with_words:
                    skip = state.words_read if first else 0
                    commands.append(
                        Command(tag, "GETRANGE", key(tag, f"words:{generation}:{chunk}"), skip, -1)
                    )
            answers = iter(self._connection.run(commands))
            for chunk in chunks:
                rows = next(answers)
                size = WORD_BYTES * int(
                    np.frombuffer(rows[: len(rows) // ROW_BYTES * ROW_BYTES], ROW)["words"].sum()
                )
                row_parts.append(rows)
                if with_words:
                    words = next(answers)
                    if len(words) < size:
                        return b"", None, 0
                    word_parts.append(words[:size])
                words_read = size + (state.words_read if chunk * CHUNK_ROWS < start else 0)
        return b"".join(row_parts), b"".join(word_parts), words_read if head.rows % CHUNK_ROWS else 0


def compact(connection: Connection, tag: str) -> None:
    """Rewrite a shard's columns without dead rows, under a new generation, in slices between which others are
    served.

    Interrupted, it leaves columns that are whole, and the next compaction of the shard goes on where it
    stopped.
    """
    generation = connection.ask(Command(tag, "HGET", key(tag, "head"), "generation")) or b"0"
    while not connection.ask(COMPACT(tag, generation, COMPACT_CHUNKS)):
        pass


def compact_if_worth_it(connection: Connection, tag: str) -> bool:
    """Compact a shard of which much is dead."""
    rows, dead = (
        int(value or 0) for value in connection.ask(Command(tag, "HMGET", key(tag, "head"), "rows", "dead"))
    )
    if dead <= COMPACT_DEAD_ROWS or dead <= COMPACT_DEAD_SHARE * rows:
        return False
    compact(connection, tag)
    return True
