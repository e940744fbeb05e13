"""`quaid reextract`: renews records that older rules made, where the pictures' bytes can still be had."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import click

from .group import command, with_engine
from .terminal import complain, json_line, progress_of, say

if TYPE_CHECKING:
    from ..engine import Engine


@command("reextract")
@click.option(
    "--limit",
    type=click.IntRange(1),
    metavar="N",
    help="Maximum number of images that get a new record in this run; the next run goes on there.",
)
@click.option("--dry-run", is_flag=True, help="Only show which images are outdated; read no picture.")
@with_engine
def reextract(limit: int | None, dry_run: bool, engine: Engine, as_json: bool) -> int:
    """Extract outdated images again.

    An image is outdated if an earlier version computed its features in another way, or decoded its kind of
    picture otherwise. Its bytes are read from where it was seen: from its file, from the MISP that MISP_URL
    and MISP_KEY name, and from the AIL in AIL_HOME. It can be interrupted and run again.

    Exit status: 0 all done; 1 the bytes of some images cannot be had or decoded; these stay as they are.
    """
    from ..sources import Sources

    counts: Counter[str] = Counter()
    tell = progress_of(engine.count(), "extracting again")
    sources = Sources(engine.config.max_bytes)
    for outcome in engine.reextract(sources.read, limit=limit, dry_run=dry_run, tell=tell):
        line = outcome.to_json()
        counts[line["status"]] += 1
        if as_json:
            json_line(line)
        else:
            _show(line)
    if not as_json:
        say(_summary(counts, limit))
    return 1 if counts["unreachable"] or counts["failed"] else 0


def _show(line: dict[str, Any]) -> None:
    text = f"{line['status']:<12} {line['image_id'][:12]}"
    if "error" in line:
        complain(f"{text}  {line['error']['message']}")
    else:
        say(f"{text}  {', '.join(line['outdated'])}".rstrip())


def _summary(counts: Counter[str], limit: int | None) -> str:
    words = {"unchanged": "checked and unchanged", "failed": "failed"}
    told = ", ".join(f"{count:,} {words.get(status, status)}" for status, count in counts.items())
    if limit is not None and counts["renewed"] + counts["unchanged"] >= limit:
        told += f"; --limit {limit} ended the run, and the next run goes on there"
    return told or "no image is outdated"
