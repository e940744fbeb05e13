"""What an evaluation leaves behind: run.json says what was asked of it; a `QueryOutcome` for each query and a
`LabelledPair` for each verified pair are appended as lines of JSON as they arrive, so that a run that was
stopped can be resumed.

`metrics.py` counts them, and a calibration is fitted to the pairs: they keep the whole evidence and say
whether the two pictures show the same thing. Reading is strict: a line with an unknown or missing field, a
value of another type or a number that is not finite is refused with its number.
"""

import io
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any, TypeVar

from ..errors import ConfigError, NotFound
from ..files import open_regular
from ..records import Decision, Relation, Verdict
from ..strict_json import from_object, parse_object, to_object

#: Name of the file of query outcomes in the folder of a run.
ANSWERS = "answers.jsonl"
#: Name of the file of labelled pairs in the folder of a run.
PAIRS = "pairs.jsonl"
#: Name of the file that says what was asked of a run.
HEADER = "run.json"
#: Maximum length of a line in characters. chosen: twenty times a usual one.
MAX_LINE = 64 * 1024
#: `LabelledPair.place` of a pair that was judged although the search had not proposed it.
NOT_A_CANDIDATE = -1

#: File, edit and stratum of a query.
QueryKey = tuple[str, str, str]
Record = TypeVar("Record")


@dataclass(frozen=True, slots=True)
class LabelledPair:
    """One verified pair: the (edited) query against one reference. Raises ValueError for impossible
    values.
    """

    #: File of the query's picture, relative to its data set.
    query: str
    #: Name of the edit that made the query from the picture; "" for the picture as it is.
    edit: str
    #: Stratum of the query, or of the pair where it has one of its own (strata.py).
    stratum: str
    #: File of the reference, relative to its data set.
    reference: str
    #: Whether both show the same source picture; None where nobody can say, as with another version of a
    #: page.
    label: bool | None
    #: What the engine concluded.
    verdict: Verdict
    #: Rank among the candidates from 0, in the order in which they were verified; NOT_A_CANDIDATE for a pair
    #: judged apart from a search.
    place: int

    def __post_init__(self) -> None:
        matrix = self.verdict.evidence.matrix
        if self.place < NOT_A_CANDIDATE:
            raise ValueError(f"place is {self.place}, less than {NOT_A_CANDIDATE}")
        if not 0 <= self.verdict.confidence <= 1:
            raise ValueError(f"confidence is {self.verdict.confidence}, not between 0 and 1")
        if matrix is not None and len(matrix) != 9:
            raise ValueError(f"matrix has {len(matrix)} numbers, not nine")


@dataclass(frozen=True, slots=True)
class QueryOutcome:
    """The outcome of one query, as a person would count it. Raises ValueError for impossible values."""

    #: File of the query's picture, relative to its data set.
    query: str
    #: Name of the edit; "" for the picture as it is.
    edit: str
    #: Stratum of the query (strata.py).
    stratum: str
    #: Files that are correct answers; empty for a query without an answer.
    expected: tuple[str, ...]
    #: Rank of the first correct candidate, from 0; None when none was proposed, or none exists.
    rank: int | None
    #: Number of candidates that were verified.
    candidates: int
    #: Decision of the whole query: the strongest of all verdicts.
    decision: Decision
    #: File of the first hit, `review` or better; None without hits.
    first: str | None
    #: Relation of the first hit; None without hits.
    relation: Relation | None
    #: Confidence of the first hit, 0 to 1; 0 without hits.
    confidence: float
    #: Whether the first hit is correct.
    found: bool
    #: Whether the first hit is correct and a `match`.
    matched: bool
    #: Number of `match` hits that are known to be wrong.
    false_matches: int
    #: Duration of the query.
    seconds: float

    def __post_init__(self) -> None:
        if not 0 <= self.confidence <= 1:
            raise ValueError(f"confidence is {self.confidence}, not between 0 and 1")


def group_by_query(pairs: Iterable[LabelledPair]) -> Iterator[list[LabelledPair]]:
    """Yield the pairs of one query at a time. They lie together in a file: the candidates by rank, then those
    judged apart from the search.
    """
    group: list[LabelledPair] = []
    for pair in pairs:
        if group and ((pair.query, pair.edit) != (group[-1].query, group[-1].edit) or pair.place == 0):
            yield group
            group = []
        group.append(pair)
    if group:
        yield group


def json_line(record: object) -> str:
    """Return a record (a dataclass) as one line of JSON, with its line end; of the evidence only what was
    measured.
    """
    return json.dumps(to_object(record), allow_nan=False, ensure_ascii=False, separators=(",", ":")) + "\n"


def read_pairs(path: Path) -> Iterator[LabelledPair]:
    """Yield the pairs of a file while reading it. Raises NotFound, or ConfigError naming file and line."""
    return read_records(path, LabelledPair, "labelled pair")


def read_outcomes(path: Path) -> Iterator[QueryOutcome]:
    """Yield the outcomes of a file while reading it. Raises NotFound, or ConfigError naming file and line."""
    return read_records(path, QueryOutcome, "query outcome")


def read_records(path: Path, kind: type[Record], noun: str) -> Iterator[Record]:
    """Yield the records of a file while reading it; `noun`: what one is called. Raises NotFound, or
    ConfigError naming file and line.
    """
    number = 0
    try:
        with io.TextIOWrapper(open_regular(path), encoding="utf-8") as file:
            while line := file.readline(MAX_LINE + 1):
                number += 1
                if len(line) > MAX_LINE:
                    raise ValueError(f"longer than {MAX_LINE:,} characters")
                if line.strip():
                    yield from_object(kind, parse_object(line))
    except FileNotFoundError:
        raise NotFound(f"{path}: no such file") from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise ConfigError(
            f"{path}, line {max(number, 1)}: not a {noun}: {error}; write the file again with quaid evaluate"
        ) from None


def append_results(out: Path, outcome: QueryOutcome, pairs: Iterable[LabelledPair]) -> None:
    """Append a query's pairs to the files of a run, then its outcome: after a kill, only the last pairs may
    lack an outcome.
    """
    with open(out / PAIRS, "a", encoding="utf-8") as file:
        file.writelines(map(json_line, pairs))
    with open(out / ANSWERS, "a", encoding="utf-8") as file:
        file.write(json_line(outcome))


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
