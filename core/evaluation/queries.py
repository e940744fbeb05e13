"""Chooses the queries of an evaluation: seeded samples of each stratum in a random order, so that the first
half of a run is a smaller run.

Takes the ground truth, returns queries. For a query without an answer, everything that would be correct is
left out of the search; so indexed pictures can serve, too, where the data set has no others.
"""

import random
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice, zip_longest

from ..batches import grouped
from ..errors import ConfigError
from ..records import ImageId
from . import edits, strata
from .dataset import Item, Kind
from .ground_truth import GroundTruth
from .split import Subset

#: Number of other pages of its site that a page is compared with, whatever the search proposes. chosen.
SITE_PAIRS = 10
#: Queries without any page of their site in the index for each query with one. chosen.
SITE_SHARE = 5
#: One in this many of the latter finds only one other page of its site in the index, as in a store that has
#: seen the site once. chosen.
ONE_PAGE_KNOWN = 3


@dataclass(frozen=True, slots=True)
class SampleSizes:
    """How many pictures and queries an evaluation takes."""

    #: Number of screenshots that are edited, tall ones not counted; also of groups queried for versions.
    screenshots: int
    #: Number of photographs that are edited.
    photos: int
    #: Number of queries (not pictures) without an answer.
    unanswered: int
    #: Number of templates of which many near copies are indexed (clones.py).
    templates: int = 0
    #: Number of questions about fillings of each template, for each kind of change (filling_questions.py).
    fillings: int = 0


@dataclass(frozen=True, slots=True)
class EvaluationQuery:
    """One query and its correct answers."""

    #: The picture.
    item: Item
    #: Name of an edit; "" for the picture as it is.
    edit: str
    #: Stratum of the query (strata.py).
    stratum: str
    #: Files that are correct answers.
    expected: frozenset[str]
    #: Images that the search must leave out.
    exclude: frozenset[ImageId] = frozenset()
    #: Images that are judged even if the search does not propose them.
    besides: tuple[ImageId, ...] = ()

    @property
    def keys(self) -> frozenset[tuple[str, str, str]]:
        """File, edit and possible strata of its outcome: low texture shows only when the query runs."""
        return frozenset(
            (self.item.file, self.edit, stratum) for stratum in (self.stratum, strata.LOW_TEXTURE)
        )


def make_query(
    truth: GroundTruth,
    item: Item,
    edit: str,
    stratum: str,
    *,
    expected: frozenset[str] = frozenset(),
    left_out: Iterable[str] = (),
    besides: Iterable[str] = (),
) -> EvaluationQuery:
    """Return a query. Takes files instead of images; those that could not be read are in no store."""
    judged = tuple(truth.fingerprints[file].image_id for file in besides if file in truth.fingerprints)
    return EvaluationQuery(item, edit, stratum, expected, truth.image_ids(left_out), judged)


def parse_edits(names: str) -> tuple[str, ...]:
    """Return the edits of a comma-separated list; "suite", "doubles" and "covers" stand for all of these.
    Raises ConfigError for an unknown name.
    """
    listed = [name.strip() for name in names.split(",") if name.strip()]
    chosen = dict.fromkeys(edit for name in listed for edit in edits.LISTS.get(name, (name,)))
    for name in chosen:
        if any(each not in edits.EDITS for each in name.split("+")):
            known = ", ".join((*edits.LISTS, *edits.EDITS))
            raise ConfigError(f"no edit is called {name!r}; edits are {known}, and several joined by +")
    return tuple(chosen)


def sample_queries(
    truth: GroundTruth, subset: Subset, names: Sequence[str], sizes: SampleSizes, seed: int
) -> list[EvaluationQuery]:
    """Return the queries of a run, in an order that depends on the seed alone. `names`: the edits."""
    usable = [
        item
        for item in truth.dataset.items
        if item.queried and item.file in truth.fingerprints and truth.split.contains(subset, item)
    ]
    indexed = [item for item in usable if item.indexed]
    shots = [item for item in indexed if item.kind is Kind.SCREENSHOT]
    tall = [item for item in shots if _is_tall(truth, item)]
    upright = [item for item in shots if not _is_tall(truth, item)]
    photos = [item for item in indexed if item.kind is Kind.PHOTOGRAPH]
    queries = [
        *_edited(truth, spread(upright, sizes.screenshots, seed), names, strata.SCREENSHOTS),
        *_edited(truth, spread(tall, sizes.screenshots // 4, seed), (*names, *edits.TALL), strata.TALL),
        *_edited(truth, spread(photos, sizes.photos, seed), names, strata.PHOTOGRAPHS),
        *islice(_versions(truth, spread(shots, len(shots), seed)), sizes.screenshots),
        *_linked(truth, [item for item in indexed if item.kind is Kind.LINKED]),
        *_without(truth, usable, sizes.unanswered, seed),
    ]
    random.Random(f"order:{seed}").shuffle(queries)
    return queries


def _is_tall(truth: GroundTruth, item: Item) -> bool:
    fingerprint = truth.fingerprints[item.file]
    return fingerprint.height > strata.TALL_FROM * fingerprint.width


def spread(items: Sequence[Item], count: int, seed: int) -> list[Item]:
    """Return at most `count` pictures, no two of one group, spread over the sets as evenly as these allow;
    the same for the same seed.
    """
    by_set: dict[str, dict[str, Item]] = defaultdict(dict)
    for item in random.Random(f"spread:{seed}").sample(items, len(items)):
        by_set[item.set].setdefault(item.group, item)
    waiting = [reversed(by_set[name].values()) for name in sorted(by_set)]
    in_turn = chain.from_iterable(zip_longest(*waiting))
    return [item for item in in_turn if item is not None][:count]


def _edited(
    truth: GroundTruth, items: Sequence[Item], names: Sequence[str], stratum: str
) -> list[EvaluationQuery]:
    """Return each picture after each edit. The picture itself is indexed, and is always judged."""
    return [
        make_query(truth, item, name, stratum, expected=truth.correct_answers(item), besides=(item.file,))
        for item in items
        for name in names
    ]


def _versions(truth: GroundTruth, items: Sequence[Item]) -> Iterator[EvaluationQuery]:
    """Yield pages as they are whose group contains other versions."""
    for item in items:
        same = truth.same_pixels(item) | {item.file}
        others = truth.correct_answers(item) - same
        if any(truth.dataset.by_file[file].group == item.group for file in others):
            yield make_query(
                truth,
                item,
                "",
                strata.VERSIONS,
                expected=others,
                left_out=same,
                besides=sorted(others)[:3],
            )


def _linked(truth: GroundTruth, items: Sequence[Item]) -> list[EvaluationQuery]:
    """Return the nodes of a graph as they are, each judged against each other."""
    files = frozenset(item.file for item in items)
    return [
        make_query(
            truth,
            item,
            "",
            strata.PHISHING,
            expected=truth.dataset.linked(item.file),
            left_out=(item.file,),
            besides=sorted(files - {item.file}),
        )
        for item in items
    ]


def _without(truth: GroundTruth, usable: Sequence[Item], count: int, seed: int) -> list[EvaluationQuery]:
    """Return `count` queries without an answer, every picture first as it is and then after edits drawn by
    the seed, and besides them queries for pages of indexed sites.
    """
    rng = random.Random(f"without:{seed}")
    never = [item for item in usable if not item.indexed]
    pool = spread(never or [item for item in usable if item.kind is not Kind.LINKED], len(usable), seed)
    pages = grouped(truth.indexed, truth.split.site) | {None: []}  # an unknown site has no other pages
    siblings = {
        item.file: [page for page in pages.get(truth.split.site(item), ()) if page.group != item.group]
        for item in pool
    }
    same_site = [item for item in pool if siblings[item.file]][: max(1, count // SITE_SHARE) if count else 0]
    queries = []
    for number, item in enumerate(same_site):
        correct = truth.correct_answers(item) | {item.file}
        others = [page.file for page in siblings[item.file] if page.file not in correct]
        pairs = rng.sample(others, min(SITE_PAIRS, len(others)))
        unknown = {*others} - {*pairs[:1]} if number % ONE_PAGE_KNOWN == 0 else set()
        queries.append(
            make_query(truth, item, "", strata.SAME_SITE, left_out=correct | unknown, besides=pairs)
        )
    strangers = [item for item in pool if not siblings[item.file]]
    rounds = {item.file: ["", *rng.sample(edits.SUITE, len(edits.SUITE))] for item in strangers}
    for turn in range(min(count, len(edits.SUITE) + 1)):
        queries += [
            make_query(
                truth,
                item,
                rounds[item.file][turn],
                strata.UNANSWERED,
                left_out=truth.correct_answers(item) | {item.file},
            )
            for item in strangers
        ]
        if len(queries) >= count + len(same_site) or not strangers:
            break
    return queries[: count + len(same_site)]
