"""`quaid link`: links what was added with --no-link."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ..errors import ConfigError
from .group import command, with_engine
from .terminal import complain, error_json, json_line, note, progress_of, say

if TYPE_CHECKING:
    from ..bulk.linking import Linked
    from ..engine import Engine


@command("link")
@click.option("--all", "everything", is_flag=True, help="Link every image that was added and not linked.")
@click.option("--follow", is_flag=True, help="Then wait for more, until it is interrupted.")
@with_engine
def link(everything: bool, follow: bool, engine: Engine, as_json: bool) -> int:
    """Link images that were added with --no-link.

    Each is searched for, its hits are stored, and matches of whole pictures join a cluster. It works on all
    cores, and may run on any number of machines at once: each image is given to one of them. It can be killed
    and run again.

    Exit status: 0 all done; 1 some images could not be linked.
    """
    from ..bulk.linking import link_all

    if not everything:
        raise ConfigError("quaid link: give --all; quaid add without --no-link links a picture at once")
    failed, bar = 0, list[Any]()
    try:
        for done in link_all(engine, follow=follow, tell=lambda n: bar.append(progress_of(n, "linking"))):
            bar[0](1)
            failed += done.error is not None
            line = _line(done)
            if as_json:
                json_line(line)
            else:
                _show(line)
    except KeyboardInterrupt:
        if not follow:
            raise
        note("interrupted; what was in work is linked by the next quaid link --all")
    return 1 if failed else 0


def _line(done: Linked) -> dict[str, Any]:
    if done.error is not None:
        return {"image_id": done.image_id} | error_json(done.error)
    status = "forgotten" if done.hits is None else "linked"
    return {"image_id": done.image_id, "status": status, "hits": done.hits or 0, "cluster": done.cluster}


def _show(line: dict[str, Any]) -> None:
    if "error" in line:
        complain(f"failed   {line['image_id'][:12]}: {line['error']['message']}")
        return
    cluster = f", cluster {line['cluster'][:12]}" if line["cluster"] else ""
    say(f"{line['status']:<9} {line['image_id'][:12]}  ({line['hits']} hits{cluster})")
