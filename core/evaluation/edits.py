"""What happens to a picture on its way to an analyst: named, seeded edits, each a pure function from picture to picture.

Takes an RGB picture and a seed, gives a new RGB picture; the same name, picture and seed give the same pixels. Sizes are relative
to the picture, so that a photograph of 400 pixels and a page of 1,920 are treated alike. Tests, benchmarks and tuning share this file,
because a number about "browser bar" means nothing unless everybody draws the same bar.

    edited = edit("browser_bar", opened(path), seed="hexo-001/0")
"""

from __future__ import annotations

import io
import random
from collections.abc import Callable
from pathlib import Path

from PIL import Image, ImageChops, ImageDraw, ImageEnhance, ImageFilter, ImageFont, ImageOps

Picture = Image.Image
Edit = Callable[[Picture, random.Random], Picture]

SENTENCES = (
    "Reported as phishing: do not enter your password",
    "We use cookies to improve your experience on this site",
    "Sample 2291 - case file - internal use",
    "Maintenance on Saturday, 22:00 to 23:30 UTC",
    "Your session has expired, please sign in again",
)
ADDRESSES = ("https://www.example.org/account/login?next=home", "http://203.0.113.7/secure/update.php", "https://docs.example.net/en/latest/")
TABS = ("Sign in", "Inbox (3)", "Documentation", "News of the day", "Search results")


def opened(source: Path | str | bytes) -> Picture:
    """The picture as a person sees it: turned as its EXIF says, transparency on white, RGB."""
    with Image.open(io.BytesIO(source) if isinstance(source, bytes) else source) as picture:
        turned = ImageOps.exif_transpose(picture)
        if turned.has_transparency_data:
            turned = turned.convert("RGBA")
            white = Image.new("RGBA", turned.size, "white")
            return Image.alpha_composite(white, turned).convert("RGB")
        return turned.convert("RGB")


def png(picture: Picture) -> bytes:
    """The picture as the bytes of a PNG file, so that nothing but the edit changes its pixels."""
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def edit(name: str, picture: Picture, seed: object = 0) -> Picture:
    """Apply the edit called `name` (a key of EDITS). Equal name, picture and seed give equal pixels; KeyError for another name."""
    return EDITS[name](picture, random.Random(f"{name}:{seed}"))


def resized(picture: Picture, factor: float) -> Picture:
    width, height = (max(1, round(side * factor)) for side in picture.size)
    return picture.resize((width, height), Image.Resampling.LANCZOS)


def recompressed(picture: Picture, quality: int) -> Picture:
    """Through JPEG and back."""
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=quality)
    return opened(buffer.getvalue())


def blurred(picture: Picture, sigma_at_1280: float) -> Picture:
    return picture.filter(ImageFilter.GaussianBlur(sigma_at_1280 * picture.width / 1280))


def brightness_contrast(picture: Picture, rng: random.Random) -> Picture:
    picture = ImageEnhance.Brightness(picture).enhance(rng.choice((0.7, 0.8, 1.2, 1.3)))
    return ImageEnhance.Contrast(picture).enhance(rng.choice((0.7, 1.3)))


def saturation(picture: Picture, rng: random.Random) -> Picture:
    return ImageEnhance.Color(picture).enhance(rng.choice((0.3, 0.5, 2.0)))


def hue_shift(picture: Picture, rng: random.Random) -> Picture:
    """Turn the colour wheel by 60 to 300 degrees; greys stay grey."""
    hue, sat, value = picture.convert("HSV").split()
    turn = rng.randint(43, 213)
    turned = hue.point([(level + turn) % 256 for level in range(256)])
    return Image.merge("HSV", (turned, sat, value)).convert("RGB")


def greyscale(picture: Picture) -> Picture:
    return ImageOps.grayscale(picture).convert("RGB")


def sepia(picture: Picture) -> Picture:
    return ImageOps.colorize(ImageOps.grayscale(picture), black="#1e1408", mid="#a08050", white="#fff4d8")


def recoloured(picture: Picture, rng: random.Random) -> Picture:
    """One of the recolourings, drawn by the seed; inversion is not among them."""
    return EDITS[rng.choice(RECOLOURINGS)](picture, rng)


def bordered(picture: Picture, rng: random.Random, share: float) -> Picture:
    """A plain frame; each of the four strips is `share` of the picture's side, as wide as that side needs."""
    across, down = round(picture.width * share), round(picture.height * share)
    colour = rng.choice(("white", "black", "#d0d0d0", "#204080", "#f4e8c8"))
    framed = Image.new("RGB", (picture.width + 2 * across, picture.height + 2 * down), colour)
    framed.paste(picture, (across, down))
    return framed


def cropped(picture: Picture, rng: random.Random, share: float) -> Picture:
    """Keep `share` of the width and of the height, at a random place."""
    width, height = max(1, round(picture.width * share)), max(1, round(picture.height * share))
    left, top = rng.randint(0, picture.width - width), rng.randint(0, picture.height - height)
    return picture.crop((left, top, left + width, top + height))


def turned(picture: Picture, degrees: float, fill: str) -> Picture:
    """Turn about the middle; the canvas grows to hold everything and its corners are filled."""
    return picture.rotate(degrees, resample=Image.Resampling.BICUBIC, expand=True, fillcolor=fill)


def banner(picture: Picture, rng: random.Random) -> Picture:
    """A bar with a sentence, over the picture: 12 to 16 % of its shorter side high, at the top, the bottom or in between."""
    result = picture.copy()
    height = max(8, round(min(picture.size) * rng.uniform(0.12, 0.16)))
    top = rng.choice((0, (picture.height - height) // 2, picture.height - height))
    back, ink = rng.choice((("#b00020", "white"), ("#ffe066", "black"), ("#202124", "#e8eaed"), ("white", "#123a7a")))
    draw = ImageDraw.Draw(result)
    draw.rectangle((0, top, picture.width, top + height), fill=back)
    size = min(height * 0.5, picture.width / 30)
    draw.text((picture.width / 2, top + height / 2), rng.choice(SENTENCES), fill=ink, anchor="mm", font=_font(size))
    return result


def browser_bar(picture: Picture, rng: random.Random, share: float = 0.085) -> Picture:
    """The picture below a browser's tabs and address bar, `share` of the width high (108 of 1,280 pixels)."""
    width, height = picture.width, max(12, round(picture.width * share))
    strip, bar, field, ink, faint = rng.choice(
        (
            ("#dee1e6", "#ffffff", "#f1f3f4", "#202124", "#5f6368"),
            ("#202124", "#35363a", "#202124", "#e8eaed", "#9aa0a6"),
            ("#f0f0f4", "#f9f9fb", "#ffffff", "#15141a", "#5b5b66"),
        )
    )
    result = Image.new("RGB", (width, height + picture.height), bar)
    draw = ImageDraw.Draw(result)
    unit = height / 12
    tabs_end = round(5.2 * unit)
    draw.rectangle((0, 0, width, tabs_end), fill=strip)
    _draw_tabs(draw, rng, unit, tabs_end, width, colours=(bar, ink, faint))
    middle = tabs_end + (height - tabs_end) / 2
    for place in range(3):
        _draw_button(draw, place, (3 + place * 5) * unit, middle, unit, ink)
    left, right = 17 * unit, width - 14 * unit
    draw.rounded_rectangle((left, middle - 2.3 * unit, right, middle + 2.3 * unit), radius=2.3 * unit, fill=field, outline=strip)
    draw.ellipse((left + 1.6 * unit, middle - 0.8 * unit, left + 3.2 * unit, middle + 0.8 * unit), outline=faint, width=max(1, round(unit / 4)))
    draw.text((left + 4.4 * unit, middle), rng.choice(ADDRESSES), fill=ink, anchor="lm", font=_font(2.4 * unit))
    draw.rectangle((right, tabs_end + 1, width, height), fill=bar)
    draw.ellipse((width - 9 * unit, middle - 1.6 * unit, width - 5.8 * unit, middle + 1.6 * unit), fill=rng.choice(("#8e44ad", "#1a73e8", "#188038")))
    for dot in (-1.2, 0, 1.2):
        draw.ellipse((width - 3 * unit - 0.3 * unit, middle + (dot - 0.3) * unit, width - 2.7 * unit + 0.3 * unit, middle + (dot + 0.3) * unit), fill=ink)
    draw.line((0, height - 1, width, height - 1), fill=strip)
    result.paste(picture, (0, height))
    return result


def viewport(page: Picture, scroll: float, aspect: float = 1.6) -> Picture:
    """What a window shows of a tall page: its full width, `aspect` times as wide as high; `scroll` 0 is the top, 1 the end."""
    height = min(page.height, round(page.width / aspect))
    top = round((page.height - height) * scroll)
    return page.crop((0, top, page.width, top + height))


def embedded(picture: Picture, host: Picture, share: float, seed: object = 0) -> Picture:
    """The picture as an illustration in another page: `share` of the host's width, at a random place, with a thin frame."""
    rng = random.Random(f"embedded:{seed}")
    small = resized(picture, share * host.width / picture.width)
    small = small.crop((0, 0, small.width, min(small.height, host.height)))
    left, top = rng.randint(0, host.width - small.width), rng.randint(0, host.height - small.height)
    result = host.copy()
    result.paste(small, (left, top))
    ImageDraw.Draw(result).rectangle((left, top, left + small.width - 1, top + small.height - 1), outline="#808080")
    return result


def _font(size: float) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(max(5, round(size)))  # Pillow's own font, so that every machine draws the same letters


def _draw_tabs(draw: ImageDraw.ImageDraw, rng: random.Random, unit: float, end: int, width: int, *, colours: tuple[str, str, str]) -> None:
    bar, ink, faint = colours
    count = rng.randint(2, 4)
    current = rng.randrange(count)
    tab = min(24 * unit, (width - 8 * unit) / count)
    for place, title in enumerate(rng.sample(TABS, count)):
        left = 2 * unit + place * tab
        if place == current:
            draw.rounded_rectangle((left, 0.9 * unit, left + tab, end + unit), radius=unit, fill=bar)
        draw.ellipse((left + 1.2 * unit, 2.4 * unit, left + 2.8 * unit, 4 * unit), fill=rng.choice(("#ea4335", "#fbbc04", "#34a853", "#4285f4")))
        draw.text((left + 3.6 * unit, 3.2 * unit), title, fill=ink if place == current else faint, anchor="lm", font=_font(2 * unit))
        _draw_cross(draw, left + tab - 2 * unit, 3.2 * unit, 0.6 * unit, faint)
    draw.rectangle((0, end, width, end + unit), fill=bar)
    _draw_cross(draw, width - 2.5 * unit, 2.6 * unit, 0.9 * unit, ink)


def _draw_cross(draw: ImageDraw.ImageDraw, x: float, y: float, half: float, ink: str) -> None:
    draw.line((x - half, y - half, x + half, y + half), fill=ink)
    draw.line((x - half, y + half, x + half, y - half), fill=ink)


def _draw_button(draw: ImageDraw.ImageDraw, kind: int, x: float, y: float, unit: float, ink: str) -> None:
    """Back, forward and reload, in this order."""
    pen = max(1, round(unit / 3))
    if kind == 2:
        draw.arc((x - 1.3 * unit, y - 1.3 * unit, x + 1.3 * unit, y + 1.3 * unit), 30, 330, fill=ink, width=pen)
        return
    tip = -1.2 * unit if kind == 0 else 1.2 * unit
    draw.line((x - tip, y, x + tip, y), fill=ink, width=pen)
    draw.line((x + tip - tip * 0.8, y - unit, x + tip, y, x + tip - tip * 0.8, y + unit), fill=ink, width=pen)


RECOLOURINGS = ("brightness_contrast", "saturation", "hue_shift", "greyscale", "sepia")
"""Names of the edits that `recolour` draws from."""

EDITS: dict[str, Edit] = {
    "resize_50": lambda picture, rng: resized(picture, 0.5),
    "resize_33": lambda picture, rng: resized(picture, 1 / 3),
    "jpeg_30": lambda picture, rng: recompressed(picture, 30),
    "blur": lambda picture, rng: blurred(picture, 2.0),
    "recolour": recoloured,
    "brightness_contrast": brightness_contrast,
    "saturation": saturation,
    "hue_shift": hue_shift,
    "greyscale": lambda picture, rng: greyscale(picture),
    "sepia": lambda picture, rng: sepia(picture),
    "inversion": lambda picture, rng: ImageChops.invert(picture),
    "mirror": lambda picture, rng: ImageOps.mirror(picture),
    "rotate_90": lambda picture, rng: picture.transpose(Image.Transpose.ROTATE_90),
    "browser_bar": browser_bar,
    "border_10": lambda picture, rng: bordered(picture, rng, 0.10),
    "crop_75": lambda picture, rng: cropped(picture, rng, 0.75),
    "banner": banner,
    "rotate_5": lambda picture, rng: turned(picture, rng.choice((-5, 5)), rng.choice(("white", "black"))),
    "rotate_5_white": lambda picture, rng: turned(picture, rng.choice((-5, 5)), "white"),
    "rotate_5_black": lambda picture, rng: turned(picture, rng.choice((-5, 5)), "black"),
    "resize_50_jpeg_30": lambda picture, rng: recompressed(resized(picture, 0.5), 30),
    "browser_bar_resize_75_jpeg_50": lambda picture, rng: recompressed(resized(browser_bar(picture, rng), 0.75), 50),
    "crop_75_resize_75_jpeg_50": lambda picture, rng: recompressed(resized(cropped(picture, rng, 0.75), 0.75), 50),
}
"""Every edit of one picture by name; `viewport` and `embedded` need more than a picture and stand apart."""

WHOLE_PICTURE = ("resize_50", "resize_33", "jpeg_30", "blur", "recolour", "mirror", "rotate_90")
"""Edits after which the whole picture is still there and fills the frame; retrieval is measured on these."""

PARTIAL = ("browser_bar", "border_10", "crop_75", "banner", "rotate_5")
"""Edits that add to the picture or take from it; comparison is measured on these."""
