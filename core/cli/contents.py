"""Commands about what a store contains: collections, common regions, statistics."""

from __future__ import annotations

import click

from .group import command, main, open_engine
from .terminal import hub_text, print_result, say


@main.group()
def collection() -> None:
    """Named sets of pictures, each with a purpose."""


@command("create", group=collection)
@click.argument("name")
@click.option("--purpose", required=True, type=click.Choice(["known", "baseline", "ignore"]))
def create(name: str, purpose: str, store: str | None, as_json: bool) -> None:
    """Create a collection.

    Purposes: known (pictures to recognise), baseline (legitimate pages), ignore (pictures that are never
    hits).
    """
    with open_engine(store) as engine:
        made = engine.create_collection(name, purpose)
    print_result(
        {"name": made.name, "purpose": made.purpose.value},
        f"collection {made.name}: {made.purpose.value}",
        as_json=as_json,
    )


@command("list", group=collection)
def list_collections(store: str | None, as_json: bool) -> None:
    """List the collections with their purposes and sizes."""
    with open_engine(store) as engine:
        lines = [
            {"name": c.name, "purpose": c.purpose.value, "images": engine.collection_size(c.name)}
            for c in engine.collections()
        ]
    for line in lines:
        print_result(line, f"{line['name']}: {line['purpose']}, {line['images']} images", as_json=as_json)


@command("hubs")
@click.option(
    "--ignore",
    "ignored",
    multiple=True,
    metavar="ID",
    help="Add this image, or all images of this cluster, to a collection of purpose ignore.",
)
@click.option(
    "--collection",
    default="ignored",
    show_default=True,
    metavar="NAME",
    help="Collection for --ignore; it is created if it does not exist.",
)
def hubs(ignored: tuple[str, ...], collection: str, store: str | None, as_json: bool) -> None:
    """List regions and clusters that are found in a large share of all pictures.

    A common region is too common to be evidence, so it produces no matches.
    """
    with open_engine(store) as engine:
        lines = [
            {"id": name, "collection": collection, "images": list(engine.ignore(name, collection=collection))}
            for name in ignored
        ]
        found = [] if ignored else [hub.to_json() for hub in engine.hubs()]
    for line in lines:
        text = f"ignored: {line['id']} ({len(line['images'])} images, in collection {collection})"
        print_result(line, text, as_json=as_json)
    for hub in found:
        print_result(hub, hub_text(hub), as_json=as_json)
    if not lines and not found and not as_json:
        say("no region and no cluster is found in a large share of the pictures")


@command("stats")
def stats(store: str | None, as_json: bool) -> None:
    """Show what the store holds, and what it costs."""
    with open_engine(store) as engine:
        line = engine.stats().to_json()
    text = "\n".join(
        f"{key:<20} {value:,}" if isinstance(value, int) else f"{key:<20} {value}"
        for key, value in line.items()
    )
    print_result(line, text, as_json=as_json)
