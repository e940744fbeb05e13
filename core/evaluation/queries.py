"""Which questions are asked: seeded samples of each stratum, in a random order, so that half of a run is a
smaller run.

Takes the data set and the truth, gives questions. A question without an answer is asked with everything that
would be right left out of the search; so pictures that are indexed serve too where the data set has none that
are not.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from ..errors import ConfigError
from . import edits, strata
from .dataset import Item, Kind
from .ground_truth import GroundTruth
from .split import Subset

#: Other pages of its site that a page is compared with, whatever the search proposes. chosen.
SITE_PAIRS = 10
#: One question about a page of an indexed site to this many without an answer at all. chosen.
SITE_SHARE = 5
#: One in so many of these is asked with only one other page of the site in the index, as a store has it that
#: met the site once. chosen.
ONE_PAGE_KNOWN = 3


@dataclass(frozen=True, slots=True)
class SampleSizes:
    #: Pictures that are edited, tall ones on top of them; so many groups are asked for versions, too.
    screenshots: int
    photos: int
    #: Questions, not pictures.
    unanswered: int
    #: Of which many near copies are indexed (clones.py).
    templates: int = 0


@dataclass(frozen=True, slots=True)
class EvaluationQuery:
    item: Item
    #: Name of an edit; "" for the picture as it is.
    edit: str
    stratum: str
    #: Files that are right answers.
    expected: frozenset[str]
    #: Files that the search must not give.
    left_out: frozenset[str]
    #: Files that are judged even if the search does not propose them.
    besides: tuple[str, ...] = ()

    @property
    def keys(self) -> frozenset[tuple[str, str, str]]:
        """How its answer may be called: whether it is one of low texture is not known before it was asked."""
        return frozenset(
            (self.item.file, self.edit, stratum) for stratum in (self.stratum, strata.LOW_TEXTURE)
        )


def known_edits(names: str) -> tuple[str, ...]:
    """Names with commas between as a tuple; "suite" stands for the whole suite. Raises ConfigError."""
    wanted = [name.strip() for name in names.split(",") if name.strip()]
    chosen = tuple(
        dict.fromkeys(single for name in wanted for single in (edits.SUITE if name == "suite" else (name,)))
    )
    for name in chosen:
        if name not in edits.EDITS:
            raise ConfigError(f"no edit is called {name!r}; edits are suite, {', '.join(edits.EDITS)}")
    return chosen


def choose(
    truth: GroundTruth, part: Subset, names: Sequence[str], amounts: SampleSizes, seed: int
) -> list[EvaluationQuery]:
    """The questions of a run: equal arguments give equal questions in equal order."""
    asked = [
        item
        for item in truth.dataset.items
        if item.asked and item.file in truth.sketches and truth.parts.holds(part, item)
    ]
    indexed = [item for item in asked if item.indexed]
    shots = [item for item in indexed if item.kind is Kind.SCREENSHOT]
    tall = [item for item in shots if is_tall(truth, item)]
    upright = [item for item in shots if not is_tall(truth, item)]
    photos = [item for item in indexed if item.kind is Kind.PHOTOGRAPH]
    questions = [
        *_edited(truth, spread(upright, amounts.screenshots, seed), names, strata.SCREENSHOTS),
        *_edited(truth, spread(tall, amounts.screenshots // 4, seed), (*names, *edits.TALL), strata.TALL),
        *_edited(truth, spread(photos, amounts.photos, seed), names, strata.PHOTOGRAPHS),
        *_versions(truth, spread(shots, len(shots), seed), amounts.screenshots),
        *_linked(truth, [item for item in indexed if item.kind is Kind.LINKED]),
        *_without(truth, asked, amounts.unanswered, seed),
    ]
    random.Random(f"order:{seed}").shuffle(questions)
    return questions


def is_tall(truth: GroundTruth, item: Item) -> bool:
    sketch = truth.sketches[item.file]
    return sketch.height > strata.TALL_FROM * sketch.width


def spread(items: Iterable[Item], count: int, seed: int) -> list[Item]:
    """At most `count` pictures, no two of one group, as evenly over the sets as these have them; the same for
    the same seed.
    """
    rng = random.Random(f"spread:{seed}")
    by_set: dict[str, dict[str, Item]] = defaultdict(dict)
    for item in rng.sample(listed := list(items), len(listed)):
        by_set[item.set].setdefault(item.group, item)
    waiting = [list(by_set[name].values()) for name in sorted(by_set)]
    picked: list[Item] = []
    while len(picked) < count and any(waiting):
        picked += [left.pop() for left in waiting if left]
    return picked[:count]


def _edited(
    truth: GroundTruth, items: Sequence[Item], names: Sequence[str], stratum: str
) -> list[EvaluationQuery]:
    """Each picture after each edit; it is indexed itself, and is judged if the search misses it."""
    return [
        EvaluationQuery(item, name, stratum, truth.right(item), frozenset(), (item.file,))
        for item in items
        for name in names
    ]


def _versions(truth: GroundTruth, items: Sequence[Item], count: int) -> list[EvaluationQuery]:
    """Pages as they are whose group has other versions."""
    found = []
    for item in items:
        same = truth.same_pixels(item) | {item.file}
        others = truth.right(item) - same
        if any(truth.dataset.by_file[file].group == item.group for file in others):
            found.append(EvaluationQuery(item, "", strata.VERSIONS, others, same, tuple(sorted(others)[:3])))
    return found[:count]


def _linked(truth: GroundTruth, items: Sequence[Item]) -> list[EvaluationQuery]:
    """Nodes of a graph as they are, each judged against each other."""
    everything = frozenset(item.file for item in items)
    linked: dict[str, set[str]] = defaultdict(set)
    for edge in truth.dataset.edges:
        for file in edge:
            linked[file] |= edge - {file}
    return [
        EvaluationQuery(
            item,
            "",
            strata.PHISHING,
            frozenset(linked[item.file]),
            frozenset({item.file}),
            tuple(sorted(everything - {item.file})),
        )
        for item in items
    ]


def _without(truth: GroundTruth, asked: Sequence[Item], count: int, seed: int) -> list[EvaluationQuery]:
    """Questions without an answer: every picture as it is first, then after edits drawn by the seed, until
    there are `count`.
    """
    rng = random.Random(f"without:{seed}")
    never = [item for item in asked if not item.indexed]
    pool = spread(never or [item for item in asked if item.kind is not Kind.LINKED], len(asked), seed)
    pages = defaultdict(list)
    for item in truth.dataset.indexed:
        if (site := truth.parts.site(item)) is not None and item.file in truth.sketches:
            pages[site].append(item)
    siblings = {
        item.file: [page for page in pages.get(truth.parts.site(item) or "", ()) if page.group != item.group]
        for item in pool
    }
    same_site = [item for item in pool if siblings[item.file]][: max(1, count // SITE_SHARE) if count else 0]
    questions = []
    for number, item in enumerate(same_site):
        question = _hidden(truth, item, "", strata.SAME_SITE)
        others = [page.file for page in siblings[item.file] if page.file not in question.left_out]
        pairs = rng.sample(others, min(SITE_PAIRS, len(others)))
        unknown = frozenset(others) - frozenset(pairs[:1]) if number % ONE_PAGE_KNOWN == 0 else frozenset()
        questions.append(replace(question, left_out=question.left_out | unknown, besides=tuple(pairs)))
    strangers = [item for item in pool if not siblings[item.file]]
    rounds = {item.file: ["", *rng.sample(edits.SUITE, len(edits.SUITE))] for item in strangers}
    for turn in range(min(count, len(edits.SUITE) + 1)):
        questions += [_hidden(truth, item, rounds[item.file][turn], strata.UNANSWERED) for item in strangers]
        if len(questions) >= count + len(same_site) or not strangers:
            break
    return questions[: count + len(same_site)]


def _hidden(truth: GroundTruth, item: Item, name: str, stratum: str) -> EvaluationQuery:
    return EvaluationQuery(item, name, stratum, frozenset(), truth.right(item) | {item.file})
