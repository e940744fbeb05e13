"""Pictures that cost the most: many keypoints that look alike, at many scales, or at the limits of size.

Takes a kind and a seed, gives grey pixels u8[h, w]. The seed moves and varies the pattern, so two pictures of
one kind are not copies.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

Grey = NDArray[np.uint8]
Draw = Callable[[int, int, np.random.Generator], Grey]

#: Width and height of a full-page capture whose frame has all of its twenty bands.
TALL = (1280, 40_000)
#: Width and height near the limit of 120 million pixels.
SQUARE = (10_900, 10_900)


@dataclass(frozen=True, slots=True)
class Kind:
    """A way to draw a picture, and its size."""

    #: Draws it: width, height and a generator of random numbers.
    draw: Draw
    #: Width and height in pixels.
    size: tuple[int, int]

    def picture(self, seed: int) -> Grey:
        """Return the pixels of one picture of this kind."""
        return drawn(self.draw, *self.size, seed)


def drawn(draw: Draw, width: int, height: int, seed: int) -> Grey:
    """Return a picture in which some rectangles are inverted: a pattern alone averages to grey, and a picture
    of one grey is not compared.
    """
    rng = np.random.default_rng(seed)
    grey = draw(width, height, rng)
    for _ in range(12):
        left, top = int(rng.integers(0, width)), int(rng.integers(0, height))
        part = grey[top : top + height // 12, left : left + width // 4]
        np.subtract(255, part, out=part)
    return grey


def encoded(grey: Grey) -> bytes:
    """Return a PNG, of one bit a pixel where that is enough."""
    stream = io.BytesIO()
    picture = Image.fromarray(grey)
    if np.isin(grey[:: max(1, len(grey) // 50)], (0, 255)).all():
        picture = picture.convert("1", dither=Image.Dither.NONE)
    picture.save(stream, "PNG", compress_level=1)
    return stream.getvalue()


def repeated(tile: Grey, width: int, height: int, rng: np.random.Generator) -> Grey:
    """A tile over and over, from a random corner."""
    down, across = (int(rng.integers(0, side)) for side in tile.shape)
    times = (height + down) // tile.shape[0] + 1, (width + across) // tile.shape[1] + 1
    return np.tile(tile, times)[down : down + height, across : across + width]


def stripes(width: int, height: int, rng: np.random.Generator) -> Grey:
    """Dashed lines."""
    tile = np.full((24, 60), 255, np.uint8)
    tile[4:12, 6:40] = 0
    return repeated(tile, width, height, rng)


def tiles(width: int, height: int, rng: np.random.Generator) -> Grey:
    """One tile of large random pixels."""
    tile = np.kron(rng.integers(0, 2, (12, 12), np.uint8) * 255, np.ones((5, 5), np.uint8))
    return repeated(tile.astype(np.uint8), width, height, rng)


def dots(width: int, height: int, rng: np.random.Generator) -> Grey:
    """A lattice of discs."""
    tile = np.full((32, 32), 255, np.uint8)
    cv2.circle(tile, (16, 16), 9, 0, -1)
    return repeated(tile, width, height, rng)


def written(text: str) -> Grey:
    """A text as a tile."""
    tile = np.full((26, 13 * len(text) + 8), 255, np.uint8)
    cv2.putText(tile, text, (3, 20), cv2.FONT_HERSHEY_SIMPLEX, 0.6, 0, 1, cv2.LINE_AA)
    return tile


def letters(width: int, height: int, rng: np.random.Generator) -> Grey:
    """Rows of one letter."""
    return repeated(written("R"), width, height, rng)


def words(width: int, height: int, rng: np.random.Generator) -> Grey:
    """Rows of one word."""
    return repeated(written("login"), width, height, rng)


def chessboard(width: int, height: int, rng: np.random.Generator) -> Grey:
    """Black and white squares."""
    tile = np.kron(np.array([[0, 255], [255, 0]], np.uint8), np.ones((20, 20), np.uint8))
    return repeated(tile.astype(np.uint8), width, height, rng)


def grid(width: int, height: int, rng: np.random.Generator) -> Grey:
    """A table without text."""
    tile = np.full((28, 50), 255, np.uint8)
    tile[:2], tile[:, :2] = 0, 0
    return repeated(tile, width, height, rng)


def noise(width: int, height: int, rng: np.random.Generator) -> Grey:
    """Independent pixels."""
    return rng.integers(0, 2, (height, width), np.uint8) * np.uint8(255)


def clouds(width: int, height: int, rng: np.random.Generator) -> Grey:
    """Noise of all scales."""
    total = np.zeros((height, width), np.float32)
    side = 2
    while side < min(width, height):
        small = rng.standard_normal((height // side + 1, width // side + 1)).astype(np.float32)
        total += cv2.resize(small, (width, height), interpolation=cv2.INTER_NEAREST)
        side *= 2
    return np.where(total > 0, 255, 0).astype(np.uint8)


def nested(width: int, height: int, rng: np.random.Generator) -> Grey:
    """Squares of rectangles within rectangles."""
    tile = np.full((200, 200), 255, np.uint8)
    for inset in range(4, 96, 8):
        cv2.rectangle(tile, (inset, inset), (199 - inset, 199 - inset), 0, 2)
    return repeated(tile, width, height, rng)


def carpet(width: int, height: int, rng: np.random.Generator) -> Grey:
    """Sierpinski's carpet: squares within squares at every scale."""
    tile = np.ones((1, 1), np.uint8)
    pattern = np.array([[1, 1, 1], [1, 0, 1], [1, 1, 1]], np.uint8)
    while len(tile) < 600:
        tile = np.kron(tile, pattern).astype(np.uint8)
    return repeated(tile * np.uint8(255), width, height, rng)


def insets(width: int, height: int, rng: np.random.Generator) -> Grey:
    """Thousands of framed pictures."""
    tile = np.full((110, 170), 255, np.uint8)
    tile[8:100, 8:160] = np.kron(rng.integers(0, 256, (23, 38), np.uint8), np.ones((4, 4), np.uint8))
    cv2.rectangle(tile, (6, 6), (161, 101), 0, 2)
    return repeated(tile, width, height, rng)


def moire(width: int, height: int, rng: np.random.Generator) -> Grey:
    """Two gratings of rings."""
    y, x = np.ogrid[:height, :width]
    ring = [
        np.sin(((x - a) ** 2 + (y % 2000 - b) ** 2).astype(np.float32) / np.float32(700))
        for a, b in rng.integers(0, 1000, (2, 2)).tolist()
    ]
    return np.where(ring[0] * ring[1] > 0, 255, 0).astype(np.uint8)


def icons(width: int, height: int, rng: np.random.Generator) -> Grey:
    """One icon many times, at random places."""
    page, icon = np.full((height, width), 255, np.uint8), np.full((40, 40), 255, np.uint8)
    cv2.circle(icon, (20, 20), 14, 0, 3)
    cv2.line(icon, (10, 30), (32, 8), 0, 3)
    cv2.rectangle(icon, (4, 4), (14, 12), 90, -1)
    for top, left in zip(
        rng.integers(0, height - 40, width * height // 3000),
        rng.integers(0, width - 40, width * height // 3000),
        strict=True,
    ):
        page[top : top + 40, left : left + 40] = icon
    return page


def pages(width: int, height: int, rng: np.random.Generator) -> Grey:
    """Lines of different words: an ordinary page, for comparison."""
    page = np.full((height, width), 255, np.uint8)
    alphabet = list("abcdefghijklmnopqrstuvwxyz")
    for top in range(30, height, 26):
        left = 20
        while left < width - 160:
            word = "".join(rng.choice(alphabet, int(rng.integers(2, 9))))
            cv2.putText(page, word, (left, top), cv2.FONT_HERSHEY_SIMPLEX, 0.6, 0, 1, cv2.LINE_AA)
            left += 13 * len(word) + 12
    return page


#: All kinds by name.
KINDS: Mapping[str, Kind] = {
    **{
        draw.__name__: Kind(draw, TALL)
        for draw in (
            stripes,
            tiles,
            dots,
            letters,
            words,
            chessboard,
            grid,
            noise,
            clouds,
            nested,
            carpet,
            insets,
            moire,
            icons,
            pages,
        )
    },
    "wide tiles": Kind(tiles, (60_000, 200)),
    "narrow letters": Kind(letters, (200, 60_000)),
    "large tiles": Kind(tiles, SQUARE),
    "large noise": Kind(noise, SQUARE),
    "large insets": Kind(insets, SQUARE),
    "longest page": Kind(pages, (1_900, 63_000)),
}
