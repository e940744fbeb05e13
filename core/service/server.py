"""Runs the service: which address it takes, with what it may be reached, and the server below it.

On loopback the service works at once. Beyond it, a key must exist, and what passes by must be encrypted: by
TLS of its own, or by a proxy whose address is named.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import socket
from collections.abc import Callable
from dataclasses import dataclass

from ..engine import Engine
from ..errors import ConfigError
from .application import Application, Settings
from .gate import LOOPBACK, host_of
from .mounted import Mounted
from .slots import Slots

#: Bytes of all headers of a request. chosen: h11's limit, four times that of most servers.
MAX_HEADERS = 64 * 1024
#: Seconds that an idle connection is kept open. chosen.
KEEP_ALIVE = 30
#: Seconds that requests have to end once the service is told to. chosen: a picture.
GRACE = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Listening:
    """Where and how a service can be reached."""

    #: Address or name to listen on.
    host: str = "127.0.0.1"
    #: TCP port; 0 for a free one.
    port: int = 8484
    #: Further names in the Host header.
    allow_hosts: tuple[str, ...] = ()
    #: Files of a certificate chain and its key, PEM; None for HTTP without TLS.
    tls: tuple[str, str] | None = None
    #: Address of the proxy that encrypts; empty for none.
    behind_proxy: str = ""
    #: Requests a minute of each key; 0 for no limit.
    rate: int = 0
    #: Pictures in work at once.
    slots: int = 1

    @property
    def is_loopback(self) -> bool:
        """Return whether only this machine reaches it."""
        try:
            return ipaddress.ip_address(self.host.strip("[]")).is_loopback
        except ValueError:
            return self.host == "localhost"

    def check(self, *, has_key: bool) -> None:
        """Return if a service may listen so. Raises ConfigError that says what is missing."""
        if self.behind_proxy:
            try:
                ipaddress.ip_address(self.behind_proxy)
            except ValueError:
                raise ConfigError(f"--behind-proxy {self.behind_proxy[:80]!r}: expected an address") from None
        if self.is_loopback and not self.behind_proxy:
            return
        if not has_key:
            raise ConfigError(
                f"{self.behind_proxy or self.host}: beyond this machine a key is needed;"
                " make one with quaid key create NAME --scope read"
            )
        if self.tls is None and not self.behind_proxy:
            raise ConfigError(
                f"{self.host}: beyond this machine keys and pictures must be encrypted; give --tls-cert and"
                " --tls-key, or --behind-proxy with the address of a proxy that encrypts"
            )

    def settings(self) -> Settings:
        """Return the settings of the application."""
        own = set() if self.host in ("0.0.0.0", "::") else {host_of(_authority(self.host))}
        named = {host_of(_authority(name)) for name in self.allow_hosts}
        return Settings(
            hosts=frozenset(LOOPBACK | own | named) - {""},
            key_needed=not self.is_loopback or bool(self.behind_proxy),
            proxy=self.behind_proxy,
            rate=self.rate,
        )


def serve(
    engine: Engine,
    listening: Listening,
    tell: Callable[[str], None],
    mount: Callable[[Engine, Slots, Settings], Mounted] | None = None,
) -> None:
    """Answer requests until the process is told to end. `tell` hears the URL once connections are taken;
    `mount` makes what else is answered.

    Raises ConfigError for an address that cannot be taken or may not be, and a certificate that cannot be
    read.
    """
    import uvicorn

    from .protocol import Protocol

    listening.check(has_key=engine.needs_key())
    slots, settings = Slots(listening.slots), listening.settings()
    mounted = None if mount is None else mount(engine, slots, settings)
    config = uvicorn.Config(
        Application(engine, slots, settings, mounted),
        http=Protocol,
        ws="none",
        lifespan="off",
        loop="asyncio",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE,
        timeout_graceful_shutdown=GRACE,
        h11_max_incomplete_event_size=MAX_HEADERS,
        ssl_certfile=None if listening.tls is None else listening.tls[0],
        ssl_keyfile=None if listening.tls is None else listening.tls[1],
    )
    try:
        config.load()
    except OSError as error:
        raise ConfigError(f"the certificate or its key cannot be read: {error}") from None
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    with _listen(listening) as listener:
        scheme, port = "http" if listening.tls is None else "https", listener.getsockname()[1]
        tell(f"{scheme}://{_authority(listening.host)}:{port}/")
        try:
            asyncio.run(uvicorn.Server(config).serve(sockets=[listener]))
        finally:
            slots.close()


def _listen(listening: Listening) -> socket.socket:
    try:
        family, _, _, _, address = socket.getaddrinfo(
            listening.host.strip("[]"), listening.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        return socket.create_server(address[:2], family=family, backlog=1024)
    except OSError as error:
        raise ConfigError(f"{listening.host}, port {listening.port}: {error.strerror or error}") from None


def _authority(host: str) -> str:
    return f"[{host}]" if ":" in host and not host.startswith("[") else host
