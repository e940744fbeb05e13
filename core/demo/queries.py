"""The demonstration's story: which pictures are added, what is asked, and the answer that a person would
give.

Takes an engine on an empty store, gives the answers one by one, and says of each whether it is the expected
one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from PIL import Image, ImageOps

from ..answers import Hit, QueryResult
from ..engine import Engine
from ..records import Decision, ImageId, Purpose, Relation
from .pictures import (
    collage,
    cropped,
    in_browser,
    in_chat,
    opened,
    recoloured,
    sample,
    saved,
    scaled,
    viewport,
    with_banner,
    with_note,
)

#: The collection that holds the legitimate login pages.
BASELINE = "brands"

#: Pictures that are added, and the labels of those that go into the baseline collection.
STORED_SAMPLES = (
    ("bank-login.png", {"brand": "Example Bank", "domain": "bank.example"}),
    ("webmail-login.png", {"brand": "Postbox", "domain": "postbox.example"}),
    ("logo.png", None),
    ("market.png", None),
    ("article-ferry.png", None),
    ("handbook.png", None),
    ("coffee.jpg", None),
    ("cat.jpg", None),
    ("rocket.jpg", None),
)


@dataclass(frozen=True, slots=True)
class DemoQuery:
    """One picture that is asked for, and the answer that a person would give."""

    title: str
    draw: Callable[[], bytes]
    #: Known pictures that have to be among the hits; none: the decision has to be no-match.
    expected: tuple[str, ...] = ()
    #: How the expected ones relate to it; None where more than one word is right.
    relation: Relation | None = None

    def file_name(self, picture: bytes) -> str:
        """A name for the picture that is asked: the title in lower case, with dashes."""
        words = re.findall(r"[a-z0-9]+", self.title.lower().replace("'", ""))
        return "-".join(words) + (".png" if picture.startswith(b"\x89PNG") else ".jpg")


@dataclass(frozen=True, slots=True)
class DemoAnswer:
    question: DemoQuery
    #: What was asked.
    picture: bytes
    result: QueryResult
    #: File names of the known pictures.
    names: Mapping[ImageId, str]

    @property
    def right(self) -> bool:
        """Is it the answer that a person would give?"""
        if not self.question.expected:
            return self.result.decision is Decision.NO_MATCH
        found = {self.names[hit.image_id]: hit for hit in self.hits if hit.decision is not Decision.NO_MATCH}
        return all(
            name in found and self.question.relation in (None, found[name].relation)
            for name in self.question.expected
        )

    @property
    def hits(self) -> tuple[Hit, ...]:
        """What stands for the answer: matches and reviews, or where there are none the nearest page of the
        same layout.
        """
        found = tuple(hit for hit in self.result.hits if hit.decision is not Decision.NO_MATCH)
        return found or self.result.hits[:1]


@dataclass(frozen=True, slots=True)
class SamplePicture:
    """One picture of the store: its file name and bytes."""

    name: str
    image_id: ImageId
    picture: bytes
    labels: dict[str, str] | None


def add_known(engine: Engine) -> tuple[SamplePicture, ...]:
    """Add the sample pictures; the two login pages become members of a baseline collection."""
    engine.create_collection(BASELINE, Purpose.BASELINE)
    known = []
    for name, labels in STORED_SAMPLES:
        picture = sample(f"indexed/{name}")
        added = engine.add(
            picture, occurrence=f"demo:sample:{name}", labels=labels, collection=BASELINE if labels else None
        )
        known.append(SamplePicture(name, added.image_id, picture, labels))
    return tuple(known)


def ask_all(engine: Engine, known: tuple[SamplePicture, ...]) -> Iterator[DemoAnswer]:
    """Ask every question; the answers come one by one."""
    names = {picture.image_id: picture.name for picture in known}
    for question in DEMO_QUERIES:
        picture = question.draw()
        result = engine.query(picture, include_same_template=True, name=question.title)
        yield DemoAnswer(question, picture, result, names)


NEAR, PART = Relation.NEAR_DUPLICATE, Relation.PARTIAL
DEMO_QUERIES = (
    DemoQuery(
        "Login page, saved again with a comment",
        lambda: with_note(opened("bank-login.png")),
        ("bank-login.png",),
        Relation.IDENTICAL,
    ),
    DemoQuery(
        "Webmail page, scaled to 50 %",
        lambda: saved(scaled(opened("webmail-login.png"), 0.5)),
        ("webmail-login.png",),
        NEAR,
    ),
    DemoQuery(
        "Article, scaled to 33 %, JPEG quality 30",
        lambda: saved(scaled(opened("article-ferry.png"), 0.33), quality=30),
        ("article-ferry.png",),
        NEAR,
    ),
    DemoQuery("Cat, mirrored", lambda: saved(ImageOps.mirror(opened("cat.jpg"))), ("cat.jpg",), NEAR),
    DemoQuery(
        "Rocket, turned by 90 degrees",
        lambda: saved(opened("rocket.jpg").transpose(Image.Transpose.ROTATE_90)),
        ("rocket.jpg",),
        NEAR,
    ),
    DemoQuery(
        "Coffee, in other colours", lambda: saved(recoloured(opened("coffee.jpg"))), ("coffee.jpg",), NEAR
    ),
    DemoQuery(
        "Market, below a browser's bar", lambda: saved(in_browser(opened("market.png"))), ("market.png",)
    ),
    DemoQuery(
        "Coffee, with a border of 10 %",
        lambda: saved(ImageOps.expand(opened("coffee.jpg"), 60, "#204080")),
        ("coffee.jpg",),
    ),
    DemoQuery(
        "Login page, with a banner across",
        lambda: saved(with_banner(opened("bank-login.png"))),
        ("bank-login.png",),
    ),
    DemoQuery(
        "Rocket, cropped to 75 % of width and height",
        lambda: saved(cropped(opened("rocket.jpg"), 0.75), quality=80),
        ("rocket.jpg",),
        PART,
    ),
    DemoQuery(
        "A window's view of the long page",
        lambda: saved(viewport(opened("handbook.png"), 5200)),
        ("handbook.png",),
        PART,
    ),
    DemoQuery(
        "Collage of rocket and cat",
        lambda: saved(collage(opened("rocket.jpg"), opened("cat.jpg"))),
        ("rocket.jpg", "cat.jpg"),
        PART,
    ),
    DemoQuery(
        "Coffee, sent in a chat",
        lambda: saved(in_chat(opened("coffee.jpg")), quality=80),
        ("coffee.jpg",),
        PART,
    ),
    DemoQuery(
        "A phishing page that imitates the bank",
        lambda: sample("asked/bank-imitation.png"),
        ("bank-login.png",),
        Relation.LOOKS_LIKE,
    ),
    DemoQuery("Another article of the same newspaper", lambda: sample("asked/article-crane.png")),
    DemoQuery("A page that nobody has added", lambda: sample("asked/weather.png")),
    DemoQuery("A photograph that nobody has added", lambda: sample("asked/deep-field.jpg")),
    DemoQuery("A blank page", lambda: saved(Image.new("RGB", (1280, 800), "white"))),
)
