"""Every error of a request in one shape, `{"error": {"type", "message"}}`, and the status that it has."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from ..errors import (
    ConfigError,
    DouglasQuaidError,
    FormatError,
    ImageError,
    ImageTooLarge,
    KeyRefused,
    NotAllowed,
    NotFound,
    ServiceBusy,
    StoreError,
)

_log = logging.getLogger(__name__)

#: Seconds after which a request may be sent again when the store is away or no slot is free. chosen.
RETRY_AFTER = 1
#: Bytes of lines that are sent together. chosen.
STREAMED_BYTES = 64 * 1024
#: Statuses of our errors; the first class that an error belongs to counts.
STATUSES: tuple[tuple[type[DouglasQuaidError], int], ...] = (
    (ImageTooLarge, 413),
    (ImageError, 422),
    (ServiceBusy, 503),
    (StoreError, 503),
    (FormatError, 500),
    (KeyRefused, 401),
    # It is the service's own user of the store that lacks a right. A key that lacks one is a Refusal.
    (NotAllowed, 500),
    (ConfigError, 400),
    (NotFound, 404),
)


class Refusal(Exception):
    """Raised where the status of an error is not that of its class."""

    def __init__(
        self, status: int, error: DouglasQuaidError, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(str(error))
        #: HTTP status.
        self.status = status
        #: What the answer tells.
        self.error = error
        #: Headers of the answer.
        self.headers = dict(headers or {})


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer, before it is sent."""

    #: HTTP status.
    status: int
    #: The body.
    body: bytes
    #: Media type of the body.
    media: str = "application/json"
    #: Further headers.
    headers: Mapping[str, str] = field(default_factory=dict)
    #: What follows the body, made while it is sent; None for nothing.
    stream: Iterator[bytes] | AsyncIterator[bytes] | None = None


def json_reply(
    line: Mapping[str, object], status: int = 200, headers: Mapping[str, str] | None = None
) -> Reply:
    """Return an answer of one JSON object."""
    return Reply(status, encoded(line), headers=headers or {})


def lines_reply(lines: list[dict[str, object]]) -> Reply:
    """Return an answer of one JSON object on each line, as the command line prints them."""
    return Reply(200, b"".join(map(encoded, lines)), "application/x-ndjson")


def streamed(lines: Iterable[Mapping[str, object]]) -> Reply:
    """Return an answer of one JSON object on each line, which are made while it is sent: however many they
    are, few are in memory. An error on the way ends the answer with a line that tells it.
    """
    return Reply(200, b"", "application/x-ndjson", stream=_groups(lines))


def _groups(lines: Iterable[Mapping[str, object]]) -> Iterator[bytes]:
    waiting = bytearray()
    try:
        for line in lines:
            waiting += encoded(line)
            if len(waiting) >= STREAMED_BYTES:
                yield bytes(waiting)
                waiting.clear()
    except DouglasQuaidError as error:
        waiting += error_reply(error).body
    yield bytes(waiting)


def error_reply(error: Exception) -> Reply:
    """Return the answer to a request that failed. What is not an error of ours is told by its class alone;
    the log has the rest.
    """
    headers: dict[str, str] = {}
    if isinstance(error, Refusal):
        status, told, headers = error.status, error.error, error.headers
    elif isinstance(error, DouglasQuaidError):
        status, told = next(number for kind, number in STATUSES if isinstance(error, kind)), error
    else:
        _log.error("a request failed", exc_info=error)
        return json_reply({"error": {"type": "InternalError", "message": type(error).__name__}}, 500)
    if status == 503:
        headers = {"Retry-After": str(RETRY_AFTER)} | headers
    if status == 401:
        headers = {"WWW-Authenticate": 'Bearer realm="douglas-quaid"'} | headers
    body = {"error": {"type": type(told).__name__, "message": str(told)}}
    return Reply(status, encoded(body), headers=headers)


def encoded(line: Mapping[str, object]) -> bytes:
    """Return a JSON object as a line, in ASCII without control characters."""
    return json.dumps(line).replace("\x7f", "\\u007f").encode("ascii") + b"\n"
