"""How often is another filling of a template called the same, and are the changed values shown?

Draws fillings of templates by which nothing was chosen (--seen: of those by which options were chosen). Of
each filling half and all of the values are changed, as they are and after light edits: such a pair should be
`same-template`. One and three values are changed: the boxes of the differences should lie on them. Each
filling is edited and nothing else: such a pair should be a match without a box. Then all fillings of a
template are added to one store and linked: no cluster should hold two of them. PDQ within 31 bits (its
documentation's threshold) is counted on the same pairs.

    python -m benchmarks.other_fillings [--fillings 20] [--seen] [--seed 1] [--sample]
"""

from __future__ import annotations

import sys
import tempfile
from collections import Counter, defaultdict
from pathlib import Path

from support.server import Server

from douglas_quaid import Engine
from douglas_quaid.answers import Hit
from douglas_quaid.evaluation import edits
from douglas_quaid.evaluation.fillings import Box, Filling, filled, refilled
from douglas_quaid.evaluation.templates import TEMPLATES
from douglas_quaid.evaluation.templates_unseen import UNSEEN

from . import report

#: Edits that leave every value legible.
LIGHT = ("resize_50", "jpeg_30", "crop_90", "browser_bar", "blur")
#: Distance at which two pictures are the same for PDQ, in bits. spec: ThreatExchange, PDQ's documentation.
PDQ_SAME = 31
#: Pixels around a changed value that still belong to it. chosen: about a letter.
MARGIN = 8


def main() -> int:
    """Run the benchmark, and return its exit status."""
    parser = report.arguments(__doc__, pictures=False)
    parser.add_argument("--fillings", type=int, default=20)
    parser.add_argument("--seen", action="store_true", help="the templates by which options were chosen")
    options = parser.parse_args()
    count = 3 if options.sample else options.fillings
    report.heading("Other fillings of a template", options)
    rows: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    boxes: Counter[str] = Counter()
    shared = 0
    server = Server(Path(tempfile.mkdtemp())).start()
    try:
        with Engine.open(server.url) as engine:
            for template in TEMPLATES if options.seen else UNSEEN:
                fillings = [filled(template, options.seed * 1000 + number) for number in range(count)]
                for number, filling in enumerate(fillings):
                    _pairs(engine, filling, number, rows, boxes)
                shared += _clusters(engine, fillings)
                print(f"{template.kind} done", file=sys.stderr)
    finally:
        server.kill()
    return _report(rows, boxes, shared)


def _pairs(
    engine: Engine,
    filling: Filling,
    number: int,
    rows: dict[tuple[str, str], Counter[str]],
    boxes: Counter[str],
) -> None:
    kind, page, values = filling.template.kind, edits.png(filling.picture), len(filling.values)
    light, seed = LIGHT[number % len(LIGHT)], f"{kind} {number}"
    for changed in sorted({max(1, values // 2), values}):
        other = refilled(filling, changed, number)[0].picture
        for picture in (other, edits.edit(light, other, seed=seed)):
            hit = engine.compare(edits.png(picture), page)
            rows[kind, "other filling"].update(_counted(hit))
    for changed in (1, 3):
        if changed < values:
            again, places = refilled(filling, changed, number)
            hit = engine.compare(page, edits.png(again.picture))
            rows[kind, f"{changed} changed"].update(_counted(hit))
            _count_boxes(hit, filling, places, f"{changed}", boxes)
    hit = engine.compare(edits.png(edits.edit(light, filling.picture, seed=seed)), page)
    rows[kind, "edited"].update(_counted(hit))


def _counted(hit: Hit) -> list[str]:
    relation = hit.relation.value if hit.decision.value == "no-match" and hit.relation else ""
    found = ["asked", relation or hit.decision.value]
    found += ["boxes"] if hit.evidence.differences else []
    return found + (["pdq"] if (hit.evidence.pdq_bits or 0) <= PDQ_SAME else [])


def _count_boxes(hit: Hit, filling: Filling, places: tuple[Box, ...], name: str, boxes: Counter[str]) -> None:
    width, height = filling.picture.size
    drawn = [
        (x0 * width, y0 * height, x1 * width, y1 * height)
        for x0, y0, x1, y1 in (difference.box for difference in hit.evidence.differences or ())
    ]
    for place in places:
        boxes[f"{name} asked"] += 1
        boxes[f"{name} hit"] += any(_common(place, box) > 0 for box in drawn)
    for box in drawn:
        area = (box[2] - box[0]) * (box[3] - box[1])
        around = [(x0 - MARGIN, y0 - MARGIN, x1 + MARGIN, y1 + MARGIN) for x0, y0, x1, y1 in places]
        boxes[f"{name} area"] += round(area)
        boxes[f"{name} on"] += round(min(area, sum(_common(place, box) for place in around)))


def _common(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    """Area that two boxes share."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    return max(0.0, width) * max(0.0, height)


def _clusters(engine: Engine, fillings: list[Filling]) -> int:
    """Add the fillings of a template; the number of those that share a cluster with another."""
    ids = [engine.add(edits.png(filling.picture)).image_id for filling in fillings]
    names = Counter(name for name in engine.cluster_ids(ids) if name)
    return sum(number for number in names.values() if number > 1)


def _report(rows: dict[tuple[str, str], Counter[str]], boxes: Counter[str], shared: int) -> int:
    columns = ("match", "review", "same-template", "no-match", "boxes", "pdq")
    total: dict[str, Counter[str]] = defaultdict(Counter)
    lines = []
    for (kind, what), counted in sorted(rows.items()):
        total[what].update(counted)
        lines.append([kind, what, counted["asked"], *(counted[column] for column in columns)])
    lines += [
        [
            "**all**",
            what,
            counted["asked"],
            *(report.share(counted[column], counted["asked"]) for column in columns),
        ]
        for what, counted in sorted(total.items())
    ]
    report.table(("template", "pair", "pairs", *columns[:4], "with a box", "PDQ within 31"), lines)
    print(f"{shared} fillings share a cluster with another.\n")
    other, edited = total["other filling"], total["edited"]
    hits = {
        name: (boxes[f"{name} hit"] / boxes[f"{name} asked"], boxes[f"{name} on"] / boxes[f"{name} area"])
        for name in ("1", "3")
    }
    for name, (hit, on) in hits.items():
        print(f"- {name} changed: {100 * hit:.1f} % of the values hit; {100 * on:.1f} % of the area on them")
    return report.verdict(
        [
            ("other fillings: `match` at most 1 in 1,000", 1000 * other["match"] <= other["asked"]),
            ("other fillings: `review` at most 10 %", 10 * other["review"] <= other["asked"]),
            ("one changed value is hit in 85 %", hits["1"][0] >= 0.85),
            ("three changed values are hit in 92 %", hits["3"][0] >= 0.92),
            ("80 % of the area of boxes lies on changes", min(hits["1"][1], hits["3"][1]) >= 0.8),
            ("95 % of edited pictures without a box", 20 * edited["boxes"] <= edited["asked"]),
            ("edited: 98 % found", 100 * (edited["match"] + edited["review"]) >= 98 * edited["asked"]),
            ("of these 95 % `match`", 20 * edited["match"] >= 19 * (edited["match"] + edited["review"])),
            ("no cluster holds two fillings", shared == 0),
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
