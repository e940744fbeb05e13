"""Templates and files for the browser, and the headers that keep anything else out of it."""

from __future__ import annotations

import json
from functools import cache
from importlib import resources
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from ..service.refusals import Reply
from .shown import shown

#: What a page may load: our own files, pictures of ours and those the reader dropped. No script and no style
#: in the page itself.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self';"
    " form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"
)
#: Headers of everything that a browser gets.
HEADERS = {
    "Content-Security-Policy": POLICY,
    # With no-referrer, a browser sends the forms of these pages as if of an unknown site (Origin: null).
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Frame-Options": "DENY",
}
#: Media types of our files.
MEDIA = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


@cache
def _environment() -> Environment:
    # PackageLoader reads from the wheel; autoescape is on for every template, whatever its name.
    environment = Environment(
        loader=PackageLoader(__package__, "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["shown"] = shown
    environment.globals["asset"] = asset
    return environment


def page(template: str, status: int = 200, **values: Any) -> Reply:
    """Return a page."""
    text = _environment().get_template(template).render(values)
    return Reply(status, text.encode("utf-8", "replace"), "text/html; charset=utf-8", HEADERS)


def json_data(line: dict[str, Any], status: int = 200) -> Reply:
    """Return what a script of ours reads."""
    return Reply(status, json.dumps(line).encode("ascii"), "application/json", HEADERS)


def redirect(path: str, headers: dict[str, str] | None = None) -> Reply:
    """Return an answer that sends a browser to another page of ours."""
    return Reply(303, b"", "text/plain", HEADERS | {"Location": path} | (headers or {}))


@cache
def files() -> dict[str, bytes]:
    """Return our files for the browser, by name."""
    folder = resources.files(__package__) / "static"
    return {
        one.name: one.read_bytes() for one in folder.iterdir() if one.name[one.name.rfind(".") :] in MEDIA
    }


def file_reply(name: str) -> Reply | None:
    """Return one of our files; None for a name that is not one."""
    data = files().get(name)
    if data is None:
        return None
    media = MEDIA[name[name.rfind(".") :]]
    return Reply(200, data, media, HEADERS)


def asset(name: str) -> str:
    """Return the address of one of our files."""
    return f"/review/static/{name}"
