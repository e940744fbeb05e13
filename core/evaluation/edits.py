"""What happens to a picture on its way to an analyst: named, seeded edits, each a pure function from picture
to picture.

Takes an RGB picture and a seed, returns a new RGB picture; equal name, picture and seed give equal pixels.
Sizes are relative to the picture, so that a photograph of 400 pixels and a page of 1,920 are treated alike.
Tests, benchmarks and tuning share this file: a number about "browser bar" means nothing unless everybody
draws the same bar.

    edited = edit("browser_bar", opened(path), seed="hexo-001/0")
"""

import io
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageEnhance, ImageFilter, ImageOps

from .cover_edits import cookie_banner, in_chat, modal, photographed, redacted, tiled_watermark
from .drawn_edits import (
    Picture,
    banner,
    browser_bar,
    covered_by_window,
    near_copy,
    pixelated,
    rounded_with_shadow,
    text_page,
    watermarked,
    written_on,
)

#: An edit: takes a picture and a random generator, returns the edited picture.
Edit = Callable[[Picture, random.Random], Picture]


def opened(source: Path | str | bytes) -> Picture:
    """Return the picture as a person sees it: rotated as its EXIF says, transparency on white, RGB. Raises
    OSError (Pillow's UnidentifiedImageError among them) for files that are not pictures.
    """
    with Image.open(io.BytesIO(source) if isinstance(source, bytes) else source) as picture:
        upright = ImageOps.exif_transpose(picture)
        if upright.has_transparency_data:
            upright = upright.convert("RGBA")
            white = Image.new("RGBA", upright.size, "white")
            return Image.alpha_composite(white, upright).convert("RGB")
        return upright.convert("RGB")


def encoded(picture: Picture, kind: str = "PNG", **options: Any) -> bytes:
    """Return the picture as the bytes of a file. `kind`: PNG, JPEG or WEBP; `options`: as of Pillow's
    `save`.
    """
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def png(picture: Picture) -> bytes:
    """Return the picture as the bytes of a PNG file, so that only the edit changes its pixels."""
    return encoded(picture, compress_level=1)


def edit(name: str, picture: Picture, seed: object = 0) -> Picture:
    """Return the picture after the edit called `name`: a key of EDITS, or several joined by "+", one after
    the other; equal arguments give equal pixels. Raises KeyError for an unknown name.
    """
    for each in name.split("+"):
        picture = EDITS[each](picture, random.Random(f"{each}:{seed}"))
    return picture


def resized(picture: Picture, factor: float) -> Picture:
    """Return the picture with both sides multiplied by `factor`."""
    width, height = (max(1, round(side * factor)) for side in picture.size)
    return picture.resize((width, height), Image.Resampling.LANCZOS)


def recompressed(picture: Picture, quality: int) -> Picture:
    """Return the picture after compression as JPEG, `quality` 0 to 100."""
    return opened(encoded(picture, "JPEG", quality=quality))


def blurred(picture: Picture, sigma_at_1280: float) -> Picture:
    """Return the picture after a Gaussian blur; its sigma in pixels is that of a picture 1,280 wide."""
    return picture.filter(ImageFilter.GaussianBlur(sigma_at_1280 * picture.width / 1280))


def brightness_contrast(picture: Picture, rng: random.Random) -> Picture:
    """Return the picture with other brightness (0.7 to 1.3) and contrast (0.7 or 1.3)."""
    picture = ImageEnhance.Brightness(picture).enhance(rng.choice((0.7, 0.8, 1.2, 1.3)))
    return ImageEnhance.Contrast(picture).enhance(rng.choice((0.7, 1.3)))


def hue_shift(picture: Picture, rng: random.Random) -> Picture:
    """Return the picture with its hues rotated by 60 to 300 degrees; greys stay grey."""
    hue, sat, value = picture.convert("HSV").split()
    shift = rng.randint(43, 213)
    shifted = hue.point([(level + shift) % 256 for level in range(256)])
    return Image.merge("HSV", (shifted, sat, value)).convert("RGB")


def gamma(picture: Picture, rng: random.Random) -> Picture:
    """Return the picture with shadows lifted (exponent 0.5 to 0.75) or deepened (1.4 to 2)."""
    exponent = rng.choice((rng.uniform(0.5, 0.75), rng.uniform(1.4, 2.0)))
    return picture.point([round(255 * (level / 255) ** exponent) for level in range(256)] * 3)


def night_mode(picture: Picture, rng: random.Random) -> Picture:
    """Return the picture in warm and dim evening light: 50 to 70 % of red, less green, least blue."""
    light = rng.uniform(0.5, 0.7)
    factors = (light, 0.82 * light, 0.55 * light)
    return picture.point([round(factor * level) for factor in factors for level in range(256)])


def noisy(picture: Picture, rng: random.Random) -> Picture:
    """Return the picture with Gaussian noise of 8 to 16 grey levels in each channel, as of a camera in dim
    light.
    """
    generator = np.random.default_rng(rng.getrandbits(63))
    pixels = np.asarray(picture, np.float32)
    pixels = pixels + rng.uniform(8, 16) * generator.standard_normal(pixels.shape, np.float32)
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def squashed(picture: Picture, rng: random.Random) -> Picture:
    """Return the picture with one side shortened to 0.65 to 0.85."""
    factor = rng.uniform(0.65, 0.85)
    across, down = (factor, 1.0) if rng.random() < 0.5 else (1.0, factor)
    size = (max(1, round(picture.width * across)), max(1, round(picture.height * down)))
    return picture.resize(size, Image.Resampling.LANCZOS)


def perspective(picture: Picture, rng: random.Random) -> Picture:
    """Return a photograph of the picture on a screen: each corner moved inwards by 2 to 8 % of the sides, on
    a dark background, slightly blurred.
    """
    width, height = picture.size
    corners = ((0, 0), (width, 0), (width, height), (0, height))
    moved = [
        (abs(x - width * rng.uniform(0.02, 0.08)), abs(y - height * rng.uniform(0.02, 0.08)))
        for x, y in corners
    ]  # |side - inset| is inside for the far corners and the inset itself for the near ones
    rows, right = [], []  # of the homography from the new picture to the old one, which Pillow expects
    for (x, y), (u, v) in zip(moved, corners, strict=True):
        rows += [(x, y, 1, 0, 0, 0, -u * x, -u * y), (0, 0, 0, x, y, 1, -v * x, -v * y)]
        right += [u, v]
    coefficients = np.linalg.solve(np.array(rows, float), np.array(right, float))
    ground = rng.choice(("#181818", "#303438", "#5a4a3a"))
    shot = picture.transform(
        picture.size,
        Image.Transform.PERSPECTIVE,
        list(coefficients),
        Image.Resampling.BICUBIC,
        fillcolor=ground,
    )
    return blurred(shot, 0.6)


def bordered(picture: Picture, rng: random.Random, share: float) -> Picture:
    """Return the picture in a plain frame; each of its four strips takes `share` of the picture's side."""
    across, down = round(picture.width * share), round(picture.height * share)
    colour = rng.choice(("white", "black", "#d0d0d0", "#204080", "#f4e8c8"))
    framed = Image.new("RGB", (picture.width + 2 * across, picture.height + 2 * down), colour)
    framed.paste(picture, (across, down))
    return framed


def cropped(picture: Picture, rng: random.Random, share: float) -> Picture:
    """Return a part of the picture, `share` of its width and of its height, at a random position."""
    width, height = max(1, round(picture.width * share)), max(1, round(picture.height * share))
    left, top = rng.randint(0, picture.width - width), rng.randint(0, picture.height - height)
    return picture.crop((left, top, left + width, top + height))


def rotated(picture: Picture, degrees: float, fill: str) -> Picture:
    """Return the picture rotated about its centre, on a canvas that holds all of it, with filled corners."""
    return picture.rotate(degrees, resample=Image.Resampling.BICUBIC, expand=True, fillcolor=fill)


def viewport(page: Picture, scroll: float, aspect: float = 1.6) -> Picture:
    """Return what a window shows of a tall page: its full width, `aspect` times as wide as high. `scroll`: 0
    is the top, 1 the end.
    """
    height = min(page.height, round(page.width / aspect))
    top = round((page.height - height) * scroll)
    return page.crop((0, top, page.width, top + height))


def embedded_in_text(picture: Picture, rng: random.Random) -> Picture:
    """Return a page of text, 1,280 pixels wide and as high as necessary, with the picture at 40 % of its
    width, at a random position and with a thin frame.
    """
    width, height = 1280, max(960, round(0.4 * 1280 * picture.height / picture.width))
    page = text_page(rng, width, height)
    rng = random.Random(f"embedded:{rng.random()}")
    small = resized(picture, 0.4 * width / picture.width)
    small = small.crop((0, 0, small.width, min(small.height, height)))
    left, top = rng.randint(0, width - small.width), rng.randint(0, height - small.height)
    page.paste(small, (left, top))
    ImageDraw.Draw(page).rectangle(
        (left, top, left + small.width - 1, top + small.height - 1), outline="#808080"
    )
    return page


#: Names of the edits of which `recolour` draws one; inversion is not among them.
RECOLOURINGS = ("brightness_contrast", "saturation", "hue_shift", "greyscale", "sepia")

#: Every edit by name.
EDITS: dict[str, Edit] = {
    "resize_50": lambda picture, rng: resized(picture, 0.5),
    "resize_33": lambda picture, rng: resized(picture, 1 / 3),
    "jpeg_30": lambda picture, rng: recompressed(picture, 30),
    "blur": lambda picture, rng: blurred(picture, 2.0),
    "recolour": lambda picture, rng: EDITS[rng.choice(RECOLOURINGS)](picture, rng),
    "brightness_contrast": brightness_contrast,
    "saturation": lambda picture, rng: ImageEnhance.Color(picture).enhance(rng.choice((0.3, 0.5, 2.0))),
    "hue_shift": hue_shift,
    "greyscale": lambda picture, rng: ImageOps.grayscale(picture).convert("RGB"),
    "sepia": lambda picture, rng: ImageOps.colorize(
        ImageOps.grayscale(picture), black="#1e1408", mid="#a08050", white="#fff4d8"
    ),
    "inversion": lambda picture, rng: ImageChops.invert(picture),
    "mirror": lambda picture, rng: ImageOps.mirror(picture),
    "rotate_90": lambda picture, rng: picture.transpose(Image.Transpose.ROTATE_90),
    "browser_bar": browser_bar,
    "border_10": lambda picture, rng: bordered(picture, rng, 0.10),
    "crop_75": lambda picture, rng: cropped(picture, rng, 0.75),
    "banner": banner,
    "rotate_5": lambda picture, rng: rotated(picture, rng.choice((-5, 5)), rng.choice(("white", "black"))),
    "rotate_5_white": lambda picture, rng: rotated(picture, rng.choice((-5, 5)), "white"),
    "rotate_5_black": lambda picture, rng: rotated(picture, rng.choice((-5, 5)), "black"),
    "resize_50_jpeg_30": lambda picture, rng: recompressed(resized(picture, 0.5), 30),
    "browser_bar_resize_75_jpeg_50": lambda picture, rng: recompressed(
        resized(browser_bar(picture, rng), 0.75), 50
    ),
    "crop_75_resize_75_jpeg_50": lambda picture, rng: recompressed(
        resized(cropped(picture, rng, 0.75), 0.75), 50
    ),
    "thumbnail_256": lambda picture, rng: resized(picture, min(1.0, 256 / picture.width)),
    "squash": squashed,
    "jpeg_10": lambda picture, rng: recompressed(picture, 10),
    "noise": noisy,
    "gamma": gamma,
    "night_mode": night_mode,
    "rotate_2": lambda picture, rng: rotated(picture, rng.choice((-2, 2)), rng.choice(("white", "black"))),
    "rotate_45": lambda picture, rng: rotated(picture, rng.choice((-45, 45)), rng.choice(("white", "black"))),
    "perspective": perspective,
    "crop_90": lambda picture, rng: cropped(picture, rng, 0.9),
    "crop_50": lambda picture, rng: cropped(picture, rng, 0.5),
    "border_bar": lambda picture, rng: bordered(browser_bar(picture, rng), rng, 0.05),
    "rounded_shadow": rounded_with_shadow,
    "watermark": watermarked,
    "written_on": written_on,
    "pixelated": pixelated,
    "window": covered_by_window,
    "embed_40": embedded_in_text,
    "modal": modal,
    "cookie_banner": cookie_banner,
    "redacted": redacted,
    "tiled_watermark": tiled_watermark,
    "photographed": photographed,
    "chat": in_chat,
    "posterised": lambda picture, rng: ImageOps.posterize(picture, 2),
    "median": lambda picture, rng: picture.filter(ImageFilter.MedianFilter(5)),
    "near_copy": near_copy,
    "viewport": lambda picture, rng: viewport(picture, rng.random()),
}

#: The 38 edits of an evaluation, equally weighted. The list is fixed, because a mean over it is compared from
#: version to version.
SUITE = (
    # the whole picture, coded or scaled differently
    "resize_50",
    "resize_33",
    "thumbnail_256",
    "squash",
    "jpeg_30",
    "jpeg_10",
    "resize_50_jpeg_30",
    "blur",
    "noise",
    # the whole picture with other colours
    "brightness_contrast",
    "gamma",
    "saturation",
    "hue_shift",
    "greyscale",
    "sepia",
    "night_mode",
    "inversion",
    # the whole picture rotated or mirrored
    "mirror",
    "rotate_90",
    "rotate_2",
    "rotate_5",
    "rotate_45",
    "perspective",
    # with something around it
    "browser_bar",
    "border_10",
    "border_bar",
    "rounded_shadow",
    "embed_40",
    # with something on it
    "banner",
    "watermark",
    "written_on",
    "pixelated",
    "window",
    # a part of it
    "crop_90",
    "crop_75",
    "crop_50",
    # several edits at once: a screenshot of a screenshot, a part of one
    "browser_bar_resize_75_jpeg_50",
    "crop_75_resize_75_jpeg_50",
)

#: Twelve pairs and triples of edits, as pictures meet them one after the other.
DOUBLES = (
    "crop_75+browser_bar",
    "browser_bar+jpeg_30+resize_50",
    "crop_75+watermark",
    "border_10+banner",
    "mirror+crop_75",
    "crop_75+resize_50+chat",
    "photographed+crop_90",
    "resize_50+written_on",
    "redacted+jpeg_30",
    "modal+browser_bar",
    "night_mode+crop_75",
    "tiled_watermark+resize_50",
)
#: What covers a part of a picture or changes all of its pixels.
COVERS = (
    "modal",
    "cookie_banner",
    "redacted",
    "tiled_watermark",
    "photographed",
    "posterised",
    "median",
)
#: Lists of edits by name.
LISTS = {"suite": SUITE, "doubles": DOUBLES, "covers": COVERS}

#: Further edits of tall pages: what a window shows of them.
TALL = ("viewport",)
