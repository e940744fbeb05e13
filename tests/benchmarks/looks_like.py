"""Which brand does a page imitate? 100 legitimate pages of 50 brands are the baseline; imitations of them and
pages of others are asked.

The pages are drawn by looks_like_pages.py and rendered by Chromium; half of the other pages are screenshots
of the development pictures. The calibration of looks-like was fitted to one half of the brands and of the
other pages (`--fit` does it again), and the table is about the other half. Counted is whether a hit with the
right brand is listed, and whether one with another brand is. With phishing/ among the pictures, its pages are
asked, too: those of a pair with one of the two in the baseline.

    python -m benchmarks.looks_like --pictures DIR --set DIR [--seed 1] [--sample] [--fit]
"""

from __future__ import annotations

import json
import random
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from support.server import Server

from douglas_quaid import Engine

from . import report
from .corpus import PHISHING, PHOTOS, Corpus
from .looks_like_set import Drawn, render

#: Number of screenshots among the other pages.
SCREENSHOTS = 150
BASELINE = "brands"


@dataclass(frozen=True, slots=True)
class Asked:
    """One page and the brands that were listed for it."""

    #: "imitation", "other" or "screenshot".
    part: str
    #: What kind of an imitation, or of a page.
    kind: str
    #: Its file.
    file: str
    #: Whether it belongs to the half that is reported.
    reported: bool
    #: Its brand; None for a page that imitates none.
    brand: str | None
    #: Brands listed, each with the relation and the confidence of its first hit.
    listed: tuple[tuple[str, str, float], ...]
    #: CPU seconds of the query.
    seconds: float

    @property
    def found(self) -> bool:
        """Return whether its brand is listed."""
        return any(brand == self.brand for brand, _, _ in self.listed)

    @property
    def wrong(self) -> bool:
        """Return whether another brand is listed."""
        return any(brand != self.brand for brand, _, _ in self.listed)


def is_reported(seed: int) -> bool:
    """Return whether a brand belongs to the half that is reported: whole rounds of all layouts."""
    return seed // 8 % 2 == 1


def main() -> int:
    """Run the benchmark, and return its exit status."""
    parser = report.arguments(__doc__)
    parser.add_argument("--set", type=Path, required=True, help="folder of the drawn pages; filled if empty")
    parser.add_argument("--out", type=Path, help="file for one line of JSON a page")
    options = parser.parse_args()
    drawn = render(options.set)
    report.heading("looks-like", options)
    corpus = Corpus.load(options.pictures)
    with tempfile.TemporaryDirectory() as folder:
        server = Server(Path(folder)).start()
        try:
            with Engine.open(server.url) as engine:
                asked = _asked(engine, options.set, drawn, corpus, options)
        finally:
            server.kill()
    _tables(asked)
    with tempfile.TemporaryDirectory() as folder:
        _phishing(corpus, Path(folder))
    mine = [each for each in asked if each.reported]
    imitations = [each for each in mine if each.part == "imitation"]
    found, wrong = sum(each.found for each in imitations), sum(each.wrong for each in mine)
    return report.verdict(
        [
            ("the brand of at least 80 % of the imitations is found", found >= 0.8 * len(imitations)),
            ("another brand is listed for at most 2 % of all pages", wrong <= 0.02 * len(mine)),
        ]
    )


def _asked(
    engine: Engine, folder: Path, drawn: Sequence[Drawn], corpus: Corpus, options: object
) -> list[Asked]:
    engine.create_collection(BASELINE, "baseline")
    sample = options.sample
    for each in drawn:
        if each.part == "baseline":
            data = (folder / each.file).read_bytes()
            labels = {"brand": f"brand {each.brand}"}
            engine.add(data, occurrence=f"page:drawn:{each.file}", labels=labels, collection=BASELINE)
    queries = [
        (each.part, each.kind, each.file, is_reported(each.brand), f"brand {each.brand}", folder / each.file)
        if each.part == "imitation"
        else (each.part, each.kind, each.file, each.brand % 2 == 1, None, folder / each.file)
        for each in drawn
        if each.part != "baseline"
    ]
    # (one of a group: the halves share no page)
    groups = sorted(
        (members for members in corpus.groups.values() if members[0].set not in (PHOTOS, PHISHING)),
        key=lambda members: members[0].file,
    )
    random.Random(f"screenshots {options.seed}").shuffle(groups)
    for number, members in enumerate(groups[:SCREENSHOTS]):
        path = corpus.folder / members[0].file
        queries.append(("screenshot", members[0].set, members[0].file, number % 2 == 1, None, path))
    if sample:
        queries = queries[:: len(queries) // 30]
    return report.collected((_ask(engine, *query) for query in queries), len(queries), options.out)


def _ask(
    engine: Engine, part: str, kind: str, file: str, reported: bool, brand: str | None, path: Path
) -> Asked:
    data = path.read_bytes()
    began = time.process_time()
    result = engine.query(data)
    seconds = time.process_time() - began
    listed: dict[str, tuple[str, str, float]] = {}
    for hit in result.hits:
        for membership in hit.collections:
            if membership.name == BASELINE:
                relation = hit.relation.value if hit.relation else ""
                name = membership.labels["brand"]
                listed.setdefault(name, (name, relation, round(hit.confidence, 3)))
    return Asked(part, kind, file, reported, brand, tuple(listed.values()), seconds)


def _tables(asked: Sequence[Asked]) -> None:
    rows = []
    for name, reported in (("fit", False), ("report", True)):
        for part in ("imitation", "other", "screenshot"):
            mine = [each for each in asked if each.reported is reported and each.part == part]
            found = report.share(sum(each.found for each in mine), len(mine)) if part == "imitation" else ""
            wrong = report.share(sum(each.wrong for each in mine), len(mine))
            times = sorted(each.seconds for each in mine)
            middle = f"{1000 * times[len(times) // 2]:.0f} ms" if times else ""
            rows.append((name, part, len(mine), found, wrong, middle))
    report.table(("half", "pages", "number", "brand found", "wrong brand listed", "CPU time"), rows)
    kinds = defaultdict(list)
    for each in asked:
        if each.part == "imitation":
            kinds[each.kind].append(each)
    report.table(
        ("imitation (both halves)", "brand found", "wrong brand listed"),
        (
            (kind, report.share(sum(e.found for e in some), len(some)), sum(e.wrong for e in some))
            for kind, some in sorted(kinds.items())
        ),
    )


def _phishing(corpus: Corpus, folder: Path) -> None:
    """Ask the pages of phishing/, each with all others as the baseline, each of a brand of its own but for
    the pairs.
    """
    truth = json.loads((corpus.folder / PHISHING / "truth.visjs.json").read_text())
    names = {node["id"]: node["image"] for node in truth["nodes"]}
    pairs = {frozenset((names[edge["from"]], names[edge["to"]])) for edge in truth["edges"]}
    server = Server(folder).start()
    try:
        with Engine.open(server.url) as engine:
            engine.create_collection(BASELINE, "baseline")
            ids = {}
            for name in names.values():
                data = (corpus.folder / PHISHING / name).read_bytes()
                labels = {"brand": "+".join(sorted(next((p for p in pairs if name in p), {name})))}
                ids[name] = engine.add(data, collection=BASELINE, labels=labels).image_id
            rows = []
            for name in names.values():
                data = (corpus.folder / PHISHING / name).read_bytes()
                result = engine.query(data, exclude=[ids[name]])
                listed = [next(n for n, i in ids.items() if i == hit.image_id) for hit in result.hits]
                right = [other for other in listed if frozenset((name, other)) in pairs]
                has = any(name in pair for pair in pairs)
                rows.append(
                    (
                        name,
                        "yes" if has else "",
                        "yes" if right else "",
                        len(listed) - len(right),
                        result.decision.value,
                    )
                )
    finally:
        server.kill()
    report.table(("phishing page", "brand in the baseline", "found", "wrong pages listed", "decision"), rows)


if __name__ == "__main__":
    sys.exit(main())
