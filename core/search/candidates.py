"""Which images are worth verifying: cheap, and with high recall.

Four sources: images with the same pixels; images whose PDQ hash lies near the query's in one of its eight
orientations; images that share visual words with a view of the query; pages of a baseline whose design the
query has. Clones of one template must not fill
the list, so candidates are taken by cluster: of each cluster the nearest few, whatever its size.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from enum import Enum
from itertools import islice

from ..batches import in_groups
from ..index.words import WordKeypoints
from ..records import Candidate, ImageId, LocalFeatures
from .search import Search, pictures_of


class View(Enum):
    """Ways to look at the query, in the order in which they are tried: candidates of each are looked for only
    when the view before has given no match.
    """

    #: The query as it is: equal pixels, near hashes, shared visual words.
    WHOLE = "whole"
    #: The pictures that stand in the query.
    INSETS = "insets"
    #: The query mirrored; found rarely, because parts of mirrored pictures are rare.
    MIRRORED = "mirrored"
    #: The query with light and dark exchanged.
    INVERTED = "inverted"


#: Work of extracting a view of the query for each pixel of its frame, in the unit of `Timer`. measured
#: (2026-11): 10 to 120 ns.
FRAME_PIXEL = 8

#: Whether an image may be proposed.
Allowed = Callable[[ImageId], bool]


def find_candidates(search: Search, view: View, *, allowed: Allowed) -> list[Candidate]:
    """Return the images worth verifying for one view of the query, the most promising first."""
    query, options = search.query, search.options.candidates
    if view is not View.WHOLE:
        maximum, above_noise = options.by_words_of_other_views, options.above_noise_of_other_views
        return [
            replace(found, mirrored=view is View.MIRRORED, inverted=view is View.INVERTED, inset=inset)
            for inset, local in _views(search, view)
            for found in _by_words(search, [local], allowed, maximum, above_noise)
        ]
    found = {same: Candidate(same) for same in search.scope.same_pixels if allowed(same)}

    def unknown(image_id: ImageId) -> bool:
        return image_id not in found and allowed(image_id)

    if query.features.informative:
        near = [candidate for candidate in _by_hash(search) if unknown(candidate.image_id)]
        few = islice(_few_of_each(search, near), options.by_hash)
        found.update((candidate.image_id, candidate) for candidate in few)
        sharing = _by_words(search, _steps(search), unknown, options.by_words, options.above_noise)
        found.update((candidate.image_id, candidate) for candidate in sharing)
        found.update((image_id, Candidate(image_id)) for image_id in search.brands.candidates(unknown))
    return list(found.values())


def _steps(search: Search) -> Iterator[LocalFeatures]:
    """Keypoints of the query as it is, then at steps of scale between, as far as the timer allows."""
    yield search.query.features.local
    if search.timer.is_up():
        return
    for local in search.query.between():
        search.timer.spend(_work(local))
        yield local
        if search.timer.is_up():
            return


def _views(search: Search, view: View) -> list[tuple[int | None, LocalFeatures]]:
    """Keypoints of another view than the whole, with the number of the inset they belong to."""
    query, views = search.query, list[tuple[int | None, LocalFeatures]]()
    if view is View.INSETS:
        views += [(number, inset.local) for number, inset in enumerate(query.insets)]
    elif (local := query.mirrored if view is View.MIRRORED else query.inverted) is not None:
        views.append((None, local))
    for _, local in views:
        search.timer.spend(_work(local))
    return views


def _work(local: LocalFeatures) -> int:
    """The work of extracting a view."""
    return FRAME_PIXEL * int(local.frame_width * local.frame_height)


def _by_hash(search: Search) -> list[Candidate]:
    """In any orientation, and with light and dark exchanged, which flips all bits of a PDQ hash."""
    index, options = search.index, search.options.candidates
    radius, maximum = options.pdq_radius, options.maximum_near
    nearest: dict[ImageId, int] = {}
    for pdq in search.query.features.hashes.orientations:
        inverted = bytes(255 - byte for byte in pdq)
        for near in (*index.near(pdq, radius, maximum), *index.near(inverted, radius, maximum)):
            nearest[near.image_id] = min(near.bits, nearest.get(near.image_id, near.bits))
    ranked = sorted((bits, image_id) for image_id, bits in nearest.items())
    return [Candidate(image_id) for _, image_id in ranked[:maximum]]


def _by_words(
    search: Search, views: Iterable[LocalFeatures], allowed: Allowed, maximum: int, above_noise: float
) -> list[Candidate]:
    """The heaviest by visual words shared with one of the views, as far as they stand out from unrelated
    images, which share some words with every picture. The first view is the usual one.
    """
    index, options = search.index, search.options.candidates
    heaviest: dict[ImageId, float] = {}
    for number, local in enumerate(views):
        arranged = options.arranged_between if number else None
        for image in index.sharing(
            WordKeypoints.of(local), options.maximum_sharing, arranged=arranged, timer=search.timer
        ):
            heaviest[image.image_id] = max(image.votes, heaviest.get(image.image_id, 0.0))
    ranked = sorted(heaviest.items(), key=lambda found: (-found[1], found[0]))[: options.maximum_sharing]
    proposed = [Candidate(image_id, votes) for image_id, votes in ranked if votes > 0 and allowed(image_id)]
    first, last = options.noise_ranks
    few = list(islice(_few_of_each(search, proposed), max(maximum, last)))
    noise = [candidate.votes for candidate in few[first:last]]
    least = min(above_noise * sum(noise) / len(noise), options.sufficient_votes) if noise else 0.0
    return [candidate for candidate in few[:maximum] if candidate.votes >= least]


def _few_of_each(search: Search, candidates: Sequence[Candidate]) -> Iterator[Candidate]:
    """The candidates, with a few of each cluster; clusters are looked up as far as candidates are taken."""
    options = search.options.candidates
    seen = Counter[str]()
    for batch in in_groups(candidates, options.batch):
        pictures = pictures_of(search.cluster_of, [candidate.image_id for candidate in batch])
        for candidate, picture in zip(batch, pictures, strict=True):
            if seen[picture] < options.per_cluster:
                seen[picture] += 1
                yield candidate
