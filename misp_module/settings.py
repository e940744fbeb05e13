"""What a MISP administrator typed into the plugin settings: flat strings, read strictly, with defaults that
disclose nothing.

Takes the `config` of a request (strings, nulls, or nothing at all), gives `Settings` or one ConfigError that
can be read on MISP's screen.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from douglas_quaid.config import shown
from douglas_quaid.errors import ConfigError

if TYPE_CHECKING:
    from douglas_quaid.records import Membership

#: In the order in which MISP shows them.
NAMES = (
    "store",
    "misp_url",
    "max_results",
    "include_review",
    "include_same_template",
    "include_same_event",
    "collections",
    "disclose",
    "index_query_image",
    "max_image_mb",
    "max_megapixels",
    "max_seconds",
)

#: Longest value of a setting. chosen.
MOST_CHARACTERS = 2000


@dataclass(frozen=True, slots=True)
class Disclosure:
    """Whose names and hashes may be told. MISP asks without saying for whom, so nobody's by default."""

    everything: bool = False
    collections: frozenset[str] = frozenset()

    def covers(self, memberships: Iterable[Membership]) -> bool:
        """Whether names, hashes and titles of a picture in these collections may be told."""
        return self.everything or any(membership.name in self.collections for membership in memberships)

    def labels(self, membership: Membership) -> Mapping[str, str]:
        return membership.labels if self.everything or membership.name in self.collections else {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    #: URL of the feature store; None: what DOUGLAS_QUAID_STORE says.
    store: str | None = None
    #: Address of this MISP, without a slash at its end, for links that can be clicked.
    misp_url: str | None = None
    #: Objects in an answer; a hover shows three, and ten when it was asked for by a click. chosen.
    max_results: int = 5
    include_review: bool = True
    include_same_template: bool = False
    #: Whether pictures of the queried attribute's own event are told of.
    include_same_event: bool = True
    #: Search only these; empty: everything.
    collections: tuple[str, ...] = ()
    disclose: Disclosure = field(default_factory=Disclosure)
    #: Whether an enriched picture is kept in the store.
    index_query_image: bool = False
    #: Largest picture file, in units of 1,000,000 bytes. chosen: a MISP answers within 10 s, and base64 of
    #: more takes its share of that.
    max_image_mb: float = 20
    #: chosen: a full-page capture of 1,920 x 26,000.
    max_megapixels: float = 50
    #: Longest time for an answer, whatever MISP allows. chosen: twice MISP's default.
    max_seconds: float = 20

    @property
    def max_bytes(self) -> int:
        return int(self.max_image_mb * 1_000_000)

    @property
    def max_pixels(self) -> int:
        return int(self.max_megapixels * 1_000_000)

    @classmethod
    def parse(cls, config: object) -> Settings:
        """Raises ConfigError naming the setting, what was given and what is expected."""
        if config is None:
            return cls()
        if not isinstance(config, Mapping):
            raise ConfigError(
                f"config is {_shown(config)}; expected an object of settings: {', '.join(NAMES)}"
            )
        given = {str(name): _text(str(name), value) for name, value in config.items()}
        values = {name: text for name, text in given.items() if text}
        for name in values:
            if name not in NAMES:
                raise ConfigError(
                    f"{_shown(name)} is not a setting of this module; its settings are {', '.join(NAMES)}"
                )
        return cls(**{name: _READERS[name](name, text) for name, text in values.items()})  # type: ignore[arg-type]


def _shown(value: object) -> str:
    return shown(repr(value))[:80]


def _text(name: str, value: object) -> str:
    """MISP sends strings and nulls; people who call the module by hand send numbers and booleans too."""
    if value is None:
        return ""
    if not isinstance(value, str | int | float):
        raise ConfigError(f"{name} is {_shown(value)}; expected text")
    text = str(value).strip()
    if len(text) > MOST_CHARACTERS or not text.isprintable():
        raise ConfigError(
            f"{name} is {_shown(text)}; expected at most {MOST_CHARACTERS} printable characters"
        )
    return text


def _boolean(name: str, text: str) -> bool:
    known = {
        "true": True,
        "yes": True,
        "on": True,
        "1": True,
        "false": False,
        "no": False,
        "off": False,
        "0": False,
    }
    if text.lower() not in known:
        raise ConfigError(f"{name} is {_shown(text)}; expected true or false")
    return known[text.lower()]


def _number(least: float, most: float) -> object:
    def read(name: str, text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = float("nan")
        if not least <= value <= most:
            raise ConfigError(f"{name} is {_shown(text)}; expected a number from {least:g} to {most:g}")
        return value

    return read


def _count(least: int, most: int) -> object:
    def read(name: str, text: str) -> int:
        if not (text.isascii() and text.isdigit() and least <= int(text) <= most):
            raise ConfigError(f"{name} is {_shown(text)}; expected a whole number from {least} to {most}")
        return int(text)

    return read


def _address(name: str, text: str) -> str:
    try:
        parts = urlsplit(text)
        sound = (
            parts.scheme in ("http", "https")
            and parts.hostname
            and not parts.username
            and not parts.query
            and not parts.fragment
        )
    except ValueError:
        sound = False
    if not sound or any(character in text for character in "<>\"' \\"):
        raise ConfigError(
            f"{name} is {_shown(text)}; expected the address of this MISP, such as https://misp.example.org"
        )
    return text.rstrip("/")


def _listed(name: str, text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _disclosure(name: str, text: str) -> Disclosure:
    words = _listed(name, text)
    if words == ("full",):
        return Disclosure(everything=True)
    return Disclosure() if words == ("uuid",) else Disclosure(collections=frozenset(words))


_READERS = {
    "store": lambda name, text: text,
    "misp_url": _address,
    "max_results": _count(1, 100),
    "include_review": _boolean,
    "include_same_template": _boolean,
    "include_same_event": _boolean,
    "collections": _listed,
    "disclose": _disclosure,
    "index_query_image": _boolean,
    "max_image_mb": _number(0.001, 1000),
    "max_megapixels": _number(0.001, 500),
    "max_seconds": _number(0.2, 300),
}
