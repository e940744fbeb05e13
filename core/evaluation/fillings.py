"""Fillings of a template: pages that agree in everything but their values, made from a seed.

Takes a template and a number, returns the picture and where each value stands. That two such pages are not
the same is what a comparison has to see. `refilled` changes some of the values. Templates are drawn here, or
rendered by a browser (rendering.py); the drawn ones are in templates.py and templates_unseen.py.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from .drawn_edits import Picture

#: Left, top, right, bottom in pixels.
Box = tuple[int, int, int, int]
#: Makes a value from a random generator.
Value = Callable[[random.Random], str]

# fmt: off
_FIRST = (
    "Anna", "Bruno", "Chiara", "David", "Elena", "Felix", "Greta", "Hugo", "Ines", "Jonas", "Katja",
    "Liam", "Mara", "Nils", "Olga", "Pavel",
)
_LAST = (
    "Abel", "Brandt", "Costa", "Dubois", "Evans", "Fischer", "Garcia", "Hansen", "Ivanov", "Jung",
    "Keller", "Lopez", "Meyer", "Novak",
)
_WORDS = (
    "river", "window", "copper", "garden", "signal", "market", "yellow", "stone", "bridge", "letter",
    "winter", "orange", "mirror", "planet", "forest", "candle", "rocket", "silver", "basket", "throne",
    "velvet", "anchor", "harbor", "meadow", "pepper", "violin", "travel", "tunnel", "summer", "thunder",
    "island", "kitchen", "ladder", "magnet", "needle", "oxygen", "pencil", "quartz", "ribbon", "saddle",
    "ticket", "umbrella",
)
_STREETS = (
    "Oak Street", "Mill Lane", "Station Road", "Harbour Way", "Church Hill", "Park Avenue", "Kings Road",
)
# fmt: on


def name(draw: random.Random) -> str:
    """Return a first and a last name."""
    return f"{draw.choice(_FIRST)} {draw.choice(_LAST)}"


def words(least: int, most: int) -> Value:
    """Return a maker of some common words."""
    return lambda draw: " ".join(draw.choice(_WORDS) for _ in range(draw.randint(least, most)))


def digits(count: int) -> Value:
    """Return a maker of so many digits."""
    return lambda draw: "".join(draw.choice("0123456789") for _ in range(count))


def date(draw: random.Random) -> str:
    """Return a day."""
    return f"{draw.randint(1, 28):02}.{draw.randint(1, 12):02}.{draw.randint(1950, 2029)}"


def amount(draw: random.Random) -> str:
    """Return an amount of money."""
    return f"{draw.randint(1, 9999)}.{draw.randint(0, 99):02}"


def street(draw: random.Random) -> str:
    """Return a street with a number."""
    return f"{draw.randint(1, 199)} {draw.choice(_STREETS)}"


def mail(draw: random.Random) -> str:
    """Return an e-mail address."""
    return f"{draw.choice(_FIRST).lower()}.{draw.choice(_LAST).lower()}@mail{draw.randint(1, 99)}.example"


def hexadecimal(count: int) -> Value:
    """Return a maker of so many hexadecimal digits."""
    return lambda draw: "".join(draw.choice("0123456789abcdef") for _ in range(count))


class Kind(Protocol):
    """A kind of page, however it is made."""

    @property
    def kind(self) -> str:
        """Return its name."""

    @property
    def values(self) -> tuple[Value, ...]:
        """Return what stands at each place."""

    @property
    def size(self) -> tuple[int, int]:
        """Return width and height in pixels."""


@dataclass(frozen=True, slots=True)
class Template:
    """A kind of page that is drawn."""

    #: Name of the kind.
    kind: str
    #: What stands at each place, in the order in which they are drawn.
    values: tuple[Value, ...]
    #: Draws the page with these values.
    draw: "Callable[[Sheet, list[str]], None]"
    #: Width and height in pixels.
    size: tuple[int, int]
    #: Ground.
    ground: str = "white"


@dataclass(frozen=True, slots=True, eq=False)
class Filling:
    """A page with its values."""

    #: What was filled in.
    template: Kind
    #: What stands at each place.
    values: tuple[str, ...]
    #: The page.
    picture: Picture
    #: Where each value stands.
    boxes: tuple[Box, ...]


class Sheet:
    """A page that is drawn, and remembers where its values stand."""

    def __init__(self, size: tuple[int, int], ground: str) -> None:
        self.picture = Image.new("RGB", size, ground)
        self.pen = ImageDraw.Draw(self.picture)
        self.boxes: list[Box] = []

    def text(self, at: tuple[int, int], words: str, size: int, ink: str = "#222222") -> Box:
        """Draw what every filling has."""
        font = ImageFont.load_default(size)
        self.pen.text(at, words, fill=ink, font=font)
        left, top, right, bottom = self.pen.textbbox(at, words, font=font)
        return int(left), int(top), int(right) + 1, int(bottom) + 1

    def value(self, at: tuple[int, int], words: str, size: int, ink: str = "#1a3b8b") -> None:
        """Draw a value."""
        self.boxes.append(self.text(at, words, size, ink))

    def again(self, at: tuple[int, int], words: str, size: int, ink: str = "#222222") -> None:
        """Draw the last value once more, in other words or beside itself; its box then holds both."""
        self.boxes[-1] = around(self.boxes[-1], self.text(at, words, size, ink))

    def frame(self, box: Box, line: str = "#999999", ground: str | None = None) -> None:
        """Draw a frame."""
        self.pen.rectangle(box, outline=line, fill=ground)

    def cells(self, at: tuple[int, int], grid: Any, side: int) -> None:
        """Draw a grid of black and white as one value."""
        small = Image.fromarray(np.asarray(grid, np.uint8)).convert("RGB")
        large = small.resize((small.width * side, small.height * side), Image.Resampling.NEAREST)
        self.picture.paste(large, at)
        self.boxes.append((at[0], at[1], at[0] + large.width, at[1] + large.height))


def values_of(template: Kind, number: int) -> tuple[str, ...]:
    """Return the values of a filling of this template; equal arguments give equal values."""
    draw = random.Random(f"{template.kind} {number}")
    return tuple(value(draw) for value in template.values)


def other_values(
    template: Kind, values: Sequence[str], changed: int, number: int
) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """Return these values with so many others among them, and the places of these."""
    draw = random.Random(f"{template.kind} {changed} {number}")
    places, others = draw.sample(range(len(template.values)), changed), list(values)
    for place in places:
        while others[place] == values[place]:
            others[place] = template.values[place](draw)
    return tuple(others), tuple(places)


def filled(template: Template, number: int) -> Filling:
    """Return a filling of this template; equal arguments give equal pixels."""
    return drawn(template, values_of(template, number))


def refilled(filling: Filling, changed: int, number: int) -> tuple[Filling, tuple[Box, ...]]:
    """Return a drawn page with so many other values, and where these stand in either of the two. Raises
    TypeError for a page that was not drawn.
    """
    if not isinstance(filling.template, Template):
        raise TypeError(f"{filling.template.kind} is not drawn")
    values, places = other_values(filling.template, filling.values, changed, number)
    other = drawn(filling.template, values)
    return other, tuple(around(filling.boxes[place], other.boxes[place]) for place in places)


def drawn(template: Template, values: tuple[str, ...]) -> Filling:
    """Return the page with these values."""
    sheet = Sheet(template.size, template.ground)
    template.draw(sheet, list(values))
    return Filling(template, values, sheet.picture, tuple(sheet.boxes))


def around(one: Box, other: Box) -> Box:
    """Return the smallest box that holds both."""
    return min(one[0], other[0]), min(one[1], other[1]), max(one[2], other[2]), max(one[3], other[3])
