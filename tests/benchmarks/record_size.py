"""How much of a picture has to be stored? Recall of edits as a function of the number of stored keypoints.

Takes screenshots and edits that leave a part of them, keeps 12 to 28 KiB of each original (record, visual
words, and what a store needs beside them) and all keypoints of the edited picture, as a query has them, and
verifies each pair. No store is needed: records pass through the codec, as if they were stored. Prints the
share of pairs under whose transform the content agrees, the share judged at least `review`, and the bytes.
Aim: 24 KiB for a screenshot.

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
from douglas_quaid.features import as_stored, codec, extract_features
from douglas_quaid.features.options import DEFAULTS
from douglas_quaid.features.picture import Picture
from douglas_quaid.index.words import BYTES_PER_DESCRIPTOR
from douglas_quaid.records import Decision
from douglas_quaid.verification.verify import verify

from . import report
from .corpus import Corpus, Item, spread_screenshots

#: Sizes in KiB of what a store keeps of a screenshot.
SIZES = (12, 16, 20, 24, 28, 48)
#: Bytes of it without keypoints and words. measured: hashes, a thumbnail, and what the server adds.
BESIDES = 7_500
#: Bytes of a keypoint: descriptor, place (compressed) and visual word.
PER_KEYPOINT = 32 + 6.3 + BYTES_PER_DESCRIPTOR
#: Edits that leave a part, or nothing where it was.
EDITS = (
    "browser_bar",
    "crop_75",
    "crop_50",
    "embed_40",
    "rotate_5",
    "perspective",
    "window",
    "crop_75+browser_bar",
    "border_10+banner",
    "crop_75+resize_50+chat",
    "mirror+crop_75",
)
#: Content agreement from which a transform is correct. chosen: half of what a copy has.
AGREES = 0.4
AIM = 24 * 1024


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of a pair at one size."""

    #: Target size in KiB.
    kib: int
    #: Name of the edit.
    edit: str
    #: Bytes of the original's record and words.
    bytes: int
    #: Whether content agrees under the transform.
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
    report.heading(f"Recall against bytes stored: {len(chosen)} screenshots x {len(EDITS)} edits", options)
    jobs = [(corpus, item) for item in chosen]
    with ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("spawn")) as pool:
        outcomes = [outcome for found in pool.map(measure, jobs) for outcome in found]
    by_size: dict[int, list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        by_size[outcome.kib].append(outcome)
    rows = [
        (
            kib,
            keypoints(kib),
            f"{median(outcome.bytes for outcome in these) / 1024:.1f}",
            report.share(sum(outcome.mapped for outcome in these), len(these)),
            report.share(sum(outcome.seen for outcome in these), len(these)),
            *(sum(o.mapped for o in these if o.edit == name) for name in EDITS),
        )
        for kib, these in by_size.items()
    ]
    report.table(
        ("KiB", "keypoints a band", "record and words, KiB", "transform found", "at least review", *EDITS),
        rows,
    )
    used = BESIDES + PER_KEYPOINT * DEFAULTS.local.stored
    print(f"Shipped: {DEFAULTS.local.stored} keypoints a band, about {used / 1024:.1f} KiB.\n")
    return report.verdict([(f"at most 24 KiB for a screenshot (must; {used / 1024:.1f})", used <= AIM)])


def keypoints(kib: int) -> int:
    """Return the number of keypoints that so many KiB have room for."""
    return int((kib * 1024 - BESIDES) / PER_KEYPOINT)


def measure(job: tuple[Corpus, Item]) -> list[Outcome]:
    corpus, item = job
    original = _extracted(corpus.data(item)).features
    queries = [
        (name, _extracted(png(edit(name, opened(corpus.folder / item.file), seed=item.file))))
        for name in EDITS
    ]
    outcomes = []
    for kib in SIZES:
        options = replace(DEFAULTS, local=replace(DEFAULTS.local, stored=keypoints(kib)))
        record = codec.encode(as_stored(original, options=options))
        reference = Picture(codec.decode(record))
        size = len(record) + BYTES_PER_DESCRIPTOR * len(reference.features.local)
        for name, query in queries:
            found = verify(query, reference, thorough=True).evidence
            mapped = found.matrix is not None and (found.content_agreement or 0.0) >= AGREES
            seen = decide_stored(found, shipped()).decision is not Decision.NO_MATCH
            outcomes.append(Outcome(kib, name, size, mapped, seen))
    return outcomes


def _extracted(data: bytes) -> Picture:
    image = decode_image(data, max_bytes=1 << 26, max_pixels=120_000_000)
    return Picture(extract_features(image), image.grey)


if __name__ == "__main__":
    sys.exit(main())
