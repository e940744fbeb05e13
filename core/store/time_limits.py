"""redis-py connections that wait no longer than the time limit of the thread that uses them (deadline.py)."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from ..deadline import seconds_left

if TYPE_CHECKING:
    from redis import Redis


def limited(client: Redis) -> Redis:
    """Return the same client, whose connections wait at most for `socket_timeout` and for the time that the
    thread has left.
    """
    pool = client.connection_pool
    pool.connection_class = _limited(pool.connection_class)
    return client


@cache
def _limited(base: Any) -> Any:
    from redis import exceptions

    class Limited(base):  # type: ignore[misc]
        """A connection with a time limit."""

        def __init__(self, *args: Any, socket_timeout: float | None = None, **options: Any) -> None:
            super().__init__(*args, socket_timeout=socket_timeout, **options)
            self.socket_timeout = socket_timeout  # redis-py 5.0 forgets it for Unix sockets

        def connect(self) -> Any:
            """Connect within the time left. Raises redis-py's TimeoutError."""
            self.socket_connect_timeout = self._wait()
            return super().connect()

        def send_packed_command(self, *args: Any, **options: Any) -> Any:
            """Send a command within the time left. Raises redis-py's TimeoutError."""
            self._set_timeout()
            return super().send_packed_command(*args, **options)

        def read_response(self, *args: Any, **options: Any) -> Any:
            """Read an answer within the time left. Raises redis-py's TimeoutError."""
            self._set_timeout()
            return super().read_response(*args, **options)

        def _wait(self) -> float | None:
            left = seconds_left()
            if left is None:
                return self.socket_timeout
            if left <= 0:
                # An answer may be on its way, which the next command must not take for its own.
                self.disconnect()
                raise exceptions.TimeoutError("the time for this request is over")
            return left if self.socket_timeout is None else min(left, self.socket_timeout)

        def _set_timeout(self) -> None:
            wait = self._wait()
            if self._sock is not None:
                self._sock.settimeout(wait)

    return Limited
