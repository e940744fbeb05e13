"""A store that contains all pictures of a corpus, for benchmarks that search and compare.

Without --store it is an embedded one in a temporary folder. With it, pictures that it contains already are
not added again, so that a second run starts at once.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from douglas_quaid import Engine
from douglas_quaid.store.embedded import given_or_throwaway

from .corpus import Corpus, Item


def add_argument(parser: argparse.ArgumentParser) -> None:
    """Add the option --store."""
    parser.add_argument("--store", help="store to use and keep (default: a temporary embedded one)")


@contextmanager
def filled_store(corpus: Corpus, items: Sequence[Item], url: str | None) -> Iterator[str]:
    """Add `items` without linking them, and provide the URL of the store, which any process may open."""
    began = time.perf_counter()
    with (
        given_or_throwaway(url) as used,
        Engine.open(used) as engine,
        ThreadPoolExecutor(os.cpu_count()) as pool,
    ):
        for _ in pool.map(lambda item: engine.add(corpus.data(item), link=False, name=item.file), items):
            pass
        print(f"{len(items)} pictures added in {time.perf_counter() - began:.0f} s.\n", flush=True)
        yield used
