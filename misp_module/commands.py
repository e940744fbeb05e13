"""The commands `quaid misp ...`, which `quaid` finds through the entry-point group `douglas_quaid.commands`.

Importing this file loads nothing heavy.
"""

from pathlib import Path
from typing import Any

import click

from douglas_quaid.cli.group import command
from douglas_quaid.cli.terminal import print_result, say, show_text

from .attributes import FILE_TYPES


@click.group(name="misp", context_settings={"help_option_names": ["-h", "--help"]})
def misp() -> None:
    """Module for MISP, and sync of its images."""


@misp.command("module-path")
def module_path() -> None:
    """Print the folder to pass to `misp-modules -c`."""
    say(str(Path(__file__).resolve().parent))


@misp.group("template")
def template() -> None:
    """The object template, which MISP needs to edit saved results."""


@template.command("show")
def template_show() -> None:
    """Print the template in the JSON form of misp-objects."""
    from .template import template_text

    show_text(template_text())


@command("install", group=template)
@click.argument("folder", type=click.Path(exists=True, file_okay=False))
def template_install(folder: str, store: str | None, as_json: bool) -> None:
    """Write the template into a MISP on this machine; FOLDER: that of MISP, or of its object templates.

    Prints the command that makes MISP read it.
    """
    from .template import DEFINITION, TEMPLATE, install, next_command, objects_folder

    objects = objects_folder(folder)
    status, then = install(objects), next_command(objects)
    path = str(objects / TEMPLATE / DEFINITION)
    line = {"template": TEMPLATE, "path": path, "status": status, "next": then}
    print_result(line, f"{status:<8} {path}", f"Now let MISP read it: {then}", as_json=as_json)


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
    help="File of trusted certificates. Certificates are always verified.",
)
@click.option(
    "--tag",
    "tags",
    multiple=True,
    metavar="TAG",
    help="Read only attributes with this tag, or whose event has it; !TAG excludes."
    " May be repeated: any of the tags, none of the excluded ones.",
)
@click.option(
    "--org", metavar="ORG", help="Read only events of this creator (name, id or UUID); !ORG excludes it."
)
@click.option(
    "--published/--all",
    default=False,
    help="Read only published events, or drafts too (default: an event that was edited or enriched"
    " is a draft again).",
)
@click.option(
    "--distribution",
    "distribution",
    multiple=True,
    type=click.IntRange(0, 4),
    metavar="0..4",
    help="Read only attributes whose own level and those of object and event are all allowed."
    " May be repeated.",
)
@click.option(
    "--type",
    "types",
    multiple=True,
    type=click.Choice(FILE_TYPES),
    help="Read only this attribute type. May be repeated; default: both.",
)
@click.option("--event", metavar="ID|UUID", help="Read only this event.")
@click.option(
    "--since",
    metavar="WHEN",
    help="Read what changed since then instead of since the last pass:"
    " 2026-11-01, 2026-11-01T12:00Z, 36h, 7d.",
)
@click.option(
    "--into",
    metavar="NAME",
    help="Add the pictures of the given event or tag to this collection, which is created as a baseline"
    " if it does not exist. Their labels brand, domain and page come from comments and tags.",
)
@click.option("--no-names", is_flag=True, help="Do not store file names and event titles.")
@click.option("--no-link", is_flag=True, help="Store only; a later pass searches for matches.")
@click.option(
    "--no-feedback",
    is_flag=True,
    help='Do not turn the tags false-positive:* and workflow:state="rejected" into vetoes.',
)
@click.option(
    "--accept",
    is_flag=True,
    help="Undo the vetoes of removed tags even if more than 20 were removed since the last pass.",
)
@click.option(
    "--relationships",
    is_flag=True,
    help="Write matches between attributes of different events to MISP, as relationships that only"
    " your organisation sees.",
)
@click.option(
    "--prune",
    is_flag=True,
    help="Read everything, and withdraw what MISP no longer has or what no longer passes the filters.",
)
@click.option(
    "--watch",
    type=click.IntRange(1),
    metavar="SECONDS",
    help="Repeat passes with this pause between them, until SIGINT or SIGTERM.",
)
@click.option(
    "--page-size",
    default=500,
    show_default=True,
    type=click.IntRange(1, 10_000),
    metavar="N",
    help="Number of attributes in one listing.",
)
@click.option(
    "--dry-run", is_flag=True, help="Print what would be done; write nothing to store, bookmark or MISP."
)
def sync(**options: Any) -> int:
    """Index and link the images of a MISP.

    A pass follows new, changed and deleted images, and reads the feedback of analysts.

    Exit status: 0 all done; 1 an attribute failed or waits for the next pass; 2 wrong options, or MISP
    refuses.
    """
    try:
        from .sync.command import run
    except ImportError as error:
        raise click.ClickException(f"{error.name} is missing; install it with: pip install pymisp") from None
    return run(**options)
