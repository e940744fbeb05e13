"""Which images are worth verifying: cheap, and with high recall.

Three sources: images with the same pixels; images whose PDQ hash lies near the query's in one of its eight
orientations; images that share visual words with a part of the query. Clones of one template must not fill
the list, so candidates are taken by cluster: of each cluster the nearest few, whatever its size.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

from ..features.picture import Picture
from ..index.replica import IndexReplica
from ..index.words import WordKeypoints
from ..records import Candidate, ImageFeatures, ImageId, LocalFeatures

#: PDQ bits. measured (2026-11): 31, the spec's radius, finds 96 % of whole-picture edits of screenshots; 47
#: is the widest that two flipped bits in each of 16 slots answer exactly, and verification settles what it
#: adds.
RADIUS = 47
#: Images looked at by hash, in each orientation, before they are taken by cluster. chosen: what 10,000 clones
#: cost beyond it grew with their number; a picture with so many nearer ones is left to its words.
MOST_NEAR = 4_000
#: Most candidates by hash. chosen: search.py stops before, where the nearest show nothing.
BY_HASH = 32
#: Most candidates by shared words. measured (2026-11, 6,511 images, 348 hard questions): the right one is
#: among the first 8 in 90.2 %, 24 in 92.2 %, 50 in 92.8 %.
BY_WORDS = 24
#: Most candidates by words of the mirrored query, and of the one with light and dark exchanged. chosen: such
#: parts are rare.
BY_OTHER_WORDS = 3
#: Places of candidates by words whose mean vote is that of strangers. chosen: the right ones come before, and
#: most indexes have so many.
NOISE = slice(60, 200)
#: Times this vote that a candidate by words must have. measured (2026-11, 6,511 images, 164 hard questions
#: and 120 pages without an answer): of the first 8 are verified for one without an answer 8.0, 7.8, 6.5, 6.1
#: at 1.6, 2, 3, 4; right ones among the first 24 98.2, 98.2, 97.6, 96.3 %.
ABOVE_NOISE = 2.0
#: Votes of a candidate that is above it anyway, in corners that no other image has. measured (as above): 1.0
#: and 1.5 are alike; where clones lie at the places above, their votes are no noise.
SURELY_ABOVE = 1.5
#: ABOVE_NOISE for the words of the mirrored and the inverted query, and of pictures in it. chosen: such parts
#: are rarer.
OTHER_ABOVE_NOISE = 3.0
#: Images looked at by shared words before they are taken by cluster. chosen: a cluster of that many clones
#: hides no other picture.
MOST_SHARING = 2_000
#: `IndexOptions.arranged` for the levels between the usual ones. measured (as BETWEEN, subject.py): 1,000 find 70.0 %,
#: 300 find 69.1, 150 find 68.3, in 20, 11, 9 ms.
RANKED_BETWEEN = 300
#: Members verified of one cluster. chosen: the second serves when the first is a bad capture.
PER_CLUSTER = 2
#: Images whose clusters are looked up at once.
BATCH = 500

#: Cluster of each image, None for those in none; one round trip to the store.
ClusterOf = Callable[[Sequence[ImageId]], Sequence[str | None]]
#: Whether an image may be an answer at all.
Allowed = Callable[[ImageId], bool]


def find_candidates(
    query: Picture,
    replica: IndexReplica,
    *,
    same_pixels: Iterable[ImageId],
    cluster_of: ClusterOf,
    allowed: Allowed,
) -> list[Candidate]:
    """Images worth verifying, most promising first: same pixels, then by PDQ distance, then by shared words."""
    features = query.features
    found = {image_id: Candidate(image_id, None, 0, 0.0) for image_id in same_pixels if allowed(image_id)}

    def unknown(image_id: ImageId) -> bool:
        return image_id not in found and allowed(image_id)

    if features.informative:
        near = [candidate for candidate in _by_hash(features, replica) if unknown(candidate.image_id)]
        found.update((candidate.image_id, candidate) for candidate in _few_of_each(near, cluster_of, BY_HASH))
        parts = _by_words(
            (features.local, *query.between),
            replica,
            cluster_of=cluster_of,
            allowed=unknown,
            most=BY_WORDS,
            above_noise=ABOVE_NOISE,
        )
        found.update((candidate.image_id, candidate) for candidate in parts)
    return list(found.values())


def find_inset_candidates(
    query: Picture, replica: IndexReplica, *, cluster_of: ClusterOf, allowed: Allowed
) -> list[Candidate]:
    """Images that share words with a picture that stands in the query; `inset` says with which."""
    views = enumerate(inset.local for inset in query.insets)
    return [
        replace(found, inset=number)
        for number, local in views
        for found in _by_other_words(local, replica, cluster_of, allowed)
    ]


def find_mirrored_candidates(
    query: Picture, replica: IndexReplica, *, cluster_of: ClusterOf, allowed: Allowed
) -> list[Candidate]:
    """Images that share words with the mirrored query; asked only where nothing else was found, as parts of
    mirrored pictures are rare.
    """
    return [
        replace(found, mirrored=True)
        for found in _by_other_words(query.mirrored, replica, cluster_of, allowed)
    ]


def find_inverted_candidates(
    query: Picture, replica: IndexReplica, *, cluster_of: ClusterOf, allowed: Allowed
) -> list[Candidate]:
    """The same for the query with light and dark exchanged."""
    return [
        replace(found, inverted=True)
        for found in _by_other_words(query.inverted, replica, cluster_of, allowed)
    ]


def _by_other_words(
    local: LocalFeatures | None, replica: IndexReplica, cluster_of: ClusterOf, allowed: Allowed
) -> list[Candidate]:
    return (
        []
        if local is None
        else _by_words(
            [local],
            replica,
            cluster_of=cluster_of,
            allowed=allowed,
            most=BY_OTHER_WORDS,
            above_noise=OTHER_ABOVE_NOISE,
        )
    )


def _by_hash(features: ImageFeatures, replica: IndexReplica) -> list[Candidate]:
    """In any orientation, and with light and dark exchanged, which exchanges all bits of a PDQ hash."""
    nearest: dict[ImageId, Candidate] = {}
    for orientation, pdq in enumerate(features.hashes.orientations):
        for near in (
            *replica.near(pdq, RADIUS, MOST_NEAR),
            *replica.near(bytes(255 - byte for byte in pdq), RADIUS, MOST_NEAR),
        ):
            known = nearest.get(near.image_id)
            if known is None or known.pdq_bits is None or near.bits < known.pdq_bits:
                nearest[near.image_id] = Candidate(near.image_id, near.bits, orientation, 0.0)
    return sorted(nearest.values(), key=lambda candidate: (candidate.pdq_bits or 0, candidate.image_id))[
        :MOST_NEAR
    ]


def _by_words(
    views: Sequence[LocalFeatures],
    replica: IndexReplica,
    *,
    cluster_of: ClusterOf,
    allowed: Allowed,
    most: int,
    above_noise: float,
) -> list[Candidate]:
    """The heaviest by words shared with one of the query's views, as far as they stand out from strangers,
    which share some words with every picture.
    """
    heaviest: dict[ImageId, float] = {}
    for number, local in enumerate(views):
        for image in replica.sharing(
            WordKeypoints.of(local), MOST_SHARING, arranged=RANKED_BETWEEN if number else None
        ):
            heaviest[image.image_id] = max(image.votes, heaviest.get(image.image_id, 0.0))
    ranked = sorted(heaviest.items(), key=lambda found: (-found[1], found[0]))[:MOST_SHARING]
    candidates = [
        Candidate(image_id, None, 0, votes) for image_id, votes in ranked if votes > 0 and allowed(image_id)
    ]
    few = list(_few_of_each(candidates, cluster_of, max(most, NOISE.stop)))
    strangers = [candidate.votes for candidate in few[NOISE]]
    least = min(above_noise * sum(strangers) / len(strangers), SURELY_ABOVE) if strangers else 0.0
    return [candidate for candidate in few[:most] if candidate.votes >= least]


def _few_of_each(candidates: Sequence[Candidate], cluster_of: ClusterOf, most: int) -> Iterator[Candidate]:
    """The first `most` candidates, with at most PER_CLUSTER of one cluster; images in no cluster count as one
    each.
    """
    seen: Counter[str] = Counter()
    given = 0
    for start in range(0, len(candidates), BATCH):
        batch = candidates[start : start + BATCH]
        for candidate, cluster in zip(batch, cluster_of([c.image_id for c in batch]), strict=True):
            if cluster is not None and seen[cluster] >= PER_CLUSTER:
                continue
            if given == most:
                return
            given += 1
            if cluster is not None:
                seen[cluster] += 1
            yield candidate


def words_for_index(features: ImageFeatures) -> bytes:
    """The corners that go into the words column: none of a picture that shows nothing."""
    return WordKeypoints.for_index(features.local).column() if features.informative else b""
