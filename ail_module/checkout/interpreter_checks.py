"""Self-check of AIL's Python: whether it has what our modules need, and still has what AIL needs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from douglas_quaid.errors import ConfigError

from .check import Check, failure, ok, warning
from .interpreter import Facts, ask, interpreter
from .working_tree import Checkout

#: Oldest and newest redis-py for both. spec: ours needs 5, requirements.txt of AIL allows up to 7.4.1.
REDIS = ((5,), (7, 4, 1))


def interpreter_checks(checkout: Checkout, given: Path | None) -> Iterator[Check]:
    """Yield the checks of AIL's interpreter, or of the `given` one."""
    unstartable = "AIL's modules cannot be started, ours neither."
    python = given or interpreter(checkout.home)
    if python is None:
        remedy = "Install AIL (installing_deps.sh), or name the interpreter that runs its modules"
        yield failure("interpreter", f"{checkout.home} has no AILENV/bin/python", unstartable, remedy)
        return
    try:
        facts = ask(checkout.home, python)
    except ConfigError as error:
        yield failure("interpreter", str(error), unstartable, "Repair AIL's virtual environment AILENV")
        return
    pip = f"{python} -m pip install"
    if facts.broken:
        broken = "; ".join(f"{name}: {error}" for name, error in facts.broken)
        yield failure(
            "package",
            f"AIL's interpreter cannot import {broken}",
            "Our modules do not start.",
            f"{pip} '.[ail]', in a clone of Douglas-Quaid",
        )
    else:
        yield ok("package", f"douglas-quaid {facts.release('douglas-quaid')} can be imported by {python}")
    yield _hashing(facts, pip)
    yield _redis(facts.release("redis"), pip)
    if facts.strangers or facts.root_on_path:
        yield failure(
            "AIL's packages",
            "; ".join(f"`{name}` is {folder}" for name, folder in facts.strangers)
            or f"{checkout.home} itself is on sys.path",
            "Modules of AIL import the wrong code, or fail when they start.",
            "Uninstall the package of that name, and remove the folder from PYTHONPATH and *.pth files",
        )
    else:
        names = "lib, modules, core, importer"
        yield ok("AIL's packages", f"no other package takes the names of AIL's own ({names})")


def _hashing(facts: Facts, pip: str) -> Check:
    release = facts.release("xxhash")
    if not facts.xxhash_error:
        return ok("xxhash", f"xxhash {release} hashes text, as AIL's queues need it")
    return failure(
        "xxhash",
        f"xxhash {release or 'is missing'}: {facts.xxhash_error}",
        "AIL cannot queue anything: every module fails at its first message.",
        f"{pip} 'xxhash<4'",
    )


def _redis(release: str | None, pip: str) -> Check:
    numbers = tuple(int(part) for part in re.findall(r"\d+", release or ""))[:3]
    if REDIS[0] <= numbers <= REDIS[1]:
        return ok("redis", f"both AIL and Douglas-Quaid work with redis {release}")
    return (failure if numbers < REDIS[0] else warning)(
        "redis",
        f"redis {release or 'is missing'}; both AIL and Douglas-Quaid work with 5 to 7.4.1",
        "Untested with AIL.",
        f"{pip} 'redis>=5,<=7.4.1'",
    )
