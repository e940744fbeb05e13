"""Commands that take pictures: add, query, compare."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import ConfigError, FormatError, ImageError, NotFound
from .group import command, open_correlator, with_correlator
from .terminal import complain, decision_text, error_json, hit_lines, json_line, say, with_progress

if TYPE_CHECKING:
    from ..bulk.adding import Added
    from ..correlator import Correlator
    from ..inputs import Input


def _for_each(
    engine: Correlator,
    inputs: list[Input],
    work: Callable[[Input], dict[str, Any]],
    label: str,
    show: Callable[[dict[str, Any]], None],
) -> int:
    """Do `work` for every input on several threads, `show` each resulting line, and return the exit status.

    A picture that cannot be used is a line with an error; StoreError and ConfigError end everything.
    """
    from ..batches import in_parallel

    def one(item: Input) -> dict[str, Any]:
        try:
            return {"path": item.path} | work(item)
        except (ImageError, FormatError, NotFound) as error:
            return {"path": item.path} | error_json(error)

    return _show_each(in_parallel(one, inputs, engine.config.threads), len(inputs), label, show)


def _show_each(
    lines: Iterable[dict[str, Any]], total: int, label: str, show: Callable[[dict[str, Any]], None]
) -> int:
    """`show` each line as it comes, with a progress bar, and return the exit status."""
    failed = 0
    for line in with_progress(lines, total, label):
        failed += "error" in line
        show(line)
    if failed:
        complain(f"{failed} of {total} failed")
    return 1 if failed else 0


def labels_of(_: click.Context, __: click.Parameter, pairs: tuple[str, ...]) -> dict[str, str]:
    """Return labels that were given as KEY=VALUE. Raises click.BadParameter."""
    labels = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not key or not equals:
            raise click.BadParameter(f"{pair!r}: expected KEY=VALUE")
        labels[key] = value
    return labels


_PATHS = click.argument("paths", nargs=-1, required=True, metavar="PATH...")


#: Says to which collection pictures are added; of the commands that add, as the next two.
collection_option = click.option(
    "--collection", metavar="NAME", help="Add the pictures to this collection too."
)
#: Labels them.
labels_option = click.option(
    "--label",
    "labels",
    multiple=True,
    metavar="KEY=VALUE",
    callback=labels_of,
    help="Label of the membership, or of the occurrence if there is no --collection.",
)
#: Stores them only.
no_link_option = click.option("--no-link", is_flag=True, help="Store only, without searching for matches.")


@command("add", through_service=True)
@_PATHS
@collection_option
@labels_option
@click.option("--occurrence", metavar="HOST:KIND:ID", help="Where the picture was seen; default: its path.")
@no_link_option
def add(
    paths: tuple[str, ...],
    collection: str | None,
    labels: dict[str, str],
    occurrence: str | None,
    no_link: bool,
    store: str | None,
    key_file: str | None,
    as_json: bool,
) -> int:
    """Add pictures to the store.

    PATH: a file, a folder with all files below it, or - for standard input. Known bytes are not decoded
    again. Many files are added on all cores; DOUGLAS_QUAID_WORKERS bounds them.
    """
    from ..batches import in_parallel
    from ..bulk.adding import AddOptions, add_file, add_files, worth_processes
    from ..inputs import find_inputs

    inputs = find_inputs(paths)
    if occurrence is not None and len(inputs) > 1:
        raise ConfigError(
            f"--occurrence {occurrence}: it belongs to one picture, and there are {len(inputs)};"
            " add them one by one"
        )
    options = AddOptions(occurrence=occurrence, labels=labels, collection=collection, link=not no_link)
    show = json_line if as_json else show_added
    with open_correlator(store, key_file) as engine:
        if worth_processes(engine, inputs):
            done = add_files(engine.config, inputs, options)
        else:
            done = in_parallel(lambda item: add_file(engine, item, options), inputs, engine.config.threads)
        lines = (_added_line(item.path, added) for item, added in zip(inputs, done, strict=True))
        return _show_each(lines, len(inputs), "adding", show)


def _added_line(path: str, added: Added) -> dict[str, Any]:
    if added.error is not None:
        return {"path": path} | error_json(added.error)
    assert added.result is not None
    return {"path": path} | added.result.to_json()


def show_added(line: dict[str, Any]) -> None:
    """Print the line of a picture that was added, or could not be."""
    if "error" in line:
        complain(f"failed   {line['path']}: {line['error']['message']}")
        return
    notes = [] if line["informative"] else ["blank"]
    notes += [f"cluster {line['cluster'][:12]}"] if line["cluster"] else []
    note = f"  ({', '.join(notes)})" if notes else ""
    say(f"{line['status']:<8} {line['image_id'][:12]}  {line['path']}{note}")


@command("query", through_service=True)
@_PATHS
@click.option(
    "--limit",
    default=10,
    show_default=True,
    type=click.IntRange(1),
    metavar="N",
    help="Maximum number of hits per picture.",
)
@click.option("--collection", metavar="NAME", help="Search only the members of this collection.")
@click.option(
    "--min-decision",
    default="review",
    show_default=True,
    type=click.Choice(["match", "review", "no-match"]),
    help="Show only hits with at least this decision.",
)
@click.option(
    "--include-same-template", is_flag=True, help="Also show pages with the same layout and other content."
)
@with_correlator
def query(
    paths: tuple[str, ...],
    limit: int,
    collection: str | None,
    min_decision: str,
    include_same_template: bool,
    engine: Correlator,
    as_json: bool,
) -> int:
    """Search the store for pictures.

    It finds stored pictures that show the same, or share a piece with it. PATH: a file, a folder with all
    files below it, or - for standard input. Nothing is stored.
    """
    from ..inputs import find_inputs

    def work(item: Input) -> dict[str, Any]:
        return engine.query(
            item.read(engine.config.max_bytes),
            limit=limit,
            collection=collection,
            min_decision=min_decision,
            include_same_template=include_same_template,
            name=item.path,
        ).to_json()

    return _for_each(engine, find_inputs(paths), work, "searching", json_line if as_json else _show_result)


def _show_result(line: dict[str, Any]) -> None:
    if "error" in line:
        complain(f"{line['path']}: {line['error']['message']}")
        return
    notes = [f"{line['images_searched']} images", f"{line['seconds']:.3f} s"]
    notes += [] if line["informative"] else ["blank: matches nothing"]
    notes += [] if line["frames"] == 1 else [f"frame {line['frame'] + 1} of {line['frames']}"]
    notes += ["cut short, judged as far as it goes"] if line["truncated"] else []
    notes += [] if line["complete"] else ["not complete"]
    say((f"{line['path']}: ", decision_text(line["decision"]), f"  ({', '.join(notes)})"))
    for hit in line["hits"]:
        say(*hit_lines(hit))
    for entry in line["listed"]:
        labels = ", ".join(f"{key}={value}" for key, value in entry["labels"].items())
        say(
            (
                "  ",
                decision_text(entry["decision"]),
                f" entry {entry['entry_id'][:64]} of list {entry['list']}",
            )
        )
        say(f"    {entry['sentence']}", *([f"    {labels}"] if labels else []))


@command("compare", through_service=True)
@click.argument("a")
@click.argument("b")
@click.option(
    "--overlay",
    type=click.Path(dir_okay=False, writable=True),
    metavar="OUT.png",
    help="Draw both pictures with the matched region and the inliers.",
)
@with_correlator
def compare(a: str, b: str, overlay: str | None, engine: Correlator, as_json: bool) -> None:
    """Judge one pair, and show all evidence.

    A and B: a path, an image id (at least 8 digits of it) or an occurrence.
    """
    sides = [_side(engine, name) for name in (a, b)]
    hit = engine.compare(*sides).to_json()
    if overlay:
        Path(overlay).write_bytes(engine.overlay(*sides))
    if as_json:
        json_line({"a": a, "b": b} | hit)
        return
    say(*hit_lines(hit))
    say(f"    {'reasons':<30} {', '.join(hit['reasons']) or 'none'}")
    for key, value in hit["evidence"].items():
        say(f"    {key:<30} {'not measured' if value is None else value}")
    if hit["contributions"]:
        say(f"    {'what adds to the log odds':<30} {'value':>10} {'weight':>8}")
    for part in hit["contributions"]:
        value = "" if part["value"] is None else f"{part['value']:g}"
        say(f"    {part['predictor']:<30} {value:>10} {part['weight']:>+8.2f}")
    if overlay:
        say(f"  drawn in {overlay}")


def _side(engine: Correlator, name: str) -> bytes | str:
    from ..inputs import Input

    is_file = name == "-" or (os.path.lexists(name) and not os.path.isdir(name))
    return Input(name).read(engine.config.max_bytes) if is_file else name
