"""Pictures drawn by code, so that truth is known and nothing is licensed: pages of text, photographs, logos,
blank sheets.

Everything is seeded: the same call gives the same picture on one machine. Pillow's own font and noise may
differ between releases; tests that need the same pixels for ever use the files in golden/.
"""

from __future__ import annotations

import io
import random

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

SYLLABLES = [
    "ka",
    "lo",
    "mi",
    "ren",
    "ta",
    "su",
    "ve",
    "dor",
    "il",
    "ash",
    "pe",
    "no",
    "gra",
    "tu",
    "bel",
    "os",
    "an",
    "qui",
    "ster",
    "ho",
    "fin",
    "du",
]
THEMES = (
    ("#ffffff", "#1f2933", "#0b5fa5", "#e8eef4"),
    ("#fbfaf7", "#2b2118", "#8a2b2b", "#efe7dc"),
    ("#14181f", "#d7dde5", "#4ea1ff", "#222a35"),
    ("#f4f7f2", "#22331f", "#2e7d32", "#dfe9da"),
)


def page(seed: int, width: int = 1280, height: int = 800) -> Image.Image:
    """A web page: header, menu, headings, paragraphs, boxes, tables and pictures; another seed is another
    site's page.
    """
    rng = random.Random(f"page {seed}")
    paper, ink, accent, shade = THEMES[rng.randrange(len(THEMES))]
    sheet = Image.new("RGB", (width, height), paper)
    draw = ImageDraw.Draw(sheet)
    unit = max(8, width // 80)
    bar = 4 * unit
    draw.rectangle((0, 0, width, bar), fill=accent)
    draw.text(
        (2 * unit, bar // 2),
        words(rng, 2).title(),
        fill=paper,
        font=ImageFont.load_default(1.8 * unit),
        anchor="lm",
    )
    for place in range(rng.randint(3, 5)):
        draw.text(
            (width // 3 + place * 9 * unit, bar // 2),
            words(rng, 1),
            fill=paper,
            font=ImageFont.load_default(1.1 * unit),
            anchor="lm",
        )
    menu = rng.choice((0, 14, 18)) * unit
    if menu:
        draw.rectangle((0, bar, menu, height), fill=shade)
        for line in range(bar + 2 * unit, height, 3 * unit):
            draw.text(
                (unit, line), words(rng, rng.randint(1, 2)), fill=ink, font=ImageFont.load_default(1.1 * unit)
            )
    left, right, top = menu + 3 * unit, width - 3 * unit, bar + 3 * unit
    while top < height - 2 * unit:
        kind = rng.choice(("heading", "text", "text", "text", "boxes", "picture", "table"))
        if kind == "heading":
            draw.text(
                (left, top),
                words(rng, rng.randint(2, 5)).capitalize(),
                fill=accent,
                font=ImageFont.load_default(2.2 * unit),
            )
            top += 4 * unit
        elif kind == "text":
            for _ in range(rng.randint(2, 6)):
                length = rng.uniform(0.6, 1.0) * (right - left) / (0.62 * 1.1 * unit)
                draw.text(
                    (left, top),
                    words(rng, 40)[: int(length)],
                    fill=ink,
                    font=ImageFont.load_default(1.1 * unit),
                )
                top += int(1.8 * unit)
            top += unit
        elif kind == "boxes":
            step = (right - left) // 3
            for place in range(3):
                box = (left + place * step, top, left + (place + 1) * step - unit, top + 8 * unit)
                draw.rounded_rectangle(box, unit // 2, fill=shade, outline=accent)
                draw.text(
                    (box[0] + unit, top + unit),
                    words(rng, 2),
                    fill=ink,
                    font=ImageFont.load_default(1.4 * unit),
                )
                draw.text(
                    (box[0] + unit, top + 4 * unit),
                    words(rng, 3),
                    fill=ink,
                    font=ImageFont.load_default(unit),
                )
            top += 10 * unit
        elif kind == "picture":
            size = (rng.randint(20, 34) * unit, rng.randint(9, 16) * unit)
            sheet.paste(
                photo(rng.randrange(1 << 30), *size), (rng.randint(left, max(left, right - size[0])), top)
            )
            top += size[1] + 2 * unit
        else:
            columns = rng.randint(3, 6)
            for _ in range(rng.randint(3, 6)):
                for column in range(columns):
                    x = left + column * (right - left) // columns
                    draw.rectangle((x, top, x + (right - left) // columns, top + 2 * unit), outline=shade)
                    draw.text(
                        (x + unit // 2, top + unit // 2),
                        words(rng, 1),
                        fill=ink,
                        font=ImageFont.load_default(unit),
                    )
                top += 2 * unit
            top += 2 * unit
    return sheet


def tall_page(seed: int, width: int = 1280, ratio: float = 8.0) -> Image.Image:
    """A full-page capture, `ratio` times as high as wide."""
    return page(seed, width, round(width * ratio))


def photo(seed: int, width: int = 640, height: int = 480) -> Image.Image:
    """A natural-looking picture: smooth shapes of every size, light from one side, fine grain."""
    rng = np.random.default_rng(seed)
    light, tint = np.zeros((height, width, 1)), np.zeros((height, width, 3))
    for octave in range(1, 8):
        cells = 2**octave
        grid = rng.integers(
            0,
            256,
            (max(2, cells * height // max(width, height)), max(2, cells * width // max(width, height)), 4),
            dtype=np.uint8,
        )
        layer = (
            np.asarray(Image.fromarray(grid).resize((width, height), Image.Resampling.BICUBIC), float)
            / octave**1.2
        )
        light += layer[:, :, 3:]
        tint += layer[:, :, :3] * (octave < 4)
    layers = light + 0.3 * tint
    layers -= layers.min()
    picture = Image.fromarray((layers * (255 / layers.max())).astype(np.uint8))
    draw = ImageDraw.Draw(picture)
    for _ in range(12):
        x, y = int(rng.integers(0, width)), int(rng.integers(0, height))
        size = int(rng.integers(4, max(5, width // 5)))
        colour = tuple(int(value) for value in (rng.integers(0, 200) + rng.integers(0, 56, 3)))
        if rng.random() < 0.5:
            draw.ellipse((x, y, x + size, y + 0.7 * size), fill=colour)
        else:
            draw.polygon([(x, y), (x + size, y + size // 3), (x + size // 4, y + size)], fill=colour)
    grain = rng.normal(0, 4, (height, width, 1))
    softened = np.asarray(picture.filter(ImageFilter.GaussianBlur(0.7)), float)
    return Image.fromarray(np.clip(softened + grain, 0, 255).astype(np.uint8))


def logo(seed: int, size: int = 64) -> Image.Image:
    """A small flat emblem on white, such as a favicon."""
    rng = random.Random(f"logo {seed}")
    sheet = Image.new("RGB", (size, size), "white")
    draw = ImageDraw.Draw(sheet)
    first, second = rng.sample(["#c62828", "#1565c0", "#2e7d32", "#f9a825", "#4527a0", "#00838f"], 2)
    inner = size // 8
    shape = rng.randrange(3)
    if shape == 0:
        draw.ellipse((inner, inner, size - inner, size - inner), fill=first)
    elif shape == 1:
        draw.rounded_rectangle((inner, inner, size - inner, size - inner), size // 6, fill=first)
    else:
        draw.polygon([(size // 2, inner), (size - inner, size - inner), (inner, size - inner)], fill=first)
    draw.text(
        (size // 2, size * 0.56),
        rng.choice("ABDGKMQRSW"),
        fill=second,
        font=ImageFont.load_default(size * 0.5),
        anchor="mm",
    )
    return sheet


def blank(width: int = 1280, height: int = 800, colour: str = "white") -> Image.Image:
    return Image.new("RGB", (width, height), colour)


def words(rng: random.Random, count: int) -> str:
    return " ".join("".join(rng.choices(SYLLABLES, k=rng.randint(1, 4))) for _ in range(count))


def png(image: Image.Image, **options: object) -> bytes:
    return saved(image, "PNG", **options)


def jpeg(image: Image.Image, quality: int = 90, **options: object) -> bytes:
    return saved(image, "JPEG", quality=quality, **options)


def saved(image: Image.Image, format: str, **options: object) -> bytes:
    """The picture as the bytes of a file."""
    file = io.BytesIO()
    image.save(file, format, **options)
    return file.getvalue()
