"""What the adapter relies on in AIL: the same tests for a real checkout and for our double."""

from __future__ import annotations

import time
from collections.abc import Callable
from hashlib import sha256

import pytest
from support.ail_host import AilHome, CodeFailed
from support.ail_input import capture, feed

pytest_plugins = ["support.ail_fixtures"]

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
    image, screenshot = (
        ail.new_image(content),
        ail.new_screenshot(content, domain="a.onion", item="crawled/2026/07/15/a.onion-0000"),
    )
    name = sha256(content).hexdigest()
    assert (image, screenshot) == (f"image::{name}", f"screenshot::{name}")
    assert ail.path(image).read_bytes() == ail.path(screenshot).read_bytes() == content
    parts = [*(name[place : place + 2] for place in range(0, 12, 2)), name[12:]]
    assert ail.path(image) == ail.home.joinpath("IMAGES", *parts).resolve()
    assert (
        ail.path(screenshot)
        == ail.home.joinpath("CRAWLED_SCREENSHOT", "screenshot", *parts).with_suffix(".png").resolve()
    )
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
    assert {row.split(":")[0] for row in rows} == {"Probe", "CodeReader"} and len(
        {row.split(":")[1] for row in rows}
    ) == 1, "one entry for two equal messages"
    assert ail.in_flight("Probe") == set()


def test_the_ledger_s_hash_is_xxh3_of_the_whole_message(ail: AilHome) -> None:
    import xxhash

    gid = ail.new_image(b"one")
    ail.queue(gid, "x")
    assert ail.redis("Redis_Process").zrange(f"obj:queues:{gid}", 0, -1) == [
        f"CodeReader:{xxhash.xxh3_64_hexdigest(f'{gid};x')}"
    ]


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
    assert abs(ail.heartbeats("Probe")[module.pid] - time.time()) < 300


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
    ail.run(
        "from lib.ail_queues import AILQueue\n"
        "q = AILQueue('CodeReader', 1)\n"
        "gid, m_hash, _ = q.get_message()\n"
        "q.end_message(gid, m_hash)"
    )
    assert (
        ledger.smembers("objs:processed") == {gid}
        and not ledger.smembers("objs:process")
        and not ledger.exists("objs:process:image")
    )


def test_a_module_without_a_section_and_a_queue_that_it_does_not_publish_are_errors(ail: AilHome) -> None:
    with pytest.raises(CodeFailed, match="ModuleQueueError"):
        ail.run("from lib.ail_queues import AILQueue\nAILQueue('Nobody', 1)")
    with pytest.raises(CodeFailed, match="ModuleQueueError"):
        ail.run(
            "from lib.ail_queues import AILQueue\nAILQueue('Tags', 1).send_message('image::1', '', 'Images')"
        )


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
        (
            "from lib.objects.Screenshots import Screenshot\n"
            "Screenshot(b).delete_correlation('screenshot', '', a)"
        ),
        a=a.split(":")[2],
        b=b.split(":")[2],
    )
    assert ail.correlations(a, "screenshot") == ail.correlations(b, "screenshot") == set()


def test_duplicates_are_rows_of_one_direction_with_integers(ail: AilHome) -> None:
    a, b = ail.new_image(b"a"), ail.new_image(b"b")
    code = (
        "from lib.objects.Images import Image\n"
        "Image(a).add_duplicate('visual', 97, b)\n"
        "Image(a).add_duplicate('visual', 98, b)"
    )
    ail.run(code, a=a.split(":")[2], b=b.split(":")[2])
    assert (
        ail.duplicates(a) == {b.split(":")[2]: [("visual", 97), ("visual", 98)]} and ail.duplicates(b) == {}
    )
    assert ail.redis("Kvrocks_Duplicates").smembers(f"obj:duplicates:{a}") == {
        f"97:visual:{b.split(':')[2]}",
        f"98:visual:{b.split(':')[2]}",
    }


def test_tags_go_through_the_module_tags_and_on(ail: AilHome) -> None:
    gid, tag = ail.new_screenshot(b"a", domain="a.onion"), 'infoleak:automatic-detection="visual-review"'
    ail.queue(gid, tag, queue="Tags", publisher="CodeReader")
    ail.drain("Tags")
    assert ail.tags(gid) == {tag} and ail.messages("MISP_Thehive_Auto_Push") == [f"{gid};{tag}"]
    assert ail.tags("domain::a.onion") == set()
    ail.run(
        (
            "from lib import Tag\n"
            "from lib.objects.ail_objects import get_obj_from_global_id as get\n"
            "assert Tag.confirm_tag(tag, get(gid))"
        ),
        tag=tag,
        gid=gid,
    )
    assert ail.tags(gid) == {tag, tag.replace("automatic", "analyst")}
    ail.run(
        "from lib import Tag\nTag.delete_object_tag(tag, *[gid.split(':')[n] for n in (0, 2)])",
        tag=tag,
        gid=gid,
    )
    assert ail.tags(gid) == {tag.replace("automatic", "analyst")}


def test_a_home_of_one_s_own_is_a_clean_repository(own_ail: Callable[[], AilHome]) -> None:
    home = own_ail()
    assert home.git("status", "--porcelain") == ""
    assert home.core_cfg.exists(), "which git does not see"
    home.add_ours()
    assert home.git("ls-files", "-m").split() == ["configs/modules.cfg"]


def test_a_feeder_s_picture_reaches_the_queue_images_with_its_date(ail: AilHome) -> None:
    gid = feed(ail, b"\x89PNG of a chat", message=16)
    ail.drain("FeederModuleImporter", "Mixer", "Global")
    assert ail.messages("CodeReader") == [f"{gid};20260701"]
    assert ail.path(gid).read_bytes() == b"\x89PNG of a chat"
    telegram = "00098785-7e70-5d12-a120-c5cdc1252b2b"
    message, around = (
        f"message::{telegram}/1782900000/123456/16",
        {f"chat:{telegram}:123456", f"user-account:{telegram}:5684"},
    )
    assert ail.correlations(gid) == around | {message} and ail.correlations(message) == around | {gid}
    assert (
        ail.run(
            "from lib.objects.Images import Image\nreturn Image(gid.split(':')[2]).get_first_seen()", gid=gid
        )
        == "20260701"
    )


def test_a_capture_s_screenshot_is_stored_and_correlated_and_on_no_queue(ail: AilHome) -> None:
    gid = capture(ail, b"\x89PNG of a page", url="http://shop.example.org/")
    ail.drain("LacusCaptureModuleImporter", "Mixer", "Global")
    assert ail.path(gid).read_bytes() == b"\x89PNG of a page"
    assert ail.messages("CodeReader") == []
    [item] = ail.correlations(gid, "item")
    assert ail.correlations(gid, "domain") == {"domain::example.org"}
    assert f"{item};" in ail.messages("Indexer") and ail.correlations(item, "screenshot") == {gid}


def test_the_crawled_item_is_the_way_to_a_domain(ail: AilHome) -> None:
    item = "crawled/2026/07/15/" + "a" * 56 + ".onion" + "01234567-89ab-cdef-0123-456789abcdef"
    code = (
        "from lib.objects.Items import Item\n"
        "item = Item(item)\n"
        "return item.get_domain(), item.get_date(), item.is_crawled(), bool(item.exists())"
    )
    assert ail.run(code, item=item) == ["a" * 56 + ".onion", "20260715", True, False]
    gid = ail.new_screenshot(b"a", item=item)
    code = (
        "from lib.objects.Screenshots import Screenshot\n"
        "s = Screenshot(gid.split(':')[2])\n"
        "return s.get_dates(), str(s.get_last_seen())"
    )
    assert ail.run(code, gid=gid) == [["20260715"], "20260715"]


def test_files_out_of_the_folder_and_files_that_are_too_large(ail: AilHome) -> None:
    for kind in ("image", "screenshot"):
        code = (
            "from lib.objects.ail_objects import get_obj_from_global_id as get\n"
            "return get(gid).get_filepath()"
        )
        assert ail.run(code, gid=f"{kind}::../../../../../../../etc/passwd") is None
    code = """
    from lib.objects import Images, Screenshots
    size = 20_000_000 // 3
    create = Screenshots.create_screenshot
    made = lambda size: (bool(Images.create(b'x' * size)), bool(create(b'x' * size, b64=False)))
    return made(size), made(size + 1)
    """
    assert ail.run(code) == [[True, True], [False, False]]


def test_an_unsafe_tag_is_seen_and_does_not_reach_the_domain(ail: AilHome) -> None:
    gid = ail.new_screenshot(b"a", domain="a.onion")
    code = (
        "from lib.objects.ail_objects import get_obj_from_global_id\n"
        "return get_obj_from_global_id(gid).is_tags_safe()"
    )
    assert ail.run(code, gid=gid) is True
    ail.run(
        (
            "from lib.objects.ail_objects import add_obj_tag\n"
            "add_obj_tag(*gid.split(':', 2), 'dark-web:topic=\"violence\"')"
        ),
        gid=gid,
    )
    assert ail.run(code, gid=gid) is False
    assert ail.tags("domain::a.onion") == set()


def test_pages_draw_a_pair_once_both_rows_name_it(ail: AilHome) -> None:
    gids = [ail.new_screenshot(bytes([n])) for n in range(4)]
    code = """
    from lib import correlations_engine as engine
    engine.CORRELATION_TYPES_BY_OBJ['screenshot'].append('screenshot')
    hub, *others = [gid.split(':')[2] for gid in gids]
    for other in others:
        engine.add_obj_correlation('screenshot', '', hub, 'screenshot', '', other)
    name, nodes, links, meta = engine.get_correlations_graph_nodes_links('screenshot', '', others[0], level=2)
    return name, nodes, len(links), meta['complete'], meta['objs']
    """
    assert ail.run(code, gids=gids) == [gids[1], sorted(gids), 3, True, sorted(gids)]


def test_an_export_says_that_a_screenshot_is_of_a_screenshot(ail: AilHome) -> None:
    gids = [ail.new_screenshot(b"a"), ail.new_screenshot(b"b"), ail.new_image(b"a"), ail.new_image(b"b")]
    code = """
    from lib.objects.ail_objects import get_obj_from_global_id as get, get_objects_relationship
    return [get_objects_relationship(get(gids[n]), get(gids[n + 1])).get('relationship') for n in (0, 2)]
    """
    assert ail.run(code, gids=gids) == ["screenshot-of", None]


PATCHED_LINES = {
    "bin/crawlers/Crawler.py": """\
                            # self.add_message_to_queue(obj=screenshot, queue='Images') # TODO screenshot OCR
                # HAR
""",
    "bin/lib/crawlers.py": """\
                # SCREENSHOT
                if capture.get('png'):  # TODO add option to disable screenshot/har save
                    screenshot = self.process_screenshot(item, capture['png'])

""",
    "bin/modules/Global.py": """\
        elif self.obj.type == 'image':
            self.add_message_to_queue(obj=self.obj, queue='Image', message=message)
            self.add_message_to_queue(obj=self.obj, queue='Images', message=message)
        elif self.obj.type == 'title':
""",
    "bin/lib/correlations_engine.py": (
        '    "screenshot": ["barcode", "domain", "item", "qrcode"],\n    "ssh-key": ["domain", "ip"],\n'
    ),
    "bin/lib/objects/ail_objects.py": """\
    elif 'screenshot' in obj_types:
        relationship = 'screenshot-of'
        src, dest = get_relationship_src_dest('screenshot', obj1, obj2)
    elif 'cookie-name' in obj_types:
""",
    "bin/LAUNCH.sh": (
        '    screen -S "Script_AIL" -X screen -t "CodeReader" bash -c '
        '"cd ${AIL_BIN}/modules; ${ENV_PY} ./CodeReader.py; read x"\n'
        "    sleep 0.1\n"
    ),
}


@pytest.mark.parametrize("file", PATCHED_LINES)
def test_the_lines_that_patches_change_are_there_once(ail: AilHome, file: str) -> None:
    assert (ail.home / file).read_text().count(PATCHED_LINES[file]) == 1


@pytest.mark.parametrize("file", ["bin/crawlers/Crawler.py", "bin/lib/crawlers.py"])
def test_the_placeholders_lack_their_comma(ail: AilHome, file: str) -> None:
    assert (ail.home / file).read_text().count("ed6e1a'   # blank\n") == 1


def test_the_row_of_images_is_as_the_patch_finds_it(ail: AilHome) -> None:
    lines = [
        line
        for line in (ail.home / "bin/lib/correlations_engine.py").read_text().splitlines()
        if line.startswith('    "image": [')
    ]
    types = (
        '"barcode", "chat", "chat-subchannel", "chat-thread", "message", "ocr", "post", '
        '"qrcode", "user-account"'
    )
    assert lines == [f'    "image": [{types}],  # TODO subchannel + threads ????']
