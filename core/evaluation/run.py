"""One evaluation from a data set to answers.jsonl and pairs.jsonl: fill the store, choose questions, ask
them, label what was judged.

Results are written as they come. A run that was stopped is taken up again (`resume`) if run.json says that it
is the same one.
"""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ..config import Config
from ..decision.calibration import Calibration
from ..engine import Engine
from . import strata
from .clones import ASKED, ask_among_clones, find_templates
from .dataset import Dataset
from .ground_truth import GroundTruth
from .indexing import Failure, fill
from .labelling import labelled
from .queries import EvaluationQuery, SampleSizes, choose, spread
from .querying import QueryResponse, QueryTask, ask_all
from .results import PAIRS, read_pairs
from .run_files import RunFiles, start_anew, take_up
from .split import Split, Subset

#: Pictures read of those that are never indexed, to the questions wanted of them: some are pages of indexed
#: sites.
SAME_PLACE = 1.2

Progress = Callable[[Iterator[Any], int, str], Iterator[Any]]


@dataclass(frozen=True, slots=True)
class RunPlan:
    """What is asked of a run; all of it is noted in run.json."""

    source: Path
    distractors: tuple[Path, ...]
    part: Subset
    parts: Split
    edits: tuple[str, ...]
    amounts: SampleSizes
    seed: int


@dataclass(frozen=True, slots=True)
class FinishedRun:
    """A run that is done; its answers and pairs lie in `out`."""

    plan: RunPlan
    out: Path
    truth: GroundTruth
    #: Images searched in.
    indexed: int
    calibration: Calibration
    header: dict[str, Any]
    failures: tuple[Failure, ...]


def run(
    plan: RunPlan,
    out: Path,
    *,
    store: str | None,
    processes: int,
    resume: bool,
    progress: Progress,
    dataset: Dataset | None = None,
) -> FinishedRun:
    """Raises ConfigError, NotFound and StoreError; a picture that cannot be used is among the failures.
    `dataset`: instead of what lies at the source.
    """
    dataset = dataset or Dataset.load(plan.source, plan.distractors)
    out.mkdir(parents=True, exist_ok=True)
    with opened_store(store) as config:
        with Engine.open(config=config) as engine:
            sketches, failures = fill(
                engine,
                _needed(dataset, plan),
                threads=processes,
                progress=lambda work, count: progress(work, count, "adding"),
            )
            indexed, calibration = engine.load(), engine.calibration
        truth = GroundTruth(dataset, sketches, plan.parts)
        header = _header(plan, indexed, calibration)
        done = take_up(out, header) if resume else start_anew(out, header)
        questions = [
            question
            for question in choose(truth, plan.part, plan.edits, plan.amounts, plan.seed)
            if not question.keys & done
        ]
        tasks = (_task(place, question, truth) for place, question in enumerate(questions))
        with RunFiles(out) as journal:
            for asked in progress(ask_all(config, tasks, processes), len(questions), "asking"):
                failures += _note(journal, questions[asked.place], asked, truth, calibration)
    with RunFiles(out) as journal:
        for template in find_templates(read_pairs(out / PAIRS), truth, plan.amounts.templates):
            if (
                not EvaluationQuery(template.asked, ASKED[-1], strata.CLONES, frozenset(), frozenset()).keys
                & done
            ):
                with opened_store(None) as throwaway, Engine.open(config=throwaway) as engine:
                    for question, small, asked in ask_among_clones(template, truth, engine):
                        failures += _note(journal, question, asked, small, calibration)
    return FinishedRun(plan, out, truth, indexed, calibration, header, tuple(dict.fromkeys(failures)))


def _note(
    journal: RunFiles,
    question: EvaluationQuery,
    asked: QueryResponse,
    truth: GroundTruth,
    calibration: Calibration,
) -> list[Failure]:
    if asked.inquiry is not None:
        journal.note(*labelled(question, asked.inquiry, truth, calibration, low_texture=asked.low_texture))
    return [asked.failure] if asked.failure else []


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


def _needed(dataset: Dataset, plan: RunPlan) -> list[Any]:
    """The pictures that are indexed or may be asked for."""
    never = [
        item
        for item in dataset.items
        if not item.indexed and item.asked and plan.parts.holds(plan.part, item)
    ]
    return [*dataset.indexed, *spread(never, round(SAME_PLACE * plan.amounts.unanswered), plan.seed)]


def _task(place: int, question: EvaluationQuery, truth: GroundTruth) -> QueryTask:
    besides = tuple(truth.sketches[file].image_id for file in question.besides if file in truth.sketches)
    return QueryTask(
        place, question.item.file, question.item.path, question.edit, truth.ids(question.left_out), besides
    )


def _header(plan: RunPlan, indexed: int, calibration: Calibration) -> dict[str, Any]:
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
        done = subprocess.run(
            ["git", "-C", str(here), "describe", "--always", "--dirty"],
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
