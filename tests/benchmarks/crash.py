"""Does every acknowledged image survive, intact, when writers are killed with SIGKILL at random moments?

The test of the suite (tests/test_crash.py) with more kills: a process that adds images and records each
acknowledged one is killed after 20 to 150 ms, again and again; then a newly opened store is read row by row
and compared.

    python -m benchmarks.crash [--kills 300] [--seed 20261122] [--sample]
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from . import report


def main() -> int:
    parser = report.arguments(__doc__, pictures=False, seed=20261122)
    parser.add_argument("--kills", type=int, default=300)
    options = parser.parse_args()
    if options.sample:
        options.kills = 10
    report.heading(f"{options.kills} kills of a writer", options)
    file = Path(__file__).resolve().parents[1] / "test_crash.py"
    test = f"{file}::test_writers_killed_at_random_moments_leave_whole_images"
    environment = {**os.environ, "QUAID_TEST_KILLS": str(options.kills), "QUAID_TEST_SEED": str(options.seed)}
    done = subprocess.run(
        [sys.executable, "-P", "-m", "pytest", "-q", "-s", "--numprocesses=0", test],
        env=environment,
        capture_output=True,
        text=True,
    )
    rows = [line.split("|")[1:] for line in done.stdout.splitlines() if line.startswith("crash|")]
    report.table(
        ("kills", "acknowledged images", "found intact", "also intact (in progress when killed)"), rows
    )
    if done.returncode:
        print(done.stdout[-5000:], file=sys.stderr)
    return report.verdict([("every acknowledged image is found, none is incomplete", done.returncode == 0)])


if __name__ == "__main__":
    sys.exit(main())
