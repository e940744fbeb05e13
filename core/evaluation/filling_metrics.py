"""From the questions, answers and pairs of the stratum "fillings" to numbers: how often another filling is
called the same, and whether the regions that differ lie on the values that were replaced.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ..boxes import area
from ..records import Decision, Relation, Verdict
from ..store.verdict_sides import reversed_verdict
from . import strata
from .confidence import NOTHING, Share
from .filling_questions import PERSONAL, Changed, FillingQuestion
from .filling_run import CLUSTERS, QUESTIONS, ClusterCount
from .results import ANSWERS, NOT_A_CANDIDATE, PAIRS, QueryOutcome, read_outcomes, read_pairs, read_records

#: Pixels around a replaced value that still belong to it. chosen: about a letter.
MARGIN = 8
#: Changes after which two fillings have little in common but the template.
OTHER = (Changed.HALF, Changed.ALL)
#: Changes of a few values.
FEW = (Changed.ONE, Changed.THREE)


@dataclass(frozen=True, slots=True)
class AnsweredQuestion:
    """A question with both of its answers."""

    #: The question.
    question: FillingQuestion
    #: What the store answered.
    outcome: QueryOutcome
    #: The verdict about the known filling alone, with the known filling as the query.
    verdict: Verdict

    @property
    def answer(self) -> str:
        """Return the decision; of a no-match with a relation the relation."""
        decision, relation = self.verdict.decision, self.verdict.relation
        return relation.value if decision is Decision.NO_MATCH and relation else decision.value


@dataclass(frozen=True, slots=True)
class FillingRow:
    """Some questions, counted."""

    #: Pairs that are a match.
    match: Share
    #: Pairs in review.
    review: Share
    #: Pairs that are of one template and no match.
    same_template: Share
    #: Pairs with a region that differs.
    with_box: Share
    #: Replaced values that a region touches.
    values_hit: Share
    #: Area of regions on what changed, and of all regions, in pixels.
    area: Share
    #: Queries of the store whose first hit is the known filling, of those that should find it.
    found: Share
    #: Of these the matches.
    matched: Share
    #: Queries of the store with a wrong match, of all.
    wrong: Share
    #: Queries of the store that end in review.
    query_review: Share

    @property
    def asked(self) -> int:
        """Number of questions."""
        return self.match.whole

    @classmethod
    def of(cls, answered: Iterable[AnsweredQuestion]) -> FillingRow:
        """Return the counts of these questions."""
        listed = list(answered)
        same = [each for each in listed if each.question.changed is Changed.NONE]
        hits, areas = zip(*map(_boxes, listed), strict=True) if listed else ((), ())

        def share(holds: Callable[[AnsweredQuestion], bool], among: list[AnsweredQuestion] = listed) -> Share:
            return Share(sum(map(holds, among)), len(among))

        return cls(
            match=share(lambda each: each.answer == Decision.MATCH.value),
            review=share(lambda each: each.answer == Decision.REVIEW.value),
            same_template=share(lambda each: each.answer == Relation.SAME_TEMPLATE.value),
            with_box=share(lambda each: bool(each.verdict.evidence.differences)),
            values_hit=sum(hits, NOTHING),
            area=sum(areas, NOTHING),
            found=share(lambda each: each.outcome.found, same),
            matched=share(lambda each: each.outcome.matched, [each for each in same if each.outcome.found]),
            wrong=share(lambda each: each.outcome.false_matches > 0),
            query_review=share(lambda each: each.outcome.decision is Decision.REVIEW),
        )


@dataclass(frozen=True, slots=True)
class FillingMetrics:
    """All numbers of the stratum."""

    #: Every question that was answered.
    answered: tuple[AnsweredQuestion, ...]
    #: How many fillings share a cluster.
    clusters: tuple[ClusterCount, ...]

    def row(
        self, *changed: Changed, kind: str | None = None, edit: str | None = None, personal: bool = False
    ) -> FillingRow:
        """Return the counts after these changes; `kind`, `edit`: of one template, after one edit;
        `personal`: of kinds whose values are secrets, identities or payments.
        """
        return FillingRow.of(
            each
            for each in self.answered
            if each.question.changed in changed
            and kind in (None, each.question.kind)
            and edit in (None, each.question.edit)
            and (not personal or each.question.kind in PERSONAL)
        )

    def shared(self, changed: Changed, kind: str | None = None) -> Share:
        """Return how many fillings share a cluster with another one after this change."""
        return sum(
            (
                Share(count.shared, count.fillings)
                for count in self.clusters
                if count.changed is changed and kind in (None, count.kind)
            ),
            NOTHING,
        )

    @property
    def kinds(self) -> tuple[str, ...]:
        """Return the templates in the order of the run."""
        return tuple(dict.fromkeys(each.question.kind for each in self.answered))

    @property
    def edits(self) -> tuple[str, ...]:
        """Return the edits, the picture as it is first."""
        return tuple(sorted({each.question.edit for each in self.answered}))


def filling_metrics(out: Path) -> FillingMetrics | None:
    """Return the numbers of the run in this folder; None for a run without fillings. Raises NotFound or
    ConfigError for missing or broken results.
    """
    if not (out / QUESTIONS).is_file():
        return None
    questions = read_records(out / QUESTIONS, FillingQuestion, "question about a filling")
    outcomes = {
        (outcome.query, outcome.edit): outcome
        for outcome in read_outcomes(out / ANSWERS)
        if outcome.stratum == strata.FILLINGS
    }
    verdicts = {
        (pair.query, pair.edit, pair.reference): reversed_verdict(pair.verdict)
        for pair in read_pairs(out / PAIRS)
        if pair.stratum == strata.FILLINGS and pair.place == NOT_A_CANDIDATE
    }
    clusters = (
        tuple(read_records(out / CLUSTERS, ClusterCount, "count of clusters"))
        if (out / CLUSTERS).is_file()
        else ()
    )
    answered = tuple(_joined(questions, outcomes, verdicts))
    return FillingMetrics(answered, clusters) if answered else None


def _joined(
    questions: Iterable[FillingQuestion],
    outcomes: dict[tuple[str, str], QueryOutcome],
    verdicts: dict[tuple[str, str, str], Verdict],
) -> Iterator[AnsweredQuestion]:
    for question in questions:
        outcome = outcomes.get((question.query, question.edit))
        verdict = verdicts.get((question.query, question.edit, question.reference))
        if outcome is not None and verdict is not None:
            yield AnsweredQuestion(question, outcome, verdict)


def _boxes(answered: AnsweredQuestion) -> tuple[Share, Share]:
    """Return how many replaced values the regions touch, and how much of their area lies on what changed."""
    question, (width, height) = answered.question, answered.question.size
    drawn = [
        (x0 * width, y0 * height, x1 * width, y1 * height)
        for x0, y0, x1, y1 in (each.box for each in answered.verdict.evidence.differences or ())
    ]
    hit = sum(any(_common(place, box) > 0 for box in drawn) for place in question.places)
    near = [
        (x0 - MARGIN, y0 - MARGIN, x1 + MARGIN, y1 + MARGIN)
        for x0, y0, x1, y1 in (*question.places, *question.moved)
    ]
    areas = [area(box) for box in drawn]
    on = [
        min(area, sum(_common(place, box) for place in near)) for box, area in zip(drawn, areas, strict=True)
    ]
    return Share(hit, len(question.places)), Share(round(sum(on)), round(sum(areas)))


def _common(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    """Return the area that two boxes share."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    return max(0.0, width) * max(0.0, height)
