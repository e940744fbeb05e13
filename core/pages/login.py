"""Who sits at the browser: a key that is typed once becomes a session, and its cookie stands for the key.

The cookie is HttpOnly, so no script reads it; SameSite=Strict, so no other site sends it; and of these pages
only, so the operations for programs never take it. The session is looked up for each request, with the key
behind it: a revoked key ends it at once.
"""

from __future__ import annotations

from datetime import datetime, timezone

from starlette.requests import Request

from ..engine import Engine
from ..errors import KeyRefused, NotAllowed
from ..service.access import Caller, caller_of
from ..service.gate import READING
from ..service.refusals import Refusal

#: Beginning of the paths of all pages.
ROOT = "/review"
#: Seconds after which a key has to be typed again. chosen: a working day.
SESSION_SECONDS = 12 * 3600.0
#: Name of the cookie. spec: the prefix makes browsers refuse it without Secure.
COOKIE, SECURE_COOKIE = "quaid_session", "__Secure-quaid_session"


def token_of(request: Request, *, secure: bool) -> str:
    """Return the token of the session that a request names; empty for none."""
    return request.cookies.get(SECURE_COOKIE if secure else COOKIE, "")


def caller_at(engine: Engine, token: str, *, key_needed: bool) -> Caller | None:
    """Return who has this session; None for somebody who must sign in. Raises StoreError."""
    digest = engine.session_key(token) if token else None
    if digest is not None:
        now = datetime.now(timezone.utc)
        for name, access in engine.keys().items():
            if access.digest == digest and access.is_valid(now):
                return Caller(name, access)
    return None if key_needed or engine.needs_key() else Caller("", None)


def sign_in(engine: Engine, secret: str) -> str:
    """Return the token of a new session for a key. Raises Refusal 401 for a key that is not valid."""
    caller = caller_of([f"Bearer {secret.strip()}"], engine.keys(), key_needed=True)
    if caller.access is None:
        raise Refusal(401, KeyRefused("the service does not know this key"))
    return engine.open_session(caller.access, seconds=SESSION_SECONDS)


def cookie(token: str, *, secure: bool) -> dict[str, str]:
    """Return the header that gives a browser its session; an empty token ends it."""
    name, age = (SECURE_COOKIE if secure else COOKIE), int(SESSION_SECONDS) if token else 0
    mark = "; Secure" if secure else ""
    return {"Set-Cookie": f"{name}={token}; Path={ROOT}; Max-Age={age}; HttpOnly; SameSite=Strict{mark}"}


def check_own_page(request: Request) -> None:
    """Return if a page of ours sent this. The application has refused what names another site; what names
    none is refused here, because a browser always does. Raises Refusal 403.
    """
    if request.method in READING:
        return
    if "origin" not in request.headers and request.headers.get("sec-fetch-site") != "same-origin":
        raise Refusal(403, NotAllowed("this takes requests of the service's own pages only"))


def local_path(given: str) -> str:
    """Return a path of ours to go on to; anything else becomes the first page."""
    plain = given.isascii() and given.isprintable() and not any(mark in given for mark in '\\"<> ')
    inside = given == ROOT or given.startswith((f"{ROOT}/", f"{ROOT}?"))
    return given if plain and inside and "//" not in given and len(given) <= 500 else ROOT
