"""The files of a run: run.json says what it is, answers and pairs are appended as they come, and a run that
was stopped is taken up.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

from ..errors import ConfigError
from .results import ANSWERS, PAIRS, LabelledPair, QueryOutcome, answer_line, pair_line, read_answers

HEADER = "run.json"


class RunFiles:
    """Answers and pairs of a run, open to append to; each answer is on the disk before the next."""

    def __init__(self, out: Path) -> None:
        self._answers = open(out / ANSWERS, "a", encoding="utf-8")  # noqa: SIM115 closed by __exit__
        self._pairs = open(out / PAIRS, "a", encoding="utf-8")  # noqa: SIM115

    def __enter__(self) -> RunFiles:
        return self

    def __exit__(self, *_: object) -> None:
        self._answers.close()
        self._pairs.close()

    def note(self, answer: QueryOutcome, pairs: Iterable[LabelledPair]) -> None:
        """The pairs are written first: where a run was killed only those at the end may have no answer."""
        self._pairs.writelines(f"{pair_line(pair)}\n" for pair in pairs)
        self._pairs.flush()
        self._answers.write(f"{answer_line(answer)}\n")
        self._answers.flush()


def start_anew(out: Path, header: dict[str, Any]) -> frozenset[tuple[str, str, str]]:
    """Empty files and the header; nothing is answered."""
    (out / HEADER).write_text(json.dumps(header, indent=1) + "\n", "utf-8")
    for name in (ANSWERS, PAIRS):
        (out / name).write_text("", "utf-8")
    return frozenset()


def take_up(out: Path, header: dict[str, Any]) -> frozenset[tuple[str, str, str]]:
    """The questions that are answered. What a kill left half written is dropped. Raises ConfigError for
    another run's folder.
    """
    try:
        before = json.loads((out / HEADER).read_text("utf-8"))
    except FileNotFoundError:
        return start_anew(out, header)
    except ValueError as error:
        raise ConfigError(f"{out / HEADER}: {error}; start anew without --resume") from None
    if before != header:
        other = [name for name in header if before.get(name) != header[name]]
        raise ConfigError(
            f"{out / HEADER} is of another run ({', '.join(other)} differ); start anew without --resume, or in another folder"
        )
    (out / ANSWERS).write_text("".join(_whole_lines(out / ANSWERS)), "utf-8")
    answers = list(read_answers(out / ANSWERS))
    _drop_unanswered_pairs(out, (answers[-1].query, answers[-1].edit) if answers else None)
    return frozenset((answer.query, answer.edit, answer.stratum) for answer in answers)


def _drop_unanswered_pairs(out: Path, last: tuple[str, str] | None) -> None:
    """Keep the last pairs only if their answer is there."""
    part = out / f"{PAIRS}.part"
    with open(part, "w", encoding="utf-8") as kept:
        held: list[str] = []
        for _, block in groupby(_whole_lines(out / PAIRS), key=_asked_for):
            kept.writelines(held)
            held = list(block)
        if held and _asked_for(held[0]) == last:
            kept.writelines(held)
    part.replace(out / PAIRS)


def _asked_for(line: str) -> tuple[str, str]:
    row = json.loads(line)
    return row["query"], row["edit"]


def _whole_lines(path: Path) -> Iterator[str]:
    with open(path, encoding="utf-8") as file:
        yield from (line for line in file if line.endswith("\n"))
