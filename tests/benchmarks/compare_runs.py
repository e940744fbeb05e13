"""Two runs of `quaid evaluate` with the same plan, before and after a change: which queries and pairs are
decided otherwise.

Takes the folders of both runs, prints each query with another decision, first hit or relation, and each pair
with another decision or, for a `no-match`, a relation that was not merely lost. Confidences count from a
difference of 1e-6 on. The run before may have been written by a version with other keys: only what both lines
have is compared.

    cd tests && python -m benchmarks.compare_runs BEFORE AFTER
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

#: Confidences closer than this are equal. chosen: the digits of the command line.
TOLERANCE = 1e-6


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("before", type=Path)
    parser.add_argument("after", type=Path)
    options = parser.parse_args()
    runs = options.before, options.after
    queries = [dict(_outcomes(run / "answers.jsonl")) for run in runs]
    pairs = [dict(_verdicts(run / "pairs.jsonl")) for run in runs]
    for name, (before, after) in (("queries", queries), ("pairs", pairs)):
        shared = before.keys() & after.keys()
        different = [key for key in sorted(shared) if not _same(before[key], after[key])]
        lost = [key for key in shared if before[key][1] is not None and after[key][1] is None]
        lost = [key for key in lost if after[key][0] == before[key][0] == "no-match"]
        apart = len(before.keys() ^ after.keys())
        print(
            f"{len(shared):,} {name} in both runs, {apart:,} in one only, {len(different):,} decided "
            f"otherwise, {len(lost):,} no-match that lost the relation of a match"
        )
        for key in different:
            print("  " + " ".join(filter(None, key)), before[key], "->", after[key])


def _outcomes(path: Path) -> Iterator[tuple[tuple[str, ...], tuple[Any, ...]]]:
    for line in _lines(path):
        key = line["query"], line["edit"], line["stratum"]
        yield key, (line["decision"], line["relation"], line["confidence"], line["first"], line["rank"])


def _verdicts(path: Path) -> Iterator[tuple[tuple[str, ...], tuple[Any, ...]]]:
    for line in _lines(path):
        key = line["query"], line["edit"], line["stratum"], line["reference"], str(line["place"])
        verdict = line["verdict"]
        yield key, (verdict["decision"], verdict["relation"], verdict["confidence"])


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    with open(path, encoding="utf-8") as file:
        yield from map(json.loads, file)


def _same(before: tuple[Any, ...], after: tuple[Any, ...]) -> bool:
    """Only a no-match may lose its relation, and the confidence of one says nothing."""
    if before[0] != after[0] or before[3:] != after[3:]:
        return False
    if after[0] == "no-match":
        return after[1] in (before[1], None)
    close = (before[2] is None) is (after[2] is None) and abs((before[2] or 0) - (after[2] or 0)) <= TOLERANCE
    return before[1] == after[1] and close


if __name__ == "__main__":
    main()
