"""Rivals: what else agrees with the query in the same part. A copy has none, pages of one template do.

Takes verified pairs, returns for each the inliers of its best *rival*: another picture in the same part of
the query. It is Lowe's ratio test (IJCV 2004) between pictures. A pair by itself cannot say whether header,
menu and frame are all that two pages share, with a window covering the rest; where other pages of the site
share as much, they are. A rival is a different picture: of another cluster, with another hash, and with other
content where the query aligns the two, so that a page, a part of it and a full-page capture are as little
rivals as two captures are. Pictures side by side in a collage are no rivals, because each counts only within
the other's part. Nor is an exact copy: it says no more than the query itself.

Measured (2026-11, fitting part, sites left out in two folds; for a third of the pages of a known site only
one other page was left in the index): where one in twelve pages of a known site goes to a person, 93 % of the
edited screenshots are found, 91 % without rivals; of those under a banner 85 %, 71 % without (one in ten).
Agreeing blocks in place of inliers gain half of it; with all pictures taken for different ones, nothing is
gained.
"""

from collections.abc import Iterable, Sequence

from ...deadline import Timer
from ...features.perceptual import hamming
from ...transforms import as_matrix, inverse
from ...verification.agreement import content_agreement, content_work
from ...verification.options import DEFAULTS as VERIFICATION, AgreementOptions
from ..options import DEFAULTS, RivalOptions
from ..search import ClusterOf, pictures_of
from ..verified import Pair


def rival_inliers(
    pairs: Sequence[Pair],
    earlier: Sequence[Pair],
    cluster_of: ClusterOf,
    *,
    timer: Timer | None = None,
    options: RivalOptions = DEFAULTS.context.rivals,
    agreement: AgreementOptions = VERIFICATION.agreement,
) -> list[tuple[int | None, bool | None]]:
    """Return for each of `pairs` the most inliers of a rival within the box of its own, None for a pair
    without inliers; and True if the timer cut the comparison, so that there may be more. Rivals are among
    `pairs` and `earlier`, the pairs of views tried before.
    """
    aligned = sorted((pair for pair in (*pairs, *earlier) if pair.inliers), key=lambda pair: -pair.inliers)
    if len(aligned) < 2 or not any(pair.inliers for pair in pairs):
        return [(0 if pair.inliers else None, None) for pair in pairs]
    ids = [pair.image_id for pair in aligned]
    picture_of = dict(zip(ids, pictures_of(cluster_of, ids), strict=True))
    found, timer = list[tuple[int | None, bool | None]](), timer or Timer(None)
    for pair in pairs:
        others = (other for other in aligned if picture_of[other.image_id] != picture_of[pair.image_id])
        cuts = timer.cuts
        most = _best_rival(pair, others, timer, options, agreement) if pair.inliers else None
        found.append((most, timer.cuts > cuts or None))
    return found


def _best_rival(
    pair: Pair, others: Iterable[Pair], timer: Timer, options: RivalOptions, agreement: AgreementOptions
) -> int:
    """Of the others, which come strongest first."""
    most = 0.0
    for other in others:
        if other.inliers <= most or timer.is_up():
            break
        within = inliers_within(pair, other)
        if within > most and not _show_the_same(pair, other, timer, options, agreement):
            most = within
    return round(most)


def inliers_within(pair: Pair, other: Pair) -> float:
    """Return the number of inliers of `other` within the box of the pair's own; both have some."""
    own, points = pair.verification.points_query, other.verification.points_query
    inside = (points >= own.min(axis=0)) & (points <= own.max(axis=0))
    # Inliers are counted at distinct places, of which there are fewer than points.
    return other.inliers * float(inside.all(axis=1).mean())


def _show_the_same(
    one: Pair, other: Pair, timer: Timer, options: RivalOptions, agreement: AgreementOptions
) -> bool:
    """Whether two references are captures of one picture: near hashes, or equal content where the query
    aligns them.
    """
    a, b = one.reference.features, other.reference.features
    near = hamming(a.hashes.pdq, b.hashes.pdq) <= options.same_picture_bits
    if a.versions.pdq == b.versions.pdq and near:
        return True
    to_one, to_other = one.evidence.matrix, other.evidence.matrix
    if to_one is None or to_other is None:
        return False
    between = as_matrix(to_other) @ inverse(as_matrix(to_one))
    inverted = one.evidence.inverted != other.evidence.inverted
    timer.spend(content_work(one.reference, other.reference))
    shared = content_agreement(one.reference, other.reference, between, inverted=inverted, options=agreement)
    return shared is not None and shared.content_agreement >= options.same_content
