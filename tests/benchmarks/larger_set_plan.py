"""Plans the larger set: which page of which site is captured how, in which role, in which order. No input or
output here.

Takes the sites (larger_set_sites.jsonl), the files of each, and a seed; returns the captures in the order in
which to make them. The order mixes the sites: each prefix contains each site in proportion, so a build that
was stopped, or a small one, is a set of its own.

A *site* must not be divided between roles and parts of an evaluation: it is a package, or packages that show
the same (translations, releases). Sites are either "indexed" or "unanswered" (never indexed, so that queries
made from them have no answer). A few pages of the indexed sites are left out of the index, too: they are also
"unanswered", and marked as siblings, because pages like them are indexed.
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
#: Maximum number of captures of a site, unless its line says otherwise. chosen: many sites rather than many
#: pages of each.
MOST_PAGES = 160
#: Maximum number of captures of a group: releases or translations of one page. chosen.
MOST_VERSIONS = 4
#: Number of siblings of an indexed site: ten, but at most a tenth of its pages. chosen: some hundred in
#: total.
SIBLINGS, SIBLINGS_SHARE = 10, 10
#: One page in this many is captured as a whole, up to a height drawn from TALLEST. chosen.
ONE_IN_TALL = 8
#: Height over width of such captures. spec: up to 10:1; also lower ones, because a tall capture takes ten
#: times as long as a window.
TALLEST = (2, 3, 4, 5, 6, 8, 10)
#: Windows and their weights, drawn for each site. chosen: common desktops, and one site in ten as a phone.
WINDOWS = ((Window(1280, 800), 12), (Window(1366, 768), 3), (Window(1920, 1080), 3), (Window(390, 844, 2), 2))


@dataclass(frozen=True, slots=True)
class Site:
    """A line of larger_set_sites.jsonl."""

    #: Name of the site.
    site: str
    #: "docs", "themes" (web pages) or "pictures".
    set: str
    #: "indexed" or "unanswered".
    role: str
    #: "deb:NAME" or "npm:NAME@VERSION".
    packages: tuple[str, ...]
    #: Licence of the packages.
    licence: str
    #: Only files whose path this expression matches. Its first group, if any, is the key of the page: files
    #: with the same key (releases, translations) form one group.
    paths: str = ""
    #: Milliseconds for scripts after the page has loaded.
    settle: int = 0
    #: Maximum number of captures.
    most: int = MOST_PAGES


@dataclass(frozen=True, slots=True)
class Source:
    """A file of a package."""

    #: The package.
    package: str
    #: The path within the package.
    path: str


@dataclass(frozen=True, slots=True)
class Capture:
    """A picture to make."""

    #: What is captured.
    source: Source
    #: PNG file, relative to the set.
    file: str
    #: Site of the page.
    site: str
    #: Set of the site.
    set: str
    #: Group of the page.
    group: str
    #: "indexed" or "unanswered".
    role: str
    #: Whether other pages of its site are indexed while it is not.
    sibling: bool
    #: The browser's window.
    window: Window
    #: 0 for what the window shows, otherwise all of the page up to this multiple of its width.
    tallest: int
    #: Milliseconds for scripts after the page has loaded.
    settle: int

    def line(self) -> str:
        """Return the line of groups.jsonl."""
        fields: dict[str, str | bool] = {
            "file": self.file,
            "set": self.set,
            "group": self.group,
            "page": f"{self.source.package}/{self.source.path}",
        }
        fields |= {"site": self.site, "role": self.role}
        return json.dumps(fields | ({"sibling": True} if self.sibling else {}), ensure_ascii=False)


def read_sites(text: str) -> list[Site]:
    """Return the sites of larger_set_sites.jsonl. Raises ValueError for two sites of one name, a package in
    two sites, and an unknown role or set.
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
    """Return all captures of the set in the order in which to make them; equal arguments return equal plans.
    `files`: by name of the site.
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
    """Return the captures of one site, with siblings spread among the others."""
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
    """Return the files that the site's `paths` matches, by the key of their page."""
    groups: dict[str, list[Source]] = defaultdict(list)
    for source in files:
        if not site.paths or re.search(site.paths, source.path):
            groups[key_of(site, source)].append(source)
    return groups


def key_of(site: Site, source: Source) -> str:
    found = re.search(site.paths, source.path) if site.paths else None
    return found[1] if found and found.re.groups else f"{source.package}/{source.path}"


def name_of(key: str) -> str:
    """Return a file name for a page: the readable end of its path, and a hash of all of it, which is
    unique.
    """
    stem = re.sub(r"\.(html?|png|jpe?g)$", "", key.rsplit("/", 1)[-1])
    readable = re.sub(r"[^A-Za-z0-9_-]+", "-", stem)[-40:].strip("-")
    return f"{readable}-{hashlib.sha256(key.encode()).hexdigest()[:10]}"
