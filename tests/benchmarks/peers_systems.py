"""The systems that peers.py compares, each as its users run it: from the bytes of files to a score for two
pictures.

`describe` takes the bytes of a picture and a name, and keeps its features; `compare` takes two names and
returns scores, where greater means more similar, the first one being that of the published limit. `cpu` is
the CPU time that a system has used so far.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import imagehash
import numpy as np
import pdqhash
from PIL import Image

from douglas_quaid import Engine
from douglas_quaid.evaluation.edits import opened, png

from . import peers_orb
from .peers_scoring import NOTHING

#: Maximum distance in bits, and minimum quality, below which a picture gets no hash. spec: threatexchange's
#: PDQ signal type, as Meta's Hasher-Matcher-Actioner uses it.
PDQ_BITS, PDQ_QUALITY = 31, 50
#: Maximum distance in bits. spec: ail-framework, pull request 318.
PHASH_BITS = 8
#: Maximum share of bits in which one region may differ. spec: ImageHash's `matches`.
CROP_RESISTANT_SHARE = 0.25
#: Bits of the hash of a region.
DHASH_BITS = 64
#: Minimum number of inliers. chosen: a common requirement for an affine transform.
ORB_INLIERS = 8
DECISIONS = {"no-match": 0.0, "review": 1.0, "match": 2.0}


@dataclass(frozen=True, slots=True)
class Limit:
    """One limit by which a system decides, as a score."""

    #: The published limit.
    published: float
    #: What is accepted at the published limit, in words.
    words: str
    #: Returns in words what is accepted above another score.
    show: Callable[[float], str]


OURS, PDQ, PHASH, CROP_RESISTANT, PERCEPTION, ORB = (
    "Douglas-Quaid",
    "PDQ",
    "pHash",
    "crop-resistant hash",
    "perception (SIFT)",
    "ORB + RANSAC",
)
#: The limits of each system, the published one first.
LIMITS: dict[str, tuple[Limit, ...]] = {
    PDQ: (Limit(-PDQ_BITS, f"within {PDQ_BITS} bits", lambda score: f"under {-score:.0f} bits"),),
    PHASH: (Limit(-PHASH_BITS, f"within {PHASH_BITS} bits", lambda score: f"under {-score:.0f} bits"),),
    CROP_RESISTANT: (
        Limit(
            1 - CROP_RESISTANT_SHARE,
            f"a region within {CROP_RESISTANT_SHARE:.0%} of its bits",
            lambda score: f"over {score:.2f} regions",
        ),
        Limit(-CROP_RESISTANT_SHARE * DHASH_BITS, "", lambda score: f"a region under {-score:.0f} bits"),
    ),
    PERCEPTION: (
        Limit(1.0, "its defaults", lambda score: f"over {score:.2f} of each limit"),
        Limit(5.0, "", lambda score: f"over {score:.0f} inliers, no other limit"),
    ),
    ORB: (Limit(ORB_INLIERS, f"{ORB_INLIERS} inliers", lambda score: f"over {score:.0f} inliers"),),
    OURS: (Limit(DECISIONS["match"], "`match`", lambda score: "`match`"),),
}


class System(Protocol):
    """What peers.py needs of a system."""

    #: Name of the system.
    name: str

    def describe(self, name: str, data: bytes) -> None:
        """Extract the features of a picture, and keep them under a name."""

    def compare(self, query: str, reference: str) -> tuple[float, ...]:
        """Return a score for each limit of the system."""

    def cpu(self) -> float:
        """Return the CPU seconds used so far."""


class InProcess:
    """A system made of two functions. Features that are None cannot be compared."""

    def __init__(
        self, name: str, features: Callable[[bytes], Any], scores: Callable[[Any, Any], tuple[float, ...]]
    ) -> None:
        self.name, self._features, self._scores = name, features, scores
        self.known: dict[str, Any] = {}

    def describe(self, name: str, data: bytes) -> None:
        self.known[name] = self._features(data)

    def compare(self, query: str, reference: str) -> tuple[float, ...]:
        one, other = self.known[query], self.known[reference]
        return (
            (NOTHING,) * len(LIMITS[self.name]) if one is None or other is None else self._scores(one, other)
        )

    def cpu(self) -> float:
        return time.process_time()


def pdq() -> InProcess:
    return InProcess(PDQ, _pdq, lambda one, other: (-float(np.count_nonzero(one != other)),))


def phash() -> InProcess:
    return InProcess(
        PHASH, lambda data: imagehash.phash(opened(data)), lambda one, other: (-float(one - other),)
    )


def crop_resistant() -> InProcess:
    return InProcess(CROP_RESISTANT, lambda data: imagehash.crop_resistant_hash(opened(data)), _regions)


def orb() -> InProcess:
    return InProcess(
        ORB,
        lambda data: peers_orb.describe(opened(data)),
        lambda one, other: (float(peers_orb.distinct_inliers(one, other)),),
    )


class Ours:
    """The engine's `compare` of two stored pictures: score 2 for match, 1 for review."""

    name = OURS

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._ids: dict[str, str] = {}

    def describe(self, name: str, data: bytes) -> None:
        self._ids[name] = self._engine.add(data, link=False, name=name).image_id

    def compare(self, query: str, reference: str) -> tuple[float, ...]:
        return (DECISIONS[self._engine.compare(self._ids[query], self._ids[reference]).decision.value],)

    def cpu(self) -> float:
        return time.process_time()


class Perception:
    """thorn's `perception` in a child process with another Python (peers_perception.py)."""

    name = PERCEPTION

    def __init__(self, python: Path) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="peers-")
        self._child = subprocess.Popen(
            [str(python), "-P", str(Path(__file__).with_name("peers_perception.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
        )
        self._seconds = 0.0
        self.version = str(self._answer()["version"])

    def describe(self, name: str, data: bytes) -> None:
        file = self.file(data)
        self._ask(describe=name, file=str(file))
        file.unlink()

    def compare(self, query: str, reference: str) -> tuple[float, ...]:
        scores = self._ask(compare=[query, reference])["scores"]
        return (NOTHING,) * len(LIMITS[self.name]) if scores is None else tuple(scores)

    def search(self, queries: Sequence[str], among: Sequence[str]) -> list[tuple[str, str, int]]:
        """Return query, reference (files) and inliers of all pairs that perception's deduplication
        reports.
        """
        pairs = self._ask(search=list(queries), among=list(among))["pairs"]
        return [(query, reference, inliers) for query, reference, inliers in pairs]

    def file(self, data: bytes) -> Path:
        """Return a new file with these bytes, which exists until `close`."""
        handle, name = tempfile.mkstemp(dir=self._folder.name, suffix=".picture")
        with open(handle, "wb") as file:
            file.write(data)
        return Path(name)

    def cpu(self) -> float:
        return self._seconds

    def close(self) -> None:
        self._child.communicate()
        self._folder.cleanup()

    def _ask(self, **request: Any) -> dict[str, Any]:
        print(json.dumps(request), file=self._child.stdin, flush=True)
        answer = self._answer()
        self._seconds += answer.get("seconds", 0.0)
        return answer

    def _answer(self) -> dict[str, Any]:
        assert self._child.stdout is not None
        line = self._child.stdout.readline()
        if not line:
            raise RuntimeError(
                "perception's process ended; does its Python have perception[approximate-deduplication]?"
            )
        answer: dict[str, Any] = json.loads(line)
        return answer


def opened_systems(engine: Engine, perception_python: Path | None) -> tuple[System, ...]:
    """Return all systems, ours last."""
    peers: list[System] = [
        pdq(),
        phash(),
        crop_resistant(),
        *([Perception(perception_python)] if perception_python else []),
        orb(),
    ]
    return *peers, Ours(engine)


def readable(file: Path) -> bytes:
    """Return the bytes of a picture; as a PNG on white if it has transparency, a palette or the like, which
    each system would read in its own way.
    """
    with Image.open(file) as picture:
        plain = picture.mode in ("RGB", "L") and not picture.has_transparency_data
    return file.read_bytes() if plain else png(opened(file))


def _pdq(data: bytes) -> Any:
    bits, quality = pdqhash.compute(np.asarray(opened(data)))
    return bits if quality >= PDQ_QUALITY else None


def _regions(one: Any, other: Any) -> tuple[float, ...]:
    """Return the number of regions that match within the share, minus a tie-break below 1 (ImageHash's own
    difference, reversed), and minus the bits of the nearest region.
    """
    nearest = min(int(region - another) for region in one.segment_hashes for another in other.segment_hashes)
    return len(one.segment_hashes) - float(one - other), -float(nearest)
