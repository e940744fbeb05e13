"""Fillings of templates that a browser renders: HTML and CSS, with text as browsers draw it.

Takes a template and the values of several fillings, returns each page as a picture and where its values
stand. Chromium renders all of them in one window, one below the other, which takes a tenth of the time of a
window for each. Equal values give equal pixels on one machine; fonts and versions differ between machines.
"""

import base64
import html
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from ..batches import in_groups
from ..errors import ConfigError
from .edits import opened
from .fillings import Box, Filling, Value

#: Commands that start Chromium without a window, the lightest first.
COMMANDS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
#: Maximum height of a window in pixels. chosen: Chromium draws up to 16,384 in one piece.
TALLEST = 12_000
#: Maximum seconds for one window. chosen: one takes two.
SECONDS = 120
#: An unusable proxy and a resolver that resolves nothing cut off the network. Text is smoothed in grey, as
#: in a capture without a screen.
FLAGS = (
    "--headless",
    "--disable-gpu",
    "--hide-scrollbars",
    "--disable-lcd-text",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--force-color-profile=srgb",
    "--proxy-server=127.0.0.1:9",
    "--host-resolver-rules=MAP * ~NOTFOUND",
)

_PAGE = """<!doctype html><meta charset="utf-8"><title>fillings</title><style>
body {{ margin: 0 }} * {{ box-sizing: border-box }}
.page {{ width: {width}px; height: {height}px; overflow: hidden; position: relative }}
{style}</style>{pages}<script>
document.body.dataset.boxes = JSON.stringify([...document.querySelectorAll('.page')].map(page => {{
  const at = page.getBoundingClientRect();
  return [...page.querySelectorAll('[data-value]')].map(value => {{
    const box = value.getBoundingClientRect();
    return [+value.dataset.value, box.left - at.left, box.top - at.top, box.right - at.left,
            box.bottom - at.top];
  }});
}}));
</script>"""
_BOXES = 'data-boxes="'


class Slots:
    """The values of a page as HTML, in which each knows its place."""

    def __init__(self, values: Sequence[str]) -> None:
        self._values = values

    def __getitem__(self, place: int) -> str:
        """Return a value as text."""
        return f'<span data-value="{place}">{html.escape(self._values[place])}</span>'

    def qr(self, place: int, side: int) -> str:
        """Return a value as a QR code, `side` pixels wide."""
        code = cv2.QRCodeEncoder.create().encode(f"https://pay.example/r/{self._values[place]}")
        return _picture(place, np.pad(code, 2, constant_values=255), (side, side))

    def bars(self, place: int, size: tuple[int, int]) -> str:
        """Return the digits of a value as bars of a made-up code; `size`: width and height in pixels."""
        bits = "".join(f"{int(digit) + 17:05b}1{9 - int(digit):04b}0" for digit in self._values[place])
        return _picture(place, np.array([[255 if bit == "0" else 0 for bit in bits]]), size)


def _picture(place: int, cells: object, size: tuple[int, int]) -> str:
    data = cv2.imencode(".png", np.asarray(cells, np.uint8))[1].tobytes()
    source = f"data:image/png;base64,{base64.b64encode(data).decode()}"
    style = f"width:{size[0]}px;height:{size[1]}px;image-rendering:pixelated"
    return f'<img data-value="{place}" style="{style}" src="{source}">'


@dataclass(frozen=True, slots=True)
class RenderedTemplate:
    """A kind of page that a browser renders."""

    #: Name of the kind.
    kind: str
    #: What stands at each place.
    values: tuple[Value, ...]
    #: Returns the HTML of a page with these values.
    body: Callable[[Slots], str]
    #: Width and height in pixels.
    size: tuple[int, int]
    #: CSS; each rule begins with `.page`.
    style: str


def browser() -> str | None:
    """Return the command that starts Chromium; None if none is installed."""
    return next((found for name in COMMANDS if (found := shutil.which(name))), None)


def rendered(template: RenderedTemplate, fillings: Sequence[tuple[str, ...]]) -> Iterator[Filling]:
    """Yield the pages with these values. Raises ConfigError if Chromium is missing or fails."""
    for group in in_groups(fillings, max(1, TALLEST // template.size[1])):
        window, boxes = _capture(template, group)
        width, height = template.size
        for number, values in enumerate(group):
            page = window.crop((0, number * height, width, (number + 1) * height))
            yield Filling(template, values, page, _by_place(boxes[number], len(values), template))


def _by_place(found: Sequence[Sequence[float]], count: int, template: RenderedTemplate) -> tuple[Box, ...]:
    """Return the boxes in the order of the values; of a value that is shown twice the smallest box around
    both.
    """
    boxes = np.full((count, 4), np.nan)
    for place, *box in found:
        known = boxes[int(place)]
        boxes[int(place)] = (*np.fmin(known[:2], box[:2]), *np.fmax(known[2:], box[2:]))
    if np.isnan(boxes).any():
        raise ConfigError(f"the template {template.kind} does not show all of its values")
    limits = (*template.size, *template.size)
    whole = np.clip(np.hstack([np.floor(boxes[:, :2]), np.ceil(boxes[:, 2:])]), 0, limits).astype(int)
    return tuple((x0, y0, x1, y1) for x0, y0, x1, y1 in whole.tolist())


def _capture(
    template: RenderedTemplate, fillings: Sequence[tuple[str, ...]]
) -> tuple[Image.Image, list[list[list[float]]]]:
    """Return the window with all pages, and the boxes of each: place, left, top, right, bottom."""
    command, (width, height) = browser(), template.size
    if command is None:
        raise ConfigError(f"none of {', '.join(COMMANDS)} is installed; they render templates")
    pages = "".join(f'<div class="page">{template.body(Slots(values))}</div>' for values in fillings)
    with tempfile.TemporaryDirectory(prefix="quaid-rendering-", ignore_cleanup_errors=True) as folder:
        page, shot = Path(folder) / "page.html", Path(folder) / "window.png"
        page.write_text(_PAGE.format(width=width, height=height, style=template.style, pages=pages), "utf-8")
        arguments = [command, *FLAGS, *(["--no-sandbox"] if os.geteuid() == 0 else [])]
        arguments += [f"--user-data-dir={folder}/profile", f"--window-size={width},{height * len(fillings)}"]
        arguments += ["--dump-dom", f"--screenshot={shot}", page.as_uri()]
        try:
            done = subprocess.run(arguments, capture_output=True, timeout=SECONDS, check=True)
            text = done.stdout.decode("utf-8")
            start = text.index(_BOXES) + len(_BOXES)
            boxes = json.loads(html.unescape(text[start : text.index('"', start)]))
            return opened(shot), boxes
        except (OSError, subprocess.SubprocessError, ValueError) as error:
            raise ConfigError(f"{command} did not render {template.kind}: {error}") from None
