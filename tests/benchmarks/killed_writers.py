"""Does every acknowledged image survive kills of writers and of the embedded server on a busy disk?

Two writers add images of 8 KiB to a new embedded store, while other programs write to the same disk and sync
every 32 MiB. By turns one writer or the server is killed with SIGKILL after up to `--longest` seconds, and
the store is opened and every image of the round is read; at the end all rows, records and words are compared,
and `quaid self-check` has to be content. `--appendfsync` measures the settings that were not
chosen, `--slow-sync` makes the disk slow for the server.

    python -m benchmarks.killed_writers [--kills 100] [--busy 4] [--appendfsync no] [--slow-sync 1]
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from statistics import median, quantiles

from support.command_line import runner
from support.kills import kill_again_and_again
from support.slow_disk import slow_sync

from douglas_quaid.cli.main import main as quaid
from douglas_quaid.store import embedded

from . import report


def main() -> int:
    parser = report.arguments(__doc__, pictures=False, seed=20261130)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--busy", type=int, default=4, help="programs that keep the disk busy")
    parser.add_argument("--longest", type=float, default=2.5, help="seconds before a kill, at most")
    parser.add_argument("--appendfsync", choices=("no", "everysec", "always"), default="no")
    parser.add_argument("--slow-sync", type=float, help="seconds that each sync of the server waits first")
    parser.add_argument("--folder", type=Path, help="where to put the store (default: the temporary folder)")
    options = parser.parse_args()
    if options.sample:
        options.kills = 6
    embedded.SETTINGS["appendfsync"] = options.appendfsync
    slow = f", syncs of {options.slow_sync:g} s" if options.slow_sync else ""
    title = (
        f"{options.kills} kills, appendfsync {options.appendfsync}, {options.busy} programs on the disk{slow}"
    )
    report.heading(title, options)
    with tempfile.TemporaryDirectory(dir=options.folder, ignore_cleanup_errors=True) as folder:
        store = Path(folder, "store")
        if options.slow_sync:
            os.environ["LD_PRELOAD"] = str(slow_sync(Path(folder), seconds=options.slow_sync))
        try:
            found = kill_again_and_again(
                store,
                kills=options.kills,
                seed=options.seed,
                busy=options.busy,
                longest=options.longest,
                notes=Path(folder, "notes"),
            )
            checked = runner().invoke(quaid, ["self-check", "--store", f"embedded:{store}"])
        finally:
            embedded.stop_embedded(store)
    times = found.milliseconds
    report.table(
        ("acknowledged images", "lost", "adds per second", "ms: median", "ms: 99 %", "ms: longest"),
        [
            (
                f"{len(found.acknowledged):,}",
                len(found.lost),
                f"{len(times) / found.seconds:.0f}",
                f"{median(times):.2f}",
                f"{quantiles(times, n=100)[98]:.1f}",
                f"{max(times):.0f}",
            )
        ],
    )
    return report.verdict(
        [
            ("every acknowledged image is found, none is incomplete", not found.lost),
            ("self-check finds nothing", checked.exit_code == 0),
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
