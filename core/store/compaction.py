"""Compaction: rewriting a shard's columns without the rows of forgotten images."""

from .commands import on_shard
from .connection import Connection
from .scripts import COMPACT


def compact(connection: Connection, tag: str) -> None:
    """Rewrite a shard's columns without dead rows, under a new generation, in slices between which others are
    served.

    Interrupted, it leaves whole columns, and the next compaction of the shard continues where it stopped.
    """
    options = connection.options
    generation = connection.ask(on_shard(tag, "HGET", "head", "generation")) or b"0"
    while not connection.ask(COMPACT(tag, options.chunk_rows, generation, options.compact_chunks)):
        pass


def compact_if_worth_it(connection: Connection, tag: str) -> bool:
    """Compact a shard with many dead rows, and return whether it was compacted."""
    options = connection.options
    found = connection.ask(on_shard(tag, "HMGET", "head", "rows", "dead"))
    rows, dead = (int(value or 0) for value in found)
    if dead <= options.compact_dead_rows or dead <= options.compact_dead_share * rows:
        return False
    compact(connection, tag)
    return True
