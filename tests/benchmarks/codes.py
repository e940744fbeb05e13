"""Which library reads QR codes and bar codes, and what does it cost?

Draws codes with random texts on pages, edits the pages lightly, and reads them with zxing-cpp, as the
product does, and with OpenCV's detectors. Then reads screenshots without codes, as most are, and compares
the CPU time with that of decoding the same files.

    python -m benchmarks.codes --pictures DIR [--screenshots 40] [--texts 12] [--seed 1] [--sample]
"""

from __future__ import annotations

import io
import random
import sys
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import zxingcpp
from PIL import Image
from support.pictures import page

from douglas_quaid.evaluation import edits
from douglas_quaid.features.codes import read_codes

from . import report
from .corpus import Corpus, spread_screenshots

#: Kinds of codes, and sides in pixels on a page of 1,280.
KINDS, SIDES = ("QRCode", "DataMatrix", "PDF417", "Code128", "EAN13"), (120, 200, 320)
#: What happens to the page.
EDITS = ("", "resize_50", "jpeg_30", "blur", "rotate_5", "inversion", "browser_bar")


def _opencv(grey: Any) -> int:
    found, texts, _, _ = cv2.QRCodeDetector().detectAndDecodeMulti(grey)
    _, bars, *_ = cv2.barcode.BarcodeDetector().detectAndDecodeMulti(grey)
    return sum(bool(text) for text in (*(texts if found else ()), *(bars or ())))


def _ours(grey: Any) -> int:
    codes = read_codes(grey)
    return 0 if codes is None else len(codes.found)


READERS: dict[str, Callable[[Any], int]] = {"ours (zxing-cpp)": _ours, "OpenCV": _opencv}


def main() -> int:
    """Run the benchmark, and return its exit status."""
    parser = report.arguments(__doc__)
    parser.add_argument("--screenshots", type=int, default=40)
    parser.add_argument("--texts", type=int, default=12)
    options = parser.parse_args()
    if options.sample:
        options.screenshots, options.texts = 6, 1
    corpus = Corpus.load(options.pictures)
    report.heading("Codes", options)
    asked: Counter[tuple[str, str]] = Counter()
    read: Counter[tuple[str, str, str]] = Counter()
    rng = random.Random(options.seed)
    for number in range(options.texts):
        for kind in KINDS:
            for side in SIDES:
                shown = page(number, 1280, 800)
                shown.paste(_code(kind, side, rng), (rng.randrange(40, 900), rng.randrange(40, 440)))
                for name in EDITS:
                    edited = edits.edit(name, shown, seed=number) if name else shown
                    grey = np.asarray(edited.convert("L"))
                    asked[kind, name] += 1
                    for reader, read_it in READERS.items():
                        read[reader, kind, name] += read_it(grey) > 0
    report.table(
        ("code", "reader", *(name or "as it is" for name in EDITS)),
        [
            [kind, reader, *(report.share(read[reader, kind, name], asked[kind, name]) for name in EDITS)]
            for kind in KINDS
            for reader in READERS
        ],
    )
    seconds: Counter[str] = Counter()
    false = Counter[str]()
    for item in spread_screenshots(corpus, options.screenshots, options.seed):
        data = corpus.data(item)
        picture = _timed(seconds, "decoding", lambda data=data: Image.open(io.BytesIO(data)).convert("RGB"))
        grey = np.asarray(picture.convert("L"))
        for reader, read_it in READERS.items():
            false[reader] += _timed(seconds, reader, lambda grey=grey, read_it=read_it: read_it(grey))
    ratios = {reader: seconds[reader] / seconds["decoding"] for reader in READERS}
    for reader, ratio in ratios.items():
        print(f"- {reader}: {ratio:.2f} times the CPU time of decoding; {false[reader]} codes in screenshots")
    first, second = READERS
    return report.verdict([("ours takes less time than OpenCV's", ratios[first] < ratios[second])])


def _code(kind: str, side: int, rng: random.Random) -> Image.Image:
    text = f"{rng.randrange(10**12):012d}"
    made = zxingcpp.create_barcode(text, getattr(zxingcpp.BarcodeFormat, kind))
    drawn = Image.fromarray(np.array(made.to_image(scale=8, add_quiet_zones=True))).convert("RGB")
    return drawn.resize((side, round(side * drawn.height / drawn.width)), Image.Resampling.LANCZOS)


def _timed(seconds: Counter[str], name: str, work: Callable[[], Any]) -> Any:
    begun = time.process_time()
    done = work()
    seconds[name] += time.process_time() - begun  # type: ignore[assignment]
    return done


if __name__ == "__main__":
    sys.exit(main())
