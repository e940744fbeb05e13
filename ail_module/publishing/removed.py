"""Tags of ours that disappeared from many objects of AIL between two passes: nobody can tell an analyst who
cleans up from a tag database that was restored or lost. So nothing is judged until somebody says which it was
(`quaid ail feedback`). One bookmark for each object holds their names, `ail:removed:<global id>`.

Every function may raise StoreError.
"""

from collections.abc import Collection, Iterator

from douglas_quaid import Correlator

from ..objects import AilObject
from .ledger import bookmarked

#: Start of the names of these bookmarks.
PREFIX = "ail:removed:"


def waiting(engine: Correlator) -> Iterator[tuple[AilObject, tuple[str, ...]]]:
    """Yield each object with removed tags that wait, and their names, in no order."""
    for obj, text in bookmarked(engine, PREFIX):
        yield obj, tuple(text.split("\n"))


def put_off(engine: Correlator, obj: AilObject, names: Collection[str]) -> None:
    """Let the removed tags with these names wait, in place of those that waited before."""
    engine.set_bookmark(PREFIX + obj.gid, "\n".join(sorted(names)) or None)
