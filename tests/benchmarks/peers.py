"""What do other systems find, compared with ours, for the same pictures after the same edits, at the same
number of false matches?

Every system compares the same pairs: screenshots and photographs of the reporting part after every edit of
the suite, against their originals (to be found), against unrelated pictures, and against other pages of their
site. The systems: PDQ at 31 bits as Meta's Hasher-Matcher-Actioner uses it, pHash at 8 bits as in AIL's open
pull request, ImageHash's crop-resistant hash, the local descriptors of thorn's `perception`, plain ORB with
RANSAC, and `Engine.compare`. Each peer is measured at its published limit, and at the limit where it makes as
many false matches as our `match`. The latter is chosen on these same pairs, by whichever of its scores is
best, which flatters the peer. A second table is about search: at which rank is the correct picture among some
hundred (peers_search.py)?

    pip install imagehash pdqhash python -m venv PEERS && PEERS/bin/pip install
    'perception[approximate-deduplication]'   # needs an OpenCV below 5 python -m benchmarks.peers --pictures
    DIR --perception-python PEERS/bin/python [--distractors DIR] [--processes N] [--out FILE]

Without --perception-python, perception is left out of the tables.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path

from douglas_quaid import Engine
from douglas_quaid.evaluation.dataset import Dataset, Item, Kind
from douglas_quaid.evaluation.edits import SUITE, edit, opened, png
from douglas_quaid.evaluation.split import Split, Subset
from douglas_quaid.store.embedded import stop_embedded

from . import corpus as corpora, report
from .corpus import PHISHING, Corpus, has_ink, random_photos, spread_screenshots
from .peers_scoring import OTHER, RIGHT, SAME_SITE, Scored
from .peers_search import print_search
from .peers_systems import Perception, System, opened_systems, readable
from .peers_tables import Extracted, print_tables, rows_of

#: Number of further screenshots, photographs, and pages of --distractors that queries are compared with.
#: chosen: extracting their features takes half a minute.
OTHERS = 16


@dataclass(frozen=True, slots=True)
class PeerTask:
    """One original after all edits."""

    #: The original.
    original: Item
    #: Pictures that may be drawn as unrelated references.
    unrelated: tuple[Item, ...]
    #: Other pages of its site.
    same_site: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome for one original."""

    #: Its pairs, scored by each system.
    pairs: tuple[Scored, ...]
    #: Cost of the features of each system.
    extracted: tuple[Extracted, ...]
    #: Edits that left nothing to see, and were skipped.
    blank: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PeerPlan:
    """What all tasks share."""

    #: Names of the edits.
    edits: tuple[str, ...]
    #: Number of unrelated references drawn for each query.
    unrelated: int
    #: Number of other pages of its site drawn for each query.
    same_site: int
    #: Seed of all samples.
    seed: int


def main() -> int:
    options = _options()
    dataset = Dataset.load(options.pictures, options.distractors)
    sites = frozenset(options.report_sites.split(","))
    split = Split(frozenset(options.fit_sites.split(",")), sites)
    whole, report_part = Corpus.load(options.pictures), dataset_part(dataset, split)
    corpus = Corpus(whole.folder, tuple(item for item in whole.items if item.file in report_part))
    asked = _known(
        report_part,
        [
            *spread_screenshots(corpus, options.screenshots, options.seed),
            *random_photos(corpus, options.photos, options.seed),
        ],
    )
    plan = PeerPlan(tuple(options.edits.split(",")), options.unrelated, options.same_site, options.seed)
    report.heading(
        f"Peers, side by side: {options.screenshots} screenshots and {options.photos} photographs x "
        f"{len(plan.edits)} edits",
        options,
    )
    print(", ".join(versions(options.perception_python)) + ".\n", flush=True)
    began = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="quaid-benchmark-", ignore_cleanup_errors=True) as folder:
        try:
            start = partial(_start, f"embedded:{folder}", options.perception_python, plan)
            with ProcessPoolExecutor(
                options.processes, mp_context=get_context("spawn"), initializer=start
            ) as pool:
                outcomes = report.collected(
                    pool.map(_ask, tasks(corpus, report_part, asked, sites, options.seed)),
                    len(asked),
                    options.out,
                )
        finally:
            stop_embedded(folder)
    pairs = [pair for outcome in outcomes for pair in outcome.pairs]
    blank = sum(len(outcome.blank) for outcome in outcomes)
    per_system = len({(pair.query, pair.edit, pair.reference) for pair in pairs})
    print(
        f"{per_system:,} pairs by each system in {time.perf_counter() - began:.0f} s by {options.processes} "
        "processes. ",
        end="",
    )
    print(f"{blank} edited pictures showed nothing and were left out.\n")
    print_tables(rows_of(pairs), pairs, [each for outcome in outcomes for each in outcome.extracted])
    if options.indexed:
        right = {item.file: whole.right_answers(item) for item in asked}
        print_search(asked, right, plan.edits, dataset.indexed, options)
    return 0


def _options() -> argparse.Namespace:
    parser = report.arguments(__doc__)
    parser.add_argument(
        "--perception-python",
        type=Path,
        help="Python of a virtual environment with perception[approximate-deduplication]",
    )
    parser.add_argument(
        "--distractors",
        type=Path,
        action="append",
        default=[],
        help="folder with groups.jsonl, for further unrelated pages (larger_set.py)",
    )
    parser.add_argument("--screenshots", type=int, default=10)
    parser.add_argument("--photos", type=int, default=10)
    parser.add_argument("--edits", default=",".join(SUITE), help="comma-separated names from edits.EDITS")
    parser.add_argument(
        "--unrelated",
        type=int,
        default=6,
        help="number of unrelated pictures for each query, two in three of its own kind",
    )
    parser.add_argument(
        "--same-site", type=int, default=2, help="maximum number of other pages of the site for each query"
    )
    parser.add_argument(
        "--fit-sites",
        default="nhsuk,jupyterlab",
        help="comma-separated sets that our thresholds were fitted to, which are not used",
    )
    parser.add_argument(
        "--report-sites", default="siemens,streamlit", help="comma-separated sets to use, each of one site"
    )
    parser.add_argument(
        "--indexed", type=int, default=500, help="number of pictures to search, 0 for no search"
    )
    parser.add_argument("--searches", type=int, default=150, help="number of queries of the search")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--out", type=Path, help="write the outcome of every original as a line of JSON")
    options = parser.parse_args()
    if options.sample:
        options.screenshots, options.photos, options.indexed, options.searches = (
            2,
            2,
            min(options.indexed, 40),
            12,
        )
    return options


def versions(perception_python: Path | None) -> list[str]:
    """Return the versions of the peers. Starts perception's process once, so that a Python without it fails
    early.
    """
    found = [f"{name} {version(name)}" for name in ("pdqhash", "imagehash")]
    if perception_python is None:
        return [*found, "no perception (--perception-python was not given)"]
    perception = Perception(perception_python)
    perception.close()
    return [*found, f"perception {perception.version} in a process of its own"]


def dataset_part(dataset: Dataset, split: Split) -> dict[str, Item]:
    """Return, by file, the pictures that our calibration was not fitted to, without phishing pages, which are
    not a random sample.
    """
    return {
        item.file: item
        for item in dataset.indexed
        if item.kind is not Kind.LINKED and item.set != PHISHING and split.subset_of(item) is Subset.REPORT
    }


def tasks(
    corpus: Corpus, report_part: dict[str, Item], asked: list[Item], sites: frozenset[str], seed: int
) -> list[PeerTask]:
    """Return a task for each queried picture. Unrelated are pictures of other sets, and other photographs.
    Two pages of a set of several sites are neither unrelated nor of the same site.
    """
    more = sorted(file for file, item in report_part.items() if not item.queried)
    others = _known(
        report_part, [*spread_screenshots(corpus, OTHERS, seed + 1), *random_photos(corpus, OTHERS, seed + 1)]
    )
    others += [
        report_part[file] for file in random.Random(f"others:{seed}").sample(more, min(OTHERS, len(more)))
    ]
    references = sorted({*asked, *others}, key=lambda item: item.file)
    made = []
    for item in asked:
        right = corpus.right_answers(item)
        apart = [other for other in references if other.file not in right]
        unrelated = tuple(other for other in apart if other.set != item.set or item.kind is Kind.PHOTOGRAPH)
        made.append(
            PeerTask(
                item,
                unrelated,
                tuple(other for other in apart if other.set == item.set and item.set in sites),
            )
        )
    return made


def _known(report_part: dict[str, Item], items: Iterable[corpora.Item]) -> list[Item]:
    return [report_part[item.file] for item in items]


class Process:
    """The systems of one process, and the references whose features they have."""

    def __init__(self, url: str, perception_python: Path | None, plan: PeerPlan) -> None:
        self.plan = plan
        self.systems = opened_systems(Engine.open(url), perception_python)
        self._references: set[str] = set()

    def ask(self, task: PeerTask) -> Outcome:
        pairs: list[Scored] = []
        extracted: list[Extracted] = []
        blank: list[str] = []
        original = opened(task.original.path)
        for name in self.plan.edits:
            picture = edit(name, original, seed=task.original.file)
            if not has_ink(picture):
                blank.append(name)
                continue
            rng = random.Random(f"{self.plan.seed}:{task.original.file}:{name}")
            drawn = [(RIGHT, task.original)]
            drawn += [(OTHER, item) for item in _unrelated(task, rng, self.plan.unrelated)]
            drawn += [
                (SAME_SITE, item)
                for item in rng.sample(task.same_site, min(self.plan.same_site, len(task.same_site)))
            ]
            extracted += self._describe("query", png(picture))
            for stratum, reference in drawn:
                self._know(reference)
                pairs += [
                    self._scored(system, stratum, task.original, name, reference) for system in self.systems
                ]
        return Outcome(tuple(pairs), tuple(extracted), tuple(blank))

    def _know(self, item: Item) -> None:
        if item.file not in self._references:
            self._describe(item.file, readable(item.path))
            self._references.add(item.file)

    def _describe(self, name: str, data: bytes) -> list[Extracted]:
        costs = []
        for system in self.systems:
            began = system.cpu()
            system.describe(name, data)
            costs.append(Extracted(system.name, system.cpu() - began))
        return costs

    def _scored(self, system: System, stratum: str, original: Item, name: str, reference: Item) -> Scored:
        began = system.cpu()
        scores = system.compare("query", reference.file)
        return Scored(
            system.name,
            f"{original.kind.value}s",
            stratum,
            original.file,
            name,
            reference.file,
            scores,
            system.cpu() - began,
        )


def _unrelated(task: PeerTask, rng: random.Random, count: int) -> list[Item]:
    """Draw unrelated pictures, two in three of the query's own kind: text is confused with text, and hardly
    with a photograph.
    """
    alike = [item for item in task.unrelated if item.kind is task.original.kind]
    unlike = [item for item in task.unrelated if item.kind is not task.original.kind]
    return [
        *rng.sample(alike, min(len(alike), count - count // 3)),
        *rng.sample(unlike, min(len(unlike), count // 3)),
    ]


#: The systems of this process, opened once by _start.
_process: list[Process] = []


def _start(url: str, perception_python: Path | None, plan: PeerPlan) -> None:
    import cv2

    cv2.setNumThreads(1)  # CPU time is reported, and one process per core is enough
    _process.append(Process(url, perception_python, plan))


def _ask(task: PeerTask) -> Outcome:
    return _process[0].ask(task)


if __name__ == "__main__":
    sys.exit(main())
