"""Renders HTML documentation as full-page captures, as AIL and Lacus make them, for tall.py.

Takes folders of HTML pages (Debian's python3.11-doc, git-doc, apache2-doc, gimp-help-en under /usr/share),
writes one PNG for each page: 1,280 pixels wide, 2 to 10 times as high as wide, trimmed below the last
content. Needs the command `chromium`. The seed chooses the pages.

    python -m benchmarks.render_pages --html FOLDER... --out DIR [--each 12] [--seed 1]
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

WIDTH = 1280
#: Minimum and maximum height over width of the captures.
SHORTEST, LONGEST = 2, 10


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--html", type=Path, nargs="+", required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--each", type=int, default=12, help="number of pages of each folder")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    for site, folder in enumerate(options.html):
        pages = sorted(path for path in folder.rglob("*.html") if path.stat().st_size > 12_000)
        random.Random(f"{folder.name}:{options.seed}").shuffle(pages)
        kept = 0
        for page in pages:
            if kept == options.each:
                break
            target = options.out / f"{site}-{kept:02d}.png"
            capture = render(page)
            if capture is not None:
                capture.save(target)
                kept += 1
                print(f"{target.name}\t{capture.width} x {capture.height}\t{page}", flush=True)
    return 0


def render(page: Path) -> Image.Image | None:
    """Return the full page, or None if it is shorter than SHORTEST times its width. Longer pages end at
    LONGEST, as captures with a limit do.
    """
    height = WIDTH * LONGEST
    while True:
        capture = screenshot(page, height)
        rows = np.asarray(capture)
        content = np.flatnonzero((rows != rows[-1]).any(axis=(1, 2)))
        ends = min(height, int(content[-1]) + 24) if len(content) else 0
        if ends < SHORTEST * WIDTH:
            return None
        if ends > 0.95 * height:
            return capture.crop((0, 0, WIDTH, ends))
        height = ends  # some pages stretch to fill their window: capture them again in a shorter one


def screenshot(page: Path, height: int) -> Image.Image:
    with tempfile.TemporaryDirectory() as folder:
        shot = Path(folder) / "page.png"
        window = f"--window-size={WIDTH},{height}"
        command = [
            "chromium",
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--hide-scrollbars",
            window,
            f"--screenshot={shot}",
            page.as_uri(),
        ]
        subprocess.run(command, check=True, capture_output=True, timeout=60)
        with Image.open(shot) as picture:
            return picture.convert("RGB")


if __name__ == "__main__":
    sys.exit(main())
