"""Which images are worth verifying: cheap, and with high recall.

Three sources: images with the same pixels; images whose PDQ hash lies near the query's in one of its eight orientations; images
that share visual words with a part of the query. Clones of one template must not fill the list, so candidates are taken by
cluster: of each cluster the nearest few, whatever its size.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

from .index.replica import IndexReplica
from .index.words import WORDS_PER_IMAGE, sample_bits
from .records import Candidate, ImageFeatures, ImageId, LocalFeatures

RADIUS = 47
"""PDQ bits. measured (2026-11): 31, the spec's radius, finds 96 % of whole-picture edits of screenshots; 47 is the widest that two
flipped bits in each of 16 slots answer exactly, and verification settles what it adds."""
BY_HASH = 32
"""Most candidates by hash. chosen."""
BY_WORDS = 24
"""Most candidates by shared words. chosen: each costs 5-10 ms."""
BY_MIRRORED_WORDS = 8
"""Most candidates by words of the mirrored query. chosen."""
MOST_SHARING = 2_000
"""Images looked at by shared words before they are taken by cluster. chosen: a cluster of that many clones hides no other picture."""
PER_CLUSTER = 2
"""Members verified of one cluster. chosen: the second serves when the first is a bad capture."""
BATCH = 500
"""Images whose clusters are looked up at once."""

ClusterOf = Callable[[Sequence[ImageId]], Sequence[str | None]]
"""Cluster of each image, None for those in none; one round trip to the store."""
Allowed = Callable[[ImageId], bool]
"""Whether an image may be an answer at all."""


def find_candidates(
    features: ImageFeatures, replica: IndexReplica, *, same_pixels: Iterable[ImageId], cluster_of: ClusterOf, allowed: Allowed
) -> list[Candidate]:
    """Images worth verifying, most promising first: same pixels, then by PDQ distance, then by shared words."""
    found = {image_id: Candidate(image_id, None, 0, 0.0) for image_id in same_pixels if allowed(image_id)}
    if features.informative:
        for source, most in ((_by_hash(features, replica), BY_HASH), (_by_words(features.local, replica), BY_WORDS)):
            new = [candidate for candidate in source if candidate.image_id not in found and allowed(candidate.image_id)]
            found.update((candidate.image_id, candidate) for candidate in _few_of_each(new, cluster_of, most))
    return list(found.values())


def find_mirrored_candidates(mirrored: LocalFeatures, replica: IndexReplica, *, cluster_of: ClusterOf, allowed: Allowed) -> list[Candidate]:
    """Images that share words with the mirrored query; asked only where nothing else was found, as parts of mirrored pictures are rare."""
    new = [replace(candidate, mirrored=True) for candidate in _by_words(mirrored, replica) if allowed(candidate.image_id)]
    return list(_few_of_each(new, cluster_of, BY_MIRRORED_WORDS))


def _by_hash(features: ImageFeatures, replica: IndexReplica) -> list[Candidate]:
    nearest: dict[ImageId, Candidate] = {}
    for orientation, pdq in enumerate(features.hashes.orientations):
        for near in replica.near(pdq, RADIUS):
            known = nearest.get(near.image_id)
            if known is None or known.pdq_bits is None or near.bits < known.pdq_bits:
                nearest[near.image_id] = Candidate(near.image_id, near.bits, orientation, 0.0)
    return sorted(nearest.values(), key=lambda candidate: (candidate.pdq_bits or 0, candidate.image_id))


def _by_words(local: LocalFeatures, replica: IndexReplica) -> list[Candidate]:
    shared = replica.sharing(sample_bits(local.descriptors), MOST_SHARING)
    return [Candidate(image.image_id, None, 0, image.votes) for image in shared]


def _few_of_each(candidates: Sequence[Candidate], cluster_of: ClusterOf, most: int) -> Iterator[Candidate]:
    """The first `most` candidates, with at most PER_CLUSTER of one cluster; images in no cluster count as one each."""
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
    """The sampled descriptors that go into the words column: the first of the spread order, a third of a tall picture's many."""
    count = max(WORDS_PER_IMAGE, len(features.local) // 3) if features.informative else 0
    return sample_bits(features.local.descriptors[:count]).tobytes()
