"""Checked readers: what each kind of value in the store must look like. Every value is read through one.

A value that does not fit is told by the key that holds it, and with the remedy (`CorruptRecord`). A question
about many images must not end because of one of them: within `noting`, a broken value is left out of the
answer and noted instead, and the answer says so.
"""

import hashlib
import json
import logging
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime, timezone

from ..errors import ConfigError, CorruptRecord, FormatError
from ..records import ImageId, Occurrence
from .keys import as_bytes, as_text

log = logging.getLogger(__name__)

#: What mends a store.
REMEDY = "run quaid self-check --repair"
#: Largest whole number that is stored. spec: FORMAT.md; a double, which Lua has, holds it exactly.
MOST = 10**15 - 1
#: Latest time in unix seconds. spec: datetime ends with the year 9999.
LATEST = 253_402_300_799
#: Hexadecimal digits of an image id. spec: sha256.
ID_CHARACTERS = 64

#: Hexadecimal digits of a checksum. chosen: a changed value has the old one once in 10^19 times.
CHECK_CHARACTERS = 16

#: An image id. spec: sha256.
IMAGE_ID = re.compile(r"[0-9a-f]{64}")
#: A cluster id. spec: clusters.lua.
CLUSTER_ID = re.compile(r"c-[0-9a-f]{32}")

_WHOLE = re.compile(rb"[0-9]{1,15}")
_DIGITS = b"0123456789abcdef"

_noted: ContextVar[list[str] | None] = ContextVar("noted", default=None)


@contextmanager
def noting() -> Iterator[list[str]]:
    """Provide a list of the problems of broken values that were left out while the block ran; a block around
    it hears of them too.
    """
    found: list[str] = []
    outer = _noted.get()
    token = _noted.set(found)
    try:
        yield found
    finally:
        _noted.reset(token)
        if outer is not None:
            outer += [problem for problem in found if problem not in outer]


def note(error: FormatError) -> None:
    """Note a broken value that is left out; the log gets it too."""
    log.warning("left out: %s", error)
    found = _noted.get()
    if found is not None and str(error) not in found:
        found.append(str(error))


class _LeftOut:
    """See `left_out_if_broken`; a class, because every answer enters it some hundred times."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> bool:
        if not isinstance(error, FormatError) or _noted.get() is None:
            return False
        note(error)
        return True


_LEFT_OUT = _LeftOut()


def left_out_if_broken() -> _LeftOut:
    """Leave out what the block reads if it is broken: within `noting` note it, else let the error through."""
    return _LEFT_OUT


def broken(key: str, problem: object) -> CorruptRecord:
    """Return the error about a value: `key` says where it lies."""
    return CorruptRecord(f"{key}: {problem}; {REMEDY}")


def checksum(name: str, text: str) -> str:
    """Return what tells a value of plain text that was changed, or that lies under another name."""
    return hashlib.sha1(as_bytes(f"{name} {text}")).hexdigest()[:CHECK_CHARACTERS]


def whole(key: str, value: bytes | None, *, most: int = MOST) -> int:
    """Return a whole number from 0 to `most`; 0 for an absent one. Raises CorruptRecord."""
    if value is None:
        return 0
    if not _WHOLE.fullmatch(value) or int(value) > most:
        raise broken(key, f"{value!r:.80} is not a whole number from 0 to {most}")
    return int(value)


def moment(key: str, value: bytes | float | None) -> datetime:
    """Return a time from decimal text or a score, to the second. Raises CorruptRecord."""
    if isinstance(value, float):
        if not (math.isfinite(value) and value == int(value) and 0 <= value <= LATEST):
            raise broken(key, f"{value!r} is not a time in seconds")
        return datetime.fromtimestamp(int(value), timezone.utc)
    if value is None:
        raise broken(key, "there is no time")
    return datetime.fromtimestamp(whole(key, value, most=LATEST), timezone.utc)


def seconds(key: str, value: bytes) -> float:
    """Return a time in seconds with its fraction. Raises CorruptRecord."""
    try:
        found = float(value)
    except ValueError:
        found = math.nan
    if not 0 <= found <= LATEST:
        raise broken(key, f"{value!r:.80} is not a time in seconds")
    return found


def labels(key: str, value: bytes) -> Mapping[str, str]:
    """Return labels, which are JSON text with a string for each name. Raises CorruptRecord."""
    try:
        found = json.loads(value)
    except (ValueError, RecursionError) as error:
        raise broken(key, f"the labels cannot be read ({error})") from None
    if not isinstance(found, dict) or not all(isinstance(text, str) for text in found.values()):
        raise broken(key, f"{value!r:.80} are not labels")
    return found


def image_id(key: str, value: bytes) -> ImageId:
    """Return an image id. Raises CorruptRecord."""
    text = as_text(value)
    if not IMAGE_ID.fullmatch(text):
        raise broken(key, f"{value!r:.80} is not an image id")
    return text


def image_ids(key: str, values: Iterable[bytes]) -> list[ImageId]:
    """Return image ids, in the same order. Raises CorruptRecord; within `noting`, others are left out."""
    found = list(values)
    if {len(value) for value in found} <= {ID_CHARACTERS} and not b"".join(found).translate(None, _DIGITS):
        return [value.decode() for value in found]
    ids = []
    for value in found:
        with left_out_if_broken():
            ids.append(image_id(key, value))
    return ids


def id_list(key: str, value: bytes | None) -> list[ImageId]:
    """Return the image ids that lie in a value without separators. Raises CorruptRecord."""
    text = value or b""
    return image_ids(key, (text[at : at + ID_CHARACTERS] for at in range(0, len(text), ID_CHARACTERS)))


def cluster_id(key: str, value: bytes) -> str:
    """Return a cluster id. Raises CorruptRecord."""
    text = as_text(value)
    if not CLUSTER_ID.fullmatch(text):
        raise broken(key, f"{value!r:.80} is not a cluster id")
    return text


def cluster_ids(key: str, values: Iterable[bytes]) -> list[str]:
    """Return cluster ids, in the same order. Raises CorruptRecord; within `noting`, others are left out."""
    ids = []
    for value in values:
        with left_out_if_broken():
            ids.append(cluster_id(key, value))
    return ids


def occurrence(key: str, value: bytes) -> Occurrence:
    """Return an occurrence. Raises CorruptRecord."""
    try:
        return Occurrence.parse(as_text(value))
    except ConfigError as error:
        raise broken(key, error) from None
