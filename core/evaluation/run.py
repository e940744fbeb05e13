"""One evaluation, from a data set to answers.jsonl and pairs.jsonl: fill the store, choose queries, run them,
label what was judged.

Results are written as they arrive. A run that was stopped is resumed if run.json says that it is the same
one.
"""

import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ..config import Config
from ..decision.calibration import Calibration
from ..engine import Engine
from ..store.embedded import given_or_throwaway
from .clones import find_templates, query_among_clones
from .dataset import Dataset, Item
from .engine_calls import Failure, QueryResponse, index_pictures, run_queries
from .filling_questions import AnyTemplate, kinds, kinds_of
from .filling_run import ask_fillings, count_clusters, count_known_clusters, indexed, prepare_fillings
from .ground_truth import GroundTruth
from .labelling import label_response
from .queries import SampleSizes, sample_queries, spread
from .results import PAIRS, QueryKey, append_results, read_pairs, resume_run, start_run
from .split import Split, Subset

#: Pictures to read of those that are never indexed, per query without an answer. chosen: some of them are
#: pages of indexed sites.
READ_PER_QUERY = 1.2

#: Passes work through while showing a progress bar: the work, the number of steps, a label.
Progress = Callable[[Iterator[Any], int, str], Iterator[Any]]


@dataclass(frozen=True, slots=True)
class RunPlan:
    """What is asked of a run; all of it is written to run.json."""

    #: The data set.
    source: Path
    #: Data sets that are only searched in.
    distractors: tuple[Path, ...]
    #: The part whose pictures are queries.
    subset: Subset
    #: The division of the data set.
    split: Split
    #: Names of the edits.
    edits: tuple[str, ...]
    #: Numbers of pictures and queries.
    sizes: SampleSizes
    #: Seed of all samples.
    seed: int


@dataclass(frozen=True, slots=True)
class FinishedRun:
    """A run that is done; its outcomes and pairs lie in `out`."""

    #: Its folder.
    out: Path
    #: The ground truth of the data set, and of the fillings.
    truth: GroundTruth
    #: The content of run.json.
    header: dict[str, Any]
    #: Pictures that could not be used.
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
    """Run an evaluation and write its files into `out`. `dataset`: use this one instead of reading the
    source.

    Raises ConfigError, NotFound and StoreError; a picture that cannot be used becomes a failure.
    """
    dataset = dataset or Dataset.load(plan.source, plan.distractors)
    out.mkdir(parents=True, exist_ok=True)
    templates = kinds(plan.subset) if plan.sizes.fillings else ()
    with given_or_throwaway(store) as url:
        config = Config.from_environment(store=url)
        with Engine.open(config=config) as engine:
            fingerprints, failures = index_pictures(
                engine,
                _needed(dataset, plan),
                threads=processes,
                progress=lambda work, count: progress(work, count, "adding"),
            )
            count, calibration = engine.load(), engine.calibration
        truth = GroundTruth(dataset, fingerprints, plan.split)
        header = _header(plan, count, calibration, templates)
        done = resume_run(out, header) if resume else start_run(out, header)
        queries = [
            query
            for query in sample_queries(truth, plan.subset, plan.edits, plan.sizes, plan.seed)
            if not query.keys & done
        ]
        for response in progress(run_queries(config, queries, processes), len(queries), "querying"):
            failures += _record(out, response, truth, calibration)
        everything = truth
        if templates:
            everything, more = _run_fillings(
                plan, templates, out, config, truth, calibration, done, processes, progress
            )
            failures += more
    for template in find_templates(read_pairs(out / PAIRS), truth, plan.sizes.templates):
        if not template.last_query.keys & done:
            with given_or_throwaway(None) as url, Engine.open(url) as engine:
                for small, response in query_among_clones(template, truth, engine):
                    failures += _record(out, response, small, calibration)
    return FinishedRun(out, everything, header, tuple(dict.fromkeys(failures)))


def _run_fillings(
    plan: RunPlan,
    templates: tuple[AnyTemplate, ...],
    out: Path,
    config: Config,
    truth: GroundTruth,
    calibration: Calibration,
    done: frozenset[QueryKey],
    processes: int,
    progress: Progress,
) -> tuple[GroundTruth, list[Failure]]:
    """Run the stratum "fillings"; return the ground truth with the fillings, and the failures."""
    prepared = prepare_fillings(templates, plan.sizes.fillings, plan.seed, out, progress)
    failures: list[Failure] = []
    with Engine.open(config=config) as engine, indexed(engine, prepared, truth, progress) as known:
        count_known_clusters(engine, prepared, known, out)
        count = sum(len(kind.questions) for kind in prepared)
        responses = ask_fillings(config, prepared, known, done, processes)
        for response in progress(responses, count, "asking about fillings"):
            failures += _record(out, response, known, calibration)
        count_clusters(engine, prepared, known, out, progress)
    return known, failures


def _record(
    out: Path, response: QueryResponse | Failure, truth: GroundTruth, calibration: Calibration
) -> list[Failure]:
    """Write what came of a query; return its failure."""
    if isinstance(response, Failure):
        return [response]
    append_results(out, *label_response(response, truth, calibration))
    return []


def _needed(dataset: Dataset, plan: RunPlan) -> list[Item]:
    """Return the pictures that are indexed or may be queries."""
    never = [
        item
        for item in dataset.items
        if not item.indexed and item.queried and plan.split.contains(plan.subset, item)
    ]
    return [*dataset.indexed, *spread(never, round(READ_PER_QUERY * plan.sizes.unanswered), plan.seed)]


def _header(
    plan: RunPlan, count: int, calibration: Calibration, templates: tuple[AnyTemplate, ...]
) -> dict[str, Any]:
    return {
        "source": str(plan.source),
        "distractors": [str(path) for path in plan.distractors],
        "part": plan.subset.value,
        "fit_sites": sorted(plan.split.fit_sites),
        "report_sites": sorted(plan.split.report_sites),
        "edits": list(plan.edits),
        "screenshots": plan.sizes.screenshots,
        "photos": plan.sizes.photos,
        "unanswered": plan.sizes.unanswered,
        "templates": plan.sizes.templates,
        "fillings": plan.sizes.fillings,
        "filled": [template.kind for template in templates],
        "not_filled": [
            template.kind
            for template in (kinds_of(plan.subset) if plan.sizes.fillings else ())
            if template not in templates
        ],
        "seed": plan.seed,
        "indexed": count,
        "calibration": calibration.id,
        "version": version("douglas-quaid"),
        "commit": commit(),
    }


def commit() -> str | None:
    """Return the commit of the checkout that runs; None for an installed package."""
    try:
        return subprocess.run(
            ["git", "describe", "--always", "--dirty"],
            cwd=Path(__file__).resolve().parent,
            capture_output=True,
            text=True,
            timeout=20,
            check=True,
        ).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return None
