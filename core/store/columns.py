"""The columns that replicas follow: one packed row for each image, and its visual words, in order of arrival
in each shard.

A reader keeps a `ColumnState`, which says how far it has read, and gets the bytes behind it; an add that was
acknowledged before the call is included. Rows never move inside a generation; a dead row is overwritten with
zeros and named by a tombstone. Compaction rewrites a shard under a new generation, whose number is in the key
names, so that a reader never mixes two: it finds nothing under the old names and reads the shard again.
Layout in FORMAT.md.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..errors import CorruptRecord, StoreUnavailable
from .connection import StorePart
from .keys import SHARDS, key, on_shard
from .scripts import ROW_BYTES, WORD_BYTES
from .values import broken, whole

#: One row, 72 bytes. `words` counts the row's visual words, 16 bytes each; a dead row is zero but for that
#: count. spec: FORMAT.md.
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
#: Bit of `flags` that an informative picture has. spec: FORMAT.md.
INFORMATIVE = 1
#: How often a shard that is compacted meanwhile is read again before it is given up. chosen.
ATTEMPTS = 20
#: Largest number of a row. spec: FORMAT.md, u32.
MOST_ROWS = 2**32 - 1


@dataclass(frozen=True, slots=True)
class Head:
    """A shard's columns at one moment."""

    #: Number of the generation.
    generation: int
    #: Number of rows, dead ones included.
    rows: int
    #: Number of dead rows.
    dead: int
    #: Time of the latest change, as text.
    stamp: bytes


@dataclass(frozen=True, slots=True)
class ShardState:
    """How far a reader has read one shard."""

    #: The shard when it was read.
    head: Head = Head(-1, 0, 0, b"")
    #: Bytes of words read in the chunk that the next row lies in.
    words_read: int = 0
    #: Image id of the last row read, 32 bytes. If another id is there at the next reading, a server that
    #: crashed came back without its last second, and the shard is read again.
    last_row: bytes = b""
    #: The last tombstone read, 4 bytes; compared like `last_row`.
    last_dead: bytes = b""
    #: What of the shard is broken, so that it was left out; empty when it is whole.
    problem: str = ""
    #: The head with which the shard could not be read further; it is not tried again until that changes.
    failed: Head | None = None


@dataclass(frozen=True, slots=True)
class ColumnState:
    """How far a reader has read; a new one has read nothing."""

    #: One for each shard, in order.
    shards: tuple[ShardState, ...] = (ShardState(),) * len(SHARDS)

    @property
    def problems(self) -> list[str]:
        """Return what is broken and was left out."""
        return [shard.problem for shard in self.shards if shard.problem]


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
    #: Words of these rows one after the other, shape (sum of rows["words"], 16); shape (0, 16) when words
    #: were left out.
    words: NDArray[np.uint8]
    #: Numbers of rows that died since the last reading, of these rows or earlier ones, shape (m,).
    dead: NDArray[np.uint32]


class ColumnReader(StorePart):
    """The part of the store that reads columns. It keeps no state, so threads may share it."""

    def changes(self, state: ColumnState, *, words: bool = True) -> Iterator[tuple[ShardChange, ColumnState]]:
        """Yield all that was appended or died since `state`, shard by shard, each with the state after it, so
        that an interrupted reader can continue from the last shard it has taken over; one round trip when
        nothing is new. `words` false: leave out the visual words.

        What is broken is left out: a row or the rest of a shard (`ColumnState.problems`). Raises
        StoreUnavailable for a shard that is compacted again and again.
        """
        shards = dict(enumerate(state.shards))
        pending = self._changed(shards, shards)
        for _ in range(ATTEMPTS):
            retry = []
            for number, head in pending:
                try:
                    if isinstance(head, CorruptRecord):
                        raise head
                    change = self._read(number, shards[number], head, words)
                except CorruptRecord as error:
                    failed = None if isinstance(head, CorruptRecord) else head
                    change = _nothing(number), replace(shards[number], problem=str(error), failed=failed)
                if change is None:  # compacted while it was read
                    retry.append(number)
                    continue
                shards[number] = change[1]
                yield change[0], ColumnState(tuple(shards.values()))
            if not retry:
                return
            pending = self._changed(shards, retry)
        raise StoreUnavailable(
            f"the columns at {self.connection.name} were compacted {ATTEMPTS} times while they were read;"
            " try again"
        )

    def beginnings(
        self, covered: Sequence[tuple[int, int]]
    ) -> tuple[list[NDArray[np.void]], ColumnState] | None:
        """Return the first rows of each shard without their words, and the state behind them; the next
        reading tells which of them died.

        `covered`: for each shard its generation and the number of rows. Returns None where the store has
        another generation or fewer rows.
        """
        numbers = range(len(SHARDS))
        heads = dict(self._changed({number: ShardState() for number in numbers}, numbers))
        found, states = [], []
        for number, (generation, count) in zip(numbers, covered, strict=True):
            head, until = heads[number], Head(generation, count, 0, b"")
            if isinstance(head, CorruptRecord) or head.generation != generation or head.rows < count:
                return None
            start = ShardState(Head(generation, 0, 0, b""))
            rows, _, words_read = self._appended(SHARDS[number], start, until, False)
            if len(rows) != ROW_BYTES * count:  # compacted while it was read
                return None
            found.append(np.frombuffer(rows, ROW))
            reached = head if (head.rows, head.dead) == (count, 0) else until
            states.append(ShardState(reached, words_read, rows[-ROW_BYTES:][:32]))
        return found, ColumnState(tuple(states))

    def _changed(
        self, states: Mapping[int, ShardState], numbers: Iterable[int]
    ) -> list[tuple[int, Head | CorruptRecord]]:
        """Return the heads of these shards that differ from those of the states, and broken ones."""
        numbers = list(numbers)
        answers = self.connection.run_each(
            [on_shard(SHARDS[n], "HMGET", "head", "generation", "rows", "dead", "stamp") for n in numbers]
        )
        heads = [(n, _head(SHARDS[n], answer)) for n, answer in zip(numbers, answers, strict=True)]
        return [(n, head) for n, head in heads if head != states[n].head and head != states[n].failed]

    def _read(
        self, number: int, state: ShardState, head: Head, with_words: bool
    ) -> tuple[ShardChange, ShardState] | None:
        """Return what is new in a shard and the state after it; None when it was compacted meanwhile."""
        reload = not self._continues(number, state, head)
        if reload:
            state = ShardState(Head(head.generation, 0, 0, b""))
        tag, start = SHARDS[number], state.head
        rows, words, words_read = self._appended(tag, state, head, with_words)
        dead = b""
        if head.dead:
            dead = self.connection.ask(
                on_shard(tag, "GETRANGE", f"tombs:{head.generation}", 4 * start.dead, 4 * head.dead - 1)
            )
        expected = ROW_BYTES * (head.rows - start.rows), 4 * (head.dead - start.dead)
        if (len(rows), len(dead)) != expected or words is None:
            if not self._changed({number: ShardState(head)}, [number]):
                raise broken(key(tag, "head"), f"columns of shard {tag} are shorter than it says")
            return None
        fit, problem = _without_unfit(tag, np.frombuffer(rows, ROW), state.problem)
        died = np.frombuffer(dead, "<u4")
        if (died >= head.rows).any():
            problem = str(broken(key(tag, f"tombs:{head.generation}"), "rows that are not there"))
        change = ShardChange(
            shard=number,
            reload=reload,
            first_row=start.rows,
            rows=fit,
            words=np.frombuffer(words, np.uint8).reshape(-1, WORD_BYTES),
            dead=died[died < head.rows],
        )
        last_row, last_dead = rows[-ROW_BYTES:][:32] or state.last_row, dead[-4:] or state.last_dead
        return change, ShardState(head, words_read, last_row, last_dead, problem)

    def _continues(self, number: int, state: ShardState, head: Head) -> bool:
        """Return whether what was read before is still the beginning of what is there now."""
        before, tag, chunk_rows = state.head, SHARDS[number], self.connection.options.chunk_rows
        if before.generation != head.generation or before.rows > head.rows or before.dead > head.dead:
            return False
        if (before.rows, before.dead) == (head.rows, head.dead):  # another stamp, and nothing new
            return False
        chunk, row = divmod(before.rows - 1, chunk_rows)
        rows, dead = f"rows:{head.generation}:{chunk}", f"tombs:{head.generation}"
        last_row, last_dead = self.connection.run(
            [
                on_shard(tag, "GETRANGE", rows, row * ROW_BYTES, row * ROW_BYTES + 31),
                on_shard(tag, "GETRANGE", dead, 4 * before.dead - 4, 4 * before.dead - 1),
            ]
        )
        if before.rows and last_row != state.last_row and any(last_row):  # zeros: it died since
            return False
        return not before.dead or bytes(last_dead) == state.last_dead

    def _appended(
        self, tag: str, state: ShardState, head: Head, with_words: bool
    ) -> tuple[bytes, bytes | None, int]:
        """Return the rows behind `state`, their words (None when some are missing), and the bytes of words
        read in the last, unfilled chunk.
        """
        options = self.connection.options
        start, generation, size = state.head.rows, head.generation, options.chunk_rows
        row_parts, word_parts, words_read = [], [], state.words_read
        end_chunk = -(-head.rows // size) if head.rows > start else 0
        for base in range(start // size, end_chunk, options.read_chunks):
            chunks = range(base, min(base + options.read_chunks, end_chunk))
            commands = []
            for chunk in chunks:
                first, last = max(start - chunk * size, 0), min(head.rows - chunk * size, size)
                span = ROW_BYTES * first, ROW_BYTES * last - 1
                commands.append(on_shard(tag, "GETRANGE", f"rows:{generation}:{chunk}", *span))
                if with_words:
                    skip = state.words_read if first else 0
                    commands.append(on_shard(tag, "GETRANGE", f"words:{generation}:{chunk}", skip, -1))
            answers = iter(self.connection.run(commands))
            for chunk in chunks:
                rows = next(answers)
                if len(rows) != ROW_BYTES * (
                    min(head.rows - chunk * size, size) - max(start - chunk * size, 0)
                ):
                    return b"", None, 0
                word_bytes = WORD_BYTES * int(np.frombuffer(rows, ROW)["words"].sum(dtype=np.int64))
                row_parts.append(rows)
                if with_words:
                    words = next(answers)
                    if len(words) < word_bytes:
                        return b"", None, 0
                    word_parts.append(words[:word_bytes])
                words_read = word_bytes + (state.words_read if chunk * size < start else 0)
        return b"".join(row_parts), b"".join(word_parts), words_read if head.rows % size else 0


def _head(tag: str, answer: Sequence[bytes | None] | CorruptRecord) -> Head | CorruptRecord:
    if isinstance(answer, CorruptRecord):
        return answer
    name = key(tag, "head")
    try:
        generation, rows, dead = (
            whole(f"{name}, {field}", value, most=MOST_ROWS)
            for field, value in zip(("generation", "rows", "dead"), answer[:3], strict=True)
        )
    except CorruptRecord as error:
        return error
    if dead > rows:
        return broken(name, f"{dead} dead rows of {rows}")
    return Head(generation, rows, dead, answer[3] or b"")


def _nothing(number: int) -> ShardChange:
    """Return the change of a shard that could not be read."""
    nothing = np.zeros(0, ROW), np.zeros((0, WORD_BYTES), np.uint8), np.zeros(0, np.uint32)
    return ShardChange(number, False, 0, *nothing)


def unfit_rows(tag: str, rows: NDArray[np.void]) -> NDArray[np.bool_]:
    """Return which rows of a shard are neither those of an image nor dead, shape (n,)."""
    alive = rows["image_id"].any(axis=1)
    foreign = alive & (rows["image_id"][:, 0] >> 4 != int(tag, 16))
    numbers = (rows["pdq_quality"] > 100) | (rows["flags"] > INFORMATIVE) | (rows["reserved"] > 0)
    rest = rows["pdq"].any(axis=1) | (rows["pdq_quality"] > 0) | (rows["flags"] > 0)
    rest |= (rows["pdq_version"] > 0) | (rows["local_version"] > 0)
    return np.asarray(foreign | numbers | (~alive & rest))


def _without_unfit(tag: str, rows: NDArray[np.void], problem: str) -> tuple[NDArray[np.void], str]:
    """Return the rows with unfit ones dead, and what is wrong with them, or `problem` when nothing is."""
    unfit = unfit_rows(tag, rows)
    if not unfit.any():
        return rows, problem
    left = rows.copy()
    left[unfit] = np.zeros((), ROW)
    left["words"] = rows["words"]  # by it the words of the rows behind are found
    return left, str(broken(f"the columns of shard {tag}", f"{np.count_nonzero(unfit)} rows cannot be read"))


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
    """Return the 72 bytes of a row. Raises ValueError for values that do not fit."""
    try:
        row = (
            np.frombuffer(bytes.fromhex(image_id), np.uint8),
            np.frombuffer(pdq, np.uint8),
            quality,
            INFORMATIVE * informative,
            words,
            pdq_version,
            local_version,
            0,
        )
        return np.array(row, ROW).tobytes()
    except (ValueError, OverflowError) as error:
        raise ValueError(f"row of image {image_id}: {error}") from None
