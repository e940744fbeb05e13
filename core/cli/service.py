"""Commands about the service: serve, and the keys that it asks for."""

from __future__ import annotations

import logging
from datetime import datetime, timezone
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from ..errors import ConfigError
from .durations import time_span
from .group import command, main, open_engine, with_engine
from .terminal import note, print_result, say

if TYPE_CHECKING:
    from ..engine import Engine
    from ..store.access_keys import AccessKey


@command("serve")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8484, show_default=True, type=click.IntRange(0, 65535), help="TCP port.")
@click.option(
    "--allow-host", "allow_hosts", multiple=True, metavar="NAME", help="A further name in the Host header."
)
@click.option("--tls-cert", metavar="FILE", help="Certificate chain, PEM.")
@click.option("--tls-key", metavar="FILE", help="Key of the certificate, PEM.")
@click.option(
    "--behind-proxy",
    default="",
    metavar="ADDRESS",
    help="Address of a proxy that encrypts; no other connects.",
)
@click.option(
    "--rate",
    default=1200,
    show_default=True,
    type=click.IntRange(0),
    help="Requests a minute for each key; 0: no limit.",
)
@click.option(
    "--link",
    "links",
    multiple=True,
    metavar="HOST:KIND=URL",
    help="Where a browser finds occurrences of this kind; {id} stands for the id.",
)
def serve(
    host: str,
    port: int,
    allow_hosts: tuple[str, ...],
    tls_cert: str | None,
    tls_key: str | None,
    behind_proxy: str,
    rate: int,
    links: tuple[str, ...],
    store: str | None,
    as_json: bool,
) -> None:
    """Answer over HTTP what the command line answers.

    It needs the extra `service`. On loopback it works without a key; beyond it a key must exist, and TLS or a
    proxy that encrypts.
    """
    try:
        from ..pages.links import Links
        from ..pages.pages import Pages
        from ..service.server import Listening, serve as run
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"quaid serve needs the Python package {error.name}; install it with:"
            " pip install 'douglas-quaid[service]'"
        ) from None
    if (tls_cert is None) != (tls_key is None):
        raise ConfigError("--tls-cert and --tls-key belong together")
    known = Links.parse(links)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s: %(message)s")
    with open_engine(store) as engine:
        listening = Listening(
            host=host,
            port=port,
            allow_hosts=allow_hosts,
            tls=None if tls_cert is None or tls_key is None else (tls_cert, tls_key),
            behind_proxy=behind_proxy,
            rate=rate,
            slots=engine.config.threads,
        )

        def tell(url: str) -> None:
            print_result({"url": url}, f"serving on {url}, documentation at {url}doc/", as_json=as_json)

        run(engine, listening, tell, partial(Pages, links=known))


@main.group()
def key() -> None:
    """Keys of the service."""


def _words(_: click.Context, __: click.Parameter, text: str) -> tuple[str, ...]:
    return tuple(word for word in (part.strip() for part in text.split(",")) if word)


@command("create", group=key)
@click.argument("name")
@click.option(
    "--scope",
    required=True,
    callback=_words,
    metavar="RIGHT,...",
    help="What it may do: read, write, review, admin.",
)
@click.option(
    "--sees",
    default="",
    callback=_words,
    metavar="WHOSE,...",
    help="Whose names its answers hold: host:NAME, collection:NAME, or all; default: ids and scores only.",
)
@click.option(
    "--expires", default="365d", show_default=True, metavar="90d", help="When it ends: 12h, 90d, or never."
)
@with_engine
def create_key(
    name: str, scope: tuple[str, ...], sees: tuple[str, ...], expires: str, engine: Engine, as_json: bool
) -> None:
    """Make a key and print it.

    It is stored nowhere and cannot be shown again.
    """
    ends = _end(expires)
    secret = engine.create_key(name, scope, sees=sees, expires=ends)
    line = {"key": secret} | _line(name, engine.keys()[name])
    print_result(line, secret, as_json=as_json)
    if not as_json:
        until = "never ends" if ends is None else f"ends on {ends:%Y-%m-%d}"
        note(f"key {name}: {', '.join(scope)}; {until}. It is not shown again.")


@command("list", group=key)
@with_engine
def list_keys(engine: Engine, as_json: bool) -> None:
    """List the keys of the service, without the keys themselves."""
    found = engine.keys()
    for name, access in found.items():
        line = _line(name, access)
        sees = ", ".join(line["sees"]) or "ids and scores only"
        ends = f"revoked {line['revoked']}" if line["revoked"] else f"ends {line['expires'] or 'never'}"
        print_result(line, f"{name}: {', '.join(line['scope'])}; sees {sees}; {ends}", as_json=as_json)
    if not found and not as_json:
        say("no keys")


@command("revoke", group=key)
@click.argument("name")
@with_engine
def revoke_key(name: str, engine: Engine, as_json: bool) -> None:
    """End a key at once."""
    access = engine.revoke_key(name)
    print_result(_line(name, access), f"revoked {name}", as_json=as_json)


def _line(name: str, access: AccessKey) -> dict[str, Any]:
    from ..answers import timestamp

    def shown(seconds: int | None) -> str | None:
        return None if seconds is None else timestamp(datetime.fromtimestamp(seconds, timezone.utc))

    return {
        "name": name,
        "scope": [right.value for right in access.rights],
        "sees": list(access.sees),
        "created": shown(access.created),
        "expires": shown(access.expires),
        "revoked": shown(access.revoked),
    }


def _end(text: str) -> datetime | None:
    if text == "never":
        return None
    return datetime.now(timezone.utc) + time_span("--expires", text, besides=", or never")
