"""The command `watch`: pictures of a folder are added as they appear."""

from __future__ import annotations

import signal
import threading
from typing import TYPE_CHECKING, Any

import click

from ..errors import FormatError, ImageError, NotFound, StoreError
from .group import command, open_correlator
from .pictures import collection_option, labels_option, no_link_option, show_added
from .terminal import error_json, json_line, note

if TYPE_CHECKING:
    from ..correlator import Correlator
    from ..watching import Arrived, Watch


@command("watch", through_service=True)
@click.argument("folder", metavar="FOLDER")
@click.option(
    "--match",
    "patterns",
    multiple=True,
    metavar="PATTERN",
    help="Take only files whose name, or path below FOLDER, is like this; default: endings of pictures.",
)
@collection_option
@labels_option
@no_link_option
@click.option(
    "--interval",
    default=2.0,
    show_default=True,
    type=click.FloatRange(0.1),
    metavar="SECONDS",
    help="Pause between two looks into the folder.",
)
@click.option("--once", is_flag=True, help="End after one look, for a timer.")
def watch(
    folder: str,
    patterns: tuple[str, ...],
    collection: str | None,
    labels: dict[str, str],
    no_link: bool,
    interval: float,
    once: bool,
    store: str | None,
    key_file: str | None,
    as_json: bool,
) -> int:
    """Add the pictures of a folder and those that appear in it, until it is told to end.

    What it has done is known by the occurrences in the store, so it may be ended and started again at any
    time. A file that changes is added again.
    """
    from ..watching import PICTURES, Watch

    watching, stop = Watch(folder, patterns or PICTURES), threading.Event()
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
    options = {"collection": collection, "labels": labels, "link": not no_link}
    failed = False
    with open_correlator(store, key_file) as engine:
        while not stop.is_set():
            try:
                failed |= _look(engine, watching, options, stop, as_json=as_json)
            except StoreError as error:  # it may be back for the next look
                if once:
                    raise
                note(f"{type(error).__name__}: {error}; going on in {interval:g} s")
            if once:
                break
            stop.wait(interval)
    return 1 if once and failed else 0


def _look(
    engine: Correlator, watching: Watch, options: dict[str, Any], stop: threading.Event, *, as_json: bool
) -> bool:
    """Add what has arrived, one after the other, and return whether any file could not be added."""
    failed = False
    for arrived in watching.arrived(engine):
        line = _added(engine, arrived, options)
        failed |= "error" in line
        json_line(line) if as_json else show_added(line)
        watching.finish(arrived)
        if stop.is_set():
            break
    return failed


def _added(engine: Correlator, arrived: Arrived, options: dict[str, Any]) -> dict[str, Any]:
    """The line of a file, as that of `quaid add`."""
    item = arrived.input
    try:
        data = item.read(engine.config.max_bytes)
        added = engine.add(data, occurrence=item.occurrence, seen=arrived.changed, name=item.path, **options)
    except (ImageError, FormatError, NotFound) as error:
        return {"path": item.path} | error_json(error)
    return {"path": item.path} | added.to_json()
