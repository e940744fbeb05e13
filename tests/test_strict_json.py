"""Dataclasses survive a round trip through JSON, and values that do not fit are refused by name."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

import pytest
from hypothesis import given, strategies as st

from douglas_quaid.strict_json import from_object, parse_object, to_object


class Colour(str, Enum):
    """An enumeration."""

    RED = "red"
    BLUE = "blue"


@dataclass(frozen=True, slots=True)
class Inner:
    """Fields that may be missing, and one that may not."""

    colour: Colour
    weight: float | None = None
    names: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Outer:
    """A field of each type."""

    count: int
    share: float
    text: str
    flag: bool
    maybe: Colour | None
    inner: Inner
    colours: tuple[Colour, ...]


EXAMPLE = Outer(3, 0.5, "é \u2028", True, None, Inner(Colour.RED), (Colour.BLUE, Colour.RED))

FLOATS = st.floats(allow_nan=False, allow_infinity=False)
INNER = st.builds(
    Inner, st.sampled_from(Colour), st.none() | FLOATS, st.none() | st.lists(st.text(), max_size=3).map(tuple)
)
OUTER = st.builds(
    Outer,
    st.integers(),
    FLOATS,
    st.text(),
    st.booleans(),
    st.none() | st.sampled_from(Colour),
    INNER,
    st.lists(st.sampled_from(Colour), max_size=3).map(tuple),
)


@given(OUTER)
def test_a_dataclass_survives_a_round_trip(record: Outer) -> None:
    assert from_object(Outer, parse_object(json.dumps(to_object(record)))) == record


def test_what_was_not_measured_is_left_out_and_what_must_be_there_is_null() -> None:
    assert to_object(EXAMPLE)["inner"] == {"colour": "red"}
    assert to_object(EXAMPLE)["maybe"] is None


def test_whole_numbers_are_read_as_floats_where_floats_are_expected() -> None:
    found = from_object(Outer, to_object(replace(EXAMPLE, share=1)) | {"share": 1, "colours": ["red"]})
    assert isinstance(found.share, float) and found.share == 1


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"count": "3"}, "count is '3'"),
        ({"count": True}, "count is True"),
        ({"flag": 0}, "flag is 0"),
        ({"text": None}, "text is None"),
        ({"share": float("inf")}, "share is inf"),
        ({"maybe": "green"}, "green"),
        ({"inner": {}}, "missing: colour"),
        ({"inner": {"colour": "red", "size": 1}}, "missing: size"),
        ({"inner": 7}, "7 is not a JSON object"),
        ({"colours": "red"}, "colours is 'red'"),
        ({"colours": ["red", None]}, "None"),
    ],
)
def test_a_value_that_does_not_fit_is_refused(changed: dict[str, Any], message: str) -> None:
    values = json.loads(json.dumps(to_object(EXAMPLE))) | changed
    with pytest.raises(ValueError, match=message):
        from_object(Outer, values)


@pytest.mark.parametrize("text", ["[]", "7", '{"a": NaN}', '{"a": Infinity}', "{", ""])
def test_only_a_json_object_is_parsed(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_object(text)
