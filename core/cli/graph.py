"""The command `quaid graph`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from .group import command, with_engine
from .terminal import write_pieces

if TYPE_CHECKING:
    from ..engine import Engine

#: Stands in `--names` for where each image was seen last.
OCCURRENCE = "occurrence"


@command("graph")
@click.option(
    "--format",
    "form",
    default="visjs",
    show_default=True,
    type=click.Choice(["visjs", "graphml", "cytoscape"]),
)
@click.option(
    "--names",
    metavar="FILE",
    help="JSON object of image ids and names, either way round; or `occurrence`: where it was seen last.",
)
@click.option("--cluster", metavar="ID", help="This cluster only.")
@with_engine
def graph(form: str, names: str | None, cluster: str | None, engine: Engine, as_json: bool) -> None:
    """Print clusters and images as a graph for other tools.

    visjs is what the first Douglas-Quaid dumped, for vis-network. The store is read while it is printed.
    """
    from ..graph.walk import names_in

    known = (
        None if names is None else engine.occurrences_as_names() if names == OCCURRENCE else names_in(names)
    )
    write_pieces(engine.graph(form, names=known, cluster=cluster))
