"""What is refused before anything is read: other hosts, other sites, requests that come too fast.

A page in a browser of the analyst must not use the service. A name that a stranger's DNS points at this
machine is not in the list of hosts; a form or script of another site says so in Origin or Sec-Fetch-Site,
which a browser sets and a page cannot change.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from ..errors import ConfigError, NotAllowed, ServiceBusy
from .refusals import Refusal

#: Names by which this machine calls itself.
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
#: Methods that change nothing.
READING = frozenset({"GET", "HEAD", "OPTIONS"})
#: Seconds whose requests may come at once. chosen: a folder of small files.
BURST_SECONDS = 10


def host_of(authority: str) -> str:
    """Return the host of HOST[:PORT] in lower case, without the brackets of an IPv6 address; empty for what
    is malformed.
    """
    if set(authority) & set("@/?#\\"):
        return ""
    try:
        return (urlsplit(f"//{authority}").hostname or "").rstrip(".")
    except ValueError:
        return ""


def check_host(headers: list[str], allowed: Iterable[str]) -> None:
    """Return if a request names this service. Raises Refusal 421."""
    if len(headers) != 1 or host_of(headers[0]) not in allowed:
        raise Refusal(
            421, ConfigError("the Host header does not name this service; --allow-host adds a name")
        )


def check_site(method: str, headers: Mapping[str, str]) -> None:
    """Return unless a page of another site sends this. Raises Refusal 403."""
    if method in READING:
        return
    fetched = headers.get("sec-fetch-site", "none")
    origin = headers.get("origin")
    other = origin is not None and _authority_of(origin) != headers.get("host", "").lower()
    if fetched not in ("none", "same-origin") or other:
        raise Refusal(403, NotAllowed("a page of another site may not use this service"))


def _authority_of(origin: str) -> str:
    """HOST[:PORT] of an origin; empty for `null` and what is malformed."""
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return ""


@dataclass
class Rates:
    """How many requests each key may send: so many a minute, and those of some seconds at once."""

    #: Requests a minute; 0 for no limit.
    a_minute: int
    #: The clock, in seconds.
    clock: Callable[[], float] = time.monotonic
    _left: dict[str, tuple[float, float]] = field(default_factory=dict)

    def count(self, name: str) -> None:
        """Count a request of a key. Raises Refusal 429 with the seconds to wait."""
        if not self.a_minute:
            return
        now, a_second = self.clock(), self.a_minute / 60
        most = max(1.0, a_second * BURST_SECONDS)
        left, then = self._left.get(name, (most, now))
        left = min(most, left + (now - then) * a_second)
        if left < 1:
            wait = math.ceil((1 - left) / a_second)
            self._left[name] = left, now
            raise Refusal(
                429,
                ServiceBusy(f"more than {self.a_minute} requests a minute; wait {wait} s"),
                {"Retry-After": str(wait)},
            )
        self._left[name] = left - 1, now
