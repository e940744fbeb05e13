"""The program of a worker: `python -m douglas_quaid.parallel PARENT`.

Takes an order, opens its work once, and then answers one request after the other, until its input ends or its
parent is gone. A signal from the terminal is the parent's business.
"""

from __future__ import annotations

import importlib
import json
import logging
import os
import signal
import sys
from typing import BinaryIO

from ..config import Config
from ..decoding.budget import BUDGET
from ..errors import DouglasQuaidError
from .protocol import MAX_LINE, Logged, Order, Response, packed


class Kept(logging.Handler):
    """Keeps what is logged until the next response takes it along."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._kept: list[Logged] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a message."""
        self._kept.append(Logged(record.levelno, record.name, record.getMessage()))

    def taken(self) -> tuple[Logged, ...]:
        """Return what was kept, and begin anew."""
        kept, self._kept = self._kept, []
        return tuple(kept)


def main(given: list[str]) -> None:
    """Serve the process `given[0]` until it closes the pipe or is gone."""
    parent = int(given[0])
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints is not an answer
    kept = Kept()
    logging.getLogger().addHandler(kept)

    import cv2

    cv2.setNumThreads(1)  # there is one worker for each processor to be used
    order = Order(**json.loads(sys.stdin.buffer.readline(MAX_LINE)))
    BUDGET.share(order.turns, large=order.large)
    try:
        opened = importlib.import_module(order.module).open_work(Config(**order.config), order.settings)
        with opened as work:
            _send(answers, Response(logged=kept.taken()))
            while (line := sys.stdin.buffer.readline(MAX_LINE)) and os.getppid() == parent:
                _send(answers, _respond(work, json.loads(line), kept))
    except DouglasQuaidError as error:
        _send(answers, _failed(error, kept))


def _respond(work: object, request: str, kept: Kept) -> Response:
    assert callable(work)
    try:
        return Response(work(request), logged=kept.taken())
    except DouglasQuaidError as error:
        return _failed(error, kept)


def _failed(error: Exception, kept: Kept) -> Response:
    return Response(error=type(error).__name__, message=str(error), logged=kept.taken())


def _send(answers: BinaryIO, response: Response) -> None:
    try:
        answers.write(packed(response))
        answers.flush()
    except OSError:  # the parent is gone
        os._exit(1)
