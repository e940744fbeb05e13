"""`quaid demo`: adds sample pictures to a throwaway store, queries it with edited copies and strangers, and
writes a page with the answers.

    pictures.py     the samples, and the edits
    queries.py      what is added, what is queried, what is expected
    report.py       the page
"""

from collections.abc import Callable
from pathlib import Path

from ..engine import Engine
from .queries import DEMO_QUERIES, STORED_SAMPLES, DemoAnswer, SamplePicture, add_samples, answer_queries
from .report import write_report

__all__ = ["DEMO_QUERIES", "STORED_SAMPLES", "DemoAnswer", "SamplePicture", "run_demo"]


def run_demo(
    engine: Engine, output: Path, *, tell: Callable[[DemoAnswer], None]
) -> tuple[Path, tuple[DemoAnswer, ...]]:
    """Add, query, call `tell` with each answer as it arrives, and write the page. Return the page's path and
    all answers.

    `output`/index.html is the page; `output`/known and `output`/asked contain the pictures, for trying other
    commands. `engine` is open on an empty store, which keeps the samples afterwards, so it should be a
    throwaway one.
    """
    for folder in ("known", "asked"):
        (output / folder).mkdir(parents=True, exist_ok=True)
    samples = add_samples(engine)
    for sample in samples:
        (output / "known" / sample.name).write_bytes(sample.picture)
    answers = []
    for answer in answer_queries(engine, samples):
        tell(answer)
        (output / "asked" / answer.query.file_name(answer.picture)).write_bytes(answer.picture)
        answers.append(answer)
    return write_report(engine, samples, answers, output), tuple(answers)
