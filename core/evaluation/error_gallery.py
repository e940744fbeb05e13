"""The worst errors as pictures to look at: query and reference side by side, with the map that was found
between them.

Takes the answers and pairs of a run, gives PNG files in its folder. Of each kind of error the most confident
ones are drawn; pictures and edits that were not yet shown come first.
"""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from heapq import nlargest
from pathlib import Path

from PIL import Image

from ..config import Config
from ..errors import DouglasQuaidError
from ..extraction.extractor import Extractor
from ..overlay import draw_overlay
from ..records import Decision
from ..verification.verify import verify
from . import strata
from .ground_truth import GroundTruth
from .querying import query_bytes
from .results import LabelledPair, QueryOutcome

FOLDER = "errors"
SHEET = "sheet.png"
OF_EACH_KIND = 8
TILE = (640, 420)
ACROSS = 3


class ErrorKind(str, Enum):
    #: Answered match, and wrong.
    FALSE_MATCH = "false-match"
    #: A person is shown a wrong picture.
    WRONG_REVIEW = "false-review"
    #: The right picture is neither match nor review, or stands behind a wrong one.
    MISSED = "missed"
    #: The right picture, and a person must say so.
    ONLY_REVIEW = "only-review"


@dataclass(frozen=True, slots=True)
class ErrorExample:
    fault: ErrorKind
    pair: LabelledPair

    @property
    def badness(self) -> float:
        return (
            1 - self.pair.verdict.confidence
            if self.fault in (ErrorKind.MISSED, ErrorKind.ONLY_REVIEW)
            else self.pair.verdict.confidence
        )


def find_errors(answers: Iterable[QueryOutcome], pairs: Iterable[LabelledPair]) -> list[ErrorExample]:
    """The errors worth looking at, at most OF_EACH_KIND of each kind."""
    missed = {
        (answer.query, answer.edit)
        for answer in answers
        if answer.stratum in strata.ANSWERED and not answer.found
    }
    held: dict[ErrorKind, list[ErrorExample]] = {fault: [] for fault in ErrorKind}
    for pair in pairs:
        if (fault := _fault(pair, missed)) is not None:
            held[fault].append(ErrorExample(fault, pair))
    return [
        error
        for fault in ErrorKind
        for _, error in nlargest(OF_EACH_KIND, _varied(held[fault]), key=lambda ranked: ranked[0])
    ]


def _fault(pair: LabelledPair, missed: set[tuple[str, str]]) -> ErrorKind | None:
    decision = pair.verdict.decision
    if pair.label is False and decision is not Decision.NO_MATCH:
        return ErrorKind.FALSE_MATCH if decision is Decision.MATCH else ErrorKind.WRONG_REVIEW
    if pair.reference == pair.query and pair.stratum in strata.ANSWERED:
        if (pair.query, pair.edit) in missed:
            return ErrorKind.MISSED
        if decision is Decision.REVIEW:
            return ErrorKind.ONLY_REVIEW
    return None


def _varied(errors: list[ErrorExample]) -> Iterator[tuple[float, ErrorExample]]:
    """Errors with their rank: the second of an edit or of a picture comes after the first of all."""
    edits: Counter[str] = Counter()
    pictures: Counter[str] = Counter()
    for error in sorted(errors, key=lambda error: -error.badness):
        yield error.badness - edits[error.pair.edit] - pictures[error.pair.query], error
        edits[error.pair.edit] += 1
        pictures[error.pair.query] += 1


def draw_errors(
    errors: Iterable[ErrorExample], truth: GroundTruth, config: Config, out: Path
) -> list[tuple[str, str]]:
    """Write the pictures and a sheet of all; gives their names below `out` and what they show. Older pictures
    there are removed.
    """
    folder = out / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.png"):
        old.unlink()
    extractor, drawn, tiles = Extractor(config), [], []
    try:
        for number, error in enumerate(errors, 1):
            picture = _drawn(error.pair, truth, config, extractor)
            if picture is None:
                continue
            name = f"{number:02d}-{error.fault.value}-{error.pair.edit or 'as-it-is'}.png"
            (folder / name).write_bytes(picture)
            tiles.append(_tile(picture))
            drawn.append(
                (
                    f"{FOLDER}/{name}",
                    f"{error.fault.value}: {error.pair.query} ({error.pair.edit or 'as it is'}) and {error.pair.reference}",
                )
            )
    finally:
        extractor.close()
    if tiles:
        _sheet(tiles).save(folder / SHEET, optimize=True)
        drawn.insert(0, (f"{FOLDER}/{SHEET}", "all of them"))
    return drawn


def _drawn(pair: LabelledPair, truth: GroundTruth, config: Config, extractor: Extractor) -> bytes | None:
    """None for a pair of which a picture is no longer there."""
    query, reference = (truth.dataset.by_file.get(file) for file in (pair.query, pair.reference))
    if query is None or reference is None:
        return None
    try:
        asked, _ = query_bytes(query.path, query.file, pair.edit, config.max_bytes)
        known, _ = query_bytes(reference.path, reference.file, "", config.max_bytes)
        found = verify(
            extractor.extract(asked, name=query.file), extractor.extract(known, name=reference.file)
        )
        return draw_overlay(
            extractor.pixels(asked, name=query.file),
            extractor.pixels(known, name=reference.file),
            found,
            pair.verdict,
        )
    except (DouglasQuaidError, OSError):
        return None


def _tile(data: bytes) -> Image.Image:
    tile = Image.new("RGB", TILE, "#dddddd")
    with Image.open(io.BytesIO(data)) as picture:
        picture.thumbnail((TILE[0] - 8, TILE[1] - 8))
        tile.paste(picture, (4, 4))
    return tile


def _sheet(tiles: list[Image.Image]) -> Image.Image:
    rows = -(-len(tiles) // ACROSS)
    sheet = Image.new("RGB", (TILE[0] * min(ACROSS, len(tiles)), TILE[1] * rows))
    for place, tile in enumerate(tiles):
        sheet.paste(tile, (place % ACROSS * TILE[0], place // ACROSS * TILE[1]))
    return sheet
