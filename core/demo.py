"""The demonstration: nine sample pictures are added, then eighteen questions are asked about edited copies and strangers.

Takes an engine on an empty store and a folder for the page, gives the answers, and says of each whether it is the one that was
expected. The edits are made here, from the originals that ship with the package, so that what is asked is what is shown.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont, ImageOps, PngImagePlugin

from .answers import Hit, QueryResult
from .engine import Engine
from .records import Decision, ImageId, Purpose, Relation

BASELINE = "brands"
"""The collection that holds the legitimate login pages."""

KNOWN = (
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
"""Pictures that are added, and the labels of those that go into the baseline collection."""


@dataclass(frozen=True, slots=True)
class Question:
    """One picture that is asked for, and the answer that a person would give."""

    title: str
    draw: Callable[[], bytes]
    expected: tuple[str, ...] = ()
    """Known pictures that have to be among the hits; none: the decision has to be no-match."""
    relation: Relation | None = None
    """How the expected ones relate to it; None where more than one word is right."""


@dataclass(frozen=True, slots=True)
class Answer:
    question: Question
    picture: bytes
    """What was asked."""
    result: QueryResult
    right: bool


@dataclass(frozen=True, slots=True)
class Known:
    """One picture of the store: its file name and bytes."""

    name: str
    image_id: ImageId
    picture: bytes
    labels: dict[str, str] | None


def add_known(engine: Engine) -> tuple[Known, ...]:
    """Add the sample pictures; the two login pages become members of a baseline collection."""
    engine.create_collection(BASELINE, Purpose.BASELINE)
    known = []
    for name, labels in KNOWN:
        picture = sample(f"indexed/{name}")
        added = engine.add(picture, occurrence=f"demo:sample:{name}", labels=labels, collection=BASELINE if labels else None)
        known.append(Known(name, added.image_id, picture, labels))
    return tuple(known)


def ask_all(engine: Engine, known: tuple[Known, ...]) -> Iterator[Answer]:
    """Ask every question; the answers come one by one."""
    names = {picture.image_id: picture.name for picture in known}
    for question in QUESTIONS:
        picture = question.draw()
        result = engine.query(picture, include_same_template=True, name=question.title)
        yield Answer(question, picture, result, _is_right(question, result, names))


def _is_right(question: Question, result: QueryResult, names: dict[ImageId, str]) -> bool:
    if not question.expected:
        return result.decision is Decision.NO_MATCH
    found = {names[hit.image_id]: hit for hit in result.hits if hit.decision is not Decision.NO_MATCH}
    return all(name in found and question.relation in (None, found[name].relation) for name in question.expected)


def run_demo(engine: Engine, output: Path, *, tell: Callable[[Answer, dict[ImageId, str]], None]) -> tuple[Path, int]:
    """Add, ask, call `tell` with every answer, and write `output`/index.html. Gives the page and the number of wrong answers."""
    from .report import write_report

    known = add_known(engine)
    names = {picture.image_id: picture.name for picture in known}
    answers = []
    for answer in ask_all(engine, known):
        tell(answer, names)
        answers.append(answer)
    return write_report(engine, known, answers, output), sum(not answer.right for answer in answers)


def best(result: QueryResult) -> Hit | None:
    """The hit that stands for the answer: the first, or none."""
    return result.hits[0] if result.hits else None


def sample(name: str) -> bytes:
    """The bytes of a sample picture, such as indexed/cat.jpg."""
    return (resources.files(__package__) / "samples" / name).read_bytes()


# -- the edits: what happens to a picture on its way to an analyst ---------------------------------------------------------


def opened(name: str) -> Image.Image:
    with Image.open(io.BytesIO(sample(f"indexed/{name}"))) as picture:
        return picture.convert("RGB")


def saved(picture: Image.Image, **options: object) -> bytes:
    """As PNG, or as JPEG when a `quality` is given."""
    file = io.BytesIO()
    picture.save(file, "JPEG" if "quality" in options else "PNG", **options)
    return file.getvalue()


def scaled(picture: Image.Image, factor: float) -> Image.Image:
    return picture.resize((round(picture.width * factor), round(picture.height * factor)), Image.Resampling.LANCZOS)


def with_note(picture: Image.Image) -> bytes:
    """The same pixels in another file, as after saving it again with a comment."""
    note = PngImagePlugin.PngInfo()
    note.add_text("Comment", "saved again")
    return saved(picture, pnginfo=note, compress_level=1)


def in_browser(picture: Image.Image) -> Image.Image:
    """Below a browser's tab and address bar."""
    width, bar = picture.width, round(picture.width * 0.07)
    window = Image.new("RGB", (width, picture.height + bar), "#dee1e6")
    draw = ImageDraw.Draw(window)
    draw.rounded_rectangle((bar * 0.2, bar * 0.1, bar * 3.4, bar), bar * 0.12, fill="white")
    draw.text((bar * 0.6, bar * 0.28), "New tab", fill="#333", font=ImageFont.load_default(bar * 0.19), anchor="lm")
    draw.rectangle((0, bar * 0.46, width, bar), fill="white")
    draw.rounded_rectangle((bar * 1.9, bar * 0.54, width - bar, bar * 0.92), bar * 0.19, fill="#eef0f3")
    draw.text((bar * 2.2, bar * 0.73), "http://bazaar7vq3kx.onion/wares", fill="#333", font=ImageFont.load_default(bar * 0.2), anchor="lm")
    for place in range(3):
        draw.ellipse((bar * (0.3 + 0.5 * place), bar * 0.6, bar * (0.55 + 0.5 * place), bar * 0.85), outline="#666", width=3)
    window.paste(picture, (0, bar))
    return window


def with_banner(picture: Image.Image) -> Image.Image:
    stamped = picture.copy()
    middle, half = picture.height * 0.5, picture.height * 0.06
    draw = ImageDraw.Draw(stamped)
    draw.rectangle((0, middle - half, picture.width, middle + half), fill="#b3261e")
    draw.text((picture.width / 2, middle), "Reported as phishing: do not enter your password", fill="white", font=ImageFont.load_default(half), anchor="mm")
    return stamped


def cropped(picture: Image.Image, share: float) -> Image.Image:
    """The upper left part of a size of `share` of both sides, a little off the corner."""
    left, top = (round(side * (1 - share) * 0.4) for side in picture.size)
    return picture.crop((left, top, left + round(picture.width * share), top + round(picture.height * share)))


def recoloured(picture: Image.Image) -> Image.Image:
    hue, saturation, value = picture.convert("HSV").split()
    return Image.merge("HSV", (hue.point(lambda level: (level + 90) % 256), saturation, value)).convert("RGB")


def collage(left: Image.Image, right: Image.Image) -> Image.Image:
    """Both at one height, side by side on grey."""
    left, right = (scaled(picture, 420 / picture.height) for picture in (left, right))
    sheet = Image.new("RGB", (left.width + right.width + 60, 460), "#d8d8dc")
    sheet.paste(left, (20, 20))
    sheet.paste(right, (left.width + 40, 20))
    return sheet


def in_chat(picture: Image.Image) -> Image.Image:
    """As an attachment in a chat."""
    page = Image.new("RGB", (900, 760), "#e9e4da")
    draw, font = ImageDraw.Draw(page), ImageFont.load_default(20)
    for top, left, text in ((30, 40, "did you get the picture?"), (96, 430, "yes, this is the place, table at the back"), (660, 40, "ok. same time tomorrow")):
        draw.rounded_rectangle((left, top, left + 420, top + 50), 16, fill="white" if left < 100 else "#d5f0c8")
        draw.text((left + 20, top + 25), text, fill="#222", font=font, anchor="lm")
    picture = scaled(picture, 500 / picture.width)
    draw.rounded_rectangle((340, 165, 860, 165 + picture.height + 40), 16, fill="#d5f0c8")
    page.paste(picture, (350, 185))
    return page


def viewport(page: Image.Image, top: int) -> Image.Image:
    """What a window of 800 pixels shows of a long page."""
    return page.crop((0, top, page.width, top + 800))


NEAR, PART = Relation.NEAR_DUPLICATE, Relation.PARTIAL
QUESTIONS = (
    Question("Login page, saved again with a comment", lambda: with_note(opened("bank-login.png")), ("bank-login.png",), Relation.IDENTICAL),
    Question("Webmail page, scaled to 50 %", lambda: saved(scaled(opened("webmail-login.png"), 0.5)), ("webmail-login.png",), NEAR),
    Question("Article, scaled to 33 %, JPEG quality 30", lambda: saved(scaled(opened("article-ferry.png"), 0.33), quality=30), ("article-ferry.png",), NEAR),
    Question("Cat, mirrored", lambda: saved(ImageOps.mirror(opened("cat.jpg"))), ("cat.jpg",), NEAR),
    Question("Rocket, turned by 90 degrees", lambda: saved(opened("rocket.jpg").transpose(Image.Transpose.ROTATE_90)), ("rocket.jpg",), NEAR),
    Question("Coffee, in other colours", lambda: saved(recoloured(opened("coffee.jpg"))), ("coffee.jpg",), NEAR),
    Question("Market, below a browser's bar", lambda: saved(in_browser(opened("market.png"))), ("market.png",)),
    Question("Coffee, with a border of 10 %", lambda: saved(ImageOps.expand(opened("coffee.jpg"), 60, "#204080")), ("coffee.jpg",)),
    Question("Login page, with a banner across", lambda: saved(with_banner(opened("bank-login.png"))), ("bank-login.png",)),
    Question("Rocket, cropped to 75 % of width and height", lambda: saved(cropped(opened("rocket.jpg"), 0.75), quality=80), ("rocket.jpg",), PART),
    Question("A window's view of the long page", lambda: saved(viewport(opened("handbook.png"), 5200)), ("handbook.png",), PART),
    Question("Collage of rocket and cat", lambda: saved(collage(opened("rocket.jpg"), opened("cat.jpg"))), ("rocket.jpg", "cat.jpg"), PART),
    Question("Coffee, sent in a chat", lambda: saved(in_chat(opened("coffee.jpg")), quality=80), ("coffee.jpg",), PART),
    Question("A phishing page that imitates the bank", lambda: sample("asked/bank-imitation.png"), ("bank-login.png",), Relation.LOOKS_LIKE),
    Question("Another article of the same newspaper", lambda: sample("asked/article-crane.png")),
    Question("A page that nobody has added", lambda: sample("asked/weather.png")),
    Question("A photograph that nobody has added", lambda: sample("asked/deep-field.jpg")),
    Question("A blank page", lambda: saved(Image.new("RGB", (1280, 800), "white"))),
)
