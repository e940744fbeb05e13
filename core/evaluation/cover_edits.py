"""Edits that cover a part of a picture, and ways by which it goes through a camera or a chat.

Takes and returns RGB pictures, as drawn_edits.py does, with the same letters on every machine.
"""

import random

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageOps

from .drawn_edits import SENTENCES, TEXT, Picture, letters

#: What people write under a picture in a chat.
REMARKS = ("is this real?", "got this today", "look at the address", "do not click", "same as last week")
#: Buttons of dialogs.
BUTTONS = ("Accept all", "Only necessary", "Continue", "Sign in", "Close")


def modal(picture: Picture, rng: random.Random) -> Picture:
    """Return the picture darkened under a dialog: 38 to 52 % of its width, in the middle."""
    result = ImageEnhance.Brightness(picture).enhance(rng.uniform(0.45, 0.65))
    width, height = (round(side * rng.uniform(0.38, 0.52)) for side in picture.size)
    left, top = (picture.width - width) // 2, (picture.height - height) // 2
    draw, unit = ImageDraw.Draw(result), max(6, width // 24)
    draw.rounded_rectangle((left, top, left + width, top + height), radius=unit, fill="white")
    draw.text((left + unit, top + unit), rng.choice(SENTENCES)[:28], fill="#202124", font=letters(1.4 * unit))
    for number in range(4):
        line = " ".join(rng.sample(TEXT.split(), 6))
        draw.text((left + unit, top + (4 + 2 * number) * unit), line, fill="#5f6368", font=letters(unit))
    button = (left + width - 10 * unit, top + height - 3 * unit, left + width - unit, top + height - unit)
    draw.rectangle(button, fill="#1a73e8")
    middle = ((button[0] + button[2]) / 2, (button[1] + button[3]) / 2)
    draw.text(middle, rng.choice(BUTTONS), fill="white", anchor="mm", font=letters(unit))
    return result


def cookie_banner(picture: Picture, rng: random.Random) -> Picture:
    """Return the picture under a banner with two buttons: 18 to 26 % of its height, at the bottom."""
    result, height = picture.copy(), max(12, round(picture.height * rng.uniform(0.18, 0.26)))
    top, unit = picture.height - height, max(6, picture.width // 60)
    back, ink = rng.choice((("white", "#202124"), ("#202124", "white"), ("#f1f3f4", "#3c4043")))
    draw = ImageDraw.Draw(result)
    draw.rectangle((0, top, picture.width, picture.height), fill=back)
    draw.text((2 * unit, top + unit), "We value your privacy", fill=ink, font=letters(1.3 * unit))
    for number in range(2):
        line = " ".join(rng.choice(TEXT.split()) for _ in range(14))
        draw.text((2 * unit, top + (3 + 1.6 * number) * unit), line, fill=ink, font=letters(unit))
    for number, colour in enumerate(("#1a73e8", "#80868b")):
        right = picture.width - 2 * unit - number * 11 * unit
        button = (right - 10 * unit, top + height // 2 - unit, right, top + height // 2 + unit)
        draw.rectangle(button, fill=colour)
        draw.text(
            (right - 5 * unit, top + height // 2),
            BUTTONS[number],
            fill="white",
            anchor="mm",
            font=letters(unit),
        )
    return result


def redacted(picture: Picture, rng: random.Random) -> Picture:
    """Return the picture with 4 to 8 black bars over it, each as long as some words."""
    result = picture.copy()
    draw = ImageDraw.Draw(result)
    for _ in range(rng.randint(4, 8)):
        width, height = round(picture.width * rng.uniform(0.1, 0.3)), max(4, round(picture.height * 0.03))
        left, top = rng.randrange(picture.width - width), rng.randrange(max(1, picture.height - height))
        draw.rectangle((left, top, left + width, top + height), fill="black")
    return result


def tiled_watermark(picture: Picture, rng: random.Random) -> Picture:
    """Return the picture with a slanted word all over it, a fifth to a third opaque."""
    side = round(np.hypot(*picture.size))
    layer, size = Image.new("L", (side, side), 0), max(10, picture.width // 22)
    draw, word = ImageDraw.Draw(layer), rng.choice(("SAMPLE", "example.org", "CONFIDENTIAL", "preview"))
    opacity = round(255 * rng.uniform(0.2, 0.33))
    for row, top in enumerate(range(0, side, 3 * size)):
        for left in range(-4 * size * (row % 2), side, 8 * size):
            draw.text((left, top), word, fill=opacity, font=letters(size))
    turned = layer.rotate(rng.choice((25, 30, -25)))
    left, top = (side - picture.width) // 2, (side - picture.height) // 2
    mask = turned.crop((left, top, left + picture.width, top + picture.height))
    dark = np.asarray(picture.convert("L")).mean() < 110
    return Image.composite(Image.new("RGB", picture.size, "white" if dark else "#303030"), picture, mask)


def photographed(picture: Picture, rng: random.Random) -> Picture:
    """Return the picture as a telephone sees it on a screen: from the side, with the grid of the screen, a
    gleam, a tint, and the noise and blur of the camera.
    """
    width, height = picture.size
    lift = [rng.uniform(0.0, 0.05) for _ in range(8)]
    corners = (
        (-lift[0] * width, -lift[1] * height),
        (-lift[2] * width, (1 + lift[3]) * height),
        ((1 + lift[4]) * width, (1 + lift[5]) * height),
        ((1 + lift[6]) * width, -lift[7] * height),
    )
    quad = tuple(end for corner in corners for end in corner)
    seen = picture.transform(
        picture.size, Image.Transform.QUAD, quad, Image.Resampling.BICUBIC, fillcolor="#181818"
    )
    pixels = np.asarray(seen.filter(ImageFilter.GaussianBlur(0.7)), np.float32)
    y, x = np.mgrid[:height, :width]
    moire = 6 * np.sin(2 * np.pi * (x * rng.uniform(0.28, 0.34) + y * rng.uniform(0.02, 0.06)))
    away = np.hypot(x / width - rng.uniform(0.2, 0.8), y / height - rng.uniform(0.1, 0.5))
    gleam = 45 * np.exp(-((away / 0.25) ** 2))
    noise = np.random.default_rng(rng.randrange(1 << 32)).normal(0, 5, pixels.shape)
    tint = np.array([rng.uniform(0.9, 1.0), 0.97, rng.uniform(0.9, 1.05)])
    result = pixels * 0.86 * tint + moire[..., None] + gleam[..., None] + noise
    return Image.fromarray(np.clip(result, 0, 255).astype(np.uint8))


def in_chat(picture: Picture, rng: random.Random) -> Picture:
    """Return a telephone's chat in which the picture is a message, 55 to 75 % of the width."""
    width = 720
    share = rng.uniform(0.55, 0.75)
    shown = ImageOps.contain(picture, (round(width * share), 900))
    page = Image.new("RGB", (width, shown.height + 620), rng.choice(("#e5ddd5", "#0e1621", "#ffffff")))
    draw = ImageDraw.Draw(page)
    draw.rectangle((0, 0, width, 90), fill="#075e54")
    draw.text((120, 45), "Security group", fill="white", anchor="lm", font=letters(30))

    def bubble(left: int, top: int, text: str, colour: str) -> None:
        draw.rounded_rectangle((left, top, left + 420, top + 80), radius=16, fill=colour)
        draw.text((left + 20, top + 40), text, fill="#111111", anchor="lm", font=letters(26))

    bubble(20, 130, " ".join(rng.sample(TEXT.split(), 4)), "#ffffff")
    bubble(280, 240, rng.choice(REMARKS), "#dcf8c6")
    left = rng.choice((20, width - shown.width - 40))
    draw.rounded_rectangle(
        (left, 350, left + shown.width + 20, 370 + shown.height), radius=16, fill="#dcf8c6"
    )
    page.paste(shown, (left + 10, 360))
    bubble(20, shown.height + 410, rng.choice(REMARKS), "#ffffff")
    return page
