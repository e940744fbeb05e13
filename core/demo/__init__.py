"""`quaid demo`: sample pictures are added to a throwaway store, edited copies and strangers are asked for,
and a page shows the answers.

    pictures.py     the samples, and the edits
    questions.py    what is added, what is asked, what is expected
    report.py       the page
    command.py      what is printed
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ..engine import Engine
from .queries import DemoAnswer, SamplePicture, add_known, ask_all
from .report import write_report

__all__ = ["DemoAnswer", "SamplePicture", "run_demo"]


def run_demo(
    engine: Engine, output: Path, *, tell: Callable[[DemoAnswer], None]
) -> tuple[Path, tuple[DemoAnswer, ...]]:
    """Add, ask, call `tell` with each answer as it comes, and write the page. Gives the page's path and all
    answers.

    `output`/index.html is the page; `output`/known and `output`/asked hold the pictures, to try other
    commands on. `engine` is open on an empty store, which keeps the samples afterwards: a throwaway one is
    meant.
    """
    for folder in ("known", "asked"):
        (output / folder).mkdir(parents=True, exist_ok=True)
    known = add_known(engine)
    for picture in known:
        (output / "known" / picture.name).write_bytes(picture.picture)
    answers = []
    for answer in ask_all(engine, known):
        tell(answer)
        (output / "asked" / answer.question.file_name(answer.picture)).write_bytes(answer.picture)
        answers.append(answer)
    return write_report(engine, known, answers, output), tuple(answers)
