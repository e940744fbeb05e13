"""Files of an evaluation's results, written at once."""

from collections.abc import Iterable
from pathlib import Path

from douglas_quaid.evaluation.results import LabelledPair, QueryOutcome, json_line


def write_records(path: Path, records: Iterable[LabelledPair | QueryOutcome]) -> None:
    """Write (replace) a file of labelled pairs or of query outcomes."""
    path.write_text("".join(map(json_line, records)), "utf-8")
