"""From query outcomes and labelled pairs to numbers. Counts only; nothing here depends on how the search
works.

Retrieval ("was a correct picture among the candidates?") and decision ("was the pair judged correctly?") are
counted apart, and both together as a person meets them: a query is found if its first hit is correct, as
`match` or `review`.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from statistics import fmean

from ..batches import grouped
from ..records import Decision, Relation
from . import strata
from .confidence import NOTHING, ConfidenceMetrics, Share, confidence_metrics
from .results import ANSWERS, PAIRS, LabelledPair, QueryOutcome, read_outcomes, read_pairs


@dataclass(frozen=True, slots=True)
class MetricsRow:
    """The queries of one stratum after one edit, or of several together."""

    #: Stratum of the queries; "" for several.
    stratum: str
    #: Name of the edit; "" for pictures as they are, "all" for all edits together.
    edit: str
    #: Queries with a correct picture among the candidates.
    proposed: Share
    #: Queries with a correct picture as the first candidate.
    at_1: Share
    #: Queries with a correct picture among the first 8 candidates.
    at_8: Share
    #: Queries with a correct picture among the first 50 candidates.
    at_50: Share
    #: Pairs of an edited picture and its source, candidate or not, that were judged `review` or better.
    judged: Share
    #: Queries whose first hit is correct.
    found: Share
    #: Queries found whose first hit is a `match`.
    matched: Share
    #: Queries that end in `review`.
    review: Share
    #: Wrong `match` hits, per query.
    false_matches: Share

    @property
    def asked(self) -> int:
        """Number of queries."""
        return self.false_matches.whole

    @classmethod
    def of(cls, stratum: str, edit: str, outcomes: list[QueryOutcome], judged: Share) -> MetricsRow:
        """Return the counts of these queries. `judged`: as the field."""
        with_answer = [outcome for outcome in outcomes if outcome.expected]

        def within(first: float) -> Share:
            return share_of(with_answer, lambda outcome: outcome.rank is not None and outcome.rank < first)

        return cls(
            stratum=stratum,
            edit=edit,
            proposed=within(float("inf")),
            at_1=within(1),
            at_8=within(8),
            at_50=within(50),
            judged=judged,
            found=share_of(with_answer, lambda outcome: outcome.found),
            matched=share_of(
                [outcome for outcome in outcomes if outcome.found], lambda outcome: outcome.matched
            ),
            review=share_of(outcomes, lambda outcome: outcome.decision is Decision.REVIEW),
            false_matches=Share(sum(outcome.false_matches for outcome in outcomes), len(outcomes)),
        )


#: Fields of a MetricsRow that are shares, in the order of the report, but for `false_matches`.
SHARES = ("proposed", "at_1", "at_8", "at_50", "judged", "found", "matched", "review")


@dataclass(frozen=True, slots=True)
class SameSite:
    """Pairs of pages of one site and of different groups, without pairs of identical pixels."""

    #: Number of pairs.
    judged: int
    #: Of the pairs with a transform, those that are a `match`.
    match: Share
    #: Of the pairs with a transform, those in `review`.
    review: Share

    @property
    def accepted(self) -> int:
        """Number of pairs with a transform."""
        return self.match.whole

    @classmethod
    def of(cls, decisions: list[Decision | None]) -> SameSite:
        """Return the counts of pairs with these decisions; None stands for a pair without a transform."""
        counts = Counter(decisions)
        accepted = len(decisions) - counts[None]
        return cls(
            len(decisions), Share(counts[Decision.MATCH], accepted), Share(counts[Decision.REVIEW], accepted)
        )


@dataclass(frozen=True, slots=True)
class Linked:
    """Pairs of a graph, each judged in both directions; the stronger relation counts."""

    #: Number of linked pairs.
    pairs: int
    #: Number of linked pairs by relation, of those that have one.
    found: dict[str, int]
    #: Number of other pairs by relation, of those that have one; a hit is any but same-template.
    wrong: dict[str, int]
    #: Number of other pairs.
    others: int


@dataclass(frozen=True, slots=True)
class Metrics:
    """All numbers of an evaluation."""

    #: Rows by stratum and edit, in the order of both.
    rows: tuple[MetricsRow, ...]
    #: Confidence over all labelled pairs but those of fillings.
    all_pairs: ConfidenceMetrics
    #: Confidence over the pairs with a transform: the many pairs that share nothing make `all_pairs` look
    #: better.
    mapped_pairs: ConfidenceMetrics
    #: Pairs of one site, both as they are.
    pages_as_they_are: SameSite
    #: Pairs of one site, one of them edited: after a crop both may show only what is common to the site.
    after_edits: SameSite
    #: Pairs of one site, as they are, that may or may not be two states of one page.
    of_one_design: SameSite
    #: Pairs that a person drew.
    linked: Linked
    #: Median and 99th percentile of a query's duration; processes run side by side, so it is approximate.
    seconds: tuple[float, float]

    @property
    def review_in_life(self) -> float | None:
        """Share of queries in `review`, `strata.SHARE_WITHOUT_ANSWER` of them without an answer; None without
        queries of either kind.
        """
        answered, without = (self.together(*names).review for names in (strata.EDITED, strata.WITHOUT))
        if answered.value is None or without.value is None:
            return None
        return strata.as_in_use(without=without.value, answered=answered.value)

    def together(self, *names: str) -> MetricsRow:
        """Return all queries of these strata as one row; without names, all queries."""
        rows = [row for row in self.rows if not names or row.stratum in names]
        shares = {
            name: sum((getattr(row, name) for row in rows), NOTHING) for name in (*SHARES, "false_matches")
        }
        return MetricsRow(names[0] if len(names) == 1 else "", "all", **shares)

    def mean_found(self, *names: str) -> float | None:
        """Return the mean over the edits of the share found in these strata, each edit with the same weight;
        None without queries.
        """
        by_edit = grouped((row for row in self.rows if row.stratum in names), lambda row: row.edit)
        shares = [sum((row.found for row in rows), NOTHING).value for rows in by_edit.values()]
        known = [share for share in shares if share is not None]
        return fmean(known) if known else None

    def edits(self, *names: str) -> tuple[str, ...]:
        """Return the edits of these strata, in the order of the rows."""
        return tuple(dict.fromkeys(row.edit for row in self.rows if row.stratum in names))


def compute_metrics(
    outcomes: Iterable[QueryOutcome], pairs: Iterable[LabelledPair], edits: Iterable[str]
) -> Metrics:
    """Return all numbers, counted in one pass over each. `edits`: the order of the rows."""
    listed = list(outcomes)
    counts = _PairCounts()
    for pair in pairs:
        counts.add(pair)
    by_name = grouped(listed, lambda outcome: (outcome.stratum, outcome.edit))
    order = [*strata.ORDER, *sorted({stratum for stratum, _ in by_name} - {*strata.ORDER})]
    edit_order = ["", *edits, *sorted({edit for _, edit in by_name} - {"", *edits})]
    names = sorted(by_name, key=lambda name: (order.index(name[0]), edit_order.index(name[1])))
    seconds = sorted(outcome.seconds for outcome in listed) or [0.0]
    return Metrics(
        rows=tuple(MetricsRow.of(*name, by_name[name], counts.judged[name]) for name in names),
        all_pairs=confidence_metrics((confidence, label) for confidence, label, _ in counts.labelled),
        mapped_pairs=confidence_metrics(
            (confidence, label) for confidence, label, aligned in counts.labelled if aligned
        ),
        pages_as_they_are=SameSite.of(counts.same_site[False, False]),
        after_edits=SameSite.of(counts.same_site[False, True]),
        of_one_design=SameSite.of(counts.same_site[None, False]),
        linked=counts.linked(),
        seconds=(seconds[len(seconds) // 2], seconds[min(len(seconds) - 1, len(seconds) * 99 // 100)]),
    )


def metrics_of_runs(folders: Sequence[Path], edits: Iterable[str]) -> Metrics:
    """Return the metrics of the runs in these folders, counted as one. Raises NotFound or ConfigError for
    missing or broken files.
    """
    return compute_metrics(
        chain.from_iterable(read_outcomes(folder / ANSWERS) for folder in folders),
        chain.from_iterable(read_pairs(folder / PAIRS) for folder in folders),
        edits,
    )


class _PairCounts:
    """Counts over the pairs, of which there may be more than fit into memory."""

    def __init__(self) -> None:
        self.judged: dict[tuple[str, str], Share] = defaultdict(lambda: NOTHING)
        #: Confidence, label, and whether there is a transform.
        self.labelled: list[tuple[float, bool, bool]] = []
        #: Decisions of pairs of one site, by label and by whether the query was edited; None stands for a
        #: pair without a transform.
        self.same_site: dict[tuple[bool | None, bool], list[Decision | None]] = defaultdict(list)
        self._nodes: set[str] = set()
        self._relations: dict[frozenset[str], tuple[bool, Relation | None]] = {}

    def add(self, pair: LabelledPair) -> None:
        verdict, evidence = pair.verdict, pair.verdict.evidence
        if pair.stratum == strata.PHISHING:
            self._nodes.add(pair.query)
            key = frozenset((pair.query, pair.reference))
            _, known = self._relations.get(key, (None, None))
            self._relations[key] = (pair.label is None, min(known, verdict.relation, key=_STRENGTH.index))
        # The confidence of a page that looks like another one is about something else; fillings are made to
        # resemble each other, and rules decide about them
        about_sources = verdict.relation is not Relation.LOOKS_LIKE and pair.stratum != strata.FILLINGS
        if pair.label is not None and about_sources:
            self.labelled.append((verdict.confidence, pair.label, evidence.matrix is not None))
        if pair.reference == pair.query:
            self.judged[pair.stratum, pair.edit] += Share(verdict.decision is not Decision.NO_MATCH, 1)
        elif pair.stratum == strata.SAME_SITE and not evidence.same:
            self.same_site[pair.label, bool(pair.edit)].append(
                None if evidence.matrix is None else verdict.decision
            )

    def linked(self) -> Linked:
        """Return the counts over pairs of two nodes of the graph; every node was a query."""
        between = [outcome for key, outcome in self._relations.items() if key <= self._nodes]
        linked = [relation for is_linked, relation in between if is_linked]
        others = [relation for is_linked, relation in between if not is_linked]
        found, wrong = (Counter(one.value for one in kind if one is not None) for kind in (linked, others))
        return Linked(len(linked), dict(found), dict(wrong), len(others))


#: Relations by strength.
_STRENGTH = (
    Relation.IDENTICAL,
    Relation.NEAR_DUPLICATE,
    Relation.PARTIAL,
    Relation.LOOKS_LIKE,
    Relation.SAME_TEMPLATE,
    None,
)


def share_of(outcomes: list[QueryOutcome], holds: Callable[[QueryOutcome], bool]) -> Share:
    """Return the share of the outcomes for which the condition holds."""
    return Share(sum(map(holds, outcomes)), len(outcomes))
