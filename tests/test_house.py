"""The rules for what is written: public names are documented, errors named, and some phrases are gone."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PRODUCTION = ("core", "misp_module", "ail_module")

#: Names at the top of a file that every file has for the same purpose.
USUAL = {"log", "__all__"}

#: Errors that say something about the code, not about what it was given.
NOT_TOLD = {"NotImplementedError", "AssertionError"}

#: Phrases that nobody should have to read twice. Words are separated by any white space.
GONE = (
    r"of data sets one at a time is calibrated",
    r"none of them is as sure as one that stands alone",
    r"words that so many images share",
    r"most hits a picture",
    r"least decision of a hit",
    r"sent what is no answer",
    r"an occurrence, or one in words",
    r"answers of which there are too many",
    r"so it says nothing",
    r"of one's own",
    r"for who (has|have|had|reads|wants|asks|does|is)",
    r"(so|as) (is|are|do|does|has) the next",
    r"the right one",
    r"what a search asks",
    r"laid over each other",
    r"(?<!there )is no (file|picture|image|answer|number|text|name|folder|address|url|object|list|id|option|"
    r"setting|json|store|server|match|hit|occurrence|collection|digest|cluster|part|place|finite number)\b",
)

FILES = [path for folder in PRODUCTION for path in sorted((ROOT / folder).rglob("*.py"))]
NAMES = [path.relative_to(ROOT).as_posix() for path in FILES]


@cache
def source(name: str) -> tuple[ast.Module, tuple[str, ...]]:
    """The syntax tree of a file and its lines."""
    text = (ROOT / name).read_text("utf-8")
    return ast.parse(text), tuple(text.splitlines())


def is_public(name: str) -> bool:
    """Whether a name is meant for others."""
    return not name.startswith("_")


def is_documented(node: ast.stmt, lines: tuple[str, ...]) -> bool:
    """Whether an assignment has `#:` lines above it."""
    line = node.lineno - 2
    while line >= 0 and lines[line].strip().startswith("#"):
        if lines[line].strip().startswith("#:"):
            return True
        line -= 1
    return False


def assigned(node: ast.stmt) -> list[str]:
    """Public names that an assignment gives a value or a type."""
    targets = (
        node.targets
        if isinstance(node, ast.Assign)
        else [node.target]
        if isinstance(node, ast.AnnAssign)
        else []
    )
    if "TypeVar" in ast.dump(node):  # a parameter of a type has no meaning beside the functions that use it
        return []
    names = [part.id for target in targets for part in ast.walk(target) if isinstance(part, ast.Name)]
    return [name for name in names if is_public(name) and name not in USUAL]


def bare(body: list[ast.stmt], lines: tuple[str, ...], above: str = "") -> Iterator[tuple[int, str]]:
    """Lines and names of what has no documentation in the body of a file or class."""
    for node in body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)) and is_public(node.name):
            twin = any(
                isinstance(mark, ast.Attribute) and mark.attr == "setter" for mark in node.decorator_list
            )
            if not ast.get_docstring(node) and not twin:
                yield node.lineno, f"{above}{node.name}"
            if isinstance(node, ast.ClassDef):
                yield from bare(node.body, lines, f"{above}{node.name}.")
        elif (names := assigned(node)) and not is_documented(node, lines):
            yield node.lineno, f"{above}{', '.join(names)}"


def undocumented(name: str) -> list[str]:
    """Public names of a file that have no documentation."""
    tree, lines = source(name)
    found = [] if ast.get_docstring(tree) or not tree.body else [(1, "the file itself")]
    return [f"{name}:{line} {what}" for line, what in [*found, *bare(tree.body, lines)]]


def raised(function: ast.FunctionDef | ast.AsyncFunctionDef) -> set[str]:
    """Names of the errors that the body of a function raises and does not catch itself."""

    def walk(nodes: list[ast.AST], caught: frozenset[str]) -> Iterator[str]:
        for node in nodes:
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)):
                continue
            if isinstance(node, ast.Raise) and node.exc is not None:
                error = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
                name = error.attr if isinstance(error, ast.Attribute) else getattr(error, "id", "")
                if name[:1].isupper() and name not in caught and not caught & {"Exception", "BaseException"}:
                    yield name
            if isinstance(node, ast.Try):
                here = {
                    part.id
                    for one in node.handlers
                    if one.type
                    for part in ast.walk(one.type)
                    if isinstance(part, ast.Name)
                }
                yield from walk(list(node.body), caught | here)
                yield from walk([*node.handlers, *node.orelse, *node.finalbody], caught)
            else:
                yield from walk(list(ast.iter_child_nodes(node)), caught)

    return set(walk(list(function.body), frozenset())) - NOT_TOLD


def untold(name: str) -> list[str]:
    """Public functions of a file that raise errors without saying so."""
    found = []

    def look(body: list[ast.stmt]) -> None:
        for node in body:
            if isinstance(node, ast.ClassDef) and is_public(node.name):
                look(node.body)
            elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and is_public(node.name):
                if any("command" in ast.dump(mark) for mark in node.decorator_list):
                    continue  # its docstring is the help that users read
                text = ast.get_docstring(node) or ""
                errors = {error for error in raised(node) if not re.search(rf"\b{error}\b", text)}
                if errors or (raised(node) and "raises" not in text.lower()):
                    found.append(
                        f"{name}:{node.lineno} {node.name} does not say that it raises {sorted(raised(node))}"
                    )

    look(source(name)[0].body)
    return found


def test_every_public_name_is_documented() -> None:
    assert [line for name in NAMES for line in undocumented(name)] == []


def test_a_function_says_which_errors_it_raises() -> None:
    assert [line for name in NAMES for line in untold(name)] == []


def test_no_documentation_goes_on_where_another_one_ended() -> None:
    for name in NAMES:
        tree, lines = source(name)
        constants = [node for node in ast.walk(tree) if isinstance(node, ast.Constant)]
        assert not [node for node in constants if str(node.value).strip().startswith("... ")], name
        assert not [line for line in lines if re.match(r"\s*#: *\.\.\.", line)], name


def prose(path: Path) -> str:
    """The text of a file on one line, without what marks comments and joins strings."""
    text = path.read_text("utf-8", errors="replace")
    text = re.sub(r"\n\s*(#:?|--|//|>|f?\")?", " ", re.sub(r"\"\n\s*f?\"", "", text))
    return re.sub(r"\s+", " ", text).lower()


def tracked() -> list[Path]:
    """Files of the project that people read."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    suffixes = {".py", ".md", ".lua", ".cfg", ".toml", ".sh", ".html", ".yml", ""}
    paths = [ROOT / name for name in listed.splitlines()]
    return [
        path
        for path in paths
        if path.suffix in suffixes
        and path.is_file()
        and not path.is_symlink()
        and path.name != Path(__file__).name
    ]


def phrases(path: Path) -> list[str]:
    """Phrases of a file that should be gone."""
    text = prose(path)
    return [
        text[max(0, found.start() - 20) : found.end() + 20]
        for phrase in GONE
        for found in re.finditer(phrase, text)
    ]


def test_what_nobody_should_read_twice_is_gone() -> None:
    found = {path.relative_to(ROOT).as_posix(): some for path in tracked() if (some := phrases(path))}
    assert found == {}


def patched(path: Path) -> list[str]:
    """Constants of production code that a test puts something else in the place of."""
    calls = [node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Call)]
    setting = [call for call in calls if isinstance(call.func, ast.Attribute) and call.func.attr == "setattr"]
    names = [
        str(word.value).rpartition(".")[2]
        for call in setting
        for word in call.args[:2]
        if isinstance(word, ast.Constant)
    ]
    return [name for name in names if name.isupper() and name != "MAX_IMAGE_PIXELS"]  # which is Pillow's


def test_what_a_test_varies_is_an_option_and_not_a_constant() -> None:
    paths = {path.relative_to(ROOT).as_posix(): path for path in (ROOT / "tests").rglob("*.py")}
    found = {name: some for name, path in paths.items() if (some := patched(path))}
    assert found == {}
