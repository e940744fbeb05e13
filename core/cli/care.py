"""Commands about the care of a store: backup, restore, retention."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING

import click

from .durations import time_span
from .group import command, with_engine
from .stored import collection
from .terminal import complain, print_result

if TYPE_CHECKING:
    from ..engine import Engine


@command("backup")
@click.argument("path", metavar="FILE")
@with_engine
def backup(path: str, engine: Engine, as_json: bool) -> int:
    """Copy the whole store to a new file, while others go on working.

    Only its owner may read the file. The keys of the service are not in it.
    """
    report = engine.backup(path)
    line = {"path": path, "images": report.images, "bytes": report.bytes, "sha256": report.sha256}
    text = f"{path}: {report.images:,} images, {report.bytes:,} bytes"
    print_result(line | {"problems": list(report.problems)}, text, as_json=as_json)
    for problem in report.problems:
        complain(f"left out: {problem}")
    return 1 if report.problems else 0


@command("restore")
@click.argument("path", metavar="FILE")
@with_engine
def restore(path: str, engine: Engine, as_json: bool) -> int:
    """Bring back from a backup what the store lacks.

    Images that the store has stay as they are; those that were forgotten since the backup do not come back.
    Run it again if it was interrupted.
    """
    report = engine.restore(path)
    problems = [*report.problems, *(f"{one}; {one.remedy}" for one in report.left)]
    line = {
        "path": path,
        "restored": report.restored,
        "known": report.known,
        "forgotten": report.forgotten,
        "problems": problems,
    }
    text = (
        f"{path}: {report.restored:,} images restored, {report.known:,} known, {report.forgotten:,}"
        " forgotten since"
    )
    print_result(line, text, as_json=as_json)
    for problem in problems:
        complain(problem)
    return 1 if problems else 0


@command("retain", group=collection)
@click.argument("name")
@click.option(
    "--keep", required=True, metavar="365d", help="For how long after they were last seen: 12h, 365d."
)
@click.option("--dry-run", is_flag=True, help="Only say which pictures would leave.")
@with_engine
def retain(name: str, keep: str, dry_run: bool, engine: Engine, as_json: bool) -> None:
    """Remove from a collection what was not seen for long.

    A picture that a host such as MISP or AIL still shows stays. One that is in no other collection is
    forgotten.
    """
    left = forgotten = 0
    for expired in engine.retain(
        name, before=datetime.now(timezone.utc) - time_span("--keep", keep), dry_run=dry_run
    ):
        left, forgotten = left + 1, forgotten + expired.forgotten
        status = "forgotten" if expired.forgotten else "left"
        if as_json:
            line = {"image_id": expired.image_id, "collection": name, "status": status, "dry_run": dry_run}
            print_result(line, as_json=True)
    if not as_json:
        would = "would leave" if dry_run else "left"
        text = f"{name}: {left:,} images {would}, {forgotten:,} of them forgotten"
        print_result({}, text, as_json=False)
