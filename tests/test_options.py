"""Options of the stages: their digest changes with each of them, and each says why it has its default."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from dataclasses import FrozenInstanceError, fields, is_dataclass, replace
from typing import Any

import pytest
from support.pictures import jpeg, page, png

from douglas_quaid import Decision, Engine
from douglas_quaid.decision.calibration_file import shipped
from douglas_quaid.decision.options import DecisionOptions, VerdictOptions
from douglas_quaid.options import DEFAULTS, Options

LABELS = ("spec:", "measured", "chosen")
#: Options of an engine that is less certain of equal pixels than others.
CAREFUL = Options(decision=DecisionOptions(verdict=VerdictOptions(certain=0.5)))


def groups(options: Any) -> Iterator[Any]:
    """These options and all that are nested in them."""
    yield options
    for field in fields(options):
        value = getattr(options, field.name)
        if is_dataclass(value):
            yield from groups(value)


def changed(value: Any) -> Any:
    """Another value of the same type."""
    return (*value, value[0]) if isinstance(value, tuple) else not value if value is True else value + 1


def variants(options: Any) -> Iterator[tuple[str, Any]]:
    """The same options with another value in one place, for each place, and the name of that place."""
    for field in fields(options):
        value = getattr(options, field.name)
        if is_dataclass(value):
            yield from (
                (f"{field.name}.{name}", replace(options, **{field.name: inner}))
                for name, inner in variants(value)
            )
        else:
            yield field.name, replace(options, **{field.name: changed(value)})


def test_the_digest_is_that_of_all_options_and_changes_with_each() -> None:
    digests = {"": DEFAULTS.digest()} | {name: variant.digest() for name, variant in variants(DEFAULTS)}
    assert len(digests) > 100 and len(set(digests.values())) == len(digests)
    assert Options().digest() == DEFAULTS.digest() and re.fullmatch("[0-9a-f]{10}", DEFAULTS.digest())


def test_options_cannot_be_changed() -> None:
    for group in groups(DEFAULTS):
        with pytest.raises(FrozenInstanceError):
            setattr(group, fields(group)[0].name, None)


@pytest.mark.parametrize("group", list(groups(DEFAULTS)), ids=lambda group: type(group).__name__)
def test_every_number_says_whether_it_is_specified_measured_or_chosen(group: Any) -> None:
    text = re.sub(r"\n\s*#: ?", " ", inspect.getsource(type(group)))
    for field in fields(group):
        if not is_dataclass(getattr(group, field.name)):
            above = text.split(f"\n    {field.name}:")[0].rpartition("\n")[2]
            assert any(label in above for label in LABELS), f"{type(group).__name__}.{field.name}: {above}"


def test_an_engine_decides_by_the_options_that_it_was_opened_with(store_url: str) -> None:
    # Given an engine that is less certain of equal pixels than others
    picture = page(3, 400, 300)
    with Engine.open(store_url, options=CAREFUL) as engine:
        known = engine.add(png(picture)).image_id
        other = png(picture, compress_level=1)
        # When the same pixels in another file are the query, or are compared
        (hit,), compared = engine.query(other).hits, engine.compare(other, known)
    # Then its own option counts, in both
    assert hit.image_id == known and hit.evidence.same_bytes is False
    assert (hit.confidence, compared.confidence) == (0.5, 0.5)


def test_verdicts_are_decided_again_by_the_options_of_the_engine(store_url: str) -> None:
    # Given two files of the same pixels, linked, and another calibration that was fitted with these options
    picture = page(3, 400, 300)
    with Engine.open(store_url, options=CAREFUL) as engine:
        first = engine.add(png(picture)).image_id
        engine.add(png(picture, compress_level=1))
        engine.choose_calibration(replace(shipped(), name="other", options=CAREFUL.digest()))
        # When the stored verdicts are decided again
        assert engine.redecide().renewed == 1
        # Then by the options of this engine
        assert [hit.confidence for hit in engine.hits(first)] == [0.5]


def test_an_ignored_picture_is_recognised_by_the_options_of_the_engine(store_url: str) -> None:
    # Given a picture that is ignored, and a copy of it that is not
    picture = page(3, 400, 300)
    with Engine.open(store_url) as engine:
        ignored = engine.add(png(picture), link=False).image_id
        copy = engine.add(jpeg(picture, 80), link=False).image_id
        engine.ignore(ignored)
        # Then the same pixels in another file match nothing
        assert engine.query(png(picture, compress_level=1)).decision is Decision.NO_MATCH
    # But to an engine that is not certain of equal pixels they are not the ignored picture
    with Engine.open(store_url, options=CAREFUL) as engine:
        found = engine.query(png(picture, compress_level=1))
        assert [hit.image_id for hit in found.hits] == [copy]
