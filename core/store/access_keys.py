"""The keys of the service: who may ask over HTTP, for what, until when, and whose names they see.

A key is shown once, when it is made. The store has its sha256 only: a key is 256 random bits, which nobody
finds by trying. A revoked key keeps its entry, so that a service whose last key was revoked stays closed.
"""

import hashlib
import hmac
import json
import re
import secrets
from collections.abc import Collection as Names
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from enum import Enum

from ..errors import ConfigError, NotFound
from ..strict_json import from_object, parse_object, to_object
from . import values
from .connection import StorePart
from .keys import META, as_bytes, as_text, key, on_meta
from .scripts import COUNTED_FIELD

#: First characters of a key, by which a program that looks for secrets in files recognises one.
KEY_PREFIX = "quaid_"
#: Random bytes of a key. chosen: as many as its digest has.
KEY_BYTES = 32
#: Whose names a key may see, if it may see all.
ALL = "all"

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_SEES = re.compile(r"all|(?:host|collection):[^,\x00-\x1f\x7f]{1,200}")
_DIGEST = re.compile(r"[0-9a-f]{64}")


class Right(str, Enum):
    """What a key may do."""

    #: Ask: queries, comparisons, what is stored.
    READ = "read"
    #: Add pictures, create collections.
    WRITE = "write"
    #: Judge pairs, and take that back.
    REVIEW = "review"
    #: Forget images, and say what is to be ignored.
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class AccessKey:
    """A key of the service, without the key itself."""

    #: sha256 of the key, 64 hexadecimal digits.
    digest: str
    #: What it may do.
    rights: tuple[Right, ...]
    #: Whose names it sees: host:NAME, collection:NAME, all.
    sees: tuple[str, ...]
    #: When it was made, in unix seconds.
    created: int
    #: When it ends, in unix seconds; None for never.
    expires: int | None = None
    #: When it was revoked, in unix seconds; None for a key that was not.
    revoked: int | None = None

    def is_valid(self, now: datetime) -> bool:
        """Return whether it was neither revoked nor has ended."""
        return self.revoked is None and (self.expires is None or now.timestamp() < self.expires)

    def matches(self, secret: str) -> bool:
        """Return whether this is the key, in a time that tells nothing about it."""
        return hmac.compare_digest(self.digest, digest_of(secret))

    def is_shown(self, kind: str, name: str) -> bool:
        """Return whether it sees a name; `kind` is host or collection."""
        return ALL in self.sees or f"{kind}:{name}" in self.sees


class AccessKeys(StorePart):
    """The part of the store that keeps the keys of the service."""

    def all(self) -> dict[str, AccessKey]:
        """Return all keys by name, revoked ones too. Raises CorruptRecord for one that cannot be read; within
        `values.noting` it is left out, and opens nothing.
        """
        found = dict[str, AccessKey]()
        for name, value in sorted(self.connection.ask(on_meta("HGETALL", "keys")).items()):
            with values.left_out_if_broken():
                found[as_text(name)] = read_key(as_text(name), value)
        return found

    def are_needed(self) -> bool:
        """Return whether this store ever had a key, as far as it tells: then nobody may ask without one."""
        length, count = self.connection.run([on_meta("HLEN", "keys"), on_meta("HGET", "head", "count:keys")])
        return bool(length) or count not in (None, b"0")

    def create(
        self, name: str, rights: Names[Right | str], *, sees: Names[str] = (), expires: datetime | None = None
    ) -> str:
        """Make a key and return it; it is stored nowhere and cannot be shown again.

        Raises ConfigError for a name that does not fit or is that of a valid key, and for wrong rights, names
        to see, or times.
        """
        now = datetime.now(timezone.utc)
        if not _NAME.fullmatch(name):
            raise ConfigError(f"key name {name[:80]!r}: expected 1 to 64 letters, digits, '.', '_' or '-'")
        if wrong := [one for one in sees if not _SEES.fullmatch(one)]:
            raise ConfigError(f"sees {wrong[0][:80]!r}: expected host:NAME, collection:NAME or all")
        if expires is not None and expires <= now:
            raise ConfigError("a key must end after now")
        known = self.all().get(name)
        if known is not None and known.is_valid(now):
            raise ConfigError(f"key {name!r} exists; revoke it first, or choose another name")
        secret = KEY_PREFIX + secrets.token_urlsafe(KEY_BYTES)
        self._write(
            name,
            AccessKey(
                digest=digest_of(secret),
                rights=tuple(sorted({_right(right) for right in rights}, key=list(Right).index)),
                sees=tuple(sorted(set(sees))),
                created=int(now.timestamp()),
                expires=None if expires is None else int(expires.timestamp()),
            ),
        )
        return secret

    def revoke(self, name: str) -> AccessKey:
        """End a key at once and return what is left of it. Raises NotFound if there is none."""
        found = self.all().get(name)
        if found is None:
            raise NotFound(f"key {name!r} does not exist")
        revoked = replace(found, revoked=found.revoked or int(datetime.now(timezone.utc).timestamp()))
        self._write(name, revoked)
        return revoked

    def _write(self, name: str, access: AccessKey) -> None:
        self.connection.ask(COUNTED_FIELD(META, "set", "keys", as_bytes(name), write_key(name, access)))


def digest_of(secret: str) -> str:
    """Return what the store has of a key."""
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).hexdigest()


def write_key(name: str, access: AccessKey) -> bytes:
    """Return the stored value of a key."""
    text = json.dumps(to_object(access))
    return f"{values.checksum(name, text)} {text}".encode()


def read_key(name: str, value: bytes) -> AccessKey:
    """Return a key from its stored value. Raises CorruptRecord."""
    try:
        check, _, text = value.decode("ascii").partition(" ")
        if check != values.checksum(name, text):
            raise ValueError("its checksum does not fit")
        found = from_object(AccessKey, parse_object(text))
        times = (found.created, found.expires or 0, found.revoked or 0)
        if not _DIGEST.fullmatch(found.digest) or not all(0 <= time <= values.LATEST for time in times):
            raise ValueError("its digest or one of its times is out of range")
        return found
    except (ValueError, TypeError, RecursionError) as error:
        raise values.broken(f"{key(META, 'keys')}, key {name!r:.80}", error) from None


def _right(given: Right | str) -> Right:
    try:
        return Right(given)
    except ValueError:
        expected = ", ".join(right.value for right in Right)
        raise ConfigError(f"right {str(given)[:80]!r}: expected {expected}") from None
