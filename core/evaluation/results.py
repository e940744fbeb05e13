"""What an evaluation leaves behind: a `QueryOutcome` for each query, a `LabelledPair` for each pair that was
verified, as lines of JSON.

`measures.py` counts them, and a calibration is fitted to the pairs: they keep the whole evidence and say
whether the two pictures show the same thing. Reading is strict: a line with an unknown or missing name, a
value of another kind or a number that is not finite is refused with its number.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

from ..errors import ConfigError, NotFound
from ..records import Configuration, Decision, Evidence, Relation, Verdict

#: Their names in the folder of a run.
ANSWERS, PAIRS = "answers.jsonl", "pairs.jsonl"
#: Characters. A longer line is refused before it is parsed. chosen: twenty times a usual one.
LONGEST_LINE = 64 * 1024
#: `LabelledPair.place` of a pair that was judged although the search had not proposed it.
NOT_A_CANDIDATE = -1

Record = TypeVar("Record")


@dataclass(frozen=True, slots=True)
class LabelledPair:
    """One verified pair: the (edited) query against one reference."""

    #: File of the picture, relative to its data set; so is `reference`.
    query: str
    #: Name of the edit that made the query of the picture; "" for the picture as it is.
    edit: str
    stratum: str
    reference: str
    #: Whether both show the same source picture. None: nobody can say, as with another version of a page.
    label: bool | None
    verdict: Verdict
    #: Rank among the candidates from 0, in the order in which they were verified; NOT_A_CANDIDATE for a pair
    #: judged apart from a search.
    place: int


@dataclass(frozen=True, slots=True)
class QueryOutcome:
    """One query, as a person would count it."""

    query: str
    edit: str
    stratum: str
    #: Files that are right answers; empty for a query without an answer.
    expected: tuple[str, ...]
    #: Place of the first right one among the candidates, from 0; None when none was proposed, or none exists.
    rank: int | None
    #: How many were verified.
    candidates: int
    #: The strongest of all verdicts: the decision of the whole query.
    decision: Decision
    #: File of the first hit, `review` or better; None without hits.
    first: str | None
    #: Of the first hit; so is the next.
    relation: Relation | None
    confidence: float
    #: The first hit is a right one.
    found: bool
    #: Found, and answered `match`.
    matched: bool
    #: Hits answered `match` that are known to be wrong.
    false_matches: int
    seconds: float

    @property
    def false_match(self) -> bool:
        return self.false_matches > 0

    @property
    def review(self) -> bool:
        """The query ends with a person."""
        return self.decision is Decision.REVIEW


def write_pairs(path: Path, pairs: Iterable[LabelledPair]) -> None:
    """Write (replace) a file of judged pairs."""
    _write(path, map(pair_line, pairs))


def read_pairs(path: Path) -> Iterator[LabelledPair]:
    """The pairs of a file, read as they are asked for. Raises NotFound, or ConfigError naming file and line."""
    return _read(path, _pair, "judged pair")


def write_answers(path: Path, answers: Iterable[QueryOutcome]) -> None:
    """Write (replace) a file of answers."""
    _write(path, map(answer_line, answers))


def read_answers(path: Path) -> Iterator[QueryOutcome]:
    """The answers of a file, read as they are asked for. Raises NotFound, or ConfigError naming file and
    line.
    """
    return _read(path, _answer, "answer")


def pair_line(pair: LabelledPair) -> str:
    """One line of JSON; of the evidence only what was measured."""
    verdict = {field.name: getattr(pair.verdict, field.name) for field in fields(Verdict)}
    measured = {field.name: getattr(pair.verdict.evidence, field.name) for field in fields(Evidence)}
    verdict["evidence"] = {name: value for name, value in measured.items() if value is not None}
    return _line(
        {field.name: getattr(pair, field.name) for field in fields(LabelledPair)} | {"verdict": verdict}
    )


def answer_line(answer: QueryOutcome) -> str:
    """One line of JSON."""
    return _line(asdict(answer))


def _line(values: dict[str, Any]) -> str:
    return json.dumps(values, allow_nan=False, ensure_ascii=False, separators=(",", ":"))


def _write(path: Path, lines: Iterable[str]) -> None:
    with open(path, "w", encoding="utf-8") as file:
        file.writelines(f"{line}\n" for line in lines)


def _read(path: Path, make: Callable[[dict[str, Any]], Record], noun: str) -> Iterator[Record]:
    number = 0
    try:
        with open(path, encoding="utf-8") as file:
            while line := file.readline(LONGEST_LINE + 1):
                number += 1
                if len(line) > LONGEST_LINE:
                    raise ValueError(f"longer than {LONGEST_LINE:,} characters")
                if line.strip():
                    yield make(_object(json.loads(line, parse_constant=_no_constant)))
    except FileNotFoundError:
        raise NotFound(f"{path}: no such file") from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise ConfigError(
            f"{path}, line {max(number, 1)}: no {noun}: {error}; write the file again with quaid evaluate"
        ) from None


def _pair(values: dict[str, Any]) -> LabelledPair:
    _same_names(values, LabelledPair)
    place = _kind(values, "place", int)
    if place < NOT_A_CANDIDATE:
        raise ValueError(f"place is {place}, less than {NOT_A_CANDIDATE}")
    return LabelledPair(
        query=_kind(values, "query", str),
        edit=_kind(values, "edit", str),
        stratum=_kind(values, "stratum", str),
        reference=_kind(values, "reference", str),
        label=_kind(values, "label", bool, type(None)),
        verdict=_verdict(_object(values["verdict"])),
        place=place,
    )


def _verdict(values: dict[str, Any]) -> Verdict:
    _same_names(values, Verdict)
    evidence = dict(_object(values["evidence"]))
    unknown = {*evidence} - {field.name for field in fields(Evidence)}
    if unknown:
        raise ValueError(f"unknown evidence: {', '.join(sorted(unknown))}")
    configuration = Configuration(evidence.pop("configuration"))
    matrix = _matrix(evidence.pop("matrix", None))
    for name in evidence:
        _kind(evidence, name, bool, int, float)
    return Verdict(
        decision=Decision(values["decision"]),
        relation=_relation(values["relation"]),
        confidence=_share(values, "confidence"),
        evidence=Evidence(configuration=configuration, matrix=matrix, **evidence),
        calibration_id=_kind(values, "calibration_id", str),
        sentence=_kind(values, "sentence", str),
    )


def _answer(values: dict[str, Any]) -> QueryOutcome:
    _same_names(values, QueryOutcome)
    expected = _kind(values, "expected", list)
    if not all(isinstance(file, str) for file in expected):
        raise ValueError("expected is no list of files")
    return QueryOutcome(
        query=_kind(values, "query", str),
        edit=_kind(values, "edit", str),
        stratum=_kind(values, "stratum", str),
        expected=tuple(expected),
        rank=_kind(values, "rank", int, type(None)),
        candidates=_kind(values, "candidates", int),
        decision=Decision(values["decision"]),
        first=_kind(values, "first", str, type(None)),
        relation=_relation(values["relation"]),
        confidence=_share(values, "confidence"),
        found=_kind(values, "found", bool),
        matched=_kind(values, "matched", bool),
        false_matches=_kind(values, "false_matches", int),
        seconds=float(_kind(values, "seconds", int, float)),
    )


def _same_names(values: dict[str, Any], kind: type[Any]) -> None:
    wrong = {*values} ^ {field.name for field in fields(kind)}
    if wrong:
        raise ValueError(f"unknown or missing: {', '.join(sorted(wrong))}")


def _kind(values: dict[str, Any], name: str, *kinds: type[Any]) -> Any:
    """The value, which is of one of `kinds`; a truth value is no number, and a number is finite."""
    value = values[name]
    if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
        raise ValueError(
            f"{name} is {value!r:.80}, not of kind {' or '.join(kind.__name__ for kind in kinds)}"
        )
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{name} is {value}, no finite number")
    return value


def _share(values: dict[str, Any], name: str) -> float:
    value = float(_kind(values, name, int, float))
    if not 0 <= value <= 1:
        raise ValueError(f"{name} is {value}, not between 0 and 1")
    return value


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"{value!r:.80} is no JSON object")
    return value


def _matrix(value: Any) -> tuple[float, ...] | None:
    if value is None:
        return None
    if (
        not isinstance(value, list)
        or len(value) != 9
        or not all(isinstance(n, (int, float)) and math.isfinite(n) for n in value)
    ):
        raise ValueError("matrix is no list of nine numbers")
    return tuple(float(number) for number in value)


def _relation(value: Any) -> Relation | None:
    return None if value is None else Relation(value)


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is no number")
