"""Pictures with known truth, from a folder with `groups.jsonl`, such a file itself, or a visjs graph.

A line of groups.jsonl is an object with `file` (relative to the folder), `set`, `group` (pictures of one
source: versions, captures) and `page`; optional are `site`, `role` ("indexed", or "unanswered" for a picture
that is asked for but never indexed) and `kind` ("screenshot" or "photograph"). Beside it, `photos/` holds
photographs, each its own group, and `phishing/truth.visjs.json` pairs that a person drew. A visjs graph has
nodes with `id` and `image` (file beside it) and edges `from`, `to` between what belongs together.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from functools import cached_property
from pathlib import Path
from typing import Any

from ..errors import ConfigError, NotFound

GROUPS = "groups.jsonl"
PHOTOS = "photos"
PHISHING = "phishing"
#: Sets whose pictures are photographs and drawings unless their lines say otherwise.
NO_PAGES = frozenset({PHOTOS, "pictures"})
TRUTH = "truth.visjs.json"
#: Bytes of a list of pictures. chosen: a million lines.
LARGEST_FILE = 256 * 1024 * 1024


class Kind(str, Enum):
    SCREENSHOT = "screenshot"
    PHOTOGRAPH = "photograph"
    #: Node of a visjs graph: its truth is its edges.
    LINKED = "linked"


@dataclass(frozen=True, slots=True)
class Item:
    """One picture; `file` names it in every table."""

    file: str
    path: Path
    set: str
    group: str
    page: str
    site: str | None
    indexed: bool
    kind: Kind
    #: False for a distractor: indexed, and never asked for.
    asked: bool = True


@dataclass(frozen=True)
class Dataset:
    items: tuple[Item, ...]
    #: Pairs of files that belong together, of visjs graphs.
    edges: frozenset[frozenset[str]]

    @classmethod
    def load(cls, source: Path, distractors: Sequence[Path] = ()) -> Dataset:
        """Read a data set, and others as distractors, whose files are then named below their folder's name.

        Raises NotFound for a missing list, ConfigError naming file and line for a broken one.
        """
        items, edges = _load(source)
        for other in distractors:
            name = _folder(other).resolve().name
            more = [
                replace(item, file=f"{name}/{item.file}", group=f"{name}/{item.group}", asked=False)
                for item in _load(other)[0]
                if item.indexed
            ]
            items += [
                replace(item, kind=Kind.SCREENSHOT) if item.kind is Kind.LINKED else item for item in more
            ]
        if not items:
            raise ConfigError(f"{source}: no pictures in it; a data set has at least one")
        _check(items, source)
        return cls(tuple(items), frozenset(edges))

    @cached_property
    def by_file(self) -> dict[str, Item]:
        return {item.file: item for item in self.items}

    @cached_property
    def groups(self) -> dict[str, tuple[Item, ...]]:
        grouped: dict[str, list[Item]] = defaultdict(list)
        for item in self.items:
            grouped[item.group].append(item)
        return {group: tuple(members) for group, members in grouped.items()}

    @cached_property
    def indexed(self) -> tuple[Item, ...]:
        return tuple(item for item in self.items if item.indexed)

    def without(self, groups: Iterable[str]) -> Dataset:
        """The same with these groups not indexed."""
        left_out = frozenset(groups)
        return replace(
            self,
            items=tuple(
                replace(item, indexed=False) if item.group in left_out else item for item in self.items
            ),
        )


def _folder(source: Path) -> Path:
    return source if source.is_dir() else source.parent


def _load(source: Path) -> tuple[list[Item], list[frozenset[str]]]:
    if source.is_dir() and (source / GROUPS).is_file():
        return _load_folder(source, source / GROUPS)
    if source.is_dir() and (source / TRUTH).is_file():
        return _graph(source / TRUTH, "")
    if source.is_dir():
        return _by_folder(source), []
    return _graph(source, "") if source.suffix == ".json" else _load_folder(source.parent, source)


def _load_folder(folder: Path, lines: Path) -> tuple[list[Item], list[frozenset[str]]]:
    items = [_item(folder, row, place) for row, place in _rows(lines)]
    known = {item.file for item in items}
    files = sorted(path for path in (folder / PHOTOS).glob("*") if path.is_file())
    for path in files:
        if (file := f"{PHOTOS}/{path.name}") not in known:
            items.append(
                Item(file, path, PHOTOS, f"{PHOTOS}-{path.stem}", path.name, None, True, Kind.PHOTOGRAPH)
            )
    truth = folder / PHISHING / TRUTH
    linked, edges = _graph(truth, f"{PHISHING}/") if truth.is_file() else ([], [])
    return [*items, *(item for item in linked if item.file not in known)], edges


def _by_folder(folder: Path) -> list[Item]:
    """Each sub-folder is a group; pictures that lie beside them have no counterpart. What is no picture is
    found out when it is read.
    """
    inside = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    members = [
        (path, sorted(one for one in path.iterdir() if one.is_file()) if path.is_dir() else [path])
        for path in inside
    ]
    items = [
        Item(
            str(file.relative_to(folder)),
            file,
            folder.resolve().name,
            path.name,
            file.name,
            None,
            True,
            Kind.SCREENSHOT,
        )
        for path, files in members
        for file in files
    ]
    if not items:
        raise NotFound(
            f"{folder}: neither {GROUPS} nor {TRUTH} is in it, nor sub-folders with pictures; a data set is a folder with one of them"
        )
    return items


def _rows(path: Path) -> Iterator[tuple[dict[str, Any], str]]:
    for number, line in enumerate(_text(path).splitlines(), 1):
        if not line.strip():
            continue
        place = f"{path}, line {number}"
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise ConfigError(f"{place}: no JSON: {error}") from None
        if not isinstance(row, dict):
            raise ConfigError(f"{place}: no JSON object")
        yield row, place


def _item(folder: Path, row: dict[str, Any], place: str) -> Item:
    for name in ("file", "set", "group", "page", "site", "role", "kind"):
        value = row.get(name)
        if not isinstance(value, str) and (name in ("file", "set", "group") or value is not None):
            raise ConfigError(f"{place}: {name!r} is {value!r}; a text is expected")
    role = row.get("role") or "indexed"
    if role not in ("indexed", "unanswered"):
        raise ConfigError(f"{place}: role {role!r} is unknown; roles are indexed and unanswered")
    kind = row.get("kind") or (Kind.PHOTOGRAPH if row["set"] in NO_PAGES else Kind.SCREENSHOT)
    if kind not in (Kind.PHOTOGRAPH.value, Kind.SCREENSHOT.value):
        raise ConfigError(f"{place}: kind {kind!r} is unknown; kinds are screenshot and photograph")
    path = folder / row["file"]
    if not path.resolve().is_relative_to(folder.resolve()):
        raise ConfigError(f"{place}: {row['file']!r} lies outside {folder}")
    return Item(
        row["file"],
        path,
        row["set"],
        row["group"],
        row.get("page") or "",
        row.get("site"),
        role == "indexed",
        Kind(kind),
    )


def _graph(path: Path, prefix: str) -> tuple[list[Item], list[frozenset[str]]]:
    """Nodes as items, each group what edges connect."""
    try:
        graph = json.loads(_text(path))
        nodes = {node["id"]: str(node["image"]) for node in graph["nodes"]}
        pairs = [(edge["from"], edge["to"]) for edge in graph["edges"]]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ConfigError(
            f"{path}: no visjs graph of nodes with id and image and edges with from and to: {type(error).__name__}: {error}"
        ) from None
    if len(nodes) != len(graph["nodes"]):
        raise ConfigError(f"{path}: two nodes have the same id")
    for pair in pairs:
        for end in pair:
            if end not in nodes:
                raise ConfigError(
                    f"{path}: the edge from {pair[0]!r} to {pair[1]!r} names node {end!r}, which is not among the {len(nodes)} nodes"
                )
    group = {node: node for node in nodes}
    for one, other in pairs:
        kept, joined = group[one], group[other]
        group = {node: kept if name == joined else name for node, name in group.items()}
    files = {node: prefix + image for node, image in nodes.items()}
    items = [
        Item(
            files[node],
            path.parent / image,
            PHISHING,
            f"{PHISHING}-{group[node]}",
            image,
            None,
            True,
            Kind.LINKED,
        )
        for node, image in nodes.items()
    ]
    return items, [frozenset((files[one], files[other])) for one, other in pairs if one != other]


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise ConfigError(f"{path}: more than {LARGEST_FILE:,} bytes; split the data set")
        return path.read_text("utf-8")
    except FileNotFoundError:
        raise NotFound(f"{path}: no such file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read: {error}") from None


def _check(items: Sequence[Item], source: Path) -> None:
    """Files are named once; a group lies in one set and on one site, or a split by site would tear it."""
    seen: dict[str, Item] = {}
    first: dict[str, Item] = {}
    for item in items:
        if item.file in seen:
            raise ConfigError(f"{source}: {item.file} is listed twice")
        seen[item.file] = item
        known = first.setdefault(item.group, item)
        if (known.set, known.site) != (item.set, item.site):
            raise ConfigError(
                f"{source}: group {item.group} has pictures of two sets or sites, {known.file} and {item.file}; give them two groups"
            )
