"""From what the engine judged to what is counted: the outcome of a query, and each judged pair with its
label.
"""

from ..decision.calibration import Calibration
from ..decision.decide import decide_stored
from ..records import Decision, ImageId
from ..search.hits import Inquiry, Judged, is_listed
from . import strata
from .dataset import Kind
from .engine_calls import QueryResponse
from .ground_truth import GroundTruth
from .queries import EvaluationQuery
from .results import NOT_A_CANDIDATE, LabelledPair, QueryOutcome


def label_response(
    response: QueryResponse, truth: GroundTruth, calibration: Calibration
) -> tuple[QueryOutcome, list[LabelledPair]]:
    """Return the outcome of a query, and each judged pair with its label. Edited pictures that show almost
    nothing are a stratum of their own.
    """
    query, inquiry, stratum = response.query, response.inquiry, response.query.stratum
    if response.low_texture and stratum in strata.ANSWERED:
        stratum = strata.LOW_TEXTURE
    best = _best_verdicts(inquiry)
    ranked = [*enumerate(best), *((NOT_A_CANDIDATE, judged) for judged in inquiry.besides)]
    pairs = [_pair(query, stratum, judged, place, truth, calibration) for place, judged in ranked]
    label = {pair.reference: pair.label for pair in pairs}
    expected = truth.image_ids(query.expected)
    hits = sorted(
        (judged for judged in best if is_listed(judged.verdict, Decision.REVIEW, same_template=False)),
        key=lambda judged: (-judged.verdict.confidence, judged.image_id),
    )
    matches = [hit for hit in hits if hit.verdict.decision is Decision.MATCH]
    first = hits[0] if hits else None
    found = first is not None and first.image_id in expected
    outcome = QueryOutcome(
        query=query.item.file,
        edit=query.edit,
        stratum=stratum,
        expected=tuple(sorted(query.expected)),
        rank=next((place for place, judged in enumerate(best) if judged.image_id in expected), None),
        candidates=len(best),
        decision=Decision.MATCH if matches else Decision.REVIEW if hits else Decision.NO_MATCH,
        first=None if first is None else truth.label(query.item, first.image_id)[0],
        relation=None if first is None else first.verdict.relation,
        confidence=0.0 if first is None else first.verdict.confidence,
        found=found,
        matched=found and first in matches,
        false_matches=sum(label[truth.label(query.item, hit.image_id)[0]] is False for hit in matches),
        seconds=round(inquiry.seconds, 4),
    )
    return outcome, pairs


def _best_verdicts(inquiry: Inquiry) -> list[Judged]:
    """Return each candidate once, at its first rank, with its most confident verdict."""
    best: dict[ImageId, Judged] = {}
    for judged in inquiry.candidates:
        known = best.get(judged.image_id, judged)
        best[judged.image_id] = max(known, judged, key=lambda one: one.verdict.confidence)
    return list(best.values())


def _pair(
    query: EvaluationQuery,
    stratum: str,
    judged: Judged,
    place: int,
    truth: GroundTruth,
    calibration: Calibration,
) -> LabelledPair:
    file, label = truth.label(query.item, judged.image_id)
    other, verdict = truth.dataset.by_file.get(file), judged.verdict
    if stratum == strata.PHISHING and other is not None and other.kind is Kind.LINKED:
        # Legitimate or not, each page of the graph may be what the other looks like: judged as against a
        # baseline collection.
        linked = frozenset((query.item.file, file)) in truth.dataset.edges
        label, verdict = (
            None if linked else label,
            decide_stored(verdict.evidence, calibration, baseline=True),
        )
    elif other is not None and label is not True and other.group != query.item.group:
        site = truth.split.site(query.item)
        stratum = strata.SAME_SITE if site is not None and site == truth.split.site(other) else stratum
    return LabelledPair(query.item.file, query.edit, stratum, file, label, verdict, place)
