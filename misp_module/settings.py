"""The plugin settings of the module, parsed once from the `config` of a request into `Settings`.

MISP sends flat strings and nulls. They are read strictly: a wrong value becomes one ConfigError, which MISP
shows. The defaults disclose nothing. MISP cannot empty a setting that was set once, so words stand for the
default too.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from configparser import RawConfigParser
from dataclasses import dataclass, field, fields
from functools import partial

from douglas_quaid import ConfigError
from douglas_quaid.store_url import shown_value

from .attributes import is_base_url

#: Maximum length of a value. chosen.
MAX_CHARACTERS = 2000

#: Word for the default of every setting.
DEFAULT = "default"
#: Further words for the default of settings, which name nothing else.
DEFAULTS = {
    "store": ("none",),
    "misp_url": ("none",),
    "collections": ("all", "none"),
    "disclose": ("uuid", "none"),
}

#: Reads the text of a setting, given with its name; raises ConfigError.
_Reader = Callable[[str, str], object]


@dataclass(frozen=True, slots=True)
class Disclosure:
    """Whose names and hashes may be returned. A request does not say who asks, so by default nobody's."""

    #: Whether names and hashes of all pictures may be returned.
    everything: bool = False
    #: Collections whose members' names and hashes may be returned.
    collections: frozenset[str] = frozenset()

    def covers(self, collection: str) -> bool:
        """Return whether the name of this collection, and names, hashes and labels of its members, may be
        returned.
        """
        return self.everything or collection in self.collections


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The settings in the order in which MISP shows them."""

    #: Name or URL of a store that the operator allowed; None: DOUGLAS_QUAID_STORE of the service.
    store: str | None = field(default=None, repr=False)
    #: Base URL of this MISP without a trailing slash, for links to events.
    misp_url: str | None = None
    #: Maximum number of objects in a response. A hover shows at most three, or ten after a click. chosen.
    max_results: int = 5
    #: Whether hits with the decision `review` are returned.
    include_review: bool = True
    #: Whether pages with the same layout and other content are returned.
    include_same_template: bool = False
    #: Whether pictures of the queried attribute's own event are returned.
    include_same_event: bool = True
    #: Collections to search; empty: all images.
    collections: tuple[str, ...] = ()
    #: Whose names and hashes are returned.
    disclose: Disclosure = field(default_factory=Disclosure)
    #: Whether a picture that is enriched is added to the store.
    index_query_image: bool = False
    #: Maximum size of a picture file, in units of 1,000,000 bytes. chosen: MISP waits 10 s, and transporting
    #: larger files as base64 takes a large part of that.
    max_image_mb: float = 20
    #: Maximum size of a picture, in millions of pixels. chosen: a full-page capture of 1,920 x 26,000.
    max_megapixels: float = 50
    #: Maximum time for a response, in seconds, even if MISP allows more. chosen: twice MISP's default.
    max_seconds: float = 20

    @property
    def max_bytes(self) -> int:
        """`max_image_mb` in bytes."""
        return int(self.max_image_mb * 1_000_000)

    @property
    def max_pixels(self) -> int:
        """`max_megapixels` in pixels."""
        return int(self.max_megapixels * 1_000_000)

    @classmethod
    def parse(cls, config: object) -> Settings:
        """Return the settings of a request; absent, null and empty values and the words for it mean the
        default.

        Raises ConfigError that names the setting, its value and what is expected.
        """
        if config is None:
            return cls()
        if not isinstance(config, Mapping):
            raise ConfigError(
                f"config is {shown_value(config)}; expected an object of settings: {', '.join(NAMES)}"
            )
        unknown = [name for name, value in config.items() if name not in NAMES and value not in (None, "")]
        if unknown:
            raise ConfigError(
                f"{shown_value(unknown[0])} is not a setting of this module;"
                f" its settings are {', '.join(NAMES)}"
            )
        texts = {name: _text(name, config[name]) for name in NAMES if name in config}
        values = {
            name: _READERS[name](name, text) for name, text in texts.items() if not _is_default(name, text)
        }
        return cls(**values)  # type: ignore[arg-type]


#: Names of the settings, in the order in which MISP shows them.
NAMES = tuple(setting.name for setting in fields(Settings))


def _text(name: str, value: object) -> str:
    """MISP sends strings and nulls; people who call the module by hand send numbers and booleans too."""
    if value is None:
        return ""
    if not isinstance(value, str | int | float):
        raise ConfigError(f"{name} is {shown_value(value)}; expected text")
    text = str(value).strip()
    if len(text) > MAX_CHARACTERS or not text.isprintable():
        raise ConfigError(
            f"{name} is {shown_value(text)}; expected at most {MAX_CHARACTERS} printable characters"
        )
    return text


def _is_default(name: str, text: str) -> bool:
    return text.lower() in ("", DEFAULT, *DEFAULTS.get(name, ()))


def _boolean(name: str, text: str) -> bool:
    word = text.lower()
    if word not in RawConfigParser.BOOLEAN_STATES:
        raise ConfigError(f"{name} is {shown_value(text)}; expected true or false")
    return RawConfigParser.BOOLEAN_STATES[word]


def _number(name: str, text: str, *, minimum: float, maximum: float) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not minimum <= value <= maximum:
        raise ConfigError(f"{name} is {shown_value(text)}; expected a number from {minimum:g} to {maximum:g}")
    return value


def _count(name: str, text: str, *, minimum: int, maximum: int) -> int:
    if not (text.isascii() and text.isdigit() and minimum <= int(text) <= maximum):
        raise ConfigError(
            f"{name} is {shown_value(text)}; expected a whole number from {minimum} to {maximum}"
        )
    return int(text)


def _base_url(name: str, text: str) -> str:
    if not is_base_url(text) or any(character in text for character in "<>\"' \\"):
        raise ConfigError(
            f"{name} is {shown_value(text)}; expected the address of this MISP, such as https://misp.example.org"
        )
    return text.rstrip("/")


def _listed(name: str, text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _disclosure(name: str, text: str) -> Disclosure:
    words = _listed(name, text)
    if words == ("full",):
        return Disclosure(everything=True)
    return Disclosure(collections=frozenset(words))


_READERS: dict[str, _Reader] = {
    "store": lambda name, text: text,
    "misp_url": _base_url,
    "max_results": partial(_count, minimum=1, maximum=100),
    "include_review": _boolean,
    "include_same_template": _boolean,
    "include_same_event": _boolean,
    "collections": _listed,
    "disclose": _disclosure,
    "index_query_image": _boolean,
    "max_image_mb": partial(_number, minimum=0.001, maximum=1000),
    "max_megapixels": partial(_number, minimum=0.001, maximum=500),
    "max_seconds": partial(_number, minimum=0.2, maximum=300),
}
