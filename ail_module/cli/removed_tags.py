"""`quaid ail feedback`: tags of ours that many objects of AIL lost at once, and what becomes of that."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from douglas_quaid import ConfigError
from douglas_quaid.cli.group import command
from douglas_quaid.cli.terminal import print_result, say

from ..config import Locations, Settings
from .group import agreed, ail, open_engine, shown_first, with_home

if TYPE_CHECKING:
    from douglas_quaid import Correlator

    from ..objects import AilObject
    from ..servers import AilServers


@command("feedback", group=ail)
@with_home
@click.option("--accept", is_flag=True, help="An analyst removed them: follow that as answers.")
@click.option("--restore", is_flag=True, help="AIL lost them: write again what still holds.")
@shown_first
def feedback(
    home: Path, accept: bool, restore: bool, dry_run: bool, yes: bool, store: str | None, as_json: bool
) -> None:
    """List the tags that more than 20 objects lost between two passes. They wait until --accept or --restore,
    which run in AIL's interpreter: AILENV/bin/quaid.
    """
    from ..publishing.removed import waiting
    from ..servers import AilServers

    if accept and restore:
        raise ConfigError(
            "--accept takes removed tags for answers, --restore writes them again; give one of them"
        )
    settings = Settings.read(home)
    with open_engine(settings, store) as engine, AilServers(Locations.read(home)) as servers:
        found = sorted(waiting(engine))
        for obj, names in found:
            _tell(engine, obj, names, as_json=as_json)
        if not as_json:
            say(f"{len(found):,} objects lost tags and wait")
        verb = "Accept" if accept else "Restore"
        wanted = bool(found) and (accept or restore)
        if wanted and agreed(f"{verb} {len(found):,}?", dry_run=dry_run, yes=yes, as_json=as_json):
            _carry_out(engine, home, servers, settings, found, accept=accept, as_json=as_json)


def _tell(engine: Correlator, obj: AilObject, names: tuple[str, ...], *, as_json: bool) -> None:
    from ..publishing.feedback import meaning

    said = [{"said": answer.said, "image": answer.other} for answer in meaning(engine, obj, names)]
    meant = "; ".join(f"{each['said']} {each['image']}" for each in said) or "not wanted any more"
    text = f"{obj.gid}  {', '.join(names)}", f"    would mean: {meant}"
    print_result({"object": obj.gid, "tags": names, "meaning": said}, *text, as_json=as_json)


def _carry_out(
    engine: Correlator,
    home: Path,
    servers: AilServers,
    settings: Settings,
    found: list[tuple[AilObject, tuple[str, ...]]],
    *,
    accept: bool,
    as_json: bool,
) -> None:
    from ..publishing.feedback import FeedbackReader
    from .ail_sink import open_sink, translated_errors

    with translated_errors():
        reader = FeedbackReader(engine, open_sink(home, servers), settings)
        if accept:
            answers = [answer for obj, names in found for answer in reader.accept(obj, names)]
            refused = sum(answer.refused is not None for answer in answers)
            line, text = {"answers": len(answers), "refused": refused}, f"{len(answers):,} answers"
        else:
            changed = sum(reader.restore(obj, names) for obj, names in found)
            line, text = {"restored": changed}, f"{changed:,} objects have their tags again"
    print_result({"summary": {"objects": len(found), **line}}, text, as_json=as_json)
