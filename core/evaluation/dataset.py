"""Reads a data set: pictures with known truth, from a folder with `groups.jsonl`, from such a file itself,
from a folder with a sub-folder for each group, or from a visjs graph.

A line of groups.jsonl is an object with `file` (relative to the folder), `set`, `group` (pictures of one
source: versions, captures) and `page`. Optional are `site`, `role` ("indexed", or "unanswered" for a query
that is never indexed) and `kind` ("screenshot" or "photograph"). Beside it, `photos/` contains photographs,
each a group of its own, and `phishing/truth.visjs.json` pairs that a person drew. A visjs graph has nodes
with `id` and `image` (a file beside it), and edges `from`, `to` between pictures that belong together.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from functools import cached_property
from pathlib import Path
from typing import Any

from ..errors import ConfigError, NotFound
from ..files import FileTooLarge, read_regular

#: Name of the list of pictures in a data set's folder.
GROUPS = "groups.jsonl"
#: Name of the sub-folder of photographs.
PHOTOS = "photos"
#: Name of the sub-folder of phishing pages.
PHISHING = "phishing"
#: Sets whose pictures are photographs and drawings unless their lines say otherwise.
NO_PAGES = frozenset({PHOTOS, "pictures"})
#: Name of the graph in a folder of linked pictures.
GRAPH = "truth.visjs.json"


class Kind(str, Enum):
    """What a picture is."""

    #: A capture of a page or a window.
    SCREENSHOT = "screenshot"
    #: A photograph or a drawing.
    PHOTOGRAPH = "photograph"
    #: A node of a visjs graph, whose truth is its edges.
    LINKED = "linked"
    #: A filling of a template (filling_questions.py), which only itself is a correct answer to.
    FILLING = "filling"


@dataclass(frozen=True, slots=True)
class Item:
    """One picture of a data set."""

    #: Its name in every table: the file, relative to the data set.
    file: str
    #: The file itself.
    path: Path
    #: Where it comes from, such as a project or a collection.
    set: str
    #: Its group: pictures of one source.
    group: str
    #: The site of the page that it shows; None if unknown.
    site: str | None = None
    #: Whether it is added to the store.
    indexed: bool = True
    #: What it is.
    kind: Kind = Kind.SCREENSHOT
    #: Whether it may be a query; False for a distractor.
    queried: bool = True


@dataclass(frozen=True)
class Dataset:
    """Pictures, and what is known about which belong together."""

    #: The pictures.
    items: tuple[Item, ...]
    #: Pairs of files that belong together, from visjs graphs.
    edges: frozenset[frozenset[str]]

    @classmethod
    def load(cls, source: Path, distractors: Sequence[Path] = ()) -> Dataset:
        """Read a data set, and others as distractors, whose files get the name of their folder as a prefix.

        Raises NotFound for a missing list, ConfigError naming file and line for a broken one.
        """
        items, edges = _load(source)
        for other in distractors:
            name = (other if other.is_dir() else other.parent).resolve().name
            items += [
                replace(
                    item,
                    file=f"{name}/{item.file}",
                    group=f"{name}/{item.group}",
                    kind=Kind.SCREENSHOT if item.kind is Kind.LINKED else item.kind,
                    queried=False,
                )
                for item in _load(other)[0]
                if item.indexed
            ]
        if not items:
            raise ConfigError(f"{source}: no pictures found; a data set has at least one")
        _check(items, source)
        return cls(tuple(items), frozenset(edges))

    @cached_property
    def by_file(self) -> dict[str, Item]:
        """The pictures by file."""
        return {item.file: item for item in self.items}

    def linked(self, file: str) -> frozenset[str]:
        """Return the files that belong together with this one by an edge."""
        return frozenset().union(*(edge for edge in self.edges if file in edge)) - {file}

    @cached_property
    def indexed(self) -> tuple[Item, ...]:
        """The pictures that are added to the store."""
        return tuple(item for item in self.items if item.indexed)


def _load(source: Path) -> tuple[list[Item], list[frozenset[str]]]:
    if source.is_dir() and (source / GROUPS).is_file():
        return _load_list(source, source / GROUPS)
    if source.is_dir() and (source / GRAPH).is_file():
        return _load_graph(source / GRAPH, "")
    if source.is_dir():
        return _load_folders(source), []
    return _load_graph(source, "") if source.suffix == ".json" else _load_list(source.parent, source)


def _load_list(folder: Path, lines: Path) -> tuple[list[Item], list[frozenset[str]]]:
    items = [_item(folder, row, place) for row, place in _rows(lines)]
    known = {item.file for item in items}
    items += [
        Item(file, path, PHOTOS, f"{PHOTOS}-{path.stem}", kind=Kind.PHOTOGRAPH)
        for path in sorted((folder / PHOTOS).glob("*"))
        if path.is_file() and (file := f"{PHOTOS}/{path.name}") not in known
    ]
    graph = folder / PHISHING / GRAPH
    linked, edges = _load_graph(graph, f"{PHISHING}/") if graph.is_file() else ([], [])
    return [*items, *(item for item in linked if item.file not in known)], edges


def _load_folders(folder: Path) -> list[Item]:
    """Read each sub-folder as a group, and pictures beside them as groups of one. Files that are not pictures
    fail later, when they are read.
    """
    inside = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    files = [
        (file, path.name)
        for path in inside
        for file in (sorted(one for one in path.iterdir() if one.is_file()) if path.is_dir() else [path])
    ]
    if not files:
        raise NotFound(
            f"{folder} contains neither {GROUPS} nor {GRAPH} nor sub-folders with pictures; a data set is a "
            "folder with one of them"
        )
    name = folder.resolve().name
    return [Item(str(file.relative_to(folder)), file, name, group) for file, group in files]


def _rows(path: Path) -> Iterator[tuple[dict[str, Any], str]]:
    for number, line in enumerate(_text(path).splitlines(), 1):
        if not line.strip():
            continue
        place = f"{path}, line {number}"
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise ConfigError(f"{place}: not JSON: {error}") from None
        if not isinstance(row, dict):
            raise ConfigError(f"{place}: not a JSON object")
        yield row, place


def _item(folder: Path, row: dict[str, Any], place: str) -> Item:
    for name in ("file", "set", "group", "page", "site", "role", "kind"):
        value = row.get(name)
        if not isinstance(value, str) and (name in ("file", "set", "group") or value is not None):
            raise ConfigError(f"{place}: {name!r} is {value!r}; expected a string")
    role = row.get("role") or "indexed"
    if role not in ("indexed", "unanswered"):
        raise ConfigError(f"{place}: role {role!r} is unknown; roles are indexed and unanswered")
    kind = row.get("kind") or (Kind.PHOTOGRAPH if row["set"] in NO_PAGES else Kind.SCREENSHOT)
    if kind not in (Kind.PHOTOGRAPH.value, Kind.SCREENSHOT.value):
        raise ConfigError(f"{place}: kind {kind!r} is unknown; kinds are screenshot and photograph")
    path = folder / row["file"]
    if not path.resolve().is_relative_to(folder.resolve()):
        raise ConfigError(f"{place}: {row['file']!r} lies outside {folder}")
    return Item(row["file"], path, row["set"], row["group"], row.get("site"), role == "indexed", Kind(kind))


def _load_graph(path: Path, prefix: str) -> tuple[list[Item], list[frozenset[str]]]:
    """Read nodes as items; a group is what edges connect."""
    try:
        graph = json.loads(_text(path))
        nodes = {node["id"]: str(node["image"]) for node in graph["nodes"]}
        pairs = [(edge["from"], edge["to"]) for edge in graph["edges"]]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ConfigError(
            f"{path}: not a visjs graph of nodes with id and image and edges with from and to: "
            f"{type(error).__name__}: {error}"
        ) from None
    if len(nodes) != len(graph["nodes"]):
        raise ConfigError(f"{path}: two nodes have the same id")
    for pair in pairs:
        for end in pair:
            if end not in nodes:
                raise ConfigError(
                    f"{path}: the edge from {pair[0]!r} to {pair[1]!r} names node {end!r}, which is not "
                    f"among the {len(nodes)} nodes"
                )
    group = {node: node for node in nodes}
    for one, other in pairs:
        kept, joined = group[one], group[other]
        group = {node: kept if name == joined else name for node, name in group.items()}
    files = {node: prefix + image for node, image in nodes.items()}
    items = [
        Item(files[node], path.parent / image, PHISHING, f"{PHISHING}-{group[node]}", kind=Kind.LINKED)
        for node, image in nodes.items()
    ]
    return items, [frozenset((files[one], files[other])) for one, other in pairs if one != other]


def _text(path: Path) -> str:
    try:
        return read_regular(path).decode("utf-8")
    except FileTooLarge as error:
        raise ConfigError(f"{path}: {error.strerror}; split the data set") from None
    except FileNotFoundError:
        raise NotFound(f"{path}: no such file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read: {error}") from None


def _check(items: Sequence[Item], source: Path) -> None:
    """Check that files are named once, and that each group lies in one set and on one site: a split by site
    would divide it.
    """
    seen: set[str] = set()
    first: dict[str, Item] = {}
    for item in items:
        if item.file in seen:
            raise ConfigError(f"{source}: {item.file} is listed twice")
        seen.add(item.file)
        known = first.setdefault(item.group, item)
        if (known.set, known.site) != (item.set, item.site):
            raise ConfigError(
                f"{source}: group {item.group} has pictures of two sets or sites, {known.file} and "
                f"{item.file}; give them two groups"
            )
