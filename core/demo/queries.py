"""The story of the demonstration: which pictures are added, which are queried, and the answers that a person
would give.

Says of each answer whether it was expected.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from PIL import Image, ImageOps

from ..answers import Hit, QueryResult
from ..engine import Engine
from ..evaluation.edits import edit, encoded, resized, viewport
from ..records import Decision, ImageId, Purpose, Relation
from .pictures import collage, in_chat, opened, sample, with_note

#: Name of the collection of legitimate login pages.
BASELINE = "brands"

#: Sample pictures that are added, and the labels of those in the baseline collection.
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
    """A picture to query, and the answer that a person would give."""

    #: What the picture shows.
    title: str
    #: Returns the bytes of the picture.
    draw: Callable[[], bytes]
    #: Names of samples that must be among the hits; if there are none, the decision must be no-match.
    expected: tuple[str, ...] = ()
    #: Relation of the expected samples to the picture; None where more than one is correct.
    relation: Relation | None = None

    def file_name(self, picture: bytes) -> str:
        """Return a file name for the picture: the title in lower case, with dashes."""
        words = re.findall(r"[a-z0-9]+", self.title.lower().replace("'", ""))
        return "-".join(words) + (".png" if picture.startswith(b"\x89PNG") else ".jpg")


@dataclass(frozen=True, slots=True)
class DemoAnswer:
    """The answer to a query."""

    #: The query.
    query: DemoQuery
    #: The bytes of its picture.
    picture: bytes
    #: What the engine answered.
    result: QueryResult
    #: File names of the samples.
    names: Mapping[ImageId, str]

    @property
    def right(self) -> bool:
        """Whether a person would give the same answer."""
        if not self.query.expected:
            return self.result.decision is Decision.NO_MATCH
        found = {self.names[hit.image_id]: hit for hit in self.hits if hit.decision is not Decision.NO_MATCH}
        return all(
            name in found and self.query.relation in (None, found[name].relation)
            for name in self.query.expected
        )

    @property
    def hits(self) -> tuple[Hit, ...]:
        """The hits to show: matches and reviews, or if there are none, the nearest page of the same
        layout.
        """
        found = tuple(hit for hit in self.result.hits if hit.decision is not Decision.NO_MATCH)
        return found or self.result.hits[:1]


def add_samples(engine: Engine) -> dict[ImageId, str]:
    """Add the sample pictures and return their file names; the two login pages become members of a baseline
    collection.
    """
    engine.create_collection(BASELINE, Purpose.BASELINE)
    names = {}
    for name, labels in STORED_SAMPLES:
        added = engine.add(
            sample(f"indexed/{name}"),
            occurrence=f"demo:sample:{name}",
            labels=labels,
            collection=BASELINE if labels else None,
        )
        names[added.image_id] = name
    return names


_NEAR, _PART = Relation.NEAR_DUPLICATE, Relation.PARTIAL

#: The queries of the demonstration.
DEMO_QUERIES = (
    DemoQuery(
        "Login page, saved again with a comment",
        lambda: with_note(opened("bank-login.png")),
        ("bank-login.png",),
        Relation.IDENTICAL,
    ),
    DemoQuery(
        "Webmail page, scaled to 50 %",
        lambda: encoded(resized(opened("webmail-login.png"), 0.5)),
        ("webmail-login.png",),
        _NEAR,
    ),
    DemoQuery(
        "Article, scaled to 33 %, JPEG quality 30",
        lambda: encoded(resized(opened("article-ferry.png"), 0.33), "JPEG", quality=30),
        ("article-ferry.png",),
        _NEAR,
    ),
    DemoQuery("Cat, mirrored", lambda: encoded(ImageOps.mirror(opened("cat.jpg"))), ("cat.jpg",), _NEAR),
    DemoQuery(
        "Rocket, rotated by 90 degrees",
        lambda: encoded(opened("rocket.jpg").transpose(Image.Transpose.ROTATE_90)),
        ("rocket.jpg",),
        _NEAR,
    ),
    DemoQuery(
        "Coffee, in other colours",
        lambda: encoded(edit("hue_shift", opened("coffee.jpg"))),
        ("coffee.jpg",),
        _NEAR,
    ),
    DemoQuery(
        "Market, below a browser's bar",
        lambda: encoded(edit("browser_bar", opened("market.png"))),
        ("market.png",),
    ),
    DemoQuery(
        "Coffee, with a border of 10 %",
        lambda: encoded(ImageOps.expand(opened("coffee.jpg"), 60, "#204080")),
        ("coffee.jpg",),
    ),
    DemoQuery(
        "Login page, with a banner across",
        lambda: encoded(edit("banner", opened("bank-login.png"))),
        ("bank-login.png",),
    ),
    DemoQuery(
        "Rocket, cropped to 75 % of width and height",
        lambda: encoded(edit("crop_75", opened("rocket.jpg")), "JPEG", quality=80),
        ("rocket.jpg",),
        _PART,
    ),
    DemoQuery(
        "A window's view of the long page",
        lambda: encoded(viewport(opened("handbook.png"), 0.6)),
        ("handbook.png",),
        _PART,
    ),
    DemoQuery(
        "Collage of rocket and cat",
        lambda: encoded(collage(opened("rocket.jpg"), opened("cat.jpg"))),
        ("rocket.jpg", "cat.jpg"),
        _PART,
    ),
    DemoQuery(
        "Coffee, sent in a chat",
        lambda: encoded(in_chat(opened("coffee.jpg")), "JPEG", quality=80),
        ("coffee.jpg",),
        _PART,
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
    DemoQuery("A blank page", lambda: encoded(Image.new("RGB", (1280, 800), "white"))),
)
