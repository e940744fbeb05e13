"""What all formats of hash lists have in common: a header, numbered entries, and reading files by lines."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import BinaryIO

from ..errors import ConfigError
from ..store.hash_lists import DIGITS, ListEntry

#: Maximum length of a line in bytes. chosen: an entry with the longest labels has 26 KB.
MAX_LINE = 64 * 1024
#: Minimum PDQ quality of what is shared and searched for. spec: HMA and python-threatexchange, 50.
LEAST_QUALITY = 50
#: Maximum size in bytes of a file that is one JSON document, which is read as a whole. chosen: it takes some
#: ten times as much memory.
MAX_DOCUMENT = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Header:
    """What a file says about its list; all of it may be missing."""

    #: Name of the list.
    name: str = ""
    #: Traffic light, such as tlp:amber.
    tlp: str = ""
    #: When this copy was made, in unix seconds.
    generated: int | None = None


@dataclass(frozen=True, slots=True)
class Numbered:
    """An entry of a file, or why it is refused."""

    #: Number of its line, or of its object where the file is one document, from 1.
    number: int
    #: The entry; None for one that is refused.
    entry: ListEntry | None
    #: What is wrong with it.
    problem: str = ""


def numbered_lines(file: BinaryIO, first: int = 1) -> Iterator[tuple[int, str | None]]:
    """Yield the lines of a file with their numbers; None for one that is too long or not UTF-8."""
    number = first
    while line := file.readline(MAX_LINE + 1):
        text: str | None = None
        if len(line) > MAX_LINE and not line.endswith(b"\n"):
            while (rest := file.readline(MAX_LINE)) and not rest.endswith(b"\n"):
                pass
        else:
            try:
                text = line.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r\n")
            except UnicodeDecodeError:
                text = None
        yield number, text
        number += 1


#: What is said of a line that is None.
UNREADABLE = f"not a line of UTF-8 of at most {MAX_LINE:,} bytes"


def entry_of(
    entry_id: str,
    hashes: Mapping[str, object],
    *,
    quality: object = None,
    labels: object = None,
    first_seen: object = None,
    last_seen: object = None,
    deleted: bool = False,
) -> ListEntry:
    """Return an entry from values of a file, whatever they are; without an id it is named by its first hash.

    Raises ConfigError for what does not fit.
    """
    texts = {kind: _text(kind, hashes.get(kind)) for kind in DIGITS}
    kept = {kind: None if text is None else text.lower() for kind, text in texts.items()}
    if quality not in (None, "") and not re.fullmatch(r"[0-9]{1,3}", str(quality)):
        raise ConfigError(f"pdq_quality {str(quality)[:40]!r}: expected 0 to 100")
    number = None if quality in (None, "") else int(str(quality))
    if (
        number is not None
        and number < LEAST_QUALITY
        and not any(kept[kind] for kind in DIGITS if kind != "pdq")
    ):
        raise ConfigError(f"pdq_quality {number}: below {LEAST_QUALITY} a PDQ hash agrees with too much")
    if labels is not None and not (
        isinstance(labels, dict) and all(isinstance(part, str) for pair in labels.items() for part in pair)
    ):
        raise ConfigError("labels: expected an object of strings")
    name = entry_id or next((text for text in kept.values() if text), "")
    if deleted:
        return ListEntry(name, deleted=True)
    return ListEntry(
        name,
        pdq=kept["pdq"] if number is None or number >= LEAST_QUALITY else None,
        sha256=kept["sha256"],
        sha1=kept["sha1"],
        md5=kept["md5"],
        pdq_quality=number,
        labels=labels or {},
        first_seen=moment("first_seen", first_seen),
        last_seen=moment("last_seen", last_seen),
    )


def _text(name: str, value: object) -> str | None:
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise ConfigError(f"{name} {str(value)[:40]!r}: expected hexadecimal digits")
    return value.strip()


def moment(name: str, value: object) -> int | None:
    """Return a time in unix seconds from ISO 8601 text; one without time zone is UTC. Raises ConfigError."""
    if value is None or value == "":
        return None
    try:
        found = datetime.fromisoformat(str(value)[:40].replace("Z", "+00:00"))
        return int((found if found.tzinfo else found.replace(tzinfo=timezone.utc)).timestamp())
    except (ValueError, OverflowError):
        raise ConfigError(
            f"{name} {str(value)[:40]!r}: expected a time such as 2026-11-22T14:30:00Z"
        ) from None


def iso(seconds: int) -> str:
    """Return a time in unix seconds as ISO 8601."""
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
