"""One time budget, handed down from the host; work that it cuts is reported, never silently left out."""

from __future__ import annotations

import time


class Timer:
    """`at`: moment of time.monotonic() at which the time is up; None for no limit."""

    def __init__(self, at: float | None) -> None:
        self._at = at
        self.cut = False
        """Whether somebody asked after the time was up, so that work was left undone."""

    def is_up(self) -> bool:
        up = self._at is not None and time.monotonic() >= self._at
        self.cut = self.cut or up
        return up


UNLIMITED = Timer(None)
