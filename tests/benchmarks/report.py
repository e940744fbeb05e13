"""The output of every benchmark: what it ran on, Markdown tables, and whether each must was met."""

from __future__ import annotations

import argparse
import json
import os
import platform
import shlex
import subprocess
import sys
from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from dataclasses import asdict
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path
from typing import TypeVar

Result = TypeVar("Result")
SHOWN_VERSIONS = ("numpy", "pillow", "opencv-python")


def arguments(doc: str | None, *, pictures: bool = True, seed: int = 1) -> argparse.ArgumentParser:
    """Return a parser with the options of all benchmarks: --pictures (or $BENCHMARK_PICTURES), --seed,
    --sample.
    """
    parser = argparse.ArgumentParser(description=(doc or "").split("\n", 1)[0])
    if pictures:
        default = os.environ.get("BENCHMARK_PICTURES")
        parser.add_argument(
            "--pictures",
            type=Path,
            default=default,
            required=default is None,
            help="folder with groups.jsonl (default: $BENCHMARK_PICTURES)",
        )
    parser.add_argument("--seed", type=int, default=seed)
    parser.add_argument(
        "--sample",
        action="store_true",
        help="a quick run on a small sample, whose numbers are not those of the benchmark",
    )
    return parser


def heading(title: str, options: argparse.Namespace) -> None:
    """Print the title, the command, the seed, the date, the commit and the machine."""
    words = [Path(sys.argv[0]).stem, *sys.argv[1:]]
    folder = str(getattr(options, "pictures", "") or "")
    command = shlex.join(["PICTURES" if folder and word == folder else word for word in words])
    versions = ", ".join(f"{name} {version(name)}" for name in SHOWN_VERSIONS)
    print(f"### {title}{' (SAMPLE, not the benchmark)' if options.sample else ''}\n")
    when = f"{datetime.now(timezone.utc):%Y-%m-%d %H:%M} UTC, commit {_commit()}"
    print(
        f"`python -m benchmarks.{command}`, seed {options.seed}, {when}; {_machine()}; Python "
        f"{platform.python_version()}, {versions}.\n",
        flush=True,
    )


def table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a Markdown table; numbers are printed as they are, so format them first."""
    print("| " + " | ".join(columns) + " |")
    print("|" + "---|" * len(columns))
    for row in rows:
        print("| " + " | ".join(str(cell) for cell in row) + " |")
    print(flush=True)


def share(part: int, whole: int) -> str:
    """Return a share as per cent, with its counts."""
    return f"{100 * part / whole:.1f} % ({part}/{whole})" if whole else "- (0)"


def collected(results: Iterable[Result], total: int, out: Path | None) -> list[Result]:
    """Return all results (dataclasses). Each is written to `out` as a line of JSON when it arrives, and each
    tenth is reported on standard error.
    """
    done: list[Result] = []
    with out.open("w") if out else nullcontext() as file:
        for result in results:
            done.append(result)
            if file:
                file.write(json.dumps(asdict(result), default=str) + "\n")
                file.flush()
            if len(done) * 10 // total > (len(done) - 1) * 10 // total:
                print(f"{datetime.now():%H:%M:%S} {len(done)} of {total}", file=sys.stderr, flush=True)
    return done


def verdict(musts: Iterable[tuple[str, bool]]) -> int:
    """Print each must with its outcome, and return the exit status: 0 if all were met."""
    outcomes = list(musts)
    for text, met in outcomes:
        print(f"- {'met' if met else '**NOT MET**'}: {text}")
    print(flush=True)
    return 0 if all(met for _, met in outcomes) else 1


def _machine() -> str:
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [
            line.split(":", 1)[1].strip()
            for line in cpuinfo.read_text().splitlines()
            if line.startswith("model name")
        ]
        model = names[0] if names else model
    load = f", load {os.getloadavg()[0]:.1f} at start" if hasattr(os, "getloadavg") else ""
    return f"{os.cpu_count()} x {model}{load}"


def _commit() -> str:
    asked = subprocess.run(
        ["git", "-C", str(Path(__file__).parent), "rev-parse", "--short", "HEAD"],
        capture_output=True,
        text=True,
    )
    return asked.stdout.strip() or "unknown"
