"""The packages of the larger set, for larger_set.py: downloads them with `apt-get download` and `npm pack`,
unpacks them, and lists their pages and pictures.

Takes "deb:NAME" and "npm:NAME@VERSION", returns the files of each as `Source`s, and the versions. Nothing is
installed and no script of a package runs: `dpkg -x` unpacks Debian packages into one tree, so that their
links to each other work, and each npm package gets its own folder.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterable
from pathlib import Path

from .larger_set_plan import Source

#: Packages that pages of the others need: scripts, style sheets, and fonts, so that pages look the same
#: whichever fonts the machine has.
SUPPORT = (
    "libjs-sphinxdoc",
    "libjs-jquery",
    "libjs-underscore",
    "libjs-jquery-ui",
    "libjs-bootstrap",
    "libjs-bootstrap4",
    "libjs-popper.js",
    "libjs-requirejs",
    "libjs-mathjax",
    "sphinx-rtd-theme-common",
    "fonts-font-awesome",
    "fonts-mathjax",
    "fontconfig-config",
    "fonts-dejavu-core",
    "fonts-dejavu-extra",
    "fonts-liberation",
    "fonts-lato",
    "fonts-roboto-unhinted",
    "fonts-roboto-slab",
    "fonts-open-sans",
    "fonts-inconsolata",
    "fonts-noto-core",
    "fonts-noto-mono",
)
#: Minimum size of a page and of a picture in bytes. chosen: smaller files are redirections and icons.
SMALLEST_PAGE, SMALLEST_PICTURE = 1_500, 8_000
PAGES, PICTURES = (".html", ".htm"), (".png", ".jpg", ".jpeg", ".webp")


class Packages:
    """The packages in a folder, which are downloaded if they are missing."""

    def __init__(self, folder: Path) -> None:
        self._debs, self._npm, self._tree, self._lists = (
            folder / "debs",
            folder / "npm",
            folder / "tree",
            folder / "lists",
        )
        for each in (self._debs, self._npm, self._tree, self._lists):
            each.mkdir(parents=True, exist_ok=True)

    def get(self, packages: Iterable[str]) -> dict[str, str]:
        """Download and unpack the packages (and SUPPORT); return the version of each.

        Raises CalledProcessError if a package is not available. For Debian's, run `apt-get update`, and use a
        release that contains them.
        """
        wanted = [*(f"deb:{name}" for name in SUPPORT), *packages]
        debs = [name.removeprefix("deb:") for name in wanted if name.startswith("deb:")]
        if missing := [name for name in debs if not self._deb(name)]:
            print(f"downloading {len(missing)} Debian packages", file=sys.stderr)
            subprocess.run(
                ["apt-get", "download", *missing], cwd=self._debs, check=True, stdout=subprocess.DEVNULL
            )
        for name in debs:
            self._unpack_deb(name)
        for name in (name.removeprefix("npm:") for name in wanted if name.startswith("npm:")):
            self._unpack_npm(name)
        self._relink()
        return {name: self._version(name) for name in wanted}

    def fonts(self) -> Path:
        """Return a configuration of fontconfig with the fonts of SUPPORT and no others."""
        configuration = self._tree.parent / "fonts.conf"
        shared = self._tree.resolve() / "usr/share"
        aliases = "".join(
            f"<include>{shared}/fontconfig/conf.avail/{name}</include>"
            for name in ("30-metric-aliases.conf", "45-latin.conf", "60-latin.conf")
        )
        cache = self._tree.parent.resolve() / "fontcache"
        start = '<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd">'
        configuration.write_text(
            f"{start}<fontconfig><dir>{shared}/fonts</dir><cachedir>{cache}</cachedir>{aliases}</fontconfig>"
        )
        return configuration.resolve()

    def path(self, source: Source) -> Path:
        return self._root(source.package) / source.path

    def sources(self, package: str, *, pictures: bool) -> list[Source]:
        """Return the pages, or the pictures, of a package."""
        endings, smallest = (PICTURES, SMALLEST_PICTURE) if pictures else (PAGES, SMALLEST_PAGE)
        root = self._root(package)
        if package.startswith("deb:"):
            names = (self._lists / package.removeprefix("deb:")).read_text().splitlines()
        else:
            names = sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())
        found = []
        for name in names:
            path = root / name
            if name.lower().endswith(endings) and path.is_file() and path.stat().st_size >= smallest:
                found.append(Source(package, name))
        return found

    def _root(self, package: str) -> Path:
        return (
            self._tree
            if package.startswith("deb:")
            else self._npm / re.sub(r"[^\w.@-]", "-", package.removeprefix("npm:")) / "package"
        )

    def _deb(self, name: str) -> Path | None:
        return next(iter(sorted(self._debs.glob(f"{name}_*.deb"))), None)

    def _unpack_deb(self, name: str) -> None:
        listed, deb = self._lists / name, self._deb(name)
        if listed.exists() or deb is None:
            return
        subprocess.run(["dpkg", "-x", deb, self._tree], check=True)
        lines = subprocess.run(
            ["dpkg-deb", "-c", deb], check=True, capture_output=True, text=True
        ).stdout.splitlines()
        names = [line.split(None, 5)[5].split(" -> ")[0].removeprefix("./") for line in lines]
        listed.write_text("\n".join(sorted(names)))

    def _unpack_npm(self, name: str) -> None:
        root = self._root(f"npm:{name}")
        if root.exists():
            return
        with tempfile.TemporaryDirectory(dir=self._npm) as folder:
            packed = subprocess.run(
                ["npm", "pack", "--silent", name], cwd=folder, check=True, capture_output=True, text=True
            ).stdout.split()[-1]
            unpacked = Path(folder) / "unpacked"
            with tarfile.open(Path(folder) / packed) as archive:
                archive.extractall(unpacked, filter="data")
            root.parent.mkdir(exist_ok=True)
            next(unpacked.iterdir()).rename(root)  # most packages name their folder "package", not all

    def _relink(self) -> None:
        """Make absolute links of packages (/usr/share/...), which lead out of the tree, relative to it."""
        for name in (name for listed in self._lists.iterdir() for name in listed.read_text().splitlines()):
            path = self._tree / name
            if path.is_symlink() and (target := os.readlink(path)).startswith("/usr/"):
                path.unlink()
                path.symlink_to(os.path.relpath(self._tree / target[1:], path.parent))

    def _version(self, package: str) -> str:
        name = package.split(":", 1)[1]
        if package.startswith("npm:"):
            return name.rsplit("@", 1)[1]
        return subprocess.run(
            ["dpkg-deb", "-f", str(self._deb(name)), "Version"], check=True, capture_output=True, text=True
        ).stdout.strip()
