"""Runs the demonstration for the command line: a throwaway store, a line for each answer, the page's place at the end."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..config import Config
from ..engine import Engine
from ..store.embedded import stop_embedded
from ..terminal import complain, decision_text, say
from . import Answer, run_demo


def demonstrate(output: Path, url: str | None, print_line: Callable[[dict[str, Any]], None] | None) -> int:
    """Run the demonstration on `url`, or on a store of its own that is removed afterwards. 1 when an answer was not the expected one."""

    def tell(answer: Answer) -> None:
        if print_line is not None:
            print_line({"title": answer.question.title, "expected": answer.right} | answer.result.to_json())
            return
        say(f"{decision_text(answer.result.decision.value)}  {answer.question.title}" + ("" if answer.right else "  <- not the expected answer"))
        for hit in answer.result.hits:
            say(f"    {hit.relation.value if hit.relation else 'unrelated'} {hit.confidence:.3f}: {hit.sentence}")

    with tempfile.TemporaryDirectory(prefix="dq-demo-") as folder:
        own = f"embedded:{folder}"
        try:
            with Engine.open(config=Config.from_environment(store=url or own)) as engine:
                page, answers = run_demo(engine, output, tell=tell)
        finally:
            if url is None:
                stop_embedded(folder)
    wrong = sum(not answer.right for answer in answers)
    if print_line is None:
        say(f"\n{len(answers) - wrong} of {len(answers)} answers as expected. Look at them: {page}")
    if wrong:
        complain(f"{wrong} of {len(answers)} answers were not the expected ones")
    return 1 if wrong else 0
