"""The child process of thorn's `perception`, run by the Python of a virtual environment that contains it.
Ours cannot: perception needs opencv-contrib-python-headless below 5, which overwrites opencv-python.

Reads requests from standard input as lines of JSON: `describe` a file under a name, `compare` two names, or
`search` files among files; writes a line for each. Everything is perception's own: SIFT with its defaults,
`validate_match` for a pair, `deduplicate` for a search. Pairs that it does not accept at its published limits
are compared again without limits, to learn how far from them they were.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from importlib.metadata import version
from typing import TYPE_CHECKING

import cv2

if TYPE_CHECKING:
    import perception.local_descriptor_deduplication as local


def main() -> None:
    argparse.ArgumentParser(description=__doc__.split("\n\n", 1)[0]).parse_args()
    import perception.local_descriptor_deduplication as local

    cv2.setNumThreads(1)
    hasher = local.SIFT()
    known: dict[str, local.Descriptors | None] = {}
    answer({"version": version("perception")})
    for line in sys.stdin:
        request = json.loads(line)
        if "describe" in request:
            began = time.process_time()
            known[request["describe"]] = local.generate_image_descriptors(request["file"], hasher)
            answer({"seconds": time.process_time() - began})
        elif "compare" in request:
            answer(compared(hasher, *(known[name] for name in request["compare"])))
        else:
            answer(searched(request["search"], request["among"]))


def compared(
    hasher: local.LocalHasher, query: local.Descriptors | None, reference: local.Descriptors | None
) -> dict[str, object]:
    """Return the seconds of perception's verification and two scores: 1 or more if it accepts the pair, else
    the smallest share of a limit; and the number of inliers.
    """
    if query is None or reference is None:
        return {"seconds": 0.0, "scores": None}
    began = time.process_time()
    accepted, stats = hasher.validate_match(query, reference)
    seconds = time.process_time() - began
    if not accepted:
        _, stats = hasher.validate_match(
            query, reference, minimum_match=0, minimum_intersection=0, minimum_inliers=0
        )
    import perception.local_descriptor_deduplication as local

    limits = {
        "match": local.DEFAULT_MATCH_PCT,
        "intersection": local.DEFAULT_INTERSECTION,
        "inliers": local.DEFAULT_INLIERS,
        "bounds_intersection": local.DEFAULT_INTERSECTION,
    }
    shares = min(float(stats[name] or 0) / limit for name, limit in limits.items())
    return {
        "seconds": seconds,
        "scores": [shares if accepted else min(shares, 0.999), float(stats["inliers"] or 0)],
    }


def searched(queries: list[str], among: list[str]) -> dict[str, object]:
    """Return query, reference and number of inliers of each pair that `deduplicate` reports, and the
    seconds.
    """
    import perception.local_descriptor_deduplication as local

    began = time.process_time()
    found = local.deduplicate(among, queries, use_gpu=False, verbose=True, max_workers=1)
    return {
        "seconds": time.process_time() - began,
        "pairs": [(query, reference, int(stats["inliers"])) for query, reference, stats in found],
    }


def answer(values: dict[str, object]) -> None:
    print(json.dumps(values), flush=True)


if __name__ == "__main__":
    main()
