"""The command `quaid group`."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

import click

from ..errors import ConfigError
from .group import command
from .terminal import complain, error_json, json_line, progress_of, say, visible, write_pieces

if TYPE_CHECKING:
    from ..grouping import Groups


@command("group")
@click.argument("paths", nargs=-1, required=True, metavar="FOLDER...")
@click.option("--csv", "as_csv", is_flag=True, help="Print lines of group number and path.")
def group(paths: tuple[str, ...], as_csv: bool, store: str | None, as_json: bool) -> int:
    """Group the pictures of a folder that look alike.

    Nothing is kept: a store of its own is started and removed, so --store has no meaning here.
    """
    from ..config import Config
    from ..grouping import Groups, group_files
    from ..inputs import find_inputs

    if store is not None:
        raise ConfigError("quaid group keeps nothing; leave out --store")
    if "-" in paths:
        raise ConfigError("quaid group takes folders and files, not standard input")
    inputs = find_inputs(paths)
    tell = progress_of(len(inputs), "looking")
    found = Groups((), 0)
    for step in group_files(inputs, Config.from_environment()):
        if isinstance(step, Groups):
            found = step
        else:
            tell(1)
    for path, error in sorted(found.failed.items()):
        if as_json:
            json_line({"path": path} | error_json(error))
        else:
            complain(f"{path}: {error}")
    _show(found, as_csv=as_csv, as_json=as_json)
    return 1 if found.failed else 0


def _show(found: Groups, *, as_csv: bool, as_json: bool) -> None:
    if as_json:
        for number, files in enumerate(found.groups, 1):
            json_line({"group": number, "paths": list(files)})
    elif as_csv:
        write_pieces(
            [
                _row("group", "path"),
                *(_row(str(number), path) for number, files in enumerate(found.groups, 1) for path in files),
            ]
        )
    else:
        for number, files in enumerate(found.groups, 1):
            say(f"group {number}:", *(f"  {path}" for path in files))
        say(f"{len(found.groups)} groups, {found.alone} pictures alone")


def _row(*cells: str) -> str:
    """A line of CSV, with what cannot be seen escaped; a name that a spreadsheet takes for a formula gets
    an apostrophe.
    """
    out = io.StringIO()
    safe = [visible(f"'{cell}" if cell[:1] in ("=", "+", "-", "@") else cell) for cell in cells]
    csv.writer(out, lineterminator="\n").writerow(safe)
    return out.getvalue()
