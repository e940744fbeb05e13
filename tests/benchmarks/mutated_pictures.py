"""What do mutated pictures do to the decoder? Files of all formats with changed bytes, chunks and ends.

Takes small pictures of every format and kind (animations, interlaced, 16 bits, with metadata), mutates them,
and decodes them in child processes as products do; of every tenth the features are extracted, too. Prints how
many had which outcome, and the most CPU and memory that one took. Must: no crash, no hang, and no error
without a class of its own.

    python -m benchmarks.mutated_pictures [--inputs 60000] [--processes 2] [--seed 1]
"""

from __future__ import annotations

import argparse
import os
import random
import struct
import sys
import zlib
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import cache
from multiprocessing import get_context
from pathlib import Path

from PIL import Image
from support.formats import FORMATS, HAS_AVIF
from support.pictures import jpeg, page, photo, png, saved

from douglas_quaid.config import Config
from douglas_quaid.decoding.parts import jpeg_segments, png_chunks, webp_chunks
from douglas_quaid.errors import ImageError
from douglas_quaid.extraction.pool import Decoders

#: Limits of the decoder: the pictures are small, and no mutation may make them large.
CONFIG = Config(isolate=True, workers=1, max_bytes=1 << 20, max_pixels=2_000_000, decode_seconds=20.0)
#: Of every so many inputs the features are extracted, too.
FEATURES_OF = 10
#: After every so many inputs the highest memory is read, which a child keeps.
PEAK_OF = 50
#: Words in errors that say that a decoder crashed or ended, was too slow, or raised another error.
CRASH = ("crashed its decoder", "ended its decoder", "was killed", "invalid response")
HANG = ("kept its decoder busy",)
UNCLASSIFIED = ("features cannot be computed", "the header cannot be read")
#: Values that break lengths, counts and sizes.
EDGES = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)


@dataclass
class Tally:
    """What happened to the inputs."""

    #: Number of inputs by format and outcome.
    outcomes: Counter[tuple[str, str]] = field(default_factory=Counter)
    #: Inputs (number, format, text) that crashed, hung or had an unclassified error.
    faults: list[tuple[int, str, str]] = field(default_factory=list)
    #: Most CPU seconds of one input.
    cpu: float = 0.0
    #: Most resident memory of a child, in MiB, and that of one with its libraries and one picture.
    memory: int = 0
    idle: int = 0

    def add(self, other: Tally) -> None:
        """Add what another process counted."""
        self.outcomes += other.outcomes
        self.faults += other.faults
        self.cpu = max(self.cpu, other.cpu)
        self.memory = max(self.memory, other.memory)
        self.idle = max(self.idle, other.idle)


@cache
def bases() -> dict[str, bytes]:
    """Return small pictures of every format and kind."""
    one, other = photo(1, 72, 56), page(2, 96, 64)
    frames = [photo(seed, 40, 32) for seed in range(3)]
    exif = Image.Exif()
    exif[0x0112] = 6
    metadata = {"exif": exif.tobytes(), "icc_profile": b"profile" * 50}
    deep = Image.frombytes("I;16", one.size, one.convert("RGBA").tobytes()[: one.width * one.height * 2])
    found = dict(FORMATS) | {
        "PNG, palette": png(other.quantize(16), transparency=3),
        "PNG, transparent": png(one.convert("RGBA")),
        "PNG, 16 bits": png(deep),
        "PNG, metadata": png(one, **metadata, dpi=(72, 72)),
        "PNG, animated": saved(frames[0], "PNG", save_all=True, append_images=frames[1:]),
        "JPEG, metadata": jpeg(one, **metadata, comment=b"comment"),
        "JPEG, CMYK": jpeg(one.convert("CMYK")),
        "JPEG, restarts": jpeg(one, restart_marker_rows=1),
        "WebP, metadata": saved(one, "WEBP", **metadata),
        "WebP, transparent": saved(one.convert("RGBA"), "WEBP", quality=60),
        "WebP, animated": saved(frames[0], "WEBP", save_all=True, append_images=frames[1:]),
        "GIF, not interlaced": saved(one, "GIF", interlace=0, comment=b"comment"),
        "GIF, animated": saved(frames[0], "GIF", save_all=True, append_images=frames[1:], loop=0),
        "BMP, palette": saved(other.quantize(16), "BMP"),
        "TIFF, deflate": saved(one, "TIFF", compression="tiff_adobe_deflate"),
        "TIFF, JPEG": saved(one, "TIFF", compression="jpeg"),
        "TIFF, fax": saved(other.convert("1"), "TIFF", compression="group4"),
        "TIFF, pages": saved(frames[0], "TIFF", save_all=True, append_images=frames[1:]),
    }
    if HAS_AVIF:
        found["AVIF, transparent"] = saved(one.convert("RGBA"), "AVIF")
        found["AVIF, animated"] = saved(frames[0], "AVIF", save_all=True, append_images=frames[1:])
    return found


@cache
def _names() -> list[str]:
    return sorted(bases())


def mutated(number: int, seed: int) -> tuple[str, bytes]:
    """Return the kind and the bytes of the input with this number."""
    rng = random.Random(f"{seed} {number}")
    name = rng.choice(_names())
    data = bases()[name]
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        data = rng.choice(_MUTATIONS)(data, rng)
    return name, data[: CONFIG.max_bytes]


def _flip(data: bytes, rng: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(rng.randint(1, 8)):
        changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def _flip_in_head(data: bytes, rng: random.Random) -> bytes:
    head = min(len(data), 200)
    return _flip(data[:head], rng) + data[head:]


def _edge(data: bytes, rng: random.Random) -> bytes:
    value, order = rng.choice(EDGES), rng.choice("<>")
    part = struct.pack(
        order + rng.choice("BHI" if value <= 0xFF else "HI" if value <= 0xFFFF else "I"), value
    )
    place = rng.randrange(min(len(data), rng.choice((300, len(data)))))
    return data[:place] + part + data[place + len(part) :]


def _noise(data: bytes, rng: random.Random) -> bytes:
    place, length = rng.randrange(len(data)), rng.randint(1, 64)
    return data[:place] + rng.randbytes(length) + data[place + length :]


def _cut(data: bytes, rng: random.Random) -> bytes:
    return data[: rng.randint(1, len(data))]


def _drop(data: bytes, rng: random.Random) -> bytes:
    place = rng.randrange(len(data))
    return data[:place] + data[place + rng.randint(1, 200) :] or data


def _repeat(data: bytes, rng: random.Random) -> bytes:
    start, length = rng.randrange(len(data)), rng.randint(1, 500)
    place = rng.randrange(len(data))
    return data[:place] + data[start : start + length] * rng.choice((1, 1, 2, 50)) + data[place:]


def _tail(data: bytes, rng: random.Random) -> bytes:
    return data + rng.choice((bytes(5000), rng.randbytes(3000), bases()[rng.choice(_names())]))


def _splice(data: bytes, rng: random.Random) -> bytes:
    other = bases()[rng.choice(_names())]
    return data[: rng.randint(1, len(data))] + other[rng.randrange(len(other)) :]


def _chunks(data: bytes, rng: random.Random) -> bytes:
    """Drop, repeat, exchange or change whole chunks, with a right check sum in a PNG."""
    walk = {b"\x89PNG": png_chunks, b"\xff\xd8\xff": jpeg_segments, b"RIFF": webp_chunks}
    found = next((walk[start] for start in walk if data.startswith(start)), None)
    try:
        parts = list(found(data)) if found else []
    except ImageError:
        parts = []
    if len(parts) < 2:
        return _edge(data, rng)
    pieces = [data[part.start : part.end] for part in parts]
    one, other = rng.randrange(len(pieces)), rng.randrange(len(pieces))
    action = rng.randrange(4)
    if action == 0:
        del pieces[one]
    elif action == 1:
        pieces[one:one] = [pieces[other]] * rng.choice((1, 2, 60))
    elif action == 2:
        pieces[one], pieces[other] = pieces[other], pieces[one]
    elif data.startswith(b"\x89PNG") and len(pieces[one]) > 12:
        body = _flip(pieces[one][8:-4], rng)
        named = pieces[one][4:8] + body
        pieces[one] = struct.pack(">I", len(body)) + named + struct.pack(">I", zlib.crc32(named))
    elif pieces[one]:
        pieces[one] = _flip(pieces[one], rng)
    return data[: parts[0].start] + b"".join(pieces) + data[parts[-1].end :]


_MUTATIONS: tuple[Callable[[bytes, random.Random], bytes], ...] = (
    _flip,
    _flip_in_head,
    _edge,
    _noise,
    _cut,
    _drop,
    _repeat,
    _tail,
    _splice,
    _chunks,
    _chunks,
)


def examine(numbers: Sequence[int], seed: int) -> Tally:
    """Decode the inputs with these numbers in one child process, and count what happens."""
    tally = Tally()
    decoders = Decoders(CONFIG)
    try:
        decoders.pixels(FORMATS["PNG"], name="warm-up")
        tally.idle = _peak()
        before = _cpu()
        for count, number in enumerate(numbers):
            kind, data = mutated(number, seed)
            outcome, text = _outcome(decoders, number, data)
            after = _cpu()
            tally.outcomes[kind.split(",")[0].split()[-1].upper(), outcome] += 1
            if outcome in ("crash", "hang", "unclassified"):
                tally.faults.append((number, kind, text))
            if after[0] == before[0]:  # the same child
                tally.cpu = max(tally.cpu, after[1] - before[1])
            before = after
            if count % PEAK_OF == 0 or count == len(numbers) - 1:
                tally.memory = max(tally.memory, _peak())
    finally:
        decoders.close()
    return tally


def _outcome(decoders: Decoders, number: int, data: bytes) -> tuple[str, str]:
    try:
        if number % FEATURES_OF == 0:
            return ("cut short" if decoders.extract(data, name="x").features.truncated else "picture"), ""
        decoders.pixels(data, name="x")
        return "picture", ""
    except ImageError as error:
        text = str(error)
        for words, outcome in ((CRASH, "crash"), (HANG, "hang"), (UNCLASSIFIED, "unclassified")):
            if any(word in text for word in words):
                return outcome, text
        return type(error).__name__, text
    except Exception as error:
        return "unclassified", f"{type(error).__name__}: {error}"


def _child() -> Path | None:
    """The folder of /proc of this process's child."""
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    return Path("/proc", children[-1]) if children else None


def _cpu() -> tuple[Path | None, float]:
    """This process's child and its CPU seconds."""
    child = _child()
    times = (child / "stat").read_text().rpartition(")")[2].split()[11:13] if child else []
    return child, sum(map(int, times)) / os.sysconf("SC_CLK_TCK")


def _peak() -> int:
    """Highest resident memory of this process's child, in MiB."""
    child = _child()
    lines = (child / "status").read_text().splitlines() if child else []
    return sum(int(line.split()[1]) // 1024 for line in lines if line.startswith("VmHWM"))


def run(inputs: int, seed: int, processes: int) -> Tally:
    """Examine the inputs 0 to `inputs` - 1 in this many processes."""
    groups = [range(start, inputs, processes * 4) for start in range(processes * 4)]
    tally = Tally()
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        for found in pool.map(examine, groups, [seed] * len(groups)):
            tally.add(found)
            print(f"{tally.outcomes.total():,} inputs", file=sys.stderr)
    return tally


def main() -> int:
    """Print the table of outcomes, and what went wrong."""
    parser = argparse.ArgumentParser(description=__doc__, prog="mutated_pictures.py")
    parser.add_argument("--inputs", type=int, default=60_000, help="number of inputs")
    parser.add_argument("--processes", type=int, default=2, help="number of processes")
    parser.add_argument("--seed", type=int, default=1, help="other inputs for another seed")
    options = parser.parse_args()
    tally = run(options.inputs, options.seed, options.processes)
    outcomes = sorted({outcome for _, outcome in tally.outcomes})
    print(f"| format | {' | '.join(outcomes)} |\n|---|{'---|' * len(outcomes)}")
    for format in sorted({format for format, _ in tally.outcomes}):
        print(f"| {format} | {' | '.join(f'{tally.outcomes[format, outcome]:,}' for outcome in outcomes)} |")
    print(
        f"{tally.outcomes.total():,} inputs, seed {options.seed}: {len(tally.faults)} crashes, hangs and"
        f" unclassified errors; at most {tally.cpu:.2f} s of CPU for one, and {tally.memory} MiB of memory"
        f" ({tally.idle} MiB with one picture)"
    )
    for number, kind, text in tally.faults[:20]:
        print(f"input {number} ({kind}): {text}")
    return 1 if tally.faults else 0


if __name__ == "__main__":
    sys.exit(main())
