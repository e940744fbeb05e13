"""A store for one purpose: embedded, empty, and removed afterwards."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from .embedded import stop_embedded


@contextmanager
def given_or_throwaway(url: str | None) -> Iterator[str]:
    """Provide `url`, or if it is None, the URL of a new embedded store, which is stopped and removed at the
    end.
    """
    if url is not None:
        yield url
        return
    with tempfile.TemporaryDirectory(prefix="quaid-", ignore_cleanup_errors=True) as folder:
        try:
            yield f"embedded:{folder}"
        finally:
            stop_embedded(folder)
