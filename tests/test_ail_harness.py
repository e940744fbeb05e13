"""What the adapter relies on in AIL, held against a real checkout and against our double with the same words."""

from __future__ import annotations

import time
from collections.abc import Callable
from hashlib import sha256

import pytest
from ail_host import AilHome, CodeFailed

pytest_plugins = ["ail_fixtures"]

KEEP = """
import os, sys
sys.path.append(os.environ['AIL_BIN'])
from modules.abstract_module import AbstractModule

class Probe(AbstractModule):
    def __init__(self):
        super().__init__()
        self.pending_seconds = 0.1
    def compute(self, message):
        {compute}

if __name__ == '__main__':
    Probe().run()
"""


def probe(ail: AilHome, compute: str) -> None:
    ail.add_module("Probe", KEEP.format(compute=compute))


def test_an_image_and_a_screenshot_of_the_same_bytes_are_two_objects_with_one_id(ail: AilHome) -> None:
    content = b"\x89PNG not really"
    image, screenshot = ail.new_image(content), ail.new_screenshot(content, domain="a.onion", item="crawled/2026/07/15/a.onion-0000")
    name = sha256(content).hexdigest()
    assert (image, screenshot) == (f"image::{name}", f"screenshot::{name}")
    assert ail.path(image).read_bytes() == ail.path(screenshot).read_bytes() == content
    parts = [*(name[place : place + 2] for place in range(0, 12, 2)), name[12:]]
    assert ail.path(image) == ail.home.joinpath("IMAGES", *parts).resolve()
    assert ail.path(screenshot) == ail.home.joinpath("CRAWLED_SCREENSHOT", "screenshot", *parts).with_suffix(".png").resolve()
    assert ail.correlations(screenshot) == {"domain::a.onion", "item::crawled/2026/07/15/a.onion-0000"}


def test_a_message_goes_to_every_subscriber_and_into_the_ledger(ail: AilHome) -> None:
    probe(ail, "pass")
    gid = ail.new_image(b"one")
    ail.queue(gid, "20260701")
    ail.queue(gid, "20260701")
    assert ail.messages("Probe") == ail.messages("CodeReader") == [f"{gid};20260701"] * 2
    ledger = ail.redis("Redis_Process")
    assert ledger.smembers("objs:process") == {gid} and ledger.zrange("objs:process:image", 0, -1) == [gid]
    rows = ledger.zrange(f"obj:queues:{gid}", 0, -1)
    assert {row.split(":")[0] for row in rows} == {"Probe", "CodeReader"} and len({row.split(":")[1] for row in rows}) == 1, "one entry for two equal messages"
    assert ail.in_flight("Probe") == set()


def test_the_ledger_s_hash_is_xxh3_of_the_whole_message(ail: AilHome) -> None:
    import xxhash

    gid = ail.new_image(b"one")
    ail.queue(gid, "x")
    assert ail.redis("Redis_Process").zrange(f"obj:queues:{gid}", 0, -1) == [f"CodeReader:{xxhash.xxh3_64_hexdigest(f'{gid};x')}"]


def test_an_exception_in_compute_loses_the_message(ail: AilHome) -> None:
    probe(ail, "raise ValueError('boom')")
    gid = ail.new_image(b"one")
    ail.queue(gid)
    ail.drain("Probe")
    assert ail.queue_length("Probe") == 0 and ail.in_flight("Probe") == set()
    assert "boom" in (ail.home / "logs" / "modules.log").read_text()


@pytest.mark.parametrize("gid", ["nosuchtype::abc", "image"])
def test_an_unknown_object_leaves_run(ail: AilHome, gid: str) -> None:
    probe(ail, "pass")
    ail.queue(gid)
    with pytest.raises(CodeFailed, match=r"KeyError|ValueError"):
        ail.drain("Probe")
    assert ail.queue_length("Probe") == 0, "and the message is gone"


def test_a_message_without_an_object_is_computed_without_one(ail: AilHome) -> None:
    probe(ail, "self.queue.send_message('::', f'{self.obj} {message}', 'Tags')")
    ail.redis("Redis_Queues").rpush("queue:Probe:in", "no separator")
    ail.drain("Probe")
    assert ail.messages("Tags") == ["::;None no separator"]


def test_a_module_that_is_killed_leaves_its_message_in_the_ledger(ail: AilHome) -> None:
    probe(ail, "__import__('time').sleep(60)")
    gid = ail.new_image(b"one")
    ail.queue(gid, "text")
    module = ail.start_module("Probe")
    module.wait_for(lambda: ail.in_flight("Probe"), "a message is taken")
    ail.kill()
    assert ail.queue_length("Probe") == 0 and ail.in_flight("Probe") == {gid}
    assert list(ail.heartbeats("Probe")) == [module.pid], "a dead process stays listed"
    assert abs(ail.heartbeats("Probe")[module.pid] - time.time()) < 30


def test_a_closed_gate_pops_nothing(ail: AilHome) -> None:
    gate = "    def can_process_next_message(self):\n        self.proceed = False\n        return False\n"
    ail.add_module("Probe", KEEP.format(compute="pass").replace("    def compute", f"{gate}    def compute"))
    ail.queue(ail.new_image(b"one"))
    ail.drain("Probe")
    assert ail.queue_length("Probe") == 1


def test_a_message_sent_back_is_at_the_tail_of_the_own_list_only(ail: AilHome) -> None:
    probe(ail, "self.proceed = False; self.send_back_message_to_queue(message)")
    first, second = ail.new_image(b"one"), ail.new_image(b"two")
    ail.queue_all([(first, "1"), (second, "2")])
    ail.run("from modules.Probe import Probe\nProbe().run()")
    assert ail.messages("Probe") == [f"{second};2", f"{first};1"]
    assert len(ail.messages("CodeReader")) == 2
    assert ail.in_flight("Probe") == set()


def test_an_object_is_processed_when_no_module_has_it_any_more(ail: AilHome) -> None:
    probe(ail, "pass")
    gid = ail.new_image(b"one")
    ail.queue(gid)
    ail.drain("Probe")
    ledger = ail.redis("Redis_Process")
    assert ledger.smembers("objs:process") == {gid}, "CodeReader has it yet"
    ail.run("from lib.ail_queues import AILQueue\nq = AILQueue('CodeReader', 1)\ngid, m_hash, _ = q.get_message()\nq.end_message(gid, m_hash)")
    assert ledger.smembers("objs:processed") == {gid} and not ledger.smembers("objs:process") and not ledger.exists("objs:process:image")


def test_a_module_without_a_section_and_a_queue_that_it_does_not_publish_are_errors(ail: AilHome) -> None:
    with pytest.raises(CodeFailed, match="ModuleQueueError"):
        ail.run("from lib.ail_queues import AILQueue\nAILQueue('Nobody', 1)")
    with pytest.raises(CodeFailed, match="ModuleQueueError"):
        ail.run("from lib.ail_queues import AILQueue\nAILQueue('Tags', 1).send_message('image::1', '', 'Images')")


def test_correlations_of_two_screenshots_are_kept_and_not_drawn(ail: AilHome) -> None:
    a, b = ail.new_screenshot(b"a", domain="a.onion"), ail.new_screenshot(b"b")
    ail.run(
        "from lib.objects.Screenshots import Screenshot\nScreenshot(a).add_correlation('screenshot', '', b)",
        a=a.split(":")[2],
        b=b.split(":")[2],
    )
    assert ail.correlations(a, "screenshot") == {b} and ail.correlations(b, "screenshot") == {a}
    key = f"correlation:obj:screenshot::screenshot:{a.split(':')[2]}"
    assert ail.redis("Kvrocks_Correlations").smembers(key) == {b.removeprefix("screenshot:")}
    assert ail.drawn(a) == {a, "domain::a.onion"}
    ail.run(
        "from lib.objects.Screenshots import Screenshot\nScreenshot(b).delete_correlation('screenshot', '', a)",
        a=a.split(":")[2],
        b=b.split(":")[2],
    )
    assert ail.correlations(a, "screenshot") == ail.correlations(b, "screenshot") == set()


def test_duplicates_are_rows_of_one_direction_with_integers(ail: AilHome) -> None:
    a, b = ail.new_image(b"a"), ail.new_image(b"b")
    code = "from lib.objects.Images import Image\nImage(a).add_duplicate('visual', 97, b)\nImage(a).add_duplicate('visual', 98, b)"
    ail.run(code, a=a.split(":")[2], b=b.split(":")[2])
    assert ail.duplicates(a) == {b.split(":")[2]: [("visual", 97), ("visual", 98)]} and ail.duplicates(b) == {}
    assert ail.redis("Kvrocks_Duplicates").smembers(f"obj:duplicates:{a}") == {f"97:visual:{b.split(':')[2]}", f"98:visual:{b.split(':')[2]}"}


def test_tags_go_through_the_module_tags_and_on(ail: AilHome) -> None:
    gid, tag = ail.new_screenshot(b"a", domain="a.onion"), 'infoleak:automatic-detection="visual-review"'
    ail.queue(gid, tag, queue="Tags", publisher="CodeReader")
    ail.drain("Tags")
    assert ail.tags(gid) == {tag} and ail.messages("MISP_Thehive_Auto_Push") == [f"{gid};{tag}"]
    assert ail.tags("domain::a.onion") == set()
    ail.run("from lib import Tag\nfrom lib.objects.ail_objects import get_obj_from_global_id as get\nassert Tag.confirm_tag(tag, get(gid))", tag=tag, gid=gid)
    assert ail.tags(gid) == {tag, tag.replace("automatic", "analyst")}
    ail.run("from lib import Tag\nTag.delete_object_tag(tag, *[gid.split(':')[n] for n in (0, 2)])", tag=tag, gid=gid)
    assert ail.tags(gid) == {tag.replace("automatic", "analyst")}


def test_a_home_of_one_s_own_is_a_clean_repository(own_ail: Callable[[], AilHome]) -> None:
    home = own_ail()
    assert home.git("status", "--porcelain") == ""
    assert home.core_cfg.exists(), "which git does not see"
    home.add_ours()
    assert home.git("ls-files", "-m").split() == ["configs/modules.cfg"]
