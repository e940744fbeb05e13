"""A process of its own that asks, adds and links, for test_redecide.py; spawned, so that it lies in a module
that can be imported.
"""

from __future__ import annotations

from multiprocessing.queues import Queue

from douglas_quaid import Engine


def ask_and_link(url: str, questions: Queue[bytes | None], answers: Queue[str]) -> None:
    """For each picture until None: the decision of a query, then the calibration of the verdict that a link
    stored.
    """
    with Engine.open(url) as engine:
        for data in iter(questions.get, None):
            answers.put(engine.query(data).decision.value)
            answers.put(engine.link(engine.add(data, link=False).image_id)[0].verdict.calibration_id)
