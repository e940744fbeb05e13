"""The operator's settings, as one frozen dataclass: each field with its unit, its reason and the label of its
default.

Labels: *spec* (cited), *measured* (the benchmark is named), *chosen*. Every field can be set by an
environment variable `DOUGLAS_QUAID_<FIELD>`; unknown or malformed ones are refused by name. Algorithms are
not chosen per request.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, fields
from pathlib import Path

from .errors import ConfigError
from .store_url import check_store_url, shown_value

#: Start of the name of every environment variable.
PREFIX = "DOUGLAS_QUAID_"

_BOOLEANS = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}
#: An entry of `request_stores`.
_NAMED = re.compile(r"(?:(?P<name>[\w-]+)=)?(?P<url>.*)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The settings of one process. Raises ConfigError for values out of range and malformed URLs. `repr`
    leaves out the URLs, because they may contain passwords.
    """

    #: URL of the feature store: embedded:, embedded:PATH, redis://, rediss://, unix://, redis+cluster://;
    #: or of a service, http:// or https://.
    store: str = field(default="embedded:", repr=False)

    #: Stores that a request to a service may name besides `store`: URL or NAME=URL, separated by spaces.
    request_stores: str = field(default="", repr=False)

    #: Key for a service that `store` names by http:// or https://. Its value is in no message.
    key: str = field(default="", repr=False)

    #: Maximum size of a picture file, in bytes. chosen: 64 MiB, above any screenshot.
    max_bytes: int = 64 * 1024 * 1024

    #: Maximum number of pixels of a picture, and of all pictures that the threads of a process hold at once.
    #: chosen: three full-page captures of 1920 x 20000.
    #: Decoding and features take 12 to 22 bytes of memory per pixel, of transparent and animated pictures and
    #: TIFFs of floats up to 32: 3.9 GB at this limit. measured: tests/benchmarks/decoding_memory.py.
    max_pixels: int = 120_000_000

    #: Maximum width and height of a picture, in pixels. chosen: what JPEG and GIF can have at most, and twice
    #: the tallest full-page capture. Decoders take memory for each row: a picture of 1 x 10,000,000 takes 69
    #: bytes per pixel, one of 150 x 65,535 takes 19. measured: tests/benchmarks/decoding_memory.py.
    max_side: int = 65_535

    #: Whether ImageHash's wavelet hash is computed too. chosen: it costs 18-20 ms of a picture's 40 and finds
    #: nothing that the others miss.
    whash: bool = False

    #: Whether a grey thumbnail is kept. Without it content agreement cannot be measured, and pairs that need
    #: it end at `review`.
    thumbnails: bool = True

    #: Seconds after which a store that does not respond raises StoreTimeout. chosen.
    store_timeout: float = 5.0

    #: Whether a Redis that evicts keys or does not persist is accepted. By default such a server is refused,
    #: because it loses images.
    volatile_store: bool = False

    #: Seconds without any client after which the embedded server ends itself. chosen.
    idle_seconds: int = 900

    #: Number of threads for folders, and maximum number of child processes of `isolate`; 0: one per
    #: processor.
    workers: int = 0

    #: Whether pictures are decoded and extracted in child processes, so that a picture that crashes or blocks
    #: a decoder affects nothing else.
    isolate: bool = False

    #: Seconds after which a child process that works on one picture is killed. chosen: a page of 1920 x 20000
    #: takes about 2.
    decode_seconds: float = 30.0

    #: Folder in which the processes of one machine share their word index; `user`: the user's own cache
    #: folder; `off`: none. The files are rebuilt when they are lost, and not needed where they cannot be
    #: written.
    cache: str = "user"

    @property
    def cache_folder(self) -> Path | None:
        """`cache` as a path; None if there is no cache."""
        if self.cache != "user":
            return None if self.cache == "off" else Path(self.cache)
        home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
        return Path(home, "douglas-quaid") if os.path.isabs(home) else None

    @property
    def threads(self) -> int:
        """`workers`, or one per processor that this process may use."""
        return self.workers or len(os.sched_getaffinity(0))

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None, **overrides: object) -> Config:
        """Return the settings of `DOUGLAS_QUAID_*`, where keyword arguments that are not None take
        precedence.

        Raises ConfigError that names the variable, its value and what is expected.
        """
        environment = os.environ if environment is None else environment
        known = {setting.name: setting for setting in fields(cls)}
        values: dict[str, object] = {}
        for variable, text in environment.items():
            if not variable.startswith(PREFIX):
                continue
            name = variable[len(PREFIX) :].lower()
            if name not in known:
                raise ConfigError(f"{variable} is not a setting; the settings are {', '.join(sorted(known))}")
            values[name] = _parse(variable, text, known[name].default)
        values.update({name: value for name, value in overrides.items() if value is not None})
        return cls(**values)  # type: ignore[arg-type]

    def requested_store(self, name: str) -> str:
        """Return the URL of a store that a request names, by its name in `request_stores` or by its URL.

        Raises ConfigError unless the operator allowed it: a request comes from whoever can reach the service.
        """
        urls = self._request_stores()
        if name in urls:
            return urls[name]
        if name == self.store or name in urls.values():
            return name
        raise ConfigError(
            "this service may not use the store that the request names; the operator allows it in the"
            f" environment of the service: {PREFIX}STORE is its store, {PREFIX}REQUEST_STORES lists others"
            " (URL or NAME=URL, separated by spaces)"
        )

    def _request_stores(self) -> dict[str, str]:
        named = (_NAMED.fullmatch(entry) for entry in self.request_stores.split())
        return {found["name"] or found["url"]: found["url"] for found in named if found}

    def __post_init__(self) -> None:
        check_store_url(self.store)
        for url in self._request_stores().values():
            check_store_url(url, name="an entry of request_stores")
        for name in (
            "max_bytes",
            "max_pixels",
            "max_side",
            "store_timeout",
            "idle_seconds",
            "decode_seconds",
        ):
            if getattr(self, name) <= 0:
                raise ConfigError(f"{name} is {getattr(self, name)}; it must be above zero")
        if self.workers < 0:
            raise ConfigError(f"workers is {self.workers}; it must be zero (one per processor) or more")


def _parse(variable: str, text: str, default: object) -> object:
    if isinstance(default, str):
        return text
    with suppress(KeyError, ValueError):
        if isinstance(default, bool):
            return _BOOLEANS[text.strip().lower()]
        return int(text) if isinstance(default, int) else float(text)
    raise ConfigError(f"{variable}={shown_value(text)}: expected a value like {default!r}")
