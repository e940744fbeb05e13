"""From what the engine judged to what is counted: the answer of a query, and each judged pair with its label."""

from __future__ import annotations

from ..decision.calibration import Calibration
from ..decision.decide import decide
from ..records import Decision, ImageId, Relation
from ..search.search import Inquiry, Judged
from . import strata
from .dataset import Kind
from .ground_truth import GroundTruth
from .queries import EvaluationQuery
from .results import NOT_A_CANDIDATE, LabelledPair, QueryOutcome


def labelled(
    question: EvaluationQuery,
    inquiry: Inquiry,
    truth: GroundTruth,
    calibration: Calibration,
    *,
    low_texture: bool,
) -> tuple[QueryOutcome, list[LabelledPair]]:
    """What came, as it is counted: the answer of the query, and each judged pair with its label."""
    stratum = question.stratum
    if low_texture and stratum in strata.ANSWERED:
        stratum = strata.LOW_TEXTURE
    best = _best_of_each(inquiry)
    pairs = [_pair(question, stratum, found, place, truth, calibration) for place, found in enumerate(best)]
    pairs += [
        _pair(question, stratum, found, NOT_A_CANDIDATE, truth, calibration) for found in inquiry.besides
    ]
    expected = truth.ids(question.expected)
    hits = sorted(
        (found for found in best if _is_hit(found)),
        key=lambda found: (-found.verdict.confidence, found.image_id),
    )
    label = {pair.reference: pair.label for pair in pairs}
    first = hits[0] if hits else None
    found = first is not None and first.image_id in expected
    wrong = [
        hit
        for hit in hits
        if hit.verdict.decision is Decision.MATCH
        and label[truth.label(question.item, hit.image_id)[0]] is False
    ]
    answer = QueryOutcome(
        query=question.item.file,
        edit=question.edit,
        stratum=stratum,
        expected=tuple(sorted(question.expected)),
        rank=next((place for place, judged in enumerate(best) if judged.image_id in expected), None),
        candidates=len(best),
        decision=Decision.NO_MATCH
        if first is None
        else Decision.MATCH
        if any(h.verdict.decision is Decision.MATCH for h in hits)
        else Decision.REVIEW,
        first=None if first is None else truth.label(question.item, first.image_id)[0],
        relation=None if first is None else first.verdict.relation,
        confidence=0.0 if first is None else first.verdict.confidence,
        found=found,
        matched=found and first is not None and first.verdict.decision is Decision.MATCH,
        false_matches=len(wrong),
        seconds=round(inquiry.seconds, 4),
    )
    return answer, pairs


def _best_of_each(inquiry: Inquiry) -> list[Judged]:
    """Each candidate once, at its first place, with its surest verdict."""
    best: dict[ImageId, Judged] = {}
    for found in inquiry.candidates:
        known = best.get(found.image_id)
        best[found.image_id] = (
            found if known is None or found.verdict.confidence > known.verdict.confidence else known
        )
    return list(best.values())


def _is_hit(found: Judged) -> bool:
    return (
        found.verdict.decision is not Decision.NO_MATCH
        and found.verdict.relation is not Relation.SAME_TEMPLATE
    )


def _pair(
    question: EvaluationQuery,
    stratum: str,
    found: Judged,
    place: int,
    truth: GroundTruth,
    calibration: Calibration,
) -> LabelledPair:
    file, label = truth.label(question.item, found.image_id)
    other, verdict = truth.dataset.by_file.get(file), found.verdict
    if stratum == strata.PHISHING and other is not None and other.kind is Kind.LINKED:
        # Legitimate or not, each page of the graph may be what the other looks like: judged as against a
        # baseline collection.
        linked = frozenset((question.item.file, file)) in truth.dataset.edges
        label, verdict = None if linked else label, decide(verdict.evidence, calibration, baseline=True)
    elif other is not None and label is not True and other.group != question.item.group:
        site = truth.parts.site(question.item)
        stratum = strata.SAME_SITE if site is not None and site == truth.parts.site(other) else stratum
    return LabelledPair(question.item.file, question.edit, stratum, file, label, verdict, place)
