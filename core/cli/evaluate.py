"""`quaid evaluate`: measures on pictures with known truth how much is found, how rarely a match is wrong, and
how seldom a person has to decide.
"""

import os
from pathlib import Path
from typing import Any

import click

from .group import command
from .terminal import complain, print_result, with_progress

#: Type of the arguments that name folders.
FOLDER = click.Path(path_type=Path)


@command("evaluate")
@click.argument("dataset", type=FOLDER)
@click.option(
    "--distractors",
    multiple=True,
    type=FOLDER,
    metavar="DIR",
    help="Another data set, which is indexed but never queried. May be repeated.",
)
@click.option(
    "--part",
    default="all",
    show_default=True,
    type=click.Choice(["all", "fit", "report"]),
    help="Use only pictures of this part as queries.",
)
@click.option(
    "--fit-sites",
    default="",
    metavar="A,B",
    help="Sites (or sets of one site) that belong to the fitting part.",
)
@click.option(
    "--report-sites",
    default="",
    metavar="C,D",
    help="Sites (or sets of one site) that belong to the reporting part.",
)
@click.option(
    "--edits",
    default="suite,doubles",
    show_default=True,
    metavar="NAME,...",
    help="Edits applied to pictures before they are used as queries.",
)
@click.option(
    "--screenshots",
    default=40,
    show_default=True,
    type=click.IntRange(0),
    metavar="N",
    help="Number of screenshots to edit.",
)
@click.option(
    "--photos",
    default=40,
    show_default=True,
    type=click.IntRange(0),
    metavar="N",
    help="Number of photographs to edit.",
)
@click.option(
    "--unanswered",
    default=1000,
    show_default=True,
    type=click.IntRange(0),
    metavar="N",
    help="Number of queries without an answer.",
)
@click.option(
    "--clones",
    default=2,
    show_default=True,
    type=click.IntRange(0),
    metavar="N",
    help="Number of templates of which 50 copies are indexed.",
)
@click.option(
    "--fillings",
    default=0,
    show_default=True,
    type=click.IntRange(0, 1000),
    metavar="N",
    help="Number of fillings of each template (forms, receipts, chats and the like) after each kind of "
    "change: the same after a light edit, and with 1, 3, half and all values changed. 20 take an hour.",
)
@click.option(
    "--processes",
    default=os.cpu_count() or 1,
    type=click.IntRange(1),
    metavar="N",
    help="Number of processes. Default: one for each processor.",
)
@click.option(
    "--seed", default=1, show_default=True, type=int, metavar="N", help="Seed of all random samples."
)
@click.option(
    "--out",
    default=Path("evaluation"),
    show_default=True,
    type=FOLDER,
    metavar="DIR",
    help="Folder for the report and the results.",
)
@click.option("--resume", is_flag=True, help="Continue the run in --out that was stopped.")
def evaluate(
    *,
    dataset: Path,
    distractors: tuple[Path, ...],
    store: str | None,
    as_json: bool,
    out: Path,
    resume: bool,
    processes: int,
    **chosen: Any,
) -> int:
    """Measure retrieval and decisions on DATASET: a folder with groups.jsonl, or a visjs graph.

    Writes report.md, answers.jsonl, pairs.jsonl, reliability.png and errors/ into --out. A store given with
    --store is kept, and pictures in it are not added again; it should contain nothing else.
    """
    from ..evaluation.filling_metrics import filling_metrics
    from ..evaluation.metrics import metrics_of_runs
    from ..evaluation.queries import SampleSizes, parse_edits
    from ..evaluation.report import totals, write_report
    from ..evaluation.run import RunPlan, run
    from ..evaluation.split import Split, Subset

    plan = RunPlan(
        source=dataset,
        distractors=distractors,
        subset=Subset(chosen["part"]),
        split=Split(_names(chosen["fit_sites"]), _names(chosen["report_sites"])),
        edits=parse_edits(chosen["edits"]),
        sizes=SampleSizes(
            chosen["screenshots"],
            chosen["photos"],
            chosen["unanswered"],
            chosen["clones"],
            chosen["fillings"],
        ),
        seed=chosen["seed"],
    )
    done = run(plan, out, store=store, processes=processes, resume=resume, progress=with_progress)
    metrics, fillings = metrics_of_runs([done.out], plan.edits), filling_metrics(done.out)
    report = write_report(done, metrics, fillings)
    print_result(totals(done, metrics, fillings), *report.split("\n"), as_json=as_json)
    for failure in done.failures:
        complain(f"failed: {failure.file}: {failure.message}")
    return 1 if done.failures else 0


def _names(text: str) -> frozenset[str]:
    return frozenset(name.strip() for name in text.split(",") if name.strip())
