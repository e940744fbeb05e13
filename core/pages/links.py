"""Where a browser finds an occurrence: addresses that the operator gave, never any that a picture, a file
name or a label brought.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, urlsplit

from ..errors import ConfigError
from ..records import Occurrence

#: Stands for the id of an occurrence in an address.
PLACE = "{id}"


@dataclass(frozen=True, slots=True)
class Links:
    """Addresses by host and kind of occurrences."""

    #: The address, with PLACE where the id goes, by (host, kind).
    addresses: Mapping[tuple[str, str], str] = field(default_factory=dict)

    @classmethod
    def parse(cls, texts: Iterable[str]) -> Links:
        """Return links from texts such as `misp:attribute=https://misp.example/attributes/view/{id}`. Raises
        ConfigError.
        """
        found = {}
        for text in texts:
            name, _, address = text.partition("=")
            host, _, kind = name.partition(":")
            if not host or not kind or not _is_web_address(address):
                raise ConfigError(
                    f"--link {text[:200]!r}: expected HOST:KIND=URL, an http or https address with {PLACE} in"
                    " its path or behind it"
                )
            found[host, kind] = address
        return cls(found)

    def to(self, occurrence: str) -> str | None:
        """Return the address of an occurrence; None where the operator gave none."""
        try:
            parsed = Occurrence.parse(occurrence)
        except ConfigError:
            return None
        address = self.addresses.get((parsed.host, parsed.kind))
        return (
            None if address is None else address.replace(PLACE, quote(parsed.id, safe="", errors="replace"))
        )


def _is_web_address(address: str) -> bool:
    try:
        parts = urlsplit(address)
        host, port = parts.hostname, parts.port  # the port is read only to see whether it can be
    except ValueError:
        return False
    behind = address[len(parts.scheme) + 3 + len(parts.netloc) :]
    plain = address.isprintable() and not any(mark in address for mark in " \"'<>\\")
    return parts.scheme in ("http", "https") and bool(host) and plain and PLACE in behind and port != 0
