"""`quaid misp sync`: parses the options, runs one pass or repeats it, and prints lines and counts."""

import os
import re
import signal
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime, timezone
from functools import cache, partial
from typing import Any

import click

from douglas_quaid import ConfigError, Correlator, DouglasQuaidError, open_correlator
from douglas_quaid.cli.terminal import complain, error_json, json_line, print_result
from douglas_quaid.files import read_regular

from ..attributes import FILE_TYPES
from .attribute import Filters, Outcome, Status
from .client import Client, Patience, is_key
from .index import IndexOptions
from .named import require_event, require_named
from .run import SyncOptions, synchronise

#: What makes the exit status 1.
UNFINISHED = (Status.FAILED, Status.WAITING, Status.TO_ACCEPT)

#: What a pass with --prune says of an event that exists, or of one whose pictures it withdraws.
OF_EVENT = tuple(set(Status) - {Status.VETOED, Status.UNDONE, Status.TO_ACCEPT, Status.NOT_IN_STORE})

_SECONDS = {"m": 60, "h": 3600, "d": 86400, "w": 604800}


def run(
    *,
    url: str,
    key_file: str | None,
    ca_bundle: str | None,
    tags: tuple[str, ...],
    org: str | None,
    published: bool,
    distribution: tuple[int, ...],
    types: tuple[str, ...],
    event: str | None,
    since: str | None,
    into: str | None,
    no_names: bool,
    no_link: bool,
    no_feedback: bool,
    accept: bool,
    relationships: bool,
    prune: bool,
    watch: int | None,
    page_size: int,
    dry_run: bool,
    store: str | None,
    as_json: bool,
) -> int:
    """Run the command with the options of `quaid misp sync`, and return its exit status.

    0: all done; 1: something failed, or waits for another pass. A program that calls the command with a
    `Patience` as the context's object (`obj` of click) decides how requests are repeated. Raises ConfigError
    for options that do not fit together, and what `synchronise` raises.
    """
    base = url.rstrip("/")
    options = SyncOptions(
        filters=Filters(
            tags=tags,
            org=org,
            published=published,
            distribution=distribution,
            types=types or FILE_TYPES,
            event=event,
        ),
        index=IndexOptions(misp=base, into=into, names=not no_names, link=not no_link, dry_run=dry_run),
        since=None if since is None else moment(since),
        prune=prune,
        feedback=not no_feedback,
        accept=accept,
        relationships=relationships,
        page_size=page_size,
    )
    _check(options)
    _check_readable(ca_bundle)
    patience = click.get_current_context().find_object(Patience)
    key = _key(key_file)
    with ExitStack() as stack:

        @cache  # connected by the first pass that succeeds in it
        def connection() -> tuple[Client, Correlator]:
            client = Client(base, key, ca_bundle=ca_bundle, patience=patience)
            require_named(client, options.filters, event_may_be_gone=prune)
            return client, stack.enter_context(open_correlator(store))

        def once(options: SyncOptions) -> int:
            client, engine = connection()
            started = time.monotonic()
            statuses = synchronise(engine, client, options, partial(_report, as_json=as_json))
            if prune and event is not None and not any(statuses[status] for status in OF_EVENT):
                require_event(client, event)
            _show(base, statuses, time.monotonic() - started, dry_run=dry_run, as_json=as_json)
            return 1 if any(statuses[status] for status in UNFINISHED) else 0

        return once(options) if watch is None else _watch(once, options, watch, as_json=as_json)


def _watch(once: Callable[[SyncOptions], int], options: SyncOptions, seconds: int, *, as_json: bool) -> int:
    """Repeat passes until a signal ends it. An error of a pass is printed, and the next pass tries again."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        while True:
            try:
                once(options)
                options = replace(options, since=None, accept=False)
            except ConfigError:
                raise
            except DouglasQuaidError as error:
                if as_json:
                    json_line(error_json(error))
                complain(f"{type(error).__name__}: {error}")
            time.sleep(seconds)
    except KeyboardInterrupt:
        return 0


def _check(options: SyncOptions) -> None:
    filters, into = options.filters, options.index.into
    if into is not None and filters.event is None and all(tag.startswith("!") for tag in filters.tags):
        raise ConfigError(
            f"--into {into}: name the event (--event) or the tag (--tag) whose pictures fill the collection"
        )
    if options.prune and into is not None and filters.event is None:
        raise ConfigError(
            f"--prune with --into {into}: all other pictures would be withdrawn; name the event (--event),"
            " or prune without --into"
        )
    if options.accept and not options.feedback:
        raise ConfigError("--accept is about the feedback that --no-feedback leaves out; use one of them")
    if options.prune and options.since is not None:
        raise ConfigError("--prune reads everything and --since only a part; use one of them")
    if options.prune and filters.event is not None and "-" not in filters.event:
        raise ConfigError(
            f"--prune --event {filters.event}: use the event's UUID;"
            " once the event is deleted, its number identifies nothing"
        )


def _key(path: str | None) -> str:
    """The key, from the file or the environment; no message contains it."""
    if path is None:
        key = os.environ.get("MISP_KEY", "")
        if not key:
            raise ConfigError(
                "no key: write the key of a MISP user to a file and name it with --key-file,"
                " or set the environment variable MISP_KEY"
            )
        return key.strip()
    try:
        return read_regular(path).decode("utf-8").strip()
    except (OSError, UnicodeError) as error:
        # Who gives the key itself instead of a file must not read it in a log.
        name = "***" if is_key(path) else path
        raise ConfigError(f"--key-file {name}: cannot be read ({type(error).__name__})") from None


def _check_readable(path: str | None) -> None:
    if path is not None and not os.access(path, os.R_OK):
        raise ConfigError(f"--ca-bundle {path}: no such file, or not readable")


def moment(text: str) -> int:
    """Return a moment in seconds since 1970, at least 1.

    The text is a date or time (ISO 8601, UTC by default), or a duration before now such as `36h` or `7d`.
    Raises ConfigError for anything else.
    """
    ago = re.fullmatch(r"(\d{1,6})([mhdw])", text.strip())
    if ago:
        return max(1, int(time.time()) - int(ago[1]) * _SECONDS[ago[2]])
    try:
        given = datetime.fromisoformat(text.strip().replace("Z", "+00:00"))
    except ValueError:
        raise ConfigError(
            f"--since {text[:40]!r}: expected a date such as 2026-11-01,"
            " a time such as 2026-11-01T12:00+01:00, or a duration such as 36h, 7d, 2w"
        ) from None
    return max(1, int((given if given.tzinfo else given.replace(tzinfo=timezone.utc)).timestamp()))


def _report(outcome: Outcome, *, as_json: bool) -> None:
    """Print the outcome as JSON, or for people what failed or waits."""
    if as_json:
        json_line(outcome.to_json())
    elif outcome.status in (Status.FAILED, Status.WAITING):
        complain(f"{outcome.status.value:<8} attribute {outcome.attribute}: {outcome.reason}")


def _show(url: str, statuses: Counter[Status], seconds: float, *, dry_run: bool, as_json: bool) -> None:
    """Print the summary."""
    counts = {status.value: statuses[status] for status in Status if statuses[status]}
    line: dict[str, Any] = {"misp": url, "dry_run": dry_run, "seconds": round(seconds, 1)}
    dry = "dry run, nothing written: " if dry_run else ""
    done = ", ".join(f"{count} {name}" for name, count in counts.items()) or "nothing new"
    text = f"{url}: {dry}{done} ({seconds:.1f} s)"
    print_result({"summary": line | counts}, text, as_json=as_json)
    if statuses[Status.TO_ACCEPT]:
        complain(
            f"{statuses[Status.TO_ACCEPT]} tags that rejected pictures were removed since the last pass. If"
            " analysts did that, run quaid misp sync --accept; if a backup was restored, tag them again."
            " Until then the pictures are kept apart."
        )
