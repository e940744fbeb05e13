"""From evidence to a verdict: decision, relation, confidence, and the sentence an analyst reads.

`match` may be acted on by a machine, `review` is for a person, `no-match` is an answer. Where a piece is
missing that could refute (no thumbnail, other extractor version, hashes alone), the answer ends at `review`.
Pictures that geometry joins and content separates are `same-template`, which is a `no-match`; in a baseline
collection they may be `looks-like`, which is at most a `review`, with a confidence of its own: that the one
imitates the other.
"""

from __future__ import annotations

from ..features.pdq import ORIENTATIONS
from ..records import PERSON, Configuration, Decision, Evidence, Relation, Verdict
from .calibration import Calibration

#: Confidence of identical pixels, and the most that anything else reaches: chance, a bug or a broken disk are
#: left. chosen.
CERTAIN = 1 - 1e-9

#: Coverage from which a picture counts as held by the other, whole but for its edges. chosen: as `whole` in
#: the shipped calibration.
HELD = 0.8

#: Share of a pair's inliers from which those of its rival are told. chosen: below it a copy stands out for
#: anybody.
WORTH_SAYING = 0.5

#: Last part of the sentence for that relation.
LOOKS_LIKE = "looks like this page, but is not a picture of it"


def decide(evidence: Evidence, calibration: Calibration, *, baseline: bool = False) -> Verdict:
    """Conclude from `evidence`; `baseline` says that the reference is a member of a baseline collection."""
    decision, relation, confidence = _judge(evidence, calibration, baseline=baseline)
    return Verdict(decision, relation, confidence, evidence, calibration.id, sentence(evidence, relation))


def _judge(
    evidence: Evidence, calibration: Calibration, *, baseline: bool
) -> tuple[Decision, Relation | None, float]:
    if evidence.same_bytes:
        return Decision.MATCH, Relation.IDENTICAL, 1.0
    if evidence.same_pixels:
        return Decision.MATCH, Relation.IDENTICAL, CERTAIN
    probability, thresholds = min(CERTAIN, calibration.probability(evidence)), calibration.thresholds
    if evidence.matrix is None:
        return Decision.NO_MATCH, None, probability
    if probability >= thresholds.review:
        relation = Relation.NEAR_DUPLICATE if _whole(evidence, calibration) else Relation.PARTIAL
        if not is_refutable(evidence):
            return Decision.REVIEW, relation, min(probability, thresholds.match)
        return Decision.MATCH if probability >= thresholds.match else Decision.REVIEW, relation, probability
    if not _same_layout(evidence, calibration):
        return Decision.NO_MATCH, None, probability
    likeness = calibration.likeness(evidence)
    if baseline and likeness >= thresholds.looks_like_review:
        return Decision.REVIEW, Relation.LOOKS_LIKE, likeness
    return Decision.NO_MATCH, Relation.SAME_TEMPLATE, probability


def is_refutable(evidence: Evidence) -> bool:
    """Whether the content was compared by the same extractors, so that it could have said no: a match needs
    that.
    """
    return evidence.content_agreement is not None and evidence.configuration is not Configuration.INCOMPARABLE


def _same_layout(evidence: Evidence, calibration: Calibration) -> bool:
    agreement, thresholds = evidence.content_agreement, calibration.thresholds
    return (evidence.inliers or 0) >= thresholds.template_inliers and (
        agreement is None or agreement >= thresholds.template_agreement
    )


def _whole(evidence: Evidence, calibration: Calibration) -> bool:
    return (
        min(evidence.covered_query or 0.0, evidence.covered_reference or 0.0) >= calibration.thresholds.whole
    )


def confirmed(known: Verdict, calibration: Calibration) -> Verdict:
    """A person says of a pair with this verdict: the same source picture. A part stays a part; all else
    counts as whole, unless a map that says something says that only parts agree.
    """
    evidence, relation = known.evidence, known.relation
    if relation not in (Relation.IDENTICAL, Relation.PARTIAL):
        relation = (
            Relation.NEAR_DUPLICATE
            if relation is None or evidence.matrix is None or _whole(evidence, calibration)
            else Relation.PARTIAL
        )
    measured = "" if known.calibration_id == PERSON else sentence(evidence, relation)
    return Verdict(
        Decision.MATCH,
        relation,
        1.0,
        evidence,
        PERSON,
        f"a person confirmed it; {measured}" if measured else known.sentence,
    )


def sentence(evidence: Evidence, relation: Relation | None) -> str:
    """The evidence in words, in the order in which a person would check it."""
    if evidence.same_bytes:
        return "same bytes"
    if evidence.same_pixels:
        return "same pixels, other file"
    if evidence.configuration is Configuration.UNINFORMATIVE:
        return "one of the two is blank or nearly so; nothing to compare"
    parts = []
    if evidence.pdq_bits is not None:
        parts.append(f"PDQ {evidence.pdq_bits}/256")
        if evidence.matrix is not None and evidence.orientation and evidence.pdq_bits <= 64:
            parts[-1] += f" with the query turned ({ORIENTATIONS[evidence.orientation].name})"
    if evidence.matrix is None:
        parts.append(_NOTHING.get(evidence.configuration, "no map between the two found"))
    else:
        lead = f"{evidence.inliers} inliers cover" if evidence.inliers else "laid over each other they cover"
        parts.append(
            f"{lead} {_percent(evidence.covered_query)} of the query and {_percent(evidence.covered_reference)} of the reference"
        )
        if evidence.content_agreement is None:
            parts.append("content not compared (no thumbnail kept)")
        else:
            parts.append(
                f"content agrees in {_percent(evidence.content_agreement)} of {evidence.blocks_compared} blocks"
            )
    if evidence.ambiguous_with:
        parts.append(f"{evidence.ambiguous_with} other pictures agree as well")
    elif evidence.rival_inliers and evidence.rival_inliers >= WORTH_SAYING * (evidence.inliers or 0):
        parts.append(f"another picture has {evidence.rival_inliers} inliers in the same part")
    if relation is Relation.PARTIAL:
        parts.append(_which_holds_which(evidence))
    if relation is Relation.SAME_TEMPLATE:
        parts.append("same layout, other content")
    if relation is Relation.LOOKS_LIKE:
        parts.append(LOOKS_LIKE)
    return "; ".join(parts)


def _which_holds_which(evidence: Evidence) -> str:
    query, reference = evidence.covered_query or 0.0, evidence.covered_reference or 0.0
    if max(query, reference) < HELD:
        return "both share a part"
    return "the query lies inside the reference" if query >= reference else "the query holds the reference"


_NOTHING = {
    Configuration.NO_GEOMETRY: "too few keypoints agree on a map between the two",
    Configuration.DEGENERATE: "keypoints agree only on a map that no edit makes",
    Configuration.LOW_TEXTURE: "too few keypoints to compare",
    Configuration.INCOMPARABLE: "keypoints are not compared: their versions differ, or only hashes were kept",
}


def _percent(share: float | None) -> str:
    return "?" if share is None else f"{100 * share:.0f} %"
