"""Commands about stored images: show, hits, forget, and what people say about pairs."""

from __future__ import annotations

from typing import Any

import click

from .group import command, open_engine
from .terminal import hit_text, print_result, say


@command("show")
@click.argument("name", metavar="ID")
def show(name: str, store: str | None, as_json: bool) -> None:
    """Show everything that is known about an image, or the members of a cluster.

    ID: an image id (at least 8 digits of it), an occurrence or a cluster id.
    """
    from ..answers import cluster_json
    from ..records import Cluster

    with open_engine(store) as engine:
        found = engine.show(name)
    line = cluster_json(found) if isinstance(found, Cluster) else found.to_json()
    print_result(line, "\n".join(_lines(line)), as_json=as_json)


def _lines(description: dict[str, Any]) -> list[str]:
    """One line for each key, and for lists one for each item."""
    lines = []
    for key, value in description.items():
        if not isinstance(value, list):
            lines.append(f"{key}: {value}")
            continue
        lines.append(f"{key}:" if value else f"{key}: none")
        for item in value:
            text = item if isinstance(item, str) else ", ".join(f"{k} {v}" for k, v in item.items())
            lines.append(f"  {text}")
    return lines


@command("hits")
@click.argument("name", metavar="ID")
def hits(name: str, store: str | None, as_json: bool) -> None:
    """Show the stored verdicts about an image or the members of a cluster. No picture is needed."""
    with open_engine(store) as engine:
        lines = [hit.to_json() for hit in engine.hits(name)]
    for line in lines:
        print_result(line, hit_text(line), as_json=as_json)
    if not lines and not as_json:
        say(f"{name}: no matches and nothing to review")


@command("forget")
@click.argument("name", metavar="ID")
@click.option(
    "--purge", is_flag=True, help="Also rewrite the append-only file of the server, and wait for it."
)
def forget(name: str, purge: bool, store: str | None, as_json: bool) -> None:
    """Remove an image and everything that refers to it."""
    with open_engine(store) as engine:
        image_id = engine.forget(name, purge=purge).image_id
    note = "the append-only file was rewritten" if purge else "--purge also clears the append-only file"
    print_result(
        {"image_id": image_id, "status": "forgotten", "purged": purge},
        f"forgotten {image_id}; {note}",
        as_json=as_json,
    )


@command("veto")
@click.argument("a")
@click.argument("b")
def veto(a: str, b: str, store: str | None, as_json: bool) -> None:
    """State that two images are not the same.

    This outranks every score, and splits a cluster that had joined them.
    """
    with open_engine(store) as engine:
        engine.veto(a, b)
    print_result(
        {"a": a, "b": b, "status": "vetoed"}, f"vetoed: {a} and {b} are not the same", as_json=as_json
    )


@command("confirm")
@click.argument("a")
@click.argument("b")
def confirm(a: str, b: str, store: str | None, as_json: bool) -> None:
    """State that two images show the same source picture.

    This outranks every score, until a veto.
    """
    with open_engine(store) as engine:
        outcome = engine.confirm(a, b).value
    meaning = {
        "joined": "they are in one cluster now",
        "apart": "they were not joined, because a veto stands between their clusters",
    }.get(outcome, "one is a part of the other, which joins no cluster")
    print_result(
        {"a": a, "b": b, "status": "confirmed", "outcome": outcome},
        f"confirmed: {a} and {b} show the same picture; {meaning}",
        as_json=as_json,
    )
