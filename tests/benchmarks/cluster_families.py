"""Families of pictures for cluster_chains.py: attack chains, whose ends are unrelated, and real families,
whose pictures belong together.

Takes the pictures of the benchmarks, returns seeded families of PNG or JPEG files in the order of their
making. A chain begins with a known picture and ends with an unrelated one.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageFont

from douglas_quaid.evaluation.edits import edit, encoded, opened, png, recompressed, resized

from .corpus import Corpus, Item

#: Width to which pictures are reduced, in pixels: nothing that is measured here rests on more. chosen.
WIDTH = 800
#: Steps of a cross-fade, both ends included: each length is drawn as often.
STEPS = (6, 8, 10, 14)
#: Share of the picture that is left after each step of a drift.
DRIFT = 0.94


@dataclass(frozen=True, slots=True)
class Family:
    """Pictures in the order of their making."""

    #: Kind of the family, a row of the table.
    kind: str
    #: Whether its ends must not be in one cluster.
    attack: bool
    #: The files.
    pictures: tuple[bytes, ...]


def families(corpus: Corpus, count: int, seed: int) -> Iterator[Family]:
    """Yield `count` families of each kind; page versions: all groups of three and more."""
    rng = random.Random(f"chains:{seed}")
    pages = [item for item in corpus.screenshots if item.file not in corpus.blank]
    sources = [*rng.sample(pages, 3 * count), *rng.sample(corpus.photos, 3 * count)]
    rng.shuffle(sources)

    def draw() -> Image.Image:
        return _small(opened(corpus.data(sources.pop())))

    made: Sequence[tuple[str, bool, Callable[[Image.Image], Sequence[bytes]]]] = (
        ("cross-fade", True, lambda picture: _cross_fade(picture, draw(), rng)),
        ("drift", True, lambda picture: _drift(picture, rng)),
        ("generations of JPEG", False, lambda picture: _generations(picture, rng)),
        ("generations of sizes", False, lambda picture: _sizes(picture, rng)),
        ("captures of a template", False, _captures),
    )
    for kind, attack, make in made:
        for _ in range(count):
            yield Family(kind, attack, tuple(make(draw())))
    for group in _versions(corpus):
        yield Family("versions of a page", False, tuple(corpus.data(item) for item in group))


def _versions(corpus: Corpus) -> list[list[Item]]:
    groups = [[item for item in group if item.file not in corpus.blank] for group in corpus.groups.values()]
    return [group for group in groups if len(group) >= 3]


def _small(picture: Image.Image) -> Image.Image:
    picture = picture.crop((0, 0, picture.width, min(picture.height, 2 * picture.width)))
    return resized(picture, min(1.0, WIDTH / picture.width))


def _cross_fade(first: Image.Image, last: Image.Image, rng: random.Random) -> list[bytes]:
    steps, last = rng.choice(STEPS), last.resize(first.size)
    return [png(Image.blend(first, last, step / (steps - 1))) for step in range(steps)]


def _drift(picture: Image.Image, rng: random.Random) -> list[bytes]:
    """Ever smaller parts towards one corner, each scaled to the size of the whole."""
    towards, found = (rng.random(), rng.random()), [picture]
    for _ in range(rng.choice(STEPS) + 4):
        width, height = (DRIFT * side for side in picture.size)
        left, top = towards[0] * (picture.width - width), towards[1] * (picture.height - height)
        box = (left, top, left + width, top + height)
        picture = picture.resize(picture.size, Image.Resampling.LANCZOS, box=box)
        found.append(picture)
    return [encoded(one, "JPEG", quality=90) for one in found]


def _generations(picture: Image.Image, rng: random.Random) -> list[bytes]:
    """Each the recompression of the one before, some of them slightly cropped or resized on the way."""
    found = [png(picture)]
    for _ in range(9):
        picture = recompressed(picture, rng.choice((35, 50, 60, 75, 85)))
        if rng.random() < 0.4:
            picture = resized(picture, rng.choice((0.9, 0.95, 1.05)))
        found.append(png(picture))
    return found


def _sizes(picture: Image.Image, rng: random.Random) -> list[bytes]:
    """As messengers and scrapers pass a picture on: resized, edited slightly, recompressed, ten times."""
    found = [png(picture)]
    for number in range(9):
        smaller = resized(picture, rng.choice((0.35, 0.5, 0.7, 0.85)))
        kind = rng.choice(("gamma", "blur", "border_10", "near_copy", "resize_50", "jpeg_30"))
        found.append(encoded(edit(kind, smaller, number), "JPEG", quality=rng.choice((40, 60, 80))))
    return found


def _captures(picture: Image.Image) -> list[bytes]:
    """Captures of one page that differ in a number and in some lines."""
    found = []
    for number in range(14):
        page, draw = picture.copy(), ImageDraw.Draw(picture)
        draw = ImageDraw.Draw(page)
        for line in range(2):
            top = page.height // 2 + 20 * line
            draw.rectangle((40, top, 300, top + 18), fill="white")
            text = f"session {hash((number, line)) % 10**9:09d}"
            draw.text((44, top + 2), text, fill="#222", font=ImageFont.load_default(14))
        found.append(png(page))
    return found
