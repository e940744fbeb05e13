"""`quaid demo`: runs the demonstration on a throwaway embedded store and prints each answer as it arrives."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .group import command
from .terminal import Line, complain, decision_text, print_result, say

if TYPE_CHECKING:
    from ..demo.queries import DemoAnswer


@command("demo")
@click.option(
    "--output",
    default="demo-output",
    show_default=True,
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Folder for the pictures and the page.",
)
def demo(output: Path, store: str | None, as_json: bool) -> int:
    """Run the demonstration.

    It adds sample pictures to a throwaway store, queries edited versions, and writes a page with the
    evidence.
    """
    from ..demo.queries import DEMO_QUERIES, STORED_SAMPLES
    from ..demo.run import run_demo
    from ..engine import Engine
    from ..store.embedded import given_or_throwaway

    with given_or_throwaway(store) as url, Engine.open(url) as engine:
        if not as_json:
            say(f"Adding {len(STORED_SAMPLES)} pictures, then running {len(DEMO_QUERIES)} queries.", "")
        page, answers = run_demo(
            engine, output, tell=lambda answer: print_result(_line(answer), *_lines(answer), as_json=as_json)
        )
    right = sum(answer.right for answer in answers)
    if not as_json:
        say(
            "",
            f"{right} of {len(answers)} answered as expected. All of them, with the evidence drawn: {page}",
        )
    if right < len(answers):
        complain(f"{len(answers) - right} of {len(answers)} answers are not the expected ones")
        return 1
    return 0


def _lines(answer: DemoAnswer) -> list[Line]:
    decision = answer.result.decision
    note = "" if answer.right else "  <- not the expected answer"
    lines: list[Line] = [(decision_text(decision.value), f"  {answer.query.title}{note}")]
    for hit in answer.hits:
        if hit.decision is decision:
            relation = f"{hit.relation.value} " if hit.relation else ""
            lines += [f"    {answer.names[hit.image_id]}: {relation}{hit.confidence:.3f}; {hit.sentence}"]
    return lines


def _line(answer: DemoAnswer) -> dict[str, Any]:
    return {
        "question": answer.query.title,
        "expected": list(answer.query.expected),
        "right": answer.right,
    } | answer.result.to_json()
