"""The command `quaid`: one command for each verb of `Engine`. `quaid --help` loads nothing heavy.

Exit status: 0 all done; 1 some inputs failed, each with its line, and the rest were done; 2 wrong usage or
configuration.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from functools import wraps
from importlib.metadata import entry_points, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import ConfigError, DouglasQuaidError, StoreError
from .calibrate import calibrate
from .evaluate import evaluate
from .terminal import complain, decision_text, error_json, hit_text, hub_text, json_line, say, with_progress

if TYPE_CHECKING:
    from ..engine import Engine
    from ..inputs import Input

Printer = Callable[[dict[str, Any]], None]


class Commands(click.Group):
    """Our commands, and those that installed adapters bring through the entry-point group
    `douglas_quaid.commands`.
    """

    def list_commands(self, context: click.Context) -> list[str]:
        return sorted(
            {
                *super().list_commands(context),
                *(point.name for point in entry_points(group="douglas_quaid.commands")),
            }
        )

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        own = super().get_command(context, name)
        if own is not None:
            return own
        found = entry_points(group="douglas_quaid.commands", name=name)
        command = next(iter(found)).load() if found else None
        return command if isinstance(command, click.Command) else None


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(version("douglas-quaid"), prog_name="quaid")
def main() -> None:
    """Have we seen this picture, or a piece of it, before, and how sure are we?"""


def command(name: str, *, group: click.Group = main) -> Callable[[Callable[..., int | None]], click.Command]:
    """A command with --store and --json, whose errors become one line and an exit status."""

    def wrap(function: Callable[..., int | None]) -> click.Command:
        @wraps(function)
        def run(*, store: str | None, as_json: bool, **options: Any) -> None:
            try:
                status = function(store=store, as_json=as_json, **options)
            except DouglasQuaidError as error:
                if as_json:
                    json_line(error_json(error))
                complain(f"{type(error).__name__}: {error}")
                sys.exit(2 if isinstance(error, ConfigError) else 1)
            sys.exit(status or 0)

        store = click.option(
            "--store",
            metavar="URL",
            help="Feature store: embedded: (default), embedded:PATH, redis://, rediss://, unix://, redis+cluster://.",
        )
        as_json = click.option(
            "--json",
            "as_json",
            is_flag=True,
            help="One JSON object a line, and nothing else on standard output.",
        )
        return group.command(name)(store(as_json(run)))

    return wrap


def _open(store: str | None) -> Engine:
    from ..engine import Engine

    return Engine.open(store)


def _each(
    engine: Engine,
    inputs: list[Input],
    work: Callable[[Input, bytes], dict[str, Any]],
    label: str,
    show: Printer,
) -> int:
    """Do `work` for every input on all cores, and show each line; a broken picture fails alone, a store that
    is away ends it all.
    """
    from ..batches import in_parallel

    def one(item: Input) -> dict[str, Any]:
        try:
            return {"path": item.path} | work(item, item.read(engine.config.max_bytes))
        except (StoreError, ConfigError):
            raise
        except DouglasQuaidError as error:
            return {"path": item.path} | error_json(error)

    failed = 0
    for line in with_progress(in_parallel(one, inputs, engine.config.threads), len(inputs), label):
        failed += "error" in line
        show(line)
    if failed:
        complain(f"{failed} of {len(inputs)} failed")
    return 1 if failed else 0


def _labels(_: click.Context, __: click.Parameter, pairs: tuple[str, ...]) -> dict[str, str]:
    labels = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not key or not equals:
            raise click.BadParameter(f"{pair!r}: expected KEY=VALUE")
        labels[key] = value
    return labels


PATHS = click.argument("paths", nargs=-1, required=True, metavar="PATH...")


@command("add")
@PATHS
@click.option("--collection", metavar="NAME", help="Make the pictures members of this collection.")
@click.option(
    "--label",
    "labels",
    multiple=True,
    metavar="KEY=VALUE",
    callback=_labels,
    help="Label of the membership, or else of the occurrence.",
)
@click.option("--occurrence", metavar="HOST:KIND:ID", help="Where the picture was seen; default: its path.")
@click.option("--no-link", is_flag=True, help="Store only; do not search for matches now.")
def add(
    paths: tuple[str, ...],
    collection: str | None,
    labels: dict[str, str],
    occurrence: str | None,
    no_link: bool,
    store: str | None,
    as_json: bool,
) -> int:
    """Add pictures: files, folders (walked), or - for standard input. Known files are skipped without
    decoding.
    """
    from ..inputs import find_inputs

    inputs = find_inputs(paths)
    if occurrence is not None and len(inputs) > 1:
        raise ConfigError(
            f"--occurrence names one place, and there are {len(inputs)} pictures; add them one by one"
        )
    with _open(store) as engine:

        def work(item: Input, data: bytes) -> dict[str, Any]:
            place = occurrence or item.occurrence
            return engine.add(
                data, occurrence=place, labels=labels, collection=collection, link=not no_link, name=item.path
            ).to_json()

        return _each(engine, inputs, work, "adding", json_line if as_json else _show_added)


def _show_added(line: dict[str, Any]) -> None:
    if "error" in line:
        complain(f"failed   {line['path']}: {line['error']['message']}")
        return
    notes = [] if line["informative"] else ["blank"]
    notes += [f"cluster {line['cluster'][:12]}"] if line["cluster"] else []
    say(
        f"{line['status']:<8} {line['image_id'][:12]}  {line['path']}"
        + (f"  ({', '.join(notes)})" if notes else "")
    )


@command("query")
@PATHS
@click.option(
    "--limit", default=10, show_default=True, type=click.IntRange(1), metavar="N", help="Most hits a picture."
)
@click.option("--collection", metavar="NAME", help="Search the members of this collection only.")
@click.option(
    "--min-decision",
    default="review",
    show_default=True,
    type=click.Choice(["match", "review", "no-match"]),
    help="Least decision of a hit.",
)
@click.option(
    "--include-same-template", is_flag=True, help="List pages of the same layout with other content too."
)
def query(
    paths: tuple[str, ...],
    limit: int,
    collection: str | None,
    min_decision: str,
    include_same_template: bool,
    store: str | None,
    as_json: bool,
) -> int:
    """Ask whether pictures, or pieces of them, were seen before. Nothing is stored."""
    from ..inputs import find_inputs

    with _open(store) as engine:

        def work(item: Input, data: bytes) -> dict[str, Any]:
            return engine.query(
                data,
                limit=limit,
                collection=collection,
                min_decision=min_decision,
                include_same_template=include_same_template,
                name=item.path,
            ).to_json()

        return _each(engine, find_inputs(paths), work, "asking", json_line if as_json else _show_answer)


def _show_answer(line: dict[str, Any]) -> None:
    if "error" in line:
        complain(f"{line['path']}: {line['error']['message']}")
        return
    notes = [f"{line['images_searched']} images", f"{line['seconds']:.3f} s"]
    notes += [] if line["informative"] else ["blank: only its own bytes and pixels are searched"]
    notes += [] if line["frames"] == 1 else [f"first of {line['frames']} frames"]
    notes += [] if line["complete"] else ["cut short by the deadline"]
    say(f"{line['path']}: {decision_text(line['decision'])}  ({', '.join(notes)})")
    for hit in line["hits"]:
        say(hit_text(hit))


@command("compare")
@click.argument("a")
@click.argument("b")
@click.option(
    "--overlay",
    type=click.Path(dir_okay=False, writable=True),
    metavar="OUT.png",
    help="Draw both pictures with matched region and inliers.",
)
def compare(a: str, b: str, overlay: str | None, store: str | None, as_json: bool) -> None:
    """Judge one pair, measuring everything. A, B: a path, an image id or an occurrence."""
    with _open(store) as engine:
        sides = [_side(engine, name) for name in (a, b)]
        hit = engine.compare(*sides).to_json()
        if overlay:
            Path(overlay).write_bytes(engine.overlay(*sides))
        if as_json:
            json_line({"a": a, "b": b} | hit)
            return
        say(hit_text(hit))
        for key, value in hit["evidence"].items():
            say(f"    {key:<20} {'not measured' if value is None else value}")
        if overlay:
            say(f"  drawn in {overlay}")


def _side(engine: Engine, name: str) -> bytes | str:
    from ..inputs import Input

    return Input(name).read(engine.config.max_bytes) if name == "-" or os.path.isfile(name) else name


@command("show")
@click.argument("name", metavar="ID")
def show(name: str, store: str | None, as_json: bool) -> None:
    """All that is known about an image, or the members of a cluster. ID: image id (8 digits or more),
    occurrence or cluster id.
    """
    from ..answers import cluster_json
    from ..records import Cluster

    with _open(store) as engine:
        found = engine.show(name)
        line = cluster_json(found) if isinstance(found, Cluster) else found.to_json()
    if as_json:
        json_line(line)
        return
    for key, value in line.items():
        if isinstance(value, list):
            say(f"{key}:" if value else f"{key}: none")
            for item in value:
                say(
                    f"  {item}"
                    if isinstance(item, str)
                    else "  " + ", ".join(f"{k} {v}" for k, v in item.items())
                )
        else:
            say(f"{key}: {value}")


@command("hits")
@click.argument("name", metavar="ID")
def hits(name: str, store: str | None, as_json: bool) -> None:
    """Stored verdicts about an image or the members of a cluster; no picture is needed."""
    with _open(store) as engine:
        lines = [hit.to_json() for hit in engine.hits(name)]
    for line in lines:
        if as_json:
            json_line(line)
        else:
            say(hit_text(line))
    if not lines and not as_json:
        say(f"{name}: no matches and nothing to review")


@command("forget")
@click.argument("name", metavar="ID")
@click.option("--purge", is_flag=True, help="Also rewrite the server's append-only file, and wait for that.")
def forget(name: str, purge: bool, store: str | None, as_json: bool) -> None:
    """Remove an image and everything that names it."""
    with _open(store) as engine:
        image_id = engine.forget(name, purge=purge).image_id
    line = {"image_id": image_id, "status": "forgotten", "purged": purge}
    if as_json:
        json_line(line)
    else:
        say(
            f"forgotten {image_id}"
            + (
                "; the append-only file was rewritten"
                if purge
                else "; --purge also clears the append-only file"
            )
        )


@command("veto")
@click.argument("a")
@click.argument("b")
def veto(a: str, b: str, store: str | None, as_json: bool) -> None:
    """Say once and for good that two images are not the same; splits the cluster that had joined them."""
    with _open(store) as engine:
        engine.veto(a, b)
    if as_json:
        json_line({"a": a, "b": b, "status": "vetoed"})
    else:
        say(f"vetoed: {a} and {b} are not the same")


@command("confirm")
@click.argument("a")
@click.argument("b")
def confirm(a: str, b: str, store: str | None, as_json: bool) -> None:
    """Say that two images show the same source picture; holds against every score, until a veto."""
    with _open(store) as engine:
        outcome = engine.confirm(a, b).value
    if as_json:
        json_line({"a": a, "b": b, "status": "confirmed", "outcome": outcome})
    else:
        meaning = {
            "joined": "in one cluster now",
            "apart": "not joined: a veto stands between their clusters",
        }.get(outcome, "a part, which joins no cluster")
        say(f"confirmed: {a} and {b} show the same picture ({meaning})")


@main.group()
def collection() -> None:
    """Named sets of pictures with a purpose."""


@command("create", group=collection)
@click.argument("name")
@click.option("--purpose", required=True, type=click.Choice(["known", "baseline", "ignore"]))
def create(name: str, purpose: str, store: str | None, as_json: bool) -> None:
    """Create a collection: known (recognise these), baseline (legitimate pages), ignore (say nothing about
    these).
    """
    with _open(store) as engine:
        made = engine.create_collection(name, purpose)
    if as_json:
        json_line({"name": made.name, "purpose": made.purpose.value})
    else:
        say(f"collection {made.name}: {made.purpose.value}")


@command("list", group=collection)
def list_collections(store: str | None, as_json: bool) -> None:
    """Collections, their purposes and sizes."""
    with _open(store) as engine:
        lines = [
            {"name": c.name, "purpose": c.purpose.value, "images": engine.collection_size(c.name)}
            for c in engine.collections()
        ]
    for line in lines:
        if as_json:
            json_line(line)
        else:
            say(f"{line['name']}: {line['purpose']}, {line['images']} images")


@command("hubs")
@click.option(
    "--ignore",
    "ignored",
    multiple=True,
    metavar="ID",
    help="Put this image, or all of this cluster, into a collection of purpose ignore.",
)
@click.option(
    "--collection",
    default="ignored",
    show_default=True,
    metavar="NAME",
    help="Which one; it is made when missing.",
)
def hubs(ignored: tuple[str, ...], collection: str, store: str | None, as_json: bool) -> None:
    """What is found in a large share of all pictures, and so says little: parts (which produce no matches)
    and clusters.
    """
    with _open(store) as engine:
        lines = [
            {"id": name, "collection": collection, "images": list(engine.ignore(name, collection=collection))}
            for name in ignored
        ]
        lines = lines if ignored else [hub.to_json() for hub in engine.hubs()]
    for line in lines:
        if as_json:
            json_line(line)
        elif ignored:
            say(f"ignored: {line['id']} ({len(line['images'])} images, in collection {collection})")
        else:
            say(hub_text(line))
    if not lines and not as_json:
        say("no part and no cluster is found in a large share of the pictures")


@command("stats")
def stats(store: str | None, as_json: bool) -> None:
    """What the store holds, and what it costs."""
    with _open(store) as engine:
        line = engine.stats().to_json()
    if as_json:
        json_line(line)
        return
    for key, value in line.items():
        say(f"{key:<20} {value:,}" if isinstance(value, int) else f"{key:<20} {value}")


@command("self-check")
def self_check(store: str | None, as_json: bool) -> int:
    """Check the installation and the store; say what is wrong and what to do about it."""
    from .self_check import run_checks

    failed = 0
    for check in run_checks(store):
        failed += not check.ok
        if as_json:
            json_line({"check": check.name, "ok": check.ok, "detail": check.detail})
        else:
            say(f"{'ok  ' if check.ok else 'FAIL'} {check.name}: {check.detail}")
    return 1 if failed else 0


@command("demo")
@click.option(
    "--output",
    default="demo-output",
    show_default=True,
    type=click.Path(file_okay=False),
    metavar="DIR",
    help="Where the page goes.",
)
def demo(output: str, store: str | None, as_json: bool) -> int:
    """Add the sample pictures to a throwaway store, ask for edited ones, and leave a page with the evidence."""
    from .demo import demonstrate

    return demonstrate(Path(output), store, json_line if as_json else None)


command("evaluate")(evaluate)
command("calibrate")(calibrate)
