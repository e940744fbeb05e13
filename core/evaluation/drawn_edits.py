"""Edits that draw on a picture or around it: a browser's bar, a banner, a watermark, a window on top, a page
of text.

Takes and returns RGB pictures, as edits.py does. Everything that varies comes from the random generator that
is passed in. Letters are of Pillow's own font, so that every machine draws the same.
"""

import random

from PIL import Image, ImageDraw, ImageFilter, ImageFont

#: An RGB picture.
Picture = Image.Image

#: Sentences of banners, notes and headings.
SENTENCES = (
    "Reported as phishing: do not enter your password",
    "We use cookies to improve your experience on this site",
    "Sample 2291 - case file - internal use",
    "Maintenance on Saturday, 22:00 to 23:30 UTC",
    "Your session has expired, please sign in again",
)
#: Addresses in a browser's bar.
ADDRESSES = (
    "https://www.example.org/account/login?next=home",
    "http://203.0.113.7/secure/update.php",
    "https://docs.example.net/en/latest/",
)
#: Titles of a browser's tabs.
TABS = ("Sign in", "Inbox (3)", "Documentation", "News of the day", "Search results")
#: Words that pages of text are made of.
TEXT = """
    the of and to in is for on that with as are by this be from at or an it can which will not used has when
    if one all may have more you value file system data name set time user server key list type page option
    default command number text line order result table index before after between example section following
    see also note version support service network request response message error state
"""


def banner(picture: Picture, rng: random.Random) -> Picture:
    """Return the picture under a bar with a sentence: 12 to 16 % of its shorter side high, at the top, in the
    middle or at the bottom.
    """
    result = picture.copy()
    height = max(8, round(min(picture.size) * rng.uniform(0.12, 0.16)))
    top = rng.choice((0, (picture.height - height) // 2, picture.height - height))
    back, ink = rng.choice(
        (("#b00020", "white"), ("#ffe066", "black"), ("#202124", "#e8eaed"), ("white", "#123a7a"))
    )
    draw = ImageDraw.Draw(result)
    draw.rectangle((0, top, picture.width, top + height), fill=back)
    draw.text(
        (picture.width / 2, top + height / 2),
        rng.choice(SENTENCES),
        fill=ink,
        anchor="mm",
        font=letters(min(height * 0.5, picture.width / 30)),
    )
    return result


def browser_bar(picture: Picture, rng: random.Random, share: float = 0.085) -> Picture:
    """Return the picture below a browser's tabs and address bar, whose height is `share` of the width (108 of
    1,280 pixels).
    """
    width, height = picture.width, max(4, round(picture.width * share))
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
    _draw_buttons(draw, unit, middle, ink)
    left, right = 17 * unit, max(17 * unit, width - 14 * unit)
    draw.rounded_rectangle(
        (left, middle - 2.3 * unit, right, middle + 2.3 * unit), radius=2.3 * unit, fill=field, outline=strip
    )
    draw.ellipse(
        (left + 1.6 * unit, middle - 0.8 * unit, left + 3.2 * unit, middle + 0.8 * unit),
        outline=faint,
        width=max(1, round(unit / 4)),
    )
    draw.text(
        (left + 4.4 * unit, middle), rng.choice(ADDRESSES), fill=ink, anchor="lm", font=letters(2.4 * unit)
    )
    draw.rectangle((right, tabs_end + 1, max(right, width), height), fill=bar)
    draw.ellipse(
        (width - 9 * unit, middle - 1.6 * unit, width - 5.8 * unit, middle + 1.6 * unit),
        fill=rng.choice(("#8e44ad", "#1a73e8", "#188038")),
    )
    for dot in (-1.2, 0, 1.2):
        draw.ellipse(
            (
                width - 3 * unit - 0.3 * unit,
                middle + (dot - 0.3) * unit,
                width - 2.7 * unit + 0.3 * unit,
                middle + (dot + 0.3) * unit,
            ),
            fill=ink,
        )
    draw.line((0, height - 1, width, height - 1), fill=strip)
    result.paste(picture, (0, height))
    return result


def watermarked(picture: Picture, rng: random.Random) -> Picture:
    """Return the picture with one word, half transparent, repeated in slanting rows all over it."""
    size = max(10, round(min(picture.size) * rng.uniform(0.07, 0.12)))
    word = rng.choice(("SAMPLE", "PREVIEW", "CONFIDENTIAL", "example.org"))
    side = round(1.5 * max(picture.size))
    mask = Image.new("L", (side, side), 0)
    draw = ImageDraw.Draw(mask)
    for row, y in enumerate(range(0, side, 3 * size)):
        for x in range(-row % 2 * 3 * size, side, 6 * size):
            draw.text((x, y), word, fill=rng.choice((70, 90)), font=letters(size))
    mask = mask.rotate(30, resample=Image.Resampling.BICUBIC)
    left, top = (side - picture.width) // 2, (side - picture.height) // 2
    mask = mask.crop((left, top, left + picture.width, top + picture.height))
    return Image.composite(
        Image.new("RGB", picture.size, rng.choice(("#707070", "#c00000", "#3050a0"))), picture, mask
    )


def written_on(picture: Picture, rng: random.Random) -> Picture:
    """Return the picture with three notes in large coloured letters, an underline and an arrow."""
    result = picture.copy()
    draw = ImageDraw.Draw(result)
    size = max(9, round(min(picture.size) * rng.uniform(0.05, 0.08)))
    colour = rng.choice(("#e00000", "#0050ff", "#00a030", "#ff00c0"))
    for _ in range(3):
        x, y = rng.uniform(0.02, 0.4) * picture.width, rng.uniform(0.05, 0.9) * picture.height
        draw.text((x, y), rng.choice(SENTENCES)[: rng.randint(8, 24)], fill=colour, font=letters(size))
    x, y = rng.uniform(0.1, 0.6) * picture.width, rng.uniform(0.1, 0.6) * picture.height
    pen = max(2, size // 6)
    draw.line((x, y, x + 0.3 * picture.width, y), fill=colour, width=pen)
    tip = (x + 3 * size, y + 3 * size)
    draw.line((x, y, *tip), fill=colour, width=pen)
    draw.line((tip[0] - size, tip[1], *tip, tip[0], tip[1] - size), fill=colour, width=pen)
    return result


def pixelated(picture: Picture, rng: random.Random) -> Picture:
    """Return the picture with one box, 20 to 30 % of the shorter side, pixelated as faces and names are."""
    side = max(8, round(min(picture.size) * rng.uniform(0.2, 0.3)))
    left, top = rng.randint(0, max(0, picture.width - side)), rng.randint(0, max(0, picture.height - side))
    box = (left, top, left + side, top + side)
    coarse = (
        picture.crop(box).resize((8, 8), Image.Resampling.BOX).resize((side, side), Image.Resampling.NEAREST)
    )
    result = picture.copy()
    result.paste(coarse, box)
    return result


def covered_by_window(picture: Picture, rng: random.Random) -> Picture:
    """Return the picture under a window with a title bar and a few lines, 45 to 55 % of either side."""
    width, height = (
        max(16, round(side * rng.uniform(0.45, 0.55)))
        for side in (picture.width, min(picture.height, 2 * picture.width))
    )
    left, top = rng.randint(0, max(0, picture.width - width)), rng.randint(0, max(0, picture.height - height))
    result = picture.copy()
    draw = ImageDraw.Draw(result)
    bar = max(6, height // 10)
    draw.rectangle((left, top, left + width, top + height), fill="#fbfbfb", outline="#707070")
    draw.rectangle((left, top, left + width, top + bar), fill=rng.choice(("#3c5a99", "#dcdcdc", "#2b2b2b")))
    size = max(6, bar // 2)
    for line, y in enumerate(range(top + 2 * bar, top + height - bar, 2 * size)):
        if line % 6 != 5:
            draw.text(
                (left + bar, y), _line_of_text(rng, width - 2 * bar, size), fill="#303030", font=letters(size)
            )
    return result


def near_copy(picture: Picture, rng: random.Random) -> Picture:
    """Return the same page served again: another small number in the lower right corner, as of a session."""
    result = picture.copy()
    ImageDraw.Draw(result).text(
        (0.98 * picture.width, 0.98 * picture.height),
        f"{rng.getrandbits(40):010x}",
        fill="#808080",
        anchor="rs",
        font=letters(picture.width / 90),
    )
    return result


def rounded_with_shadow(picture: Picture, rng: random.Random) -> Picture:
    """Return the picture with rounded corners and a soft shadow on a coloured background, as articles present
    pages.
    """
    margin, radius = round(0.08 * min(picture.size)), max(4, round(0.03 * min(picture.size)))
    ground = rng.choice(("#ffffff", "#e8ecf4", "#6a5acd", "#f7b267"))
    size = (picture.width + 2 * margin, picture.height + 2 * margin)
    shape = Image.new("L", picture.size, 0)
    ImageDraw.Draw(shape).rounded_rectangle(
        (0, 0, picture.width - 1, picture.height - 1), radius=radius, fill=255
    )
    shadow = Image.new("L", size, 0)
    shadow.paste(shape.point([level // 2 for level in range(256)]), (margin, margin + margin // 4))
    shadow = shadow.filter(ImageFilter.GaussianBlur(margin / 4))
    result = Image.composite(Image.new("RGB", size, "black"), Image.new("RGB", size, ground), shadow)
    result.paste(picture, (margin, margin), shape)
    return result


def text_page(rng: random.Random, width: int, height: int) -> Picture:
    """Return a white page full of paragraphs: the host in which a picture is an illustration."""
    page = Image.new("RGB", (width, height), "white")
    draw = ImageDraw.Draw(page)
    size, margin = max(7, width // 80), width // 20
    draw.text((margin, margin // 2), rng.choice(SENTENCES), fill="#102040", font=letters(2 * size))
    y, left_of_paragraph = margin + 2 * size, rng.randint(3, 8)
    while y < height:
        draw.text(
            (margin, y), _line_of_text(rng, width - 2 * margin, size), fill="#202020", font=letters(size)
        )
        y, left_of_paragraph = y + round(1.5 * size), left_of_paragraph - 1
        if not left_of_paragraph:
            y, left_of_paragraph = y + size, rng.randint(3, 8)
    return page


def letters(size: float) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Return Pillow's own font in this size in pixels, at least 5."""
    return ImageFont.load_default(max(5, round(size)))


def _draw_tabs(
    draw: ImageDraw.ImageDraw,
    rng: random.Random,
    unit: float,
    end: int,
    width: int,
    *,
    colours: tuple[str, str, str],
) -> None:
    bar, ink, faint = colours
    count = rng.randint(2, 4)
    current = rng.randrange(count)
    tab = min(24 * unit, (width - 8 * unit) / count)
    for place, title in enumerate(rng.sample(TABS, count)):
        left = 2 * unit + place * tab
        if place == current:
            draw.rounded_rectangle((left, 0.9 * unit, left + tab, end + unit), radius=unit, fill=bar)
        draw.ellipse(
            (left + 1.2 * unit, 2.4 * unit, left + 2.8 * unit, 4 * unit),
            fill=rng.choice(("#ea4335", "#fbbc04", "#34a853", "#4285f4")),
        )
        draw.text(
            (left + 3.6 * unit, 3.2 * unit),
            title,
            fill=ink if place == current else faint,
            anchor="lm",
            font=letters(2 * unit),
        )
        _draw_cross(draw, left + tab - 2 * unit, 3.2 * unit, 0.6 * unit, faint)
    draw.rectangle((0, end, width, end + unit), fill=bar)
    _draw_cross(draw, width - 2.5 * unit, 2.6 * unit, 0.9 * unit, ink)


def _draw_cross(draw: ImageDraw.ImageDraw, x: float, y: float, half: float, ink: str) -> None:
    draw.line((x - half, y - half, x + half, y + half), fill=ink)
    draw.line((x - half, y + half, x + half, y - half), fill=ink)


def _draw_buttons(draw: ImageDraw.ImageDraw, unit: float, y: float, ink: str) -> None:
    """Draw the buttons back, forward and reload."""
    pen = max(1, round(unit / 3))
    for x, tip in ((3 * unit, -1.2 * unit), (8 * unit, 1.2 * unit)):
        draw.line((x - tip, y, x + tip, y), fill=ink, width=pen)
        barb = x + tip - tip * 0.8
        draw.line((barb, y - unit, x + tip, y, barb, y + unit), fill=ink, width=pen)
    x, radius = 13 * unit, 1.3 * unit
    draw.arc((x - radius, y - radius, x + radius, y + radius), 30, 330, fill=ink, width=pen)


def _line_of_text(rng: random.Random, width: float, size: float) -> str:
    """Return words that fill about `width` pixels."""
    words, letters, line = TEXT.split(), round(width / (0.55 * size)), ""
    while len(line) < letters:
        line += rng.choice(words) + " "
    return line[:letters]
