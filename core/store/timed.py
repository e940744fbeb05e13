"""Connections of redis-py that keep to the time limit of the thread that uses them (deadline.py), below their
own timeout.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from ..deadline import seconds_left

if TYPE_CHECKING:
    from redis import Redis


def timed(client: Redis) -> Redis:
    """The same client, whose connections wait no longer than `socket_timeout` and no longer than the thread's
    limit.
    """
    pool = client.connection_pool
    pool.connection_class = _timed(pool.connection_class)
    return client


@cache
def _timed(base: Any) -> Any:
    from redis import exceptions

    class Timed(base):  # type: ignore[misc]
        def __init__(self, *args: Any, socket_timeout: float | None = None, **options: Any) -> None:
            super().__init__(*args, socket_timeout=socket_timeout, **options)
            self.socket_timeout = socket_timeout  # redis-py 5.0 forgets it for Unix sockets
            self._longest = socket_timeout

        def connect(self) -> Any:
            self.socket_connect_timeout = self._wait()
            return super().connect()

        def send_packed_command(self, *args: Any, **options: Any) -> Any:
            self._hurry()
            return super().send_packed_command(*args, **options)

        def read_response(self, *args: Any, **options: Any) -> Any:
            self._hurry()
            return super().read_response(*args, **options)

        def _wait(self) -> float | None:
            left = seconds_left()
            if left is None:
                return self._longest
            if left <= 0:
                # an answer may be on its way; nobody must take it for that of the next question
                self.disconnect()
                raise exceptions.TimeoutError("the time for this question is up")
            return left if self._longest is None else min(left, self._longest)

        def _hurry(self) -> None:
            wait = self._wait()
            if self._sock is not None:
                self._sock.settimeout(wait)

    return Timed
