"""`quaid ail`: what its commands say and change; and its README, which is true about settings, commands,
patches and texts of the program.
"""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path

import click
import pytest
from support.ail_host import AilHome
from support.command_line import runner
from support.pictures import page, png

from douglas_quaid.ail import tags
from douglas_quaid.ail.checkout.patching import patches
from douglas_quaid.ail.cli.status import Reader
from douglas_quaid.ail.commands import ail as group
from douglas_quaid.ail.config import SECTION, Locations, Settings
from douglas_quaid.ail.objects import AilObject, FileNotThere
from douglas_quaid.ail.publishing.passes import PASSED
from douglas_quaid.ail.publishing.removed import put_off, waiting
from douglas_quaid.ail.runtime.monitoring import Meter, activities, bury, dead_letters
from douglas_quaid.ail.servers import AilServers
from douglas_quaid.cli import main as cli
from douglas_quaid.decision import likelihood
from douglas_quaid.engine import Engine
from douglas_quaid.errors import ConfigError, CorruptImage, CorruptRecord, StoreUnavailable

pytest_plugins = ["support.ail_fixtures"]
ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "ail_module"
README = (FOLDER / "README.md").read_text("utf-8")
GID = "image::" + "ab" * 32
OTHER = "screenshot::" + "cd" * 32


@dataclass(frozen=True)
class Done:
    status: int
    output: str
    complaints: str


def quaid(ail: AilHome, name: str, *options: str, answer: str = "") -> Done:
    done = runner().invoke(
        cli.main, ["ail", name, "--ail-home", str(ail.home), *options], input=answer, catch_exceptions=False
    )
    return Done(done.exit_code, done.stdout, done.stderr)


@pytest.fixture
def engine(ail: AilHome) -> Iterator[Engine]:
    ail.configure(isolate=False)
    with Engine.open(config=Settings.read(ail.home).engine_config()) as engine:
        yield engine


def fill(engine: Engine, module: str = "VisualCorrelation") -> None:
    """Two dead letters."""
    bury(engine, gid=GID, message="20260701", module=module, error=CorruptImage("cut short"))
    bury(engine, gid=OTHER, message="", module=module, error=FileNotThere("no file"))


# -- status --------------------------------------------------------------------------------------------------


def test_status_tells_what_waits_since_when_who_works_and_what_failed(ail: AilHome, engine: Engine) -> None:
    # Given two messages in our queue, the older for a minute, one in work, a process that looked for messages
    # just now and one that ended,
    ail.add_ours()
    for gid in (GID, OTHER):
        ail.queue(gid)
    queues, ledger, now = ail.redis("Redis_Queues"), ail.redis("Redis_Process"), int(time.time())
    (row,) = (
        row for row in ledger.zrange(f"obj:queues:{GID}", 0, -1) if row.startswith("VisualCorrelation:")
    )
    ledger.zadd(f"obj:queues:{GID}", {row: now - 60})
    ledger.sadd("objs:process", "image::" + "ef" * 32)
    ledger.zadd("obj:modules:image::" + "ef" * 32, {"VisualCorrelation:0123": now - 5})
    # and a number of one that ended long ago, which another process has by now,
    queues.hset(
        "module:VisualCorrelation",
        mapping={str(os.getpid()): now, "4194300": now - 9000, str(os.getppid()): 1000},
    )
    queues.hset(
        "module:start:VisualCorrelation",
        mapping={str(os.getpid()): now, "4194300": now - 9900, str(os.getppid()): 900},
    )
    # a process that has counted, and two dead letters,
    meter = Meter(engine, "VisualCorrelation", report_seconds=60)
    meter.count(done=2, errors=1, dead=1, seconds=1.0)
    meter.report(now=True)
    fill(engine)
    # when status is asked for, then it says so, for programs and for people.
    done = quaid(ail, "status", "--json")
    said = json.loads(done.output)
    ours = said["modules"][0]
    assert (done.status, said["dead_letters"], said["images"], said["warnings"]) == (0, 2, 0, [])
    assert (ours["module"], ours["waiting"], ours["in_work"], ours["lost"]) == ("VisualCorrelation", 2, 1, 0)
    assert 60 <= ours["lag"] < 600 and ours["rate"] > 0
    (process,) = ours["processes"]
    assert process["pid"] == os.getpid() and process["heartbeat"] < 600
    assert {name: process["counters"][name] for name in ("done", "errors", "dead", "busy")} == {
        "done": 2,
        "errors": 1,
        "dead": 1,
        "busy": 1.0,
    }
    text = quaid(ail, "status").output
    assert (
        "VisualCorrelation: 2 waiting, the next since" in text
        and "2 done, 1 tries failed, 1 dead letters" in text
        and "dead letters: 2" in text
    )


def test_status_warns_of_a_queue_that_nobody_empties_and_of_lost_messages(
    ail: AilHome, engine: Engine
) -> None:
    ail.add_ours()
    ail.queue(GID)
    ledger = ail.redis("Redis_Process")
    ledger.sadd("objs:process", OTHER)
    ledger.zadd(f"obj:modules:{OTHER}", {"VisualCorrelation:0123": time.time() - 10_000})
    done = quaid(ail, "status")
    assert done.status == 1
    assert (
        "1 messages wait and no process of it runs" in done.output
        and "1 messages were taken over 600 s ago and not ended; the first process that starts puts them "
        "back, once they are 630 s old"
        in done.output
    )
    ail.configure(warn_queue=1)
    assert "start a second process" in quaid(ail, "status").output


def works(ail: AilHome, engine: Engine) -> None:
    """A message that waits, and this process as one that looked for messages and reported."""
    ail.add_ours()
    ail.queue(GID)
    queues, now = ail.redis("Redis_Queues"), int(time.time())
    queues.hset("module:VisualCorrelation", str(os.getpid()), now)
    queues.hset("module:start:VisualCorrelation", str(os.getpid()), now)
    meter = Meter(engine, "VisualCorrelation", report_seconds=60)
    meter.count(done=2)
    meter.report(now=True)


def test_status_tells_what_ail_knows_while_the_store_is_down(ail: AilHome, engine: Engine) -> None:
    works(ail, engine)
    # When the store is away
    ail.configure(store="redis://127.0.0.1:1/0")
    done = quaid(ail, "status", "--json")
    said = json.loads(done.output)
    # Then the queue and the processes are told, what the store knows is null, and the store is named
    ours = said["modules"][0]
    assert done.status == 1 and (ours["waiting"], ours["in_work"], ours["rate"]) == (1, 0, None)
    (process,) = ours["processes"]
    assert process["pid"] == os.getpid() and process["heartbeat"] < 600 and process["counters"] is None
    assert ours["lag"] < 600
    unknown = ("dead_letters", "images", "index_bytes", "backfill", "last_pass")
    assert [said[name] for name in unknown] == [None] * 5
    (warning,) = said["warnings"]
    assert "redis://127.0.0.1:1/0" in warning and "take no message until it works" in warning
    text = quaid(ail, "status").output
    assert "VisualCorrelation: 1 waiting, the next since" in text and "its report is in the store" in text
    assert "dead letters: unknown\nstore: unknown images\nWARNING " in text


@pytest.mark.parametrize(
    "section", ["Kvrocks_Tags", "Kvrocks_Correlations", "Kvrocks_Duplicates", "Kvrocks_Objects"]
)
def test_status_names_a_database_of_ail_without_which_messages_wait(
    ail: AilHome, engine: Engine, section: str
) -> None:
    works(ail, engine)
    assert quaid(ail, "status").status == 0
    ail.configure(section, port=1)
    done = quaid(ail, "status", "--json")
    said = json.loads(done.output)
    assert done.status == 1 and said["modules"][0]["waiting"] == 1 and said["images"] == 0
    (warning,) = said["warnings"]
    assert f"AIL's [{section}] at " in warning and "take no message until it works" in warning


@pytest.mark.parametrize(
    ("error", "waits"),
    [(StoreUnavailable("the store is away."), True), (CorruptRecord("a bookmark cannot be read"), False)],
)
def test_status_says_that_messages_wait_only_where_a_server_does_not_answer(
    ail: AilHome, error: Exception, waits: bool
) -> None:
    def question() -> None:
        raise error

    with AilServers(Locations.read(ail.home)) as servers:
        reader = Reader(servers, Settings.read(ail.home))
        reader.asked(question)
    (warning,) = reader.away
    assert warning.startswith(str(error)) and ".." not in warning
    assert ("take no message until it works" in warning) == waits


def test_status_tells_what_the_store_knows_while_ails_queues_are_down(ail: AilHome, engine: Engine) -> None:
    works(ail, engine)
    fill(engine)
    for section in ("Redis_Queues", "Redis_Process"):
        ail.configure(section, port=1)
    done = quaid(ail, "status", "--json")
    said = json.loads(done.output)
    ours, other = said["modules"]
    assert done.status == 1 and (said["dead_letters"], said["images"]) == (2, 0)
    assert (ours["waiting"], ours["lag"], ours["in_work"], ours["lost"]) == (None, None, None, None)
    # The process is known by its report, and how much its index takes.
    (process,) = ours["processes"]
    assert (process["pid"], process["heartbeat"], process["counters"]["done"]) == (os.getpid(), None, 2)
    stats = engine.stats()
    assert said["index_bytes"] == stats.hash_index_bytes + stats.word_index_bytes > 0
    assert other["processes"] == []
    assert ["[Redis_Queues]" in text or "[Redis_Process]" in text for text in said["warnings"]] == [True] * 2
    text = quaid(ail, "status").output
    assert "VisualCorrelation: unknown waiting; unknown in work" in text
    assert re.search(r"  process \d+: reported \d+ s ago; 2 done", text)


def test_status_says_when_the_answers_of_analysts_were_read(ail: AilHome, engine: Engine) -> None:
    now = time.time()
    engine.set_bookmark(PASSED, json.dumps({"began": now - 250, "ended": now - 190, "objects": 416}))
    assert json.loads(quaid(ail, "status", "--json").output)["last_pass"]["objects"] == 416
    text = quaid(ail, "status").output
    assert "answers of analysts: last read 3 min ago; that took 60 s for 416 objects" in text


def test_a_tool_of_ail_that_enters_no_process_id_is_passed_over(ail: AilHome, engine: Engine) -> None:
    ail.add_ours()
    ail.run("from lib.ail_queues import AILQueue\nAILQueue('VisualCorrelation', 'importer_manual')")
    done = quaid(ail, "status")
    assert done.status == 0 and "no process runs" in done.output


def test_an_idle_process_tells_at_once_what_it_did_and_nothing_twice(ail: AilHome, engine: Engine) -> None:
    meter = Meter(engine, "VisualCorrelation", report_seconds=3600)
    meter.report(idle=True)
    assert not list(activities(engine, "VisualCorrelation"))
    meter.count(done=1, seconds=0.1)
    assert not list(activities(engine, "VisualCorrelation"))
    meter.report(idle=True)
    (first,) = activities(engine, "VisualCorrelation")
    meter.report(idle=True)
    assert list(activities(engine, "VisualCorrelation")) == [first] and first.done == 1


def test_counters_of_processes_that_ended_long_ago_are_removed(
    ail: AilHome, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "getpid", lambda: 4194301)
    ended = Meter(engine, "VisualCorrelation", report_seconds=0)
    monkeypatch.undo()
    ended.count(done=1, seconds=1.0)
    assert [counters.done for counters in activities(engine, "VisualCorrelation")] == [1]
    Meter(engine, "VisualCorrelation", report_seconds=60).clear_old()
    assert len(list(activities(engine, "VisualCorrelation"))) == 1, "it may be looked at for a week"
    now = time.time()
    monkeypatch.setattr("time.time", lambda: now + 8 * 86_400)
    Meter(engine, "VisualCorrelation", report_seconds=60).clear_old()
    assert list(activities(engine, "VisualCorrelation")) == []


# -- dead letters --------------------------------------------------------------------------------------------


def test_dead_letters_are_listed_with_their_reasons(ail: AilHome, engine: Engine) -> None:
    fill(engine)
    listed = [json.loads(line) for line in quaid(ail, "dead-letters", "--json").output.splitlines()]
    assert {(line["gid"], line["error"], line["reason"]) for line in listed} == {
        (GID, "CorruptImage", "cut short"),
        (OTHER, "FileNotThere", "no file"),
    }
    for name in (GID, GID.replace("image::", "ail:image:")):
        assert "CorruptImage: cut short" in quaid(ail, "dead-letters", name).output
    assert OTHER not in quaid(ail, "dead-letters", "--error", "CorruptImage").output
    unknown = quaid(ail, "dead-letters", "image::00")
    assert unknown.status == 1 and "no such dead letter" in unknown.complaints


def test_a_requeued_letter_is_in_the_queue_and_off_the_list(ail: AilHome, engine: Engine) -> None:
    ail.add_ours()
    fill(engine)
    bury(
        engine,
        gid="no gid at all",
        message="no gid at all",
        module="VisualCorrelation",
        error=CorruptImage("no name"),
    )
    # Shown only, refused at the question, and without anybody to ask: nothing happens.
    assert quaid(ail, "dead-letters", "--requeue", "--dry-run").status == 0
    assert quaid(ail, "dead-letters", "--requeue", answer="n\n").status == 0
    assert quaid(ail, "dead-letters", "--requeue", "--json").status == 2
    assert (ail.messages(), len(list(dead_letters(engine)))) == ([], 3)
    # One, then all the others.
    assert quaid(ail, "dead-letters", GID, "--requeue", "--yes").status == 0
    assert ail.messages() == [f"{GID};20260701"]
    assert quaid(ail, "dead-letters", "--requeue", answer="y\n").status == 0
    assert set(ail.messages()) == {f"{GID};20260701", f"{OTHER};", "no gid at all"}
    assert list(dead_letters(engine)) == []


def test_removed_letters_go_nowhere(ail: AilHome, engine: Engine) -> None:
    ail.add_ours()
    fill(engine)
    assert quaid(ail, "dead-letters", "--remove", "--yes").status == 0
    assert (ail.messages(), list(dead_letters(engine))) == ([], [])
    assert quaid(ail, "dead-letters", "--remove", "--requeue", "--yes").status == 2


# -- clusters, and what analysts answer ----------------------------------------------------------------------


@pytest.fixture
def matched(ail: AilHome, engine: Engine) -> tuple[str, str]:
    """Two captures of one page on two domains, as our module wrote about them."""
    ail.add_ours()
    sheet = page(1, 480, 300)
    first = ail.new_screenshot(png(sheet), domain="a.onion")
    second = ail.new_screenshot(png(sheet.resize((400, 250))), domain="b.onion")
    for gid in (first, second):
        ail.queue(gid)
    ail.drain("VisualCorrelation", "Tags")
    assert ail.correlations(second, "screenshot") == {first} and any(
        "visual-" in tag for tag in ail.tags(second)
    )
    return first, second


def test_a_cluster_is_shown_with_its_domains(ail: AilHome, matched: tuple[str, str]) -> None:
    first, second = matched
    said = json.loads(quaid(ail, "cluster", second, "--json").output)
    assert [domain["name"] for domain in said["domains"]] == ["a.onion", "b.onion"]
    assert set(said["objects"]) == {first, second} and said["representative"] == first and said["images"] == 2
    place = second.replace("screenshot::", "ail:screenshot:")
    assert json.loads(quaid(ail, "cluster", place, "--json").output) == said
    text = quaid(ail, "cluster", said["cluster"], "--limit", "1").output
    assert "2 images, 2 objects of AIL" in text and "domains (2):\n  a.onion  1 object\n  ..." in text
    assert quaid(ail, "cluster", GID).status == 1


def reconcile(ail: AilHome, *options: str) -> subprocess.CompletedProcess[str]:
    return typed(ail, "reconcile", *options)


def typed(ail: AilHome, name: str, *options: str) -> subprocess.CompletedProcess[str]:
    """A command in AIL's interpreter, as an operator types it."""
    command = [ail.python, "-P", "-m", "douglas_quaid", "ail", name, "--json", *options]
    return subprocess.run(
        command, cwd=ail.folder, env=ail.environment, capture_output=True, text=True, timeout=600
    )


def test_what_an_analyst_rejects_is_taken_back_from_ail(
    ail: AilHome, engine: Engine, matched: tuple[str, str]
) -> None:
    first, second = matched
    ail.run(
        (
            "from lib import Tag\n"
            "Tag.add_object_tag('infoleak:confirmed=\"false-positive\"', 'screenshot', name)"
        ),
        name=second.partition("::")[2],
    )
    # Shown only, each answer and each change: nothing happens.
    shown = reconcile(ail, "--dry-run")
    assert shown.returncode == 0 and ail.correlations(second, "screenshot") == {first}, shown.stderr
    told = [json.loads(line) for line in shown.stdout.splitlines() if line.startswith("{")]
    assert [(line["object"], line["said"]) for line in told if "said" in line] == [(second, "different")]
    changes = [(line["change"], line["what"], line["value"]) for line in told if "what" in line]
    assert ("remove", "correlation", max(first, second)) in changes
    assert told[-1]["summary"]["changed"] == len(changes) and told[-1]["summary"]["dry_run"]
    # Then the two are apart, in the store for good and in AIL, where nothing else changed.
    done = reconcile(ail, "--yes")
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert [(line["object"], line["said"]) for line in lines[:-1]] == [(second, "different")] and lines[-1][
        "summary"
    ]["answers"] == 1
    assert ail.correlations(second, "screenshot") == set() and ail.correlations(second, "domain") == {
        "domain::b.onion"
    }
    assert ail.tags(second) == {'infoleak:confirmed="false-positive"'}
    assert engine.cluster_ids([second.partition("::")[2]]) == [None]
    # A second time there is nothing to do.
    assert json.loads(reconcile(ail, "--yes").stdout.splitlines()[-1])["summary"]["answers"] == 0


@pytest.mark.parametrize("option", ["--accept", "--restore"])
def test_tags_that_many_objects_lost_wait_for_a_word(
    ail: AilHome, engine: Engine, matched: tuple[str, str], option: str
) -> None:
    # Given a match of which both tags were lost with many others
    first, second = matched
    assert reconcile(ail, "--yes").returncode == 0  # a pass has seen them
    before = [ail.tags(gid) for gid in matched]
    delete = "from lib import Tag\nTag.delete_object_tag(tag, 'screenshot', name)"
    for gid in matched:
        ail.run(delete, name=gid.partition("::")[2], tag=tags.MATCH)
        put_off(engine, AilObject.parse(gid), [tags.MATCH])
    # Then the list says what they would mean, and status warns
    listed = json.loads(quaid(ail, "feedback", "--json").output.splitlines()[0])
    assert listed["object"] in matched and listed["tags"] == [tags.MATCH]
    assert [each["said"] for each in listed["meaning"]] == ["different"]
    status = quaid(ail, "status")
    assert status.status == 1 and "2 objects lost tags of ours at once" in status.output
    # A pass does nothing about it, nor does what is only shown
    assert reconcile(ail, "--yes").returncode == 0
    assert typed(ail, "feedback", option, "--dry-run").returncode == 0
    assert typed(ail, "feedback", option, "--accept", "--restore").returncode == 2
    assert not engine.vetoed(first.partition("::")[2]) and len(list(waiting(engine))) == 2
    # Once somebody says what it was, that is done
    done = typed(ail, "feedback", option, "--yes")
    assert done.returncode == 0, done.stderr
    ail.drain("Tags")
    assert list(waiting(engine)) == []
    if option == "--restore":
        assert [ail.tags(gid) for gid in matched] == before
    else:
        assert engine.vetoed(first.partition("::")[2]) == {second.partition("::")[2]}
        assert [ail.tags(gid) for gid in matched] == [set()] * 2
        assert ail.correlations(second, "screenshot") == set()


def test_a_veto_at_the_command_line_is_followed_in_ail(
    ail: AilHome, engine: Engine, matched: tuple[str, str]
) -> None:
    first, second = matched
    engine.veto(first.partition("::")[2], second.partition("::")[2])
    assert reconcile(ail, "--yes").returncode == 0
    assert ail.correlations(second, "screenshot") == ail.correlations(first, "screenshot") == set()
    assert not [tag for gid in matched for tag in ail.tags(gid) if "visual-" in tag]


def test_a_database_of_ail_that_is_away_ends_reconcile_in_words(
    ail: AilHome, matched: tuple[str, str]
) -> None:
    ail.configure("Kvrocks_Tags", port=1)
    done = reconcile(ail, "--yes")
    assert (
        done.returncode == 1
        and "StoreUnavailable: a server of AIL: " in done.stderr
        and "Traceback" not in done.stderr
    )


def test_a_module_listens_by_itself(ail: AilHome, matched: tuple[str, str]) -> None:
    _, second = matched
    ail.run(
        (
            "from lib import Tag\n"
            "Tag.add_object_tag('infoleak:confirmed=\"false-positive\"', 'screenshot', name)"
        ),
        name=second.partition("::")[2],
    )
    ail.configure(feedback_seconds=1)
    module = ail.start_module("VisualCorrelation")
    module.wait_for(lambda: not ail.correlations(second, "screenshot"), "the correlation was taken back")


# -- the checkout --------------------------------------------------------------------------------------------


def test_install_shows_asks_and_writes_and_uninstall_takes_it_back(ail: AilHome) -> None:
    files = [ail.core_cfg, ail.modules_cfg, *(ail.home / "bin").rglob("*.py"), ail.home / "bin" / "LAUNCH.sh"]
    text = ail.core_cfg.read_text()
    ail.core_cfg.write_text(re.sub(rf"(?ms)^\[{SECTION}\]\n.*?(?=^\[|\Z)", "", text))
    before = {path: path.read_bytes() for path in files}
    # Shown only, and refused at the question: nothing is written.
    shown = quaid(
        ail,
        "install",
        "--patch",
        "all",
        "--launcher",
        "--store",
        "redis://:secret@127.0.0.1:6390/0",
        "--dry-run",
    )
    assert shown.status == 0 and "+[VisualCorrelation]" in shown.output and "secret" not in shown.output
    assert "+++ b/bin/lib/correlations_engine.py" in shown.output
    quaid(ail, "install", answer="n\n")
    assert {path: path.read_bytes() for path in files} == before
    # Written, with the store's address where the modules find it.
    assert (
        quaid(
            ail,
            "install",
            "--patch",
            "all",
            "--launcher",
            "--store",
            "redis://:secret@127.0.0.1:6390/0",
            "--yes",
        ).status
        == 0
    )
    assert Settings.read(ail.home).store == "redis://:secret@127.0.0.1:6390/0"
    assert (ail.home / "bin" / "modules" / "VisualCorrelation.py").is_file()
    states = [json.loads(line) for line in quaid(ail, "patch", "--json").output.splitlines()]
    assert {line["state"] for line in states} == {"applied"}
    # A second time there is nothing to do, and everything goes back.
    assert "Nothing to change." in quaid(ail, "install", "--launcher", "--yes").output
    assert quaid(ail, "patch", "P3", "--revert", "--yes").status == 0
    assert quaid(ail, "uninstall", "--yes").status == 0
    assert {path: path.read_bytes() for path in files} == before
    assert not (ail.home / "bin" / "modules" / "VisualCorrelation.py").exists()


def test_install_tells_which_patches_are_offered(ail: AilHome) -> None:
    output = quaid(ail, "install", "--dry-run").output
    assert all(each.name in output for each in patches())


def test_all_patches_that_fit_are_applied_by_one_word_and_taken_out_by_one(ail: AilHome) -> None:
    before = {path: path.read_bytes() for path in (ail.home / "bin").rglob("*.py")}
    # Given a file of AIL that changed, so that one patch does not fit
    engine = ail.home / "bin" / "lib" / "objects" / "ail_objects.py"
    engine.write_bytes(before[engine].replace(b"'decoded', obj1", b"'decoded-2', obj1"))
    done = quaid(ail, "patch", "all", "--yes")
    assert (
        done.status == 0
        and "P4 (" in done.output
        and "is left out: bin/lib/objects/ail_objects.py" in done.output
    )
    states = {
        line["patch"]: line["state"]
        for line in map(json.loads, quaid(ail, "patch", "--json").output.splitlines())
    }
    assert states.pop("P4") == "does not fit" and set(states.values()) == {"applied"}
    engine.write_bytes(before[engine])
    assert quaid(ail, "patch", "ALL", "--revert", "--yes").status == 0
    assert {path: path.read_bytes() for path in (ail.home / "bin").rglob("*.py")} == before
    assert "is not a patch; patches are P1" in quaid(ail, "patch", "all", "P9").complaints


def test_self_check_says_what_is_wrong_and_its_status_tells_programs(ail: AilHome) -> None:
    done = quaid(ail, "self-check", "--json", "--python", ail.python)
    checks = {line["subject"]: line for line in map(json.loads, done.output.splitlines())}
    assert (
        done.status == 1
        and checks["VisualCorrelation"]["grade"] == "failure"
        and "install" in checks["VisualCorrelation"]["remedy"]
    )
    assert "FAIL    VisualCorrelation: " in quaid(ail, "self-check", "--python", ail.python).output
    # and --store names the store that is checked
    other = quaid(ail, "self-check", "--store", "redis://127.0.0.1:1/0", "--python", "/bin/false")
    assert "FAIL    store: " in other.output and "127.0.0.1:1" in other.output


def test_a_systemd_unit_is_printed(ail: AilHome) -> None:
    output = quaid(ail, "systemd-unit", "VisualCorrelationCrawled").output
    assert (
        "./VisualCorrelationCrawled.py" in output
        and f"WorkingDirectory={ail.home.resolve()}/bin/modules" in output
    )


def test_a_folder_that_is_no_ail_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AIL_HOME", raising=False)
    for arguments, words in (
        (["--ail-home", str(tmp_path)], "is not a checkout of AIL"),
        ([], "set AIL_HOME"),
    ):
        done = runner().invoke(cli.main, ["ail", "status", *arguments])
        assert done.exit_code == 2 and words in done.stderr


# -- settings ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("attempt", "3", "attempt is not an option; options are store, max_bytes"),
        ("attempts", "three", "attempts is 'three'; expected a whole number"),
        ("attempts", "0", "attempts is 0; expected a number from 1 to 1,000"),
        ("max_edges", "11", "max_edges is 11; expected a number from 1 to 10"),
        ("retry_seconds", "nan", "retry_seconds is nan; expected a number"),
        ("isolate", "maybe", "isolate is 'maybe'; expected True or False"),
        ("tag_domain", "all", "tag_domain is all; expected looks-like, review, match, or none"),
    ],
)
def test_a_wrong_option_is_refused_by_file_section_and_name(
    tmp_path: Path, option: str, value: str, words: str
) -> None:
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs" / "core.cfg").write_text(f"[{SECTION}]\n{option} = {value}\n")
    with pytest.raises(ConfigError, match=re.escape(f"[{SECTION}]: {words}")) as refused:
        Settings.read(tmp_path)
    assert str(tmp_path / "configs" / "core.cfg") in str(refused.value)


def test_options_are_read_as_they_stand_and_empty_ones_keep_their_defaults() -> None:
    given = {
        "store": "redis://:a%40b@h:1/0",
        "attempts": "5",
        "isolate": "no",
        "retry_seconds": "0.5",
        "allow_tags": 'a:b="c", d',
        "max_edges": "",
    }
    assert Settings.parse(given) == Settings(
        store="redis://:a%40b@h:1/0",
        attempts=5,
        isolate=False,
        retry_seconds=0.5,
        allow_tags=('a:b="c"', "d"),
        max_edges=Settings().max_edges,
    )


def test_the_section_that_is_installed_says_the_defaults_and_why() -> None:
    text = Settings.section(store="redis://h")
    lines = text.splitlines()
    assert lines[0] == f"[{SECTION}]" and all(re.match(r"# \S|\w+ =", line) for line in lines[1:])
    given = dict(line.split(" =", 1) for line in lines[1:] if not line.startswith("#"))
    assert Settings.parse(given) == Settings(store="redis://h") and set(given) == {
        field.name for field in fields(Settings)
    }


def test_the_store_that_is_named_wins_over_the_section_and_that_over_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DOUGLAS_QUAID_STORE", "redis://environment")
    monkeypatch.setenv("DOUGLAS_QUAID_WORKERS", "3")
    assert Settings().engine_config().store == "redis://environment"
    assert Settings(store="redis://section").engine_config().store == "redis://section"
    config = Settings(store="redis://section", max_pixels=5).engine_config(store="redis://named")
    assert (config.store, config.max_pixels, config.workers, config.isolate) == ("redis://named", 5, 3, True)


def test_locations_come_from_core_cfg_as_ail_reads_them(ail: AilHome) -> None:
    locations = Locations.read(ail.home)
    assert (
        locations.images == ail.home / "IMAGES"
        and locations.screenshots == ail.home / "CRAWLED_SCREENSHOT" / "screenshot"
    )
    ail.configure("Directories", images="/elsewhere/IMAGES")
    assert Locations.read(ail.home).images == Path("/elsewhere/IMAGES")
    assert locations.tags.password == "ail_tags" and "ail_tags" not in repr(locations)


def test_a_server_that_is_away_is_a_store_error_that_names_its_section(ail: AilHome) -> None:
    from douglas_quaid.ail.servers import AilServers

    ail.configure("Redis_Process", port=1)
    with (
        AilServers(Locations.read(ail.home)) as servers,
        pytest.raises(StoreUnavailable, match=r"\[Redis_Process\] at .*:1"),
    ):
        list(servers.ledger("VisualCorrelation"))


# -- the README ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", group.commands)
def test_every_command_and_option_is_in_the_readme(name: str) -> None:
    assert f"quaid ail {name}" in README and group.commands[name].help
    for option in group.commands[name].params:
        for flag in option.opts:
            if isinstance(option, click.Option) and flag.startswith("--") and not option.hidden:
                assert re.search(rf"{re.escape(flag)}\b", README), (
                    f"ail_module/README.md does not mention {flag} of `quaid ail {name}`"
                )


@pytest.mark.parametrize("name", group.commands)
def test_every_command_is_in_the_root_readme(name: str) -> None:
    assert f"`quaid ail {name}" in (ROOT / "README.md").read_text("utf-8")


def test_every_setting_is_in_the_table_with_its_default() -> None:
    for field in fields(Settings):
        row = re.search(rf"^\| `{field.name}` \| (?:`([^`]*)`)? ?\|", README, re.MULTILINE)
        assert row, f"ail_module/README.md has no table row for the option `{field.name}`"
        assert Settings.parse({field.name: row.group(1) or ""}) == Settings(), (
            f"ail_module/README.md gives another default for `{field.name}`"
        )
        assert (row.group(1) is None) == (field.default in (None, ())), (
            f"ail_module/README.md is silent about the default of `{field.name}`"
        )


def test_every_patch_is_in_the_readme() -> None:
    assert set(re.findall(r"^\| (P\d) \|", README, re.MULTILINE)) == {each.name for each in patches()}


def test_the_tags_of_the_readme_are_those_that_are_written() -> None:
    section = README.partition("### Tags\n")[2].partition("\n### ")[0]
    named = set(re.findall(r'infoleak:automatic-detection="(visual-[a-z-]+?)-?…?"', section))
    kinds = ("match", "review", "looks-like", "identical-almost-certain", "near-duplicate", "partial")
    assert named == {f"visual-{kind}" for kind in kinds}
    assert tags.REVIEW == 'infoleak:automatic-detection="visual-review"'
    for _, band in likelihood.BANDS:
        assert f"`{band}`" in README


def test_the_symptoms_are_texts_of_the_program() -> None:
    texts = "\n".join(
        text for folder in (FOLDER, ROOT / "core") for path in folder.rglob("*.py") for text in literals(path)
    )
    table = re.search(r"^## Troubleshooting\n(.*?)^## ", README, re.MULTILINE | re.DOTALL)
    assert table
    symptoms = [
        part
        for row in re.findall(r"^\| (`[^|]*`) \|", table.group(1), re.MULTILINE)
        for part in re.findall(r"`([^`]+)`", row)
    ]
    assert len(symptoms) >= 5
    for symptom in symptoms:
        assert symptom in texts, f"ail_module/README.md explains {symptom!r}, which no code says"


def literals(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def test_every_file_and_heading_that_the_readme_names_exists() -> None:
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", README):
        if "://" not in target:
            assert (FOLDER / target).exists(), f"ail_module/README.md links to {target}"
    headings = {
        re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")
        for heading in re.findall(r"^#+ (.*)$", README, re.MULTILINE)
    }
    for target in re.findall(r"\]\(#([^)]+)\)", README):
        assert target in headings
