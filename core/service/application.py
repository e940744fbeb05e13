"""The path of a request, top to bottom: an ASGI application over one engine.

    host, site -> operation -> key, rate -> body -> fields -> slot, handler -> answer, log, metrics

Every error on the way is answered in one shape (refusals.py). The log has method, path of the operation, key
and status: no name of a picture, nothing of a URL's query, nothing of a key.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
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
from .handlers import Asked
from .metrics import MEDIA, Metrics
from .mounted import Mounted
from .openapi import document
from .operations import API, Operation, find
from .refusals import Refusal, Reply, error_reply, json_reply
from .slots import Slots
from .uploads import Body, receive

#: Seconds in which the store must answer for the service to be ready. chosen.
READY_SECONDS = 1.0
#: Bytes of a body that are read and thrown away after a refusal, so that the client reads the answer instead
#: of a broken connection. chosen: what is on its way by then.
DRAIN_BYTES = 4 * 1024 * 1024

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
        self._document = json.dumps(document()).encode()
        self._page, self._style = doc_page.page().encode(), doc_page.STYLE.encode()

    async def __call__(self, scope: Scope, receive_: Receive, send: Send) -> None:
        """Answer one request. spec: ASGI 3."""
        if scope["type"] != "http":
            return
        request, told = Request(scope, receive_), _Log()
        try:
            reply = await self._answer(request, told)
        except ClientDisconnect:
            return
        except Exception as error:  # whatever it is, the client gets an answer in one shape
            reply = error_reply(error)
            await _drain(request)
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
        await _send(reply, send, head=scope["method"] == "HEAD")

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
        operation, name = _found(request, told)
        caller = await self._caller(request, operation.right, told)
        began = time.monotonic()
        async with self._slots.uploading():
            received = await receive(request, operation.body, max_bytes=self._engine.config.max_bytes)
        uploaded = time.monotonic()
        try:
            given: dict[str, list[object]] = dict(received.fields)
            for key, value in request.query_params.multi_items():
                given.setdefault(key, []).append(value)
            asked = Asked(caller, name, values_of(operation.fields, given), received.files)
            run = self._slots.heavy if operation.heavy else self._slots.light
            reply = await run(partial(operation.handler, self._engine, asked))
        finally:
            received.close()
        if operation.body is not Body.NONE:
            self._metrics.spent(operation.name, "upload", uploaded - began)
        self._metrics.spent(operation.name, "work", time.monotonic() - uploaded)
        if operation.name == "query":
            line = json.loads(reply.body)
            self._metrics.decided(line["decision"], line["images_searched"])
        return reply

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
            return json_reply({"status": "ready", "images": await self._slots.light(self._count)})
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


def _found(request: Request, told: _Log) -> tuple[Operation, str]:
    raw: bytes = request.scope.get("raw_path") or request.scope["path"].encode()
    operations, name = find(raw.partition(b"?")[0])
    if not operations:
        raise NotFound(f"this path is not known; {API} and its operations are listed at /doc/")
    operation = operations.get(request.method)
    if operation is None:
        path = next(iter(operations.values())).path
        told.path = path
        raise _wrong_method(request.method, path, sorted(operations))
    told.operation, told.path = operation.name, operation.path
    return operation, name


def _wrong_method(method: str, path: str, allowed: list[str]) -> Refusal:
    expected = ", ".join(allowed)
    return Refusal(405, ConfigError(f"{method[:20]} {path}: expected {expected}"), {"Allow": expected})


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


async def _drain(request: Request) -> None:
    """Read a little of what is still coming, and throw it away."""
    left = DRAIN_BYTES
    with suppress(ClientDisconnect, RuntimeError):
        async for chunk in request.stream():
            left -= len(chunk)
            if left < 0:
                return


async def _send(reply: Reply, send: Send, *, head: bool) -> None:
    headers = {
        "Content-Type": reply.media,
        "Content-Length": str(len(reply.body)),
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
    } | dict(reply.headers)
    raw = [(name.lower().encode(), value.encode("latin-1", "replace")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": reply.status, "headers": raw})
    await send({"type": "http.response.body", "body": b"" if head else reply.body})
