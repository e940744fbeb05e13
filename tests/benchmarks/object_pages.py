"""Logos and pages that hold some of them, rendered for objects.py.

Takes folders of unpacked npm packages (`npm pack`, then tar) and a Chromium; returns pictures of logos with
transparency, and captures of pages with the places of the logos in them. Names, layouts and screenshots of
the two halves differ: what was fitted on one is reported on the other. The brand of a logo is the first word
of its name; none is in both halves, and pages show no other logo of a brand whose logo is known.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image

from .larger_set_browser import Browser, Window

#: Packages, and how many of their logos are known in each half. chosen: brand marks of one colour, coloured
#: ones and their words, discs that differ in a glyph, and drawings.
PACKAGES = {
    "simple-icons": 70,
    "logos": 70,
    "cryptocurrency-color": 30,
    "openmoji": 30,
}
#: Number of other logos of each package that pages may show.
OTHERS = 100
#: Where the names of SVG begin. spec: W3C.
SVG = "http://www.w3.org"
#: Package of the symbols that all pages show.
SYMBOLS = "bootstrap-icons"
#: Height of a known logo in pixels, and of logos in pages.
KNOWN_HEIGHT, HEIGHTS = 128, (32, 48, 96)
#: Grounds of places, light and dark.
LIGHT = ("#ffffff", "#ffffff", "#f3f4f6", "#e9ecef")
DARK = ("#16202c", "#212529", "#0d3b66", "#7a1f5c")
#: Fonts of pages.
FONTS = ("DejaVu Sans", "Liberation Sans", "DejaVu Serif")
#: Maximum width of a logo, in heights. chosen: words are wider than marks.
WIDEST = 6.0
WORDS = re.findall(
    r"\w+",
    "account service number order delivery today please enter your password continue with help contact "
    "privacy terms about news support team price month small large free trial start report status open "
    "closed from to update secure payment address street city country language settings profile message "
    "inbox search results ",
)


@dataclass(frozen=True, slots=True)
class Logo:
    """A logo of a package."""

    #: Package and name.
    name: str
    #: Which brand it is of.
    brand: str
    #: Its drawing.
    svg: str
    #: Width over height.
    aspect: float
    #: Whether all of it has one colour, which pages may choose.
    plain: bool

    def shown(self, colour: str | None) -> str:
        """The address of the drawing, in this colour if it is plain."""
        svg = self.svg.replace("<svg ", f'<svg fill="{colour}" ', 1) if self.plain and colour else self.svg
        return "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode()


@dataclass(frozen=True, slots=True)
class Place:
    """A logo in a page."""

    #: Its name.
    logo: str
    #: Height for which it was rendered.
    height: int
    #: Whether its ground is dark.
    dark: bool
    #: Left, top, right, bottom in pixels.
    box: tuple[float, float, float, float]
    #: Whether anybody could see it on its ground.
    seen: bool = True


@dataclass(frozen=True, slots=True)
class Page:
    """A page and what it holds."""

    #: What the page is, for those who look at it.
    kind: str
    #: The known logos in it.
    places: tuple[Place, ...]
    #: The picture.
    picture: Image.Image


def half_of(text: str) -> str:
    """Return the half, `fit` or `report`, that a brand belongs to."""
    return ("fit", "report")[hashlib.sha256(text.encode()).digest()[0] & 1]


def logos_of(packages: Path) -> dict[str, list[Logo]]:
    """Return the logos of each package."""
    found = {
        "simple-icons": list(_from_files(packages, "simple-icons", "icons", fill="#")),
        SYMBOLS: list(_from_files(packages, SYMBOLS, "icons", fill="currentColor")),
    }
    for package in PACKAGES:
        if package not in found:
            found[package] = list(_from_iconify(packages, package))
    return found


def _folder(packages: Path, name: str) -> Path:
    return next(folder for folder in sorted(packages.iterdir()) if re.match(rf"(.*-)?{name}-\d", folder.name))


def _from_files(packages: Path, name: str, folder: str, *, fill: str) -> Iterator[Logo]:
    for file in sorted((_folder(packages, name) / folder).glob("*.svg")):
        svg = file.read_text("utf-8").replace('fill="currentColor"', "")
        svg = re.sub(r' (?:width|height|class|role)="[^"]*"', "", svg, count=4) if fill != "#" else svg
        yield Logo(f"{name}/{file.stem}", brand_of(file.stem), svg, 1.0, plain=True)


def _from_iconify(packages: Path, name: str) -> Iterator[Logo]:
    found = json.loads((_folder(packages, name) / "icons.json").read_text("utf-8"))
    for stem, icon in sorted(found["icons"].items()):
        width = icon.get("width", found.get("width", 16))
        height = icon.get("height", found.get("height", 16))
        head = f'<svg xmlns="{SVG}/2000/svg" xmlns:xlink="{SVG}/1999/xlink" viewBox="0 0 {width} {height}">'
        svg = f"{head}{icon['body']}</svg>"
        if 1 / 2 <= width / height <= WIDEST and "skin-tone" not in stem:
            yield Logo(f"{name}/{stem}", brand_of(stem), svg, width / height, plain=False)


def brand_of(stem: str) -> str:
    """Return the first word of a name, without digits."""
    return re.sub(r"[\d_]+", "", re.split(r"[-_.]|dot", stem)[0]) or stem


def chosen(logos: dict[str, list[Logo]], half: str, seed: int) -> tuple[list[Logo], list[Logo]]:
    """Return the known logos of a half, and others of other brands that its pages may show."""
    random_ = random.Random(f"{seed} {half}")
    known, brands = list[Logo](), set[str]()
    for package, count in PACKAGES.items():
        of_half = [logo for logo in logos[package] if half_of(logo.brand) == half]
        random_.shuffle(of_half)
        for logo in of_half:
            if count and logo.brand not in brands and len(logo.brand) > 1:
                known.append(logo)
                brands.add(logo.brand)
                count -= 1
    # (as many of each package, of which some are twenty times as large as others)
    others = [
        logo
        for package in PACKAGES
        for logo in random_.sample(
            [each for each in logos[package] if half_of(each.brand) == half and each.brand not in brands],
            OTHERS,
        )
    ]
    random_.shuffle(others)
    return known, others


def rendered(browser: Browser, logos: Sequence[Logo], folder: Path) -> dict[str, Image.Image]:
    """Return the pictures of logos, with transparency, kept in `folder` for the next run."""
    folder.mkdir(parents=True, exist_ok=True)
    found = dict[str, Image.Image]()
    for logo in logos:
        file = folder / f"{logo.name.replace('/', '_')}.png"
        if not file.exists():
            file.write_bytes(_on_nothing(browser, logo, folder))
        found[logo.name] = Image.open(file).copy()
    return found


def _on_nothing(browser: Browser, logo: Logo, folder: Path) -> bytes:
    """A PNG with transparency, from captures on white and on black."""
    window = Window(max(64, round(KNOWN_HEIGHT * logo.aspect)), KNOWN_HEIGHT)
    pixels = []
    for ground in ("#fff", "#000"):
        html = (
            f"<body style='margin:0;background:{ground}'>"
            f"<img src='{logo.shown('#1f4b99')}' style='display:block;height:{KNOWN_HEIGHT}px'>"
        )
        page = folder / "logo.html"
        page.write_text(html, "utf-8")
        with Image.open(io.BytesIO(browser.capture(page.as_uri(), window))) as image:
            pixels.append(np.asarray(image.convert("RGB")).astype(np.float64))
    on_white, on_black = pixels
    alpha = np.clip(255 - (on_white - on_black).mean(axis=2), 0, 255)
    colour = on_black * 255 / np.maximum(alpha, 1)[..., None]
    quads = np.dstack([np.clip(colour, 0, 255), alpha]).round().astype(np.uint8)
    stream = io.BytesIO()
    Image.fromarray(quads, "RGBA").save(stream, "PNG")
    return stream.getvalue()


class Sheet:
    """A page of absolute places, as it is written."""

    def __init__(self, seed: str, width: int, height: int, ground: str) -> None:
        self.random = random.Random(seed)
        self.size = (width, height)
        self.parts = [
            "<meta charset=utf-8><style>*{box-sizing:border-box}div,img{position:absolute}",
            f"body{{margin:0;font-family:{self.random.choice(FONTS)}}}</style>",
            f"<body style='background:{ground}'>",
        ]
        self.places = list[Place]()

    def words(self, count: int) -> str:
        """Some words."""
        return " ".join(self.random.choice(WORDS) for _ in range(count))

    def block(self, x: float, y: float, w: float, h: float, style: str = "", text: str = "") -> None:
        """A box with text."""
        self.parts.append(
            f"<div style='left:{x}px;top:{y}px;width:{w}px;height:{h}px;overflow:hidden;{style}'>{text}</div>"
        )

    def text(self, x: float, y: float, w: float, h: float, *, size: int = 14, colour: str = "#222") -> None:
        """Text that fills a box."""
        words = self.words(int(w * h / (size * size * 3.6)) + 1)
        self.block(x, y, w, h, f"font-size:{size}px;line-height:1.5;color:{colour}", words)

    def logo(self, logo: Logo, x: float, y: float, height: int, *, dark: bool, known: bool) -> float:
        """A logo, and its width; dark: in white on a dark ground, if it is plain."""
        width = height * logo.aspect
        colour = "#fff" if dark else self.random.choice(("#111", "#1f4b99", "#b3261e", "#146c43"))
        self.parts.append(
            f"<img src='{logo.shown(colour)}' style='left:{x}px;top:{y}px;width:{width}px;height:{height}px'>"
        )
        if known:
            self.places.append(Place(logo.name, height, dark, (x, y, x + width, y + height)))
        return width


def sheet(half: str, seed: str, logos: Sequence[Logo], symbols: Sequence[Logo], *, known: bool) -> Sheet:
    """Return a page with some logos, each at the next height; the layouts of the halves differ."""
    random_ = random.Random(seed)
    layouts = (_article, _login) if half == "fit" else (_shop, _board)
    width = random_.choice((1280, 1280, 1366, 1024))
    made = Sheet(seed, width, 800, "#fff")
    heights = random_.sample(HEIGHTS, len(HEIGHTS))
    random_.choice(layouts)(made, list(logos), heights, list(symbols), known)
    return made


def _ground(random_: random.Random, *, dark: bool) -> str:
    return random_.choice(DARK if dark else LIGHT)


def _article(made: Sheet, logos: list[Logo], heights: list[int], symbols: list[Logo], known: bool) -> None:
    r, (width, _) = made.random, made.size
    dark = r.random() < 0.4
    bar = heights[0] + r.choice((16, 24, 32))
    made.block(0, 0, width, bar, f"background:{_ground(r, dark=dark)};border-bottom:1px solid #ccd")
    right = 24 + made.logo(logos[0], 24, (bar - heights[0]) / 2, heights[0], dark=dark, known=known)
    ink = "#eee" if dark else "#222"
    made.block(
        right + r.choice((8, 12, 20)),
        bar / 2 - 14,
        140,
        28,
        f"color:{ink};font-size:22px;font-weight:bold",
        made.words(1),
    )
    for n in range(4):
        made.block(width - 460 + 110 * n, bar / 2 - 10, 100, 20, f"color:{ink};font-size:15px", made.words(1))
    made.block(24, bar + 20, 600, 40, "font-size:28px;font-weight:bold", made.words(4))
    made.text(24, bar + 80, width - 420, 250)
    x = width - 360
    for n in range(3):
        y = bar + 24 + 130 * n
        made.block(x, y, 330, 114, "border:1px solid #cbd3da;border-radius:8px;background:#fff")
        made.logo(symbols[n], x + 16, y + 16, 24, dark=False, known=False)
        made.text(x + 56, y + 14, 250, 84, size=13)
    y = bar + 350
    made.logo(logos[1], 24, y, heights[1], dark=False, known=known)
    made.text(24 + heights[1] * logos[1].aspect + 14, y, 240, heights[1], size=13)
    dark = r.random() < 0.5
    made.block(0, 800 - 130, width, 130, f"background:{_ground(r, dark=dark)}")
    made.text(24, 690, 300, 80, size=12, colour="#ddd" if dark else "#333")
    made.logo(logos[2], width / 2 + r.choice((0, 0.5)), 685, heights[2], dark=dark, known=known)


def _login(made: Sheet, logos: list[Logo], heights: list[int], symbols: list[Logo], known: bool) -> None:
    r, (width, height) = made.random, made.size
    dark = r.random() < 0.5
    made.block(0, 0, width, height, f"background:{_ground(r, dark=dark)}")
    made.logo(logos[0], 30, 24, heights[0], dark=dark, known=known)
    inner = r.random() < 0.2
    card, ink = ("#242c36", "#ddd") if inner else ("#fff", "#333")
    x, y = width / 2 - 200, 140
    made.block(
        x, y, 400, 500, f"background:{card};border:1px solid #b8c0c8;border-radius:{r.choice((0, 6, 14))}px"
    )
    shown = heights[1] * logos[1].aspect
    made.logo(logos[1], x + 200 - shown / 2, y + 24, heights[1], dark=inner, known=known)
    made.block(x + 40, y + 135, 320, 30, f"text-align:center;font-size:22px;color:{ink}", made.words(3))
    for n in range(2):
        made.block(
            x + 40,
            y + 185 + 60 * n,
            320,
            40,
            "border:1px solid #99a;border-radius:4px;padding:10px;background:#fff;color:#777",
            made.words(2),
        )
    made.block(
        x + 40,
        y + 310,
        320,
        40,
        "background:#0d6efd;color:#fff;text-align:center;padding:10px;border-radius:4px",
        made.words(1),
    )
    for n in range(2):
        made.block(
            x + 40,
            y + 370 + 54 * n,
            320,
            44,
            f"border:1px solid #aab;border-radius:4px;padding:13px 13px 13px 52px;color:{ink}",
            made.words(3),
        )
        made.logo(symbols[n], x + 54, y + 381 + 54 * n, 20, dark=inner, known=False)
    made.logo(
        logos[2], width - 60 - heights[2] * logos[2].aspect, height - 116, heights[2], dark=dark, known=known
    )
    made.text(30, height - 60, 360, 40, size=12, colour="#ccc" if dark else "#444")


def _shop(made: Sheet, logos: list[Logo], heights: list[int], symbols: list[Logo], known: bool) -> None:
    r, (width, _) = made.random, made.size
    dark = r.random() < 0.4
    bar = heights[0] + 20
    made.block(0, 0, width, bar, f"background:{_ground(r, dark=dark)}")
    shown = heights[0] * logos[0].aspect
    made.logo(logos[0], width / 2 - shown / 2, 10, heights[0], dark=dark, known=known)
    ink = "#eee" if dark else "#222"
    made.block(24, bar / 2 - 10, 220, 20, f"color:{ink};font-size:15px", made.words(4))
    for n in range(3):
        made.logo(symbols[n], width - 140 + 40 * n, bar / 2 - 11, 22, dark=dark, known=False)
    for n in range(4):
        x, y = 24 + n * (width - 48) / 4, bar + 24
        made.block(
            x,
            y,
            (width - 48) / 4 - 16,
            380,
            f"background:{_ground(r, dark=False)};border:1px solid #d5dadf;"
            f"border-radius:{r.choice((0, 10))}px",
        )
        if n == 1:
            shown = heights[1] * logos[1].aspect
            made.logo(logos[1], x + 20, y + 40, heights[1], dark=False, known=known)
        else:
            made.logo(symbols[3 + n], x + 30, y + 40, r.choice((48, 64, 96)), dark=False, known=False)
        made.text(x + 16, y + 165, (width - 48) / 4 - 48, 130, size=13)
        made.block(
            x + 16,
            y + 320,
            120,
            36,
            "background:#146c43;color:#fff;padding:9px;text-align:center",
            made.words(1),
        )
    dark = r.random() < 0.6
    made.block(0, 800 - 150, width, 150, f"background:{_ground(r, dark=dark)}")
    ink = "#ddd" if dark else "#333"
    made.logo(logos[2], 40, 675, heights[2], dark=dark, known=known)
    for n in range(3):
        made.text(width - 600 + 200 * n, 680, 160, 90, size=12, colour=ink)


def _board(made: Sheet, logos: list[Logo], heights: list[int], symbols: list[Logo], known: bool) -> None:
    r, (width, height) = made.random, made.size
    dark = r.random() < 0.5
    side = 240
    made.block(0, 0, side, height, f"background:{_ground(r, dark=dark)}")
    ink = "#ddd" if dark else "#333"
    right = 20 + made.logo(logos[0], 20, 18, heights[0], dark=dark, known=known)
    if right < side - 70:
        made.block(
            right + 10,
            18 + heights[0] / 2 - 12,
            side - right - 14,
            24,
            f"color:{ink};font-size:18px",
            made.words(1),
        )
    for n in range(8):
        made.logo(symbols[n], 24, 150 + 46 * n, 18, dark=dark, known=False)
        made.block(56, 150 + 46 * n, 150, 20, f"color:{ink};font-size:14px", made.words(2))
    for n, index in ((0, 1), (1, None), (2, 2)):
        dark = r.random() < 0.3
        x, w = side + 24 + n * (width - side - 24) / 3, (width - side - 24) / 3 - 20
        made.block(
            x, 24, w, 180, f"background:{_ground(r, dark=dark)};border:1px solid #ced4da;border-radius:12px"
        )
        logo = symbols[9] if index is None else logos[index]
        tall = 40 if index is None else heights[index]
        made.logo(logo, x + 20, 44, tall, dark=dark, known=known and index is not None)
        made.text(x + 20, 150, w - 40, 40, size=13, colour="#ccc" if dark else "#333")
    for row in range(11):
        made.block(side + 24, 230 + 48 * row, width - side - 44, 48, "border-bottom:1px solid #dde")
        for column in range(4):
            made.text(
                side + 40 + column * (width - side) / 4.4, 244 + 48 * row, (width - side) / 5, 20, size=13
            )


def capture(browser: Browser, made: Sheet, folder: Path, kind: str) -> Page:
    """Return the page as the browser shows it."""
    file = folder / "page.html"
    file.write_text("".join(made.parts), "utf-8")
    with Image.open(io.BytesIO(browser.capture(file.as_uri(), Window(*made.size)))) as image:
        picture = image.convert("RGB")
    places = (replace(place, seen=_is_seen(picture, place)) for place in made.places)
    return Page(kind, tuple(places), picture)


def pasted(screenshot: Image.Image, logo: Logo, drawing: Image.Image, height: int, seed: str) -> Page | None:
    """Return a screenshot with a logo at an empty place as large as that; None where there is none."""
    random_ = random.Random(seed)
    picture = screenshot.convert("RGB")
    if picture.width > 1366:
        picture = picture.resize((1280, round(picture.height * 1280 / picture.width)), Image.Resampling.BOX)
    picture = picture.crop((0, 0, picture.width, min(picture.height, 900)))
    small = drawing.resize((round(height * logo.aspect), height), Image.Resampling.LANCZOS)
    grey = np.asarray(picture.convert("L"))
    for _ in range(300):
        margin = 6
        x = random_.randrange(margin, max(margin + 1, picture.width - small.width - margin))
        y = random_.randrange(margin, max(margin + 1, picture.height - small.height - margin))
        around = grey[y - margin : y + small.height + margin, x - margin : x + small.width + margin]
        if around.size and np.ptp(around.astype(int)) < 12:
            picture.paste(small, (x, y), small)
            place = Place(
                logo.name, height, bool(around.mean() < 110), (x, y, x + small.width, y + small.height)
            )
            return Page("pasted", (replace(place, seen=_is_seen(picture, place)),), picture)
    return None


def _is_seen(picture: Image.Image, place: Place) -> bool:
    grey = np.asarray(picture.convert("L").crop(tuple(round(side) for side in place.box)))
    return float(grey.std()) >= 12


def edited(page: Page, seed: str) -> Page:
    """Return the page as it is, or after one edit as captures have them."""
    edit = random.Random(seed).choice(("", "", "jpeg", "three_quarters"))
    if not edit:
        return page
    picture, scale = page.picture, 1.0
    if edit == "jpeg":
        stream = io.BytesIO()
        picture.save(stream, "JPEG", quality=60)
        picture = Image.open(stream).convert("RGB")
    else:
        scale = 0.75
        size = (round(picture.width * scale), round(picture.height * scale))
        picture = picture.resize(size, Image.Resampling.LANCZOS)
    places = tuple(replace(place, box=_scaled(place.box, scale)) for place in page.places)
    return Page(f"{page.kind}, {edit}", places, picture)


def _scaled(box: tuple[float, float, float, float], scale: float) -> tuple[float, float, float, float]:
    left, top, right, bottom = box
    return left * scale, top * scale, right * scale, bottom * scale
