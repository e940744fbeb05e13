"""Freezes decisions: writes tests/data/frozen_decisions.json and tests/data/frozen_answers.json.

Takes the evidence of tests/data/pairs.jsonl and the scenarios of tests/support/frozen.py, and writes what
this version answers. Version 999bdf6 made the files in the repository, before search and decision were
separated; tests/test_frozen_decisions.py compares with them. Write them again only if decisions are meant to
change, for instance with a new calibration, and examine every line that differs.

    python -m benchmarks.freeze [--pairs FILE] [--out FOLDER]
"""

from __future__ import annotations

import argparse
import json
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

from support.frozen import LIBRARIES, SCENARIOS, Book, decided
from support.server import Server

from douglas_quaid import Engine
from douglas_quaid.evaluation.results import read_pairs

DATA = Path(__file__).resolve().parents[1] / "data"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pairs", type=Path, default=DATA / "pairs.jsonl", help="evidence to decide")
    parser.add_argument("--out", type=Path, default=DATA, help="folder of the frozen files")
    options = parser.parse_args()
    pairs = [pair.verdict.evidence for pair in read_pairs(options.pairs)]
    write(options.out / "frozen_decisions.json", {"decisions": decided(pairs)})
    answers = {}
    with tempfile.TemporaryDirectory() as folder:
        server = Server(Path(folder)).start()
        try:
            for scenario in SCENARIOS:
                server.redis.flushall()
                with Engine.open(server.url) as engine:
                    book = Book(engine)
                    scenario(book)
                answers[scenario.__name__] = book.answers
        finally:
            server.kill()
    libraries = {name: version(name) for name in LIBRARIES}
    write(options.out / "frozen_answers.json", {"libraries": libraries} | answers)


def write(path: Path, data: dict[str, dict[str, Any]]) -> None:
    """Write JSON with one line for each answer, so that a change shows."""
    groups = []
    for group, answers in data.items():
        lines = [f"  {json.dumps(name)}: {json.dumps(answer)}" for name, answer in answers.items()]
        groups.append(f" {json.dumps(group)}: {{\n" + ",\n".join(lines) + "\n }")
    path.write_text("{\n" + ",\n".join(groups) + "\n}\n", "utf-8")
    print(f"{path.stat().st_size:,} bytes in {path}")


if __name__ == "__main__":
    main()
