"""The files of production code as modules that import each other, read from their syntax trees."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CORE = ROOT / "core"

#: Folders of the project, by the names of their packages.
PACKAGES = {"core": "douglas_quaid", "misp_module": "douglas_quaid.misp", "ail_module": "douglas_quaid.ail"}


def module_name(path: Path) -> str:
    """core/features/local.py -> douglas_quaid.features.local; core/features/__init__.py -> ...features."""
    folder, *parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join([PACKAGES[folder], *(parts[:-1] if parts[-1] == "__init__" else parts)])


#: Files of production code by the names of their modules.
MODULES = {module_name(path): path for folder in PACKAGES for path in sorted((ROOT / folder).rglob("*.py"))}
#: Native kernels, which import nothing.
KERNELS = {module_name(path) for path in CORE.rglob("_*.pyi")}
IN_CORE = [name for name, path in MODULES.items() if CORE in path.parents]


@cache
def tree(name: str) -> ast.Module:
    """The syntax tree of a module."""
    return ast.parse(MODULES[name].read_text("utf-8"))


@cache
def imports(name: str) -> tuple[tuple[str, int], ...]:
    """Absolute names of the modules that a module imports, anywhere in it, and the lines."""
    found = []
    package = name.split(".") if MODULES[name].name == "__init__.py" else name.split(".")[:-1]
    for node in ast.walk(tree(name)):
        if isinstance(node, ast.Import):
            found += [(alias.name, node.lineno) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            start = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*start, *([node.module] if node.module else [])])
            for alias in node.names:
                inner = f"{base}.{alias.name}"
                if not {inner, base} & KERNELS:
                    found.append((inner if inner in MODULES else base, node.lineno))
    return tuple(found)


def own_imports(name: str) -> list[tuple[str, int]]:
    """The modules of the project that a module imports."""
    found = [(target, line) for target, line in imports(name) if target.split(".")[0] == "douglas_quaid"]
    for target, line in found:
        assert target in MODULES, (
            f"{MODULES[name]}:{line} imports {target}, which is not a file of the project"
        )
    return found


def part(name: str) -> str:
    """The part of the project that a module belongs to: its folder, or itself where it stands in none."""
    path = MODULES[name].relative_to(ROOT)
    return path.parent.as_posix() if len(path.parts) > 2 else path.with_suffix("").as_posix()
