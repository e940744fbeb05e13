"""What AIL's `configs/core.cfg` says: our section `[VisualCorrelation]`, and where AIL keeps its pictures and
its queues.

The file is read here and not with AIL's ConfigLoader, so `quaid ail` needs no AIL on `sys.path`. Each error
names the file, the option and what is expected. Settings of the engine that the section does not have
(`workers`, `store_timeout`, ...) come from `DOUGLAS_QUAID_*` as everywhere; those that it has, also by
default, win over them.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from configparser import RawConfigParser
from contextlib import suppress
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from douglas_quaid import Config, ConfigError
from douglas_quaid.store_url import HIDDEN, shown_value

from .cfg_file import read_cfg

#: Our section of core.cfg; both modules read it.
SECTION = "VisualCorrelation"
#: Names of our modules in AIL: classes, sections of modules.cfg, queues. spec: letters and `_` only, because
#: AIL draws them with `dot`.
MODULES = ("VisualCorrelation", "VisualCorrelationCrawled")
#: Path of AIL's configuration in its folder.
CORE_CFG = "configs/core.cfg"


def _option(
    default: object,
    why: str,
    *,
    least: float = 0,
    most: float = 10**12,
    secret: bool = False,
    words: tuple[str, ...] = (),
) -> Any:
    """A field whose `why` stands above it in core.cfg: meaning, unit, and source of the default. A `secret`
    one is not in the `repr`. A list may be limited to some `words`.
    """
    known = {"why": why, "least": least, "most": most, "words": words}
    return field(default=default, repr=not secret, metadata=known)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The section `[VisualCorrelation]`; `why` of each field says what it means.

    Raises ConfigError if a number is out of its range.
    """

    # the engine
    #: URL of the feature store; None: the engine's default.
    store: str | None = _option(
        None,
        "URL of the feature store, never one of AIL's own servers; empty: what DOUGLAS_QUAID_STORE says, "
        "else embedded:",
        secret=True,
    )
    #: Maximum size of a picture file in bytes.
    max_bytes: int = _option(
        20_000_000,
        "maximum size of a picture file, bytes. chosen: AIL itself keeps at most 6,666,667 today",
        least=1,
    )
    #: Maximum number of pixels of a picture.
    max_pixels: int = _option(
        60_000_000,
        "maximum size of a picture, pixels. chosen: a full-page capture of 1,920 x 31,250",
        least=1,
    )
    #: Seconds until a busy decoder is ended.
    decode_seconds: float = _option(
        30.0,
        "seconds until a decoder that is busy with one picture is ended. chosen: ten times the slowest valid "
        "page",
        least=0.1,
    )
    #: Whether pictures are decoded in child processes.
    isolate: bool = _option(
        True,
        "decode in child processes, so that a picture that crashes or hangs a decoder ends no module",
    )
    #: Whether GIFs are ignored.
    skip_gif: bool = _option(
        False,
        "ignore GIFs, as AIL's CodeReader does. chosen: off, a frame of theirs is a picture like any other",
    )
    #: Whether only hashes of unsafe objects are kept.
    unsafe_hash_only: bool = _option(
        True, "keep only hashes of objects that AIL marks unsafe: no thumbnail, no keypoints"
    )

    # delivery
    #: Maximum number of attempts at one object.
    attempts: int = _option(
        3, "attempts at one object before it becomes a dead letter. chosen", least=1, most=1000
    )
    #: Seconds before the second attempt; the pause grows with each.
    retry_seconds: float = _option(
        10.0,
        "pause before the next attempt, and before an item's screenshot is looked for again, seconds. chosen",
        least=0,
        most=86_400,
    )
    #: Seconds until a message that was taken counts as lost.
    grace_seconds: int = _option(
        600,
        "age at which a popped message that nobody ended counts as lost in a crash, seconds; the pauses of "
        "all its attempts are added. chosen: far above any attempt",
        least=1,
    )
    #: Seconds between two rounds of probes.
    gate_seconds: float = _option(
        5.0,
        "how often the store is probed before a message is popped, seconds. chosen",
        least=0,
        most=3600,
    )
    #: Number of waiting messages from which on the log warns.
    warn_queue: int = _option(
        10_000,
        "length of the queue from which on the log warns. chosen: about half an hour of work",
        least=1,
    )
    #: Seconds between two reports of a process.
    report_seconds: int = _option(
        60,
        "how often a module reports its counters for `quaid ail status`, seconds. chosen",
        least=1,
        most=86_400,
    )

    # what is written to AIL
    #: Whether a match is tagged.
    tag_match: bool = _option(
        True,
        'tag infoleak:automatic-detection="visual-match" the first two objects of a cluster that match '
        "across domains, those of two clusters that share a part, and a file that was seen at two places",
    )
    #: Whether the tag of a match is accompanied by one with its relation and likelihood.
    tag_detail: bool = _option(False, "beside that tag another one with the relation and the likelihood")
    #: Whether a review is tagged.
    tag_review: bool = _option(
        True, 'tag an object infoleak:automatic-detection="visual-review" if a person should look at it'
    )
    #: Whether pages that look like a baseline's are tagged.
    tag_looks_like: bool = _option(
        True, "tag a page that looks like a page of a baseline collection and is on a foreign domain"
    )
    #: Tags of a screenshot that its domain and its crawled item get, too.
    tag_domain: tuple[str, ...] = _option(
        ("looks-like", "review"),
        "which tags of a screenshot its domains and crawled items get, too: looks-like (and other tags of "
        "collections), review, match; or none",
        words=("looks-like", "review", "match"),
    )
    #: Unsafe tags that may be written.
    allow_tags: tuple[str, ...] = _option(
        (),
        "unsafe tags that the labels of a collection may ask for, separated by commas; AIL blurs and spreads "
        "these",
    )
    #: Whether correlations are written.
    correlate: bool = _option(True, "write correlations, with the representative of the cluster only")
    #: Whether a review is correlated with the picture of which it asks.
    correlate_review: bool = _option(
        True, "correlate an object with the picture of which its review asks, until that is decided"
    )
    #: Whether a note about its partners is written to each object.
    note: bool = _option(
        True, "write to each object which others it matches, where they were seen, and why; needs patch P6"
    )
    #: Maximum number of correlations at an object.
    max_edges: int = _option(
        1,
        "maximum number of our correlations at an object that does not represent a cluster. chosen: a star; "
        "cliques hang AIL's graph",
        least=1,
        most=10,
    )
    #: Whether scores are written to AIL's duplicates.
    duplicates: bool = _option(
        True, "write the confidence, 0 to 100, to AIL's duplicates; for pairs of one type only"
    )
    #: Seconds between two passes over the answers of analysts; 0: none.
    feedback_seconds: int = _option(
        600, "how often the answers of analysts in AIL are read, seconds; 0: never. chosen", most=86_400
    )
    #: Whether pairs of one domain are written.
    same_domain: bool = _option(
        False, "write pairs of one domain, too; off, because every crawl of a site matches the one before it"
    )

    def __post_init__(self) -> None:
        for option in fields(self):
            value, least, most = getattr(self, option.name), option.metadata["least"], option.metadata["most"]
            if isinstance(value, int | float) and not isinstance(value, bool) and not least <= value <= most:
                raise ConfigError(f"{option.name} is {value}; expected a number from {least:,} to {most:,}")
            words = option.metadata["words"]
            if words and not set(value) <= {*words}:
                raise ConfigError(f"{option.name} is {_text(value)}; expected {', '.join(words)}, or none")

    @property
    def lost_seconds(self) -> float:
        """Age at which a message that was taken and not ended is lost: no attempt may be due any more."""
        return self.grace_seconds + self.retry_seconds * self.attempts

    @classmethod
    def parse(cls, given: Mapping[str, str]) -> Settings:
        """Return the settings with these options; empty ones keep their defaults.

        Raises ConfigError if an option is unknown or has a wrong value.
        """
        known = {option.name: option for option in fields(cls)}
        if unknown := given.keys() - known.keys():
            raise ConfigError(f"{_name(min(unknown))} is not an option; options are {', '.join(known)}")
        texts = {name: text.strip() for name, text in given.items() if text.strip()}
        return cls(**{name: _parse(name, text, known[name].default) for name, text in texts.items()})

    @classmethod
    def read(cls, ail_home: Path | str) -> Settings:
        """Return the settings in `configs/core.cfg`; the defaults if it has no such section.

        Raises ConfigError if the file cannot be read, or an option is unknown or has a wrong value.
        """
        cfg = read_cfg(Path(ail_home) / CORE_CFG)
        try:
            return cls.parse(dict(cfg.items(SECTION)) if cfg.has_section(SECTION) else {})
        except ConfigError as error:
            raise ConfigError(f"{Path(ail_home) / CORE_CFG}, [{SECTION}]: {error}") from None

    def engine_config(self, *, store: str | None = None) -> Config:
        """Return the configuration of the engine. `store` wins over the section, the section over the
        environment. Raises ConfigError if the environment has a wrong value.
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
        """Return the section with every option, its default and its meaning, as `quaid ail install` writes
        it.
        """
        lines = [f"[{SECTION}]"]
        for option in fields(cls):
            value = store if option.name == "store" and store else option.default
            lines += [f"# {option.metadata['why']}", f"{option.name} = {_text(value)}".rstrip()]
        return "\n".join(lines) + "\n"


@dataclass(frozen=True, slots=True)
class Server:
    """One of AIL's servers. AIL addresses a Redis by the number of a database, and a Kvrocks by a password
    that names a key space.
    """

    #: Section of core.cfg.
    section: str
    #: Name of the machine.
    host: str
    #: Port.
    port: int
    #: Number of the database.
    db: int = 0
    #: Password; None for a Redis.
    password: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Locations:
    """Where an AIL keeps what is read without its code."""

    #: Folder of images.
    images: Path
    #: Folder of screenshots.
    screenshots: Path
    #: Lists of messages, and heartbeats.
    queues: Server
    #: The ledger of messages in work.
    process: Server
    #: Tags.
    tags: Server
    #: Correlations.
    correlations: Server
    #: Rows of duplicates.
    duplicates: Server
    #: What AIL knows of each object.
    objects: Server

    @classmethod
    def read(cls, ail_home: Path | str) -> Locations:
        """Return the locations in `configs/core.cfg`. Raises ConfigError if one is missing or malformed."""
        home, cfg = Path(ail_home), read_cfg(Path(ail_home) / CORE_CFG)
        return cls(
            images=home / _value(home, cfg, "Directories", "images"),
            screenshots=home / _value(home, cfg, "Directories", "screenshot"),
            queues=_server(home, cfg, "Redis_Queues", "db"),
            process=_server(home, cfg, "Redis_Process", "db"),
            tags=_server(home, cfg, "Kvrocks_Tags", "password"),
            correlations=_server(home, cfg, "Kvrocks_Correlations", "password"),
            duplicates=_server(home, cfg, "Kvrocks_Duplicates", "password"),
            objects=_server(home, cfg, "Kvrocks_Objects", "password"),
        )

    @property
    def databases(self) -> tuple[Server, ...]:
        """The databases that a module needs for its work on a message: while one is away, it takes none."""
        return self.correlations, self.duplicates, self.tags, self.objects


def ail_home(given: str | None = None) -> Path:
    """Return the folder of AIL that was given, or `$AIL_HOME`.

    Raises ConfigError if there is none, or the folder does not hold an AIL.
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


def _value(home: Path, cfg: RawConfigParser, section: str, option: str) -> str:
    text = cfg.get(section, option, fallback="").strip()
    if not text:
        raise ConfigError(f"{home / CORE_CFG}: [{section}] has no option {option}")
    return text


def _server(home: Path, cfg: RawConfigParser, section: str, key: str) -> Server:
    host, port, name = (_value(home, cfg, section, option) for option in ("host", "port", key))
    if not port.isdecimal() or (key == "db" and not name.isdecimal()):
        raise ConfigError(
            f"{home / CORE_CFG}, [{section}]: port is {shown_value(port)}; expected numbers for port and db"
        )
    if key == "db":
        return Server(section, host, int(port), db=int(name))
    return Server(section, host, int(port), password=name)


#: For each type of a default: what is expected, and how a text is read. Ranges are checked by Settings.
_READERS: Mapping[type, tuple[str, Callable[[str], Any]]] = {
    bool: ("True or False", lambda text: RawConfigParser.BOOLEAN_STATES[text.lower()]),
    int: ("a whole number", int),
    float: ("a number", float),
    tuple: ("a list", lambda text: tuple(_parts(text)) if text != "none" else ()),
    type(None): ("text", str),
}


def _parts(text: str) -> Iterator[str]:
    return filter(None, map(str.strip, text.split(",")))


def _name(given: str) -> str:
    """The name of an unknown option; a line that is not an option may hold a password in its place."""
    return given if re.fullmatch(r"[a-z_]+", given) else HIDDEN


def _parse(name: str, text: str, default: object) -> Any:
    expected, reader = _READERS[type(default)]
    with suppress(KeyError, ValueError):
        return reader(text)
    raise ConfigError(f"{name} is {shown_value(text)}; expected {expected}")


def _text(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    return "" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
