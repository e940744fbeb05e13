"""A disk whose sync takes long, for the servers that a test starts: a library that waits before each sync."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

_SOURCE = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <unistd.h>
int fdatasync(int file) {
    usleep(MICROSECONDS);
    return ((int (*)(int)) dlsym(RTLD_NEXT, "fdatasync"))(file);
}
"""


def slow_sync(folder: Path, *, seconds: float) -> Path:
    """Return a library for LD_PRELOAD; skips the test where there is no C compiler."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("there is no C compiler to make a sync slow with")
    source, library = folder / "slow_sync.c", folder / "slow_sync.so"
    source.write_text(_SOURCE.replace("MICROSECONDS", str(round(seconds * 1e6))))
    subprocess.run([compiler, "-shared", "-fPIC", "-o", str(library), str(source), "-ldl"], check=True)
    return library
