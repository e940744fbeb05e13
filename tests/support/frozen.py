"""What is frozen of the decisions: pairs of evidence, and small stores with the queries put to them.

Each scenario draws its pictures, fills an empty store and asks. It meets one of the things that decide beside
the evidence of a pair: common regions, ignored pictures, rivals, ambiguous queries, judgements of people,
baselines, other views of the query. `tests/benchmarks/freeze.py` writes the answers to data/frozen_*.json,
`tests/test_frozen_decisions.py` compares them.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw, ImageFont, ImageOps

from douglas_quaid import Engine
from douglas_quaid.decision.calibration_file import shipped
from douglas_quaid.decision.decide import decide_stored
from douglas_quaid.records import Evidence

from .options import LARGE_STORE
from .pictures import blank, jpeg, logo, page, photo, png, words

SAMPLES = Path(__file__).resolve().parents[2] / "core" / "samples"

#: Size of a captured page, in pixels, and heights of what is drawn above and below its content.
WIDTH, HEIGHT, BAR, BANNER = 700, 460, 56, 90

#: Pages that show the same browser bar, banner and emblem: enough to make these parts common regions.
CAPTURES = 26

#: Templates of pages that differ in some lines: name, seed, lines, and pages. Eight make a query ambiguous.
TEMPLATES = (("few", 31, 2, 10), ("many", 32, 7, 10), ("seven", 33, 4, 7))

#: What the scenarios rest on: with other versions of these a picture may be drawn or measured otherwise.
LIBRARIES = ("numpy", "opencv-python", "pillow")

#: Decision, relation and confidence, as they are written to JSON.
Answer = list[Any]


@dataclass
class Book:
    """The pictures of one store by their names, and what was answered."""

    engine: Engine
    #: Name of each picture, by its image id.
    names: dict[str, str] = field(default_factory=dict)
    #: What was answered, by the name of the query.
    answers: dict[str, dict[str, Any]] = field(default_factory=dict)

    def add(self, name: str, data: bytes, **options: Any) -> str:
        """Store a picture under a name; returns its image id.

        `options` are those of `Engine.add`, where `link` is off unless it is given.
        """
        image_id = self.engine.add(data, **{"link": False} | options).image_id
        self.names[image_id] = name
        return image_id

    def ask(
        self, name: str, data: bytes, *, listed: bool = False, large: bool = False, **options: Any
    ) -> None:
        """Put a query and note the verdict about every candidate, in the order of verification.

        `listed`: note the decision and every hit of `Engine.query` instead, which takes `options`.
        `large`: as in a store that has enough images to know rivals.
        """
        with large_store(self.engine) if large else nullcontext(self.engine) as engine:
            if listed:
                query = engine.query(
                    data, limit=100, min_decision="no-match", include_same_template=True, **options
                )
                hits = self._noted((hit.image_id, hit) for hit in query.hits)
                noted = {"decision": query.decision.value, "hits": hits}
            else:
                found = engine.inquire(data).candidates
                noted = {"candidates": self._noted((one.image_id, one.verdict) for one in found)}
        self.answers[f"{name}{', large store' * large}{', listed' * listed}"] = noted

    def linked(self, when: str) -> None:
        """Note what is stored about each picture, and which of them are in one cluster."""
        for image_id, name in self.names.items():
            hits = self._noted((hit.image_id, hit) for hit in self.engine.hits(image_id))
            self.answers[f"stored about {name}, {when}"] = {"hits": hits}
        clusters: dict[str, list[str]] = {}
        for image_id, cluster in zip(self.names, self.engine.cluster_ids(list(self.names)), strict=True):
            if cluster is not None:
                clusters.setdefault(cluster, []).append(self.names[image_id])
        joined = sorted(sorted(members) for members in clusters.values())
        self.answers[f"clusters, {when}"] = {"clusters": joined}

    def _noted(self, found: Iterable[tuple[str, Any]]) -> list[Answer]:
        return [[self.names[image_id], *shown(verdict)] for image_id, verdict in found]


@contextmanager
def large_store(engine: Engine) -> Iterator[Engine]:
    """An engine on the same store that counts it as a large one."""
    with Engine.open(config=engine.config, options=LARGE_STORE) as large:
        yield large


def shown(verdict: Any, digits: int = 4) -> Answer:
    """Decision, relation and confidence of a verdict or a hit, as JSON values."""
    relation = None if verdict.relation is None else verdict.relation.value
    return [verdict.decision.value, relation, round(verdict.confidence, digits)]


# -- pairs ---------------------------------------------------------------------------------------------------


def decided(pairs: Sequence[Evidence]) -> dict[str, list[Answer]]:
    """What is decided of each pair: alone, as one with a baseline, and with other candidates beside it."""
    variants: dict[str, Callable[[Evidence], Evidence]] = {
        "alone": lambda evidence: evidence,
        "rivalled": lambda evidence: replace(evidence, rival_inliers=evidence.inliers),
        "without rivals": lambda evidence: replace(evidence, rival_inliers=0 if evidence.inliers else None),
        "one of ten": lambda evidence: replace(evidence, ambiguous_with=9),
        "without content": lambda evidence: replace(evidence, content_agreement=None),
    }
    answers = {
        name: [shown(decide_stored(changed(evidence), shipped()), 6) for evidence in pairs]
        for name, changed in variants.items()
    }
    answers["baseline"] = [shown(decide_stored(evidence, shipped(), baseline=True), 6) for evidence in pairs]
    return answers


# -- pictures ------------------------------------------------------------------------------------------------


def sample(name: str) -> bytes:
    """The bytes of a picture that ships with the package."""
    return (SAMPLES / name).read_bytes()


@cache
def opened(name: str) -> Image.Image:
    """A picture that ships with the package, in RGB."""
    with Image.open(SAMPLES / name) as picture:
        return picture.convert("RGB")


@cache
def browser_bar() -> Image.Image:
    """What a browser draws above every page."""
    rng, bar = random.Random("frozen bar"), Image.new("RGB", (WIDTH, BAR), "#dfe3ea")
    draw = ImageDraw.Draw(bar)
    for number in range(3):
        left = 16 + 190 * number
        draw.rounded_rectangle((left, 4, left + 180, 30), 8, fill="#ffffff" if number == 0 else "#c9d0db")
        draw.text((left + 12, 9), words(rng, 3)[:22], fill="#333", font=ImageFont.load_default(12))
    draw.rounded_rectangle((110, 33, WIDTH - 80, 53), 10, fill="white", outline="#aab")
    address = "https://" + words(rng, 4).replace(" ", ".") + "/index"
    draw.text((128, 36), address, fill="#222", font=ImageFont.load_default(12))
    for number in range(4):
        draw.ellipse((12 + 24 * number, 35, 30 + 24 * number, 53), outline="#556", width=3)
    return bar


@cache
def cookie_banner() -> Image.Image:
    """A banner with three lines and two buttons."""
    rng, sheet = random.Random("frozen banner"), Image.new("RGB", (WIDTH, BANNER), "#20242c")
    draw = ImageDraw.Draw(sheet)
    draw.text((18, 8), "We " + words(rng, 4), fill="white", font=ImageFont.load_default(18))
    for line in range(3):
        draw.text((18, 34 + 17 * line), words(rng, 16)[:62], fill="#ccd3dd", font=ImageFont.load_default(12))
    for number, colour in enumerate(("#33aa77", "#556677")):
        left = WIDTH - 150 - 130 * number
        draw.rounded_rectangle((left, 30, left + 112, 62), 6, fill=colour)
        text = words(rng, 1)
        draw.text((left + 56, 46), text, fill="white", font=ImageFont.load_default(14), anchor="mm")
    return sheet


@cache
def emblem() -> Image.Image:
    """A logo with a name beside it."""
    sheet = Image.new("RGB", (200, 64), "white")
    sheet.paste(logo(3, 64), (0, 0))
    draw = ImageDraw.Draw(sheet)
    draw.text((72, 10), "Northwind", fill="#123", font=ImageFont.load_default(24))
    draw.text((72, 40), "banking & more", fill="#456", font=ImageFont.load_default(13))
    return sheet


def framed(content: Image.Image, seed: int) -> Image.Image:
    """A page as it is captured: below the browser's bar, with the emblem on it and a banner below."""
    sheet, rng = content.copy(), random.Random(f"emblem {seed}")
    sheet.paste(emblem(), (rng.randrange(20, WIDTH - 220), rng.randrange(BAR + 10, HEIGHT - BANNER - 80)))
    sheet.paste(browser_bar(), (0, 0))
    sheet.paste(cookie_banner(), (0, HEIGHT - BANNER))
    return sheet


@cache
def capture(seed: int) -> Image.Image:
    """The capture of one page."""
    return framed(page(seed, WIDTH, HEIGHT), seed)


def covered(picture: Image.Image, share: float = 0.35) -> Image.Image:
    """The picture with a grey window over its middle."""
    width, height = picture.size
    sheet = picture.copy()
    margin = (1 - share**0.5) / 2
    box = (width * margin, height * margin, width * (1 - margin), height * (1 - margin))
    sheet.paste("#b8bcc4", tuple(round(side) for side in box))
    return sheet


def cropped(picture: Image.Image, left: float, top: float, right: float, bottom: float) -> Image.Image:
    """A part of the picture; the sides are shares of its width and height."""
    width, height = picture.size
    return picture.crop(
        (round(left * width), round(top * height), round(right * width), round(bottom * height))
    )


def scaled(picture: Image.Image, factor: float) -> Image.Image:
    """The picture in another size."""
    return picture.resize((round(picture.width * factor), round(picture.height * factor)))


def side_by_side(pictures: Sequence[Image.Image], height: int = 420) -> Image.Image:
    """Pictures of one height beside each other, on grey."""
    fitted = [scaled(picture, height / picture.height) for picture in pictures]
    sheet = Image.new("RGB", (sum(one.width + 20 for one in fitted) + 20, height + 40), "#d8d8dc")
    left = 20
    for one in fitted:
        sheet.paste(one, (left, 20))
        left += one.width + 20
    return sheet


def in_chat(picture: Image.Image, width: int = 480) -> Image.Image:
    """The picture as an attachment in a chat."""
    sheet = Image.new("RGB", (900, 760), "#e9e4da")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(20)
    lines = (
        (30, 40, "did you get the picture?"),
        (96, 430, "yes, this is it"),
        (690, 40, "same time tomorrow"),
    )
    for top, left, text in lines:
        draw.rounded_rectangle((left, top, left + 420, top + 50), 16, fill="white")
        draw.text((left + 20, top + 25), text, fill="#222", font=font, anchor="lm")
    sheet.paste(scaled(picture, width / picture.width), (350, 185))
    return sheet


@cache
def of_site(content: int, site: int = 3) -> Image.Image:
    """A page of a site: header, menu and frame are those of the site, the rest is its own."""
    picture = page(site, 960, 600)
    picture.paste(page(content, 960, 600).crop((225, 150, 900, 570)), (225, 150))
    return picture


@cache
def variant(number: int, seed: int, lines: int) -> Image.Image:
    """A page that a program wrote from a template: only some lines are its own."""
    rng, sheet = random.Random(f"variant {seed} {number}"), page(seed, 800, 520)
    draw = ImageDraw.Draw(sheet)
    draw.rectangle((180, 200, 700, 210 + 24 * lines), fill="white")
    for line in range(lines):
        draw.text((190, 204 + 24 * line), words(rng, 10)[:56], fill="#222", font=ImageFont.load_default(16))
    return sheet


# -- scenarios -----------------------------------------------------------------------------------------------


def common_regions(book: Book) -> None:
    """Bar, banner and emblem are on every page."""
    for seed in range(CAPTURES):
        book.add(f"page {seed}", png(capture(seed)))
    known, banner = capture(3), cookie_banner()
    book.ask("bar", png(browser_bar()))
    book.ask("banner", png(banner))
    book.ask("banner", png(banner), large=True)
    book.ask("banner, smaller", jpeg(scaled(banner, 0.8), 85), listed=True)
    book.ask("banner, mirrored", png(ImageOps.mirror(banner)))
    book.ask("new page", jpeg(capture(9_000), 92))
    book.ask("empty page", jpeg(framed(blank(WIDTH, HEIGHT), 9_999), 92))
    book.ask("empty page", jpeg(framed(blank(WIDTH, HEIGHT), 9_999), 92), large=True, listed=True)
    book.ask("dark empty page", jpeg(framed(blank(WIDTH, HEIGHT, "#222831"), 9_998), 92), listed=True)
    book.ask("page 3 without its bar", jpeg(known.crop((0, BAR + 10, WIDTH, HEIGHT)), 92))
    book.ask("page 3 covered", jpeg(covered(known), 92), large=True)
    book.ask("lower part of page 7", jpeg(cropped(capture(7), 0, 0.35, 1, 1), 92), listed=True)
    book.engine.create_collection("two", "known")
    for seed in (5, 6):
        book.add(f"page {seed}", png(capture(seed)), collection="two")
    book.ask("banner, in a collection of two", png(banner), collection="two", listed=True)
    book.engine.create_collection("quiet", "ignore")
    book.add("the banner", png(banner), collection="quiet")
    book.ask("ignored banner, smaller", jpeg(scaled(banner, 0.8), 85))
    book.ask("page 3 covered, banner ignored", jpeg(covered(known), 92))


def ignored_pictures(book: Book) -> None:
    """Some pictures are to be ignored: as a whole, and as a part of others."""
    shared, whole = photo(11, 300, 220), photo(5, 480, 360)
    for seed in (1, 2):
        sheet = page(seed, 800, 520)
        sheet.paste(shared, (100 * seed, 150))
        book.add(f"page {seed} with the photograph", png(sheet))
    book.add("photograph 5", png(whole))
    book.add("smaller copy of photograph 5", jpeg(scaled(whole, 0.6), 85))
    book.add("page 8", png(page(8, 640, 400)))
    sheet = page(3, 800, 520)
    sheet.paste(shared, (420, 250))

    def ask(when: str, *, listed: bool = False) -> None:
        book.ask(f"part of the photograph, {when}", png(shared.crop((20, 20, 280, 200))), listed=listed)
        book.ask(f"photograph 5, {when}", jpeg(scaled(whole, 0.8), 80), listed=listed)
        book.ask(f"page 1 covered, {when}", jpeg(covered(page(1, 800, 520), 0.2), 85), large=True)

    ask("nothing ignored")
    book.engine.create_collection("quiet", "ignore")
    book.add("the photograph", png(shared), collection="quiet")
    book.add("photograph 5", png(whole), collection="quiet")
    ask("two ignored")
    ask("two ignored", listed=True)
    book.ask("another page with the photograph", png(sheet), large=True)
    book.ask("photograph 5 mirrored", png(ImageOps.mirror(whole)))
    book.ask("photograph 5 itself", png(whole), listed=True)


def rivals(book: Book) -> None:
    """Pages of one site, whose frame agrees with each query."""
    for content in (7, 8, 9, 10):
        book.add(f"page {content}", png(of_site(content)))
    full = Image.new("RGB", (800, 1120), "white")
    for number, top in enumerate((0, 560)):
        full.paste(page(20 + number, 800, 560), (0, top))
    upper = full.crop((0, 0, 800, 640))
    book.add("full page", png(full))
    book.add("its upper part", png(upper))
    book.add("page 7, edited", png(covered(of_site(7), 0.1)))
    for large in (True, False):
        book.ask("page 9, smaller and covered", jpeg(covered(scaled(of_site(9), 0.7), 0.5), 85), large=large)
        book.ask("upper part, covered", png(covered(upper, 0.15)), large=large, listed=True)
        book.ask("frame alone", png(cropped(of_site(7), 0, 0, 1, 0.24)), large=large)
    book.ask("page 7 covered", png(covered(of_site(7))), large=True, listed=True)
    book.ask("page 8 covered widely", png(covered(of_site(8), 0.6)), large=True)
    book.ask("page 11 of the site", png(of_site(11)), large=True)
    book.ask("page 7 itself", png(of_site(7)), large=True)
    book.ask("pages 8 and 9 side by side", png(side_by_side([of_site(8), of_site(9)])), large=True)
    book.ask("page 10, mirrored and covered", png(ImageOps.mirror(covered(of_site(10), 0.4))), large=True)


def ambiguous(book: Book) -> None:
    """Pages of one template that differ in some lines: twelve of two templates, seven of another."""
    for name, seed, lines, count in TEMPLATES:
        for number in range(count):
            book.add(f"{name} {number}", png(variant(number, seed, lines)))
    for name, seed, lines, _ in TEMPLATES:
        one, other = variant(3, seed, lines), variant(90, seed, lines)
        book.ask(f"another of {name}", png(other), listed=True)
        book.ask(f"{name} 3, JPEG", jpeg(one, 70))
        book.ask(f"{name} 3, smaller and covered", jpeg(covered(scaled(one, 0.6)), 80))
        book.ask(f"{name} 3, part", jpeg(cropped(one, 0.05, 0.05, 0.9, 0.7), 80))
        book.ask(f"{name} 3, part", jpeg(cropped(one, 0.05, 0.05, 0.9, 0.7), 80), large=True, listed=True)
    book.ask("few 3, JPEG", jpeg(variant(3, *TEMPLATES[0][1:3]), 70), large=True)


def judgements(book: Book) -> None:
    """What people said stands, whatever the scores say; linked pictures keep their verdicts."""
    files = ("cat.jpg", "rocket.jpg", "coffee.jpg", "market.png")
    cat, rocket, coffee, market = (opened(f"indexed/{name}") for name in files)
    ids = {name: book.add(name, sample(f"indexed/{name}"), link=True) for name in files}
    small = book.add("cat, smaller", jpeg(scaled(cat, 0.5), 85), link=True)
    low = book.add("cat, low quality", jpeg(cat, 30), link=True)
    book.add("cat, mirrored", png(ImageOps.mirror(cat)), link=True)
    part = book.add("part of the market", png(cropped(market, 0.1, 0.1, 0.7, 0.8)), link=True)
    book.add("rocket by its hashes", jpeg(scaled(rocket, 0.6), 85), link=True, hash_only=True)
    book.add("rocket, darker", png(rocket.point(lambda level: level // 2)), link=True)
    book.linked("as the scores say")
    book.engine.veto(ids["cat.jpg"], small)
    book.engine.confirm(ids["cat.jpg"], ids["rocket.jpg"])
    book.engine.confirm(ids["coffee.jpg"], small)
    book.engine.veto(part, ids["market.png"])
    book.engine.confirm(low, ids["cat.jpg"])
    book.linked("as people say")
    for name in ("cat.jpg", "rocket.jpg", "coffee.jpg"):
        book.ask(name, sample(f"indexed/{name}"), listed=True)
    book.ask("cat.jpg", sample("indexed/cat.jpg"))
    book.ask("cat, smaller", jpeg(scaled(cat, 0.5), 85), listed=True)
    book.ask("cat in another size", jpeg(scaled(cat, 0.7), 85), listed=True)
    book.ask("part of the market", png(cropped(market, 0.1, 0.1, 0.7, 0.8)), listed=True)
    book.ask("cat without the rocket", sample("indexed/cat.jpg"), listed=True, exclude=[ids["rocket.jpg"]])
    book.ask("rocket turned", jpeg(rocket.transpose(Image.Transpose.ROTATE_90), 90))
    book.ask("coffee covered", jpeg(covered(coffee, 0.5), 80), large=True)


def baselines(book: Book) -> None:
    """A page that imitates one of a baseline is for a person to see, on both sides."""
    bank, imitation = sample("indexed/bank-login.png"), sample("asked/bank-imitation.png")
    book.engine.create_collection("brands", "baseline")
    book.add("webmail", sample("indexed/webmail-login.png"), link=True)
    book.add("imitation", imitation, link=True)
    book.ask("bank, no baseline", bank, listed=True)
    book.add("bank", bank, collection="brands", link=True)
    book.add("page 7", png(of_site(7)), collection="brands", link=True)
    book.add("page 8", png(of_site(8)), link=True)
    book.add("ferry", sample("indexed/article-ferry.png"), collection="brands", link=True)
    book.add("crane", sample("asked/article-crane.png"), link=True)
    book.linked("after linking")
    book.ask("imitation", imitation, listed=True)
    book.ask("imitation, JPEG", jpeg(opened("asked/bank-imitation.png"), 60))
    book.ask("bank", bank)
    book.ask("bank, JPEG", jpeg(opened("indexed/bank-login.png"), 40), large=True)
    book.ask("page 9", png(of_site(9)), listed=True)
    book.ask("page 9, covered", png(covered(of_site(9), 0.5)), large=True)
    book.ask("crane", sample("asked/article-crane.png"))
    book.ask("crane", sample("asked/article-crane.png"), large=True, listed=True)
    book.ask("imitation, within the baseline", imitation, listed=True, collection="brands")


def views(book: Book) -> None:
    """The query mirrored, with light and dark exchanged, turned, and pictures that stand in it."""
    names = (
        "cat.jpg",
        "rocket.jpg",
        "market.png",
        "coffee.jpg",
        "webmail-login.png",
        "handbook.png",
        "logo.png",
    )
    for name in (*names, "article-ferry.png", "bank-login.png"):
        book.add(name, sample(f"indexed/{name}"))
    cat, rocket, market, coffee, webmail, handbook, mark = (opened(f"indexed/{name}") for name in names)
    book.ask("rocket, mirrored", png(ImageOps.mirror(rocket)), listed=True)
    book.ask("part of the rocket, mirrored", png(ImageOps.mirror(cropped(rocket, 0, 0, 0.75, 0.8))))
    book.ask("webmail, inverted", png(ImageOps.invert(webmail)), listed=True)
    book.ask("part of the market, inverted", png(ImageOps.invert(cropped(market, 0.1, 0.2, 0.9, 0.8))))
    book.ask("cat, turned", jpeg(cat.rotate(5, expand=True, fillcolor="white"), 90))
    book.ask("coffee, upside down", jpeg(coffee.rotate(180), 85))
    book.ask("cat in a chat", jpeg(in_chat(cat), 85), large=True)
    book.ask("market in a chat, small", jpeg(in_chat(market, 260), 85))
    book.ask("cat and rocket", png(side_by_side([cat, rocket])), large=True)
    book.ask("three side by side", jpeg(side_by_side([market, coffee, webmail], 320), 80), listed=True)
    book.ask("part of the handbook", jpeg(cropped(handbook, 0.0, 0.1, 0.8, 0.5), 85), large=True)
    book.ask("small part of the market", jpeg(cropped(market, 0.55, 0.5, 0.9, 0.85), 85))
    book.ask("market covered", jpeg(covered(market, 0.5), 85), large=True)
    book.ask("logo", png(scaled(mark, 0.5)))
    for name in ("article-crane.png", "bank-imitation.png", "deep-field.jpg"):
        book.ask(name, sample(f"asked/{name}"), large=True)
    book.ask("blank", png(blank(640, 400)), listed=True)
    book.ask("cat in grey, low quality", jpeg(ImageOps.grayscale(cat).convert("RGB"), 20))


#: Every scenario; each starts with an empty store.
SCENARIOS: tuple[Callable[[Book], None], ...] = (
    common_regions,
    ignored_pictures,
    rivals,
    ambiguous,
    judgements,
    baselines,
    views,
)
