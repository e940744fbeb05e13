"""Full-page captures for tall.py, 2 to 10 times as high as wide, from three sources, and viewport shots of
them.

*stacked*: screenshots and photographs of the corpus, one below the other, as the sections of one page, each
picture used once; *rendered*: captures of real documentation from render_pages.py; *captured*: the tall
screenshots of the corpus itself.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from douglas_quaid.evaluation.edits import Picture, browser_bar, opened, png, recompressed, resized, viewport

from .corpus import Corpus, Item

WIDTH = 1280
#: Minimum height over width of a tall page.
TALL = 2.0
SCROLLS = (0.0, 0.25, 0.5, 0.75, 1.0)
SHOTS = ("viewport", "viewport_jpeg_50", "viewport_75_browser_bar")
HEADINGS = (
    "Overview",
    "What is new",
    "How it works",
    "Prices",
    "Questions and answers",
    "Reports of the week",
    "Contact",
    "Gallery",
    "Terms",
)
WORDS = (
    "page",
    "picture",
    "analyst",
    "case",
    "report",
    "list",
    "domain",
    "address",
    "number",
    "date",
    "sample",
    "source",
    "result",
    "share",
    "server",
)


@dataclass(frozen=True, slots=True)
class TallPage:
    """A full-page capture."""

    #: Its name, for a capture of the corpus the file.
    name: str
    #: "stacked", "rendered" or "captured".
    source: str
    #: Bytes of the file.
    data: bytes
    #: Height over width.
    ratio: float
    #: Files of the corpus that show the same page, itself included.
    twins: frozenset[str]


@dataclass(frozen=True, slots=True)
class Shot:
    """A viewport shot."""

    #: The capture that it shows a part of.
    page: TallPage
    #: One of SHOTS.
    kind: str
    #: Scroll position, 0 at the top and 1 at the end.
    scroll: float
    #: Bytes of the file.
    data: bytes


def captured_pages(corpus: Corpus) -> Iterator[TallPage]:
    """Yield the tall screenshots of the corpus."""
    for item in corpus.screenshots:
        with Image.open(corpus.folder / item.file) as picture:
            ratio = picture.height / picture.width
        if ratio >= TALL:
            yield TallPage(
                item.file, "captured", corpus.data(item), ratio, frozenset(corpus.right_answers(item))
            )


def rendered_pages(folder: Path) -> Iterator[TallPage]:
    """Yield the captures in a folder."""
    for path in sorted(folder.glob("*.png")):
        with Image.open(path) as picture:
            ratio = picture.height / picture.width
        yield TallPage(path.name, "rendered", path.read_bytes(), ratio, frozenset())


def stacked_pages(corpus: Corpus, count: int, seed: int) -> tuple[list[TallPage], set[str]]:
    """`count` pages of heights from 2 to 10 times the width, and the groups whose pictures they were
    made of.
    """
    rng = random.Random(f"stacked:{seed}")
    waiting = [rng.choice(members) for _, members in sorted(corpus.groups.items())]
    rng.shuffle(waiting)
    pages, used = [], set()
    for number in range(count):
        ratio = TALL + (10 - TALL) * number / max(1, count - 1)
        page, items = _stack(corpus, waiting, round(ratio * WIDTH), rng)
        used |= {item.group for item in items}
        pages.append(TallPage(f"stacked-{number:02d}", "stacked", png(page), ratio, frozenset()))
    return pages, used


def shots_of(page: TallPage, kinds: tuple[str, ...] = SHOTS) -> Iterator[Shot]:
    """Yield viewport shots at five scroll positions; parts of a page that show almost nothing are
    left out.
    """
    picture = opened(page.data)
    for scroll in SCROLLS:
        shot = viewport(picture, scroll)
        if shows_something(shot):
            for kind in kinds:
                yield Shot(page, kind, scroll, png(_as(kind, shot, f"{page.name}:{scroll}")))


def shows_something(picture: Picture) -> bool:
    """Return whether at least 8 % of the tiles of 32 x 32 pixels have a standard deviation above 8 grey
    levels (chosen: three lines of text).
    """
    grey = np.asarray(picture.convert("L"), np.float32)
    rows, columns = grey.shape[0] // 32, grey.shape[1] // 32
    tiles = grey[: rows * 32, : columns * 32].reshape(rows, 32, columns, 32).std(axis=(1, 3))
    return bool((tiles > 8).mean() >= 0.08)


def _as(kind: str, shot: Picture, seed: str) -> Picture:
    if kind == "viewport_jpeg_50":
        return recompressed(shot, 50)
    if kind == "viewport_75_browser_bar":
        return browser_bar(resized(shot, 0.75), random.Random(seed))
    return shot


def _stack(
    corpus: Corpus, waiting: list[Item], height: int, rng: random.Random
) -> tuple[Picture, list[Item]]:
    page = Image.new("RGB", (WIDTH, height), rng.choice(("white", "#fafafa", "#f3f6fb")))
    draw = ImageDraw.Draw(page)
    draw.rectangle((0, 0, WIDTH, 72), fill=rng.choice(("#123a7a", "#202124", "#7a1230", "#0b6b4f")))
    draw.text(
        (40, 36),
        f"{rng.choice(WORDS).title()} {rng.choice(WORDS).title()}",
        fill="white",
        anchor="lm",
        font=_font(30),
    )
    top, items = 110, []
    while top < height - 60 and waiting:
        draw.text((80, top), f"{rng.choice(HEADINGS)} {rng.randint(1, 99)}", fill="#202124", font=_font(34))
        top += 60
        for _ in range(rng.randint(1, 4)):
            draw.text((80, top), " ".join(rng.choices(WORDS, k=14)), fill="#404040", font=_font(19))
            top += 28
        item = waiting.pop()
        picture = opened(corpus.folder / item.file)
        picture = resized(picture, rng.uniform(0.55, 0.9) * WIDTH / picture.width)
        picture = picture.crop((0, 0, picture.width, min(picture.height, 900)))
        page.paste(picture, (rng.choice((80, (WIDTH - picture.width) // 2)), top + 12))
        items.append(item)
        top += picture.height + 60
    return page, items


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)
