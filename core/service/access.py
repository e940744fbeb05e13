"""Who asks, and what that one may do and see.

A key comes as `Authorization: Bearer KEY`, or bare, as the clients of Lookyloo and Pandora send it. It is
looked up in the store for every request, so a revoked key ends at once. A store that never had a key answers
whoever reaches the service, on loopback only and never what needs the right `admin`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone

from ..errors import KeyRefused, NotAllowed, NotFound
from ..records import ImageInfo
from ..store.access_keys import AccessKey, Right
from ..store.clusters import CLUSTER_PREFIX
from .refusals import Refusal

#: What may be done without a key.
WITHOUT_KEY = (Right.READ, Right.WRITE, Right.REVIEW)
#: Maximum length of an Authorization header. chosen: several times that of a key.
LONGEST = 512


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sent a request."""

    #: Name of the key; empty without one.
    name: str
    #: The key; None without one.
    access: AccessKey | None

    def require(self, right: Right) -> None:
        """Return if the caller has a right. Raises Refusal: 401 without a key, 403 with one that lacks it."""
        if self.access is None and right not in WITHOUT_KEY:
            raise Refusal(401, KeyRefused(f"this needs a key with the right {right.value}"))
        if self.access is not None and right not in self.access.rights:
            raise Refusal(403, NotAllowed(f"the key {self.name!r} lacks the right {right.value}"))

    def sees(self, kind: str, name: str) -> bool:
        """Return whether answers may hold a name; `kind` is host or collection."""
        return self.access is None or self.access.is_shown(kind, name)

    @property
    def sees_all(self) -> bool:
        """Return whether nothing is hidden."""
        return self.sees("host", "") and self.sees("collection", "")

    def check_named(self, name: str) -> str:
        """Return the name of an image that a request gives, if the caller may see the host of an occurrence.
        Raises NotFound, as for one that nobody has added.
        """
        if ":" in name and not name.startswith(CLUSTER_PREFIX) and not self.sees_all:
            host, _, rest = name.partition(":")
            if rest.startswith(":") or not self.sees("host", host):
                raise NotFound(f"no image in the store was seen at {name}")
        return name

    def sees_image(self, info: ImageInfo) -> bool:
        """Return whether a picture may be shown: one that was seen at a host, or lies in a collection, whose
        names may be held. Of an image that was seen at more places than are listed, the latest count.
        """
        if self.sees_all:
            return True
        hosts = (one.occurrence.host for one in info.sightings)
        named = (one.name for one in info.memberships)
        return any(self.sees("host", host) for host in hosts) or any(
            self.sees("collection", name) for name in named
        )

    def check_written(self, occurrence: str | None, collection: str | None) -> None:
        """Return if the caller sees where it writes: whoever does not could ask what is there by writing, and
        put its own labels in the place of others. Raises NotAllowed.
        """
        for kind, name in (("host", (occurrence or "").partition(":")[0]), ("collection", collection or "")):
            if name and not self.sees(kind, name):
                raise NotAllowed(
                    f"the key {self.name!r} does not see {kind} {name[:80]!r}, so it writes nothing there;"
                    f" make one with --sees {kind}:NAME"
                )

    def check_collection(self, name: str) -> str:
        """Return the name of a collection that a question is limited to. Raises NotFound if it is hidden."""
        if not self.sees("collection", name):
            raise NotFound(f"collection {name!r} does not exist, or the key {self.name!r} does not see it")
        return name


def caller_of(authorization: Iterable[str], keys: Mapping[str, AccessKey], *, key_needed: bool) -> Caller:
    """Return who sent a request with these Authorization headers. Raises Refusal 401."""
    given = list(authorization)
    if not given:
        if key_needed:
            raise Refusal(401, KeyRefused("this service needs a key: Authorization: Bearer KEY"))
        return Caller("", None)
    scheme, _, rest = given[0].strip().partition(" ")
    secret = rest.strip() if scheme.lower() == "bearer" and rest else given[0].strip()
    found: tuple[str, AccessKey] | None = None
    if len(given) == 1 and len(secret) <= LONGEST:
        for name, access in keys.items():  # all of them, so that the time tells nothing
            if access.matches(secret):
                found = name, access
    if found is None:
        raise Refusal(401, KeyRefused("the service does not know this key"))
    name, access = found
    if not access.is_valid(datetime.now(timezone.utc)):
        ended = "was revoked" if access.revoked is not None else "has expired"
        raise Refusal(401, KeyRefused(f"the key {name!r} {ended}"))
    return Caller(name, access)
