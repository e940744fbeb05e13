"""The files of a run: run.json says what was asked of it, outcomes and pairs are appended as they arrive, and
a run that was stopped can be resumed.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

from ..errors import ConfigError
from .results import ANSWERS, PAIRS, LabelledPair, QueryOutcome, json_line, read_outcomes

#: Name of the file that says what was asked of a run.
HEADER = "run.json"
#: File, edit and stratum of a query.
QueryKey = tuple[str, str, str]


class RunFiles:
    """Outcomes and pairs of a run, open for appending; each outcome is on the disk before the next."""

    def __init__(self, out: Path) -> None:
        self._outcomes = open(out / ANSWERS, "a", encoding="utf-8")  # noqa: SIM115 closed by __exit__
        self._pairs = open(out / PAIRS, "a", encoding="utf-8")  # noqa: SIM115

    def __enter__(self) -> RunFiles:
        return self

    def __exit__(self, *_: object) -> None:
        self._outcomes.close()
        self._pairs.close()

    def append(self, outcome: QueryOutcome, pairs: Iterable[LabelledPair]) -> None:
        """Write a query's pairs, then its outcome: after a kill, only the last pairs may lack an outcome."""
        self._pairs.writelines(map(json_line, pairs))
        self._pairs.flush()
        self._outcomes.write(json_line(outcome))
        self._outcomes.flush()


def start_run(out: Path, header: dict[str, Any]) -> frozenset[QueryKey]:
    """Write the header and empty files; return the queries that are done, which are none."""
    (out / HEADER).write_text(json.dumps(header, indent=1) + "\n", "utf-8")
    for name in (ANSWERS, PAIRS):
        (out / name).write_text("", "utf-8")
    return frozenset()


def resume_run(out: Path, header: dict[str, Any]) -> frozenset[QueryKey]:
    """Drop what a kill left half written; return the queries that are done. Raises ConfigError if the folder
    belongs to another run.
    """
    try:
        before = json.loads((out / HEADER).read_text("utf-8"))
    except FileNotFoundError:
        return start_run(out, header)
    except ValueError as error:
        raise ConfigError(f"{out / HEADER}: {error}; start again without --resume") from None
    if before != header:
        other = [name for name in header if before.get(name) != header[name]]
        raise ConfigError(
            f"{out / HEADER} belongs to another run (different: {', '.join(other)}); start again without "
            "--resume, or in another folder"
        )
    (out / ANSWERS).write_text("".join(_whole_lines(out / ANSWERS)), "utf-8")
    outcomes = list(read_outcomes(out / ANSWERS))
    _drop_pairs_without_outcome(out, (outcomes[-1].query, outcomes[-1].edit) if outcomes else None)
    return frozenset((outcome.query, outcome.edit, outcome.stratum) for outcome in outcomes)


def _drop_pairs_without_outcome(out: Path, last: tuple[str, str] | None) -> None:
    """Keep the last pairs only if their outcome was written."""
    part = out / f"{PAIRS}.part"
    with open(part, "w", encoding="utf-8") as kept:
        held: list[str] = []
        for _, block in groupby(_whole_lines(out / PAIRS), key=_query_of):
            kept.writelines(held)
            held = list(block)
        if held and _query_of(held[0]) == last:
            kept.writelines(held)
    part.replace(out / PAIRS)


def _query_of(line: str) -> tuple[str, str]:
    row = json.loads(line)
    return row["query"], row["edit"]


def _whole_lines(path: Path) -> Iterator[str]:
    with open(path, encoding="utf-8") as file:
        yield from (line for line in file if line.endswith("\n"))
