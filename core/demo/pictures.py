"""The pictures of the demonstration: the samples that ship with the package, and edits of them that only the
demonstration makes. All other edits are those that an evaluation measures (`evaluation/edits.py`).

They are made anew from the originals, so that the page shows exactly what was queried.
"""

from pathlib import Path

from PIL import Image, ImageDraw, ImageFont, PngImagePlugin

from ..evaluation import edits

#: Folder of the sample pictures.
SAMPLES = Path(__file__).parent.parent / "samples"


def sample(name: str) -> bytes:
    """Return the bytes of a sample picture, such as indexed/cat.jpg."""
    return (SAMPLES / name).read_bytes()


def opened(name: str) -> Image.Image:
    """Return an indexed sample picture, such as cat.jpg."""
    return edits.opened(SAMPLES / "indexed" / name)


def with_note(picture: Image.Image) -> bytes:
    """Return the same pixels in another file, as after saving it again with a comment."""
    note = PngImagePlugin.PngInfo()
    note.add_text("Comment", "saved again")
    return edits.encoded(picture, pnginfo=note, compress_level=1)


def collage(left: Image.Image, right: Image.Image) -> Image.Image:
    """Return both pictures at the same height, side by side on grey."""
    left, right = (edits.resized(picture, 420 / picture.height) for picture in (left, right))
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
    picture = edits.resized(picture, 500 / picture.width)
    draw.rounded_rectangle((340, 165, 860, 165 + picture.height + 40), 16, fill="#d5f0c8")
    page.paste(picture, (350, 185))
    return page
