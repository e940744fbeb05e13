"""Places: seen, seen again, withdrawn; whoever does so at once and whenever one of them is killed, no
sighting is lost and none is left over.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from functools import partial
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from support.images import is_stored, put_all, record_verdict
from support.steps import interleave, run_and_die

from douglas_quaid import Engine
from douglas_quaid.config import Config
from douglas_quaid.demo.pictures import sample
from douglas_quaid.errors import ConfigError, NotFound
from douglas_quaid.evaluation import edits
from douglas_quaid.records import (
    Decision,
    Evidence,
    Occurrence,
    Purpose,
    Relation,
    Sighting,
    Verdict,
    Withdrawn,
)
from douglas_quaid.store import NewImage, PutStatus, Store
from douglas_quaid.store.connection import Connection
from douglas_quaid.store.scripts import FORGET_IMAGE

HERE, THERE, ELSEWHERE = (
    Occurrence.parse(f"misp:attribute:{name}") for name in ("here", "there", "else:where")
)
MATCH = Verdict(Decision.MATCH, Relation.NEAR_DUPLICATE, 0.99, Evidence(pdq_bits=4), "test-1", "PDQ 4/256")
SHARDS = "0123456789abcdef"


def moment(n: int) -> datetime:
    """Hour n of 2026."""
    return datetime(2026, 1, 1, tzinfo=timezone.utc) + timedelta(hours=n)


def places_of(store: Store, image: NewImage) -> set[Occurrence]:
    info = store.images.infos([image.image_id])[0]
    return {sighting.occurrence for sighting in info.sightings} if info else set()


def check_both_directions(store: Store, client: Any) -> None:
    """The places of the images and the images of the places are the same, are counted rightly, and nothing is
    left half forgotten.
    """
    by_image, by_place, counted, ids = set(), set(), 0, set()
    for tag in SHARDS:
        prefix = f"dq:{{{tag}}}:"
        for key in client.keys(prefix + "occ:*"):
            image_id = key.decode().rpartition(":")[2]
            by_image |= {(name, image_id) for name in client.hkeys(key)}
            assert set(client.hkeys(key)) == set(client.zrange(f"{prefix}seen:{image_id}", 0, -1))
        for name, listed in client.hgetall(prefix + "where").items():
            by_place |= {(name, listed[at : at + 64].decode()) for at in range(0, len(listed), 64)}
        ids |= {image_id.decode() for image_id in client.zrange(prefix + "ids", 0, -1)}
        counted += int(client.hget(prefix + "head", "occurrences") or 0)
        assert not client.exists(prefix + "forgetting")
    assert by_image == by_place and {image_id for _, image_id in by_image} <= ids
    assert store.stats().occurrences == counted == len(by_image)
    assert store.stats().images == store.images.count() == len(ids)


@pytest.fixture
def engine(store_url: str) -> Iterator[Engine]:
    with Engine.open(store_url) as engine:
        yield engine


# -- times ---------------------------------------------------------------------------------------------------


def test_first_seen_is_the_least_and_last_seen_the_greatest_time_of_image_and_place(store, make_image):
    # Given an image whose sightings are told in no order
    image = make_image(1)
    store.images.put(image, occurrence=HERE, labels={"event": "7"}, seen=moment(5))
    assert store.images.note(image.image_id, occurrence=HERE, seen=moment(9)) is PutStatus.KNOWN
    assert store.images.note(image.image_id, occurrence=HERE, seen=moment(2)) is PutStatus.KNOWN
    assert store.images.note(image.image_id, occurrence=HERE, seen=moment(7)) is PutStatus.KNOWN
    assert store.images.note(image.image_id, occurrence=THERE, seen=moment(1)) is PutStatus.UPDATED
    assert store.images.put(image, seen=moment(11)) is PutStatus.KNOWN
    # Then each place has the first and the last of its own, and the image those of all
    info = store.images.infos([image.image_id])[0]
    assert info.sightings == (
        Sighting(HERE, {"event": "7"}, moment(2), moment(9)),
        Sighting(THERE, {}, moment(1), moment(1)),
    )
    assert (info.first_seen, info.last_seen) == (moment(1), moment(11))
    # And new labels move no time
    assert (
        store.images.note(image.image_id, occurrence=HERE, labels={"event": "8"}, seen=moment(5))
        is PutStatus.UPDATED
    )
    assert store.images.infos([image.image_id])[0].sightings[0] == Sighting(
        HERE, {"event": "8"}, moment(2), moment(9)
    )


def test_a_time_of_another_zone_is_the_same_moment(store, make_image):
    west = timezone(timedelta(hours=-7))
    store.images.put(make_image(1), occurrence=HERE, seen=moment(5).astimezone(west))
    assert store.images.infos([make_image(1).image_id])[0].first_seen == moment(5)


@pytest.mark.parametrize(
    ("seen", "said"),
    [
        (datetime(2026, 1, 1), "no time zone"),
        (datetime(1969, 12, 31, 23, 59, 59, tzinfo=timezone.utc), "1970"),
        (datetime.max.replace(tzinfo=timezone.utc), "a day from now"),
        (datetime.now(timezone.utc) + timedelta(days=2), "a day from now"),
    ],
)
def test_a_time_that_cannot_be_is_refused_before_any_work(engine, seen, said):
    with pytest.raises(ConfigError, match=said):
        engine.add(b"never decoded", occurrence=HERE, seen=seen)
    assert engine.count() == 0


def test_the_earliest_and_the_latest_time_are_taken(store, make_image):
    latest = datetime.now(timezone.utc).replace(microsecond=0) + timedelta(hours=23)
    for seen in (datetime(1970, 1, 1, tzinfo=timezone.utc), latest):
        store.images.put(make_image(1), occurrence=HERE, seen=seen)
    info = store.images.infos([make_image(1).image_id])[0]
    assert (info.first_seen.year, info.last_seen) == (1970, latest)


# -- withdrawing ---------------------------------------------------------------------------------------------


def test_a_withdrawn_place_is_gone_from_its_images_and_nothing_else_is(store, shared_server, make_image):
    # Given three images at a place, two of which are seen at others too
    first, second, alone, bystander = (make_image(n) for n in range(4))
    for n, (image, place) in enumerate(
        [
            (first, HERE),
            (first, THERE),
            (second, HERE),
            (second, ELSEWHERE),
            (alone, HERE),
            (bystander, THERE),
        ]
    ):
        store.images.put(image, occurrence=place, labels={"event": str(n)}, seen=moment(n))
    # When the place is withdrawn
    withdrawn = store.occurrences.withdraw(HERE)
    # Then it shows nothing, the image that was seen there only is forgotten, and the rest is as it was
    assert set(withdrawn) == {
        Withdrawn(first.image_id, False),
        Withdrawn(second.image_id, False),
        Withdrawn(alone.image_id, True),
    }
    assert store.occurrences.images_at(HERE) == [] and not is_stored(store, alone.image_id)
    assert store.images.infos([first.image_id])[0].sightings == (
        Sighting(THERE, {"event": "1"}, moment(1), moment(1)),
    )
    assert store.images.infos([first.image_id])[0].first_seen == moment(0)  # it was seen then, wherever
    assert places_of(store, second) == {ELSEWHERE} and places_of(store, bystander) == {THERE}
    assert store.stats().occurrences == 3
    check_both_directions(store, shared_server.redis)
    assert store.occurrences.withdraw(HERE) == ()


def test_the_image_that_a_place_shows_now_can_be_kept(store, shared_server, make_image):
    # Given an attribute whose picture was replaced
    old, new = make_image(1), make_image(2)
    store.images.put(old, occurrence=HERE, seen=moment(1))
    store.images.put(new, occurrence=HERE, seen=moment(2))
    assert store.occurrences.withdraw(HERE, keep=new.image_id) == (Withdrawn(old.image_id, True),)
    assert store.occurrences.images_at(HERE) == [new.image_id] and store.images.count() == 1
    assert store.occurrences.withdraw(HERE, keep=new.image_id) == ()
    check_both_directions(store, shared_server.redis)


def test_an_image_of_a_collection_stays_without_places(store, shared_server, make_image):
    store.collections.create("known", Purpose.KNOWN)
    store.images.put(make_image(1), occurrence=HERE)
    store.images.put(make_image(1), collection="known", labels={"brand": "Acme"})
    assert store.occurrences.withdraw(HERE) == (Withdrawn(make_image(1).image_id, False),)
    info = store.images.infos([make_image(1).image_id])[0]
    assert info.occurrence_count == 0 and [membership.name for membership in info.memberships] == ["known"]
    check_both_directions(store, shared_server.redis)


def test_an_image_that_is_seen_nowhere_any_more_leaves_the_collection_that_its_places_filled(
    store, shared_server, make_image
):
    # Given a collection that somebody fills from places, two of which show the same image, and another
    # collection
    shown, kept = make_image(1), make_image(2)
    for name in ("brands", "mine"):
        store.collections.create(name, Purpose.BASELINE)
    for image in (shown, kept):
        store.images.put(image, collection="brands")
        store.images.put(image, occurrence=HERE)
    store.images.put(shown, occurrence=THERE)
    store.images.put(kept, collection="mine")
    # When one place is withdrawn, then what is seen elsewhere stays a member, and what is in another
    # collection stays an image
    assert set(store.occurrences.withdraw(HERE, collection="brands")) == {
        Withdrawn(shown.image_id, False),
        Withdrawn(kept.image_id, False),
    }
    assert store.collections.members("brands") == {shown.image_id} and store.collections.members("mine") == {
        kept.image_id
    }
    # When the last one is, then the image goes
    assert store.occurrences.withdraw(THERE, collection="brands") == (Withdrawn(shown.image_id, True),)
    assert store.collections.members("brands") == set() and not is_stored(store, shown.image_id)
    check_both_directions(store, shared_server.redis)


def test_an_image_that_was_seen_nowhere_is_left_alone(store, make_image):
    store.images.put(make_image(1))
    assert store.occurrences.withdraw(HERE) == () and is_stored(store, make_image(1).image_id)


def test_a_place_that_shows_hundreds_of_images_is_withdrawn(store, shared_server, make_image):
    images = [make_image(n, words=0) for n in range(300)]
    put_all(store, images, occurrence=HERE)
    put_all(store, images[::2], occurrence=THERE)
    assert {image.image_id for image in store.occurrences.withdraw(HERE) if image.forgotten} == {
        image.image_id for image in images[1::2]
    }
    assert store.stats().images == store.stats().occurrences == 150
    check_both_directions(store, shared_server.redis)


def test_what_was_seen_nowhere_else_leaves_nothing_behind(server, make_image, everything):
    image, partner = make_image(1), make_image(2)
    with Store.open(Config(store=server.url)) as store:
        store.images.put(image, occurrence=HERE, labels={"event": "secret"})
        store.images.put(partner, occurrence=THERE)
        record_verdict(store, partner.image_id, image.image_id, MATCH)
        store.occurrences.withdraw(HERE)
        data = everything(server.redis)
        traces = (
            image.image_id.encode(),
            bytes.fromhex(image.image_id),
            image.record,
            image.pdq,
            image.pixel_digest,
            image.words[:16],
            b":here",
            b"secret",
        )
        assert [trace for trace in traces if trace in data] == []
        assert store.verdicts.of(partner.image_id) == [] and store.images.put(image) is PutStatus.ADDED


def test_a_full_server_withdraws_since_that_makes_room(server, make_image):
    with Store.open(Config(store=server.url)) as store:
        put_all(store, [make_image(1), make_image(2)], occurrence=HERE)
        store.images.put(make_image(2), occurrence=THERE)
        server.redis.config_set("maxmemory", 1)
        assert set(store.occurrences.withdraw(HERE)) == {
            Withdrawn(make_image(1).image_id, True),
            Withdrawn(make_image(2).image_id, False),
        }
        server.redis.config_set("maxmemory", 0)
        check_both_directions(store, server.redis)


def test_what_was_connected_through_a_forgotten_image_is_linked_again(engine):
    # Given a picture at three sizes, each at its own place
    cat = edits.opened(sample("indexed/cat.jpg"))
    pictures = {
        name: edits.png(cat.resize((cat.width * share // 10, cat.height * share // 10)))
        for name, share in (("a:b:1", 10), ("a:b:2", 8), ("a:b:3", 6))
    }
    added = [engine.add(data, occurrence=name, seen=moment(1)) for name, data in pictures.items()]
    cluster = engine.show(engine.add(pictures["a:b:1"]).cluster)
    assert set(cluster.members) == {image.image_id for image in added}
    # When the first goes, through which the others were joined perhaps
    assert engine.withdraw("a:b:1") == (Withdrawn(added[0].image_id, True),)
    # Then the others are linked, and nobody asks for the one that went
    assert [[seen.linked for seen in place] for place in engine.sightings(list(pictures))] == [
        [],
        [True],
        [True],
    ]
    assert set(engine.show(engine.add(pictures["a:b:2"]).cluster).members) == {
        image.image_id for image in added[1:]
    }
    assert engine.query(pictures["a:b:1"]).hits[0].image_id in {image.image_id for image in added[1:]}
    assert engine.stats().store.occurrences == engine.count() == 2
    with pytest.raises(NotFound):
        engine.hits("a:b:1")


def test_names_that_are_no_places_are_refused(engine):
    for work in (
        engine.withdraw,
        lambda name: engine.sightings([name]),
        lambda name: engine.add(b"", occurrence=name),
    ):
        for name in (
            "attribute",
            "misp::1",
            "misp:attribute:",
            "misp:attribute:\x00",
            "misp:attribute:" + "9" * 5000,
        ):
            with pytest.raises(ConfigError, match="HOST:KIND:ID"):
                work(name)
        with pytest.raises(ConfigError, match="half of a character"):
            work("misp:attribute:\ud800")


# -- asking --------------------------------------------------------------------------------------------------


def test_sightings_are_told_for_each_place_latest_first(store, make_image):
    # Given places with none, one and two images, one of them linked and one that lost a connection since
    first, second = make_image(1), make_image(2)
    store.images.put(first, occurrence=HERE, labels={"event": "1"}, seen=moment(1))
    store.images.put(second, occurrence=HERE, labels={"event": "2"}, seen=moment(2))
    store.images.put(first, occurrence=ELSEWHERE, seen=moment(3))
    store.links.mark_linked(first.image_id)
    none, here, elsewhere, again = store.occurrences.sightings([THERE, HERE, ELSEWHERE, HERE])
    assert none == () and again == here
    assert [(seen.image_id, seen.linked) for seen in here] == [
        (second.image_id, False),
        (first.image_id, True),
    ]
    assert [seen.sighting for seen in here] == [
        Sighting(HERE, {"event": "2"}, moment(2), moment(2)),
        Sighting(HERE, {"event": "1"}, moment(1), moment(1)),
    ]
    assert [(seen.image_id, seen.sighting.occurrence) for seen in elsewhere] == [(first.image_id, ELSEWHERE)]
    assert store.occurrences.sightings([]) == [] and store.occurrences.sightings([THERE]) == [()]
    # And an image that waits to be linked again is not linked
    record_verdict(store, first.image_id, second.image_id, MATCH)
    store.forgetting.forget(second.image_id)
    assert (
        [seen.linked for seen in store.occurrences.sightings([HERE])[0]]
        == [store.links.is_linked(first.image_id)]
        == [False]
    )


def test_sightings_of_hundreds_of_places_take_two_round_trips(store, make_image, monkeypatch):
    places = [Occurrence("misp", "attribute", str(n)) for n in range(500)]
    for n, place in enumerate(places):
        store.images.put(make_image(n % 50, words=0), occurrence=place, seen=moment(n))
    trips, send = [], Connection._send
    monkeypatch.setattr(
        Connection, "_send", lambda self, *arguments: trips.append(1) or send(self, *arguments)
    )
    found = store.occurrences.sightings(places)
    assert len(trips) == 2
    assert [[(seen.image_id, seen.sighting.first_seen) for seen in place] for place in found] == [
        [(make_image(n % 50).image_id, moment(n))] for n in range(500)
    ]


def test_a_place_withdrawn_while_sightings_are_read_is_told_whole_or_not_at_all(
    store, store_url, make_image, monkeypatch
):
    step, reached = 0, True
    with Store.open(Config(store=store_url)) as other:
        while reached:
            image, found = make_image(step), []
            store.images.put(image, occurrence=HERE, seen=moment(1))
            reached = interleave(
                monkeypatch,
                store,
                step,
                work=lambda found=found: found.extend(store.occurrences.sightings([HERE, THERE])),
                between=lambda: other.occurrences.withdraw(HERE),
            )
            assert found[1] == () and [(seen.image_id, seen.sighting.last_seen) for seen in found[0]] in (
                [],
                [(image.image_id, moment(1))],
            )
            other.occurrences.withdraw(HERE)
            step += 1
    assert step > 16


def test_places_are_listed_by_their_beginning_taken_literally(store, make_image):
    names = [
        "misp:attribute:1",
        "misp:attribute:2",
        "misp:object:1",
        "misp:attribut?:1",
        "file:path:/tmp/[a]*.png",
        "file:path:/tmp/[ab",
        "file:path:/tmp/\\a",
    ]
    for n, name in enumerate(names):
        store.images.put(make_image(n % 3), occurrence=Occurrence.parse(name))
        store.images.put(make_image(7), occurrence=Occurrence.parse(name))
    for prefix in (
        "misp:attribute:",
        "misp:",
        "",
        "misp:attribut?",
        "file:path:/tmp/[a]",
        "file:path:/tmp/[a]*",
        "file:path:/tmp/\\",
        "*",
        "nothing",
    ):
        assert {str(place) for place in store.occurrences.starting_with(prefix)} == {
            name for name in names if name.startswith(prefix)
        }


def test_places_that_stand_are_listed_while_others_come_and_go(store, make_image):
    # Given more places than one look takes
    image, standing = make_image(1), [Occurrence("misp", "attribute", str(n)) for n in range(4000)]
    store.images.put(image)
    for place in standing:
        store.images.note(image.image_id, occurrence=place)
    found = set()
    for n, place in enumerate(store.occurrences.starting_with("misp:attribute:")):
        found.add(place)
        if n % 50 == 0:
            store.images.note(image.image_id, occurrence=Occurrence("misp", "attribute", f"new {n}"))
            store.occurrences.withdraw(Occurrence("misp", "attribute", f"new {n - 50}"))
    assert set(standing) <= found


def test_images_are_counted_without_reading_their_hashes(engine):
    engine.add(sample("indexed/cat.jpg"), occurrence=HERE, link=False)
    assert engine.count() == 1 and len(engine._index) == 0


def test_bookmarks_are_kept_replaced_and_removed(store, store_url):
    assert store.bookmarks.get("misp https://one.example") is None
    store.bookmarks.set("misp https://one.example", '{"page": 1}')
    store.bookmarks.set("misp https://one.example", "ü" * (1 << 19))
    store.bookmarks.set("x" * 256, "")
    with Store.open(Config(store=store_url)) as other:
        assert (
            other.bookmarks.get("misp https://one.example") == "ü" * (1 << 19)
            and other.bookmarks.get("x" * 256) == ""
        )
        other.bookmarks.set("misp https://one.example", None)
        other.bookmarks.set("misp https://two.example", None)
    assert store.bookmarks.get("misp https://one.example") is None
    for name, text in (
        ("", "text"),
        ("x" * 257, "text"),
        ("name", "ü" * (1 << 19) + "x"),
        ("name", "\ud800"),
        ("\ud800", None),
    ):
        with pytest.raises(ConfigError):
            store.bookmarks.set(name, text)
    with pytest.raises(ConfigError):
        store.bookmarks.get("")


# -- at once -------------------------------------------------------------------------------------------------


def in_threads(*works: Callable[[], object]) -> None:
    """Run all at once; the first error of any is raised."""
    errors: list[BaseException] = []

    def run(work: Callable[[], object]) -> None:
        try:
            work()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


def test_an_acknowledged_sighting_stays_while_others_withdraw_theirs_of_the_same_image(
    store, shared_server, make_image
):
    # Given threads that add one image each at its own place and withdraw it again, so that it is forgotten
    # again and again
    image, partner, afresh = make_image(1), make_image(2), []
    store.images.put(partner)

    def come_and_go(n: int) -> None:
        place = Occurrence("misp", "attribute", str(n))
        for _ in range(20):
            afresh.append(store.images.put(image, occurrence=place, labels={"thread": str(n)}))
            record_verdict(store, image.image_id, partner.image_id, MATCH)
            # Then what was acknowledged is there until the same thread takes it back
            assert store.occurrences.images_at(place) == [image.image_id] and store.images.records(
                [image.image_id]
            ) == [image.record]
            assert [seen.sighting.labels for seen in store.occurrences.sightings([place])[0]] == [
                {"thread": str(n)}
            ]
            assert [gone.image_id for gone in store.occurrences.withdraw(place)] == [image.image_id]
            assert store.occurrences.images_at(place) == []

    for group in (range(3), range(3, 6)):  # the second begins after the image is gone, however the first ran
        in_threads(*(lambda n=n: come_and_go(n) for n in group))
    assert afresh.count(PutStatus.ADDED) > 1 and not is_stored(store, image.image_id)
    assert store.verdicts.of(partner.image_id) == [] and store.clusters.shared([partner.image_id]) == [None]
    check_both_directions(store, shared_server.redis)


def test_threads_adding_and_withdrawing_one_sighting_leave_it_whole_or_gone(store, shared_server, make_image):
    image = make_image(1)
    for last in ("add", "withdraw"):
        in_threads(
            *(lambda: [store.images.put(image, occurrence=HERE) for _ in range(40)] for _ in range(2)),
            *(lambda: [store.occurrences.withdraw(HERE) for _ in range(40)] for _ in range(2)),
        )
        check_both_directions(store, shared_server.redis)
        assert is_stored(store, image.image_id) == (store.occurrences.images_at(HERE) == [image.image_id])
        store.images.put(image, occurrence=HERE) if last == "add" else store.occurrences.withdraw(HERE)
        assert is_stored(store, image.image_id) == (last == "add")
        check_both_directions(store, shared_server.redis)


def test_engines_add_the_bytes_again_when_the_image_goes_under_their_hands(store_url, shared_server):
    data = sample("indexed/logo.png")
    with Engine.open(store_url) as one, Engine.open(store_url) as two:

        def come_and_go(engine: Engine, place: str) -> None:
            for _ in range(12):
                image_id = engine.add(data, occurrence=place, seen=moment(1)).image_id
                assert [seen.image_id for seen in engine.sightings([place])[0]] == [image_id]
                engine.withdraw(place)

        in_threads(
            lambda: come_and_go(one, "a:b:1"),
            lambda: come_and_go(two, "a:b:2"),
            lambda: come_and_go(two, "a:b:3"),
        )
        assert one.count() == one.stats().store.occurrences == 0


def test_a_sighting_added_between_any_two_steps_of_a_withdrawal_is_kept(server, make_image, monkeypatch):
    step, reached, statuses = 0, True, []
    with Store.open(Config(store=server.url)) as withdrawer, Store.open(Config(store=server.url)) as writer:
        while reached:
            image, partner = make_image(2 * step, salt="between"), make_image(2 * step + 1, salt="between")
            writer.images.put(image, occurrence=HERE)
            writer.images.put(partner)
            record_verdict(writer, partner.image_id, image.image_id, MATCH)

            def see_elsewhere(image=image, partner=partner) -> None:
                statuses.append(writer.images.put(image, occurrence=THERE, seen=moment(1)))
                record_verdict(writer, image.image_id, partner.image_id, MATCH)

            reached = interleave(
                monkeypatch,
                withdrawer,
                step,
                work=lambda: withdrawer.occurrences.withdraw(HERE),
                between=see_elsewhere,
            )
            if (
                reached
            ):  # Then the image is there with that sighting and that verdict, whoever forgot it in between
                assert places_of(writer, image) == {THERE} and writer.occurrences.images_at(THERE) == [
                    image.image_id
                ], f"seen before step {step}"
                assert (
                    len(writer.verdicts.of(image.image_id)) == len(writer.verdicts.of(partner.image_id)) == 1
                ), f"seen before step {step}"
                assert set(writer.clusters.of([image.image_id])[0].members) == {
                    image.image_id,
                    partner.image_id,
                }
                assert writer.occurrences.withdraw(THERE) == (Withdrawn(image.image_id, True),)
            assert (
                not is_stored(writer, image.image_id)
                and writer.occurrences.images_at(HERE) == []
                and writer.verdicts.of(partner.image_id) == []
            )
            writer.forgetting.forget(partner.image_id)
            check_both_directions(writer, server.redis)
            step += 1
    assert statuses.count(PutStatus.UPDATED) > 15 and statuses.count(PutStatus.ADDED) > 20


def begin_to_forget(store: Store, image_id: str) -> None:
    """The first step of forgetting, which marks the image, and no other."""
    store.connection.ask(FORGET_IMAGE(image_id[0], store.connection.options.chunk_rows, "begin", image_id))


class Held:
    """Work with a store in a thread of its own that stops before its step-th command until it is told to go
    on.
    """

    def __init__(self, store: Store, step: int, work: Callable[[], object]) -> None:
        self._reached, self._go, run, count = threading.Event(), threading.Event(), store.connection.run, 0

        def held(commands):
            nonlocal count
            answers = []
            for command in commands:
                if count == step:
                    self._reached.set()
                    assert self._go.wait(30)
                count += 1
                answers += run([command])
            return answers

        store.connection.run = held
        self._thread = threading.Thread(target=work)
        self._thread.start()
        assert self._reached.wait(30)

    def end(self) -> None:
        self._go.set()
        self._thread.join()


@pytest.mark.parametrize("ahead", [0, 35], ids=["at its start", "after it raised the fences"])
def test_a_forgetting_that_somebody_else_ended_takes_nothing_from_the_image_added_since(
    server, make_image, monkeypatch, ahead
):
    # Given two who work on the forgetting of one image, one of them ahead, and a third who adds the image
    # again once that one has ended
    step, reached = 0, True
    while reached:
        with (
            Store.open(Config(store=server.url)) as slow,
            Store.open(Config(store=server.url)) as quick,
            Store.open(Config(store=server.url)) as writer,
        ):
            image, partner = make_image(2 * step, salt="ended"), make_image(2 * step + 1, salt="ended")
            put_all(writer, [image, partner], occurrence=HERE)
            record_verdict(writer, partner.image_id, image.image_id, MATCH)
            begin_to_forget(writer, image.image_id)
            ending = Held(quick, ahead, partial(quick.forgetting.finish_marked, [image.image_id]))

            def end_and_add(ending=ending, writer=writer, image=image, partner=partner) -> None:
                ending.end()
                assert writer.images.put(image, occurrence=THERE) is PutStatus.ADDED
                record_verdict(writer, image.image_id, partner.image_id, MATCH)

            reached = interleave(
                monkeypatch,
                slow,
                step,
                work=partial(slow.forgetting.finish_marked, [image.image_id]),
                between=end_and_add,
            )
            if reached:
                # Then neither of them touches it any more
                assert (
                    places_of(writer, image) == {THERE} and len(writer.verdicts.of(partner.image_id)) == 1
                ), f"added before step {step}"
                assert writer.clusters.of([image.image_id])[0] is not None, f"added before step {step}"
            else:
                ending.end()
            assert is_stored(writer, image.image_id) == reached
            step += 1
    assert step > 35


# -- killed --------------------------------------------------------------------------------------------------


def test_a_withdrawal_killed_at_any_step_is_finished_or_was_never_begun(
    server, make_image, everything, monkeypatch
):
    step, died, untouched, gone = 0, True, 0, 0
    while died:
        # Given a place with two images, the other one seen elsewhere too
        alone, twice, partner = (make_image(n, salt=f"step {step} ") for n in range(3))
        with Store.open(Config(store=server.url)) as store:
            put_all(store, [alone, twice], occurrence=HERE)
            put_all(store, [twice, partner], occurrence=THERE)
            store.verdicts.record(alone.image_id, [(twice.image_id, MATCH), (partner.image_id, MATCH)])
        died = run_and_die(monkeypatch, server.url, lambda store: store.occurrences.withdraw(HERE), step)
        # Then the next to open finds each image whole or gone without a trace
        with Store.open(Config(store=server.url)) as store:
            check_both_directions(store, server.redis)
            assert THERE in places_of(store, twice) and places_of(store, partner) == {THERE}
            if is_stored(store, alone.image_id):
                untouched += 1
                assert places_of(store, alone) == {HERE} and len(store.verdicts.of(alone.image_id)) == 2
            else:
                gone += 1
                data = everything(server.redis)
                assert (
                    alone.image_id.encode() not in data
                    and alone.pdq not in data
                    and store.clusters.shared([twice.image_id, partner.image_id]) == [None, None]
                )
            # And withdrawing once more does what is left
            store.occurrences.withdraw(HERE)
            assert (
                store.occurrences.images_at(HERE) == []
                and not is_stored(store, alone.image_id)
                and is_stored(store, twice.image_id)
            )
            check_both_directions(store, server.redis)
        server.redis.flushall()
        step += 1
    assert untouched > 15 and gone > 20


def killed_in_the_middle(store: Store, url: str, image: NewImage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have somebody begin to withdraw an image's only place and die."""
    store.images.put(image, occurrence=HERE)
    step = 0
    while is_stored(store, image.image_id):
        assert run_and_die(monkeypatch, url, lambda other: other.occurrences.withdraw(HERE), step)
        step += 1


def test_who_adds_or_forgets_such_an_image_finishes_the_forgetting_first(
    server, make_image, everything, monkeypatch
):
    # Given a process that has had the store open while another died in its withdrawal
    with Store.open(Config(store=server.url)) as store:
        image = make_image(1)
        killed_in_the_middle(store, server.url, image, monkeypatch)
        assert server.redis.sismember(f"dq:{{{image.image_id[0]}}}:forgetting", image.image_id)
        with pytest.raises(NotFound):
            store.images.note(image.image_id, occurrence=THERE)
        assert store.images.put(image, occurrence=THERE) is PutStatus.ADDED
        with Store.open(Config(store=server.url)):
            assert places_of(store, image) == {THERE}  # opening later takes nothing away
        store.occurrences.withdraw(THERE)
        # And a person's forget of it ends it too, once
        killed_in_the_middle(store, server.url, image, monkeypatch)
        assert store.forgetting.forget(image.image_id).occurrences == 0
        assert image.image_id.encode() not in everything(server.redis)
        with pytest.raises(NotFound):
            store.forgetting.forget(image.image_id)


# -- against a dictionary ------------------------------------------------------------------------------------

IMAGES, PLACES = 5, (HERE, THERE, ELSEWHERE, Occurrence.parse("file:path:/a"))


class Oracle:
    """What should be there, in plain dictionaries."""

    def __init__(self) -> None:
        self.times: dict[str, list[int]] = {}
        """Of each image the hours at which it was seen."""
        self.sightings: dict[str, dict[Occurrence, tuple[list[int], dict[str, str]]]] = {}
        self.members: set[str] = set()

    def add(self, image_id: str, place: Occurrence | None, hour: int, label: str) -> None:
        self.times.setdefault(image_id, []).append(hour)
        places = self.sightings.setdefault(image_id, {})
        if place is not None:
            hours, labels = places.get(place, ([], {}))
            places[place] = ([*hours, hour], {"event": label} if label else labels)

    def withdraw(self, place: Occurrence, keep: str | None) -> dict[str, bool]:
        answer = {}
        for image_id in [i for i, places in self.sightings.items() if place in places and i != keep]:
            del self.sightings[image_id][place]
            answer[image_id] = not self.sightings[image_id] and image_id not in self.members
            if answer[image_id]:
                self.forget(image_id)
        return answer

    def forget(self, image_id: str) -> None:
        del self.times[image_id], self.sightings[image_id]
        self.members.discard(image_id)

    def at(self, place: Occurrence) -> list[tuple[str, Sighting]]:
        found = [(i, places[place]) for i, places in self.sightings.items() if place in places]
        found.sort(key=lambda one: (-max(one[1][0]), one[0]))
        return [
            (i, Sighting(place, labels, moment(min(hours)), moment(max(hours))))
            for i, (hours, labels) in found
        ]


NUMBERS = st.integers(0, IMAGES - 1)
STEPS = st.one_of(
    st.tuples(
        st.just("add"),
        NUMBERS,
        st.none() | st.sampled_from(PLACES),
        st.integers(0, 9),
        st.sampled_from(["", "", "7", "8"]),
    ),
    st.tuples(
        st.just("add"), NUMBERS, st.sampled_from(PLACES), st.integers(0, 9), st.sampled_from(["", "7"])
    ),
    st.tuples(st.just("withdraw"), st.none() | NUMBERS, st.sampled_from(PLACES), st.just(0), st.just("")),
    st.tuples(st.just("collect"), NUMBERS, st.none(), st.integers(0, 9), st.just("")),
    st.tuples(st.just("forget"), NUMBERS, st.none(), st.just(0), st.just("")),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEPS, max_size=25))
def test_places_are_what_a_dictionary_says(store_url, shared_server, make_image, steps):
    # Given an empty store, and any row of adds, withdrawals and forgets
    shared_server.redis.flushall()
    images, oracle = [make_image(n) for n in range(IMAGES)], Oracle()
    with Store.open(Config(store=store_url)) as store:
        store.collections.create("known", Purpose.KNOWN)
        for kind, n, place, hour, label in steps:
            image = None if n is None else images[n]
            if kind == "add" and (place or not label):
                store.images.put(
                    image, occurrence=place, labels={"event": label} if label else None, seen=moment(hour)
                )
                oracle.add(image.image_id, place, hour, label)
            elif kind == "withdraw":
                keep = image and image.image_id
                assert {
                    gone.image_id: gone.forgotten for gone in store.occurrences.withdraw(place, keep=keep)
                } == oracle.withdraw(place, keep)
            elif kind == "collect":
                store.images.put(image, collection="known", seen=moment(hour))
                oracle.add(image.image_id, None, hour, "")
                oracle.members.add(image.image_id)
            elif kind == "forget" and image.image_id in oracle.times:
                store.forgetting.forget(image.image_id)
                oracle.forget(image.image_id)
        # Then every question about images and places has the dictionary's answer
        assert [
            [(seen.image_id, seen.sighting) for seen in found]
            for found in store.occurrences.sightings(PLACES)
        ] == [oracle.at(place) for place in PLACES]
        assert [store.occurrences.images_at(place) for place in PLACES] == [
            [i for i, _ in oracle.at(place)] for place in PLACES
        ]
        assert set(store.occurrences.starting_with("")) == {place for place in PLACES if oracle.at(place)}
        for image, info in zip(images, store.images.infos([image.image_id for image in images]), strict=True):
            hours = oracle.times.get(image.image_id)
            if hours is None:
                assert info is None
                continue
            assert (info.first_seen, info.last_seen) == (moment(min(hours)), moment(max(hours)))
            assert {sighting.occurrence for sighting in info.sightings} == set(
                oracle.sightings[image.image_id]
            )
            assert bool(info.memberships) == (image.image_id in oracle.members)
        assert store.stats().occurrences == sum(len(places) for places in oracle.sightings.values())
        assert store.collections.members("known") == oracle.members
        check_both_directions(store, shared_server.redis)
