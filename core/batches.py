"""Many items at once: in groups, or on several threads with a bounded number in work."""

from collections import defaultdict
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

Item = TypeVar("Item")
Key = TypeVar("Key")
Result = TypeVar("Result")


def in_groups(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """Return the items in lists of `size`, the last one shorter. No more items are taken than the next list
    needs.
    """
    rest = iter(items)
    while group := list(islice(rest, size)):
        yield group


def grouped(items: Iterable[Item], key: Callable[[Item], Key]) -> dict[Key, list[Item]]:
    """Return the items by key, in their order and in that of the first of each key."""
    groups: dict[Key, list[Item]] = defaultdict(list)
    for item in items:
        groups[key(item)].append(item)
    return dict(groups)


def in_parallel(
    work: Callable[[Item], Result], items: Iterable[Item], workers: int, *, ahead: int = 2
) -> Generator[Result, None, None]:
    """Return the results of `work` in the order of the items, which are taken on the thread of the caller.

    At most `ahead` * `workers` items are in work or wait to be returned. An error of `work` is raised when
    it is that item's turn; the items after it are then cancelled, as they are when the generator is closed.
    """
    with ThreadPoolExecutor(workers, thread_name_prefix="quaid") as pool:
        waiting: list[Future[Result]] = []
        try:
            for item in items:
                waiting.append(pool.submit(work, item))
                if len(waiting) >= ahead * workers:
                    yield waiting.pop(0).result()
            while waiting:
                yield waiting.pop(0).result()
        finally:
            for future in waiting:
                future.cancel()
