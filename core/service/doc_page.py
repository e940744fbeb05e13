"""The document as a page that a browser shows without a network: no script, one style sheet of ours."""

from __future__ import annotations

import json
from html import escape

from .openapi import ERRORS
from .operation import Operation
from .operations import OPERATIONS
from .uploads import Body

#: Where the style sheet of the page lies.
STYLE_PATH = "/doc/style.css"
#: Headers of the page: it loads nothing but its style sheet, and stands in no frame.
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none';"
    " frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
}
#: The style sheet.
STYLE = """\
body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem; }
h2 { font-size: 1.1rem; margin: 2rem 0 0.3rem; border-top: 1px solid #8886; padding-top: 1rem; }
code, pre { font-family: ui-monospace, monospace; font-size: 0.92em; }
pre { background: #8881; padding: 0.6rem; overflow-x: auto; }
table { border-collapse: collapse; }
td, th { text-align: left; padding: 0.15rem 1rem 0.15rem 0; vertical-align: top; }
.method { display: inline-block; min-width: 5rem; font-weight: 600; }
@media (prefers-color-scheme: dark) { body { background: #16181c; color: #dde; } a { color: #8bf; } }
"""


def page() -> str:
    """Return the page."""
    index = "".join(
        f'<li><a href="#{one.name}"><code>{one.method} {escape(one.path)}</code></a></li>'
        for one in OPERATIONS
    )
    errors = "".join(f"<tr><td>{status}</td><td>{escape(text)}</td></tr>" for status, text in ERRORS.items())
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Douglas-Quaid: HTTP</title>'
        '<meta name="viewport" content="width=device-width">'
        f'<link rel="stylesheet" href="{STYLE_PATH}"></head><body><h1>Douglas-Quaid over HTTP</h1>'
        '<p>For programs: <a href="/openapi.json">openapi.json</a> (OpenAPI 3.1). Send the key as'
        " <code>Authorization: Bearer KEY</code>. Where several results are listed, each is a JSON object"
        f" on a line of its own.</p><ul>{index}</ul>{''.join(map(_section, OPERATIONS))}"
        '<h2 id="errors">Errors</h2><p>Every error has the same shape:'
        ' <code>{"error": {"type", "message"}}</code>.</p>'
        f"<table>{errors}</table></body></html>"
    )


def _section(operation: Operation) -> str:
    rows = "".join(
        f"<tr><td><code>{field.name}</code></td><td>{field.kind.value}"
        f"{', repeatable' if field.many else ''}{', required' if field.required else ''}"
        f"{': ' + ', '.join(field.choices) if field.choices else ''}</td>"
        f"<td>{escape(field.meaning)}</td></tr>"
        for field in operation.fields
    )
    table = f"<table><tr><th>field</th><th>type</th><th>meaning</th></tr>{rows}</table>" if rows else ""
    return (
        f'<h2 id="{operation.name}"><span class="method">{operation.method}</span>'
        f"<code>{escape(operation.path)}</code></h2><p>{escape(operation.summary)}. Right:"
        f" <code>{operation.right.value}</code>.</p>{table}<pre>{escape(_example(operation))}</pre>"
    )


def _example(operation: Operation) -> str:
    path = operation.path.replace("{name}", "952901529a5c").replace("{other}", "3d4a75e9b02f")
    if operation.body in (Body.PICTURE, Body.PICTURES):
        return f"curl -F image=@picture.png http://localhost:8484{path}"
    if operation.body is Body.PAIR:
        return f"curl -F a=@one.png -F b=@other.png http://localhost:8484{path}"
    method = "" if operation.method in ("GET", "POST") else f"-X {operation.method} "
    values = [f"{field.name}={field.name.upper()}" for field in operation.fields if field.required]
    if operation.body is Body.BOOKS:
        body = json.dumps({field.name: field.name.upper() for field in operation.fields if field.required})
        return f"curl --json '{body}' http://localhost:8484{path}"
    if operation.body is Body.FIELDS:
        return f"curl {' '.join('-F ' + value for value in values)} http://localhost:8484{path}"
    query = f"?{'&'.join(values)}" if values else ""
    return f"curl {method}'http://localhost:8484{path}{query}'"
