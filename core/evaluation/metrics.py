"""From answers and judged pairs to numbers. Counts only; nothing here knows how a picture was searched for.

Retrieval ("was a right picture among the candidates?") and decision ("given the pair, was it judged right?")
are counted apart, and both together as a person meets them: found is a query whose first hit is right, as
`match` or `review`.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from statistics import fmean

from ..records import Decision, Relation
from . import strata
from .results import ANSWERS, PAIRS, LabelledPair, QueryOutcome, read_answers, read_pairs

#: Of the reliability curve, of equal width. spec: issue of this project; usual for the expected calibration
#: error.
BINS = 15
#: Confidence from which a verdict must be right in as many cases.
SURE = 0.99
#: Share of queries without an answer when a review share is stated for use: four in five.
WITHOUT_IN_LIFE = 0.8


@dataclass(frozen=True, slots=True)
class Share:
    part: int
    whole: int

    @property
    def value(self) -> float | None:
        """0 to 1; None of nothing."""
        return self.part / self.whole if self.whole else None

    def __add__(self, other: Share) -> Share:
        return Share(self.part + other.part, self.whole + other.whole)


@dataclass(frozen=True, slots=True)
class MetricsRow:
    """The answers of one stratum after one edit."""

    stratum: str
    edit: str
    asked: int
    #: A right picture is among the candidates; the next three: among the first 1, 8, 50 of them.
    proposed: Share
    at_1: Share
    at_8: Share
    at_50: Share
    #: Given the pair of the edited picture and its source, whether a candidate or not: `review` or better.
    judged: Share
    found: Share
    #: Of those found, answered `match`.
    matched: Share
    #: The query ends in `review`.
    review: Share
    #: Hits answered `match` that are wrong.
    false_matches: int


@dataclass(frozen=True, slots=True)
class Bin:
    low: float
    high: float
    pairs: int
    #: Mean of its pairs; so is the next.
    confidence: float
    right: float


@dataclass(frozen=True, slots=True)
class ConfidenceMetrics:
    """How far confidence and truth agree, over pairs that have a label."""

    pairs: int
    #: Mean squared difference of confidence and truth.
    brier: float | None
    #: Expected calibration error: mean difference of confidence and share right over the bins, weighted by
    #: pairs.
    error: float | None
    #: Of the pairs with a confidence of SURE or more, those that are right.
    sure: Share
    #: Those that hold pairs.
    bins: tuple[Bin, ...]


@dataclass(frozen=True, slots=True)
class SameSite:
    """Pairs of pages of one site and different groups that geometry accepts; pixel-identical ones are set
    aside, and twins.
    """

    accepted: int
    match: Share
    review: Share
    #: All such pairs, accepted or not.
    judged: int


@dataclass(frozen=True, slots=True)
class Linked:
    """Pairs of a graph, each in both directions, the better one counting."""

    pairs: int
    #: Linked pairs by relation, as far as there is one.
    found: dict[str, int]
    #: Other pairs by relation; hits are those that are more than same-template.
    wrong: dict[str, int]
    others: int


@dataclass(frozen=True, slots=True)
class Metrics:
    #: By stratum and edit, in the order of both.
    rows: tuple[MetricsRow, ...]
    all_pairs: ConfidenceMetrics
    #: Only pairs with a map from one to the other: the many that share nothing at all make the first look
    #: better than it is.
    mapped_pairs: ConfidenceMetrics
    pages_as_they_are: SameSite
    #: One side edited: after a crop both may show nothing but what is common to the site.
    after_edits: SameSite
    #: Pairs of one site of which nobody can say whether they are two states of one page, as they are.
    of_one_design: SameSite
    linked: Linked
    #: Wrong hits answered `match`, to all queries.
    false_matches: Share
    #: The same for queries of which nothing that is right is indexed.
    false_matches_without: Share
    #: Share of the edited queries that end in `review`; the next: of those without an answer.
    review_answered: float | None
    review_without: float | None
    #: Both together, four in five without an answer.
    review_in_life: float | None
    #: Median and 99 % of a query, as far as processes side by side let it be measured.
    seconds: tuple[float, float]

    def stratum(self, name: str) -> MetricsRow | None:
        """All edits of a stratum taken together."""
        return merged(name, [row for row in self.rows if row.stratum == name])

    def mean_found(self, *names: str) -> float | None:
        """Mean over the edits of the share found, each edit with the same weight, over these strata."""
        shares = [
            sum(
                (row.found for row in self.rows if row.stratum in names and row.edit == edit), Share(0, 0)
            ).value
            for edit in self.edits(*names)
        ]
        known = [share for share in shares if share is not None]
        return fmean(known) if known else None

    def edits(self, *names: str) -> tuple[str, ...]:
        return tuple(dict.fromkeys(row.edit for row in self.rows if row.stratum in names))


def measure(answers: Iterable[QueryOutcome], pairs: Iterable[LabelledPair], edits: Iterable[str]) -> Metrics:
    """Count everything in one pass over each; `edits` gives the order of the rows."""
    listed = list(answers)
    counted = _PairCounts()
    for pair in pairs:
        counted.take(pair)
    by: dict[tuple[str, str], list[QueryOutcome]] = defaultdict(list)
    for answer in listed:
        by[answer.stratum, answer.edit].append(answer)
    order = {name: place for place, name in enumerate(("", *edits))}
    names = sorted(by, key=lambda key: (_place(key[0]), order.get(key[1], len(order)), key[1]))
    rows = tuple(
        _row(stratum, edit, by[stratum, edit], counted.given[stratum, edit]) for stratum, edit in names
    )
    without = [answer for answer in listed if answer.stratum in strata.WITHOUT]
    asked = [answer for answer in listed if answer.stratum in (*strata.ANSWERED, strata.LOW_TEXTURE)]
    review_asked, review_without = (
        _share(group, lambda answer: answer.review).value for group in (asked, without)
    )
    both = review_asked is not None and review_without is not None
    seconds = sorted(answer.seconds for answer in listed) or [0.0]
    return Metrics(
        rows=rows,
        all_pairs=calibrated(counted.confidences),
        mapped_pairs=calibrated(counted.mapped),
        pages_as_they_are=counted.as_they_are.finished(),
        after_edits=counted.after_edits.finished(),
        of_one_design=counted.of_one_design.finished(),
        linked=counted.linked(),
        false_matches=Share(sum(answer.false_matches for answer in listed), len(listed)),
        false_matches_without=Share(sum(answer.false_matches for answer in without), len(without)),
        review_answered=review_asked,
        review_without=review_without,
        review_in_life=(1 - WITHOUT_IN_LIFE) * (review_asked or 0) + WITHOUT_IN_LIFE * (review_without or 0)
        if both
        else None,
        seconds=(seconds[len(seconds) // 2], seconds[min(len(seconds) - 1, len(seconds) * 99 // 100)]),
    )


def measured(folders: Iterable[Path], edits: Iterable[str]) -> Metrics:
    """The runs in these folders counted as one. Raises NotFound or ConfigError for files that are missing or
    broken.
    """
    listed = list(folders)
    answers = chain.from_iterable(read_answers(folder / ANSWERS) for folder in listed)
    return measure(answers, chain.from_iterable(read_pairs(folder / PAIRS) for folder in listed), edits)


def merged(stratum: str, rows: list[MetricsRow]) -> MetricsRow | None:
    """Rows of several edits as one."""
    if not rows:
        return None
    shares = {name: sum((getattr(row, name) for row in rows), Share(0, 0)) for name in _SHARES}
    return MetricsRow(
        stratum,
        "all",
        sum(row.asked for row in rows),
        **shares,
        false_matches=sum(row.false_matches for row in rows),
    )


_SHARES = ("proposed", "at_1", "at_8", "at_50", "judged", "found", "matched", "review")


def calibrated(confidences: Iterable[tuple[float, bool]]) -> ConfidenceMetrics:
    """Brier score, expected calibration error and curve of pairs of confidence (0 to 1) and truth; bins are
    closed above.
    """
    held: list[list[tuple[float, bool]]] = [[] for _ in range(BINS)]
    listed = list(confidences)
    for confidence, right in listed:
        held[min(BINS - 1, int(confidence * BINS))].append((confidence, right))
    bins = tuple(
        Bin(
            place / BINS,
            (place + 1) / BINS,
            len(inside),
            fmean(c for c, _ in inside),
            fmean(r for _, r in inside),
        )
        for place, inside in enumerate(held)
        if inside
    )
    sure = [right for confidence, right in listed if confidence >= SURE]
    return ConfidenceMetrics(
        pairs=len(listed),
        brier=fmean((confidence - right) ** 2 for confidence, right in listed) if listed else None,
        error=sum(bin_.pairs * abs(bin_.confidence - bin_.right) for bin_ in bins) / len(listed)
        if listed
        else None,
        sure=Share(sum(sure), len(sure)),
        bins=bins,
    )


class _SameSiteCounts:
    def __init__(self) -> None:
        self.judged = self.accepted = self.match = self.review = 0

    def take(self, pair: LabelledPair) -> None:
        if pair.verdict.evidence.same_bytes or pair.verdict.evidence.same_pixels:
            return
        self.judged += 1
        if pair.verdict.evidence.matrix is not None:
            self.accepted += 1
            self.match += pair.verdict.decision is Decision.MATCH
            self.review += pair.verdict.decision is Decision.REVIEW

    def finished(self) -> SameSite:
        return SameSite(
            self.accepted, Share(self.match, self.accepted), Share(self.review, self.accepted), self.judged
        )


class _PairCounts:
    """What is counted over the pairs, of which there may be more than memory holds."""

    def __init__(self) -> None:
        self.given: dict[tuple[str, str], Share] = defaultdict(lambda: Share(0, 0))
        self.confidences: list[tuple[float, bool]] = []
        self.mapped: list[tuple[float, bool]] = []
        self.as_they_are, self.after_edits, self.of_one_design = (
            _SameSiteCounts(),
            _SameSiteCounts(),
            _SameSiteCounts(),
        )
        self._nodes: set[str] = set()
        self._relations: dict[frozenset[str], tuple[bool, Relation | None]] = {}

    def take(self, pair: LabelledPair) -> None:
        verdict = pair.verdict
        if pair.stratum == strata.PHISHING:
            self._nodes.add(pair.query)
            self._take_linked(pair)
        if (
            pair.label is not None and verdict.relation is not Relation.LOOKS_LIKE
        ):  # whose confidence is about something else
            self.confidences.append((verdict.confidence, pair.label))
            if verdict.evidence.matrix is not None:
                self.mapped.append((verdict.confidence, pair.label))
        if pair.reference == pair.query:
            self.given[pair.stratum, pair.edit] += Share(verdict.decision is not Decision.NO_MATCH, 1)
        if pair.stratum == strata.SAME_SITE and pair.reference != pair.query:
            if pair.label is False:
                (self.after_edits if pair.edit else self.as_they_are).take(pair)
            elif not pair.edit:
                self.of_one_design.take(pair)

    def _take_linked(self, pair: LabelledPair) -> None:
        """Of both directions the one with the stronger relation."""
        key = frozenset((pair.query, pair.reference))
        known = self._relations.get(key)
        if known is None or _RELATIONS.index(pair.verdict.relation) < _RELATIONS.index(known[1]):
            self._relations[key] = (pair.label is None, pair.verdict.relation)

    def linked(self) -> Linked:
        """Pairs of two nodes of the graph; each node was asked for."""
        between = [outcome for key, outcome in self._relations.items() if key <= self._nodes]
        found = Counter(relation.value for linked, relation in between if linked and relation is not None)
        wrong = Counter(relation.value for linked, relation in between if not linked and relation is not None)
        pairs = sum(linked for linked, _ in between)
        return Linked(pairs, dict(found), dict(wrong), len(between) - pairs)


_RELATIONS = (
    Relation.IDENTICAL,
    Relation.NEAR_DUPLICATE,
    Relation.PARTIAL,
    Relation.LOOKS_LIKE,
    Relation.SAME_TEMPLATE,
    None,
)


def _row(stratum: str, edit: str, answers: list[QueryOutcome], given: Share) -> MetricsRow:
    return MetricsRow(
        stratum=stratum,
        edit=edit,
        asked=len(answers),
        proposed=_within(answers, None),
        at_1=_within(answers, 1),
        at_8=_within(answers, 8),
        at_50=_within(answers, 50),
        judged=given,
        found=_share([answer for answer in answers if answer.expected], lambda answer: answer.found),
        matched=_share([answer for answer in answers if answer.found], lambda answer: answer.matched),
        review=_share(answers, lambda answer: answer.review),
        false_matches=sum(answer.false_matches for answer in answers),
    )


def _within(answers: list[QueryOutcome], first: int | None) -> Share:
    asked = [answer for answer in answers if answer.expected]
    return _share(asked, lambda answer: answer.rank is not None and (first is None or answer.rank < first))


def _share(answers: list[QueryOutcome], holds: Callable[[QueryOutcome], bool]) -> Share:
    return Share(sum(map(holds, answers)), len(answers))


def _place(stratum: str) -> int:
    return strata.ORDER.index(stratum) if stratum in strata.ORDER else len(strata.ORDER)
