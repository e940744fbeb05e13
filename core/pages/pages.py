"""The path of a request of a browser, top to bottom.

    route -> session -> right, rate -> body -> fields -> slot, handler -> page or data

The application before it has checked host and site. Whatever fails becomes a page that says so, or, where a
script of ours asks, the error in the shape of the service.
"""

from __future__ import annotations

import json
from functools import partial
from urllib.parse import quote, unquote

from starlette.requests import ClientDisconnect, Request

from ..engine import Engine
from ..errors import ConfigError, KeyRefused
from ..review.queue import Queue
from ..service.access import Caller
from ..service.application import Settings
from ..service.fields import Field, values_of
from ..service.gate import READING, Rates
from ..service.mounted import Served
from ..service.refusals import Refusal, Reply, error_reply
from ..service.slots import Slots
from ..service.uploads import Body, receive
from ..store.access_keys import Right
from . import asking, browsing, graphing, pictures, reviewing
from .asked import Asked, Route
from .links import Links
from .login import ROOT, caller_at, check_own_page, cookie, local_path, sign_in, token_of
from .rendering import HEADERS, file_reply, page, redirect
from .shown import shown

#: All pages, and what their scripts ask.
ROUTES: tuple[Route, ...] = (
    *reviewing.ROUTES,
    *asking.ROUTES,
    *browsing.ROUTES,
    *graphing.ROUTES,
    *pictures.ROUTES,
)
#: Fields of the form that takes a key.
LOGIN_FIELDS = (
    Field(name="key", required=True, meaning="a key of the service"),
    Field(name="next", meaning="the page to go on to"),
)


class Pages:
    """Answers what a browser asks."""

    def __init__(self, engine: Engine, slots: Slots, settings: Settings, *, links: Links) -> None:
        self._engine, self._slots, self._settings, self._links = engine, slots, settings, links
        self._queue = Queue(engine)
        self._rates = Rates(settings.rate)

    async def answer(self, request: Request) -> Served | None:
        """Return the answer to a request for a page; None for other paths."""
        path = request.scope["path"]
        if path != ROOT and not path.startswith(f"{ROOT}/"):
            return None
        route, name = _find(request)
        told = f"{ROOT}{route.path}" if route else f"{ROOT}/..."
        caller = Caller("", None)
        try:
            if path.startswith(f"{ROOT}/static/"):
                return Served(_file(path.removeprefix(f"{ROOT}/static/")), "page", f"{ROOT}/static")
            check_own_page(request)
            if path in (f"{ROOT}/login", f"{ROOT}/logout"):
                return Served(await self._session(request), "page", path)
            if route is None:
                raise Refusal(404, ConfigError("there is no such page"))
            found = await self._caller(request)
            if found is None:
                raise Refusal(401, KeyRefused("sign in first"))
            caller = found
            reply = await self._run(request, route, name, caller)
        except ClientDisconnect:
            raise
        except Exception as error:  # whatever it is, a person gets an answer
            reply = self._failed(request, route, error, caller)
        return Served(reply, "data" if route and route.data else "page", told, caller.name)

    @property
    def _secure(self) -> bool:
        return bool(self._settings.proxy)

    async def _caller(self, request: Request) -> Caller | None:
        token = token_of(request, secure=self._is_secure(request))
        look = partial(caller_at, self._engine, token, key_needed=self._settings.key_needed)
        return await self._slots.light(look)

    def _is_secure(self, request: Request) -> bool:
        return self._secure or request.scope.get("scheme") == "https"

    async def _run(self, request: Request, route: Route, name: str, caller: Caller) -> Reply:
        caller.require(route.right)
        if request.method not in READING:
            self._rates.count(caller.name)
        async with self._slots.uploading():
            received = await receive(request, route.body, max_bytes=self._engine.config.max_bytes)
        try:
            given: dict[str, list[object]] = dict(received.fields)
            for key, value in request.query_params.multi_items():
                given.setdefault(key, []).append(value)
            asked = Asked(
                self._engine,
                self._queue,
                caller,
                self._links,
                name,
                values_of(route.fields, given),
                received.files,
            )
            run = self._slots.heavy if route.heavy else self._slots.light
            return await run(partial(route.handler, asked))
        finally:
            received.close()

    async def _session(self, request: Request) -> Reply:
        """Answer the form that takes a key, and the button that ends a session."""
        secure, path = self._is_secure(request), request.scope["path"]
        if path.endswith("/logout"):
            if request.method == "POST":
                await self._slots.light(partial(self._engine.end_session, token_of(request, secure=secure)))
            return redirect(f"{ROOT}/login", cookie("", secure=secure))
        if request.method in READING:
            return _login_page(local_path(request.query_params.get("next", ROOT)))
        self._rates.count("")
        received = await receive(request, Body.FIELDS, max_bytes=0)
        try:
            values = values_of(LOGIN_FIELDS, dict(received.fields))
        finally:
            received.close()
        onward = local_path(values.get("next", ROOT))
        try:
            token = await self._slots.light(partial(sign_in, self._engine, values["key"]))
        except Refusal as refusal:
            return _login_page(onward, status=refusal.status, problem=str(refusal.error))
        return redirect(onward, cookie(token, secure=secure))

    def _failed(self, request: Request, route: Route | None, error: Exception, caller: Caller) -> Reply:
        reply = error_reply(error)
        if route is not None and route.data:
            return Reply(reply.status, reply.body, reply.media, HEADERS | dict(reply.headers))
        onward = request.scope["path"]
        if reply.status == 401:
            if request.headers.get("sec-fetch-site") == "cross-site":
                # The browser keeps the cookie back when another site links here. Asked again by a page of
                # ours, it sends it.
                return page("again.html", status=200, onward=onward)
            return redirect(f"{ROOT}/login?next={quote(onward)}")
        told = json.loads(reply.body)["error"]
        text = shown(str(told["message"]), 600)
        access = caller.access
        rights = tuple(Right) if access is None else access.rights
        return page(
            "error.html",
            status=reply.status,
            problem=text,
            number=reply.status,
            who=caller.name,
            may_review=Right.REVIEW in rights,
        )


def _find(request: Request) -> tuple[Route | None, str]:
    """The route of a request, and what its path names."""
    path = request.scope["path"].removeprefix(ROOT).rstrip("/")
    method = "GET" if request.method == "HEAD" else request.method
    for route in ROUTES:
        if route.method != method:
            continue
        if route.path == path:
            return route, ""
        start, found, _ = route.path.partition("{name}")
        rest = path.removeprefix(start)
        if found and path.startswith(start) and rest and "/" not in rest:
            return route, unquote(rest)
    return None, ""


def _login_page(onward: str, *, status: int = 200, problem: str = "") -> Reply:
    return page("login.html", status=status, onward=onward, problem=shown(problem), who="")


def _file(name: str) -> Reply:
    found = file_reply(name)
    if found is None:
        raise Refusal(404, ConfigError("there is no such file"))
    return found
