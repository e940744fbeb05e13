"""`quaid misp sync`: options to values, passes once or for ever, lines and counts for people or programs."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from douglas_quaid.cli.terminal import complain, error_json, json_line, say
from douglas_quaid.engine import Engine
from douglas_quaid.errors import ConfigError, DouglasQuaidError

from .client import Access, Client
from .filters import TYPES, Filters
from .index import Manner
from .outcome import Outcome, Status
from .run import Options, Summary, synchronise

_AGO = {"m": 60, "h": 3600, "d": 86400, "w": 604800}
_BAD = (Status.FAILED, Status.WAITING)


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
    relationships: bool,
    prune: bool,
    watch: int | None,
    page_size: int,
    dry_run: bool,
    store: str | None,
    as_json: bool,
) -> int:
    """Exit status: 0 all done, 1 something failed or waits for another pass. Raises ConfigError for options
    that do not fit.
    """
    base = url.rstrip("/")
    filters = Filters(
        tags=tags, org=org, published=published, distribution=distribution, types=types or TYPES, event=event
    )
    options = Options(
        filters=filters,
        manner=Manner(misp=base, into=into, names=not no_names, link=not no_link, dry_run=dry_run),
        since=None if since is None else moment(since),
        prune=prune,
        feedback=not no_feedback,
        relationships=relationships,
        page_size=page_size,
    )
    _check(options)
    access = Access(url=base, key=_key(key_file), ca_bundle=_readable(ca_bundle))
    tell = _line if as_json else _complaint
    with ExitStack() as stack:
        opened: list[tuple[Client, Engine]] = []

        def once(options: Options) -> int:
            if not opened:
                opened.append((Client(access), stack.enter_context(Engine.open(store))))
            client, engine = opened[0]
            workers = engine.config.workers or len(os.sched_getaffinity(0))
            return _show(
                base, synchronise(engine, client, options, tell, workers=workers), options, as_json=as_json
            )

        return once(options) if watch is None else _watch(once, options, watch, as_json=as_json)


def _watch(once: Callable[[Options], int], options: Options, seconds: int, *, as_json: bool) -> int:
    """Pass after pass until somebody ends it. What went wrong in a pass is said, and tried again in the next."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        while True:
            try:
                once(options)
                options = replace(options, since=None)
            except DouglasQuaidError as error:
                if isinstance(error, ConfigError):
                    raise
                if as_json:
                    json_line(error_json(error))
                complain(f"{type(error).__name__}: {error}")
            time.sleep(seconds)
    except KeyboardInterrupt:
        return 0


def _check(options: Options) -> None:
    filters, into = options.filters, options.manner.into
    if into is not None and filters.event is None and all(tag.startswith("!") for tag in filters.tags):
        raise ConfigError(
            f"--into {into}: name the event (--event) or tag (--tag) whose pictures belong into the collection"
        )
    if options.prune and into is not None and filters.event is None:
        raise ConfigError(
            f"--prune with --into {into}: all other pictures would be withdrawn; name the event (--event), or prune in a run without --into"
        )
    if options.prune and options.since is not None:
        raise ConfigError("--prune reads everything, --since a part; give one of them")
    if options.prune and filters.event is not None and "-" not in filters.event:
        raise ConfigError(
            f"--prune --event {filters.event}: give the event's UUID; when the event is gone nobody knows what its number meant"
        )


def _key(path: str | None) -> str:
    """The key, from the file or the environment; no message holds it."""
    if path is None:
        key = os.environ.get("MISP_KEY", "")
        if not key:
            raise ConfigError(
                "no key: put the key of a MISP user into a file and name it with --key-file, or into the environment as MISP_KEY"
            )
        return key.strip()
    try:
        return Path(path).read_text("utf-8").strip()
    except (OSError, UnicodeError) as error:
        raise ConfigError(f"--key-file {path}: cannot be read ({type(error).__name__})") from None


def _readable(path: str | None) -> str | None:
    if path is not None and not os.access(path, os.R_OK):
        raise ConfigError(f"--ca-bundle {path}: no such file, or not readable")
    return path


def moment(text: str) -> int:
    """A moment as seconds: a date or time (ISO 8601, UTC unless it says otherwise), or so long ago as `36h`,
    `7d`.
    """
    ago = re.fullmatch(r"(\d{1,6})([mhdw])", text.strip())
    if ago:
        return max(1, int(time.time()) - int(ago[1]) * _AGO[ago[2]])
    try:
        given = datetime.fromisoformat(text.strip().replace("Z", "+00:00"))
    except ValueError:
        raise ConfigError(
            f"--since {text[:40]!r}: expected a date such as 2026-11-01, a time such as 2026-11-01T12:00+01:00, or 36h, 7d, 2w"
        ) from None
    return max(1, int((given if given.tzinfo else given.replace(tzinfo=timezone.utc)).timestamp()))


def _line(outcome: Outcome) -> None:
    json_line(outcome.to_json())


def _complaint(outcome: Outcome) -> None:
    if outcome.status in _BAD:
        complain(f"{outcome.status.value:<8} attribute {outcome.attribute}: {outcome.reason}")


def _show(url: str, summary: Summary, options: Options, *, as_json: bool) -> int:
    counts: dict[str, Any] = {
        status.value: summary.statuses[status] for status in Status if summary.statuses[status]
    }
    if as_json:
        json_line(
            {
                "summary": {
                    "misp": url,
                    "dry_run": options.manner.dry_run,
                    "seconds": round(summary.seconds, 1),
                }
                | counts
            }
        )
    else:
        dry = "dry run, nothing written: " if options.manner.dry_run else ""
        say(
            f"{url}: {dry}"
            + (", ".join(f"{count} {name}" for name, count in counts.items()) or "nothing new")
            + f" ({summary.seconds:.1f} s)"
        )
    return 1 if summary.failed else 0
