"""The stream of ail_stream.py: which objects come, in which order, and what they show.

    80 %  clones of the templates' pages: each with a small picture of its own, and up to three EDITS
     8 %  images from chats that show a part of a template's page
     2 %  further captures of a template's page on a domain that has it already
     3 %  pages that share only their upper half with a template: a person should look
     4 %  imitations of two legitimate pages, edited like clones
     3 %  pages that look like nothing else

Every object but those further captures is on a domain of its own.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from support.pictures import jpeg, page, png

from douglas_quaid.evaluation.edits import noisy, resized

Kind = Literal["clone", "part", "again", "review", "imitation", "other"]
SHARES: dict[Kind, float] = {
    "clone": 0.80,
    "part": 0.08,
    "again": 0.02,
    "review": 0.03,
    "imitation": 0.04,
    "other": 0.03,
}
#: The legitimate pages, each in a baseline collection of its own.
BRANDS = ("Example Bank", "Example Mail")
SIZE = (960, 1200)


@dataclass(frozen=True)
class Planned:
    """One object of the stream, before AIL has it."""

    kind: Kind
    #: Number of its template, or of its brand; None for a page that looks like nothing else.
    template: int | None
    #: Its onion; empty for an image from a chat.
    domain: str
    #: The bytes of its file.
    content: bytes


def planned(seed: int, number: int, templates: int) -> Planned:
    """Return object `number` of a stream."""
    rng = random.Random(f"stream {seed} {number}")
    (kind,) = rng.choices(tuple(SHARES), tuple(SHARES.values()))
    domain = f"site{number}.onion"
    if kind == "other":
        return Planned(kind, None, domain, png(page(900_000 + 1000 * seed + number, *SIZE)))
    if kind == "imitation":
        brand = rng.randrange(len(BRANDS))
        return Planned(kind, brand, domain, edited(brand_page(seed, brand), rng))
    template = rng.randrange(templates)
    base = page(1000 * seed + template, *SIZE)
    if kind == "clone":
        return Planned(kind, template, domain, edited(base, rng))
    if kind == "again":
        return Planned(kind, template, f"again{template}.onion", png(marked(base, rng)))
    if kind == "part":
        left, top = rng.randrange(0, 200), rng.randrange(0, 400)
        return Planned(kind, template, "", png(base.crop((left, top, left + 700, top + 600))))
    lower = page(800_000 + 1000 * seed + number, *SIZE).crop((0, 660, *SIZE))
    base.paste(lower, (0, 660))
    return Planned(kind, template, domain, png(base))


def brand_page(seed: int, brand: int) -> Image.Image:
    """The legitimate page of a brand."""
    return page(700_000 + 1000 * seed + brand, *SIZE)


# -- edits ---------------------------------------------------------------------------------------------------


def edited(base: Image.Image, rng: random.Random) -> bytes:
    """A copy of a page as another site shows it, with up to three edits. No two have the same pixels."""
    picture = marked(base, rng)
    chosen = rng.sample(tuple(EDITS), rng.randrange(4))
    for name in EDITS:
        if name in chosen:
            picture = EDITS[name](picture, rng)
    return jpeg(picture, 60) if "JPEG" in chosen else png(picture)


def marked(base: Image.Image, rng: random.Random) -> Image.Image:
    """The page with another small picture near its lower edge."""
    noise = np.random.default_rng(rng.getrandbits(32)).integers(0, 256, (4, 12, 3), dtype=np.uint8)
    picture = base.copy()
    picture.paste(Image.fromarray(noise).resize((60, 20)), (40, 1150))
    return picture


def _with_footer(picture: Image.Image, rng: random.Random) -> Image.Image:
    """A line at the bottom with a time and a counter."""
    draw = ImageDraw.Draw(picture)
    time = f"{rng.randrange(24):02}:{rng.randrange(60):02}:{rng.randrange(60):02} UTC"
    draw.rectangle((0, 1164, *SIZE), fill="#30343a")
    draw.text((30, 1172), f"{time}, {rng.randrange(10_000_000):,} visitors", fill="white", font=_font(18))
    return picture


def _under_banner(picture: Image.Image, rng: random.Random) -> Image.Image:
    """A red banner that moves the page down."""
    height = rng.randrange(50, 110)
    result = Image.new("RGB", (picture.width, picture.height + height), "#b00020")
    text = f"Beware of copies. Our mirror is {rng.getrandbits(64):016x}.onion"
    ImageDraw.Draw(result).text((30, height // 2), text, fill="white", font=_font(24), anchor="lm")
    result.paste(picture, (0, height))
    return result


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


#: In the order in which they happen; the file format comes last.
EDITS: dict[str, Callable[[Image.Image, random.Random], Image.Image]] = {
    "footer": _with_footer,
    "banner": _under_banner,
    "noise": noisy,
    "size": lambda picture, rng: resized(picture, rng.choice((0.8, 1.25))),
    "JPEG": lambda picture, rng: picture,
}
