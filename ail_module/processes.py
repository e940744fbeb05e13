"""Which processes that AIL has noted still run on this machine. Process ids are used again, and AIL removes
none.
"""

import os
import time
from collections.abc import Mapping

#: Seconds by which a process may seem to be younger than AIL's note of its start. One that is younger still
#: is another process with the same id. chosen.
SLOW_START = 5.0


def running(noted: Mapping[int, int]) -> dict[int, int]:
    """Return those of the noted processes that run on this machine: process id to its start, in clock ticks
    since the machine's.

    `noted`: process id to the start that AIL noted, in seconds since 1970.
    """
    booted = time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)
    found = {}
    for pid, epoch in noted.items():
        ticks = start_ticks(pid)
        if ticks is not None and booted + ticks / os.sysconf("SC_CLK_TCK") <= epoch + SLOW_START:
            found[pid] = ticks
    return found


def start_ticks(pid: int) -> int | None:
    """Return when a process started, in clock ticks since the machine did; None if it does not run.

    spec: proc(5), fields 3 and 22 of stat.
    """
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            fields = file.read().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else int(fields[19])
