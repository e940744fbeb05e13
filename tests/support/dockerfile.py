"""A Dockerfile as shell scripts, so that a bare Debian root can be built and started by the very same
commands.

    dockerfile.py FILE                     the names of its stages, in order
    dockerfile.py FILE STAGE build         a script that does what the stage does: run by root in the build
    context, other stages below /stages
    dockerfile.py FILE STAGE start         a script that becomes the entrypoint: its user and environment, no
    capability, arguments passed on
    dockerfile.py FILE STAGE healthcheck   a script that becomes the health check

RUN lines are handed to /bin/sh as they stand. Instructions and options that are not known here are refused:
none is skipped in silence. Only the standard library is used.
"""

from __future__ import annotations

import json
import re
import shlex
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

#: Instructions that change nothing while an image is built.
REMEMBERED = {"CMD", "ENTRYPOINT", "EXPOSE", "HEALTHCHECK", "LABEL"}
# COPY puts a folder's content, or a file, into a target that ends with a slash; else the target gets the
# content or is the file.
COPY = (
    'copy() { if [ -d "$1" ]; then mkdir -p "$2" && cp -a "$1/." "$2"; '
    'else mkdir -p "$(dirname "$2.")" && cp "$1" "$2"; fi; }'
)


@dataclass(frozen=True)
class Instruction:
    name: str
    text: str


@dataclass(frozen=True)
class Stage:
    name: str
    base: str
    instructions: list[Instruction] = field(default_factory=list)

    def of(self, name: str) -> list[str]:
        """The texts of all instructions of that name."""
        return [instruction.text for instruction in self.instructions if instruction.name == name]

    def sources(self) -> Iterator[str]:
        """What is copied from the build context."""
        for words in map(shlex.split, self.of("COPY")):
            if not words[0].startswith("--"):
                yield from words[:-1]

    def build(self) -> str:
        lines = ["set -eu", "context=$PWD", COPY]
        user = "0"
        for instruction in self.instructions:
            if instruction.name == "RUN":
                if user != "0":
                    raise SystemExit(f"RUN as user {user} is not known here")
                lines.append(f"cd / && /bin/sh -c {shlex.quote(instruction.text)}")
            elif instruction.name == "COPY":
                lines += _copies(instruction.text)
            elif instruction.name == "ENV":
                lines += _exports(instruction.text)
            elif instruction.name == "USER":
                user = instruction.text
            elif instruction.name not in REMEMBERED:
                raise SystemExit(f"the instruction {instruction.name} {instruction.text} is not known here")
        return "\n".join(lines)

    def start(self) -> str:
        user, group = self.of("USER")[-1].split(":")
        confined = (
            f"setpriv --reuid={user} --regid={group} --clear-groups --no-new-privs --bounding-set=-all --"
        )
        exports = [line for text in self.of("ENV") for line in _exports(text)]
        return "\n".join(
            [*exports, f'exec {confined} {shlex.join(json.loads(self.of("ENTRYPOINT")[-1]))} "$@"']
        )

    def healthcheck(self) -> str:
        exports = [line for text in self.of("ENV") for line in _exports(text)]
        return "\n".join(
            [*exports, f"exec {shlex.join(json.loads(self.of('HEALTHCHECK')[-1].partition(' CMD ')[2]))}"]
        )


def parse(text: str) -> list[Stage]:
    """The stages of a Dockerfile, with the defaults of the arguments that are before the first of them."""
    arguments: dict[str, str] = {}
    stages: list[Stage] = []

    def filled(value: str) -> str:
        return re.sub(r"\$\{(\w+)\}", lambda found: arguments[found.group(1)], value)

    joined = re.sub(r"\\\n", "", re.sub(r"^\s*#.*\n", "", text, flags=re.MULTILINE))
    for line in filter(None, map(str.strip, joined.splitlines())):
        name, _, rest = line.partition(" ")
        rest = re.sub(r"\s+", " ", rest).strip()
        if name == "FROM":
            base, _, stage = filled(rest).partition(" AS ")
            stages.append(Stage(stage, base))
        elif stages:
            stages[-1].instructions.append(Instruction(name, rest))
        elif name == "ARG":
            key, _, default = rest.partition("=")
            arguments[key] = filled(default)
        else:
            raise SystemExit(f"{name} before FROM is not known here")
    return stages


def _exports(text: str) -> list[str]:
    return [f'export {name}="{value}"' for name, _, value in (word.partition("=") for word in text.split())]


def _copies(text: str) -> Iterator[str]:
    *sources, target = shlex.split(text)
    origin = '"$context"'
    if sources[0].startswith("--from="):
        origin = f"/stages/{sources.pop(0).removeprefix('--from=')}"
    for source in sources:
        if source.startswith("--"):
            raise SystemExit(f"the option {source} of COPY is not known here")
        yield f"copy {origin}/{source.lstrip('/')} {target}"


def main(file: str, name: str = "", script: str = "build") -> None:
    stages = {stage.name: stage for stage in parse(Path(file).read_text("utf-8"))}
    print(
        {"build": Stage.build, "start": Stage.start, "healthcheck": Stage.healthcheck}[script](stages[name])
        if name
        else "\n".join(stages)
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
