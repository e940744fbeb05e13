"""The set of looks_like.py: legitimate pages, imitations of them, and pages of others, rendered by Chromium.

Takes a folder, writes a PNG for each page and `pages.jsonl`. The seeds decide everything but the fonts of the
machine. The calibration was fitted to one part; the other has other seeds throughout.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from .larger_set_browser import Browser, Window
from .looks_like_pages import LAYOUTS, Brand, Changes, page

#: Number of brands, of imitations, and of those with nothing of the original but logo and colours.
BRANDS, IMITATIONS, ANEW = 50, 60, 12
#: Number of pages of brands that are not in the baseline.
OTHERS = 150
#: Kinds of imitations.
KINDS = ("phone", "other width", "no footer", "other language", "logo moved", "recoloured", "verify", "old")


@dataclass(frozen=True, slots=True)
class Drawn:
    """A page of the set."""

    file: str
    #: "baseline", "imitation" or "other".
    part: str
    #: Seed of its brand.
    brand: int
    #: What it is: the kind of an imitation, or of a page.
    kind: str


#: The first seed of each part: no brand and no imitation is in both.
PARTS = {"fit": 0, "report": 9000}


def pages(part: str) -> Iterator[tuple[Drawn, str, Window]]:
    """Return each page of a part of the set, with its HTML and the window it is rendered in."""
    usual, first = Window(1280, 800), PARTS[part]
    for seed in range(first, first + BRANDS):
        for kind in ("login", "other"):
            yield Drawn(f"b{seed:03d}-{kind}.png", "baseline", seed, kind), page(Brand.of(seed), kind), usual
    for number in range(first, first + IMITATIONS):
        seed, draw = first + (number - first) * 7 % BRANDS, random.Random(f"imitation {number}")
        brand = Brand.of(seed)
        anew = number % (IMITATIONS // ANEW) == 0
        kind = "anew" if anew else KINDS[number % len(KINDS)]
        changes, window = _imitation(brand, kind, draw)
        yield Drawn(f"i{number:03d}.png", "imitation", seed, kind), page(brand, "login", changes), window
    for number in range(first, first + OTHERS):
        draw, seed = random.Random(f"other {number}"), 1000 + number
        kind = draw.choice(["login", "login", "other"])
        changes = Changes(
            language=draw.choice(["en", "en", "de", "fr"]),
            footer=draw.random() < 0.7,
            captcha=draw.random() < 0.2,
            notice=draw.random() < 0.2,
            cookie=draw.random() < 0.2,
        )
        window = Window(*draw.choice([(1280, 800), (1280, 800), (1366, 768), (1600, 900), (390, 844)]))
        yield Drawn(f"o{number:03d}.png", "other", seed, kind), page(Brand.of(seed), kind, changes), window


def _imitation(brand: Brand, kind: str, draw: random.Random) -> tuple[Changes, Window]:
    """What an imitation of that kind changes: the kind, and often one thing more."""
    kinds = {kind, draw.choice(KINDS)} if draw.random() < 0.5 else {kind}
    width = 1280
    if "phone" in kinds:
        width = draw.choice([375, 390, 414])
    elif "other width" in kinds:
        width = draw.choice([1024, 1440, 1600, 1920])
    changes = Changes(
        language=draw.choice(["de", "fr"]) if "other language" in kinds else "en",
        layout=draw.choice([each for each in LAYOUTS if each != brand.layout]) if kind == "anew" else None,
        logo_scale=draw.uniform(0.7, 1.6) if kinds & {"logo moved", "anew"} else 1.0,
        logo_centred=True if "logo moved" in kinds else None,
        button=draw.choice(["#28a745", "#d9534f", "#0d6efd", "#333333"]) if "recoloured" in kinds else None,
        footer=not kinds & {"no footer", "anew"},
        navigation=not kinds & {"no footer", "anew"},
        captcha="verify" in kinds and draw.random() < 0.6,
        notice="verify" in kinds,
        old="old" in kinds,
    )
    return changes, Window(width, 844 if width < 500 else draw.choice([720, 800, 900]))


def render(folder: Path, part: str, *, command: str = "chromium-headless-shell") -> list[Drawn]:
    """Return the pages of a part of the set, after drawing those that the folder lacks."""
    folder.mkdir(parents=True, exist_ok=True)
    browser, drawn = Browser(command=command), []
    try:
        for each, html, window in pages(part):
            target = folder / each.file
            if not target.exists():
                source = folder / "page.html"
                source.write_text(html, "utf-8")
                target.write_bytes(browser.capture(source.resolve().as_uri(), window))
            drawn.append(each)
    finally:
        browser.close()
    (folder / "pages.jsonl").write_text("".join(json.dumps(asdict(each)) + "\n" for each in drawn), "utf-8")
    return drawn
