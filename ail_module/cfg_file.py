"""Reading configuration files of AIL as they stand, without AIL's code."""

from configparser import (
    DuplicateOptionError,
    DuplicateSectionError,
    MissingSectionHeaderError,
    ParsingError,
    RawConfigParser,
)
from pathlib import Path

from douglas_quaid import ConfigError


def read_cfg(path: Path) -> RawConfigParser:
    """Return a configuration of AIL, with values as written: a `%` stays a `%`.

    Raises ConfigError if it is missing, or cannot be read or parsed.
    """
    cfg = RawConfigParser()
    try:
        text = path.read_text("utf-8", "surrogateescape")
    except FileNotFoundError:
        raise ConfigError(
            f"{path} is missing; AIL makes it from core.cfg.sample when it is installed"
        ) from None
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error}") from None
    # The line itself may contain a password, and so may the parser's message.
    if (line := _wrong_line(cfg, text)) is not None:
        raise ConfigError(f"{path} cannot be read: Source contains parsing errors in line {line}")
    return cfg


def _wrong_line(cfg: RawConfigParser, text: str) -> int | None:
    """Parse a configuration, and return the number of the line that cannot be parsed or repeats another."""
    try:
        cfg.read_string(text)
    except (MissingSectionHeaderError, DuplicateSectionError, DuplicateOptionError) as error:
        return error.lineno
    except ParsingError as error:
        return int(error.errors[0][0])
    return None
