"""The path of a request, top to bottom: an ASGI application over one engine.

    host, site -> operation -> key, rate -> body -> fields -> slot, handler -> answer, log, metrics

Every error on the way is answered in one shape (refusals.py). The log has method, path of the operation, key
and status: no name of a picture, nothing of a URL's query, nothing of a key.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.types import Receive, Scope, Send

from ..deadline import time_limit
from ..engine import Engine
from ..errors import ConfigError, DouglasQuaidError, NotFound
from ..store.access_keys import Right
from . import doc_page
from .access import Caller, caller_of
from .fields import values_of
from .gate import LOOPBACK, Rates, check_host, check_site, host_of
from .handlers import Asked, query
from .metrics import MEDIA, Metrics
from .mounted import Mounted
from .openapi import document
from .operation import API, NAME, OTHER, Operation
from .operations import find
from .pending import Pending
from .refusals import Refusal, Reply, encoded, error_reply, json_reply
from .slots import PATIENT_WAIT, Slots
from .uploads import Body, Received, receive

#: Seconds in which the store must answer for the service to be ready. chosen.
READY_SECONDS = 1.0
#: Bytes of a body that are read and thrown away after a refusal, so that the client reads the answer instead
#: of a broken connection. chosen: what is on its way by then.
DRAIN_BYTES = 4 * 1024 * 1024
#: Seconds in which these are read. chosen: as `DRAIN_BYTES`.
DRAIN_SECONDS = 2.0

_log = logging.getLogger("douglas_quaid.access")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What an operator chooses for a service."""

    #: Names by which it is called, without ports.
    hosts: frozenset[str] = LOOPBACK
    #: Whether nobody may ask without a key, even where the store never had one.
    key_needed: bool = False
    #: The only address that connections come from; empty for any.
    proxy: str = ""
    #: Requests a minute of each key; 0 for no limit.
    rate: int = 0


@dataclass(slots=True)
class _Log:
    """What the log and the metrics tell of a request."""

    operation: str = "unknown"
    path: str = "-"
    key: str = "-"
    began: float = field(default_factory=time.monotonic)


class Application:
    """Answers requests."""

    def __init__(
        self, engine: Engine, slots: Slots, settings: Settings, mounted: Mounted | None = None
    ) -> None:
        self._engine, self._slots, self._settings, self._mounted = engine, slots, settings, mounted
        self._rates = Rates(settings.rate)
        self._metrics = Metrics(slots)
        self._pending = Pending(f"{API}/queries", slots.most_uploads)
        self._document = json.dumps(document()).encode()
        self._page, self._style = doc_page.page().encode(), doc_page.STYLE.encode()

    async def __call__(self, scope: Scope, receive_: Receive, send: Send) -> None:
        """Answer one request. spec: ASGI 3."""
        if scope["type"] != "http":
            return
        request, told, refused = Request(scope, receive_), _Log(), False
        try:
            reply = await self._answer(request, told)
        except ClientDisconnect:
            return
        except Exception as error:  # whatever it is, the client gets an answer in one shape
            reply, refused = error_reply(error), True
        self._metrics.count(told.operation, reply.status)
        _log.info(
            "%s %s %d %d bytes %.3f s key=%s",
            scope["method"] if scope["method"].isalpha() else "?",
            told.path,
            reply.status,
            len(reply.body),
            time.monotonic() - told.began,
            told.key,
        )
        if reply.stream is None or scope["method"] == "HEAD":
            has_body = bool({"content-length", "transfer-encoding"} & set(request.headers))
            if refused and has_body:
                reply = replace(reply, headers={**reply.headers, "Connection": "close"})
            unread = request if refused and has_body and reply.status != 408 else None
            await _send(reply, send, head=scope["method"] == "HEAD", unread=unread)
        else:
            await self._stream(reply.stream, reply, request, send)

    async def _stream(
        self, stream: Iterator[bytes] | AsyncIterator[bytes], reply: Reply, request: Request, send: Send
    ) -> None:
        """Send an answer whose end is not known yet, until it ends or the client has gone."""
        await send({"type": "http.response.start", "status": reply.status, "headers": _headers(reply)})
        chunks = stream if isinstance(stream, AsyncIterator) else self._in_threads(stream)
        async for chunk in chunks:
            if await request.is_disconnected():
                return
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    async def _in_threads(self, chunks: Iterator[bytes]) -> AsyncIterator[bytes]:
        while (chunk := await self._slots.light(partial(next, chunks, None))) is not None:
            yield chunk

    async def _answer(self, request: Request, told: _Log) -> Reply:
        client = request.client
        if self._settings.proxy and (
            client is None or host_of(_bracketed(client.host)) != self._settings.proxy
        ):
            raise Refusal(403, ConfigError("this service takes connections of its proxy only"))
        check_host(request.headers.getlist("host"), self._settings.hosts)
        check_site(request.method, request.headers)
        if (own := await self._own(request, told)) is not None:
            return own
        if self._mounted is not None and (served := await self._mounted.answer(request)) is not None:
            told.operation, told.path, told.key = served.name, served.path, served.key or "-"
            return served.reply
        operation, names = _found(request, told)
        caller = await self._caller(request, operation.right, told)
        began = time.monotonic()
        async with self._slots.uploading():
            received = await receive(request, operation.body, max_bytes=self._engine.config.max_bytes)
        if operation.body is not Body.NONE:
            self._metrics.spent(operation.name, "upload", time.monotonic() - began)
        try:
            given: dict[str, list[object]] = dict(received.fields)
            for key, value in request.query_params.multi_items():
                given.setdefault(key, []).append(value)
            values = values_of(operation.fields, given)
            asked = Asked(caller, names.get(NAME, ""), values, received.files, names.get(OTHER, ""))
            wait = values.get("wait")
            if operation.handler is None:
                return await self._pending.fetch(caller.name, asked.name, wait or 0.0)
            if wait is not None:
                self._pending.check_room()
            if received.further and wait is not None:
                raise ConfigError("wait is for one picture; the answers about several come as they are made")
        except BaseException:
            received.close()
            raise
        if received.further:
            return Reply(200, b"", "application/x-ndjson", stream=self._each(request, asked, received))
        if wait is None:
            return await self._work(operation, asked, received)
        work = self._work(operation, asked, received, patience=PATIENT_WAIT)
        return await self._pending.begin(caller.name, work, wait)

    async def _work(
        self, operation: Operation, asked: Asked, received: Received, *, patience: float | None = None
    ) -> Reply:
        """Answer a request that was read, and throw its pictures away. `patience`: seconds to wait for a
        slot.
        """
        assert operation.handler is not None
        began, work = time.monotonic(), partial(operation.handler, self._engine, asked)
        try:
            if operation.heavy:
                reply = await self._slots.heavy(work, wait=patience)
            else:
                reply = await self._slots.light(work)
        finally:
            received.close()
        self._metrics.spent(operation.name, "work", time.monotonic() - began)
        if operation.name == "query":
            self._decided(reply)
        return reply

    async def _each(self, request: Request, asked: Asked, received: Received) -> AsyncIterator[bytes]:
        """The answers to a query of several pictures: a line each, which tells what is wrong with one."""
        try:
            for upload in (*received.files.values(), *received.further):
                if await request.is_disconnected():
                    return
                work = partial(query, self._engine, replace(asked, files={"image": upload}))
                try:
                    reply = await self._slots.heavy(work, wait=PATIENT_WAIT)
                except DouglasQuaidError as error:
                    yield encoded({"path": upload.name} | json.loads(error_reply(error).body))
                else:
                    self._decided(reply)
                    yield reply.body
        finally:
            received.close()

    def _decided(self, reply: Reply) -> None:
        line = json.loads(reply.body)
        self._metrics.decided(line["decision"], line["images_searched"])

    async def _caller(self, request: Request, right: Right, told: _Log) -> Caller:
        engine = self._engine

        def look() -> Caller:
            keys, header = engine.keys(), request.headers.getlist("authorization")
            return caller_of(header, keys, key_needed=self._settings.key_needed or engine.needs_key())

        caller = await self._slots.light(look)
        told.key = caller.name or "-"
        self._rates.count(caller.name)
        caller.require(right)
        return caller

    # -- about the service itself ----------------------------------------------------------------------------

    async def _own(self, request: Request, told: _Log) -> Reply | None:
        """The answer of the paths that are no operation; None for others."""
        path = request.scope["path"]
        own: dict[str, Callable[[], Any]] = {
            "/livez": lambda: json_reply({"status": "live"}),
            "/openapi.json": lambda: Reply(200, self._document),
            "/doc": lambda: Reply(308, b"", headers={"Location": "/doc/"}),
            "/doc/": lambda: Reply(200, self._page, "text/html; charset=utf-8", doc_page.HEADERS),
            doc_page.STYLE_PATH: lambda: Reply(200, self._style, "text/css; charset=utf-8"),
        }
        if path not in own and path not in ("/readyz", "/metrics"):
            return None
        told.operation, told.path = path.strip("/").partition("/")[0], path
        if request.method not in ("GET", "HEAD"):
            raise _wrong_method(request.method, path, ["GET", "HEAD"])
        if path == "/readyz":
            await self._slots.light(self._count)
            return json_reply({"status": "ready"})
        if path == "/metrics":
            await self._caller(request, Right.READ, told)
            stored: int | None = None
            with suppress(DouglasQuaidError):
                stored = await self._slots.light(self._count)
            return Reply(200, self._metrics.text(stored), MEDIA)
        found: Reply = own[path]()
        return found

    def _count(self) -> int:
        with time_limit(READY_SECONDS):
            return self._engine.count()


def _found(request: Request, told: _Log) -> tuple[Operation, dict[str, str]]:
    raw: bytes = request.scope.get("raw_path") or request.scope["path"].encode()
    operations, names = find(raw.partition(b"?")[0])
    if not operations:
        raise NotFound(f"this path is not known; {API} and its operations are listed at /doc/")
    operation = operations.get(request.method)
    if operation is None:
        path = next(iter(operations.values())).path
        told.path = path
        raise _wrong_method(request.method, path, sorted(operations))
    told.operation, told.path = operation.name, operation.path
    return operation, names


def _wrong_method(method: str, path: str, allowed: list[str]) -> Refusal:
    expected = ", ".join(allowed)
    return Refusal(405, ConfigError(f"{method[:20]} {path}: expected {expected}"), {"Allow": expected})


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


async def _drain(request: Request) -> None:
    """Read a little of what is still coming, and throw it away."""

    async def drained() -> None:
        left = DRAIN_BYTES
        async for chunk in request.stream():
            left -= len(chunk)
            if left < 0:
                return

    with suppress(ClientDisconnect, RuntimeError, asyncio.TimeoutError):
        await asyncio.wait_for(drained(), DRAIN_SECONDS)


def _headers(reply: Reply) -> list[tuple[bytes, bytes]]:
    headers = {
        "Content-Type": reply.media,
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
    } | dict(reply.headers)
    return [(name.lower().encode(), value.encode("latin-1", "replace")) for name, value in headers.items()]


async def _send(reply: Reply, send: Send, *, head: bool, unread: Request | None = None) -> None:
    """Send an answer whose length is known. `unread`: a request whose body may still come; whoever sends it
    has the answer first.
    """
    headers = [*_headers(reply), (b"content-length", str(len(reply.body)).encode())]
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if head else reply.body, "more_body": True})
    if unread is not None:
        await _drain(unread)
    await send({"type": "http.response.body", "body": b""})
