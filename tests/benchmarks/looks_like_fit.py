"""Fits the weights of looks-like to a part of the set of looks_like.py, and says what the shipped ones find.

Compares every page that is asked with every page of the baseline by their designs alone, without keypoints,
and prints the weights of the section `looks_like` of the calibration by logistic regression over all pairs of
a page and a brand, the area under the curve of each measure alone, and what the shipped weights find. The
shipped ones were fitted to the part "fit"; on the part "report", only what they find counts. Colours count up
to an agreement of 0.85, so that the same colours alone list nothing. The weights of `content_agreement` are
measured apart (README.md).

    python -m benchmarks.looks_like_fit --pictures DIR --set DIR [--part fit] [--seed 1] [--sample]
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from douglas_quaid.decision.calibration import logistic, logit
from douglas_quaid.decision.calibration_file import shipped
from douglas_quaid.features.emblems import extract_emblems
from douglas_quaid.features.palette import extract_palette
from douglas_quaid.features.thumbnail import make_thumbnail, read_thumbnail
from douglas_quaid.records import Evidence
from douglas_quaid.verification.likeness import Baseline, Design

from . import report
from .corpus import Corpus
from .looks_like import named, queries
from .looks_like_set import PARTS, render

MEASURES = ("emblem", "emblems_beside", "colours")
#: Agreement of colours beyond which more agreement says no more.
SAME_COLOURS = 0.85
#: What is taken for the agreement of two pages without a colour.
WITHOUT_COLOURS = 0.3


def main() -> int:
    """Run the fit, and return its exit status."""
    parser = report.arguments(__doc__)
    parser.add_argument("--set", type=Path, required=True, help="folder of the drawn pages; filled if empty")
    parser.add_argument("--part", choices=PARTS, default="fit")
    options = parser.parse_args()
    folder = options.set / options.part
    drawn = render(folder, options.part)
    report.heading("Weights of looks-like", options)
    pages = [each for each in drawn if each.part == "baseline"]
    brands = [named(each) for each in pages]
    baseline = Baseline([_design(folder / each.file, stored=True) for each in pages], brands)
    asked = queries(folder, drawn, Corpus.load(options.pictures), options.part, options.seed)
    if options.sample:
        asked = asked[:: len(asked) // 30]
    names, shipped_model = sorted(set(brands)), shipped().looks_like
    scores = np.full((len(asked), len(names)), -np.inf)
    values = np.zeros((len(asked), len(names), len(MEASURES)))
    seconds = 0.0
    for number, query in enumerate(asked):
        design = _design(query.path, stored=False)
        began = time.process_time()
        found = baseline.compare(design)
        seconds += time.process_time() - began
        for brand, each in zip(brands, found, strict=True):
            colours = WITHOUT_COLOURS if each.colours is None else each.colours
            row = (each.emblem, each.emblems_beside, min(colours, SAME_COLOURS))
            place = number, names.index(brand)
            scores[place] = max(scores[place], shipped_model.log_odds(Evidence(likeness=each)))
            values[place] = np.maximum(values[place], row)
    right = np.array([[query.brand == name for name in names] for query in asked])
    weights = _fitted(values.reshape(-1, len(MEASURES)), right.ravel())
    report.table(
        ("measure", "weight of 1", "area under the curve, alone"),
        [
            ("prior", f"{weights[0]:.2f}", ""),
            *(
                (name, f"{weights[1 + i]:.2f}", f"{_area(values[:, :, i].ravel(), right.ravel()):.3f}")
                for i, name in enumerate(MEASURES)
            ),
        ],
    )
    best, is_right = scores.max(axis=1), right[np.arange(len(asked)), scores.argmax(axis=1)]
    listed = best >= logit(shipped().thresholds.looks_like_review)
    kinds = [query.part for query in asked]
    report.table(
        ("pages, with the shipped weights", "brand found", "wrong brand listed"),
        [
            (
                kind,
                report.share(sum(listed[of] & is_right[of]), len(of)) if right[of].any() else "",
                report.share(sum(listed[of] & ~is_right[of]), len(of)),
            )
            for kind in dict.fromkeys(kinds)
            for of in [[number for number, other in enumerate(kinds) if other == kind]]
        ],
    )
    for number in np.flatnonzero((listed & ~is_right) | (right.any(axis=1) & ~(listed & is_right))):
        query, brand = asked[number], names[scores[number].argmax()]
        print(f"- {query.path.name} ({query.kind}, {query.brand}): {brand} {logistic(best[number]):.2f}")
    print(f"\nA comparison with {len(pages)} pages takes {1000 * seconds / len(asked):.1f} ms of CPU time.")
    return 0


def _design(path: Path, *, stored: bool) -> Design:
    """The design of a page, of its pixels or of what a record keeps of it."""
    with Image.open(path) as picture:
        rgb = np.asarray(picture.convert("RGB"))
    grey = np.asarray(Image.fromarray(rgb).convert("L"))
    pixels = read_thumbnail(make_thumbnail(grey)) if stored else grey
    return Design(extract_emblems(pixels), extract_palette(rgb))


def _fitted(values: NDArray[np.float64], right: NDArray[np.bool_]) -> NDArray[np.float64]:
    """The prior and the weights of a logistic regression, by Newton's method with a faint ridge."""
    rows = np.column_stack([np.ones(len(values)), values])
    weights, ridge = np.zeros(rows.shape[1]), 0.1
    for _ in range(60):
        chance = 1 / (1 + np.exp(-np.clip(rows @ weights, -30, 30)))
        slope = rows.T @ (chance - right) + ridge * np.r_[0, weights[1:]]
        curvature = (rows * (chance * (1 - chance))[:, None]).T @ rows + ridge * np.eye(len(weights))
        weights -= np.linalg.solve(curvature, slope)
    return weights


def _area(values: NDArray[np.float64], right: NDArray[np.bool_]) -> float:
    """The probability that a right pair has more than a wrong one; ties count half."""
    ordered = np.sort(values[~right])
    below = np.searchsorted(ordered, values[right], side="left")
    upto = np.searchsorted(ordered, values[right], side="right")
    return float((below + upto).mean() / 2 / max(1, len(ordered)))


if __name__ == "__main__":
    sys.exit(main())
