"""HTTP/1.1 as uvicorn speaks it, but a connection that sends no whole request for a while is closed: others
need its place.

uvicorn ends connections that are idle after an answer, and waits for the first request for ever.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

#: Seconds in which the lines above a body must come. chosen: as `uploads.SILENCE`.
SILENCE = 30.0


class Protocol(H11Protocol):
    """One connection."""

    #: See SILENCE.
    silence = SILENCE
    _waiting: asyncio.TimerHandle | None = None
    _asked: Any = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for a request."""
        super().connection_made(transport)
        self._waiting = self.loop.call_later(self.silence, self._look)

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no longer."""
        if self._waiting is not None:
            self._waiting.cancel()
        super().connection_lost(exc)

    def _look(self) -> None:
        """Close the connection if it has asked nothing since the last look, and nothing is being answered."""
        if self.cycle is self._asked and (self.cycle is None or self.cycle.response_complete):
            self.transport.close()
            return
        self._asked = self.cycle
        self._waiting = self.loop.call_later(self.silence, self._look)
