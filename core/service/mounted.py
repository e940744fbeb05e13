"""What else a service answers beside its operations: the pages for a browser, which are made elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from starlette.requests import Request

from .refusals import Reply


@dataclass(frozen=True, slots=True)
class Served:
    """An answer, and what the log and the metrics tell of it."""

    #: The answer.
    reply: Reply
    #: Name of what was asked, for metrics.
    name: str
    #: The path, without what names an image.
    path: str
    #: Name of the key; empty without one.
    key: str = ""


class Mounted(Protocol):
    """Answers some paths. Host and site of a request were checked."""

    async def answer(self, request: Request) -> Served | None:
        """Return the answer; None for a path that is not its own."""
