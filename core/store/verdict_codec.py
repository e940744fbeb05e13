"""Stored verdicts and judgements. A verdict keeps every piece of evidence, so that a new calibration can judge
again without pixels.

Layout in FORMAT.md: magic, version, time judged, checksum, JSON. An unknown version or field is refused,
never guessed at.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timezone
from typing import Any, TypeVar

import numpy as np

from ..errors import CorruptRecord, UnknownVersion
from ..features.pdq import ORIENTATIONS
from ..records import (
    Decision,
    ImageId,
    Judgement,
    JudgementWord,
    Relation,
    StoredVerdict,
    Verdict,
)
from ..strict_json import from_object, to_object

T = TypeVar("T")

#: spec: FORMAT.md.
MAGIC = b"DQV"
#: spec: FORMAT.md.
JUDGEMENT_MAGIC = b"DQJ"
#: spec: FORMAT.md, of both.
VERSION = 2
#: Magic 3, version u8, time judged u64 big-endian in microseconds since 1970 UTC (text order is time order,
#: which the scripts use), checksum 8.
HEADER_BYTES = 20
#: A longer verdict is refused when read. chosen: a hundred times a usual one.
MAX_BYTES = 64 * 1024

_OTHER_SIDE = {"query": "reference", "reference": "query"}
_SIDE = re.compile(r"\b(query|reference)\b")
_JOINING = frozenset({Relation.IDENTICAL, Relation.NEAR_DUPLICATE})
_RANK = {Decision.MATCH: 4.0, Decision.REVIEW: 2.0, Decision.NO_MATCH: -1.0}
#: Ranks of a no-match, which is listed nowhere: between the mark of dropped bytes and the least that is
#: listed.
_LEAST, _MOST = -0.999, -0.001


def joins(verdict: Verdict) -> bool:
    """Whether it connects the two images in a cluster: only a match of the whole pictures does."""
    return verdict.decision is Decision.MATCH and verdict.relation in _JOINING


def rank(verdict: Verdict) -> float:
    """Order in which an image's verdicts are shown and kept: matches before reviews, the surest first; below
    0 what is kept and not shown.
    """
    rank = _RANK[verdict.decision] + verdict.confidence
    return min(max(rank, _LEAST), _MOST) if verdict.decision is Decision.NO_MATCH else rank


def reversed_verdict(verdict: Verdict) -> Verdict:
    """The same verdict seen from the other image: what was measured about the query is now the reference's
    and the reverse, in words too.
    """
    evidence = verdict.evidence
    return replace(
        verdict,
        evidence=replace(
            evidence,
            covered_query=evidence.covered_reference,
            covered_reference=evidence.covered_query,
            orientation=None if evidence.orientation is None else _OPPOSITE[evidence.orientation],
            matrix=None if evidence.matrix is None else _inverse(evidence.matrix),
        ),
        sentence=_SIDE.sub(lambda word: _OTHER_SIDE[word[0]], verdict.sentence),
    )


def encode(verdict: Verdict, judged: datetime) -> bytes:
    """Bytes of a verdict; `judged` is an aware time."""
    return _framed(MAGIC, judged, to_object(verdict))


def decode(other: ImageId, data: bytes) -> StoredVerdict:
    """The verdict about `other`. Raises UnknownVersion for bytes of a newer program, CorruptRecord for any
    that do not fit.
    """
    return _unframed(
        MAGIC,
        f"verdict about {other}",
        data,
        lambda values, judged: StoredVerdict(other, from_object(Verdict, values), judged),
    )


def encode_judgement(judgement: Judgement, verdict: Verdict | None) -> bytes:
    """Bytes of a person's judgement and, where it says that the two match, of the verdict it stands for."""
    values = {
        "judgement": judgement.word.value,
        "source": judgement.source,
        "verdict": None if verdict is None else to_object(verdict),
        "who": judgement.who,
    }
    return _framed(JUDGEMENT_MAGIC, judgement.when, values)


def decode_judgement(other: ImageId, data: bytes) -> tuple[Judgement, StoredVerdict | None]:
    """The judgement about `other`, and the verdict it stands for, if any. Raises UnknownVersion and
    CorruptRecord as `decode` does.
    """

    def read(values: dict[str, Any], when: datetime) -> tuple[Judgement, StoredVerdict | None]:
        word, source, verdict, who = (values[name] for name in ("judgement", "source", "verdict", "who"))
        return (
            Judgement(other, JudgementWord(word), str(who), when, str(source)),
            None if verdict is None else StoredVerdict(other, from_object(Verdict, verdict), when),
        )

    return _unframed(JUDGEMENT_MAGIC, f"judgement about {other}", data, read)


def _framed(magic: bytes, moment: datetime, values: dict[str, Any]) -> bytes:
    text = json.dumps(values, allow_nan=False, separators=(",", ":"), sort_keys=True).encode()
    head = magic + bytes([VERSION]) + round(moment.timestamp() * 1_000_000).to_bytes(8, "big")
    return head + _checksum(head, text) + text


def _unframed(magic: bytes, name: str, data: bytes, read: Callable[[dict[str, Any], datetime], T]) -> T:
    if len(data) < HEADER_BYTES or len(data) > MAX_BYTES or data[:3] != magic:
        raise CorruptRecord(
            f"stored {name}: {len(data)} bytes that do not start as it should; forget the image or link it again"
        )
    if data[3] != VERSION:
        remedy = "use a newer douglas-quaid" if data[3] > VERSION else "fill the store anew"
        raise UnknownVersion(f"stored {name} has format {data[3]}, this program reads {VERSION}; {remedy}")
    if data[12:HEADER_BYTES] != _checksum(data[:12], data[HEADER_BYTES:]):
        raise CorruptRecord(f"stored {name}: its checksum does not fit; forget the image or link it again")
    try:
        moment = datetime.fromtimestamp(int.from_bytes(data[4:12], "big") / 1_000_000, timezone.utc)
        return read(json.loads(data[HEADER_BYTES:]), moment)
    except (ValueError, TypeError, KeyError, OverflowError, OSError) as error:
        raise CorruptRecord(
            f"stored {name} cannot be read ({error}); forget the image or link it again"
        ) from None


def _checksum(head: bytes, text: bytes) -> bytes:
    return hashlib.sha256(head + text).digest()[:8]


def _inverse(matrix: tuple[float, ...]) -> tuple[float, ...] | None:
    """Inverse of a row-major 3x3 map, its last number 1; None for one that cannot be undone."""
    try:
        inverse = np.linalg.inv(np.array(matrix, np.float64).reshape(3, 3))
    except np.linalg.LinAlgError:
        return None
    scaled = inverse / inverse[2, 2] if inverse[2, 2] else inverse
    return tuple(float(number) for number in scaled.ravel()) if np.isfinite(scaled).all() else None


def _opposite(orientation: int) -> int:
    inverse = np.linalg.inv(np.array(ORIENTATIONS[orientation].matrix, np.float64).reshape(3, 3))
    return next(i for i, other in enumerate(ORIENTATIONS) if np.allclose(inverse.ravel(), other.matrix))


#: Which orientation turns a picture back: "left 90" and "right 90" undo each other, the others themselves.
_OPPOSITE = tuple(_opposite(i) for i in range(len(ORIENTATIONS)))
