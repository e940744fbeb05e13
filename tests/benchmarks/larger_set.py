"""Builds the larger set, which anybody can rebuild: pages of free packages rendered by Chromium, and pictures
of packages, in one folder.

Fills a folder with `groups.jsonl` (one line for each picture: file, set, group, page, site, role, and
`sibling` where it applies), the PNG files, `versions.json` (packages and Chromium), `done.jsonl` (each
attempted capture and its outcome) and `sources/` (the packages; can be deleted). Needs Debian 12 or later
with npm and a Chromium (`apt-get install chromium-headless-shell npm`; the full browser works, too, with
`--chromium chromium`, and takes half as long again), and Python's Pillow and numpy, which the project
requires. The pages have no network.

    python -m benchmarks.larger_set DIR [--pages 300] [--sites python,django,admin-lte] [--processes 2]
    [--seed 1]

It can be stopped and continued. Each prefix of the build is a mixture of all sites.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from .larger_set_browser import Browser, PageFailed
from .larger_set_packages import Packages
from .larger_set_pictures import (
    is_nearly_blank,
    leads_elsewhere,
    opened_capture,
    opened_picture,
    pixel_digest,
)
from .larger_set_plan import Capture, plan, read_sites

KEPT, BLANK, TWIN, FAILED, REDIRECTION, SIZE = (
    "kept",
    "nearly blank",
    "the same pixels as another",
    "failed",
    "redirection",
    "too small or large",
)
SITES = Path(__file__).with_name("larger_set_sites.jsonl")
#: Captures given to the processes at once.
BATCH = 200


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("out", type=Path)
    parser.add_argument(
        "--pages", type=int, default=None, help="number of captures, the first of the plan (default: all)"
    )
    parser.add_argument(
        "--sites",
        default="",
        help="comma-separated sites to capture; only their packages are downloaded (default: all)",
    )
    parser.add_argument("--processes", type=int, default=1, help="number of browsers")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--chromium", default="chromium-headless-shell", help="command that starts Chromium")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    packages = Packages(options.out / "sources")
    sites = read_sites(SITES.read_text())
    if options.sites:
        wanted = set(options.sites.split(","))
        if unknown := wanted - {site.site for site in sites}:
            parser.error(f"--sites: {', '.join(sorted(unknown))}: not in {SITES.name}")
        sites = [site for site in sites if site.site in wanted]
    versions = packages.get(package for site in sites for package in site.packages)
    versions["chromium"] = subprocess.run(
        [options.chromium, "--version"], check=True, capture_output=True, text=True
    ).stdout.strip()
    (options.out / "versions.json").write_text(json.dumps(versions, indent=1, sort_keys=True) + "\n")
    files = {
        site.site: [
            source
            for package in site.packages
            for source in packages.sources(package, pictures=site.set == "pictures")
        ]
        for site in sites
    }
    captures = plan(sites, files, seed=options.seed)[: options.pages]
    print(f"{len(captures)} captures of {len(sites)} sites", file=sys.stderr)
    build = Build(options.out, packages, captures, chromium=options.chromium)
    build.run(processes=options.processes)
    return 0


class Build:
    """The build of a plan in a folder. What done.jsonl lists is done, and groups.jsonl is rewritten from it
    at the start.
    """

    def __init__(self, out: Path, packages: Packages, captures: list[Capture], *, chromium: str) -> None:
        self._out, self._packages, self._chromium = out, packages, chromium
        done = read_done(out)
        self._digests = {digest for _, digest in done.values() if digest}
        self._todo = [capture for capture in captures if capture.file not in done]
        kept = [capture.line() for capture in captures if done.get(capture.file, ("", ""))[0] == KEPT]
        (out / "groups.jsonl.part").write_text("".join(f"{line}\n" for line in kept))
        (out / "groups.jsonl.part").replace(out / "groups.jsonl")
        self._counts = Counter(outcome for outcome, _ in done.values())
        self._browsers: list[Browser] = []
        self._mine = threading.local()

    def run(self, *, processes: int) -> None:
        """Make the captures that are left. Which of two twins is kept depends on the order of the plan, not
        on the number of browsers.
        """
        start = time.monotonic()
        with (
            (self._out / "groups.jsonl").open("a") as groups,
            (self._out / "done.jsonl").open("a") as journal,
            ThreadPoolExecutor(processes) as workers,
        ):
            try:
                for first in range(0, len(self._todo), BATCH):
                    batch = self._todo[first : first + BATCH]
                    for capture, (outcome, digest) in zip(batch, workers.map(self._made, batch), strict=True):
                        outcome = self._settled(capture, outcome, digest)
                        if outcome == KEPT:
                            print(capture.line(), file=groups, flush=True)
                        self._counts[outcome] += 1
                        print(
                            json.dumps(
                                {
                                    "file": capture.file,
                                    "outcome": outcome,
                                    "digest": digest if outcome == KEPT else "",
                                }
                            ),
                            file=journal,
                            flush=True,
                        )
                    made = first + len(batch)
                    seconds = time.monotonic() - start
                    left = (len(self._todo) - made) * seconds / made / 60
                    print(
                        f"{made} of {len(self._todo)}, {made / seconds:.2f} per second, {left:.0f} minutes "
                        f"left; {dict(self._counts)}",
                        file=sys.stderr,
                    )
            finally:
                for browser in self._browsers:
                    browser.close()

    def _made(self, capture: Capture) -> tuple[str, str]:
        """Make a capture in a thread with its own browser; return the outcome and the digest of the pixels.
        The name of the file ends in .part.
        """
        path = self._packages.path(capture.source)
        part = self._part(capture)
        part.parent.mkdir(parents=True, exist_ok=True)
        try:
            if capture.set == "pictures":
                picture = opened_picture(path)
                if picture is None:
                    return SIZE, ""
                picture.save(part, format="PNG", compress_level=3)
            else:
                if leads_elsewhere(path):
                    return REDIRECTION, ""
                png = self._browser().capture(
                    path.resolve().as_uri(), capture.window, tallest=capture.tallest, settle=capture.settle
                )
                picture = opened_capture(png)
                part.write_bytes(png)
        except (PageFailed, OSError, ValueError) as error:
            print(f"{capture.file}: {error}", file=sys.stderr)
            return FAILED, ""
        return (BLANK, "") if is_nearly_blank(picture) else (KEPT, pixel_digest(picture))

    def _settled(self, capture: Capture, outcome: str, digest: str) -> str:
        """Keep the file of a capture or remove it; return the outcome. Twins of earlier captures are
        removed.
        """
        if outcome == KEPT and digest in self._digests:
            outcome = TWIN
        if outcome == KEPT:
            self._digests.add(digest)
            self._part(capture).rename(self._out / capture.file)
        else:
            self._part(capture).unlink(missing_ok=True)
        return outcome

    def _part(self, capture: Capture) -> Path:
        return self._out / f"{capture.file}.part"

    def _browser(self) -> Browser:
        if not hasattr(self._mine, "browser"):
            self._mine.browser = Browser(command=self._chromium, fonts=self._packages.fonts())
            self._browsers.append(self._mine.browser)
        browser: Browser = self._mine.browser
        return browser


def read_done(out: Path) -> dict[str, tuple[str, str]]:
    """Return outcome and digest of each finished capture by its file. Failed captures, truncated lines and
    files that are gone do not count.
    """
    done = {}
    journal = out / "done.jsonl"
    for line in journal.read_text().splitlines() if journal.exists() else []:
        try:
            fields = json.loads(line)
        except json.JSONDecodeError:
            continue
        if fields["outcome"] != FAILED and (fields["outcome"] != KEPT or (out / fields["file"]).exists()):
            done[fields["file"]] = (fields["outcome"], fields["digest"])
    return done


if __name__ == "__main__":
    sys.exit(main())
