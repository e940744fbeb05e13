"""What AIL's `configs/core.cfg` says: our section `[VisualCorrelation]`, and where AIL keeps its pictures and
its queues.

Takes the folder of an AIL (`AIL_HOME`), gives frozen values or one ConfigError that names the file, the
option and what is expected. Read here and not with AIL's ConfigLoader, so that `quaid ail` needs no AIL on
`sys.path`. What the section does not say of the engine (`workers`, `store_timeout`, ...) comes from
`DOUGLAS_QUAID_*` as everywhere; what it says, also by default, holds over these.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from configparser import Error as CfgError
from configparser import RawConfigParser
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from douglas_quaid.config import Config, shown
from douglas_quaid.errors import ConfigError

#: Of core.cfg; both modules read it.
SECTION = "VisualCorrelation"
#: Names of our modules in AIL: classes, sections of modules.cfg, queues. spec: letters and `_` only, AIL
#: draws them with `dot`.
MODULES = ("VisualCorrelation", "VisualCorrelationCrawled")
CORE_CFG = Path("configs") / "core.cfg"


def _option(default: object, why: str, *, least: float = 0, most: float = 10**12) -> Any:
    """A field whose `why` stands above it in core.cfg, and in the README: meaning, unit, and where the
    default comes from.
    """
    return field(default=default, metadata={"why": why, "least": least, "most": most})


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The section `[VisualCorrelation]`. Numbers outside of their limits, unknown options and words that are
    no boolean are refused.
    """

    # the engine
    store: str | None = _option(
        None,
        "URL of the feature store, never one of AIL's own servers; empty: what DOUGLAS_QUAID_STORE says, else embedded:",
    )
    max_bytes: int = _option(
        20_000_000, "largest picture file, bytes. chosen: AIL itself keeps at most 6,666,667 today", least=1
    )
    max_pixels: int = _option(
        60_000_000, "largest picture, pixels. chosen: a full-page capture of 1,920 x 31,250", least=1
    )
    decode_seconds: float = _option(
        30.0,
        "seconds until a decoder that is busy with one picture is ended. chosen: ten times the slowest sound page",
        least=0.1,
    )
    isolate: bool = _option(
        True,
        "decode in child processes, so that a picture that crashes or hangs a decoder does not end the module",
    )
    skip_gif: bool = _option(
        False,
        "leave GIFs alone, as AIL's CodeReader does. chosen: off, their first frame is a picture like any other",
    )
    unsafe_hash_only: bool = _option(
        True, "of objects that AIL marks unsafe keep hashes only: no thumbnail, no keypoints"
    )

    # delivery
    attempts: int = _option(
        3, "tries of one object before it becomes a dead letter. chosen", least=1, most=1000
    )
    retry_seconds: float = _option(
        10.0,
        "pause before the next try, and before an item's screenshot is asked for again, seconds. chosen",
        least=0,
        most=86_400,
    )
    grace_seconds: int = _option(
        600,
        "age at which a popped message that nobody ended counts as lost in a crash, seconds. chosen: far above any try",
        least=1,
    )
    gate_seconds: float = _option(
        5.0,
        "how often the store is asked whether it is there before a message is popped, seconds. chosen",
        least=0,
        most=3600,
    )
    warn_queue: int = _option(
        10_000, "length of the queue from which on the log warns. chosen: about half an hour of work", least=1
    )
    report_seconds: int = _option(
        60,
        "how often a module notes its counters for `quaid ail status`, seconds. chosen",
        least=1,
        most=86_400,
    )

    # what is written to AIL
    tag_match: bool = _option(
        True,
        "tag an object once, when it first matches on another domain; an unpatched AIL shows tags, but not our correlations",
    )
    tag_review: bool = _option(
        True, 'tag an object infoleak:automatic-detection="visual-review" when a person should look at it'
    )
    tag_looks_like: bool = _option(
        True, "tag a page that looks like a page of a baseline collection whose domain is not its own"
    )
    allow_tags: tuple[str, ...] = _option(
        (),
        "unsafe tags that the labels of a baseline may ask for, separated by commas; AIL blurs and spreads these",
    )
    correlate: bool = _option(True, "write correlations, to the representative of the cluster only")
    max_edges: int = _option(
        1,
        "most correlations of ours at an object that is no representative. chosen: a star; cliques hang AIL's graph",
        least=1,
        most=10,
    )
    duplicates: bool = _option(
        True, "write the confidence, 0 to 100, to AIL's duplicates; for pairs of one type only"
    )
    feedback_seconds: int = _option(
        600, "how often the answers of analysts in AIL are read, seconds; 0: never. chosen", most=86_400
    )
    same_domain: bool = _option(
        False, "write pairs of one domain too; off, because every crawl of a site matches the one before it"
    )

    def __post_init__(self) -> None:
        for option in fields(self):
            value, least, most = getattr(self, option.name), option.metadata["least"], option.metadata["most"]
            if isinstance(value, int | float) and not isinstance(value, bool) and not least <= value <= most:
                raise ConfigError(f"{option.name} is {value}; expected a number from {least:,} to {most:,}")

    @classmethod
    def parse(cls, given: Mapping[str, str]) -> Settings:
        """The options of the section; empty ones keep their defaults. Raises ConfigError naming the option."""
        known = {option.name: option for option in fields(cls)}
        values: dict[str, Any] = {}
        for name, text in given.items():
            if name not in known:
                raise ConfigError(f"{name} is not an option; options are {', '.join(known)}")
            if text.strip():
                values[name] = _parse(name, text.strip(), known[name].default)
        return cls(**values)

    @classmethod
    def read(cls, ail_home: Path | str) -> Settings:
        """From `configs/core.cfg`; the defaults when it has no such section. Raises ConfigError naming file,
        section and option.
        """
        cfg = read_core_cfg(ail_home)
        try:
            return cls.parse(dict(cfg.items(SECTION)) if cfg.has_section(SECTION) else {})
        except ConfigError as error:
            raise ConfigError(f"{Path(ail_home) / CORE_CFG}, [{SECTION}]: {error}") from None

    def engine_config(self, *, store: str | None = None) -> Config:
        """Configuration of the engine; `store` wins over the section, the section over the environment.
        Raises ConfigError.
        """
        return Config.from_environment(
            store=store or self.store,
            max_bytes=self.max_bytes,
            max_pixels=self.max_pixels,
            decode_seconds=self.decode_seconds,
            isolate=self.isolate,
        )

    @classmethod
    def section(cls, *, store: str | None = None) -> str:
        """The section with every option, its default and its reason, as `quaid ail install` writes it."""
        lines = [f"[{SECTION}]"]
        for option in fields(cls):
            value = store if option.name == "store" and store else option.default
            lines += [f"# {option.metadata['why']}", f"{option.name} = {_text(value)}".rstrip()]
        return "\n".join(lines) + "\n"


@dataclass(frozen=True, slots=True)
class Server:
    """One of AIL's servers, addressed as AIL does: Redis by the number of a database, Kvrocks by a password
    that names a key space.
    """

    section: str
    host: str
    port: int
    db: int = 0
    password: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Places:
    """Where this AIL keeps what we read without it."""

    images: Path
    screenshots: Path
    #: Lists of messages, heartbeats.
    queues: Server
    #: The ledger of messages that are being worked on.
    process: Server
    tags: Server
    correlations: Server

    @classmethod
    def read(cls, ail_home: Path | str) -> Places:
        """Raises ConfigError naming file, section and option."""
        home, cfg = Path(ail_home), read_core_cfg(ail_home)
        return cls(
            images=home / _value(home, cfg, "Directories", "images"),
            screenshots=home / _value(home, cfg, "Directories", "screenshot"),
            queues=_server(home, cfg, "Redis_Queues", "db"),
            process=_server(home, cfg, "Redis_Process", "db"),
            tags=_server(home, cfg, "Kvrocks_Tags", "password"),
            correlations=_server(home, cfg, "Kvrocks_Correlations", "password"),
        )


def ail_home(given: str | None = None) -> Path:
    """The folder of AIL that was given, or `$AIL_HOME`. Raises ConfigError when there is none or it is no
    AIL.
    """
    text = given or os.environ.get("AIL_HOME", "")
    if not text:
        raise ConfigError(
            "which AIL? Give its folder with --ail-home, or set AIL_HOME (AIL's own virtual environment does)"
        )
    home = Path(text).expanduser()
    if not (home / "bin" / "modules").is_dir():
        raise ConfigError(f"{home} is not a checkout of AIL: it has no folder bin/modules")
    return home.resolve()


def read_core_cfg(ail_home: Path | str) -> RawConfigParser:
    """`configs/core.cfg` as written: a `%` stays a `%`. Raises ConfigError."""
    path = Path(ail_home) / CORE_CFG
    cfg = RawConfigParser()
    try:
        cfg.read_string(path.read_text("utf-8"))
    except FileNotFoundError:
        raise ConfigError(
            f"{path} is missing; AIL makes it from core.cfg.sample when it is installed"
        ) from None
    except (OSError, UnicodeError, CfgError) as error:
        raise ConfigError(f"{path} cannot be read: {' '.join(str(error).split())[:200]}") from None
    return cfg


def _value(home: Path, cfg: RawConfigParser, section: str, option: str) -> str:
    text = cfg.get(section, option, fallback="").strip()
    if not text:
        raise ConfigError(f"{home / CORE_CFG}: [{section}] has no option {option}")
    return text


def _server(home: Path, cfg: RawConfigParser, section: str, key: str) -> Server:
    host, port, name = (_value(home, cfg, section, option) for option in ("host", "port", key))
    if not port.isdecimal() or (key == "db" and not name.isdecimal()):
        raise ConfigError(f"{home / CORE_CFG}, [{section}]: port is {port}; expected numbers for port and db")
    return (
        Server(section, host, int(port), db=int(name))
        if key == "db"
        else Server(section, host, int(port), password=name)
    )


_BOOLEANS = {
    "true": True,
    "yes": True,
    "on": True,
    "1": True,
    "false": False,
    "no": False,
    "off": False,
    "0": False,
}


def _parse(name: str, text: str, default: object) -> object:
    """`text` as the type of `default`; limits are checked by Settings itself."""
    expected = "text"
    try:
        if isinstance(default, bool):
            expected = "True or False"
            return _BOOLEANS[text.lower()]
        if isinstance(default, int):
            expected = "a whole number"
            return int(text)
        if isinstance(default, float):
            expected = "a number"
            return float(text)
    except (KeyError, ValueError):
        raise ConfigError(f"{name} is {shown(repr(text))[:80]}; expected {expected}") from None
    if isinstance(default, tuple):
        return tuple(part.strip() for part in text.split(",") if part.strip())
    return text


def _text(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    return "" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
