"""The pictures of the benchmarks: a folder with `groups.jsonl` (screenshots in groups), `photos/` (each its
own group) and `phishing/` (real phishing pages with hand-made pairs; here they are only searched).

Provides pictures with set, group and id, the correct answers of a query, and seeded samples. Two pictures of
different groups may be pixel-identical, and some show almost nothing; `set_aside.jsonl`, written by
set_aside.py, lists them, and every benchmark respects it: a twin is a correct answer of a query, never a
negative pair, and a blank picture is not a query.
"""

from __future__ import annotations

import json
import random
from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path

import numpy as np
from PIL import Image

SET_ASIDE = Path(__file__).with_name("set_aside.jsonl")
PHOTOS = "photos"
PHISHING = "phishing"
#: Edits after which the whole picture is still there and fills the frame, for benchmarks of retrieval.
WHOLE_PICTURE = ("resize_50", "resize_33", "jpeg_30", "blur", "recolour", "mirror", "rotate_90")
#: Edits that add to the picture or take from it, for benchmarks of verification.
PARTIAL = ("browser_bar", "border_10", "crop_75", "banner", "rotate_5")


@dataclass(frozen=True, slots=True)
class Item:
    """One picture of the folder."""

    #: File, relative to the folder: its name in every table.
    file: str
    #: Where it comes from, such as a project.
    set: str
    #: Its group: pictures of one source.
    group: str
    #: The page that it shows.
    page: str


@dataclass(frozen=True)
class Corpus:
    """The pictures of a folder."""

    #: The folder.
    folder: Path
    #: The pictures.
    items: tuple[Item, ...]

    @classmethod
    def load(cls, folder: Path) -> Corpus:
        """Read groups.jsonl, and photos/ and phishing/ if they exist. Raises FileNotFoundError without
        groups.jsonl.
        """
        lines = (folder / "groups.jsonl").read_text().splitlines()
        rows = [json.loads(line) for line in lines if line]
        items = [Item(file=row["file"], set=row["set"], group=row["group"], page=row["page"]) for row in rows]
        photos = sorted(path for path in (folder / PHOTOS).glob("*") if path.is_file())
        items += [
            Item(file=f"{PHOTOS}/{path.name}", set=PHOTOS, group=f"{PHOTOS}-{path.stem}", page=path.name)
            for path in photos
        ]
        return cls(folder=folder, items=(*items, *_phishing(folder)))

    def data(self, item: Item) -> bytes:
        """Return the bytes of a picture."""
        return (self.folder / item.file).read_bytes()

    def image_id(self, item: Item) -> str:
        """Return the sha256 of the file, which is the picture's id in a store."""
        return sha256(self.data(item)).hexdigest()

    @cached_property
    def screenshots(self) -> tuple[Item, ...]:
        """The screenshots, without phishing pages."""
        return tuple(item for item in self.items if item.set not in (PHOTOS, PHISHING))

    @cached_property
    def photos(self) -> tuple[Item, ...]:
        """The photographs."""
        return tuple(item for item in self.items if item.set == PHOTOS)

    @cached_property
    def groups(self) -> dict[str, list[Item]]:
        """The pictures by group."""
        grouped: dict[str, list[Item]] = defaultdict(list)
        for item in self.items:
            grouped[item.group].append(item)
        return dict(grouped)

    @cached_property
    def twins(self) -> dict[str, set[str]]:
        """The files of other groups that show the same thing, by file (set_aside.jsonl)."""
        found: dict[str, set[str]] = defaultdict(set)
        for row in self._set_aside:
            if "a" in row:
                found[row["a"]].add(row["b"])
                found[row["b"]].add(row["a"])
        return dict(found)

    @cached_property
    def blank(self) -> frozenset[str]:
        """Files that show almost nothing (set_aside.jsonl)."""
        return frozenset(row["file"] for row in self._set_aside if "file" in row)

    @cached_property
    def _set_aside(self) -> list[dict[str, str]]:
        return [json.loads(line) for line in SET_ASIDE.read_text().splitlines()]

    def right_answers(self, item: Item) -> set[str]:
        """Return the files that are correct answers to a query with an edited `item`: its group, and the
        twins of its group.
        """
        files = {member.file for member in self.groups[item.group]}
        return files.union(*(self.twins.get(file, set()) for file in files))


def has_ink(picture: Image.Image) -> bool:
    """Return whether a picture shows anything: at least one pixel in 1,000 differs from the median by more
    than 16 grey levels (chosen: a line of text).
    """
    grey = np.asarray(picture.convert("L"), np.float32)
    return bool((np.abs(grey - np.median(grey)) > 16).mean() >= 0.001)


def spread_screenshots(corpus: Corpus, count: int, seed: int) -> list[Item]:
    """Return `count` screenshots, equally many of each set, spread over the set's sizes and shapes, no two of
    one group, none blank.
    """
    rng = random.Random(f"screenshots:{seed}")
    by_set: dict[str, list[Item]] = defaultdict(list)
    for item in corpus.screenshots:
        if item.file not in corpus.blank:
            by_set[item.set].append(item)
    picked: list[Item] = []
    for place, name in enumerate(sorted(by_set)):
        share = count // len(by_set) + (place < count % len(by_set))
        one_each: dict[str, Item] = {}
        for item in rng.sample(by_set[name], len(by_set[name])):
            one_each.setdefault(item.group, item)
        by_size = sorted(one_each.values(), key=lambda item: (_height_over_width(corpus, item), item.file))
        picked += [
            rng.choice(by_size[part * len(by_size) // share : (part + 1) * len(by_size) // share])
            for part in range(min(share, len(by_size)))
        ]
    return picked


def random_photos(corpus: Corpus, count: int, seed: int) -> list[Item]:
    """Return at most `count` photographs."""
    return random.Random(f"photos:{seed}").sample(corpus.photos, min(count, len(corpus.photos)))


def pairs_across_sets(corpus: Corpus, count: int, seed: int) -> list[tuple[Item, Item]]:
    """Return `count` different random pairs, each of two sets (photographs are a set, too), without twins."""
    rng = random.Random(f"across:{seed}")
    pairs: dict[tuple[str, str], tuple[Item, Item]] = {}
    while len(pairs) < count:
        first, second = sorted(rng.sample(corpus.items, 2), key=lambda item: item.file)
        if first.set != second.set and second.file not in corpus.twins.get(first.file, set()):
            pairs[first.file, second.file] = (first, second)
    return list(pairs.values())


def pairs_of_one_template(corpus: Corpus, count: int, seed: int) -> list[tuple[Item, Item]]:
    """Return `count` different random pairs of different groups of one screenshot set, equally many of each
    set, without twins.
    """
    rng = random.Random(f"template:{seed}")
    names = sorted({item.set for item in corpus.screenshots})
    by_set = {name: [item for item in corpus.screenshots if item.set == name] for name in names}
    pairs: dict[tuple[str, str], tuple[Item, Item]] = {}
    while len(pairs) < count:
        name = names[len(pairs) % len(names)]
        first, second = sorted(rng.sample(by_set[name], 2), key=lambda item: item.file)
        if first.group != second.group and second.file not in corpus.twins.get(first.file, set()):
            pairs[first.file, second.file] = (first, second)
    return list(pairs.values())


def _phishing(folder: Path) -> list[Item]:
    truth = folder / PHISHING / "truth.visjs.json"
    if not truth.exists():
        return []
    graph = json.loads(truth.read_text())
    group = {node["id"]: node["id"] for node in graph["nodes"]}
    for edge in graph["edges"]:
        kept, joined = group[edge["from"]], group[edge["to"]]
        group = {node: kept if name == joined else name for node, name in group.items()}
    return [
        Item(
            file=f"{PHISHING}/{node['image']}",
            set=PHISHING,
            group=f"{PHISHING}-{group[node['id']]}",
            page=node["image"],
        )
        for node in graph["nodes"]
    ]


def _height_over_width(corpus: Corpus, item: Item) -> float:
    with Image.open(corpus.folder / item.file) as picture:
        return picture.height / picture.width
