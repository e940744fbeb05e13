"""Where a calibration gets its labelled pairs: from runs of `quaid evaluate`, or from a data set, whose
pictures are then evaluated in a store of their own.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ..decision.calibration import Provenance
from ..errors import ConfigError, NotFound
from ..files import open_regular, read_regular
from .dataset import Dataset, Kind
from .queries import SampleSizes, parse_edits
from .results import HEADER, PAIRS, LabelledPair, read_pairs
from .run import Progress, RunPlan, commit, run
from .split import Split, Subset

#: Number of pictures of each kind that are edited, of an operator's data set. chosen: some minutes.
OWN_PICTURES = 20
#: Number of queries without an answer for each picture of an operator's data set. chosen: some minutes.
OWN_UNANSWERED = 5


@dataclass(frozen=True, slots=True)
class LabelledPairs:
    """Labelled pairs, and what is known about their origin."""

    #: The pairs.
    pairs: list[LabelledPair]
    #: Number of images that were searched; a lower bound if the files do not say.
    images: int
    #: Where the pairs come from.
    provenance: Provenance

    def without(self, texts: Sequence[str]) -> LabelledPairs:
        """Return the same without the pairs labelled different where both names contain one of
        these texts.
        """
        kept = [
            pair
            for pair in self.pairs
            if pair.label is not False
            or not any(text in pair.query and text in pair.reference for text in texts)
        ]
        return replace(self, pairs=kept)


def load_pairs(sources: Sequence[Path], *, edits: str, seed: int, progress: Progress) -> LabelledPairs:
    """Return the pairs of runs, or of one data set after these edits; none without sources.

    Raises NotFound for missing files, ConfigError for several data sets and for broken files, StoreError.
    """
    if not sources:
        return LabelledPairs([], 0, _provenance([], {"seed": seed}))
    if all(_is_run(source) for source in sources):
        return pairs_of_runs(sources)
    if len(sources) > 1:
        raise ConfigError(
            "calibrate accepts only one data set. To combine several, pass the output folders of `quaid "
            "evaluate`."
        )
    return _pairs_of_pictures(sources[0], edits=edits, seed=seed, progress=progress)


def _is_run(source: Path) -> bool:
    """Return whether `quaid evaluate` wrote this: a folder, or the file of pairs in it."""
    if source.is_dir():
        return (source / PAIRS).is_file()
    if source.suffix != ".jsonl":
        return False
    try:
        with open_regular(source) as lines:
            return b'"verdict"' in lines.readline(1 << 16)
    except OSError as error:
        raise NotFound(f"{source}: {error.strerror}") from None


def pairs_of_runs(sources: Sequence[Path]) -> LabelledPairs:
    """Return the pairs of all these runs (folders, or the files of pairs in them), with what run.json beside
    them says. Raises NotFound for missing files, ConfigError for broken ones.
    """
    files = [source / PAIRS if source.is_dir() else source for source in sources]
    headers = [_header_beside(file) for file in files]
    pairs = [pair for file in files for pair in read_pairs(file)]
    data = [
        (Path(str(header.get("source", file))).name, hashlib.sha256(file.read_bytes()).hexdigest())
        for file, header in zip(files, headers, strict=True)
    ]
    images = max(int(header.get("indexed", 0)) for header in headers)
    images = images or len({pair.reference for pair in pairs})
    return LabelledPairs(pairs, images, _provenance(data, headers[-1]))


def _header_beside(pairs: Path) -> dict[str, Any]:
    header = pairs.with_name(HEADER)
    return json.loads(read_regular(header)) if header.is_file() else {}


def _pairs_of_pictures(source: Path, *, edits: str, seed: int, progress: Progress) -> LabelledPairs:
    """Evaluate the pictures of a data set, edited and as they are, in a store that is thrown away. A person
    grouped them, so members of a group show the same picture.
    """
    dataset = Dataset.load(source)
    pictures = tuple(
        replace(item, kind=Kind.SCREENSHOT) if item.kind is Kind.LINKED else item for item in dataset.items
    )
    sizes = SampleSizes(OWN_PICTURES, OWN_PICTURES, OWN_UNANSWERED * len(pictures))
    plan = RunPlan(source, (), Subset.ALL, Split(), parse_edits(edits), sizes, seed)
    with tempfile.TemporaryDirectory(prefix="quaid-calibrate-") as folder:
        done = run(
            plan,
            Path(folder),
            store=None,
            processes=1,
            resume=False,
            progress=progress,
            dataset=Dataset(pictures, frozenset()),
        )
        pairs = list(read_pairs(Path(folder) / PAIRS))
    group = {item.file: item.group for item in pictures}
    pairs = [
        replace(pair, label=True)
        if pair.label is None and group[pair.query] == group.get(pair.reference)
        else pair
        for pair in pairs
    ]
    ids = sorted(fingerprint.image_id for fingerprint in done.truth.fingerprints.values())
    data = [(source.resolve().name, hashlib.sha256("\n".join(ids).encode()).hexdigest())]
    return LabelledPairs(pairs, done.header["indexed"], _provenance(data, done.header | {"part": ""}))


def _provenance(data: list[tuple[str, str]], header: dict[str, Any]) -> Provenance:
    """Return where pairs come from, as far as run.json says it."""
    return Provenance(
        note="",
        data=tuple(data),
        date=datetime.now(timezone.utc).strftime("%Y-%m-%d"),
        commit=str(header.get("commit") or commit() or version("douglas-quaid")),
        part=str(header.get("part", "")),
        seed=int(header.get("seed", 0)),
    )
