"""The shape of the adapters: they translate. No store, no pixels, no circles, nothing heavy where a host
loads them.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ADAPTERS = ("misp_module", "ail_module")
FILES = [path for folder in ADAPTERS for path in sorted((ROOT / folder).rglob("*.py"))]
#: What only the core touches, or nobody.
THE_CORES = {"PIL", "imagehash", "tlsh", "pdqhash", "pickle", "marshal", "shelve"}


def imports(path: Path) -> Iterator[str]:
    """Names of what a file imports, anywhere in it; those of its own adapter as paths from the root,
    `misp_module.sync.walk`.
    """
    package = path.relative_to(ROOT).parent.parts
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = (
                [*package[: len(package) - node.level + 1], *([node.module] if node.module else [])]
                if node.level
                else [node.module or ""]
            )
            for alias in node.names:
                inner = [*base, alias.name]
                yield ".".join(inner if ROOT.joinpath(*inner).with_suffix(".py").is_file() else base)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_an_adapter_asks_the_engine_and_nobody_else(path: Path) -> None:
    for name in imports(path):
        assert name.split(".")[0] not in THE_CORES, f"{path} imports {name}, which is the core's"
        assert not name.startswith(
            ("douglas_quaid.store.keys", "douglas_quaid.store.scripts", "douglas_quaid.store.connection")
        ), f"{path} imports {name}"
        assert name.split(".")[0] not in set(ADAPTERS) - {path.relative_to(ROOT).parts[0]}, (
            f"{path} imports another adapter: {name}"
        )


def test_no_two_files_of_an_adapter_import_each_other_in_a_circle() -> None:
    own = {".".join(path.relative_to(ROOT).with_suffix("").parts): path for path in FILES}
    finished: set[str] = set()

    def walk(name: str, way: tuple[str, ...]) -> None:
        assert name not in way, "a circle of imports: " + " -> ".join([*way[way.index(name) :], name])
        if name in own and name not in finished:
            for target in imports(own[name]):
                walk(target, (*way, name))
            finished.add(name)

    for name in own:
        walk(name, ())


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_has_one_subject(path: Path) -> None:
    assert len(path.read_text("utf-8").splitlines()) <= 400, f"{path} is longer than one subject"


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
