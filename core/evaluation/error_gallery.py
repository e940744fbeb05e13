"""Draws the worst errors of a run: query and reference side by side, with the transform between them.

Takes the outcomes and pairs of a run, writes PNG files into its folder. Of each kind of error the most
confident ones are drawn; pictures and edits that were not yet shown come first.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from enum import Enum
from heapq import nlargest
from pathlib import Path

from PIL import Image, ImageOps

from ..batches import grouped
from ..config import Config
from ..errors import DouglasQuaidError
from ..extraction.extractor import Extractor
from ..extraction.pool import extractor_of
from ..overlay import draw_overlay
from ..records import Decision
from ..verification.verify import verify
from . import strata
from .edits import opened
from .engine_calls import query_bytes
from .ground_truth import GroundTruth
from .results import LabelledPair, QueryOutcome

#: Sub-folder of a run for the drawings.
FOLDER = "errors"
#: Name of the drawing that shows all of them.
SHEET = "sheet.png"
#: Maximum number of drawings of each kind of error. chosen.
MAX_PER_KIND = 8
#: Width and height of a drawing on the sheet in pixels. chosen.
TILE = (640, 420)
#: Drawings in a row of the sheet. chosen.
COLUMNS = 3
#: Strata of edited pictures that are to be found.
_EDITED = (*strata.ANSWERED, strata.FILLINGS)


class ErrorKind(str, Enum):
    """What went wrong."""

    #: A match that is wrong.
    FALSE_MATCH = "false-match"
    #: A review that shows a wrong picture.
    WRONG_REVIEW = "false-review"
    #: The correct picture is neither match nor review, or stands behind a wrong one.
    MISSED = "missed"
    #: The correct picture, but a person has to confirm it.
    ONLY_REVIEW = "only-review"
    #: A match of a filling with another filling of its template.
    OTHER_FILLING = "other-filling"
    #: A review of these.
    FILLING_REVIEW = "filling-review"


@dataclass(frozen=True, slots=True)
class ErrorExample:
    """A pair that was judged wrongly."""

    #: What went wrong.
    kind: ErrorKind
    #: The pair.
    pair: LabelledPair

    @property
    def severity(self) -> float:
        """How confident the wrong verdict is, 0 to 1."""
        too_low = self.kind in (ErrorKind.MISSED, ErrorKind.ONLY_REVIEW)
        return 1 - self.pair.verdict.confidence if too_low else self.pair.verdict.confidence


def find_errors(outcomes: Iterable[QueryOutcome], pairs: Iterable[LabelledPair]) -> list[ErrorExample]:
    """Return the errors worth looking at, at most MAX_PER_KIND of each kind."""
    missed = {
        (outcome.query, outcome.edit)
        for outcome in outcomes
        if outcome.stratum in _EDITED and outcome.expected and not outcome.found
    }
    found = grouped(
        (ErrorExample(kind, pair) for pair in pairs if (kind := _kind(pair, missed)) is not None),
        lambda example: example.kind,
    )
    return [
        example
        for kind in ErrorKind
        for _, example in nlargest(MAX_PER_KIND, _varied(found.get(kind, [])), key=lambda ranked: ranked[0])
    ]


def _kind(pair: LabelledPair, missed: set[tuple[str, str]]) -> ErrorKind | None:
    decision = pair.verdict.decision
    if pair.label is False and decision is not Decision.NO_MATCH:
        if pair.stratum == strata.FILLINGS:
            return ErrorKind.OTHER_FILLING if decision is Decision.MATCH else ErrorKind.FILLING_REVIEW
        return ErrorKind.FALSE_MATCH if decision is Decision.MATCH else ErrorKind.WRONG_REVIEW
    if pair.reference == pair.query and pair.stratum in _EDITED:
        if (pair.query, pair.edit) in missed:
            return ErrorKind.MISSED
        if decision is Decision.REVIEW:
            return ErrorKind.ONLY_REVIEW
    return None


def _varied(examples: list[ErrorExample]) -> Iterator[tuple[float, ErrorExample]]:
    """Yield examples with their rank: the second of an edit or of a picture comes after the first of all."""
    edits: Counter[str] = Counter()
    pictures: Counter[str] = Counter()
    for example in sorted(examples, key=lambda example: -example.severity):
        yield example.severity - edits[example.pair.edit] - pictures[example.pair.query], example
        edits[example.pair.edit] += 1
        pictures[example.pair.query] += 1


def draw_errors(
    examples: Iterable[ErrorExample], truth: GroundTruth, config: Config, out: Path
) -> list[tuple[str, str]]:
    """Write a drawing of each example, and a sheet of all; return their names below `out` and what they show.
    Drawings of an earlier run are removed.
    """
    folder = out / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.png"):
        old.unlink()
    drawn, tiles = [], []
    with closing(extractor_of(config)) as extractor:
        for number, example in enumerate(examples, 1):
            pair = example.pair
            picture = _draw(pair, truth, config, extractor)
            if picture is None:
                continue
            name = f"{number:02d}-{example.kind.value}-{pair.edit or 'as-it-is'}.png"
            (folder / name).write_bytes(picture)
            tiles.append(ImageOps.pad(opened(picture), TILE, color="#dddddd"))
            shown = f"{example.kind.value}: {pair.query} ({pair.edit or 'as it is'}) and {pair.reference}"
            drawn.append((f"{FOLDER}/{name}", shown))
    if tiles:
        _sheet(tiles).save(folder / SHEET, optimize=True)
        drawn.insert(0, (f"{FOLDER}/{SHEET}", "all of them"))
    return drawn


def _draw(pair: LabelledPair, truth: GroundTruth, config: Config, extractor: Extractor) -> bytes | None:
    """Return the drawing of a pair; None if one of its pictures is no longer there."""
    query, reference = (truth.dataset.by_file.get(file) for file in (pair.query, pair.reference))
    if query is None or reference is None:
        return None
    try:
        sides = [
            (query_bytes(item, edit, config.max_bytes)[0], item.file)
            for item, edit in ((query, pair.edit), (reference, ""))
        ]
        one, two = (extractor.extract(data, name=name) for data, name in sides)
        left, right = (extractor.pixels(data, name=name) for data, name in sides)
        return draw_overlay(left, right, verify(one, two), pair.verdict)
    except (DouglasQuaidError, OSError):
        return None


def _sheet(tiles: list[Image.Image]) -> Image.Image:
    rows = -(-len(tiles) // COLUMNS)
    sheet = Image.new("RGB", (TILE[0] * min(COLUMNS, len(tiles)), TILE[1] * rows))
    for place, tile in enumerate(tiles):
        sheet.paste(tile, (place % COLUMNS * TILE[0], place // COLUMNS * TILE[1]))
    return sheet
