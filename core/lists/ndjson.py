"""Our own format: a header and then one entry, each a JSON object on a line of its own.

{"format": "douglas-quaid-list", "version": 1, "name", "tlp", "generated", "features": {"pdq": 1}}
{"id", "pdq", "pdq_quality", "sha256", "sha1", "md5", "labels", "first_seen", "last_seen"}
{"id", "deleted": true}
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, BinaryIO

from ..errors import ConfigError, CorruptRecord, UnknownVersion
from ..features.pdq import PDQ_VERSION
from ..store.hash_lists import DIGITS, ListEntry
from ..strict_json import parse_object
from .lines import UNREADABLE, Header, Numbered, entry_of, iso, moment, numbered_lines

#: Name of the format.
FORMAT = "douglas-quaid-list"
#: Its version.
VERSION = 1

_KEYS = {"id", *DIGITS, "pdq_quality", "labels", "first_seen", "last_seen", "deleted"}


def read(file: BinaryIO) -> tuple[Header, Iterator[Numbered]]:
    """Return the header of a list and its entries. Raises CorruptRecord for a file of another format,
    UnknownVersion for one that a later program wrote.
    """
    _, first = next(numbered_lines(file), (1, None))
    try:
        values = parse_object(first or "")
    except (ValueError, RecursionError):
        values = {}
    if values.get("format") != FORMAT:
        raise CorruptRecord(f'its first line is not the header {{"format": "{FORMAT}", ...}}')
    if values.get("version") != VERSION:
        raise UnknownVersion(
            f"version {str(values.get('version'))[:40]} of the format, this program reads {VERSION}; use a"
            " newer douglas-quaid"
        )
    features = values.get("features", {})
    version = features.get("pdq", PDQ_VERSION) if isinstance(features, dict) else None
    if version != PDQ_VERSION:
        raise UnknownVersion(f"PDQ hashes of version {str(version)[:40]}, this program has {PDQ_VERSION}")
    generated = moment("generated", values.get("generated"))
    return Header(str(values.get("name") or ""), str(values.get("tlp") or ""), generated), _entries(file)


def _entries(file: BinaryIO) -> Iterator[Numbered]:
    for number, text in numbered_lines(file, 2):
        if text is None:
            yield Numbered(number, None, UNREADABLE)
            continue
        if not text.strip():
            continue
        try:
            values = parse_object(text)
            if unknown := values.keys() - _KEYS:
                raise ConfigError(f"unknown: {', '.join(sorted(unknown))[:80]}")
            if not isinstance(values.get("id"), str):
                raise ConfigError("it has no id")
            if values.get("deleted") not in (None, True, False):
                raise ConfigError("deleted: expected true or false")
            entry = entry_of(
                values["id"],
                values,
                quality=values.get("pdq_quality"),
                labels=values.get("labels"),
                first_seen=values.get("first_seen"),
                last_seen=values.get("last_seen"),
                deleted=bool(values.get("deleted")),
            )
            yield Numbered(number, entry)
        except (ValueError, RecursionError, ConfigError) as error:
            yield Numbered(number, None, str(error)[:200])


def write(header: Header, entries: Iterator[ListEntry]) -> Iterator[str]:
    """Yield the lines of a list."""
    about = {"format": FORMAT, "version": VERSION, "name": header.name, "tlp": header.tlp}
    made = {} if header.generated is None else {"generated": iso(header.generated)}
    yield _line(about | made | {"features": {"pdq": PDQ_VERSION}})
    for entry in entries:
        yield _line(plain(entry))


def plain(entry: ListEntry) -> dict[str, Any]:
    """Return an entry as a JSON object, without what it does not have."""
    if entry.deleted:
        return {"id": entry.entry_id, "deleted": True}
    times = {"first_seen": entry.first_seen, "last_seen": entry.last_seen}
    found: dict[str, Any] = {"id": entry.entry_id}
    found |= {kind: text for kind in DIGITS if (text := getattr(entry, kind)) is not None}
    found |= {} if entry.pdq_quality is None else {"pdq_quality": entry.pdq_quality}
    found |= {"labels": dict(entry.labels)} if entry.labels else {}
    return found | {name: iso(seconds) for name, seconds in times.items() if seconds is not None}


def _line(values: dict[str, Any]) -> str:
    return json.dumps(values) + "\n"
