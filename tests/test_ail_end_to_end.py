"""From what comes into AIL to what its operator sees, through AIL's own queue and modules, on a real checkout
and on the double.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator

import pytest
from PIL import Image
from support.ail_host import OURS, AilHome
from support.ail_input import capture, feed
from support.ail_mixture import Mixture, small, variant
from support.pictures import jpeg, page, photo, png
from support.waiting import hanging_up

from douglas_quaid.engine import Engine

pytest_plugins = ["support.ail_fixtures"]

CRAWLED = "VisualCorrelationCrawled"


@pytest.fixture
def store(ail: AilHome) -> Iterator[Engine]:
    """The feature store of the module, as another process sees it."""
    with Engine.open(ail.store.url) as engine:
        yield engine


def names(*gids: str) -> set[str]:
    return {gid.split(":")[2] for gid in gids}


def dead(engine: Engine) -> set[str]:
    """Global ids of the dead letters."""
    return {name.removeprefix("ail:dead:") for name, _ in engine.bookmarks("ail:dead:")}


def known(engine: Engine, gids: list[str]) -> set[str]:
    """Those that have a place in the store."""
    seen = engine.sightings(["ail:" + gid.replace("::", ":") for gid in gids])
    return {gid for gid, images in zip(gids, seen, strict=True) if images}


def shown(ail: AilHome, gids: list[str], field: str | None = None) -> dict[str, str | None]:
    """What AIL's pages show as the description of each object, or what one field of its metadata holds."""
    code = """
    from lib.objects.ail_objects import get_obj_from_global_id as get
    objects = {gid: get(gid) for gid in gids}
    return {
        gid: obj._get_field(field) if field else obj.get_meta(options={'description'})['description']
        for gid, obj in objects.items()
    }
    """
    found: dict[str, str | None] = ail.run(code, gids=gids, field=field)
    return found


def idle(ail: AilHome, module: str = OURS) -> bool:
    return ail.queue_length(module) == 0 and not ail.in_flight(module)


# -- from input to what is seen ------------------------------------------------------------------------------


def test_a_picture_of_two_chats_is_correlated_duplicated_and_tagged(ail: AilHome, store: Engine) -> None:
    # given a picture that one chat shows, and the same in other bytes that another one shows, and a third
    # picture
    ail.add_ours()
    first = feed(ail, png(photo(1)), message=1, chat=1)
    second = feed(ail, jpeg(photo(1), 70), message=2, chat=2)
    other = feed(ail, png(photo(2)), message=3, chat=3)
    # when AIL's own modules bring them to us, and what we say to its tags
    ail.drain("FeederModuleImporter", "Mixer", "Global", OURS, "Tags")
    # then the pair is one, in correlations, in duplicates and in the store
    assert ail.correlations(first, "image", "screenshot") == {second} and ail.correlations(
        second, "image", "screenshot"
    ) == {first}
    assert (
        ail.correlations(other, "image", "screenshot") == set()
        and ail.duplicates(other) == {}
        and ail.tags(other) == set()
    )
    [[(algorithm, score)]] = ail.duplicates(first).values()
    assert (
        ail.duplicates(first).keys() == names(second) and 90 <= score <= 100 and algorithm == "douglas-quaid"
    )
    assert ail.duplicates(second) == {next(iter(names(first))): [(algorithm, score)]}
    assert known(store, [first, second, other]) == {first, second, other}
    # and AIL shows and passes on the tag of what came later
    [tag] = ail.tags(second)
    assert tag == 'infoleak:automatic-detection="visual-match"'
    assert f"{second};{tag}" in ail.messages("MISP_Thehive_Auto_Push")


def test_two_captures_of_one_page_on_two_domains_are_correlated(ail: AilHome, store: Engine) -> None:
    # given that AIL does not queue screenshots, but the items that they were taken of
    ail.add_ours(CRAWLED, subscribe="Indexers")
    first = capture(ail, png(page(1)), url="http://shop-one.org/")
    ail.drain("LacusCaptureModuleImporter", "Mixer", "Global", CRAWLED)
    second = capture(ail, variant(page(1)), url="http://shop-two.org/")
    elsewhere = capture(ail, png(page(2)), url="http://shop-three.org/")
    ail.drain("LacusCaptureModuleImporter", "Mixer", "Global", CRAWLED, "Tags")
    assert ail.correlations(first, "screenshot") == {second} and ail.correlations(second, "screenshot") == {
        first
    }
    assert ail.correlations(elsewhere, "screenshot") == set() and ail.tags(elsewhere) == set()
    assert 'infoleak:automatic-detection="visual-match"' in ail.tags(second)
    # and the domains stay without tags and correlations of ours
    for domain in ("domain::shop-one.org", "domain::shop-two.org"):
        assert (
            not any("visual" in tag for tag in ail.tags(domain))
            and len(ail.correlations(domain, "screenshot")) == 1
        )


def test_a_note_becomes_the_description_where_ail_makes_none_and_gives_way_to_every_other(
    ail: AilHome, store: Engine
) -> None:
    # given an AIL that describes no pictures itself, and a picture that somebody described
    ail.add_ours()
    ail.configure("Images", ollama_enabled=False)
    first = ail.new_screenshot(png(page(1)), domain="one.onion")
    second = ail.new_screenshot(variant(page(1)), domain="two.onion")
    ail.run(
        """
        from lib import ail_core
        from lib.objects.ail_objects import get_obj_from_global_id as get
        get(gid).add_description_model(ail_core.get_default_image_description_model(), 'a market')
        """,
        gid=first,
    )
    ail.queue_all([(first, ""), (second, "")])
    ail.drain(OURS, "Tags")
    # then the page of the other one names it, its domain and the reason
    pages = shown(ail, [first, second])
    assert pages[first] == "a market"
    assert f"match: {first} on domain one.onion; near-duplicate, confidence" in (pages[second] or "")
    assert second in (shown(ail, [first], "desc:douglas-quaid")[first] or "")
    # and the note goes with its reason
    store.veto(first.partition("::")[2], second.partition("::")[2])
    ail.configure(feedback_seconds=1)
    module = ail.start_module()
    module.wait_for(lambda: shown(ail, [second])[second] is None, "the note is gone")
    assert shown(ail, [first])[first] == "a market"
    ail.kill()
    # while an AIL that makes descriptions keeps the place for them
    ail.configure("Images", ollama_enabled=True)
    third, fourth = ail.new_image(png(photo(3))), ail.new_image(jpeg(photo(3), 70))
    ail.queue_all([(third, ""), (fourth, "")])
    ail.drain(OURS, "Tags")
    assert set(shown(ail, [third, fourth]).values()) == {None}
    assert third in (shown(ail, [fourth], "desc:douglas-quaid")[fourth] or "")


def test_the_same_bytes_on_two_domains_are_told_when_the_second_one_is_seen(
    ail: AilHome, store: Engine
) -> None:
    ail.add_ours()
    content, blank = png(page(4)), png(Image.new("RGB", (640, 400), "white"))
    gids = [ail.new_screenshot(each, domain="one.onion") for each in (content, blank)]
    ail.queue_all([(gid, "") for gid in gids], publisher="Crawler")
    ail.drain(OURS, "Tags")
    assert not any(ail.tags(gid) for gid in gids)
    assert gids == [ail.new_screenshot(each, domain="two.onion") for each in (content, blank)]
    ail.queue_all([(gid, "") for gid in gids], publisher="Crawler")
    ail.drain(OURS, "Tags")
    assert [ail.tags(gid) for gid in gids] == [{'infoleak:automatic-detection="visual-match"'}, set()]
    note = shown(ail, gids, "desc:douglas-quaid")[gids[0]] or ""
    assert "the same file: domains one.onion, two.onion" in note


def test_a_site_that_is_crawled_every_month_matches_itself_without_a_word(
    ail: AilHome, store: Engine
) -> None:
    ail.add_ours()
    gids = [ail.new_screenshot(variant(page(1), quality), domain="one.onion") for quality in (50, 60, 70)]
    ail.queue_all([(gid, "") for gid in gids], publisher="Crawler")
    ail.drain(OURS, "Tags")
    assert known(store, gids) == set(gids)
    assert all(
        ail.correlations(gid, "screenshot", "image") == set()
        and ail.tags(gid) == set()
        and ail.duplicates(gid) == {}
        for gid in gids
    )


def test_the_same_bytes_as_image_and_as_screenshot_belong_together(ail: AilHome, store: Engine) -> None:
    ail.add_ours()
    content = png(page(3))
    image, screenshot = ail.new_image(content), ail.new_screenshot(content, domain="kit.onion")
    ail.queue_all([(image, "20260701"), (screenshot, "")])
    ail.drain(OURS, "Tags")
    assert ail.correlations(image, "screenshot") == {screenshot} and ail.correlations(
        screenshot, "image"
    ) == {image}
    assert ail.duplicates(image) == ail.duplicates(screenshot) == {}, (
        "AIL has these for two objects of one type only"
    )


def test_the_same_message_again_and_again_changes_nothing(ail: AilHome, store: Engine) -> None:
    ail.add_ours()
    first, second = ail.new_image(png(photo(1))), ail.new_image(jpeg(photo(1), 70))
    ail.queue_all([(first, "1"), (second, "2")])
    ail.drain(OURS)
    tags, rows = ail.messages("Tags"), ail.duplicates(first)
    ail.queue_all([(first, "1"), (second, "2"), (second, "3")] * 2)
    ail.drain(OURS)
    assert (
        ail.messages("Tags") == tags
        and ail.duplicates(first) == rows
        and ail.correlations(second, "image") == {first}
    )


def test_a_collage_of_two_known_pictures_leaves_them_apart(ail: AilHome, store: Engine) -> None:
    ail.add_ours()
    left, right = photo(1, 640, 480), photo(2, 640, 480)
    pair = [ail.new_image(png(left)), ail.new_image(png(right))]
    both = Image.new("RGB", (1280, 480))
    both.paste(left, (0, 0))
    both.paste(right, (640, 0))
    copies = [ail.new_image(jpeg(left, 70)), ail.new_image(jpeg(right, 70))]
    collage = ail.new_image(png(both))
    ail.queue_all([(gid, "") for gid in (*pair, collage, *copies)])
    ail.drain(OURS)
    # then each half is with its copy, and not with the other half
    clusters = store.cluster_ids([gid.split(":")[2] for gid in (*pair, *copies)])
    assert None not in clusters and clusters[0] == clusters[2] != clusters[1] == clusters[3]
    assert ail.correlations(pair[0], "image") - {collage} == {copies[0]} and ail.correlations(
        copies[0], "image"
    ) - {collage} == {pair[0]}
    assert ail.correlations(pair[1], "image") - {collage} == {copies[1]} and ail.correlations(
        copies[1], "image"
    ) - {collage} == {pair[1]}


# -- delivery ------------------------------------------------------------------------------------------------


def test_killed_at_any_moment_it_loses_no_message_and_writes_nothing_twice(
    ail: AilHome, store: Engine
) -> None:
    # given pairs of pictures, and lost messages that are looked for soon
    ail.add_ours()
    ail.configure(grace_seconds=1, attempts=50, retry_seconds=0)
    rng, pairs, kills = random.Random(7), 20, 8 if ail.form == "double" else 4
    gids = [ail.new_image(content) for n in range(pairs) for content in (png(small(n)), variant(small(n)))]
    ail.queue_all([(gid, "20260701") for gid in gids])
    # when the module is killed in the midst of its work, again and again, and started again
    for _ in range(kills):
        module = ail.start_module()
        before = len(known(store, gids))
        module.wait_for(lambda before=before: idle(ail) or len(known(store, gids)) > before, "it works")
        time.sleep(rng.uniform(0, 0.1))
        ail.kill()
    module = ail.start_module()
    module.wait_for(lambda: idle(ail) and known(store, gids) == set(gids), "all is done")
    ail.kill()
    # then all pictures are there, no letter is dead, each pair is written once
    assert dead(store) == set()
    for first, second in zip(gids[::2], gids[1::2], strict=True):
        assert ail.correlations(first, "image") == {second} and ail.correlations(second, "image") == {first}
        assert [
            len(rows) for rows in (*ail.duplicates(first).values(), *ail.duplicates(second).values())
        ] == [1, 1]
    tags = ail.messages("Tags")
    assert len(tags) == len(set(tags)), "nothing is tagged twice"


def test_two_processes_side_by_side_do_each_object_once(ail: AilHome, store: Engine) -> None:
    ail.add_ours()
    modules = [ail.start_module(), ail.start_module()]
    modules[0].wait_for(
        lambda: len(ail.heartbeats()) == 2 and min(ail.heartbeats().values()) > 0, "both ask for messages"
    )
    gids = [ail.new_image(content) for n in range(10) for content in (png(small(n)), variant(small(n)))]
    ail.queue_all([(gid, "20260701") for gid in gids])
    modules[0].wait_for(lambda: idle(ail), "all is done")
    ail.kill()
    assert known(store, gids) == set(gids) and dead(store) == set()
    for first, second in zip(gids[::2], gids[1::2], strict=True):
        assert ail.correlations(first, "image") == {second} and ail.correlations(second, "image") == {first}
        assert [
            len(rows) for rows in (*ail.duplicates(first).values(), *ail.duplicates(second).values())
        ] == [1, 1]
    tags = ail.messages("Tags")
    assert len(tags) == len(set(tags))


def test_while_the_store_is_away_nothing_is_popped(ail: AilHome, store: Engine) -> None:
    ail.add_ours()
    ail.configure(gate_seconds=0, retry_seconds=0.1)
    first, second = ail.new_image(png(photo(1))), ail.new_image(jpeg(photo(1), 70))
    module = ail.start_module()
    ail.queue(first)
    module.wait_for(lambda: idle(ail) and known(store, [first]), "the first picture is known")
    # when the store goes, and a message comes
    ail.store.stop()
    module.wait_for(lambda: "messages stay in AIL's queue" in module.said(), "it tells of it")
    with hanging_up(ail.store.port) as asked:
        ail.queue(second)
        module.wait_for(lambda: asked() > 5, "it asks again and again")
        # then it waits where it was, and the module goes on when the store is back
        assert module.poll() is None and ail.messages() == [f"{second};"] and ail.in_flight() == set()
    ail.store.start()
    module.wait_for(lambda: idle(ail), "the second picture is done")
    assert ail.correlations(second, "image") == {first} and dead(store) == set()


def test_of_five_hundred_messages_the_sound_ones_are_processed_and_the_others_dead_with_a_reason(
    ail: AilHome, store: Engine
) -> None:
    ail.add_ours()
    ail.configure(attempts=1, retry_seconds=0)
    mixture = Mixture(500)
    mixture.send(ail)
    module = ail.start_module()
    module.wait_for(lambda: idle(ail), "all messages are done")
    assert known(store, mixture.sound) == set(mixture.sound)
    letters = {name.removeprefix("ail:dead:"): letter for name, letter in store.bookmarks("ail:dead:")}
    assert letters.keys() == mixture.broken.keys() and all(letters.values())
    assert "given up" in (ail.home / "logs" / "modules.log").read_text(), "and AIL's log tells of them"


# -- what stays bounded --------------------------------------------------------------------------------------


def test_sixty_clones_of_a_template_are_a_star(ail: AilHome, store: Engine) -> None:
    ail.add_ours()
    base = page(5, 640, 400)
    gids = []
    for n in range(60):
        clone = base.copy()
        clone.paste((n * 4, 255 - n * 4, 90), (40, 300, 60, 310))
        gids.append(ail.new_screenshot(png(clone), domain=f"{n}.onion"))
    ail.queue_all([(gid, "") for gid in gids])
    ail.drain(OURS)
    edges = {gid: ail.correlations(gid, "screenshot", "image") for gid in gids}
    assert all(edges.values()), "each has found another"
    assert sum(map(len, edges.values())) <= 2 * len(gids), "one edge each, seen from both ends"
    assert sorted(map(len, edges.values()))[-2] <= 2, "but for the one in the middle"
    assert max(len(ail.duplicates(gid)) for gid in gids) <= len(gids)
    told = {message.partition(";")[0] for message in ail.messages("Tags")}
    assert len(told) == 2 == len(ail.messages("Tags")), "an analyst is told of the cluster once"
    notes = shown(ail, gids, "desc:douglas-quaid")
    assert all(f"quaid ail cluster {gid}" in (notes[gid] or "") for gid in gids), "and each says of which"
