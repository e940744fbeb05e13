"""Sessions of a browser: what a person who gave a key has instead of it in a cookie.

The store has the digest of a session's token, and under it the digest of the key it was opened with, so that
neither can be read here, and a revoked key ends its sessions. A session expires by itself.
"""

import hashlib
import secrets

from .connection import StorePart
from .keys import META, Command, as_text, key, on_meta

#: Random bytes of a token. chosen: as many as a key has.
TOKEN_BYTES = 32
#: Maximum length of what is looked up as a token, in characters. chosen: twice that of a token.
LONGEST = 128


class Sessions(StorePart):
    """The part of the store that keeps sessions."""

    def open(self, key_digest: str, *, seconds: float) -> str:
        """Return the token of a new session; `key_digest`: of the key it stands for (`AccessKey.digest`)."""
        token = secrets.token_urlsafe(TOKEN_BYTES)
        self.connection.ask(Command(META, "SET", _key(token), key_digest, "PX", round(seconds * 1000)))
        return token

    def key_digest(self, token: str) -> str | None:
        """Return the digest of the key that a session was opened with; None for one that has ended."""
        if not 1 <= len(token) <= LONGEST:
            return None
        found = self.connection.ask(on_meta("GET", _name(token)))
        return None if found is None else as_text(found)

    def end(self, token: str) -> None:
        """End a session."""
        if 1 <= len(token) <= LONGEST:
            self.connection.ask(Command(META, "DEL", _key(token)))


def _name(token: str) -> str:
    return f"session:{hashlib.sha256(token.encode('utf-8', 'surrogateescape')).hexdigest()}"


def _key(token: str) -> str:
    return key(META, _name(token))
