"""`quaid demo`: runs the demonstration on a throwaway embedded store and prints each answer as it arrives."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..demo import run_demo
from ..demo.queries import DEMO_QUERIES, STORED_SAMPLES, DemoAnswer
from ..engine import Engine
from ..store.throwaway import given_or_throwaway
from .terminal import complain, decision_text, say


def demonstrate(output: Path, store: str | None, print_json: Callable[[dict[str, Any]], None] | None) -> int:
    """Add the samples, run the queries, print the answers and write the page to `output`. Return the exit
    status: 1 if an answer is not the expected one.

    `store`: an empty store to use instead of a throwaway one. `print_json`: prints one line for each query
    instead of text.
    """
    with given_or_throwaway(store) as url, Engine.open(url) as engine:
        if print_json is None:
            say(f"Adding {len(STORED_SAMPLES)} pictures, then running {len(DEMO_QUERIES)} queries.\n")
            page, answers = run_demo(engine, output, tell=_say_answer)
        else:
            page, answers = run_demo(engine, output, tell=lambda answer: print_json(_line(answer)))
    right = sum(answer.right for answer in answers)
    if print_json is None:
        say(f"\n{right} of {len(answers)} answered as expected. All of them, with the evidence drawn: {page}")
    if right < len(answers):
        complain(f"{len(answers) - right} of {len(answers)} answers are not the expected ones")
        return 1
    return 0


def _say_answer(answer: DemoAnswer) -> None:
    decision = answer.result.decision
    note = "" if answer.right else "  <- not the expected answer"
    say(f"{decision_text(decision.value)}  {answer.query.title}{note}")
    for hit in answer.hits:
        if hit.decision is decision:
            relation = f"{hit.relation.value} " if hit.relation else ""
            say(f"    {answer.names[hit.image_id]}: {relation}{hit.confidence:.3f}; {hit.sentence}")


def _line(answer: DemoAnswer) -> dict[str, Any]:
    return {
        "question": answer.query.title,
        "expected": list(answer.query.expected),
        "right": answer.right,
    } | answer.result.to_json()
