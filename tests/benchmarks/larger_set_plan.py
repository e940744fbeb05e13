"""What the larger set holds: which page of which site is captured how, in which role, in which order. No
input or output here.

Takes the sites (larger_set_sites.jsonl), the files of each, and a seed; gives the captures in the order in
which they are to be made. The order mixes the sites: each prefix of it holds each site in its proportion, so
a build that is stopped, or a small one, is a set of its own.

A *site* is what must not be torn between roles and parts of an evaluation: a package, or packages that show
the same (translations, releases). Sites are either "indexed" or "unanswered" (never indexed: nobody has an
answer to a query made of them). A few pages of the indexed sites are left out of the index too: they are
"unanswered" as well, and marked as siblings, because pages just like them are indexed.
"""

from __future__ import annotations

import hashlib
import json
import random
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from .larger_set_browser import Window

INDEXED, UNANSWERED = "indexed", "unanswered"
#: Most captures of one site unless its line says otherwise (chosen: many sites rather than many pages of
#: each).
MOST_PAGES = 160
#: Most captures of one group: releases or translations of one page (chosen).
MOST_VERSIONS = 4
#: Siblings of an indexed site: ten, but no more than a tenth of its pages (chosen: some hundred in all).
SIBLINGS, SIBLINGS_SHARE = 10, 10
#: One page in eight is captured as a whole, up to a height drawn for it from TALLEST (chosen).
ONE_IN_TALL = 8
#: Height over width (spec: up to 10:1; the lower ones because a tall capture takes ten times as long as a
#: window).
TALLEST = (2, 3, 4, 5, 6, 8, 10)
#: A site's window is drawn with these weights (chosen: common desktops, one site in ten as a phone).
WINDOWS = ((Window(1280, 800), 12), (Window(1366, 768), 3), (Window(1920, 1080), 3), (Window(390, 844, 2), 2))


@dataclass(frozen=True, slots=True)
class Site:
    """A line of larger_set_sites.jsonl. `set` is "docs", "themes" (web pages) or "pictures". `packages` are
    "deb:NAME" or "npm:NAME@VERSION".

    `paths`: only files whose path this expression matches; its first group, if it has one, is the key of the
    page: files with one key (releases, translations) are one group. `settle`: milliseconds that scripts are
    given after the page has loaded. `most`: cap of the site.
    """

    site: str
    set: str
    role: str
    packages: tuple[str, ...]
    licence: str
    paths: str = ""
    settle: int = 0
    most: int = MOST_PAGES


@dataclass(frozen=True, slots=True)
class Source:
    """A file of a package: the package, and its path within."""

    package: str
    path: str


@dataclass(frozen=True, slots=True)
class Capture:
    """A picture to be made: of which source, into which file of the set (relative, PNG), as what.

    `tallest`: 0 for what the window shows, otherwise all of the page, up to so many times its width.
    """

    source: Source
    file: str
    site: str
    set: str
    group: str
    role: str
    sibling: bool
    window: Window
    tallest: int
    settle: int

    def line(self) -> str:
        """The line of groups.jsonl."""
        fields: dict[str, str | bool] = {
            "file": self.file,
            "set": self.set,
            "group": self.group,
            "page": f"{self.source.package}/{self.source.path}",
        }
        fields |= {"site": self.site, "role": self.role}
        return json.dumps(fields | ({"sibling": True} if self.sibling else {}), ensure_ascii=False)


def read_sites(text: str) -> list[Site]:
    """The sites of larger_set_sites.jsonl.

    :raises ValueError: two sites of one name, a package in two sites, or an unknown role or set.
    """
    sites = [
        Site(**{**fields, "packages": tuple(fields["packages"])})
        for fields in map(json.loads, text.splitlines())
    ]
    packages = [package for site in sites for package in site.packages]
    for names, kind in (([site.site for site in sites], "site"), (packages, "package")):
        if twice := {name for name in names if names.count(name) > 1}:
            raise ValueError(f"larger_set_sites.jsonl: {kind} named twice: {', '.join(sorted(twice))}")
    for site in sites:
        if site.role not in (INDEXED, UNANSWERED) or site.set not in ("docs", "themes", "pictures"):
            raise ValueError(
                f"larger_set_sites.jsonl: {site.site}: unknown role or set ({site.role}, {site.set})"
            )
    return sites


def plan(sites: Sequence[Site], files: Mapping[str, Iterable[Source]], *, seed: int) -> list[Capture]:
    """All captures of the set, in the order in which to make them. `files`: by the name of the site. The same
    seed and files give the same plan.
    """
    placed = []
    for site in sites:
        captures = plan_site(site, files[site.site], seed=seed)
        shift = random.Random(f"{seed}:{site.site}:place").random()
        placed += [
            ((place + shift) / len(captures), capture.file, capture) for place, capture in enumerate(captures)
        ]
    return [capture for _, _, capture in sorted(placed, key=lambda entry: entry[:2])]


def plan_site(site: Site, files: Iterable[Source], *, seed: int) -> list[Capture]:
    """The captures of one site, siblings last drawn and then spread among the others."""
    chance = random.Random(f"{seed}:{site.site}")
    window = chance.choices([window for window, _ in WINDOWS], [weight for _, weight in WINDOWS])[0]
    groups = grouped(site, files)
    keys = sorted(groups)
    chance.shuffle(keys)
    chosen: list[list[Source]] = []
    for key in keys:
        versions = sorted(groups[key], key=lambda source: (source.package, source.path))
        chosen.append(chance.sample(versions, min(len(versions), MOST_VERSIONS)))
        if sum(map(len, chosen)) >= site.most:
            break
    siblings = min(SIBLINGS, len(chosen) // SIBLINGS_SHARE) if site.role == INDEXED else 0
    roles = [False] * (len(chosen) - siblings) + [True] * siblings
    chance.shuffle(roles)
    captures = []
    for versions, sibling in zip(chosen, roles, strict=True):
        group = f"{site.site}/{name_of(key_of(site, versions[0]))}"
        for source in versions:
            tallest = chance.choice(TALLEST) if chance.randrange(ONE_IN_TALL) == 0 else 0
            file = f"{site.set}/{site.site}/{name_of(f'{source.package}/{source.path}')}.png"
            role = UNANSWERED if sibling else site.role
            captures.append(
                Capture(source, file, site.site, site.set, group, role, sibling, window, tallest, site.settle)
            )
    return captures[: site.most]


def grouped(site: Site, files: Iterable[Source]) -> dict[str, list[Source]]:
    """The files that the site's `paths` takes, by the key of their page."""
    groups: dict[str, list[Source]] = defaultdict(list)
    for source in files:
        if not site.paths or re.search(site.paths, source.path):
            groups[key_of(site, source)].append(source)
    return groups


def key_of(site: Site, source: Source) -> str:
    found = re.search(site.paths, source.path) if site.paths else None
    return found[1] if found and found.re.groups else f"{source.package}/{source.path}"


def name_of(key: str) -> str:
    """A file name for a page: the end of its path, to be read, and a hash of all of it, to be unique."""
    stem = re.sub(r"\.(html?|png|jpe?g)$", "", key.rsplit("/", 1)[-1])
    return f"{re.sub(r'[^A-Za-z0-9_-]+', '-', stem)[-40:].strip('-')}-{hashlib.sha256(key.encode()).hexdigest()[:10]}"
