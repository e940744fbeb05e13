"""Can AIL's pinned requirements and ours be installed together? pip decides, in a fresh virtual environment.

    python -m benchmarks.ail_requirements --ail-home DIR             resolves AIL's requirements.txt with this
                                                                     project's extra `ail`; downloads little
    python -m benchmarks.ail_requirements --ail-home DIR --install   installs what both sides require, and
    runs the checks of the self-check there

Needs a package index. Lines that refer to git instead of an index are left out, as are the names given with
--without: pip cannot resolve them without building them. Exits with status 1 if there is no common set of
versions, or if it does not work.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

from douglas_quaid.ail.checkout.interpreter import ask

ROOT = Path(__file__).resolve().parent.parent.parent
#: Packages whose versions are printed: those that both sides require, and those that contain or need OpenCV.
TOLD = (
    "redis",
    "xxhash",
    "numpy",
    "pillow",
    "opencv-python",
    "opencv-python-headless",
    "imagehash",
    "py-tlsh",
    "pymisp",
    "click",
    "rich",
    "easyocr",
    "qreader",
    "torch",
)
#: Packages of AIL's list that --install installs: those that our modules and the AIL code they import share.
#: Not easyocr and qreader, which need 2 GB of torch.
TOUCHED = (
    "redis",
    "xxhash",
    "numpy",
    "pymisp",
    "mmh3",
    "python-magic",
    "flask",
    "matplotlib",
    "bcrypt",
    "pyotp",
    "segno",
)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--ail-home", type=Path, required=True, help="a checkout of ail-framework, which is only read"
    )
    parser.add_argument(
        "--install", action="store_true", help="install the packages that both sides use, and check them"
    )
    parser.add_argument(
        "--without",
        nargs="*",
        default=["gcld3", "pybgpranking", "DomainClassifier"],
        help="lines of AIL's list to leave out",
    )
    options = parser.parse_args()
    lines = pinned(options.ail_home / "requirements.txt", set(options.without))
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        python = Path(folder) / "bin" / "python"
        if options.install:
            return install(python, [line for line in lines if name_of(line) in TOUCHED], options.ail_home)
        return resolve(python, lines, Path(folder) / "report.json")


def pinned(file: Path, without: set[str]) -> list[str]:
    lines = [line.strip() for line in file.read_text().splitlines()]
    return [
        line
        for line in lines
        if line
        and not line.startswith(("#", "git+"))
        and name_of(line) not in {name.lower() for name in without}
    ]


def name_of(line: str) -> str:
    return re.split(r"[\s<>=!~\[;]", line, maxsplit=1)[0].lower()


def resolve(python: Path, lines: list[str], report: Path) -> int:
    command = [
        str(python),
        "-m",
        "pip",
        "install",
        "-q",
        "--dry-run",
        "--report",
        str(report),
        *lines,
        f"{ROOT}[ail]",
    ]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        print(done.stderr[-3000:], file=sys.stderr)
        return 1
    found = {
        each["metadata"]["name"].lower(): each["metadata"]["version"]
        for each in json.loads(report.read_text())["install"]
    }
    print(f"{len(lines)} lines of AIL and this project resolve together, {len(found)} packages")
    show(found)
    return 0


def install(python: Path, lines: list[str], home: Path) -> int:
    subprocess.run([str(python), "-m", "pip", "install", "-q", *lines, f"{ROOT}[ail]"], check=True)
    consistent = subprocess.run([str(python), "-m", "pip", "check"], capture_output=True, text=True)
    listed = subprocess.run(
        [str(python), "-m", "pip", "list", "--format=json"], capture_output=True, text=True, check=True
    )
    print(
        f"installed: {', '.join(lines)} and this project's extra `ail`; pip check: "
        f"{consistent.stdout.strip()}"
    )
    show({each["name"].lower(): each["version"] for each in json.loads(listed.stdout)})
    facts = ask(home, python)
    print(
        f"broken imports: {dict(facts.broken) or 'none'}; names of AIL's packages taken: "
        f"{facts.strangers or 'none'}"
    )
    print(f"xxhash as AIL's queues call it: {facts.xxhash_error or 'works'}")
    return int(bool(consistent.returncode or facts.broken or facts.xxhash_error or facts.strangers))


def show(found: dict[str, str]) -> None:
    for name in TOLD:
        if name in found:
            print(f"  {name} {found[name]}")


if __name__ == "__main__":
    sys.exit(main())
