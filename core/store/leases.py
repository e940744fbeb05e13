"""Leases: which pair of images somebody has open, so that nobody else is asked about it meanwhile.

A lease is a key that expires by itself: a browser that is closed gives back what it had. The key has a digest
of the pair instead of the images' ids, so that `forget` leaves nothing behind here.
"""

import hashlib
from collections.abc import Sequence

from ..errors import ConfigError
from ..records import ImageId
from .connection import StorePart
from .keys import META, as_bytes
from .scripts import LEASE

#: Maximum length of a holder's name in characters. chosen: a random name.
HOLDER_CHARACTERS = 64
#: Hexadecimal digits of a pair's digest. chosen: two pairs never share one by chance.
DIGEST_DIGITS = 32


class Leases(StorePart):
    """The part of the store that keeps leases."""

    def take(self, pairs: Sequence[tuple[ImageId, ImageId]], holder: str, *, seconds: float) -> list[bool]:
        """Take or renew the leases of these pairs, and return for each whether the holder has it now. The
        order of a pair's images does not matter. Raises ConfigError for a holder's name that does not fit.
        """
        return self._run("take", pairs, holder, seconds)

    def release(self, pairs: Sequence[tuple[ImageId, ImageId]], holder: str) -> None:
        """Give back those of these leases that the holder has. Raises as `take`."""
        self._run("release", pairs, holder, 0)

    def _run(
        self, operation: str, pairs: Sequence[tuple[ImageId, ImageId]], holder: str, seconds: float
    ) -> list[bool]:
        if not 1 <= len(holder) <= HOLDER_CHARACTERS or not holder.isascii():
            raise ConfigError(
                f"holder {holder[:80]!r}: expected a name of 1 to {HOLDER_CHARACTERS} ASCII characters"
            )
        if not pairs:
            return []
        names = [_digest(a, b) for a, b in pairs]
        milliseconds = round(seconds * 1000)
        answers = self.connection.ask(LEASE(META, operation, as_bytes(holder), milliseconds, *names))
        return [answer == 1 for answer in answers]


def _digest(a: ImageId, b: ImageId) -> str:
    first, second = sorted((a, b))
    return hashlib.sha256(f"{first} {second}".encode()).hexdigest()[:DIGEST_DIGITS]
