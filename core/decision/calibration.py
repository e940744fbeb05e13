"""From evidence to a probability: additive match weights, as in record linkage.

Fellegi and Sunter (JASA 1969): each piece of evidence adds its weight, the logarithm of how much likelier it
is among pairs that show the same picture than among pairs that do not. A term is a curve of straight pieces
over one predictor of the evidence (predictors.py), and every curve is monotone. All numbers lie in a file with its
provenance, so that a better calibration replaces the file, not the code; `quaid calibrate` fits one
(evaluation/fit.py). Weights are natural logarithms; their sum becomes a probability by the logistic curve.
The id is a digest of what the file says, so a verdict names the very numbers that it rests on.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cache
from hashlib import sha256
from importlib import resources
from itertools import pairwise
from math import exp, isfinite, log
from operator import itemgetter
from typing import Any

from ..errors import ConfigError, UnknownVersion
from ..records import Evidence
from .predictors import PREDICTOR_BY_NAME, PREDICTORS

SHIPPED = "calibration.json"
#: Of the file. 1 had groups of alternatives and a floor of content agreement, and was never released.
FORMAT = 3
#: A longer file is refused. chosen: a hundred times a usual one.
MOST_BYTES = 1 << 20

Points = tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Term:
    """Weight over one predictor: straight lines between the points, flat beyond them."""

    predictor: str
    #: Value and weight, by rising value.
    points: Points
    #: Weight where the predictor was not measured.
    absent: float

    def weight(self, value: float | None) -> float:
        return self.absent if value is None else curve(self.points, value)


@dataclass(frozen=True, slots=True)
class Model:
    """Weights for pairs of which these families of predictors were measured: pictures known by their hashes alone
    are judged by curves of their own.
    """

    needs: tuple[str, ...]
    #: Weight before any evidence: log odds.
    prior: float
    terms: tuple[Term, ...]


@dataclass(frozen=True, slots=True)
class Thresholds:
    #: Least probability of a match.
    match: float
    #: Least probability of a review.
    review: float
    #: Least coverage of both pictures at which they count as near-duplicates rather than parts of each other.
    whole: float
    #: Least inliers at which a pair that is no match is called same-template.
    template_inliers: int
    #: Least content agreement at which it is, where content was compared: a map by chance joins what agrees
    #: nowhere.
    template_agreement: float
    #: Least confidence of looks-like for a review.
    looks_like_review: float


@dataclass(frozen=True, slots=True)
class Tail:
    """How high the best candidate of a query comes: what thresholds are chosen by."""

    #: Queries that were counted.
    queries: int
    #: Images that they were searched among; 0: not known.
    images: int
    #: Log odds, rising, and the share of the queries whose best candidate reaches them.
    points: Points
    #: Beyond the last point the share falls by the factor e with each step of this size in log odds.
    scale: float


@dataclass(frozen=True, slots=True)
class Tails:
    #: Of queries without an answer, by candidates that may become a match.
    unanswered: Tail
    #: The same by any candidate.
    unanswered_review: Tail
    #: Of queries with an answer, by candidates that may become a match.
    answered: Tail
    answered_review: Tail


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where the numbers come from. Stored and shown, never computed with."""

    note: str
    #: Name and sha256 of each data set.
    data: tuple[tuple[str, str], ...] = ()
    date: str = ""
    #: Of the program that made it, or its version.
    commit: str = ""
    part: str = ""
    seed: int = 0
    #: Stratum, pairs that show the same picture, pairs that do not, pairs of which nobody can say.
    counts: tuple[tuple[str, int, int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Calibration:
    name: str
    provenance: Provenance
    #: The first one whose needs are measured counts; the last needs nothing.
    models: tuple[Model, ...]
    #: Probability of a pair that nothing lays over each other.
    without_map: float
    thresholds: Thresholds
    #: Content agreement, and the confidence that a page with this layout imitates a page of a baseline:
    #: probabilities, not weights.
    looks_like: Points
    tails: Tails
    #: Name and the first digits of a digest of all the rest; computed.
    id: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        digest = sha256(_body(self).encode()).hexdigest()[:10]
        object.__setattr__(self, "id", f"{self.name}-{digest}")

    def log_odds(self, evidence: Evidence) -> float:
        """Sum of the weights of a pair that a map lays over each other; where it stands in a crowd, the
        probability is shared with that.
        """
        values = {predictor.name: predictor.measure(evidence) for predictor in PREDICTORS}
        measured = {predictor.family for predictor in PREDICTORS if values[predictor.name] is not None}
        model = next(model for model in self.models if measured.issuperset(model.needs))
        odds = model.prior + sum(term.weight(values[term.predictor]) for term in model.terms)
        if not evidence.ambiguous_with:
            return odds
        shared = logistic(odds) / (1 + evidence.ambiguous_with)
        return logit(shared) if shared else odds

    def probability(self, evidence: Evidence) -> float:
        """Probability, 0 to 1, that both pictures show the same source picture."""
        return self.without_map if evidence.matrix is None else logistic(self.log_odds(evidence))

    def likeness(self, evidence: Evidence) -> float:
        """Probability, 0 to 1, that the one imitates the other, for a page of a baseline with the same
        layout.
        """
        return curve(self.looks_like, evidence.content_agreement or 0.0)

    def with_thresholds(
        self, *, match: float, review: float, provenance: Provenance, name: str
    ) -> Calibration:
        return replace(
            self,
            name=name,
            provenance=provenance,
            thresholds=replace(self.thresholds, match=match, review=review),
        )


def curve(points: Points, value: float) -> float:
    """Straight lines between the points, flat beyond them."""
    after = bisect_right(points, value, key=_first)
    if after == 0 or after == len(points):
        return points[after - 1 if after else 0][1]
    (left, low), (right, high) = points[after - 1], points[after]
    return low + (high - low) * (value - left) / (right - left)


_first = itemgetter(0)


def logistic(log_odds: float) -> float:
    return 1 / (1 + exp(-log_odds)) if log_odds > -700 else 0.0


def logit(probability: float) -> float:
    """Log odds of a probability above 0 and below 1."""
    return log(probability / (1 - probability))


@cache
def shipped() -> Calibration:
    """The calibration that comes with this version."""
    return parse(resources.files(__package__).joinpath(SHIPPED).read_text("utf-8"))


def write(calibration: Calibration) -> str:
    """The text of a calibration file, for people too; `parse` reads it."""
    lines = [
        f"  {json.dumps(name)}: {json.dumps(value)}"
        for name, value in ({"id": calibration.id} | _values(calibration)).items()
        if name != "models"
    ]
    models = []
    for model in _values(calibration)["models"]:
        terms = ",\n".join("      " + json.dumps(term) for term in model["terms"])
        models.append(
            f'    {{"needs": {json.dumps(model["needs"])}, "prior": {json.dumps(model["prior"])}, "terms": [\n{terms}\n    ]}}'
        )
    return "{\n" + ",\n".join([*lines, '  "models": [\n' + ",\n".join(models) + "\n  ]"]) + "\n}\n"


def _body(calibration: Calibration) -> str:
    return json.dumps(_values(calibration), sort_keys=True, separators=(",", ":"))


def _values(calibration: Calibration) -> dict[str, Any]:
    origin, thresholds = calibration.provenance, calibration.thresholds
    return {
        "format": FORMAT,
        "name": calibration.name,
        "provenance": {
            "note": origin.note,
            "data": [list(data) for data in origin.data],
            "date": origin.date,
            "commit": origin.commit,
            "part": origin.part,
            "seed": origin.seed,
            "counts": [list(counts) for counts in origin.counts],
        },
        "thresholds": {item.name: getattr(thresholds, item.name) for item in fields(Thresholds)},
        "without_map": float(calibration.without_map),
        "models": [
            {
                "needs": list(model.needs),
                "prior": float(model.prior),
                "terms": [
                    {"predictor": term.predictor, "absent": float(term.absent), "points": _lists(term.points)}
                    for term in model.terms
                ],
            }
            for model in calibration.models
        ],
        "looks_like": _lists(calibration.looks_like),
        "tails": {
            name: {
                "queries": tail.queries,
                "images": tail.images,
                "scale": float(tail.scale),
                "points": _lists(tail.points),
            }
            for name, tail in ((kind.name, getattr(calibration.tails, kind.name)) for kind in fields(Tails))
        },
    }


def _lists(points: Points) -> list[list[float]]:
    return [[float(x), float(y)] for x, y in points]


def parse(text: str) -> Calibration:
    """Read a calibration file; raises ConfigError naming what is wrong with it, UnknownVersion for one of a
    newer program.
    """
    try:
        if len(text) > MOST_BYTES:
            raise ValueError(f"{len(text)} characters; at most {MOST_BYTES} are read")
        data = _object(json.loads(text, parse_constant=_refused))
        if data["format"] != FORMAT:
            raise UnknownVersion(
                f"calibration file: its format is {data['format']!r:.40}, this program reads {FORMAT}; make it anew with quaid calibrate"
            )
        return _calibration(data)
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise ConfigError(
            f"calibration file: {type(error).__name__}: {error}; make it anew with quaid calibrate"
        ) from None


def _calibration(data: Mapping[str, Any]) -> Calibration:
    origin, thresholds, tails = (
        _object(data["provenance"]),
        _object(data["thresholds"]),
        _object(data["tails"]),
    )
    models = tuple(_model(_object(model)) for model in data["models"])
    if not models or models[-1].needs:
        raise ValueError("the last model must need nothing, so that every pair has one")
    review, match = _share(thresholds["review"]), _share(thresholds["match"])
    if not 0 < review <= match:
        raise ValueError(f"thresholds: review is {review} and match {match}; expected 0 < review <= match")
    return Calibration(
        name=_text(data["name"]),
        provenance=Provenance(
            note=_text(origin["note"]),
            data=tuple((_text(name), _text(digest)) for name, digest in origin["data"]),
            date=_text(origin["date"]),
            commit=_text(origin["commit"]),
            part=_text(origin["part"]),
            seed=int(origin["seed"]),
            counts=tuple(
                (_text(stratum), int(same), int(different), int(unknown))
                for stratum, same, different, unknown in origin["counts"]
            ),
        ),
        models=models,
        without_map=_share(data["without_map"]),
        thresholds=Thresholds(
            match=match,
            review=review,
            whole=_share(thresholds["whole"]),
            template_inliers=int(thresholds["template_inliers"]),
            template_agreement=_share(thresholds["template_agreement"]),
            looks_like_review=_share(thresholds["looks_like_review"]),
        ),
        looks_like=_points("looks_like", data["looks_like"], rises=True),
        tails=Tails(*(_tail(kind.name, _object(tails[kind.name])) for kind in fields(Tails))),
    )


def _model(data: Mapping[str, Any]) -> Model:
    terms, needs = (
        tuple(_term(_object(term)) for term in data["terms"]),
        tuple(_text(family) for family in data["needs"]),
    )
    if len({term.predictor for term in terms}) != len(terms):
        raise ValueError("two terms have the same predictor")
    if unknown := set(needs) - {predictor.family for predictor in PREDICTORS}:
        raise ValueError(f"{', '.join(sorted(unknown))}: no family of predictors")
    return Model(needs, _number(data["prior"]), terms)


def _term(data: Mapping[str, Any]) -> Term:
    name = data["predictor"]
    if name not in PREDICTOR_BY_NAME:
        raise ValueError(
            f"{name!r} is not a predictor of the evidence; there are {', '.join(sorted(PREDICTOR_BY_NAME))}"
        )
    return Term(
        name, _points(name, data["points"], rises=PREDICTOR_BY_NAME[name].rises), _number(data["absent"])
    )


def _tail(name: str, data: Mapping[str, Any]) -> Tail:
    scale = _number(data["scale"])
    if scale <= 0:
        raise ValueError(f"tail {name}: its scale is {scale}, not above 0")
    points = _points(name, data["points"], rises=False)
    if any(not 0 < share <= 1 for _, share in points):
        raise ValueError(f"tail {name}: shares are above 0 and at most 1")
    return Tail(int(data["queries"]), int(data["images"]), points, scale)


def _points(name: str, data: Sequence[Sequence[float]], *, rises: bool) -> Points:
    points = tuple((_number(x), _number(y)) for x, y in data)
    if not points or any(left[0] >= right[0] for left, right in pairwise(points)):
        raise ValueError(f"the points of {name!r} must have rising values")
    if any((left[1] > right[1]) if rises else (left[1] < right[1]) for left, right in pairwise(points)):
        raise ValueError(f"the weights of {name!r} must {'rise' if rises else 'fall'}")
    return points


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not isfinite(value):
        raise ValueError(f"{value!r:.40} is no finite number")
    return float(value)


def _share(value: Any) -> float:
    number = _number(value)
    if not 0 <= number <= 1:
        raise ValueError(f"{number} is not between 0 and 1")
    return number


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{value!r:.40} is no text")
    return value


def _object(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"{value!r:.40} is no JSON object")
    return value


def _refused(name: str) -> float:
    raise ValueError(f"{name} is no number")
