"""One evaluation from a data set to answers.jsonl and pairs.jsonl: fill the store, choose questions, ask them, label what was judged.

Results are written as they come. A run that was stopped is taken up again (`resume`) if run.json says that it is the same one.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from itertools import groupby
from pathlib import Path
from typing import Any

from ..calibration import Calibration
from ..config import Config
from ..decision import decide
from ..engine import Engine
from ..errors import ConfigError
from ..records import Decision, ImageId, Relation
from ..search import Inquiry, Judged
from . import strata
from .asking import Asked, Task, ask_all
from .clones import ASKED, ask_among_clones, find_templates
from .dataset import Dataset, Kind
from .filling import Failure, fill
from .outcomes import ANSWERS, NOT_A_CANDIDATE, PAIRS, Answer, JudgedPair, answer_line, pair_line, read_answers, read_pairs
from .parts import Part, Parts
from .questions import Amounts, Question, choose, spread
from .truth import Truth

HEADER = "run.json"
SAME_PLACE = 1.2
"""Pictures read of those that are never indexed, to the questions wanted of them: some are pages of indexed sites."""

Progress = Callable[[Iterator[Any], int, str], Iterator[Any]]


@dataclass(frozen=True, slots=True)
class Plan:
    """What is asked of a run; all of it is noted in run.json."""

    source: Path
    distractors: tuple[Path, ...]
    part: Part
    parts: Parts
    edits: tuple[str, ...]
    amounts: Amounts
    seed: int


@dataclass(frozen=True, slots=True)
class Ran:
    """A run that is done; its answers and pairs lie in `out`."""

    plan: Plan
    out: Path
    truth: Truth
    indexed: int
    """Images searched in."""
    calibration: Calibration
    header: dict[str, Any]
    failures: tuple[Failure, ...]


def run(plan: Plan, out: Path, *, store: str | None, processes: int, resume: bool, progress: Progress, dataset: Dataset | None = None) -> Ran:
    """Raises ConfigError, NotFound and StoreError; a picture that cannot be used is among the failures. `dataset`: instead of what lies at the source."""
    dataset = dataset or Dataset.load(plan.source, plan.distractors)
    out.mkdir(parents=True, exist_ok=True)
    with opened_store(store) as config:
        with Engine.open(config=config) as engine:
            sketches, failures = fill(engine, _needed(dataset, plan), threads=processes, progress=lambda work, count: progress(work, count, "adding"))
            indexed, calibration = engine.load(), engine.calibration
        truth = Truth(dataset, sketches, plan.parts)
        header = _header(plan, indexed, calibration)
        done = _take_up(out, header) if resume else _start_anew(out, header)
        questions = [question for question in choose(truth, plan.part, plan.edits, plan.amounts, plan.seed) if not question.keys & done]
        tasks = (_task(place, question, truth) for place, question in enumerate(questions))
        with _Lines(out) as lines:
            for asked in progress(ask_all(config, tasks, processes), len(questions), "asking"):
                lines.take(questions[asked.place], asked, truth, calibration)
    with _Lines(out) as more:
        for template in find_templates(read_pairs(out / PAIRS), truth, plan.amounts.templates):
            if not Question(template.asked, ASKED[-1], strata.CLONES, frozenset(), frozenset()).keys & done:
                with opened_store(None) as throwaway, Engine.open(config=throwaway) as engine:
                    for question, small, asked in ask_among_clones(template, truth, engine):
                        more.take(question, asked, small, calibration)
    failures += [*lines.failures, *more.failures]
    return Ran(plan, out, truth, indexed, calibration, header, tuple(dict.fromkeys(failures)))


class _Lines:
    """The two files of a run, open to append to; each answer is on the disk before the next."""

    def __init__(self, out: Path) -> None:
        self.failures: list[Failure] = []
        self._answers = open(out / ANSWERS, "a", encoding="utf-8")  # noqa: SIM115 closed by __exit__
        self._pairs = open(out / PAIRS, "a", encoding="utf-8")  # noqa: SIM115

    def __enter__(self) -> _Lines:
        return self

    def __exit__(self, *_: object) -> None:
        self._answers.close()
        self._pairs.close()

    def take(self, question: Question, asked: Asked, truth: Truth, calibration: Calibration) -> None:
        if asked.inquiry is None:
            self.failures += [asked.failure] if asked.failure else []
            return
        answer, judged = labelled(question, asked.inquiry, truth, calibration, low_texture=asked.low_texture)
        self._pairs.writelines(f"{pair_line(pair)}\n" for pair in judged)
        self._pairs.flush()
        self._answers.write(f"{answer_line(answer)}\n")
        self._answers.flush()


@contextmanager
def opened_store(url: str | None) -> Iterator[Config]:
    """The configuration of a store that is kept, or of a throwaway embedded one."""
    if url is not None:
        yield Config.from_environment(store=url)
        return
    from ..store.embedded import stop_embedded

    with tempfile.TemporaryDirectory(prefix="quaid-evaluate-", ignore_cleanup_errors=True) as folder:
        try:
            yield Config.from_environment(store=f"embedded:{folder}")
        finally:
            stop_embedded(folder)


def _needed(dataset: Dataset, plan: Plan) -> list[Any]:
    """The pictures that are indexed or may be asked for."""
    never = [item for item in dataset.items if not item.indexed and item.asked and plan.parts.holds(plan.part, item)]
    return [*dataset.indexed, *spread(never, round(SAME_PLACE * plan.amounts.unanswered), plan.seed)]


def _task(place: int, question: Question, truth: Truth) -> Task:
    besides = tuple(truth.sketches[file].image_id for file in question.besides if file in truth.sketches)
    return Task(place, question.item.file, question.item.path, question.edit, truth.ids(question.left_out), besides)


def labelled(question: Question, inquiry: Inquiry, truth: Truth, calibration: Calibration, *, low_texture: bool) -> tuple[Answer, list[JudgedPair]]:
    """What came, as it is counted: the answer of the query, and each judged pair with its label."""
    stratum = question.stratum
    if low_texture and stratum in strata.ANSWERED:
        stratum = strata.LOW_TEXTURE
    best = _best_of_each(inquiry)
    pairs = [_pair(question, stratum, found, place, truth, calibration) for place, found in enumerate(best)]
    pairs += [_pair(question, stratum, found, NOT_A_CANDIDATE, truth, calibration) for found in inquiry.besides]
    expected = truth.ids(question.expected)
    hits = sorted((found for found in best if _is_hit(found)), key=lambda found: (-found.verdict.confidence, found.image_id))
    label = {pair.reference: pair.label for pair in pairs}
    first = hits[0] if hits else None
    found = first is not None and first.image_id in expected
    wrong = [hit for hit in hits if hit.verdict.decision is Decision.MATCH and label[truth.label(question.item, hit.image_id)[0]] is False]
    answer = Answer(
        query=question.item.file,
        edit=question.edit,
        stratum=stratum,
        expected=tuple(sorted(question.expected)),
        rank=next((place for place, judged in enumerate(best) if judged.image_id in expected), None),
        candidates=len(best),
        decision=Decision.NO_MATCH if first is None else Decision.MATCH if any(h.verdict.decision is Decision.MATCH for h in hits) else Decision.REVIEW,
        first=None if first is None else truth.label(question.item, first.image_id)[0],
        relation=None if first is None else first.verdict.relation,
        confidence=0.0 if first is None else first.verdict.confidence,
        found=found,
        matched=found and first is not None and first.verdict.decision is Decision.MATCH,
        false_matches=len(wrong),
        seconds=round(inquiry.seconds, 4),
    )
    return answer, pairs


def _best_of_each(inquiry: Inquiry) -> list[Judged]:
    """Each candidate once, at its first place, with its surest verdict."""
    best: dict[ImageId, Judged] = {}
    for found in inquiry.candidates:
        known = best.get(found.image_id)
        best[found.image_id] = found if known is None or found.verdict.confidence > known.verdict.confidence else known
    return list(best.values())


def _is_hit(found: Judged) -> bool:
    return found.verdict.decision is not Decision.NO_MATCH and found.verdict.relation is not Relation.SAME_TEMPLATE


def _pair(question: Question, stratum: str, found: Judged, place: int, truth: Truth, calibration: Calibration) -> JudgedPair:
    file, label = truth.label(question.item, found.image_id)
    other, verdict = truth.dataset.by_file.get(file), found.verdict
    if stratum == strata.PHISHING and other is not None and other.kind is Kind.LINKED:
        # Legitimate or not, each page of the graph may be what the other looks like: judged as against a baseline collection.
        linked = frozenset((question.item.file, file)) in truth.dataset.edges
        label, verdict = None if linked else label, decide(verdict.evidence, calibration, baseline=True)
    elif other is not None and label is not True and other.group != question.item.group:
        site = truth.parts.site(question.item)
        stratum = strata.SAME_SITE if site is not None and site == truth.parts.site(other) else stratum
    return JudgedPair(question.item.file, question.edit, stratum, file, label, verdict, place)


# -- a run that is taken up again ---------------------------------------------------------------------------------------------


def _header(plan: Plan, indexed: int, calibration: Calibration) -> dict[str, Any]:
    return {
        "source": str(plan.source),
        "distractors": [str(path) for path in plan.distractors],
        "part": plan.part.value,
        "fit_sites": sorted(plan.parts.fit_sites),
        "report_sites": sorted(plan.parts.report_sites),
        "edits": list(plan.edits),
        "screenshots": plan.amounts.screenshots,
        "photos": plan.amounts.photos,
        "unanswered": plan.amounts.unanswered,
        "templates": plan.amounts.templates,
        "seed": plan.seed,
        "indexed": indexed,
        "calibration": calibration.id,
        "version": version("douglas-quaid"),
        "commit": commit(),
    }


def commit() -> str | None:
    """The commit of the checkout that runs; None for an installed package."""
    here = Path(__file__).resolve().parent
    try:
        done = subprocess.run(["git", "-C", str(here), "describe", "--always", "--dirty"], capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def _start_anew(out: Path, header: dict[str, Any]) -> frozenset[tuple[str, str, str]]:
    (out / HEADER).write_text(json.dumps(header, indent=1) + "\n", "utf-8")
    for name in (ANSWERS, PAIRS):
        (out / name).write_text("", "utf-8")
    return frozenset()


def _take_up(out: Path, header: dict[str, Any]) -> frozenset[tuple[str, str, str]]:
    """The questions that are answered. What a kill left half written is dropped. Raises ConfigError for another run's folder."""
    try:
        before = json.loads((out / HEADER).read_text("utf-8"))
    except FileNotFoundError:
        return _start_anew(out, header)
    except ValueError as error:
        raise ConfigError(f"{out / HEADER}: {error}; start anew without --resume") from None
    if before != header:
        other = [name for name in header if before.get(name) != header[name]]
        raise ConfigError(f"{out / HEADER} is of another run ({', '.join(other)} differ); start anew without --resume, or in another folder")
    (out / ANSWERS).write_text("".join(_whole_lines(out / ANSWERS)), "utf-8")
    answers = list(read_answers(out / ANSWERS))
    _drop_unanswered_pairs(out, (answers[-1].query, answers[-1].edit) if answers else None)
    return frozenset((answer.query, answer.edit, answer.stratum) for answer in answers)


def _drop_unanswered_pairs(out: Path, last: tuple[str, str] | None) -> None:
    """Pairs are written before their answer, so only those at the end may have none."""
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
