"""The fields of requests: from the text of a URL or form, or the values of a JSON object, to checked values.

What the list of an operation does not name is refused, as is a value that does not fit: a misspelt option
must not be ignored.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any

from ..errors import ConfigError

#: Maximum length of a text. chosen: a path with a folder or two.
TEXT_CHARACTERS = 8192
#: Largest whole number. chosen.
LARGEST = 1_000_000
#: Maximum length of a long text. chosen: what a bookmark may hold.
LONG_CHARACTERS = 1 << 20
#: An image id. spec: sha256 in lower case.
IMAGE_ID = re.compile("[0-9a-f]{64}")


class Kind(str, Enum):
    """Types of values."""

    #: Text without control characters.
    TEXT = "text"
    #: true, false, 1, 0.
    FLAG = "flag"
    #: A whole number from 1 on.
    WHOLE = "whole"
    #: A number above zero.
    NUMBER = "number"
    #: A time with a time zone, ISO 8601.
    TIME = "time"
    #: Id of an image, all 64 digits.
    IMAGE = "image id"
    #: A text of any characters, with line breaks.
    LONG = "long text"


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A field that an operation takes."""

    #: Its name.
    name: str
    #: What it means, for the document.
    meaning: str
    #: Type of its value.
    kind: Kind = Kind.TEXT
    #: Whether it may be given several times.
    many: bool = False
    #: Whether it must be given.
    required: bool = False
    #: The only values it may have; empty for any.
    choices: tuple[str, ...] = ()

    def value_of(self, given: object) -> Any:
        """Return a value as the handler takes it. Raises ConfigError that names the field."""
        if self.kind is Kind.FLAG:
            return self._flag(given)
        if self.kind in (Kind.WHOLE, Kind.NUMBER):
            return self._number(given)
        if self.kind is Kind.LONG:
            if not isinstance(given, str) or len(given) > LONG_CHARACTERS:
                raise self._wrong(given, f"text of at most {LONG_CHARACTERS} characters")
            return given
        if self.kind is Kind.IMAGE:
            if not isinstance(given, str) or not IMAGE_ID.fullmatch(given):
                raise self._wrong(given, "the 64 hexadecimal digits of an image id")
            return given
        if not isinstance(given, str) or len(given) > TEXT_CHARACTERS:
            raise self._wrong(given, f"text of at most {TEXT_CHARACTERS} characters")
        if any(character < " " or character == "\x7f" for character in given):
            raise self._wrong(given, "text without control characters")
        if self.choices and given not in self.choices:
            raise self._wrong(given, f"one of {', '.join(self.choices)}")
        return self._time(given) if self.kind is Kind.TIME else given

    def _flag(self, given: object) -> bool:
        known = {True: True, False: False, "1": True, "true": True, "0": False, "false": False}
        if not isinstance(given, (bool, str)) or given not in known:
            raise self._wrong(given, "true or false")
        return known[given]

    def _number(self, given: object) -> float:
        whole = self.kind is Kind.WHOLE
        expected = f"a whole number from 1 to {LARGEST}" if whole else f"a number above 0, at most {LARGEST}"
        try:
            if isinstance(given, bool) or not isinstance(given, (str, int, float)):
                raise ValueError
            if isinstance(given, str) and (len(given) > 20 or not given.isascii()):
                raise ValueError
            number = int(given) if whole and not isinstance(given, float) else float(given)
        except (ValueError, OverflowError):
            raise self._wrong(given, expected) from None
        if not math.isfinite(number) or not 0 < number <= LARGEST or (whole and number != int(number)):
            raise self._wrong(given, expected)
        return int(number) if whole else number

    def _time(self, given: str) -> datetime:
        try:
            found = datetime.fromisoformat(given.replace("Z", "+00:00"))
        except ValueError:
            raise self._wrong(given, "a time such as 2026-11-22T14:30:00Z") from None
        if found.tzinfo is None:
            raise self._wrong(given, "a time with a time zone, such as 2026-11-22T14:30:00Z")
        return found

    def _wrong(self, given: object, expected: str) -> ConfigError:
        return ConfigError(f"{self.name}={given!r:.80}: expected {expected}")


def values_of(fields: Sequence[Field], given: Mapping[str, Sequence[object]]) -> dict[str, Any]:
    """Return the values of the fields that were given; a list where a field may be given several times.
    Raises ConfigError for one that is unknown, missing, given twice, or does not fit.
    """
    known = {field.name: field for field in fields}
    for name in given:
        if name not in known:
            expected = f"expected {', '.join(known)}" if known else "none is expected"
            raise ConfigError(f"unknown field {name[:80]!r}; {expected}")
    found: dict[str, Any] = {}
    for field in fields:
        values = [field.value_of(one) for one in given.get(field.name, ())]
        if field.required and not values:
            raise ConfigError(f"the field {field.name} is missing")
        if len(values) > 1 and not field.many:
            raise ConfigError(f"the field {field.name} is given {len(values)} times")
        if values:
            found[field.name] = values if field.many else values[0]
    return found


def labels_of(pairs: Sequence[str]) -> dict[str, str]:
    """Return labels that were given as KEY=VALUE. Raises ConfigError."""
    labels = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not name or not equals:
            raise ConfigError(f"label={pair[:80]!r}: expected KEY=VALUE")
        labels[name] = value
    return labels
