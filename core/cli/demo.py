"""`quaid demo`: runs the demonstration on a throwaway embedded store and prints each answer as it comes."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..demo import run_demo
from ..demo.queries import DEMO_QUERIES, STORED_SAMPLES, DemoAnswer
from ..engine import Engine
from ..store.embedded import stop_embedded
from .terminal import complain, decision_text, say


def demonstrate(output: Path, store: str | None, print_json: Callable[[dict[str, Any]], None] | None) -> int:
    """Add, ask, print, leave the page in `output`; exit status 1 when an answer is not the expected one.

    `store`: an empty store to use instead of a throwaway one. `print_json`: prints a line a question instead
    of text.
    """
    with _engine(store) as engine:
        if print_json is None:
            say(f"{len(STORED_SAMPLES)} pictures are added, {len(DEMO_QUERIES)} questions asked.\n")
        page, answers = run_demo(
            engine,
            output,
            tell=_say_answer if print_json is None else lambda answer: print_json(_line(answer)),
        )
    wrong = sum(not answer.right for answer in answers)
    if print_json is None:
        say(
            f"\n{len(answers) - wrong} of {len(answers)} answered as expected. All of them, with the evidence drawn: {page}"
        )
    if wrong:
        complain(f"{wrong} of {len(answers)} answers are not the expected ones")
    return 1 if wrong else 0


@contextmanager
def _engine(store: str | None) -> Iterator[Engine]:
    if store is not None:
        with Engine.open(store) as engine:
            yield engine
        return
    with tempfile.TemporaryDirectory(prefix="quaid-demo-") as folder:
        try:
            with Engine.open(f"embedded:{folder}") as engine:
                yield engine
        finally:
            stop_embedded(folder)


def _say_answer(answer: DemoAnswer) -> None:
    hits = [hit for hit in answer.hits if hit.decision is answer.result.decision]
    say(
        f"{decision_text(answer.result.decision.value)}  {answer.question.title}"
        + ("" if answer.right else "  <- not the expected answer")
    )
    for hit in hits:
        relation = f"{hit.relation.value} " if hit.relation else ""
        say(f"    {answer.names[hit.image_id]}: {relation}{hit.confidence:.3f}; {hit.sentence}")


def _line(answer: DemoAnswer) -> dict[str, Any]:
    return {
        "question": answer.question.title,
        "expected": list(answer.question.expected),
        "right": answer.right,
    } | answer.result.to_json()
