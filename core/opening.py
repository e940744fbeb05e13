"""Opens what a URL names: an engine on a store, or a client of a service. Neither is loaded before that."""

from __future__ import annotations

from .config import Config
from .correlator import Correlator
from .errors import ConfigError
from .store_url import is_service


def open_correlator(
    url: str | None = None, *, config: Config | None = None, key: str | None = None, mend: bool = True
) -> Correlator:
    """Return the engine of the store at `url`, or the client of the service there (default: the configured
    one).

    `key`: for a service; default DOUGLAS_QUAID_KEY. `mend`: as `Engine.open`. A service is not connected to
    yet. Raises ConfigError, StoreError, FormatError.
    """
    config = config or Config.from_environment(store=url)
    if is_service(config.store):
        from .client import Client

        return Client(config.store, key, config=config)
    if key is not None:
        raise ConfigError("a key is for a service, and the store is none")
    from .engine import Engine

    return Engine.open(config=config, mend=mend)
