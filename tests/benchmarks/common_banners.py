"""How many queries go to a person because a match that is nearly all of one picture stays listed?

Draws one cookie banner on pages of many sites, stores some of them and asks for others (without an answer),
for crops of 80 % of each side of stored ones, and for the banner alone. Every candidate is decided twice from
the same evidence: as it is, and with a common region or an ambiguous query as the last word, as before.

    python -m benchmarks.common_banners --pictures DIR [--sample] [--seed N]
"""

from __future__ import annotations

import random
import sys
import tempfile
from collections import Counter
from dataclasses import replace
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont
from support.server import Server

from douglas_quaid import Engine
from douglas_quaid.decision.calibration_file import shipped
from douglas_quaid.decision.decide import decide_stored
from douglas_quaid.decision.options import DEFAULTS
from douglas_quaid.evaluation.edits import encoded, opened, resized
from douglas_quaid.search.hits import RANK

from . import report
from .corpus import Corpus, spread_screenshots

#: Pages stored and pages asked for; of the sample in brackets.
STORED, ASKED = 300, 300
SAMPLE = 60
#: Width of a page in pixels.
WIDTH = 800
#: The decision as it was: no coverage is enough.
BEFORE = replace(DEFAULTS.verdict, held_coverage=2.0)


def main() -> int:
    options = report.arguments(__doc__).parse_args()
    corpus, count = Corpus.load(options.pictures), SAMPLE if options.sample else STORED
    items = spread_screenshots(corpus, 2 * count, options.seed)
    random.Random(options.seed).shuffle(items)
    pages = [with_banner(opened(corpus.data(item))) for item in items]
    found: dict[str, Counter[str]] = {}
    server = Server(Path(tempfile.mkdtemp())).start()
    try:
        with Engine.open(server.url) as engine:
            for page in pages[:count]:
                engine.add(encoded(page), link=False)
            queries = [("other page", page) for page in pages[count:]]
            queries += [("crop of 80 %", crop(page)) for page in pages[:count]]
            for kind, picture in [*queries, ("the banner", banner())]:
                found.setdefault(kind, Counter()).update(both(engine, encoded(picture, "JPEG", quality=80)))
    finally:
        server.kill()
    for kind, counted in found.items():
        print(f"{kind}: " + ", ".join(f"{how} {number}" for how, number in sorted(counted.items())))
    return 0


def both(engine: Engine, data: bytes) -> list[str]:
    """The strongest decision before and after."""
    evidence = [found.verdict.evidence for found in engine.inquire(data).candidates]
    answers = []
    for when, options in (("before", BEFORE), ("after", DEFAULTS.verdict)):
        decisions = (decide_stored(one, shipped(), options=options).decision for one in evidence)
        strongest = max(decisions, key=RANK.__getitem__, default=None)
        answers.append(f"{when} {strongest.value if strongest else 'no-match'}")
    return answers


def banner() -> Image.Image:
    sheet = Image.new("RGB", (WIDTH, 110), "#20242c")
    draw = ImageDraw.Draw(sheet)
    draw.text((20, 10), "We value your privacy", fill="white", font=ImageFont.load_default(20))
    for line, text in enumerate(
        ("This site uses cookies to measure visits and to", "show offers of its partners.")
    ):
        draw.text((20, 42 + 20 * line), text, fill="#ccd3dd", font=ImageFont.load_default(14))
    for place, (text, colour) in enumerate((("Accept all", "#33aa77"), ("Settings", "#556677"))):
        box = (WIDTH - 170 - 150 * place, 40, WIDTH - 40 - 150 * place, 74)
        draw.rounded_rectangle(box, 6, fill=colour)
        draw.text((box[0] + 65, 57), text, fill="white", font=ImageFont.load_default(15), anchor="mm")
    return sheet


def with_banner(page: Image.Image) -> Image.Image:
    """The first screen of a page, with the banner at its lower edge."""
    sheet = resized(page, WIDTH / page.width).crop((0, 0, WIDTH, 600))
    sheet.paste(banner(), (0, 490))
    return sheet


def crop(page: Image.Image) -> Image.Image:
    return page.crop((80, 120, 720, 600))


if __name__ == "__main__":
    sys.exit(main())
