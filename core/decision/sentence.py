"""What a verdict says: its reasons, which a machine can read, and its sentence, the evidence in words in the
order in which a person would check it.
"""

from ..features.pdq import ORIENTATIONS
from ..records import Configuration, Decision, Evidence, Reason, Relation
from .options import DEFAULTS, VerdictOptions

#: Last part of the sentence of a looks-like.
LOOKS_LIKE = "looks like this page, but is not a picture of it"

#: Content agreement below which it is what speaks against a match, 0 to 1. chosen: it words only what a
#: calibration decides.
AGREEING = 0.7
#: Coverage of the picture of which more is covered, below which it is what speaks against a match, 0 to 1.
#: chosen: as AGREEING.
COVERING = 0.4

_UNALIGNED = {
    Configuration.NO_GEOMETRY: "too few keypoints agree on a transform between the two",
    Configuration.DEGENERATE: "keypoints agree only on a transform that no edit makes",
    Configuration.LOW_TEXTURE: "too few keypoints to compare",
    Configuration.INCOMPARABLE: (
        "keypoints were not compared: their versions differ, or only hashes were kept"
    ),
}


def reasons_of(
    evidence: Evidence, decision: Decision, relation: Relation | None, options: VerdictOptions
) -> tuple[Reason, ...]:
    """Return the reasons for a verdict, the most important first."""
    configuration = None if evidence.same else evidence.configuration
    blank = configuration is Configuration.UNINFORMATIVE
    held = configuration is Configuration.OBJECT
    # (an imitation need not be aligned)
    unaligned = evidence.matrix is None and configuration is not None and relation is not Relation.LOOKS_LIKE
    aligned = relation in (Relation.NEAR_DUPLICATE, Relation.PARTIAL)
    holds = {
        Reason.IGNORED: evidence.ignored_image is not None,
        Reason.COMMON_REGION: evidence.common_region_pictures is not None,
        Reason.BLANK: blank,
        Reason.SAME_BYTES: bool(evidence.same_bytes) and not blank,
        Reason.SAME_PIXELS: bool(evidence.same_pixels) and not evidence.same_bytes and not blank,
        Reason.INCOMPARABLE: configuration is Configuration.INCOMPARABLE,
        Reason.NO_GEOMETRY: unaligned and not blank and configuration is not Configuration.INCOMPARABLE,
        Reason.TEMPLATE: relation is Relation.SAME_TEMPLATE,
        Reason.OBJECT: held and relation is Relation.LOOKS_LIKE,
        Reason.BASELINE: relation is Relation.LOOKS_LIKE and not held,
        Reason.CONTENT_NOT_COMPARED: aligned and evidence.content_agreement is None,
        Reason.CONTEXT_CUT: aligned and bool(evidence.context_cut),
        Reason.FRAMES_DIFFER: aligned and not evidence.same_frames,
        Reason.CONTENT_DIFFERS: aligned and decision is Decision.REVIEW and bool(evidence.replaced_regions),
        Reason.OTHER_CODE: is_other_code(evidence, options),
        Reason.AMBIGUOUS: bool(evidence.ambiguous_with),
        Reason.RIVAL: _has_notable_rival(evidence, options) or has_twin(evidence, options),
    }
    found = tuple(reason for reason, is_so in holds.items() if is_so)
    return found or (() if decision is Decision.MATCH else (Reason.WEAK_EVIDENCE,))


def _has_notable_rival(evidence: Evidence, options: VerdictOptions) -> bool:
    """Whether a rival comes near the pair's own inliers."""
    rival = evidence.rival_inliers
    return bool(rival and rival >= options.notable_rival * (evidence.inliers or 0))


def sentence(
    evidence: Evidence,
    relation: Relation | None,
    reasons: tuple[Reason, ...] = (),
    *,
    options: VerdictOptions = DEFAULTS.verdict,
) -> str:
    """Return the evidence in words, as one sentence without a full stop."""
    if evidence.configuration is Configuration.UNINFORMATIVE:
        return _blank(evidence)
    if evidence.same_bytes:
        parts = ["same bytes"]
    elif evidence.same_pixels:
        parts = ["same pixels, other file"]
    else:
        held = evidence.configuration is Configuration.OBJECT
        imitates = relation is Relation.LOOKS_LIKE and not held
        aligned = [] if imitates and evidence.matrix is None else _alignment(evidence)
        parts = [*_hashes(evidence, options), *aligned, *_others(evidence, options)]
        parts += _in_common(evidence, options) if imitates else []
        parts += _relation(evidence, relation, options)
    if evidence.common_region_pictures is not None:
        parts.append(
            f"at least {evidence.common_region_pictures} of {evidence.common_region_images} pictures show "
            "this part, which makes it too common to be evidence"
        )
    if evidence.ignored_image is not None:
        parts.append(f"all that the two share is the ignored picture {evidence.ignored_image[:12]}")
    if Reason.CONTEXT_CUT in reasons:
        parts.append("the search ended before the other candidates were compared")
    if Reason.WEAK_EVIDENCE in reasons and (relation is not None or shows_little(evidence, options)):
        parts.append(weakness(evidence, options=options))
    return "; ".join(parts)


def _blank(evidence: Evidence) -> str:
    if evidence.equal:
        equal = "bytes" if evidence.same_bytes else "pixels"
        return f"both pictures are blank or nearly so; their {equal} are equal, which is no evidence"
    return "one of the two pictures is blank or nearly so; nothing to compare"


def _hashes(evidence: Evidence, options: VerdictOptions) -> list[str]:
    if evidence.pdq_bits is None:
        return []
    oriented = evidence.matrix is not None and evidence.pdq_bits <= options.oriented_bits
    turned = ""
    if oriented and evidence.orientation:
        turned = f" with the query turned ({ORIENTATIONS[evidence.orientation].name})"
    return [f"PDQ {evidence.pdq_bits}/256{turned}"]


def _alignment(evidence: Evidence) -> list[str]:
    if evidence.configuration is Configuration.OBJECT:
        return [held_object(evidence)]
    if evidence.matrix is None:
        return [_UNALIGNED.get(evidence.configuration, "no transform between the two found")]
    covering = f"{evidence.inliers} inliers cover" if evidence.inliers else "aligned as a whole, they cover"
    query, reference = _percent(evidence.covered_query), _percent(evidence.covered_reference)
    if evidence.content_agreement is not None:
        agreement = _percent(evidence.content_agreement)
        content = f"content agrees in {agreement} of {evidence.blocks_compared} blocks"
    elif evidence.blocks_compared == 0:
        content = "the overlap is blank, so there is no content to compare"
    else:
        content = "content not compared (a thumbnail is missing or of another version)"
    aligned = [f"{covering} {query} of the query and {reference} of the reference", content]
    if count := len(evidence.differences or ()):
        aligned.append(f"differs in {count} {'place' if count == 1 else 'places'}")
    if codes := evidence.codes_differing:
        aligned.append("a code says something else" if codes == 1 else f"{codes} codes say something else")
    return aligned


def held_object(evidence: Evidence) -> str:
    """Return where an object stands in the picture that holds it, in words."""
    holds = (evidence.covered_query or 0.0) <= (evidence.covered_reference or 0.0)
    holder, held = ("query", "reference") if holds else ("reference", "query")
    left, top, right, bottom = evidence.object_box or (0.0, 0.0, 1.0, 1.0)
    across, down = (left + right) / 2, (top + bottom) / 2
    place = f"{_third(down, 'top', 'middle', 'bottom')} {_third(across, 'left', 'centre', 'right')}"
    return (
        f"the {holder} holds the {held} as a logo of {evidence.object_pixels} pixels at the {place}; "
        f"its edges agree to {evidence.object_agreement or 0.0:.2f}"
    )


def _third(place: float, first: str, second: str, last: str) -> str:
    return first if place < 1 / 3 else second if place < 2 / 3 else last


def _others(evidence: Evidence, options: VerdictOptions) -> list[str]:
    if evidence.ambiguous_with:
        return [f"{evidence.ambiguous_with} other pictures agree as well"]
    if has_twin(evidence, options):
        return [f"another picture that differs from this one in places has {evidence.twin_inliers} inliers"]
    if _has_notable_rival(evidence, options):
        return [f"another picture has {evidence.rival_inliers} inliers in the same part"]
    return []


def _in_common(evidence: Evidence, options: VerdictOptions) -> list[str]:
    """What a page has in common with the page that it looks like."""
    found, parts = evidence.likeness, list[str]()
    if found is None:
        return parts
    if found.box_query is not None and found.emblem >= options.notable_emblem:
        left, top, right, bottom = found.box_query
        size = f"{100 * (right - left):.0f} x {100 * (bottom - top):.0f} %"
        parts.append(f"shares an emblem of {size} of the query")
    if found.colours is not None and found.colours >= options.similar_colours:
        same = found.colours >= options.same_colours
        parts.append("same colours" if same else "some of the same colours")
    return parts


def _relation(evidence: Evidence, relation: Relation | None, options: VerdictOptions) -> list[str]:
    if relation is Relation.SAME_TEMPLATE:
        return ["same layout, other content"]
    if relation is Relation.LOOKS_LIKE and evidence.configuration is not Configuration.OBJECT:
        return [LOOKS_LIKE]
    if relation is not Relation.PARTIAL:
        return []
    query, reference = evidence.covered_query or 0.0, evidence.covered_reference or 0.0
    if min(query, reference) >= options.held_coverage and not evidence.same_frames:
        return [_frames(evidence)]
    if max(query, reference) < options.held_coverage:
        return ["both share a part"]
    inside = "the query lies inside the reference"
    return [inside if query >= reference else "the query holds the reference"]


def is_covered(evidence: Evidence, options: VerdictOptions) -> bool:
    """Return whether something else takes a large part of what the two have in common."""
    area, agreement = evidence.differing_rectangle, evidence.content_agreement
    if area is None or agreement is None or not options.covered_area <= area < 1:
        return False
    return 1 - agreement >= options.covered_share * area


def has_twin(evidence: Evidence, options: VerdictOptions) -> bool:
    """Return whether another picture that looks like the reference agrees with the query about as well: one
    picture cannot be a copy of both.
    """
    return (evidence.twin_inliers or 0) * options.twin_lead > (evidence.inliers or 0)


def is_other_code(evidence: Evidence, options: VerdictOptions) -> bool:
    """Return whether a code that is much of a picture says something else in the same place."""
    return (evidence.code_share or 0.0) >= options.code_share


def shows_little(evidence: Evidence, options: VerdictOptions) -> bool:
    """Return whether the part that two pictures share is so small or empty that many pictures show it."""
    blocks, inliers = evidence.blocks_compared, evidence.inliers or 0
    return blocks is not None and blocks < options.part_blocks and inliers < options.part_inliers


def weakness(evidence: Evidence, *, options: VerdictOptions = DEFAULTS.verdict) -> str:
    """Return what speaks against a match although the two are aligned."""
    if shows_little(evidence, options):
        return "too little is in the part that both share"
    if evidence.content_agreement is not None and evidence.content_agreement < AGREEING:
        return "too much of the content differs for a match"
    if max(evidence.covered_query or 0.0, evidence.covered_reference or 0.0) < COVERING:
        return "too small a part agrees for a match"
    return "the evidence is too weak for a match"


def _frames(evidence: Evidence) -> str:
    if not evidence.has_all_frames:
        return "both files have other frames or pages, too"
    other = "reference" if evidence.frames_query == 1.0 else "query"
    return f"the {other} has other frames or pages, too"


def _percent(share: float | None) -> str:
    return "?" if share is None else f"{100 * share:.0f} %"
