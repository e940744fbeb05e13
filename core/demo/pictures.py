"""The pictures of the demonstration: the samples that ship with the package, and edits that pictures undergo
on their way to an analyst.

The edits are made here, from the originals, so that the page shows exactly what was queried. Each takes an
RGB picture and returns a new one.
"""

from pathlib import Path

from PIL import Image, ImageDraw, ImageFont, PngImagePlugin

from ..evaluation.edits import encoded, resized

#: Folder of the sample pictures.
SAMPLES = Path(__file__).parent.parent / "samples"


def sample(name: str) -> bytes:
    """Return the bytes of a sample picture, such as indexed/cat.jpg."""
    return (SAMPLES / name).read_bytes()


def opened(name: str) -> Image.Image:
    """Return an indexed sample picture, such as cat.jpg."""
    with Image.open(SAMPLES / "indexed" / name) as picture:
        return picture.convert("RGB")


def with_note(picture: Image.Image) -> bytes:
    """Return the same pixels in another file, as after saving it again with a comment."""
    note = PngImagePlugin.PngInfo()
    note.add_text("Comment", "saved again")
    return encoded(picture, pnginfo=note, compress_level=1)


def in_browser(picture: Image.Image) -> Image.Image:
    """Return the picture below a browser's tab and address bar."""
    width, bar = picture.width, round(picture.width * 0.07)
    window = Image.new("RGB", (width, picture.height + bar), "#dee1e6")
    draw = ImageDraw.Draw(window)
    draw.rounded_rectangle((bar * 0.2, bar * 0.1, bar * 3.4, bar), bar * 0.12, fill="white")
    draw.text(
        (bar * 0.6, bar * 0.28), "New tab", fill="#333", font=ImageFont.load_default(bar * 0.19), anchor="lm"
    )
    draw.rectangle((0, bar * 0.46, width, bar), fill="white")
    draw.rounded_rectangle((bar * 1.9, bar * 0.54, width - bar, bar * 0.92), bar * 0.19, fill="#eef0f3")
    draw.text(
        (bar * 2.2, bar * 0.73),
        "http://bazaar7vq3kx.onion/wares",
        fill="#333",
        font=ImageFont.load_default(bar * 0.2),
        anchor="lm",
    )
    for place in range(3):
        draw.ellipse(
            (bar * (0.3 + 0.5 * place), bar * 0.6, bar * (0.55 + 0.5 * place), bar * 0.85),
            outline="#666",
            width=3,
        )
    window.paste(picture, (0, bar))
    return window


def with_banner(picture: Image.Image) -> Image.Image:
    """Return the picture with a warning on a red bar across the middle."""
    stamped = picture.copy()
    middle, half = picture.height * 0.5, picture.height * 0.06
    draw = ImageDraw.Draw(stamped)
    draw.rectangle((0, middle - half, picture.width, middle + half), fill="#b3261e")
    draw.text(
        (picture.width / 2, middle),
        "Reported as phishing: do not enter your password",
        fill="white",
        font=ImageFont.load_default(half),
        anchor="mm",
    )
    return stamped


def cropped(picture: Image.Image, share: float) -> Image.Image:
    """Return a part of the picture, `share` of both sides, near its upper left corner."""
    left, top = (round(side * (1 - share) * 0.4) for side in picture.size)
    return picture.crop((left, top, left + round(picture.width * share), top + round(picture.height * share)))


def recoloured(picture: Image.Image) -> Image.Image:
    """Return the picture with other hues."""
    hue, saturation, value = picture.convert("HSV").split()
    return Image.merge("HSV", (hue.point(lambda level: (level + 90) % 256), saturation, value)).convert("RGB")


def collage(left: Image.Image, right: Image.Image) -> Image.Image:
    """Return both pictures at the same height, side by side on grey."""
    left, right = (resized(picture, 420 / picture.height) for picture in (left, right))
    sheet = Image.new("RGB", (left.width + right.width + 60, 460), "#d8d8dc")
    sheet.paste(left, (20, 20))
    sheet.paste(right, (left.width + 40, 20))
    return sheet


def in_chat(picture: Image.Image) -> Image.Image:
    """Return the picture as an attachment in a chat."""
    page = Image.new("RGB", (900, 760), "#e9e4da")
    draw, font = ImageDraw.Draw(page), ImageFont.load_default(20)
    for top, left, text in (
        (30, 40, "did you get the picture?"),
        (96, 430, "yes, this is the place, table at the back"),
        (660, 40, "ok. same time tomorrow"),
    ):
        draw.rounded_rectangle(
            (left, top, left + 420, top + 50), 16, fill="white" if left < 100 else "#d5f0c8"
        )
        draw.text((left + 20, top + 25), text, fill="#222", font=font, anchor="lm")
    picture = resized(picture, 500 / picture.width)
    draw.rounded_rectangle((340, 165, 860, 165 + picture.height + 40), 16, fill="#d5f0c8")
    page.paste(picture, (350, 185))
    return page


def viewport(page: Image.Image, top: int) -> Image.Image:
    """Return what a window 800 pixels high shows of a long page, `top` pixels below its start."""
    return page.crop((0, top, page.width, top + 800))
