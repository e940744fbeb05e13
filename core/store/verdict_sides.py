"""What both sides of a pair keep of a verdict: whether it joins them, its rank, and how it reads from the
other side.
"""

import re
from dataclasses import replace

import numpy as np

from ..features.pdq import ORIENTATIONS
from ..records import PERSON, Decision, Difference, Evidence, Likeness, Relation, Verdict
from ..transforms import as_matrix, carried, flatten, inverse

#: Relations of a match that joins a cluster: those of whole pictures.
JOINING = frozenset({Relation.IDENTICAL, Relation.NEAR_DUPLICATE})
#: Share of the textured blocks that replaced regions take, from which a match joins nothing, 0 to 1. measured
#: (2026-12, fitting part, matches of whole pictures): parts 4 % of pages after a light edit, 11 % after a
#: heavy one, and 65 % of other fillings, in which one to three values were replaced; from 0.004 6, 13 and
#: 66 %, from 0.008 4, 10 and 53 %.
REPLACED = 0.006
#: Share of the small blocks that do not agree which these regions explain, 0 to 1. measured: without it, 14 %
#: are parted after a heavy edit.
EXPLAINED = 0.04
#: Minimum and maximum rank of a no-match, which is never listed: above -1, which marks dropped bytes, and
#: below 0, the minimum of what is listed. spec: FORMAT.md.
UNLISTED = (-0.999, -0.001)

_RANK = {Decision.MATCH: 4.0, Decision.REVIEW: 2.0, Decision.NO_MATCH: -1.0}
_OTHER_SIDE = {"query": "reference", "reference": "query"}
_SIDE = re.compile(r"\b(query|reference)\b")


def joins(verdict: Verdict) -> bool:
    """Return whether the verdict joins the two images in a cluster: only a match of whole pictures does, and
    none in which something else stands in a place, as another value in a form, unless a person said so.
    """
    if verdict.decision is not Decision.MATCH or verdict.relation not in JOINING:
        return False
    return verdict.calibration_id == PERSON or not _holds_other_values(verdict.evidence)


def _holds_other_values(evidence: Evidence) -> bool:
    differing = 1 - (evidence.fine_agreement or 0.0)
    return (evidence.replaced_share or 0.0) >= max(REPLACED, EXPLAINED * differing)


def rank(verdict: Verdict) -> float:
    """Return the rank of a verdict among those of an image: matches come before reviews, the surest first; a
    no-match, which is kept and not listed, has a rank below 0.
    """
    rank = _RANK[verdict.decision] + verdict.confidence
    least, most = UNLISTED
    return min(max(rank, least), most) if verdict.decision is Decision.NO_MATCH else rank


def reversed_verdict(verdict: Verdict) -> Verdict:
    """Return the verdict as seen from the other image: query and reference change places, in the sentence,
    too.
    """
    evidence = verdict.evidence
    return replace(
        verdict,
        evidence=replace(
            evidence,
            covered_query=evidence.covered_reference,
            covered_reference=evidence.covered_query,
            frames_query=evidence.frames_reference,
            frames_reference=evidence.frames_query,
            orientation=None if evidence.orientation is None else _OPPOSITE[evidence.orientation],
            matrix=None if evidence.matrix is None else _inverse(evidence.matrix),
            differences=_on_reference(evidence),
            likeness=_likeness(evidence.likeness),
        ),
        sentence=_SIDE.sub(lambda word: _OTHER_SIDE[word[0]], verdict.sentence),
    )


def _likeness(found: Likeness | None) -> Likeness | None:
    if found is None:
        return None
    return replace(found, box_query=found.box_reference, box_reference=found.box_query)


def _on_reference(evidence: Evidence) -> tuple[Difference, ...] | None:
    """Return the differences with the boxes around their places in the reference."""
    if evidence.differences is None or evidence.matrix is None:
        return evidence.differences
    onto = as_matrix(evidence.matrix)
    return tuple(
        replace(difference, box=carried(difference.box, onto)) for difference in evidence.differences
    )


def _inverse(matrix: tuple[float, ...]) -> tuple[float, ...] | None:
    """Return the inverse of a row-major 3x3 transform, its last number 1; None when there is none."""
    try:
        back = inverse(as_matrix(matrix))
    except np.linalg.LinAlgError:
        return None
    if back[2, 2]:
        back = back / back[2, 2]
    return flatten(back) if np.isfinite(back).all() else None


def _opposite(orientation: int) -> int:
    back = inverse(as_matrix(ORIENTATIONS[orientation].matrix)).ravel()
    return next(i for i, other in enumerate(ORIENTATIONS) if np.allclose(back, other.matrix))


#: The orientation that undoes each orientation: "left 90" and "right 90" undo each other, the others
#: themselves.
_OPPOSITE = tuple(_opposite(i) for i in range(len(ORIENTATIONS)))
