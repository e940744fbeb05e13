"""Commands about hash lists: export, import, lists, withdraw, remove."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ..errors import ConfigError
from .group import command, main, with_engine
from .terminal import print_failure, print_result, say

if TYPE_CHECKING:
    from ..engine import Engine
    from ..lists.lines import Numbered

_FORMAT = click.option(
    "--format",
    "form",
    type=click.Choice(["ndjson", "pdq", "csv", "misp", "vic"]),
    help="Format of the file; default: by its suffix (.ndjson, .csv), else pdq. vic is only read.",
)


@main.group("list")
def hash_list() -> None:
    """Hash lists: what is shared of pictures without the pictures."""


@command("import", group=hash_list)
@click.argument("path", metavar="FILE")
@click.option(
    "--collection", required=True, metavar="NAME", help="Collection of purpose known that it belongs to."
)
@click.option("--name", metavar="LIST", help="Name of the list; default: that in the file, or of the file.")
@_FORMAT
@click.option("--replace", is_flag=True, help="Withdraw the entries that the file does not have.")
@with_engine
def import_list(
    path: str,
    collection: str,
    name: str | None,
    form: str | None,
    replace: bool,
    engine: Engine,
    as_json: bool,
) -> int:
    """Compare queries with the entries of a file from now on.

    A query near an entry is at most a review. The same file may be imported again.
    """

    def refuse(line: Numbered) -> None:
        print_failure(ConfigError(f"{path}, line {line.number}: {line.problem}"), as_json=as_json)

    report = engine.import_list(
        path, collection=collection, name=name, format=form, replace=replace, refuse=refuse
    )
    counts = {status.value: count for status, count in report.counts.items()}
    text = ", ".join(f"{count:,} {status}" for status, count in sorted(counts.items())) or "no entries"
    refused = f", {report.refused:,} refused" if report.refused else ""
    line = {"list": report.name, "collection": collection, "counts": counts, "refused": report.refused}
    print_result(line, f"list {report.name}: {text}{refused}", as_json=as_json)
    return 1 if report.refused else 0


@command("export", group=hash_list)
@click.argument("path", metavar="FILE")
@click.option("--collection", required=True, metavar="NAME", help="Collection whose pictures are written.")
@click.option("--name", metavar="LIST", help="Name of the list; default: that of the collection.")
@_FORMAT
@click.option("--tlp", default="", metavar="tlp:amber", help="Traffic light, noted in the file.")
@click.option("--previous", metavar="OLD", help="Earlier export, whose entries that are gone are withdrawn.")
@with_engine
def export_list(
    path: str,
    collection: str,
    name: str | None,
    form: str | None,
    tlp: str,
    previous: str | None,
    engine: Engine,
    as_json: bool,
) -> None:
    """Write the hashes and labels of a collection to a new file.

    Pictures whose PDQ quality is below 50 are left out. No thumbnails and no keypoints are written.
    """
    report = engine.export_list(
        path, collection=collection, name=name, format=form, tlp=tlp, previous=previous
    )
    line = {
        "path": path,
        "entries": report.entries,
        "withdrawn": report.withdrawn,
        "left_out": report.left_out,
    }
    text = f"{path}: {report.entries:,} entries, {report.withdrawn:,} withdrawn, {report.left_out:,} left out"
    print_result(line, text, as_json=as_json)


@command("lists", group=hash_list)
@with_engine
def lists(engine: Engine, as_json: bool) -> None:
    """List the hash lists with their collections and sizes."""
    from datetime import datetime, timezone

    from ..listed import timestamp

    found = engine.hash_lists()
    for name, about in found.items():
        imported = timestamp(datetime.fromtimestamp(about.imported, timezone.utc))
        line = {
            "list": name,
            "collection": about.collection,
            "tlp": about.tlp,
            "entries": about.entries,
            "imported": imported,
        }
        text = f"{name}: {about.entries:,} entries, collection {about.collection}, imported {imported}"
        print_result(line, text, as_json=as_json)
    if not found and not as_json:
        say("no hash lists")


@command("withdraw", group=hash_list)
@click.argument("name", metavar="LIST")
@click.argument("ids", nargs=-1, required=True, metavar="ENTRY...")
@with_engine
def withdraw(name: str, ids: tuple[str, ...], engine: Engine, as_json: bool) -> None:
    """Withdraw entries of a list.

    The next answer does not have them, and an older copy of the list does not bring them back.
    """
    for entry_id, status in zip(ids, engine.withdraw_entries(name, ids), strict=True):
        line = {"list": name, "entry_id": entry_id, "status": status.value}
        print_result(line, f"{status.value} {entry_id}", as_json=as_json)


@command("remove", group=hash_list)
@click.argument("name", metavar="LIST")
@with_engine
def remove(name: str, engine: Engine, as_json: bool) -> None:
    """Remove a list with all its entries."""
    engine.remove_list(name)
    print_result({"list": name, "status": "removed"}, f"removed list {name}", as_json=as_json)
