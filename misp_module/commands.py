"""The commands `quaid misp ...`; found by `quaid` through the entry-point group `douglas_quaid.commands`.
Loads nothing heavy.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from douglas_quaid.cli.main import command


@click.group(name="misp", context_settings={"help_option_names": ["-h", "--help"]})
def misp() -> None:
    """MISP: the module for misp-modules, and the images that an instance holds."""


@misp.command("module-path")
def module_path() -> None:
    """Print the folder for `misp-modules -c`."""
    click.echo(Path(__file__).resolve().parent)


@command("sync", group=misp)
@click.option(
    "--url", envvar="MISP_URL", required=True, metavar="URL", help="Base URL of the MISP; default: $MISP_URL."
)
@click.option(
    "--key-file",
    type=click.Path(dir_okay=False),
    metavar="FILE",
    help="File with the key of a MISP user; default: the key in $MISP_KEY.",
)
@click.option(
    "--ca-bundle",
    type=click.Path(dir_okay=False),
    metavar="FILE",
    help="Certificates to trust; they are always verified.",
)
@click.option(
    "--tag",
    "tags",
    multiple=True,
    metavar="TAG",
    help="Only with this tag on attribute or event; !TAG excludes. Repeatable: any of them, none of the excluded.",
)
@click.option(
    "--org", metavar="ORG", help="Only of this creator organisation (name, id or UUID); !ORG excludes."
)
@click.option(
    "--published/--all",
    default=False,
    help="Only of published events, or of drafts too (default: an event that is edited or enriched is a draft again).",
)
@click.option(
    "--distribution",
    "distribution",
    multiple=True,
    type=click.IntRange(0, 4),
    metavar="0..4",
    help="Only if event, object and attribute all allow it. Repeatable.",
)
@click.option(
    "--type",
    "types",
    multiple=True,
    type=click.Choice(["attachment", "malware-sample"]),
    help="Only this type. Repeatable; default: both.",
)
@click.option("--event", metavar="ID|UUID", help="Only of this event.")
@click.option(
    "--since",
    metavar="WHEN",
    help="Read what changed since then instead of since the last pass: 2026-11-01, 2026-11-01T12:00Z, 36h, 7d.",
)
@click.option(
    "--into",
    metavar="NAME",
    help="Fill this collection (made as a baseline if there is none) from the event or tag given; labels brand, domain from comments and tags.",
)
@click.option("--no-names", is_flag=True, help="Keep file names and event titles out of the store.")
@click.option("--no-link", is_flag=True, help="Store only; do not search for matches now.")
@click.option(
    "--no-feedback",
    is_flag=True,
    help='Make no vetoes of the tags false-positive:* and workflow:state="rejected".',
)
@click.option(
    "--relationships",
    is_flag=True,
    help="Write matches between attributes of different events to MISP, as relationships for your organisation.",
)
@click.option(
    "--prune",
    is_flag=True,
    help="Read all, and withdraw what MISP no longer has or the filters no longer want.",
)
@click.option(
    "--watch",
    type=click.IntRange(1),
    metavar="SECONDS",
    help="Pass after pass, with this pause between; ends at SIGINT or SIGTERM.",
)
@click.option(
    "--page-size",
    default=500,
    show_default=True,
    type=click.IntRange(1, 10_000),
    metavar="N",
    help="Attributes in one listing.",
)
@click.option(
    "--dry-run", is_flag=True, help="Say what would be done; write nothing to store, bookmark or MISP."
)
def sync(**options: Any) -> int:
    """Index and link the images that a MISP holds: new, changed, deleted ones, and its analysts' feedback."""
    try:
        from .sync.command import run
    except ImportError as error:
        raise click.ClickException(f"{error.name} is missing; install it with: pip install pymisp") from None
    return run(**options)
