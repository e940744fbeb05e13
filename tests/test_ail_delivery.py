"""What our modules do with the messages on their queues, inside a scratch AIL: through, back, or given up
with a reason.
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256

import pytest
from support.ail_host import OURS, AilHome
from support.ail_mixture import bomb, small, variant
from support.formats import FORMATS
from support.pictures import page, png
from support.waiting import hanging_up, refusals, slowness

from douglas_quaid.ail.runtime.monitoring import DeadLetter, bury, count_failure, dead_letters
from douglas_quaid.engine import Engine
from douglas_quaid.records import Sighting

pytest_plugins = ["support.ail_fixtures"]

CRAWLED = "VisualCorrelationCrawled"


@pytest.fixture
def store(ail: AilHome) -> Iterator[Engine]:
    """The feature store of the module, as another process sees it."""
    with Engine.open(ail.store.url) as engine:
        yield engine


def sighting(store: Engine, gid: str) -> Sighting | None:
    """What the store says about an object; None when it is not there."""
    (seen,) = store.sightings(["ail:" + gid.replace("::", ":")])
    return seen[0].sighting if seen else None


def letters(store: Engine) -> dict[str, DeadLetter]:
    return {letter.gid: letter for letter in dead_letters(store)}


def idle(ail: AilHome, module: str = OURS) -> bool:
    return not ail.queue_length(module) and not ail.in_flight(module)


# -- through -------------------------------------------------------------------------------------------------


def test_an_image_goes_through_the_queue_to_a_correlation(ail: AilHome, store: Engine) -> None:
    # given two images that show one picture, one of them posted in two chats
    ail.add_ours()
    first, second = ail.new_image(png(small(1))), ail.new_image(variant(small(1)))
    ail.run(
        (
            "from lib.objects.Images import Image\n"
            "for c in (2, 1): Image(id).add_correlation('chat', 'telegram', c)"
        ),
        id=first.split(":")[2],
    )
    ail.queue_all([(first, "20260701"), (second, "20260702")])
    # when our module has had its queue
    ail.drain(OURS)
    # then both are known, with places and days, and correlated
    one, two = sighting(store, first), sighting(store, second)
    assert (
        one
        and one.labels["chat"] == "telegram:1,telegram:2"
        and one.last_seen.strftime("%Y%m%d") == "20260701"
    )
    assert two and two.labels["written"] == "2" and "chat" not in two.labels
    assert ail.correlations(first, "image") == {second} and ail.correlations(second, "image") == {first}
    assert idle(ail) and letters(store) == {}


def test_a_screenshot_keeps_its_first_twenty_domains(ail: AilHome, store: Engine) -> None:
    ail.add_ours()
    gid = ail.new_screenshot(png(page(1)), item="crawled/2026/07/15/a.onion-0000")
    code = (
        "from lib.objects.Screenshots import Screenshot\n"
        "for n in range(25): Screenshot(id).add_correlation('domain', '', f'{n:02}.onion')"
    )
    ail.run(code, id=gid.split(":")[2])
    ail.queue(gid, publisher="Crawler")
    ail.drain(OURS)
    seen = sighting(store, gid)
    assert seen and seen.labels["domain"].split(",") == [f"{n:02}.onion" for n in range(20)]
    assert (
        seen.labels["date"] == "2026-07-15"
        and seen.first_seen.strftime("%Y%m%d") == "20260715"
        and seen.last_seen > seen.first_seen
    )


def test_a_pair_of_one_domain_is_told_of_when_one_of_them_turns_up_on_another(
    ail: AilHome, store: Engine
) -> None:
    # given two captures of one page on one domain, of which nothing is said
    ail.add_ours()
    gids = [ail.new_screenshot(content, domain="a.onion") for content in (png(small(1)), variant(small(1)))]
    ail.queue_all([(gid, "") for gid in gids], publisher="Crawler")
    ail.drain(OURS)
    assert ail.correlations(gids[0], "screenshot") == set() and ail.messages("Tags") == []
    # when another domain shows the very same bytes
    assert ail.new_screenshot(png(small(1)), domain="b.onion") == gids[0]
    ail.queue(gids[0], publisher="Crawler")
    ail.drain(OURS)
    assert ail.correlations(gids[0], "screenshot") == {gids[1]} and ail.messages("Tags")


def test_of_what_ail_marks_unsafe_only_hashes_are_kept(ail: AilHome, store: Engine) -> None:
    # given an unsafe screenshot, one of an unsafe domain, and one that becomes unsafe later
    ail.add_ours()
    unsafe = 'dark-web:topic="violence"'
    gids = [ail.new_screenshot(png(page(n)), domain=f"{n}.onion") for n in range(3)]
    tag = "from lib import Tag\nTag.add_object_tag(tag, type, id)"
    ail.run(tag, tag=unsafe, type="screenshot", id=gids[0].split(":")[2])
    ail.run(tag, tag=unsafe, type="domain", id="1.onion")
    ail.queue_all([(gid, "") for gid in gids], publisher="Crawler")
    ail.drain(OURS)

    def kept() -> list[bool]:
        return [store.show(gid.split(":")[2]).to_json()["thumbnail_bytes"] > 0 for gid in gids]  # type: ignore[union-attr]

    assert kept() == [False, False, True]
    # when it is marked, and comes again
    ail.run(tag, tag=unsafe, type="screenshot", id=gids[2].split(":")[2])
    ail.queue(gids[2], "20260801")
    ail.drain(OURS)
    assert kept() == [False, False, False]


def test_a_gif_is_a_picture_unless_the_settings_leave_it_alone(ail: AilHome, store: Engine) -> None:
    ail.add_ours()
    gid = ail.new_image(FORMATS["GIF"])
    ail.configure(skip_gif=True)
    ail.queue(gid, "1")
    ail.drain(OURS)
    assert idle(ail) and letters(store) == {} and sighting(store, gid) is None
    ail.configure(skip_gif=False)
    ail.queue(gid, "2")
    ail.drain(OURS)
    assert sighting(store, gid)


# -- given up ------------------------------------------------------------------------------------------------


def test_what_cannot_be_processed_is_a_dead_letter_with_a_reason_and_the_rest_goes_on(
    ail: AilHome, store: Engine
) -> None:
    ail.add_ours()
    ail.configure(attempts=2, retry_seconds=0)
    whole = png(small(1))
    missing, changed = f"image::{sha256(b'missing').hexdigest()}", ail.new_image(png(small(2)))
    ail.path(changed).write_bytes(whole[:-100])
    long = f"image::{'f' * 3000}"
    # given for each message the error of its letter, and how often it was tried
    expected = {
        "nosuchtype::abc": ("BadObject", 1),
        "image": ("BadObject", 1),
        "image::../../../../etc/passwd": ("BadObject", 1),
        f"image:sub:{sha256(b'x').hexdigest()}": ("BadObject", 1),
        long[:1000]: ("BadObject", 1),
        "no separator": ("BadObject", 1),
        r"b'\xff\xfe;20260701'": ("BadObject", 1),
        "::": ("BadObject", 1),
        missing: ("FileNotThere", 2),
        changed: ("FileNotThere", 2),
        ail.new_image(whole[: len(whole) // 20]): ("CorruptImage", 1),
        ail.new_image(bomb(1)): ("ImageTooLarge", 1),
        ail.new_image(b"<html>no picture</html>"): ("UnsupportedImage", 1),
    }
    sound = ail.new_image(whole)
    gids = [gid for gid in expected if gid not in ("no separator", r"b'\xff\xfe;20260701'", long[:1000])]
    ail.queue_all([(gid, "20260701") for gid in [*gids, long]])
    ail.redis("Redis_Queues").rpush(f"queue:{OURS}:in", "no separator", b"\xff\xfe;20260701")
    ail.queue_all([("item::2026/07/01/no-picture.gz", ""), (sound, "20260701")])
    # when our module has had its queue
    ail.drain(OURS)
    # then all is told, the sound one is known, and neither queue nor ledger holds anything
    found = letters(store)
    assert {gid: (letter.error, letter.attempts) for gid, letter in found.items()} == expected
    assert all(
        letter.reason and letter.module == OURS and letter.first <= letter.last for letter in found.values()
    )
    assert sighting(store, sound) and idle(ail)
    assert list(store.bookmarks("ail:attempts:")) == []
    log = (ail.home / "logs" / "modules.log").read_text()
    assert "CRITICAL" not in log and log.count("given up") == len(expected)


def test_a_dead_letter_that_is_queued_again_and_succeeds_is_gone(ail: AilHome, store: Engine) -> None:
    ail.add_ours()
    ail.configure(attempts=1, retry_seconds=0)
    gid, content = f"image::{sha256(png(small(1))).hexdigest()}", png(small(1))
    ail.queue(gid, "1")
    ail.drain(OURS)
    assert letters(store).keys() == {gid}
    assert ail.new_image(content) == gid
    ail.queue(gid, "1")
    ail.drain(OURS)
    assert letters(store) == {} and sighting(store, gid)


def test_what_failed_after_it_was_done_once_is_forgotten_when_it_is_recognised(
    ail: AilHome, store: Engine
) -> None:
    # given a picture that is done, of which a process died twice later on, and which was once given up
    ail.add_ours()
    gid = ail.new_image(png(small(1)))
    ail.queue(gid, "20260701")
    ail.drain(OURS)
    bury(store, gid=gid, message="", module=OURS, error=ValueError("of an earlier day"))
    for _ in range(2):
        count_failure(store, gid)
    # when it comes again
    ail.queue(gid, "20260702")
    ail.drain(OURS)
    # then a failure of another year is the first one
    assert letters(store) == {} and count_failure(store, gid).attempts == 1


def test_a_decoder_that_hangs_takes_neither_the_module_nor_the_next_picture_with_it(
    ail: AilHome, store: Engine
) -> None:
    # given three pictures, over the second of which the child that decodes stands still
    ail.add_ours()
    ail.configure(decode_seconds=round(3 * slowness(), 1))
    before, hanging, after = (ail.new_image(png(small(n))) for n in range(3))
    ail.queue_all([(gid, "20260701") for gid in (before, hanging, after)])
    code = """
    import os, signal
    from modules.VisualCorrelation import VisualCorrelation
    module = VisualCorrelation()
    module.pending_seconds = 0
    module.computeNone = lambda: setattr(module, "proceed", False)
    work = module.compute
    def compute(message):
        if module.obj.get_global_id() == hanging:
            children = open(f"/proc/self/task/{os.getpid()}/children").read().split()
            assert children, "there is a child"
            for child in children:
                os.kill(int(child), signal.SIGSTOP)
        work(message)
    module.compute = compute
    module.run()
    """
    ail.run(code, hanging=hanging)
    # then it is given up, and the others are known
    assert {gid: letter.error for gid, letter in letters(store).items()} == {hanging: "CorruptImage"}
    assert sighting(store, before) and sighting(store, after) and idle(ail)


# -- back ----------------------------------------------------------------------------------------------------


def test_while_the_store_is_full_or_away_or_ail_s_database_is_nothing_is_popped(
    ail: AilHome, store: Engine
) -> None:
    # given a module that starts while its store is away
    ail.add_ours()
    ail.configure(gate_seconds=0, retry_seconds=0.1, attempts=1)
    database = ail.servers.of("Kvrocks_Correlations")
    gids = [ail.new_image(png(small(n))) for n in range(3)]
    ail.store.stop()
    module = ail.start_module()
    ail.queue(gids[0], "1")
    module.wait_for(lambda: "messages stay in AIL's queue" in module.said(), "it tells of it")
    assert ail.messages() == [f"{gids[0]};1"]
    ail.store.start()
    module.wait_for(lambda: sighting(store, gids[0]) and idle(ail), "it works when the store is there")

    # when the store is full
    def heard(times: int) -> bool:
        return module.said().count("messages stay in AIL's queue") >= times

    ail.store.client().config_set("maxmemory", "1")
    module.wait_for(lambda: heard(2), "it tells of it")
    before = refusals(ail.store.client())
    ail.queue(gids[1], "1")
    module.wait_for(lambda: refusals(ail.store.client()) > before + 5, "it asks again and again")
    assert ail.messages() == [f"{gids[1]};1"] and not ail.in_flight()
    ail.store.client().config_set("maxmemory", "0")
    module.wait_for(lambda: sighting(store, gids[1]) and idle(ail), "it works when the store has room")

    # when AIL's own database is away
    database.stop()
    module.wait_for(lambda: heard(3), "it tells of it")
    with hanging_up(database.port) as asked:
        ail.queue(gids[2], "1")
        module.wait_for(lambda: asked() > 5, "it asks again and again")
        assert ail.messages() == [f"{gids[2]};1"] and not ail.in_flight()
    database.start()
    module.wait_for(lambda: sighting(store, gids[2]) and idle(ail), "it works when the database is back")
    assert letters(store) == {}


def test_a_restart_of_ail_s_queue_server_ends_no_module(ail: AilHome, store: Engine) -> None:
    ail.add_ours()
    server, gid = ail.servers.of("Redis_Queues"), ail.new_image(png(small(1)))
    module = ail.start_module()
    module.wait_for(lambda: ail.heartbeats().get(module.pid, -1) > 0, "it asks for messages")
    # when the server goes, and one without any of what it held comes
    server.stop()
    module.wait_for(
        lambda: "AIL's servers fail" in module.said() or "messages stay" in module.said(), "it tells of it"
    )
    server.start()
    # then the module goes on
    ail.queue(gid, "20260701")
    module.wait_for(lambda: sighting(store, gid) and idle(ail), "the picture is known")


@pytest.mark.parametrize("away", ["store", "Kvrocks_Correlations"])
def test_what_goes_in_the_midst_of_the_work_sends_the_message_back_uncounted(
    ail: AilHome, store: Engine, away: str
) -> None:
    # given one attempt only, and a store or a database of AIL that ends when the work has begun
    ail.add_ours()
    ail.configure(attempts=1, gate_seconds=60)
    gid = ail.new_image(png(small(1)))
    ail.queue(gid, "20260701")
    code = """
    import redis
    from lib.ConfigLoader import ConfigLoader
    from modules.VisualCorrelation import VisualCorrelation
    module = VisualCorrelation()
    work = module.compute
    def compute(message):
        server = redis.Redis(port=port) if away == "store" else ConfigLoader().get_db_conn(away)
        server.shutdown(nosave=True)
        work(message)
        module.proceed = False
    module.compute = compute
    module.run()
    return module.can_process_next_message()
    """
    assert ail.run(code, port=ail.store.port, away=away) is False, "and nothing is taken any more"
    assert ail.messages() == [f"{gid};20260701"] and ail.in_flight() == set()
    # when it is back
    server = ail.store if away == "store" else ail.servers.of(away)
    server.stop()
    server.start()
    ail.drain(OURS)
    assert sighting(store, gid) and letters(store) == {} and idle(ail)


def test_an_error_that_nobody_foresaw_is_counted_told_and_tried_again(ail: AilHome, store: Engine) -> None:
    ail.add_ours()
    ail.configure(attempts=3, retry_seconds=0)
    gid = ail.new_image(png(small(1)))
    ail.queue(gid, "20260701")
    code = """
    from douglas_quaid.ail import VisualCorrelation as ours
    tries, right = [], ours.process
    def process(*given, **options):
        tries.append(1)
        if len(tries) < 3:
            raise [ZeroDivisionError, MemoryError][len(tries) - 1]("a mistake of ours")
        return right(*given, **options)
    ours.process = process
    module = ours.VisualCorrelation()
    module.pending_seconds = 0
    module.computeNone = lambda: setattr(module, "proceed", False)
    module.run()
    return len(tries)
    """
    assert ail.run(code) == 3
    log = (ail.home / "logs" / "modules.log").read_text()
    assert "attempt 1 of 3 failed: ZeroDivisionError" in log and "Traceback" in log
    assert sighting(store, gid) and letters(store) == {} and idle(ail)
    assert store.bookmark(f"ail:attempts:{gid}") is None


# -- crawled items -------------------------------------------------------------------------------------------


def test_a_screenshot_that_comes_after_its_item_is_found_by_a_later_look(ail: AilHome, store: Engine) -> None:
    # given an item that is queued before its screenshot is stored, as the crawler does, and one that never
    # has any
    ail.add_ours(CRAWLED, subscribe="Indexers")
    ail.configure(attempts=3, retry_seconds=0.5)
    item, without = "crawled/2026/07/15/a.onion-0000", "crawled/2026/07/15/b.onion-0000"
    ail.queue_all(
        [(f"item::{name}", "") for name in (item, without, "submitted/2026/07/15/c.gz")], queue="Indexers"
    )
    ail.queue("image", queue="Indexers")
    module = ail.start_module(CRAWLED)
    module.wait_for(lambda: store.bookmark(f"ail:attempts:item::{item}"), "it looked once")
    # when the screenshot is there
    gid = ail.new_screenshot(png(page(1)), domain="a.onion", item=item)
    # then it is found, and what has none is no failure
    module.wait_for(
        lambda: sighting(store, gid) and not list(store.bookmarks("ail:attempts:")) and idle(ail, CRAWLED),
        "the screenshot is known",
    )
    seen = sighting(store, gid)
    assert seen and seen.labels["domain"] == "a.onion" and seen.last_seen.strftime("%Y%m%d") == "20260715"
    assert letters(store).keys() == {"image"}


def test_a_screenshot_of_many_items_is_done_once(ail: AilHome, store: Engine) -> None:
    ail.add_ours(CRAWLED, subscribe="Indexers")
    ail.add_ours()
    content, items = png(page(1)), [f"crawled/2026/07/{day}/a.onion-0000" for day in (15, 16)]
    for item in items:
        gid = ail.new_screenshot(content, domain="a.onion", item=item)
    ail.queue_all([(f"item::{item}", "") for item in items], queue="Indexers")
    ail.queue(gid, publisher="Crawler")
    ail.drain(CRAWLED, OURS)
    assert sighting(store, gid) and store.count() == 1 and letters(store) == {}
    assert idle(ail) and idle(ail, CRAWLED)


def test_a_crawled_screenshot_that_was_given_up_can_be_queued_again(ail: AilHome, store: Engine) -> None:
    # given an item whose screenshot's file is missing
    ail.add_ours(CRAWLED, subscribe="Indexers")
    ail.configure(attempts=2, retry_seconds=0)
    content, item = png(page(1)), "crawled/2026/07/15/a.onion-0000"
    gid = ail.new_screenshot(content, domain="a.onion", item=item)
    ail.path(gid).unlink()
    ail.queue(f"item::{item}", queue="Indexers")
    ail.drain(CRAWLED)
    assert {letter.gid: (letter.module, letter.error) for letter in dead_letters(store)} == {
        gid: (CRAWLED, "FileNotThere")
    }
    # when the file is there, and the letter is queued again
    ail.path(gid).write_bytes(content)
    ail.redis("Redis_Queues").rpush(f"queue:{CRAWLED}:in", f"{gid};")
    ail.drain(CRAWLED)
    assert sighting(store, gid) and letters(store) == {} and idle(ail, CRAWLED)
