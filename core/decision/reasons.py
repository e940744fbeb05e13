"""Why a verdict is what it is, in values that a machine can read; sentence.py says it to people."""

from ..records import Configuration, Decision, Evidence, Reason, Relation
from .options import VerdictOptions


def reasons_of(
    evidence: Evidence, decision: Decision, relation: Relation | None, options: VerdictOptions
) -> tuple[Reason, ...]:
    """Return the reasons for a verdict, the most important first."""
    configuration = None if evidence.same else evidence.configuration
    unaligned = evidence.matrix is None and configuration is not None
    aligned = relation in (Relation.NEAR_DUPLICATE, Relation.PARTIAL)
    holds = {
        Reason.IGNORED: evidence.ignored_image is not None,
        Reason.COMMON_REGION: evidence.common_region_pictures is not None,
        Reason.SAME_BYTES: bool(evidence.same_bytes),
        Reason.SAME_PIXELS: bool(evidence.same_pixels) and not evidence.same_bytes,
        Reason.BLANK: configuration is Configuration.UNINFORMATIVE,
        Reason.INCOMPARABLE: configuration is Configuration.INCOMPARABLE,
        Reason.NO_GEOMETRY: unaligned
        and configuration not in (Configuration.UNINFORMATIVE, Configuration.INCOMPARABLE),
        Reason.TEMPLATE: relation is Relation.SAME_TEMPLATE,
        Reason.BASELINE: relation is Relation.LOOKS_LIKE,
        Reason.CONTENT_NOT_COMPARED: aligned and evidence.content_agreement is None,
        Reason.AMBIGUOUS: bool(evidence.ambiguous_with),
        Reason.RIVAL: has_notable_rival(evidence, options),
    }
    found = tuple(reason for reason, is_so in holds.items() if is_so)
    return found or (() if decision is Decision.MATCH else (Reason.WEAK_EVIDENCE,))


def has_notable_rival(evidence: Evidence, options: VerdictOptions) -> bool:
    """Return whether a rival comes near the pair's own inliers."""
    rival = evidence.rival_inliers
    return bool(rival and rival >= options.notable_rival * (evidence.inliers or 0))
