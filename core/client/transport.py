"""HTTP to a service: one connection for each thread, kept open, with a limit of time on every wait.

Takes what is to be sent, returns what came back; an answer that is an error is raised as the error it was at
the other end. Redirects are not followed. While the service has no slot free, or the rate of the key is used
up, a request is sent again for as long as the caller has patience.
"""

from __future__ import annotations

import json
import secrets
import ssl
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from .. import errors
from ..deadline import seconds_left
from ..errors import ConfigError, DouglasQuaidError, FormatError, ServiceBusy, StoreTimeout, StoreUnavailable
from ..store_url import is_service, shown

#: Maximum number of bytes of an answer. chosen: a thousand hits, or the drawing of two pages.
MAX_ANSWER = 256 * 1024 * 1024
#: Seconds until a request that the service has no slot for is sent again, if it names none. chosen.
PAUSE = 1.0

#: A value, or several, of a field of a form or a URL.
Values = Mapping[str, str | Iterable[str] | None]


@dataclass(frozen=True, slots=True)
class Upload:
    """A file in a form."""

    #: Name of the field.
    field: str
    #: Name that errors call it by.
    name: str
    #: The bytes.
    data: bytes


@dataclass(frozen=True, slots=True)
class _Body:
    """What is sent: its parts one after the other, so that a picture is not copied."""

    parts: tuple[bytes, ...] = ()
    content_type: str | None = None


class Transport:
    """Sends requests to one service. Threads may share it."""

    def __init__(
        self, url: str, *, key: str, timeout: float, patience: float, ca_file: str | None = None
    ) -> None:
        """Raises ConfigError for a URL that names no service, a key with characters that no key has, and a
        `ca_file` that cannot be read.
        """
        if not is_service(url):
            raise ConfigError(f"{shown(url)!r}: expected http:// or https://HOST[:PORT]/")
        if not (key.isascii() and key.isprintable()) or " " in key:
            raise ConfigError("the key holds a space, a line break or a character that no key has")
        #: The URL of the service.
        self.url = url
        self._parts = urlsplit(url)
        self._key, self._timeout, self._patience = key, timeout, patience
        self._local = threading.local()
        self._open: list[HTTPConnection] = []
        self._tls: ssl.SSLContext | None = None
        if self._parts.scheme == "https":
            try:
                self._tls = ssl.create_default_context(cafile=ca_file)
            except OSError as error:
                raise ConfigError(f"{ca_file}: no certificates can be read: {error}") from None

    def get(self, path: Iterable[str], query: Values | None = None, *, method: str = "GET") -> bytes:
        """Return the answer to a request without a body. `path`: its segments, which may hold any character.
        Raises the errors of the service, StoreUnavailable, StoreTimeout.
        """
        return self._send(method, _target(path, query), _Body())

    def post(self, path: Iterable[str], fields: Values, uploads: Iterable[Upload] = ()) -> bytes:
        """Return the answer to a form. Raises as `get`."""
        return self._send("POST", _target(path, None), _form(fields, uploads))

    def post_json(self, path: Iterable[str], fields: Mapping[str, object]) -> bytes:
        """Return the answer to a JSON object. Raises as `get`."""
        data = json.dumps(fields, ensure_ascii=False).encode("utf-8", "surrogatepass")
        return self._send("POST", _target(path, None), _Body((data,), "application/json"))

    def close(self) -> None:
        """Close all connections."""
        while self._open:
            self._open.pop().close()

    def _send(self, method: str, target: str, body: _Body) -> bytes:
        until = time.monotonic() + self._patience
        while True:
            status, headers, data = self._exchange(method, target, body)
            if status < 400:
                return data
            error = _error(status, data, self.url)
            try:
                pause = float(headers.get("Retry-After", PAUSE))
            except ValueError:
                pause = PAUSE
            left = seconds_left()
            late = time.monotonic() + pause >= until or (left is not None and pause >= left)
            if not isinstance(error, ServiceBusy) or late:
                raise error
            time.sleep(pause)

    def _exchange(self, method: str, target: str, body: _Body) -> tuple[int, Mapping[str, str], bytes]:
        """Send a request once; again, on a new connection, where the old one had been closed meanwhile."""
        wait = min(self._timeout, seconds_left() or self._timeout)
        if wait <= 0:
            raise StoreTimeout(f"the service at {self.url} was not asked: the time for this request is up")
        for attempt in (0, 1):
            connection, is_new = self._connection(wait)
            try:
                return self._once(connection, method, target, body)
            except TimeoutError:
                connection.close()
                raise StoreTimeout(
                    f"the service at {self.url} did not answer within {wait:g} s; is it overloaded?"
                ) from None
            except ssl.SSLError as error:
                connection.close()
                raise ConfigError(
                    f"the service at {self.url} has a certificate that is not trusted, or no TLS: {error}"
                ) from None
            except (OSError, HTTPException) as error:
                connection.close()
                if is_new or attempt:
                    raise StoreUnavailable(
                        f"the service at {self.url} cannot be reached: {error or type(error).__name__}"
                    ) from None
        raise AssertionError("unreachable")

    def _once(
        self, connection: HTTPConnection, method: str, target: str, body: _Body
    ) -> tuple[int, Mapping[str, str], bytes]:
        headers = {"User-Agent": "douglas-quaid", "Accept": "*/*"}
        if self._key:
            headers["Authorization"] = f"Bearer {self._key}"
        if body.content_type is not None:
            headers["Content-Type"] = body.content_type
            headers["Content-Length"] = str(sum(map(len, body.parts)))
        connection.putrequest(method, target)
        for name, value in headers.items():
            connection.putheader(name, value)
        try:
            connection.endheaders()
            for part in body.parts:
                connection.send(part)
        except (BrokenPipeError, ConnectionResetError):
            # It may have answered before it had read all: that answer says why.
            if connection.sock is None:
                raise
        response = connection.getresponse()
        data = _read(response)
        return response.status, {name.title(): value for name, value in response.getheaders()}, data

    def _connection(self, wait: float) -> tuple[HTTPConnection, bool]:
        """The connection of this thread, and whether it is new."""
        known: HTTPConnection | None = getattr(self._local, "connection", None)
        if known is not None and known.sock is not None:
            known.sock.settimeout(wait)
            return known, False
        host, port = self._parts.hostname or "", self._parts.port
        made = (
            HTTPConnection(host, port, timeout=wait)
            if self._tls is None
            else HTTPSConnection(host, port, timeout=wait, context=self._tls)
        )
        self._local.connection = made
        self._open.append(made)
        return made, True


def objects(data: bytes) -> list[dict[str, Any]]:
    """Return the JSON objects of an answer, one on each line. Raises FormatError for anything else."""
    try:
        found = [json.loads(line) for line in data.decode("utf-8").splitlines() if line]
    except ValueError as error:
        raise FormatError(f"the answer of the service cannot be read: {error}") from None
    if not all(isinstance(line, dict) for line in found):
        raise FormatError("the answer of the service is not one JSON object on each line")
    return found


def told_objects(data: bytes) -> list[dict[str, Any]]:
    """Return the same; raises the error that ended an answer on the way."""
    found = objects(data)
    if found and set(found[-1]) == {"error"}:
        raise told_error(found[-1], status=500)
    return found


def one_object(data: bytes) -> dict[str, Any]:
    """Return the JSON object of an answer of one line. Raises FormatError."""
    lines = objects(data)
    if len(lines) != 1:
        raise FormatError(f"the service answered with {len(lines)} lines where one was expected")
    return lines[0]


def _read(response: HTTPResponse) -> bytes:
    data = response.read(MAX_ANSWER + 1)
    if len(data) > MAX_ANSWER:
        raise FormatError(f"the service answered with more than {MAX_ANSWER:,} bytes")
    return data


def _target(path: Iterable[str], query: Values | None) -> str:
    target = "/" + "/".join(quote(part, safe="", errors="surrogateescape") for part in path)
    pairs = [] if query is None else _pairs(query)
    return target + (f"?{urlencode(pairs, errors='surrogateescape')}" if pairs else "")


def _pairs(values: Values) -> list[tuple[str, str]]:
    given = ((name, [value] if isinstance(value, str) else value or ()) for name, value in values.items())
    return [(name, one) for name, several in given for one in several]


def _form(fields: Values, uploads: Iterable[Upload]) -> _Body:
    boundary = secrets.token_hex(16)
    parts = list[bytes]()
    for name, value in _pairs(fields):
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="{_quoted(name)}"\r\n\r\n'
        parts += [head.encode() + value.encode("utf-8", "surrogateescape") + b"\r\n"]
    for upload in uploads:
        named = f'name="{_quoted(upload.field)}"; filename="{_quoted(upload.name)}"'
        head = (
            f"--{boundary}\r\nContent-Disposition: form-data; {named}\r\n"
            "Content-Type: application/octet-stream\r\n\r\n"
        )
        parts += [head.encode("utf-8", "surrogateescape"), upload.data, b"\r\n"]
    parts.append(f"--{boundary}--\r\n".encode())
    return _Body(tuple(parts), f"multipart/form-data; boundary={boundary}")


def _quoted(name: str) -> str:
    """A name in a form. spec: HTML, multipart form data."""
    return name.replace("\r", "%0D").replace("\n", "%0A").replace('"', "%22")


def _error(status: int, data: bytes, url: str) -> DouglasQuaidError:
    """The error that the service tells, as it was raised there."""
    try:
        return told_error(json.loads(data), status=status)
    except (ValueError, KeyError, TypeError):
        return StoreUnavailable(
            f"{url} answered with status {status} and no error of ours; is it a douglas-quaid service?"
        )


def told_error(line: Mapping[str, Any], *, status: int) -> DouglasQuaidError:
    """Return the error that a line tells. Raises KeyError or TypeError for a line that tells none."""
    name, message = str(line["error"]["type"]), str(line["error"]["message"])
    kind = getattr(errors, name, None)
    if not (isinstance(kind, type) and issubclass(kind, DouglasQuaidError)):
        kind = StoreUnavailable if status >= 500 else ConfigError
    return kind(message)
