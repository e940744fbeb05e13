"""Commands about what is stored: images, judgements, collections, common regions, statistics."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ..errors import ConfigError, NotFound
from .group import command, main, with_correlator
from .terminal import chain_text, complain, hit_lines, hub_lines, print_failure, print_result, say

if TYPE_CHECKING:
    from ..correlator import Correlator
    from ..records import ImageId

#: Source of the judgements that are made with these commands.
SOURCE = "command line"


@command("show", through_service=True)
@click.argument("name", metavar="ID")
@with_correlator
def show(name: str, engine: Correlator, as_json: bool) -> None:
    """Describe an image or a cluster.

    ID: an image id (at least 8 digits of it), an occurrence or a cluster id.
    """
    from ..answers import cluster_json
    from ..records import Cluster

    found = engine.show(name)
    line = cluster_json(found) if isinstance(found, Cluster) else found.to_json()
    print_result(line, *_lines(line), as_json=as_json)


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


@command("hits", through_service=True)
@click.argument("name", metavar="ID")
@with_correlator
def hits(name: str, engine: Correlator, as_json: bool) -> None:
    """Show stored verdicts.

    ID: an image id (at least 8 digits of it), an occurrence or a cluster id. No picture is needed.
    """
    lines = [hit.to_json() for hit in engine.hits(name)]
    for line in lines:
        print_result(line, *hit_lines(line), as_json=as_json)
    if not lines and not as_json:
        say(f"{name}: no matches and nothing to review")


@command("forget", through_service=True)
@click.argument("names", nargs=-1, metavar="ID...")
@click.option("--from", "listing", metavar="FILE", help="Also what this file names, one on each line.")
@click.option(
    "--purge", is_flag=True, help="Also rewrite the append-only file of the server, and wait for it."
)
@with_correlator
def forget(
    names: tuple[str, ...], listing: str | None, purge: bool, engine: Correlator, as_json: bool
) -> int:
    """Remove images and everything that refers to them.

    ID: an image id (at least 8 digits of it) or an occurrence. In a file, empty lines and lines that begin
    with # are skipped; a line that names nothing is told with its number, and the others are done.
    """
    from ..inputs import named_lines

    wanted = [(name, "") for name in names]
    if listing is not None:
        wanted += [(name, f"{listing}, line {number}: ") for number, name in named_lines(listing)]
    elif not names:
        raise ConfigError("nothing to forget: give an ID, or --from FILE")
    if listing is None and len(wanted) == 1:
        _print_forgotten(engine.forget(names[0], purge=purge).image_id, purged=purge, as_json=as_json)
        return 0
    failed, last = 0, len(wanted) - 1
    for at, (name, where) in enumerate(wanted):
        try:
            image_id = engine.forget(name, purge=purge and at == last).image_id
        except (NotFound, ConfigError) as error:
            failed += 1
            print_failure(type(error)(f"{where}{error}"), as_json=as_json)
            if purge and at == last:
                complain("nothing was purged: --purge comes with the last ID, which was not forgotten")
            continue
        _print_forgotten(image_id, purged=purge and at == last, as_json=as_json)
    return 1 if failed else 0


def _print_forgotten(image_id: ImageId, *, purged: bool, as_json: bool) -> None:
    note = "the append-only file was rewritten" if purged else "--purge also clears the append-only file"
    print_result(
        {"image_id": image_id, "status": "forgotten", "purged": purged},
        f"forgotten {image_id}; {note}",
        as_json=as_json,
    )


@command("veto", through_service=True)
@click.argument("a")
@click.argument("b")
@with_correlator
def veto(a: str, b: str, engine: Correlator, as_json: bool) -> None:
    """State that two images are not the same.

    This outranks every score and splits a cluster that had joined them. It stands until `quaid undo A B`.
    """
    engine.veto(a, b, source=SOURCE)
    print_result(
        {"a": a, "b": b, "status": "vetoed"}, f"vetoed: {a} and {b} are not the same", as_json=as_json
    )


@command("confirm", through_service=True)
@click.argument("a")
@click.argument("b")
@with_correlator
def confirm(a: str, b: str, engine: Correlator, as_json: bool) -> None:
    """State that two images show the same source picture.

    This outranks every score. It stands until `quaid undo A B`, or until a veto.
    """
    outcome = engine.confirm(a, b, source=SOURCE).value
    meaning = {
        "joined": "they are in one cluster now",
        "apart": "they were not joined, because a veto stands between their clusters",
    }.get(outcome, "one is a part of the other, which joins no cluster")
    print_result(
        {"a": a, "b": b, "status": "confirmed", "outcome": outcome},
        f"confirmed: {a} and {b} show the same picture; {meaning}",
        as_json=as_json,
    )


@command("undo", through_service=True)
@click.argument("a")
@click.argument("b")
@with_correlator
def undo(a: str, b: str, engine: Correlator, as_json: bool) -> None:
    """Take back a judgement about two images.

    The scores decide about them again.
    """
    from ..answers import timestamp

    judgement = engine.undo(a, b)
    line = {
        "a": a,
        "b": b,
        "status": "undone",
        "word": judgement.word.value,
        "who": judgement.who,
        "when": timestamp(judgement.when),
        "source": judgement.source,
    }
    print_result(line, f"undone: {a} and {b} were judged {judgement.word.value!r}", as_json=as_json)


@main.group()
def collection() -> None:
    """Named sets of pictures, each with a purpose."""


@command("create", group=collection, through_service=True)
@click.argument("name")
@click.option("--purpose", required=True, type=click.Choice(["known", "baseline", "ignore"]))
@with_correlator
def create(name: str, purpose: str, engine: Correlator, as_json: bool) -> None:
    """Create a collection.

    Purposes: known (pictures to recognise), baseline (legitimate pages), ignore (pictures that are never
    hits).
    """
    made = engine.create_collection(name, purpose)
    print_result(
        {"name": made.name, "purpose": made.purpose.value},
        f"collection {made.name}: {made.purpose.value}",
        as_json=as_json,
    )


@command("list", group=collection, through_service=True)
@with_correlator
def list_collections(engine: Correlator, as_json: bool) -> None:
    """List the collections with their purposes and sizes."""
    lines = [
        {"name": c.name, "purpose": c.purpose.value, "images": engine.collection_size(c.name)}
        for c in engine.collections()
    ]
    for line in lines:
        print_result(line, f"{line['name']}: {line['purpose']}, {line['images']} images", as_json=as_json)


@command("hubs", through_service=True)
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
@with_correlator
def hubs(ignored: tuple[str, ...], collection: str, engine: Correlator, as_json: bool) -> None:
    """List what is too common to be evidence.

    These are regions and clusters that are found in a large share of all pictures. Such a region alone
    produces no matches.
    """
    lines = [
        {"id": name, "collection": collection, "images": list(engine.ignore(name, collection=collection))}
        for name in ignored
    ]
    found = [] if ignored else [hub.to_json() for hub in engine.hubs()]
    for line in lines:
        text = f"ignored: {line['id']} ({len(line['images'])} images, in collection {collection})"
        print_result(line, text, as_json=as_json)
    for hub in found:
        print_result(hub, *hub_lines(hub), as_json=as_json)
    if not lines and not found and not as_json:
        say("no region and no cluster is found in a large share of the pictures")


@command("chains", through_service=True)
@with_correlator
def chains(engine: Correlator, as_json: bool) -> None:
    """List clusters that matches connect and that were not joined.

    A picture joins a cluster only if it matches the picture that represents it. To join two clusters all the
    same: quaid confirm A B.
    """
    lines = [chain.to_json() for chain in engine.chains()]
    for line in lines:
        print_result(line, chain_text(line), as_json=as_json)
    if not lines and not as_json:
        say("no chains: pictures that match as a whole are in one cluster")


@command("stats", through_service=True)
@with_correlator
def stats(engine: Correlator, as_json: bool) -> None:
    """Show contents and size of the store."""
    line = engine.stats().to_json()
    lines = [
        f"{key:<20} {value:,}" if isinstance(value, int) else f"{key:<20} {value}"
        for key, value in line.items()
    ]
    print_result(line, *lines, as_json=as_json)
