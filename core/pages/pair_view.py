"""A pair as the review page gets it: JSON with text that is ready to be shown. A is the picture whose frame
is shown, B the one that is laid over it.
"""

from __future__ import annotations

from typing import Any

from ..answers import Hit
from ..description import Description
from ..records import ImageId
from ..review.pairs import ShownPair
from .shown import shown
from .sight import Sight
from .words import DECISIONS, REASONS, RELATIONS, predictor, sentences

#: Members of each cluster in the filmstrip. chosen: a row.
FILMSTRIP = 12
#: Contributions that are shown. chosen: those that decide.
CONTRIBUTIONS = 8


def pair_json(pair: ShownPair, sight: Sight, *, settles: int) -> dict[str, Any]:
    """Return what the page needs of a pair."""
    return {
        "a": _side(pair.frame, pair.members[0], sight),
        "b": _side(pair.other, pair.members[1], sight),
        "matrix": None if pair.matrix is None else list(pair.matrix),
        "outline": [list(point) for point in pair.outline],
        "settles": settles,
    } | verdict_json(pair.hit)


def verdict_json(hit: Hit) -> dict[str, Any]:
    """Return what was decided about a pair, and why."""
    return {
        "decision": DECISIONS[hit.decision],
        "relation": "" if hit.relation is None else RELATIONS[hit.relation],
        "confidence": round(hit.confidence, 4),
        "reasons": [REASONS[reason] for reason in hit.reasons],
        "sentences": [shown(part) for part in sentences(hit.sentence)],
        "contributions": _contributions(hit),
        "differences": [list(one.box) for one in hit.evidence.differences or ()],
        "inverted": bool(hit.evidence.inverted),
    }


def _contributions(hit: Hit) -> list[dict[str, Any]]:
    """What decides about a hit, the heaviest first."""
    weighed = sorted(hit.contributions, key=lambda one: -abs(one.weight))[:CONTRIBUTIONS]
    return [{"name": predictor(one), "weight": round(one.weight, 3)} for one in weighed if one.weight]


def _side(description: Description, members: tuple[ImageId, ...], sight: Sight) -> dict[str, Any]:
    features, info = description.features, description.info
    others = [member for member in members if member != info.image_id][: FILMSTRIP - 1]
    kept = [member for member, seen in zip(others, sight.visible(others), strict=True) if seen]
    return {
        "id": info.image_id,
        "width": features.width,
        "height": features.height,
        "thumbnail": features.thumbnail is not None,
        "cluster": info.clusters[0] if info.clusters else None,
        "members": [info.image_id, *kept],
        "size": len(members) if sight.sees_all else len(kept) + 1,
    } | sight.places(info)
