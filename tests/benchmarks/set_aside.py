"""Finds pictures that a benchmark must not count against the engine, and writes them to set_aside.jsonl with
the reason.

1. Pairs of different groups that show the same thing, compared pair by pair by their pixels and by PDQ
(Meta's reference path, full size): pixel-identical, or at most 5 of 256 bits apart (chosen: captures of one
unchanged page differ by up to that much). 2. Nearly blank pictures: those without ink (see corpus.has_ink),
and groups of empty windows that a person has examined.

    python -m benchmarks.set_aside --pictures DIR
"""

from __future__ import annotations

import argparse
import json
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path

import numpy as np
import pdqhash
from numpy.typing import NDArray

from douglas_quaid.evaluation.edits import opened

from .corpus import SET_ASIDE, Corpus, Item, has_ink

TWIN_BITS = 5
#: Groups that a person examined: their ink is the frame of the window.
EMPTY_WINDOWS = {
    "jupyterlab-008": "an empty editor",
    "jupyterlab-012": "a terminal with only a prompt",
    "jupyterlab-017": "a terminal with only a prompt",
    "jupyterlab-047": "an empty editor",
    "jupyterlab-051": "a terminal with only a prompt",
    "jupyterlab-078": "a terminal with only a prompt",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pictures", type=Path, required=True)
    corpus = Corpus.load(parser.parse_args().pictures)
    with ThreadPoolExecutor() as pool:
        measured = list(pool.map(lambda item: _measure(corpus, item), corpus.items))
    hashes = np.stack([pdq for pdq, _, _ in measured])
    lines = []
    for item, (_, _, ink) in zip(corpus.items, measured, strict=True):
        reason = EMPTY_WINDOWS.get(item.group) or (None if ink else "nearly blank")
        if reason:
            lines.append(json.dumps({"file": item.file, "reason": reason, "page": item.page}))
    blank = len(lines)
    for place, item in enumerate(corpus.items):
        bits = np.bitwise_count(hashes[place] ^ hashes[place + 1 :]).sum(axis=1)
        for near in np.flatnonzero(bits <= TWIN_BITS):
            other = corpus.items[place + 1 + int(near)]
            if other.group != item.group:
                identical = measured[place][1] == measured[place + 1 + int(near)][1]
                reason = "pixel-identical" if identical else f"PDQ at most {TWIN_BITS} bits apart"
                lines.append(
                    json.dumps(
                        {
                            "a": item.file,
                            "b": other.file,
                            "pdq_bits": int(bits[near]),
                            "reason": reason,
                            "pages": [item.page, other.page],
                        }
                    )
                )
    SET_ASIDE.write_text("".join(f"{line}\n" for line in lines))
    print(
        f"{blank} nearly blank pictures; {len(lines) - blank} pairs, "
        f"{sum('pixel-identical' in line for line in lines)} of them pixel-identical"
    )


def _measure(corpus: Corpus, item: Item) -> tuple[NDArray[np.uint8], bytes, bool]:
    """Return PDQ (32 bytes), a digest of size and pixels, and whether the picture shows anything."""
    picture = opened(corpus.folder / item.file)
    bits, _quality = pdqhash.compute(np.asarray(picture))
    return (
        np.packbits(bits),
        sha256(repr(picture.size).encode() + picture.tobytes()).digest(),
        has_ink(picture),
    )


if __name__ == "__main__":
    main()
