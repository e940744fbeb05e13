"""`quaid ail status`, `dead-letters`, `cluster`, `reconcile`: what the modules work on, and how they are
doing.
"""

import click

from douglas_quaid.cli.group import command
from douglas_quaid.cli.terminal import complain, print_result, say
from douglas_quaid.errors import ConfigError

from ..config import Locations, Settings, ail_home
from .group import HOME, agreed, ail, open_engine, shown_first


@command("status", group=ail)
@HOME
def status(home: str | None, store: str | None, as_json: bool) -> int:
    """Show what waits and since when, which processes run and how fast, what failed, and what the store
    holds. Exit status 1 if something is wrong.
    """
    from ..servers import AilServers
    from .status import read_status, status_text

    where = ail_home(home)
    settings = Settings.read(where)
    with open_engine(settings, store) as engine, AilServers(Locations.read(where)) as servers:
        found = read_status(engine, servers, settings)
    print_result(found.to_json(), status_text(found), as_json=as_json)
    return 1 if found.warnings else 0


@command("dead-letters", group=ail)
@click.argument("gids", nargs=-1, metavar="[GID]...")
@HOME
@click.option(
    "--error",
    "errors",
    multiple=True,
    metavar="CLASS",
    help="Only those with this error, such as FileNotThere. Repeatable.",
)
@click.option(
    "--requeue", is_flag=True, help="Put them into the module's queue again, and remove them from this list."
)
@click.option("--remove", is_flag=True, help="Remove them from this list.")
@shown_first
def dead_letters(
    gids: tuple[str, ...],
    home: str | None,
    errors: tuple[str, ...],
    requeue: bool,
    remove: bool,
    dry_run: bool,
    yes: bool,
    store: str | None,
    as_json: bool,
) -> int:
    """List the messages that were given up, with their reasons: all of them, or those of the objects GID
    (image::<sha256>).
    """
    from ..runtime import dead_letters as letters
    from ..servers import AilServers

    if requeue and remove:
        raise ConfigError("--requeue removes them from the list, too; give --requeue or --remove")
    where = ail_home(home)
    settings = Settings.read(where)
    with open_engine(settings, store) as engine, AilServers(Locations.read(where)) as servers:
        found = [
            letter
            for letter in letters.dead_letters(engine)
            if (not gids or letter.gid in gids) and (not errors or letter.error in errors)
        ]
        found.sort(key=lambda letter: (letter.last, letter.gid))
        for letter in found:
            tries = f"{letter.attempts} tries, last {letter.last:%Y-%m-%d %H:%M} UTC"
            text = f"{letter.gid}  {letter.module}, {tries}\n    {letter.error}: {letter.reason}"
            print_result(letter.to_json(), text, as_json=as_json)
        missing = set(gids) - {letter.gid for letter in found}
        for gid in sorted(missing):
            complain(f"{gid}: no such dead letter")
        if not as_json:
            say(f"{len(found):,} dead letters")
        verb = "Requeue" if requeue else "Remove"
        question = f"{verb} {len(found):,} dead letters?"
        if not found or not (requeue or remove):
            return 1 if missing else 0
        if agreed(question, dry_run=dry_run, yes=yes, as_json=as_json):
            for letter in found:
                if requeue:  # first queued, then removed: a crash in between repeats one, and loses none
                    has_id = letter.gid != letter.message
                    servers.push(letter.module, [f"{letter.gid};{letter.message}" if has_id else letter.gid])
                letters.remove(engine, letter.gid)
            if not as_json:
                say(f"{verb}d {len(found):,}.")
    return 1 if missing else 0


@command("cluster", group=ail)
@click.argument("name", metavar="ID")
@HOME
@click.option(
    "--limit",
    default=20,
    show_default=True,
    type=click.IntRange(1),
    metavar="N",
    help="Maximum number of domains, chats and objects to print (--json: all).",
)
def cluster(name: str, home: str | None, limit: int, store: str | None, as_json: bool) -> None:
    """Show a cluster's domains, chats and objects, and when it was seen. ID: cluster id, image id, or an
    object (screenshot::<sha256>).
    """
    from .cluster_report import report, report_text

    with open_engine(Settings.read(ail_home(home)), store) as engine:
        found = report(engine, name)
    print_result(found.to_json(), report_text(found, limit), as_json=as_json)


@command("reconcile", group=ail)
@HOME
@shown_first
def reconcile(home: str | None, dry_run: bool, yes: bool, store: str | None, as_json: bool) -> int:
    """Follow analysts' answers in AIL and vetoes now; the modules do it by themselves. Runs in AIL's
    interpreter: AILENV/bin/quaid.
    """
    from ..publishing.feedback import FeedbackReader
    from ..publishing.ledger import Ledger
    from ..publishing.publisher import Publisher
    from ..servers import AilServers
    from .ail_sink import open_sink, translated_errors

    where = ail_home(home)
    settings = Settings.read(where)
    with (
        open_engine(settings, store) as engine,
        AilServers(Locations.read(where)) as servers,
        translated_errors(),
    ):
        objects = sorted(set(Ledger(engine).objects()))
        if not as_json:
            say(
                f"Something was written to AIL about {len(objects):,} objects. What no longer holds is "
                "removed or moved; nothing else is touched."
            )
        if not objects or not agreed("Check all of them?", dry_run=dry_run, yes=yes, as_json=as_json):
            return 0
        sink = open_sink(where, servers)
        reader = FeedbackReader(engine, sink, settings)
        answers = [answer for obj in objects for answer in reader.read(obj)]
        answers += reader.finish()
        for answer in answers:
            gid, said, image, refused = answer.obj.gid, answer.said, answer.other, answer.refused
            line = {"object": gid, "said": said, "image": image, "refused": refused}
            text = f"{gid}: {said} {image}" + (f" (refused: {refused})" if refused else "")
            print_result(line, text, as_json=as_json)
        changed = Publisher(engine, sink, settings).sweep()
    print_result(
        {"summary": {"objects": len(objects), "answers": len(answers), "changed": changed}},
        f"{len(answers):,} answers; {changed:,} other objects changed in AIL",
        as_json=as_json,
    )
    return 0
