"""The shape of the adapters: they translate. No store, no pixels, nothing heavy where a host loads
them.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from support.modules import MODULES, imports

#: Adapters by the names of their packages.
ADAPTERS = {name: name.split(".")[1] for name in MODULES if name.split(".")[1:2] in (["misp"], ["ail"])}
#: What only the core touches, or nobody.
THE_CORES = {"PIL", "imagehash", "tlsh", "pdqhash", "pickle", "marshal", "shelve"}
#: Parts of the store that only the store itself touches.
INNER = ("douglas_quaid.store.keys", "douglas_quaid.store.scripts", "douglas_quaid.store.connection")


@pytest.mark.parametrize("name", ADAPTERS)
def test_an_adapter_asks_the_engine_and_nobody_else(name: str) -> None:
    for target, line in imports(name):
        where = f"{MODULES[name]}:{line} imports {target}"
        assert target.split(".")[0] not in THE_CORES, f"{where}, which is the core's"
        assert not target.startswith(INNER), where
        assert ADAPTERS.get(target, ADAPTERS[name]) == ADAPTERS[name], f"{where} of another adapter"


def test_the_commands_of_adapters_load_nothing_heavy(tmp_path: Path) -> None:
    code = (
        "import sys\nfrom douglas_quaid.cli.main import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    print(sorted(set(sys.modules) & {heavy}))"
    )
    heavy = {"cv2", "numpy", "redis", "PIL", "pymisp", "imagehash"}
    ran = subprocess.run(
        [sys.executable, "-P", "-c", code.format(heavy=heavy)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout.splitlines()[-1] == "[]"
