"""Reading the columns of a store at once, for tests that do not follow them shard by shard."""

from __future__ import annotations

from dataclasses import dataclass

from douglas_quaid.store import ColumnReader, ColumnState, ShardChange


@dataclass(frozen=True)
class Changes:
    """What is new in all shards."""

    #: To be passed to the next reading.
    state: ColumnState
    #: One for each shard with changes.
    shards: tuple[ShardChange, ...]


def refresh(reader: ColumnReader, state: ColumnState | None = None, *, words: bool = True) -> Changes:
    """Return all that was appended or died since `state`, or ever."""
    state, shards = state or ColumnState(), []
    for change, after in reader.changes(state, words=words):
        shards.append(change)
        state = after
    return Changes(state, tuple(shards))
