"""How well does `quaid group` find the groups of a folder? Each folder in it is a group of the truth.

Two pictures of different groups are told apart by truth unless their pixels are equal or their PDQ hashes lie
within 5 bits, or those of another member of a group do: then both groups are versions of one page.

    python -m benchmarks.groups FOLDER
"""

from __future__ import annotations

import argparse
import itertools
import time
from pathlib import Path

from douglas_quaid.config import Config
from douglas_quaid.decoding.image import decode_image
from douglas_quaid.evaluation.ground_truth import TWIN_BITS
from douglas_quaid.features.pdq import pdq_hash
from douglas_quaid.features.perceptual import hamming
from douglas_quaid.grouping import Groups, group_files
from douglas_quaid.inputs import find_inputs


def twins(one: str, other: str, config: Config) -> bool:
    """Whether two groups show one page."""
    hashes = [
        [
            pdq_hash(
                decode_image(
                    path.read_bytes(), max_bytes=config.max_bytes, max_pixels=config.max_pixels
                ).pixels
            )[0]
            for path in Path(folder).iterdir()
        ]
        for folder in (one, other)
    ]
    return any(hamming(a, b) <= TWIN_BITS for a in hashes[0] for b in hashes[1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folder")
    folder = parser.parse_args().folder
    config, began = Config(workers=1), time.process_time()
    inputs, found = find_inputs([folder]), Groups((), 0)
    for step in group_files(inputs, config):
        found = step if isinstance(step, Groups) else found
    seconds = time.process_time() - began
    truth: dict[str, list[str]] = {}
    for item in inputs:
        truth.setdefault(str(Path(item.path).parent), []).append(item.path)
    number = {path: at for at, paths in enumerate(found.groups) for path in paths}
    pairs = [pair for paths in truth.values() for pair in itertools.combinations(paths, 2)]
    together = sum(number.get(a, -1) == number.get(b, -2) for a, b in pairs)
    across = {
        tuple(sorted((str(Path(a).parent), str(Path(b).parent))))
        for paths in found.groups
        for a, b in itertools.combinations(paths, 2)
        if Path(a).parent != Path(b).parent
    }
    wrong = [pair for pair in sorted(across) if not twins(*pair, config)]
    print(f"{len(inputs)} pictures, {len(found.groups)} groups, {found.alone} alone, {seconds:.0f} s of CPU")
    print(f"pairs of one group together: {together} of {len(pairs)}")
    print(f"groups joined: {len(across)}, of these told apart by truth: {len(wrong)} {wrong or ''}")


if __name__ == "__main__":
    main()
