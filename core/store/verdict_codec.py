"""Bytes of verdicts and judgements. A verdict keeps every piece of evidence, so that a new calibration can
judge again without pixels.

Layout in FORMAT.md: magic, version, time judged, checksum, JSON. An unknown version or field is refused.
"""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from ..errors import CorruptRecord, UnknownVersion
from ..records import ImageId, Judgement, JudgementWord, StoredVerdict, Verdict
from ..strict_json import from_object, parse_object, to_object

#: First bytes of a verdict. spec: FORMAT.md.
MAGIC = b"DQV"
#: First bytes of a judgement. spec: FORMAT.md.
JUDGEMENT_MAGIC = b"DQJ"
#: Format version of both. spec: FORMAT.md.
VERSION = 7
#: Format versions that are read. Older ones have fewer fields, and what is missing is None.
READ = (2, 3, 4, 5, 6, 7)
#: Fields of the evidence of version 5 that are no longer kept.
DROPPED = ("detailed",)
#: Bytes before the JSON: magic 3, version u8, time judged u64 big-endian in microseconds since 1970 UTC (so
#: that text order is time order, which the scripts use), checksum 8. spec: FORMAT.md.
HEADER_BYTES = 20
#: Maximum length of what is read. chosen: a hundred times a usual verdict.
MAX_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class _StoredJudgement:
    """The JSON of a judgement. Scripts read its first field."""

    judgement: JudgementWord
    source: str
    verdict: Verdict | None
    who: str


def encode(verdict: Verdict, judged: datetime) -> bytes:
    """Return the bytes of a verdict; `judged` has a time zone."""
    return _framed(MAGIC, judged, to_object(verdict))


def decode(other: ImageId, data: bytes) -> StoredVerdict:
    """Return the verdict about `other`.

    Raises UnknownVersion for bytes of another format version, CorruptRecord for bytes that cannot be read.
    """
    with _opened(f"stored verdict about {other}", MAGIC, data) as (values, judged):
        return StoredVerdict(other, from_object(Verdict, values), judged)


def is_newer(data: bytes) -> bool:
    """Return whether a newer program wrote this verdict or judgement, and nothing has damaged it since."""
    if len(data) <= HEADER_BYTES or data[3] <= VERSION:
        return False
    return data[12:HEADER_BYTES] == _checksum(data[:12], data[HEADER_BYTES:])


def encode_judgement(judgement: Judgement, verdict: Verdict | None) -> bytes:
    """Return the bytes of a judgement and, if it says that the two match, of the verdict it stands for."""
    stored = _StoredJudgement(judgement.word, judgement.source, verdict, judgement.who)
    return _framed(JUDGEMENT_MAGIC, judgement.when, to_object(stored))


def decode_judgement(other: ImageId, data: bytes) -> tuple[Judgement, StoredVerdict | None]:
    """Return the judgement about `other`, and the verdict it stands for, if any.

    Raises UnknownVersion for bytes of another format version, CorruptRecord for bytes that cannot be read.
    """
    with _opened(f"stored judgement about {other}", JUDGEMENT_MAGIC, data) as (values, when):
        stored = from_object(_StoredJudgement, values)
        verdict = None if stored.verdict is None else StoredVerdict(other, stored.verdict, when)
        return Judgement(other, stored.judgement, stored.who, when, stored.source), verdict


def _framed(magic: bytes, moment: datetime, values: dict[str, Any]) -> bytes:
    text = json.dumps(values, allow_nan=False, separators=(",", ":"), sort_keys=True).encode()
    head = magic + bytes([VERSION]) + round(moment.timestamp() * 1_000_000).to_bytes(8, "big")
    return head + _checksum(head, text) + text


@contextmanager
def _opened(name: str, magic: bytes, data: bytes) -> Iterator[tuple[dict[str, Any], datetime]]:
    """Provide the values and the time in some bytes, and refuse what the block cannot read of them."""
    remedy = "forget the image and add it again"
    if len(data) < HEADER_BYTES or len(data) > MAX_BYTES or data[:3] != magic:
        raise CorruptRecord(f"{name}: {len(data)} bytes that do not start as they should; {remedy}")
    if data[3] not in READ:
        remedy = "use a newer douglas-quaid" if data[3] > VERSION else "fill the store anew"
        raise UnknownVersion(f"{name} has format {data[3]}, this program reads {VERSION}; {remedy}")
    if data[12:HEADER_BYTES] != _checksum(data[:12], data[HEADER_BYTES:]):
        raise CorruptRecord(f"{name}: its checksum does not fit; {remedy}")
    try:
        moment = datetime.fromtimestamp(int.from_bytes(data[4:12], "big") / 1_000_000, timezone.utc)
        values = parse_object(data[HEADER_BYTES:].decode())
        if data[3] == 5:
            _drop(values)
        yield values, moment
    except (ValueError, TypeError, KeyError, OverflowError, OSError) as error:
        raise CorruptRecord(f"{name} cannot be read ({error}); {remedy}") from None


def _drop(values: dict[str, Any]) -> None:
    """Take out of a verdict, or of the one in a judgement, what is no longer kept."""
    evidence = (values.get("verdict") or values).get("evidence") or {}
    for name in DROPPED:
        evidence.pop(name, None)


def _checksum(head: bytes, text: bytes) -> bytes:
    return hashlib.sha256(head + text).digest()[:8]
