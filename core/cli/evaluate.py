"""`quaid evaluate`: how much is found, how rarely `match` is wrong, how seldom a person must look, on
pictures whose truth is known.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .terminal import complain, json_line, say, with_progress

if TYPE_CHECKING:
    from ..evaluation.metrics import Metrics
    from ..evaluation.run import FinishedRun

FOLDER = click.Path(path_type=Path)


def options(function: Callable[..., int]) -> Callable[..., int]:
    """The argument and options of the command."""
    for option in reversed(
        (
            click.argument("dataset", type=FOLDER),
            click.option(
                "--distractors",
                multiple=True,
                type=FOLDER,
                metavar="DIR",
                help="Another data set that is only searched in; may be repeated.",
            ),
            click.option(
                "--part",
                default="all",
                show_default=True,
                type=click.Choice(["all", "fit", "report"]),
                help="Ask for pictures of this part only.",
            ),
            click.option(
                "--fit-sites",
                default="",
                metavar="A,B",
                help="Sites (or sets of one site) that are of the fitting part.",
            ),
            click.option(
                "--report-sites",
                default="",
                metavar="C,D",
                help="Sites (or sets of one site) that are of the reporting part.",
            ),
            click.option(
                "--edits",
                default="suite",
                show_default=True,
                metavar="NAME,...",
                help="Edits after which pictures are asked for.",
            ),
            click.option(
                "--screenshots",
                default=40,
                show_default=True,
                type=click.IntRange(0),
                metavar="N",
                help="Screenshots that are edited.",
            ),
            click.option(
                "--photos",
                default=40,
                show_default=True,
                type=click.IntRange(0),
                metavar="N",
                help="Photographs that are edited.",
            ),
            click.option(
                "--unanswered",
                default=1000,
                show_default=True,
                type=click.IntRange(0),
                metavar="N",
                help="Questions without an answer.",
            ),
            click.option(
                "--clones",
                default=2,
                show_default=True,
                type=click.IntRange(0),
                metavar="N",
                help="Templates that are indexed 50 times over.",
            ),
            click.option(
                "--processes",
                default=os.cpu_count() or 1,
                type=click.IntRange(1),
                metavar="N",
                help="Default: one a processor.",
            ),
            click.option("--seed", default=1, show_default=True, type=int, metavar="N"),
            click.option(
                "--out",
                default=Path("evaluation"),
                show_default=True,
                type=FOLDER,
                metavar="DIR",
                help="Where report and lines go.",
            ),
            click.option("--resume", is_flag=True, help="Take up the run in --out that was stopped."),
        )
    ):
        function = option(function)
    return function


@options
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

    Writes report.md, answers.jsonl, pairs.jsonl, reliability.png and errors/ into --out. A store that is
    given is kept, and pictures it knows are not added again; it should hold nothing else.
    """
    from ..evaluation.metrics import measured
    from ..evaluation.queries import SampleSizes, known_edits
    from ..evaluation.report import totals
    from ..evaluation.run import RunPlan, run
    from ..evaluation.split import Split, Subset

    plan = RunPlan(
        source=dataset,
        distractors=distractors,
        part=Subset(chosen["part"]),
        parts=Split(_names(chosen["fit_sites"]), _names(chosen["report_sites"])),
        edits=known_edits(chosen["edits"]),
        amounts=SampleSizes(chosen["screenshots"], chosen["photos"], chosen["unanswered"], chosen["clones"]),
        seed=chosen["seed"],
    )
    ran = run(plan, out, store=store, processes=processes, resume=resume, progress=with_progress)
    measures = measured([ran.out], plan.edits)
    text = draw(ran, measures)
    if as_json:
        json_line(totals(ran, measures))
    else:
        say(text)
    for failure in ran.failures:
        complain(f"failed: {failure.file}: {failure.message}")
    return 1 if ran.failures else 0


def draw(ran: FinishedRun, measures: Metrics) -> str:
    """Write report.md, the reliability curve and the worst errors of a run; gives the report."""
    from ..config import Config
    from ..evaluation.error_gallery import draw_errors, find_errors
    from ..evaluation.reliability_diagram import draw_reliability
    from ..evaluation.report import markdown
    from ..evaluation.results import ANSWERS, PAIRS, read_answers, read_pairs

    errors = find_errors(read_answers(ran.out / ANSWERS), read_pairs(ran.out / PAIRS))
    drawn = draw_errors(errors, ran.truth, Config.from_environment(), ran.out)
    curves = {
        "all verified pairs": (measures.all_pairs, "#1f5fa8"),
        "pairs with a map": (measures.mapped_pairs, "#b3541e"),
    }
    (ran.out / "reliability.png").write_bytes(draw_reliability(curves))
    text = markdown(ran, measures, drawn)
    (ran.out / "report.md").write_text(text, "utf-8")
    return text


def _names(text: str) -> frozenset[str]:
    return frozenset(name.strip() for name in text.split(",") if name.strip())
