"""Dataclasses as JSON objects, written and read strictly: values that do not fit are refused, never guessed
at.

A dataclass may have fields of type bool, int, float, str, Enum, another dataclass, or a tuple of one of
these, each of them optionally None. Fields that are None by default are left out when None, and may be
missing when read.
"""

from __future__ import annotations

import json
import math
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import cache
from types import NoneType
from typing import Any, TypeVar, cast, get_args, get_origin, get_type_hints

Record = TypeVar("Record")


def to_object(record: Any) -> dict[str, Any]:
    """Return the JSON object of a dataclass; `json.dumps` writes it."""
    values = {field.name: (getattr(record, field.name), field.default) for field in fields(record)}
    return {
        name: to_object(value) if is_dataclass(value) else value
        for name, (value, default) in values.items()
        if value is not None or default is not None
    }


def parse_object(text: str) -> dict[str, Any]:
    """Return the JSON object in `text`. Raises ValueError if it holds anything else, such as NaN."""
    return _object(json.loads(text, parse_constant=_refuse_constant))


def from_object(kind: type[Record], values: dict[str, Any]) -> Record:
    """Return a dataclass of type `kind` with these values. Raises ValueError naming the field that does not
    fit.
    """
    hints, optional = _fields(cast(Any, kind))
    if wrong := values.keys() - hints.keys() | hints.keys() - values.keys() - optional:
        raise ValueError(f"unknown or missing: {', '.join(sorted(wrong))}")
    return kind(**{name: _value(name, value, hints[name]) for name, value in values.items()})


@cache
def _fields(kind: type[Any]) -> tuple[dict[str, Any], frozenset[str]]:
    """Return the type of each field, and the names of those that may be missing."""
    optional = frozenset(field.name for field in fields(kind) if field.default is None)
    return get_type_hints(kind), optional


def _value(name: str, value: Any, hint: Any) -> Any:
    """Return `value` as a value of type `hint`. A bool is not a number, and numbers are finite."""
    kinds = get_args(hint) if get_origin(hint) is not tuple and get_args(hint) else (hint,)
    if value is None and NoneType in kinds:
        return None
    kind = kinds[0]
    if get_origin(kind) is tuple:
        if not isinstance(value, list):
            raise ValueError(f"{name} is {value!r:.80}, not a list")
        return tuple(_value(name, each, get_args(kind)[0]) for each in value)
    if isinstance(kind, type) and is_dataclass(kind):
        return from_object(kind, _object(value))
    if issubclass(kind, Enum):
        return kind(value)
    accepted = (int, float) if kind is float else kind
    if not isinstance(value, accepted) or (isinstance(value, bool) and kind is not bool):
        raise ValueError(f"{name} is {value!r:.80}, not of type {kind.__name__}")
    if kind is float and not math.isfinite(value):
        raise ValueError(f"{name} is {value}, not a finite number")
    return kind(value)


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"{value!r:.80} is not a JSON object")
    return value


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not a number")
