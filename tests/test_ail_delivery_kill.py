"""kill -9 at every moment that matters: whatever a process had in its hands is found in AIL's ledger, done
once, and written once.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from support.ail_host import OURS, AilHome, CodeFailed
from support.ail_mixture import small, variant
from support.pictures import png, tall_page
from support.waiting import calls

from douglas_quaid.ail.publishing.ledger import read_entry, written_objects
from douglas_quaid.ail.runtime.monitoring import dead_letters
from douglas_quaid.engine import Engine

pytest_plugins = ["support.ail_fixtures"]

KILLED = """
import os, signal
import redis
from modules.VisualCorrelation import VisualCorrelation

send, sent = redis.Connection.send_packed_command, []

def counting(self, command, *rest, **options):
    text = b"".join(command) if isinstance(command, (list, tuple)) else command
    if sent or b"LPOP" in text:
        if len(sent) == after:
            os.kill(os.getpid(), signal.SIGKILL)
        sent.append(text)
    return send(self, command, *rest, **options)

for kind in (redis.Connection, redis.UnixDomainSocketConnection):
    kind.send_packed_command = counting

module = VisualCorrelation()
module.pending_seconds = 0
module.computeNone = lambda: setattr(module, "proceed", False)
work = module.compute
module.compute = lambda message: (work(message), setattr(module, "proceed", False))
module.run()
return len(sent)
"""


@pytest.fixture
def store(ail: AilHome) -> Iterator[Engine]:
    with Engine.open(ail.store.url) as engine:
        yield engine


def work_until_killed(ail: AilHome, after: int) -> bool:
    """One message, until the module is killed before its command number `after`, counted from the one that
    takes it; False: it was done before.
    """
    try:
        ail.run(KILLED, after=after)
    except CodeFailed as died:
        assert "ended with -9" in str(died), died
        return True
    return False


def written(store: Engine, gids: list[str]) -> set[str]:
    """Those of which everything was done."""
    places = store.sightings(["ail:" + gid.replace("::", ":") for gid in gids])
    return {
        gid
        for gid, seen in zip(gids, places, strict=True)
        if any("written" in one.sighting.labels for one in seen)
    }


def test_killed_before_any_of_its_commands_it_loses_nothing_and_writes_nothing_twice(
    ail: AilHome, store: Engine
) -> None:
    # given a picture that is known
    ail.add_ours()
    ail.configure(grace_seconds=1, attempts=50, retry_seconds=0, feedback_seconds=1)
    gids = [ail.new_image(png(small(0)))]
    ail.queue(gids[0])
    ail.drain(OURS)
    # when copies of it come, and the process dies over each, one a few commands later than the one before
    after, killed = 0, True
    while killed and len(gids) < 60:  # each copy has another quality, up to 100
        gids.append(ail.new_image(variant(small(0), 40 + len(gids))))
        ail.queue(gids[-1], "20260701")
        killed = work_until_killed(ail, after)
        after += 11
    assert len(gids) > 8, "it was killed many times"
    # and one goes on that is not killed
    module = ail.start_module()
    module.wait_for(
        lambda: written(store, gids) == set(gids) and not ail.queue_length() and not ail.in_flight(),
        "all is done",
    )
    # what a process had begun to write about the partner of its object is ended by the round that looks
    # through the ledger
    module.wait_for(
        lambda: all(read_entry(store, obj).settled for obj in written_objects(store)),
        "nothing is half written",
    )
    ail.kill()
    # then each is known and correlated once, with the first or by it; nothing was given up
    assert list(dead_letters(store)) == []
    edges = [(gid, other) for gid in gids for other in ail.correlations(gid, "image")]
    assert {gid for gid, _ in edges} == set(gids) and len(edges) == 2 * (len(gids) - 1), (
        "a star, seen from both ends"
    )
    rows = [ail.duplicates(gid) for gid in gids]
    assert all(len(scores) == 1 for found in rows for scores in found.values()), "one score for a pair"
    # and the two sides of the first match have their tags, which further copies do not get. The first copy
    # may have been lost, and come later; AIL's Tags module takes a tag that it has already for nothing new,
    # so its message may come twice
    tagged = {tag.partition(";")[0] for tag in ail.messages("Tags")}
    assert len(tagged) == 2 and tagged <= set(gids)
    # and the ledger is clean
    ledger = ail.redis("Redis_Process")
    rows_left = [
        row
        for key in ledger.scan_iter("obj:*")
        for row in ledger.zrange(key, 0, -1)
        if row.startswith(f"{OURS}:")
    ]
    assert rows_left == []


def test_a_picture_that_kills_again_and_again_becomes_a_dead_letter(ail: AilHome, store: Engine) -> None:
    # given that two deaths over one object are enough
    ail.add_ours()
    ail.configure(grace_seconds=1, attempts=2, retry_seconds=0)
    gid = ail.new_image(png(small(1)))
    ail.queue(gid, "20260701")
    # when it kills the process that has it, and the next, and the one after that finds it in the ledger
    for _ in range(2):
        assert work_until_killed(ail, 12)
        time.sleep(2.1)
    ail.drain(OURS)
    # then it is given up with a reason, and no longer in work
    [letter] = dead_letters(store)
    assert (letter.gid, letter.error, letter.attempts) == (
        gid,
        "Died",
        2,
    ) and "ended before it was done" in letter.reason
    assert ail.in_flight() == set() and ail.queue_length() == 0


def test_what_a_living_process_has_is_not_taken_from_it(ail: AilHome, store: Engine) -> None:
    # given that the younger of two processes stands still over its message, for longer than the grace period
    ail.add_ours()
    ail.configure(grace_seconds=1, retry_seconds=0)
    elder = ail.start_module()
    elder.wait_for(lambda: ail.heartbeats().get(elder.pid, -1) > 0, "it asks for messages")
    os.kill(elder.pid, signal.SIGSTOP)
    younger = ail.start_module()
    gid = ail.new_image(png(small(1)))
    ail.queue(gid, "20260701")
    younger.wait_for(lambda: ail.in_flight() == {gid}, "it has the message")
    os.kill(younger.pid, signal.SIGSTOP)
    assert ail.in_flight() == {gid} and not written(store, [gid])
    # when the elder one, which looks for lost messages twice in a grace period, goes on
    ledger = ail.redis("Redis_Process")
    looks = calls(ledger, "sscan")
    os.kill(elder.pid, signal.SIGCONT)
    elder.wait_for(lambda: calls(ledger, "sscan") > looks + 4, "it looks again and again")
    # then it leaves the message alone as long as the other lives, and does it when that is dead
    assert (
        not ail.queue_length() and not written(store, [gid]) and store.bookmark(f"ail:attempts:{gid}") is None
    )
    os.kill(younger.pid, signal.SIGKILL)
    younger.wait()
    elder.wait_for(lambda: written(store, [gid]) == {gid}, "the message is done")
    assert list(dead_letters(store)) == []


def test_what_was_kept_for_a_later_try_survives_the_process(ail: AilHome, store: Engine) -> None:
    # given a message whose file is not there yet, kept for a later try
    ail.add_ours()
    ail.configure(grace_seconds=1, attempts=5, retry_seconds=1)
    content = png(small(2))
    gid = ail.new_image(content)
    path = ail.path(gid)
    path.unlink()
    ail.queue(gid, "20260701")
    module = ail.start_module()
    module.wait_for(lambda: store.bookmark(f"ail:attempts:{gid}"), "a try failed")
    # when the process dies, the file comes, and another process starts
    ail.kill()
    path.write_bytes(content)
    module = ail.start_module()
    # then the message is found and done
    module.wait_for(lambda: written(store, [gid]) == {gid}, "the picture is known")
    assert store.bookmark(f"ail:attempts:{gid}") is None and list(dead_letters(store)) == []


def test_told_to_end_it_finishes_its_message_and_hands_back_what_it_keeps(
    ail: AilHome, store: Engine
) -> None:
    # given a message that is kept for a later try, one in work and one that waits
    ail.add_ours()
    ail.configure(retry_seconds=60)
    gone, first, second = (ail.new_image(png(small(n))) for n in range(3))
    ail.path(gone).unlink()
    ail.queue_all([(gid, "20260701") for gid in (gone, first, second)])
    module = ail.start_module()
    module.wait_for(
        lambda: store.bookmark(f"ail:attempts:{gone}") and ail.in_flight(), "it works on the next"
    )
    # when it is told to end
    module.terminate()
    assert module.wait(180) == 0, module.said()
    # then nothing is in work, and what is not done waits
    done = written(store, [first, second])
    assert done and not ail.in_flight()
    assert {message.partition(";")[0] for message in ail.messages()} == {gone, first, second} - done


def decoder_of(pid: int) -> int | None:
    """The child process that decodes for a module, when it works."""
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        process = Path("/proc") / child
        state = (process / "stat").read_text().rpartition(")")[2].split()[0]
        if state == "R" and b"douglas_quaid.isolation" in (process / "cmdline").read_bytes():
            return int(child)
    return None


def test_told_to_end_together_with_its_decoder_it_does_not_blame_the_picture(
    ail: AilHome, store: Engine
) -> None:
    # given a module whose decoder has begun with a long page
    ail.add_ours()
    ail.configure(attempts=2, retry_seconds=60)
    known, page = ail.new_image(png(small(0))), ail.new_image(png(tall_page(1, ratio=16)))
    ail.queue(known)
    module = ail.start_module()
    module.wait_for(lambda: written(store, [known]), "its decoder runs")
    ail.queue(page, "20260701")
    works: list[int | None] = []
    module.wait_for(
        lambda: works.append(decoder_of(module.pid)) or works[-1] or written(store, [page]),
        "its decoder works",
    )
    # when both are told to end, as at the end of a session or of the machine
    module.terminate()
    with suppress(ProcessLookupError):
        os.kill(works.pop() or module.pid, signal.SIGTERM)
    assert module.wait(180) == 0, module.said()
    # then the page is no dead letter: it waits for the next process, unless the decoder was done with it a
    # moment before
    assert list(dead_letters(store)) == [] and not ail.in_flight()
    assert {message.partition(";")[0] for message in ail.messages()} == {page} - written(store, [page])


def test_two_processes_share_a_queue_and_do_nothing_twice(ail: AilHome, store: Engine) -> None:
    # given pairs of pictures, each queued several times
    ail.add_ours()
    pairs = [[ail.new_image(png(small(n))), ail.new_image(variant(small(n)))] for n in range(10)]
    gids = [gid for pair in pairs for gid in pair]
    ail.queue_all([(gid, f"2026070{n}") for n in (1, 2, 2) for gid in gids])
    # when two processes work
    modules = [ail.start_module(), ail.start_module()]
    for module in modules:
        module.wait_for(
            lambda: written(store, gids) == set(gids) and not ail.queue_length() and not ail.in_flight(),
            "all is done",
        )
    ail.kill()
    # then each pair is correlated once and tagged once
    for one, other in pairs:
        assert ail.correlations(one, "image") == {other} and ail.correlations(other, "image") == {one}
        assert [len(rows) for gid in (one, other) for rows in ail.duplicates(gid).values()] == [1, 1]
    tags = ail.messages("Tags")
    assert len(tags) == len(set(tags))
    assert list(dead_letters(store)) == []
