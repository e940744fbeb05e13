"""Lists without a header: lines of `pdq HEX`, as python-threatexchange reads and writes them, and CSV."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from typing import BinaryIO

from ..errors import ConfigError, CorruptRecord
from ..store.hash_lists import DIGITS, ListEntry
from .lines import UNREADABLE, Header, Numbered, entry_of, iso, numbered_lines

#: Columns of a CSV file that is written; one that is read has at least one of the hashes.
COLUMNS = ("id", *DIGITS, "pdq_quality", "labels", "first_seen", "last_seen", "deleted")

_PDQ = re.compile(r"(?:pdq[ ,\t]+)?([0-9A-Fa-f]{64})")
_FLAGS = {"": False, "0": False, "false": False, "1": True, "true": True}


def read_pdq(file: BinaryIO) -> tuple[Header, Iterator[Numbered]]:
    """Return the entries of lines `pdq HEX`, or of the digits alone, each named by its hash. Empty lines and
    those that begin with # are skipped.
    """
    return Header(), _pdq_entries(file)


def _pdq_entries(file: BinaryIO) -> Iterator[Numbered]:
    for number, text in numbered_lines(file):
        line = UNREADABLE if text is None else text.strip()
        if not line or line.startswith("#"):
            continue
        found = _PDQ.fullmatch(line)
        if text is None or found is None:
            problem = UNREADABLE if text is None else "expected pdq and 64 hexadecimal digits"
            yield Numbered(number, None, problem)
        else:
            yield Numbered(number, ListEntry(found[1].lower(), pdq=found[1].lower()))


def write_pdq(entries: Iterator[ListEntry]) -> Iterator[str]:
    """Yield lines `pdq HEX`, without entries that have no PDQ hash."""
    for entry in entries:
        if entry.pdq is not None:
            yield f"pdq {entry.pdq}\n"


def read_csv(file: BinaryIO) -> tuple[Header, Iterator[Numbered]]:
    """Return the entries of a CSV file whose first line names its columns (COLUMNS); others are skipped.
    Raises CorruptRecord for a file without any hash among them.
    """
    _, first = next(numbered_lines(file), (1, None))
    names = [name.strip().lower() for name in next(csv.reader([first or ""]), [])]
    if not set(names) & set(DIGITS):
        raise CorruptRecord(f"its first line names none of the columns {', '.join(DIGITS)}")
    return Header(), _csv_entries(file, names)


def _csv_entries(file: BinaryIO, names: list[str]) -> Iterator[Numbered]:
    for number, text in numbered_lines(file, 2):
        if text is not None and not text.strip():
            continue
        try:
            if text is None:
                raise ConfigError(UNREADABLE)
            cells = next(csv.reader([text], strict=True), [])
            if len(cells) != len(names):
                raise ConfigError(f"{len(cells)} cells, the first line has {len(names)}")
            row = dict(zip(names, cells, strict=True))
            flag = row.get("deleted", "").strip().lower()
            if flag not in _FLAGS:
                raise ConfigError(f"deleted {flag[:40]!r}: expected true or false")
            entry = entry_of(
                row.get("id", "").strip(),
                row,
                quality=row.get("pdq_quality", "").strip(),
                labels=json.loads(row["labels"]) if row.get("labels", "").strip() else None,
                first_seen=row.get("first_seen", "").strip(),
                last_seen=row.get("last_seen", "").strip(),
                deleted=_FLAGS[flag],
            )
            yield Numbered(number, entry)
        except (ValueError, csv.Error, RecursionError, ConfigError) as error:
            yield Numbered(number, None, str(error)[:200])


def write_csv(entries: Iterator[ListEntry]) -> Iterator[str]:
    """Yield the lines of a CSV file. No cell begins like a formula unless the id of an entry does."""
    yield _row(COLUMNS)
    for entry in entries:
        times = [
            seconds if seconds is None else iso(seconds) for seconds in (entry.first_seen, entry.last_seen)
        ]
        labels = json.dumps(dict(entry.labels), sort_keys=True) if entry.labels else ""
        hashes = [getattr(entry, kind) for kind in DIGITS]
        deleted = "true" if entry.deleted else ""
        yield _row((entry.entry_id, *hashes, entry.pdq_quality, labels, *times, deleted))


def _row(cells: tuple[object, ...]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerow(cells)
    return out.getvalue()
