"""Which brand does a page imitate? 100 legitimate pages of 50 brands are the baseline; imitations of them and
pages of others are asked.

The pages are drawn by looks_like_pages.py and rendered by Chromium; half of the other pages are screenshots
of the development pictures. The calibration of looks-like was fitted to the part "fit" (looks_like_fit.py);
the part "report" has other brands, other pages and other screenshots. Counted is whether a hit with the
right brand is listed, and whether one with another brand is. With phishing/ among the pictures, its pages are
asked, too, each against a baseline of all others.

    python -m benchmarks.looks_like --pictures DIR --set DIR [--part report] [--seed 1] [--sample]
"""

from __future__ import annotations

import argparse
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
from .looks_like_set import PARTS, Drawn, render

#: Number of screenshots among the other pages.
SCREENSHOTS = 150
BASELINE = "brands"


@dataclass(frozen=True, slots=True)
class Query:
    """A page that is asked."""

    #: "imitation", "other" or "screenshot".
    part: str
    #: What kind of an imitation, or of a page.
    kind: str
    path: Path
    #: Its brand; None for a page that imitates none.
    brand: str | None


@dataclass(frozen=True, slots=True)
class Asked:
    """One page and the brands that were listed for it."""

    part: str
    kind: str
    file: str
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


def main() -> int:
    """Run the benchmark, and return its exit status."""
    parser = report.arguments(__doc__)
    parser.add_argument("--set", type=Path, required=True, help="folder of the drawn pages; filled if empty")
    parser.add_argument("--part", choices=PARTS, default="report")
    parser.add_argument("--out", type=Path, help="file for one line of JSON a page")
    options = parser.parse_args()
    drawn = render(options.set / options.part, options.part)
    report.heading("looks-like", options)
    corpus = Corpus.load(options.pictures)
    asked = _asked(options, drawn, corpus)
    _tables(asked)
    _phishing(corpus)
    imitations = [each for each in asked if each.part == "imitation"]
    found, wrong = sum(each.found for each in imitations), sum(each.wrong for each in asked)
    return report.verdict(
        [
            ("the brand of at least 80 % of the imitations is found", found >= 0.8 * len(imitations)),
            ("another brand is listed for at most 2 % of all pages", wrong <= 0.02 * len(asked)),
        ]
    )


def queries(folder: Path, drawn: Sequence[Drawn], corpus: Corpus, part: str, seed: int) -> list[Query]:
    """Return the pages that are asked: the drawn ones, and screenshots, one of a group."""
    found = [
        Query(each.part, each.kind, folder / each.file, named(each) if each.part == "imitation" else None)
        for each in drawn
        if each.part != "baseline"
    ]
    groups = sorted(
        (members for members in corpus.groups.values() if members[0].set not in (PHOTOS, PHISHING)),
        key=lambda members: members[0].file,
    )
    random.Random(f"screenshots {seed}").shuffle(groups)
    first = SCREENSHOTS * list(PARTS).index(part)
    for members in groups[first : first + SCREENSHOTS]:
        found.append(Query("screenshot", members[0].set, corpus.folder / members[0].file, None))
    return found


def named(page: Drawn) -> str:
    """Return the label of a page's brand."""
    return f"brand {page.brand}"


def _asked(options: argparse.Namespace, drawn: Sequence[Drawn], corpus: Corpus) -> list[Asked]:
    folder = options.set / options.part
    pages = queries(folder, drawn, corpus, options.part, options.seed)
    if options.sample:
        pages = pages[:: len(pages) // 30]
    with tempfile.TemporaryDirectory() as place:
        server = Server(Path(place)).start()
        try:
            with Engine.open(server.url) as engine:
                engine.create_collection(BASELINE, "baseline")
                for each in drawn:
                    if each.part == "baseline":
                        data, labels = (folder / each.file).read_bytes(), {"brand": named(each)}
                        engine.add(data, labels=labels, collection=BASELINE, link=False)
                return report.collected((_ask(engine, page) for page in pages), len(pages), options.out)
        finally:
            server.kill()


def _ask(engine: Engine, page: Query) -> Asked:
    data = page.path.read_bytes()
    began = time.process_time()
    result = engine.query(data)
    seconds = time.process_time() - began
    listed: dict[str, tuple[str, str, float]] = {}
    for hit in result.hits:
        name, relation = hit.collections[0].labels["brand"], hit.relation.value if hit.relation else ""
        listed.setdefault(name, (name, relation, round(hit.confidence, 3)))
    return Asked(page.part, page.kind, page.path.name, page.brand, tuple(listed.values()), seconds)


def _tables(asked: Sequence[Asked]) -> None:
    rows = []
    for part in ("imitation", "other", "screenshot"):
        mine = [each for each in asked if each.part == part]
        found = report.share(sum(each.found for each in mine), len(mine)) if part == "imitation" else ""
        wrong = report.share(sum(each.wrong for each in mine), len(mine))
        times = sorted(each.seconds for each in mine)
        middle = f"{1000 * times[len(times) // 2]:.0f} ms" if times else ""
        rows.append((part, len(mine), found, wrong, middle))
    report.table(("pages", "number", "brand found", "wrong brand listed", "CPU time, median"), rows)
    kinds = defaultdict(list)
    for each in asked:
        if each.part == "imitation":
            kinds[each.kind].append(each)
    report.table(
        ("imitation", "brand found", "wrong brand listed"),
        (
            (kind, report.share(sum(e.found for e in some), len(some)), sum(e.wrong for e in some))
            for kind, some in sorted(kinds.items())
        ),
    )
    print("Wrong, or not found:\n")
    for each in asked:
        if each.wrong or (each.brand and not each.found):
            print(
                f"- {each.file} ({each.kind}, {each.brand or 'no brand'}): {list(each.listed) or 'nothing'}"
            )
    print(flush=True)


def _phishing(corpus: Corpus) -> None:
    """Ask the pages of phishing/, each against all others, each of a brand of its own but for the pairs."""
    truth = json.loads((corpus.folder / PHISHING / "truth.visjs.json").read_text())
    names = {node["id"]: node["image"] for node in truth["nodes"]}
    pairs = {frozenset((names[edge["from"]], names[edge["to"]])) for edge in truth["edges"]}
    rows = []
    with tempfile.TemporaryDirectory() as place:
        server = Server(Path(place)).start()
        try:
            with Engine.open(server.url) as engine:
                engine.create_collection(BASELINE, "baseline")
                ids = {}
                for name in names.values():
                    data = (corpus.folder / PHISHING / name).read_bytes()
                    brand = "+".join(sorted(next((pair for pair in pairs if name in pair), {name})))
                    added = engine.add(data, collection=BASELINE, labels={"brand": brand}, link=False)
                    ids[added.image_id] = name
                for image_id, name in ids.items():
                    data = (corpus.folder / PHISHING / name).read_bytes()
                    hits = engine.query(data, exclude=[image_id]).hits
                    right = sum(frozenset((name, ids[hit.image_id])) in pairs for hit in hits)
                    listed = [f"{ids[hit.image_id]} {hit.confidence:.2f}" for hit in hits]
                    rows.append((any(name in pair for pair in pairs), right, len(hits) - right, listed, name))
        finally:
            server.kill()
    paired = [row for row in rows if row[0]]
    found, misled = sum(bool(row[1]) for row in paired), sum(row[2] > 0 for row in rows)
    print(f"Phishing pages: {len(rows)}; {len(paired)} have their brand in the baseline, {found} of these")
    print(f"are found; for {misled}, a page of another brand is listed.\n")
    for row in rows:
        if row[1] or row[2]:
            print(f"- {row[4]}: {', '.join(row[3])}")
    print(flush=True)


if __name__ == "__main__":
    sys.exit(main())
