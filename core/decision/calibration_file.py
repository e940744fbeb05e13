"""Calibration files: JSON read with every check that a stranger's file needs."""

import json
from dataclasses import fields
from functools import cache
from importlib import resources
from itertools import pairwise
from typing import Any

from ..errors import ConfigError, UnknownVersion
from ..strict_json import from_object, parse_object, to_object
from .calibration import Calibration, Model, Tail, Tails
from .curves import Points
from .imitation import MEASURES
from .predictors import PREDICTOR_BY_NAME, PREDICTORS

#: The file that comes with this version, in this folder.
SHIPPED = "calibration.json"
#: Format of the file. Formats 1 to 3 were never released.
FORMAT = 4
#: Maximum size of a file in bytes. chosen: a hundred times a usual one.
MAXIMUM_BYTES = 1 << 20


@cache
def shipped() -> Calibration:
    """Return the calibration that comes with this version."""
    return parse(resources.files(__package__).joinpath(SHIPPED).read_text("utf-8"))


def write(calibration: Calibration) -> str:
    """Return the text of a calibration file, one line for each term; `parse` reads it."""
    values: dict[str, Any] = {"id": calibration.id, "format": FORMAT} | to_object(calibration)
    lines = [f"  {json.dumps(name)}: {json.dumps(values[name])}" for name in values if name != "models"]
    models = []
    for model in values["models"]:
        terms = ",\n".join("      " + json.dumps(term) for term in model["terms"])
        head = f'"needs": {json.dumps(model["needs"])}, "prior": {json.dumps(model["prior"])}'
        models.append(f'    {{{head}, "terms": [\n{terms}\n    ]}}')
    return "{\n" + ",\n".join([*lines, '  "models": [\n' + ",\n".join(models) + "\n  ]"]) + "\n}\n"


def parse(text: str) -> Calibration:
    """Return the calibration of a file.

    Raises ConfigError, which names what is wrong with it, and UnknownVersion for another format.
    """
    try:
        if len(text) > MAXIMUM_BYTES:
            raise ValueError(f"{len(text)} characters, the limit is {MAXIMUM_BYTES}")
        values = parse_object(text)
        if values.pop("format") != FORMAT:
            raise UnknownVersion(
                f"calibration file: it is not of format {FORMAT}, which this program reads; make the file "
                "again with quaid calibrate"
            )
        calibration = from_object(Calibration, values)
        _check(calibration)
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise ConfigError(
            f"calibration file: {type(error).__name__}: {error}; make the file again with quaid calibrate"
        ) from None
    return calibration


def _check(calibration: Calibration) -> None:
    """Raise ValueError for numbers that no calibration has."""
    if not calibration.models or calibration.models[-1].needs:
        raise ValueError("the last model must need nothing, so that every pair has one")
    thresholds = calibration.thresholds
    for share in (
        calibration.without_transform,
        thresholds.match,
        thresholds.review,
        thresholds.whole,
        thresholds.template_agreement,
        thresholds.looks_like_review,
    ):
        if not 0 <= share <= 1:
            raise ValueError(f"{share} is not between 0 and 1")
    if not 0 < thresholds.review <= thresholds.match:
        raise ValueError(
            f"thresholds: review is {thresholds.review} and match {thresholds.match}; "
            "expected 0 < review <= match"
        )
    for model in calibration.models:
        _check_model(model)
    for term in calibration.looks_like.terms:
        if term.predictor not in MEASURES:
            raise ValueError(f"looks_like: {term.predictor!r} is not one of {', '.join(MEASURES)}")
        _check_points(term.predictor, term.points, rises=True)
    for kind in fields(Tails):
        _check_tail(kind.name, getattr(calibration.tails, kind.name))


def _check_model(model: Model) -> None:
    if len({term.predictor for term in model.terms}) != len(model.terms):
        raise ValueError("two terms have the same predictor")
    if unknown := set(model.needs) - {predictor.family for predictor in PREDICTORS}:
        raise ValueError(f"{', '.join(sorted(unknown))}: not a family of predictors")
    for term in model.terms:
        if term.predictor not in PREDICTOR_BY_NAME:
            known = ", ".join(sorted(PREDICTOR_BY_NAME))
            raise ValueError(f"{term.predictor!r} is not a predictor; predictors are {known}")
        _check_points(term.predictor, term.points, rises=PREDICTOR_BY_NAME[term.predictor].rises)


def _check_tail(name: str, tail: Tail) -> None:
    if tail.scale <= 0:
        raise ValueError(f"tail {name}: its scale is {tail.scale}, expected more than 0")
    _check_points(name, tail.points, rises=False)
    if any(not 0 < share <= 1 for _, share in tail.points):
        raise ValueError(f"tail {name}: expected shares above 0 and at most 1")


def _check_points(name: str, points: Points, *, rises: bool) -> None:
    if not points or any(left[0] >= right[0] for left, right in pairwise(points)):
        raise ValueError(f"the points of {name!r} must have rising values")
    if any((left[1] > right[1]) if rises else (left[1] < right[1]) for left, right in pairwise(points)):
        raise ValueError(f"the weights of {name!r} must {'rise' if rises else 'fall'}")
