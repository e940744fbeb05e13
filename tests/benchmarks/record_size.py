"""How many bytes does a record need? Recall of the partial edits as a function of the budget of keypoints.

Takes screenshots and the edits of pairs.py, extracts both sides with budgets of keypoints for records of 16,
24, 32, 40, 48 and 64 KiB (of a picture of one band), and verifies each pair. No store is needed: records pass
through the codec, as if they were stored. Prints the share of pairs with enough inliers for a transform, the
share judged at least `review`, and the actual bytes. Aim: at most 40 KiB for a screenshot.

    python -m benchmarks.record_size --pictures DIR [--screenshots 60] [--seed 1] [--sample]
"""

from __future__ import annotations

import os
import sys
from collections import defaultdict
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context
from statistics import median

from douglas_quaid.decision.calibration_file import shipped
from douglas_quaid.decision.decide import decide_stored
from douglas_quaid.decoding.image import decode_image
from douglas_quaid.evaluation.edits import edit, opened, png
from douglas_quaid.features import codec, extract_features
from douglas_quaid.features.options import DEFAULTS, FeatureOptions
from douglas_quaid.features.picture import Picture
from douglas_quaid.records import Decision
from douglas_quaid.verification.verify import verify

from . import report
from .corpus import PARTIAL, Corpus, Item, spread_screenshots

#: Target sizes of a record in KiB.
SIZES = (16, 24, 32, 40, 48, 64)
#: Bytes of a record without its keypoints: hashes and thumbnail.
BESIDES = 3_000
#: Bytes of a keypoint. spec: core/features/FORMAT.md, 32 for the descriptor and 8 for the place.
PER_KEYPOINT = 40
AIM = 40 * 1024


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of a pair at one budget."""

    #: Target size of a record in KiB.
    kib: int
    #: Name of the edit.
    edit: str
    #: Bytes of the original's record.
    bytes: int
    #: Area of the original's frame divided by that of one band: a tall page may need more.
    bands: float
    #: Number of the original's keypoints.
    keypoints: int
    #: Whether there are enough inliers for a transform.
    mapped: bool
    #: Whether the pair is judged at least `review`.
    seen: bool


def main() -> int:
    parser = report.arguments(__doc__)
    parser.add_argument("--screenshots", type=int, default=60)
    options = parser.parse_args()
    if options.sample:
        options.screenshots = 10
    corpus = Corpus.load(options.pictures)
    chosen = spread_screenshots(corpus, options.screenshots, options.seed)
    report.heading(
        f"Recall against bytes per record: {len(chosen)} screenshots x {len(PARTIAL)} edits", options
    )
    default = DEFAULTS.local.budget
    jobs = [(corpus, item, kib) for item in chosen for kib in SIZES]
    with ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("spawn")) as pool:
        outcomes = [outcome for found in pool.map(measure, jobs) for outcome in found]
    by_size: dict[int, list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        by_size[outcome.kib].append(outcome)
    rows = []
    for kib, these in by_size.items():
        one_band = [outcome for outcome in these if outcome.bands <= 1.5]
        sizes = [outcome.bytes for outcome in one_band]
        mapped = report.share(sum(outcome.mapped for outcome in these), len(these))
        edits = [sum(o.mapped for o in these if o.edit == name) for name in PARTIAL]
        size = f"{median(sizes) / 1024:.1f} ({max(sizes) / 1024:.1f})"
        rows.append(
            (
                kib,
                _budget(kib),
                size,
                mapped,
                *edits,
                report.share(sum(outcome.seen for outcome in these), len(these)),
            )
        )
    report.table(
        (
            "target KiB",
            "keypoints per band",
            "KiB, median (largest) of one band",
            "transform found",
            *PARTIAL,
            "at least review",
        ),
        rows,
    )
    shipped_bytes = BESIDES + PER_KEYPOINT * default
    print(f"Shipped: {default} keypoints per band, about {shipped_bytes / 1024:.1f} KiB.\n")
    return report.verdict(
        [
            (
                f"at most 40 KiB for a screenshot of one band (aim; {shipped_bytes / 1024:.1f})",
                shipped_bytes <= AIM,
            )
        ]
    )


def _budget(kib: int) -> int:
    return (kib * 1024 - BESIDES) // PER_KEYPOINT


def measure(job: tuple[Corpus, Item, int]) -> list[Outcome]:
    corpus, item, kib = job
    options = replace(DEFAULTS, local=replace(DEFAULTS.local, budget=_budget(kib)))
    reference, size = _recorded(corpus.data(item), options)
    outcomes = []
    for name in PARTIAL:
        query, _ = _recorded(png(edit(name, opened(corpus.folder / item.file), seed=item.file)), options)
        found = verify(query, reference, thorough=True).evidence
        frame = reference.features.local
        bands = frame.frame_width * frame.frame_height / DEFAULTS.local.band_area
        seen = decide_stored(found, shipped()).decision is not Decision.NO_MATCH
        mapped = (found.inliers or 0) >= shipped().template_inliers
        outcomes.append(Outcome(kib, name, size, bands, len(frame), mapped, seen))
    return outcomes


def _recorded(data: bytes, options: FeatureOptions) -> tuple[Picture, int]:
    """Return the features as read back from a record, and the bytes of the record."""
    image = decode_image(data, max_bytes=1 << 26, max_pixels=120_000_000)
    record = codec.encode(extract_features(image, options=options))
    return Picture(codec.decode(record)), len(record)


if __name__ == "__main__":
    sys.exit(main())
