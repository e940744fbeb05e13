"""Dataclasses as JSON objects, written and read strictly: values that do not fit are refused, never guessed
at.

A dataclass may have fields of type bool, int, float, str, Enum, another dataclass, or a tuple of these, each
of them optionally None. Fields that are None by default are left out when None, and may be missing when read.
"""

import json
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import cache, partial
from math import isfinite
from types import NoneType
from typing import Any, TypeVar, cast, get_args, get_origin, get_type_hints

Record = TypeVar("Record")

#: Returns a JSON value as the value of a field. Takes the name of the field and the value.
Reader = Callable[[str, Any], Any]


def to_object(record: Any) -> dict[str, Any]:
    """Return the JSON object of a dataclass; `json.dumps` writes it."""
    readers, required = _fields(cast(Any, type(record)))
    return {
        name: _plain(value)
        for name in readers
        if (value := getattr(record, name)) is not None or name in required
    }


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    return to_object(value) if is_dataclass(value) else value


def parse_object(text: str) -> dict[str, Any]:
    """Return the JSON object in `text`. Raises ValueError if it holds anything else, such as NaN."""
    return _object(json.loads(text, parse_constant=_refuse_constant))


def from_object(kind: type[Record], values: dict[str, Any]) -> Record:
    """Return a dataclass of type `kind` with these values. Raises ValueError naming the field that does not
    fit.
    """
    readers, required = _fields(cast(Any, kind))
    if wrong := values.keys() - readers.keys() | required - values.keys():
        raise ValueError(f"unknown or missing: {', '.join(sorted(wrong))}")
    return kind(**{name: readers[name](name, value) for name, value in values.items()})


@cache
def _fields(kind: type[Any]) -> tuple[dict[str, Reader], frozenset[str]]:
    """Return the reader of each field, and the names of the fields that must not be missing."""
    readers = {name: _reader(hint) for name, hint in get_type_hints(kind).items()}
    return readers, frozenset(field.name for field in fields(kind) if field.default is not None)


def _reader(hint: Any) -> Reader:
    """Return the reader of values of type `hint`."""
    if NoneType in get_args(hint):
        reader = _reader(get_args(hint)[0])
        return lambda name, value: None if value is None else reader(name, value)
    if get_origin(hint) is tuple:
        return partial(_tuple, [_reader(each) for each in get_args(hint) if each is not Ellipsis], hint)
    if is_dataclass(hint):
        return lambda _, value: from_object(cast(Any, hint), _object(value))
    if issubclass(hint, Enum):
        return lambda _, value: hint(value)
    return _float if hint is float else partial(_plain_value, hint)


def _tuple(readers: list[Reader], hint: Any, name: str, value: Any) -> Any:
    if not isinstance(value, list):
        raise ValueError(f"{name} is {value!r:.80}, not a list")
    each = readers * len(value) if Ellipsis in get_args(hint) else readers
    if len(each) != len(value):
        raise ValueError(f"{name} is {value!r:.80}, not a list of {len(each)}")
    return tuple(reader(name, one) for reader, one in zip(each, value, strict=True))


def _float(name: str, value: Any) -> float:
    if type(value) not in (float, int):  # a bool is not a number
        raise ValueError(f"{name} is {value!r:.80}, not a number")
    if not isfinite(value):
        raise ValueError(f"{name} is {value}, not a finite number")
    return float(value)


def _plain_value(kind: type[Any], name: str, value: Any) -> Any:
    """Read a bool, an int or a str; a bool is not an int."""
    if type(value) is not kind:
        raise ValueError(f"{name} is {value!r:.80}, not of type {kind.__name__}")
    return value


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"{value!r:.80} is not a JSON object")
    return value


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not a number")
