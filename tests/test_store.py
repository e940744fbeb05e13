"""The store: images, where they were seen, collections, verdicts, and what is refused."""

from __future__ import annotations

import os
import re
import threading
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from importlib import resources

import numpy as np
import pytest
from hypothesis import given, strategies as st
from support.images import is_stored, put_all, record_verdict

from douglas_quaid.config import Config
from douglas_quaid.errors import ConfigError, CorruptRecord, NotFound, UnknownVersion
from douglas_quaid.features.pdq import ORIENTATIONS
from douglas_quaid.index.words import WordKeypoints
from douglas_quaid.records import (
    Configuration,
    Decision,
    Evidence,
    LocalFeatures,
    Occurrence,
    Purpose,
    Reason,
    Relation,
    StoredVerdict,
    Verdict,
)
from douglas_quaid.store import PutStatus, RecordOutcome, Store, StoreOptions, keys, verdict_codec as codec
from douglas_quaid.store.columns import pack_row
from douglas_quaid.store.intents import Intent
from douglas_quaid.store.keys import SCHEMA_VERSION
from douglas_quaid.store.links import RenewalState

HERE, THERE = Occurrence.parse("file:path:/tmp/a:b.png"), Occurrence.parse("misp:attribute:0001")
MATCH = Verdict(
    Decision.MATCH,
    Relation.NEAR_DUPLICATE,
    0.99,
    Evidence(pdq_bits=4, covered_query=0.5, covered_reference=1.0),
    "test-1",
    "PDQ 4/256",
)
PARTIAL = Verdict(Decision.MATCH, Relation.PARTIAL, 0.9, Evidence(inliers=40), "test-1", "40 inliers")
REVIEW = Verdict(Decision.REVIEW, Relation.PARTIAL, 0.6, Evidence(inliers=9), "test-1", "9 inliers")


# -- images --------------------------------------------------------------------------------------------------


def test_an_image_is_there_with_all_that_was_said_about_it(store, make_image):
    # Given one image, put with a place and labels, then in a collection with labels of its own
    image = make_image(1)
    store.collections.create("brands", Purpose.BASELINE)
    assert not is_stored(store, image.image_id)
    assert store.images.put(image, occurrence=HERE, labels={"event": "7"}) is PutStatus.ADDED
    assert store.images.put(image, collection="brands", labels={"brand": "Acme"}) is PutStatus.UPDATED

    # Then its record comes back as it went in, and its info tells place, labels and membership
    assert is_stored(store, image.image_id)
    assert store.images.records([image.image_id, "0" * 64]) == [image.record, None]
    info, nothing = store.images.infos([image.image_id, "0" * 64])
    assert nothing is None
    assert [(s.occurrence, s.labels) for s in info.sightings] == [(HERE, {"event": "7"})]
    assert [(m.name, m.labels) for m in info.memberships] == [("brands", {"brand": "Acme"})]
    assert info.occurrence_count == 1 and info.clusters == ()
    assert info.first_seen.tzinfo == timezone.utc and info.first_seen <= info.last_seen
    assert store.collections.members("brands") == {image.image_id}


def test_what_is_new_about_a_known_image_is_updated_and_the_rest_is_known(store, make_image):
    image = make_image(1)
    store.images.put(image, occurrence=HERE, labels={"event": "7"})
    assert store.images.put(image, occurrence=HERE) is PutStatus.KNOWN
    assert store.images.note(image.image_id, occurrence=HERE, labels={"event": "7"}) is PutStatus.KNOWN
    assert store.images.note(image.image_id, occurrence=HERE, labels={"event": "8"}) is PutStatus.UPDATED
    assert store.images.note(image.image_id, occurrence=HERE) is PutStatus.KNOWN
    assert store.images.note(image.image_id, occurrence=THERE) is PutStatus.UPDATED
    assert store.images.note(image.image_id) is PutStatus.KNOWN
    labels = {str(s.occurrence): s.labels for s in store.images.infos([image.image_id])[0].sightings}
    assert labels == {str(HERE): {"event": "8"}, str(THERE): {}}
    with pytest.raises(NotFound, match="add it first"):
        store.images.note(make_image(2).image_id, occurrence=HERE)


def test_occurrences_are_capped_in_answers_but_counted(store, make_image):
    image = make_image(1)
    store.images.put(image)
    for n in range(30):
        store.images.note(image.image_id, occurrence=Occurrence("ail", "screenshot", str(n)))
    info = store.images.infos([image.image_id])[0]
    assert len(info.sightings) == 20 and info.occurrence_count == 30
    assert store.stats().occurrences == 30


def test_renewed_features_replace_the_old_row(store, make_image):
    old, new = make_image(1), make_image(2)
    renewed = replace(new, image_id=old.image_id, words=b"")
    store.images.put(old, occurrence=HERE)
    store.links.mark_linked(old.image_id)
    assert store.images.put(renewed, renew=True) is PutStatus.UPDATED
    assert store.images.records([old.image_id]) == [new.record]
    assert (
        store.images.by_pixels(new.pixel_digest) == [old.image_id]
        and store.images.by_pixels(old.pixel_digest) == []
    )
    assert store.images.infos([old.image_id])[0].occurrence_count == 1
    assert not store.links.is_linked(old.image_id)  # judged by its old features


def test_features_are_renewed_from_the_record_that_was_read_and_from_no_other(store, make_image):
    # Given a linked image, and its features extracted again
    old = make_image(1)
    new = replace(make_image(2), image_id=old.image_id)
    store.images.put(old, occurrence=HERE)
    store.links.mark_linked(old.image_id)
    # When another has replaced the record meanwhile, nothing is done
    assert not store.images.renew(new, before=b"another record")
    assert store.images.records([old.image_id]) == [old.record] and store.links.is_linked(old.image_id)
    assert store.links.renewals([old.image_id]) == []
    # Else record, row and pixels are new, and the image is to be linked and its verdicts judged again
    assert store.images.renew(new, before=old.record)
    assert store.images.records([old.image_id]) == [new.record]
    assert store.images.by_pixels(new.pixel_digest) == [old.image_id]
    assert store.images.infos([old.image_id])[0].occurrence_count == 1
    (renewal,) = store.links.renewals([old.image_id])
    assert not renewal.linked and not renewal.judged
    store.links.mark_linked(old.image_id)
    store.links.mark_judged(renewal)
    assert store.links.renewals([old.image_id]) == [replace(renewal, linked=True, judged=True)]
    # A record that only says the same in another way leaves everything else as it is
    assert store.images.renew(old, before=new.record, only_record=True)
    assert store.images.records([old.image_id]) == [old.record]
    assert store.images.by_pixels(new.pixel_digest) == [old.image_id] and store.links.is_linked(old.image_id)


def test_an_image_that_was_forgotten_meanwhile_is_not_renewed(store, make_image, shared_server, everything):
    old = make_image(1)
    store.images.put(old)
    store.forgetting.forget(old.image_id)
    assert not store.images.renew(replace(make_image(2), image_id=old.image_id), before=old.record)
    store.links.mark_judged(RenewalState(old.image_id, 1.0, judged=False, linked=False))
    assert old.image_id.encode() not in everything(shared_server.redis) and store.images.count() == 0


def test_a_file_name_that_is_no_utf8_is_kept(store, make_image):
    place = Occurrence("file", "path", os.fsdecode(b"/tmp/\xff\xfe.png"))
    store.images.put(make_image(1), occurrence=place, labels={"note": "ü\udcff"})
    assert store.occurrences.images_at(place) == [make_image(1).image_id]
    assert store.images.infos([make_image(1).image_id])[0].sightings[0].occurrence == place


def test_threads_adding_one_image_leave_one_image_with_all_its_occurrences(store, make_image):
    image, statuses = make_image(1), []
    places = [Occurrence("file", "path", f"/{n}") for n in range(16)]
    threads = [
        threading.Thread(
            target=lambda place=place: statuses.append(store.images.put(image, occurrence=place))
        )
        for place in places
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [PutStatus.ADDED] + [PutStatus.UPDATED] * 15
    assert store.stats().images == 1
    assert {s.occurrence for s in store.images.infos([image.image_id])[0].sightings} == set(places)


def test_a_forked_child_uses_the_store_beside_its_parent(store, make_image):
    store.images.put(make_image(1))
    child = os.fork()
    if child == 0:
        for n in range(2, 50):
            store.images.put(make_image(n))
        os._exit(0)
    for n in range(50, 100):
        assert store.images.put(make_image(n)) is PutStatus.ADDED
    assert os.waitpid(child, 0)[1] == 0
    assert store.stats().images == 99


# -- finding -------------------------------------------------------------------------------------------------


def test_an_image_is_found_by_prefix_place_and_pixels(store, make_image):
    first, second = make_image(1), make_image(2)
    store.images.put(first, occurrence=HERE)
    store.images.put(second)
    assert store.resolve(first.image_id[:8]) == first.image_id
    assert store.resolve(first.image_id[:11].upper()) == first.image_id
    assert store.resolve(second.image_id) == second.image_id
    assert store.resolve(str(HERE)) == first.image_id
    assert store.images.by_pixels(second.pixel_digest) == [second.image_id]
    for unknown in (str(THERE), "c-" + "0" * 32, "0" * 12):
        with pytest.raises(NotFound):
            store.resolve(unknown)
    for wrong in ("1234567", "not an id", first.image_id + "0", ""):
        with pytest.raises(ConfigError):
            store.resolve(wrong)


def test_a_prefix_of_two_images_is_refused_naming_both(store, make_image):
    image = make_image(1)
    twin_id = image.image_id[:20] + ("0" if image.image_id[20] != "0" else "1") + image.image_id[21:]
    store.images.put(image)
    store.images.put(replace(make_image(2), image_id=twin_id))
    with pytest.raises(ConfigError, match="several"):
        store.resolve(image.image_id[:20])
    assert store.resolve(image.image_id[:21]) == image.image_id


def test_of_several_images_at_one_place_the_latest_seen_wins(store, shared_server, make_image):
    # Given a file whose content changed: two images at one path, the first seen an hour earlier
    first, second = make_image(1), make_image(2)
    for image in (first, second):
        store.images.put(image, occurrence=HERE)
    shared_server.redis.zincrby(f"dq:{{{first.image_id[0]}}}:seen:{first.image_id}", -3600, str(HERE))
    assert store.occurrences.images_at(HERE) == [second.image_id, first.image_id]
    assert store.resolve(str(HERE)) == second.image_id


def test_an_occurrence_is_also_named_as_its_system_names_the_object(store, make_image):
    # Given an object of AIL, whose own id leaves the host out, and a colon in the id of another
    first, second = make_image(1), make_image(2)
    shot = Occurrence("ail", "screenshot", first.image_id)
    store.images.put(first, occurrence=shot)
    store.images.put(second, occurrence=Occurrence("ail", "image", "a::b"))
    # Then both spellings name it, whatever takes names
    for name in (str(shot), f"screenshot::{first.image_id}"):
        assert store.resolve(name) == first.image_id
        assert store.scope(second.image_id, pixel_digest=bytes(32), exclude=[name]).excluded == {
            first.image_id
        }
    assert store.resolve("ail:image:a::b") == store.resolve("image::a::b") == second.image_id
    # but the kind counts, and a text without a kind or an id names nothing
    with pytest.raises(NotFound, match=f"seen at image::{first.image_id}"):
        store.resolve(f"image::{first.image_id}")
    for wrong in (f"::{first.image_id}", "screenshot::", f"ail::screenshot:{first.image_id}\x00"):
        with pytest.raises(ConfigError):
            store.resolve(wrong)


def test_a_name_without_a_host_that_two_hosts_have_is_refused(store, make_image):
    for number, host in enumerate(("ail", "misp")):
        store.images.put(make_image(number), occurrence=Occurrence(host, "image", "1"))
    with pytest.raises(ConfigError, match="image::1 names occurrences of 2 hosts; expected HOST:KIND:ID"):
        store.resolve("image::1")


# -- collections ---------------------------------------------------------------------------------------------


def test_collections_have_a_purpose_that_stays(store, make_image):
    created = store.collections.create("known bad", Purpose.KNOWN)
    assert store.collections.create("known bad", Purpose.KNOWN) == created
    with pytest.raises(ConfigError, match="purpose known"):
        store.collections.create("known bad", Purpose.IGNORE)
    with pytest.raises(NotFound, match="collection create"):
        store.images.put(make_image(1), collection="never created")
    assert not is_stored(store, make_image(1).image_id)
    assert [c.name for c in store.collections.all()] == ["known bad"]
    assert store.collections.members("known bad") == set()


# -- verdicts ------------------------------------------------------------------------------------------------


def test_a_verdict_is_kept_on_both_sides_each_as_seen_from_there(store, make_image):
    a, b = make_image(1), make_image(2)
    evidence = Evidence(
        orientation=1, covered_query=0.5, covered_reference=1.0, matrix=(2, 0, 0.1, 0, 2, 0, 0, 0, 1)
    )
    turned = Verdict(Decision.MATCH, Relation.NEAR_DUPLICATE, 0.99, evidence, "c", "s")
    for image in (a, b):
        store.images.put(image)
    assert record_verdict(store, a.image_id, b.image_id, turned) is RecordOutcome.JOINED
    (ours,), (theirs,) = store.verdicts.of(a.image_id), store.verdicts.of(b.image_id)
    assert ours.image_id == b.image_id and ours.verdict.evidence.covered_query == 0.5
    assert theirs.image_id == a.image_id and theirs.verdict.evidence.covered_query == 1.0
    assert ORIENTATIONS[theirs.verdict.evidence.orientation].name == "right 90"
    assert theirs.verdict.evidence.matrix == pytest.approx((0.5, 0, -0.05, 0, 0.5, 0, 0, 0, 1))
    assert (
        store.verdicts.between(a.image_id, b.image_id) == ours
        and store.verdicts.between(b.image_id, a.image_id) == theirs
    )


def test_verdicts_are_shown_matches_first_and_a_new_one_replaces_the_old(store, make_image):
    a, b, c = (make_image(n) for n in range(3))
    for image in (a, b, c):
        store.images.put(image)
    assert (
        store.verdicts.record(a.image_id, [(b.image_id, REVIEW), (c.image_id, PARTIAL)])
        == [RecordOutcome.STORED] * 2
    )
    assert [found.image_id for found in store.verdicts.of(a.image_id)] == [c.image_id, b.image_id]
    record_verdict(store, a.image_id, b.image_id, MATCH)
    assert [found.verdict for found in store.verdicts.of(a.image_id)] == [MATCH, PARTIAL]
    assert record_verdict(store, a.image_id, "0" * 64, MATCH) is RecordOutcome.ABSENT
    assert len(store.verdicts.of(a.image_id)) == 2


def test_one_side_keeps_at_most_its_cap_the_best_and_the_pair_stays_known(store_url, make_image):
    # Given a cap of 5 and an image judged against 8, ever surer
    with Store.open(Config(store=store_url), StoreOptions(verdict_cap=5)) as store:
        images = [make_image(n) for n in range(9)]
        put_all(store, images)
        for n in range(1, 9):
            record_verdict(
                store,
                images[n].image_id,
                images[0].image_id,
                Verdict(Decision.REVIEW, None, n / 10, Evidence(), "c", "s"),
            )
        # Then it keeps the five surest, and the others still know theirs
        assert [found.verdict.confidence for found in store.verdicts.of(images[0].image_id)] == [
            0.8,
            0.7,
            0.6,
            0.5,
            0.4,
        ]
        assert store.verdicts.between(images[0].image_id, images[1].image_id).verdict.confidence == 0.1


def test_an_older_verdict_that_arrives_late_changes_nothing(store, make_image):
    # Given a change that somebody recorded an hour ago and only now comes to write
    a, b = make_image(1), make_image(2)
    put_all(store, [a, b])
    record_verdict(store, a.image_id, b.image_id, REVIEW)
    late = StoredVerdict(b.image_id, PARTIAL, datetime.now(timezone.utc) - timedelta(hours=1))
    store.verdicts._record(Intent("late", a.image_id, (late,)), recorded=False)
    assert (
        store.verdicts.between(a.image_id, b.image_id).verdict
        == store.verdicts.between(b.image_id, a.image_id).verdict
        == REVIEW
    )


EVIDENCE = st.builds(
    Evidence,
    same_bytes=st.none() | st.booleans(),
    pdq_bits=st.none() | st.integers(0, 256),
    orientation=st.none() | st.integers(0, 7),
    inliers=st.none() | st.integers(0, 10_000),
    covered_query=st.none() | st.floats(0, 1),
    content_agreement=st.none() | st.floats(0, 1),
    configuration=st.sampled_from(Configuration),
    matrix=st.none() | st.tuples(*[st.floats(-10, 10)] * 9),
)


@given(EVIDENCE, st.sampled_from(Decision), st.none() | st.sampled_from(Relation), st.floats(0, 1), st.text())
def test_verdict_bytes_give_back_every_field(evidence, decision, relation, confidence, sentence):
    verdict, judged = (
        Verdict(decision, relation, confidence, evidence, "calibration", sentence, tuple(Reason)),
        datetime(2026, 11, 22, 12, 0, 1, 5, tzinfo=timezone.utc),
    )
    stored = codec.decode("0" * 64, codec.encode(verdict, judged))
    assert stored.verdict == verdict and stored.judged == judged


def test_a_field_of_verdict_format_5_that_is_no_longer_kept_is_left_out():
    data = codec.encode(MATCH, datetime.now(timezone.utc))
    head = data[:3] + bytes([5]) + data[4:12]
    text = data[codec.HEADER_BYTES :].replace(b'"evidence":{', b'"evidence":{"detailed":true,')
    assert b"detailed" in text
    assert codec.decode("0" * 64, head + codec._checksum(head, text) + text).verdict == MATCH


def test_verdict_bytes_that_do_not_fit_are_refused_by_name():
    data = codec.encode(MATCH, datetime.now(timezone.utc))
    for version, remedy in ((1, "fill the store anew"), (8, "use a newer douglas-quaid")):
        with pytest.raises(UnknownVersion, match=f"format {version}.*{remedy}"):
            codec.decode("0" * 64, data[:3] + bytes([version]) + data[4:])
    for at in [*range(3), *range(4, len(data))]:
        with pytest.raises(CorruptRecord):
            codec.decode("0" * 64, data[:at])
        with pytest.raises(CorruptRecord):
            codec.decode("0" * 64, data[:at] + bytes([data[at] ^ 4]) + data[at + 1 :])
    # And a field this program does not know, with a checksum that fits
    text = data[codec.HEADER_BYTES :].replace(b'"pdq_bits"', b'"brightness"')
    with pytest.raises(CorruptRecord, match="unknown or missing: brightness"):
        codec.decode("0" * 64, data[:12] + codec._checksum(data[:12], text) + text)


def test_the_examples_in_format_md_are_what_is_stored():
    text = resources.files("douglas_quaid.store").joinpath("FORMAT.md").read_text(encoding="utf-8")
    examples = re.findall(r"```(row|word|verdict)\n(.*?)```", text, re.DOTALL)
    found = {name: bytes.fromhex(text) for name, text in examples}
    assert found["row"] == pack_row(
        "ab" * 32, bytes(range(32)), quality=97, informative=True, words=300, pdq_version=1, local_version=2
    )
    rising = np.arange(32, dtype=np.uint8)[None] * 7
    corner = LocalFeatures(640.0, 400.0, np.array([[100, 50, 31, 90]], np.float32), rising)
    assert found["word"] == WordKeypoints.of(corner).column()
    evidence = Evidence(
        pdq_bits=120,
        inliers=57,
        covered_query=1.0,
        covered_reference=0.25,
        configuration=Configuration.AFFINE,
    )
    verdict = Verdict(Decision.MATCH, Relation.PARTIAL, 0.93, evidence, "first", "57 inliers")
    judged = datetime(2026, 11, 22, 12, tzinfo=timezone.utc)
    assert (
        found["verdict"] == codec.encode(verdict, judged)
        and codec.decode("0" * 64, found["verdict"]).verdict == verdict
    )


def test_every_script_names_the_keys_that_it_touches_and_the_key_table_has_them():
    folder = resources.files("douglas_quaid.store")
    table = set(
        re.findall(r"^      ([a-z-]+)\S*  +(?:string|hash|zset|set|stream) ", keys.__doc__, re.MULTILINE)
    )
    scripts = [path for path in folder.iterdir() if path.name.endswith(".lua")]
    for script in scripts:
        text = script.read_text("utf-8")
        (listed,) = re.findall(r"^-- Keys: (.*)$", text, re.MULTILINE)
        named = {re.split("[: ]", name)[0] for name in listed.split(", ")} - {"none"}
        # Passed to a function that puts the prefix before it; `row:` and `count:` begin names of fields.
        spelled = r"call\('[A-Z]+', '([a-z-]+)|list_(?:add|remove)\('([a-z]+)|'([a-z-]+):'"
        touched = {name for found in re.findall(spelled, text) for name in found} - {
            "",
            "none",
            "row",
            "count",
        }
        assert touched == named <= table, script.name
    assert len(scripts) > 8 and len(table) > 25


# -- what is refused at open ---------------------------------------------------------------------------------


def test_a_store_of_another_schema_is_refused_and_left_as_it_is(
    store, store_url, shared_server, make_image, everything
):
    store.images.put(make_image(1))
    for other, remedy in ((SCHEMA_VERSION + 1, "use a newer"), (1, "an empty store")):
        shared_server.redis.hset("dq:{meta}:head", "schema", other)
        before = everything(shared_server.redis)
        with pytest.raises(UnknownVersion, match=f"schema {other}.*{remedy}"):
            Store.open(Config(store=store_url))
        assert everything(shared_server.redis) == before


def test_a_store_whose_schema_is_no_number_is_refused(store, store_url, shared_server):
    shared_server.redis.hset("dq:{meta}:head", "schema", "x")
    with pytest.raises(CorruptRecord):
        Store.open(Config(store=store_url))


def test_a_server_that_evicts_is_refused_unless_the_operator_insists(make_server):
    url = make_server(maxmemory="100mb", maxmemory_policy="allkeys-lru").url
    with pytest.raises(ConfigError, match="noeviction"):
        Store.open(Config(store=url))
    Store.open(Config(store=url, volatile_store=True)).close()


def test_a_server_that_does_not_persist_is_refused_unless_the_operator_insists(make_server):
    url = make_server(appendonly="no").url
    with pytest.raises(ConfigError, match="appendonly yes"):
        Store.open(Config(store=url))
    with Store.open(Config(store=url, volatile_store=True)) as store:
        assert "none" in store.stats().persistence


def test_a_server_that_forbids_config_is_judged_by_what_it_tells(make_server):
    server = make_server()
    server.redis.acl_setuser(
        "limited", enabled=True, passwords=["+secret"], keys=["dq:*"], commands=["+@all", "-config"]
    )
    url = f"unix://limited:secret@{server.socket}"
    with Store.open(Config(store=url)) as store:
        assert "append-only" in store.stats().persistence
    with pytest.raises(ConfigError, match="refuses us"):
        Store.open(Config(store=f"unix://limited:wrong@{server.socket}"))


@pytest.mark.parametrize(
    "url",
    [
        "",
        "http://localhost",
        "redis:",
        "redis+cluster://",
        "redis+cluster://host:port",
        "/tmp/store",
        "memory:",
    ],
)
def test_urls_that_name_no_store_are_refused(url):
    with pytest.raises(ConfigError, match="store"):
        Store.open(Config(store=url))


def test_a_password_does_not_appear_in_messages():
    from douglas_quaid.errors import StoreUnavailable

    with pytest.raises(StoreUnavailable) as caught:
        Store.open(Config(store="redis://user:secret@127.0.0.1:1"))
    assert "secret" not in str(caught.value) and "user" in str(caught.value)
