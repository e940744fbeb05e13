"""Forgetting leaves nothing behind: not in the server, not on its disk, whenever it is killed and whoever
writes meanwhile.
"""

from __future__ import annotations

import os
from pathlib import Path
from unittest.mock import ANY

import pytest
from support.images import is_stored, put_all, record_verdict
from support.judging import veto
from support.steps import in_child, interleave, run_and_die

from douglas_quaid.config import Config
from douglas_quaid.errors import NotFound
from douglas_quaid.records import Decision, Evidence, Occurrence, Purpose, Relation, Verdict
from douglas_quaid.store import NewImage, PutStatus, Store

MATCH = Verdict(Decision.MATCH, Relation.NEAR_DUPLICATE, 0.99, Evidence(pdq_bits=4), "test-1", "PDQ 4/256")
HERE = Occurrence.parse("file:path:/tmp/a.png")


def rich_store(url: str, make_image, salt: str) -> tuple[NewImage, list[NewImage]]:
    """An image that is everywhere it can be: seen, in a collection, judged, clustered, vetoed; and its
    partners.
    """
    forgotten, *partners = (make_image(n, salt=salt) for n in range(6))
    with Store.open(Config(store=url)) as store:
        store.collections.create("known", Purpose.KNOWN)
        put_all(store, [forgotten, *partners])
        store.images.note(forgotten.image_id, occurrence=HERE, labels={"event": "1"})
        store.images.note(forgotten.image_id, collection="known", labels={"brand": "Acme"})
        store.verdicts.record(forgotten.image_id, [(partner.image_id, MATCH) for partner in partners[:3]])
        record_verdict(
            store,
            partners[3].image_id,
            forgotten.image_id,
            Verdict(Decision.REVIEW, None, 0.5, Evidence(), "c", "s"),
        )
        veto(store, partners[4].image_id, forgotten.image_id)
    return forgotten, partners


def traces(image: NewImage, data: bytes) -> list[str]:
    """What of an image can be found in some bytes."""
    needles = {
        "id": bytes.fromhex(image.image_id),
        "id in hex": image.image_id.encode(),
        "half of the id in hex": image.image_id[:32].encode(),
        "PDQ": image.pdq,
        "pixel digest": image.pixel_digest,
        "record": image.record,
        "words": image.words[:16],
    }
    return [name for name, needle in needles.items() if needle in data]


def test_forget_leaves_nothing_in_redis(server, make_image, everything):
    forgotten, partners = rich_store(server.url, make_image, "x")
    assert set(traces(forgotten, everything(server.redis))) == {
        "id",
        "id in hex",
        "half of the id in hex",
        "PDQ",
        "pixel digest",
        "record",
        "words",
    }
    with Store.open(Config(store=server.url)) as store:
        report = store.forgetting.forget(forgotten.image_id)
        assert traces(forgotten, everything(server.redis)) == []
        assert str(HERE).encode() not in everything(server.redis)
        # And the rest is as it was, without it
        assert (
            report.occurrences == 1
            and report.verdicts == 4
            and set(report.unlinked) == {p.image_id for p in partners[:3]}
        )
        assert (
            not is_stored(store, forgotten.image_id)
            and store.stats().images == 5
            and store.stats().occurrences == 0
        )
        assert store.collections.members("known") == set() and store.occurrences.images_at(HERE) == []
        with pytest.raises(NotFound):
            store.forgetting.forget(forgotten.image_id)
        # And it can be added again, as if never seen
        assert store.images.put(forgotten) is PutStatus.ADDED
        assert (
            store.verdicts.of(forgotten.image_id) == []
            and store.judgements.vetoed(forgotten.image_id) == set()
        )


def test_forget_killed_at_any_step_is_finished_at_the_next_open(server, make_image, everything, monkeypatch):
    step, died, gone = 0, True, 0
    while died:
        forgotten, partners = rich_store(server.url, make_image, f"step {step} ")
        died = run_and_die(
            monkeypatch, server.url, lambda store, i=forgotten.image_id: store.forgetting.forget(i), step
        )
        with Store.open(Config(store=server.url)) as store:
            if is_stored(store, forgotten.image_id):  # not begun: then nothing is missing either
                assert (
                    store.images.infos([forgotten.image_id])[0].occurrence_count == 1
                    and len(store.verdicts.of(forgotten.image_id)) == 4
                )
            else:
                gone += 1
                assert traces(forgotten, everything(server.redis)) == [], f"killed before step {step}"
                assert store.stats().images == 5 and all(
                    is_stored(store, partner.image_id) for partner in partners
                )
        server.redis.flushall()
        step += 1
    assert gone > 20 and step > 40


def test_an_image_being_forgotten_is_added_again_only_after_that(server, make_image, monkeypatch):
    # Given a forget that was killed in its middle, and another process that has had the store open all along
    with Store.open(Config(store=server.url)) as store:
        forgotten, partners = rich_store(server.url, make_image, "y")
        assert run_and_die(
            monkeypatch, server.url, lambda other: other.forgetting.forget(forgotten.image_id), 25
        )
        assert server.redis.smembers(f"dq:{{{forgotten.image_id[0]}}}:forgetting") == {
            forgotten.image_id.encode()
        }
        # When it adds the image, the forget is finished first; opening later takes nothing away
        assert store.images.put(forgotten, occurrence=HERE) is PutStatus.ADDED
        record_verdict(store, forgotten.image_id, partners[0].image_id, MATCH)
        assert not server.redis.exists(f"dq:{{{forgotten.image_id[0]}}}:forgetting")
        with Store.open(Config(store=server.url)) as again:
            assert is_stored(again, forgotten.image_id) and len(again.verdicts.of(partners[0].image_id)) == 1


@pytest.mark.parametrize("victim", [0, 1])
def test_a_slow_writer_cannot_bring_a_forgotten_image_back(
    server, make_image, everything, monkeypatch, victim
):
    # Given a writer of two verdicts, and somebody who forgets one of the images between any two of its steps
    step, reached = 0, True
    with Store.open(Config(store=server.url)) as writer, Store.open(Config(store=server.url)) as other:
        while reached:
            images = [make_image(3 * step + n, salt=f"slow {victim}") for n in range(3)]
            a, b, c = (image.image_id for image in images)
            put_all(writer, images)
            reached = interleave(
                monkeypatch, writer, step,
                work=lambda a=a, b=b, c=c: writer.verdicts.record(a, [(b, MATCH), (c, MATCH)]),
                between=lambda i=images[victim].image_id: other.forgetting.forget(i),
            )  # fmt: skip
            # Then nothing of it is left, and the pair that is not concerned is whole
            assert traces(images[victim], everything(server.redis)) == ([] if reached else ANY), (
                f"forgotten before step {step}"
            )
            assert [len(writer.verdicts.of(i)) for i in (a, c)] == (
                [2, 1] if not reached else [1, 1] if victim else [0, 0]
            )
            step += 1
    assert step > 7


def test_a_verdict_in_the_middle_of_a_forget_leaves_nothing_behind(
    server, make_image, everything, monkeypatch
):
    step, reached = 0, True
    with Store.open(Config(store=server.url)) as forgetter, Store.open(Config(store=server.url)) as writer:
        while reached:
            images = [make_image(3 * step + n, salt="middle") for n in range(3)]
            a, b, c = (image.image_id for image in images)
            put_all(writer, images)
            record_verdict(writer, b, a, MATCH)
            reached = interleave(
                monkeypatch, forgetter, step,
                work=lambda a=a: forgetter.forgetting.forget(a),
                between=lambda a=a, b=b, c=c: writer.verdicts.record(c, [(a, MATCH), (b, MATCH)]),
            )  # fmt: skip
            assert traces(images[0], everything(server.redis)) == [], f"judged before step {step}"
            mine, theirs = writer.clusters.of([b, c])
            assert (mine == theirs) is reached  # else nothing was recorded about c, and b stays alone
            assert [found.image_id for found in writer.verdicts.of(b)] == ([c] if reached else [])
            step += 1
    assert step > 40


def test_an_image_added_in_the_middle_of_its_forgetting_is_whole_or_gone(
    server, make_image, everything, monkeypatch
):
    step, reached, readded = 0, True, 0
    with Store.open(Config(store=server.url)) as forgetter, Store.open(Config(store=server.url)) as writer:
        while reached:
            images = [make_image(2 * step + n, salt="again") for n in range(2)]
            a, b = (image.image_id for image in images)
            put_all(writer, images)
            record_verdict(writer, b, a, MATCH)

            def add_again(image=images[0], b=b) -> None:
                if writer.images.put(image, occurrence=HERE) is PutStatus.ADDED:
                    record_verdict(writer, image.image_id, b, MATCH)

            reached = interleave(
                monkeypatch,
                forgetter,
                step,
                work=lambda a=a: forgetter.forgetting.forget(a),
                between=add_again,
            )
            if is_stored(writer, a):
                readded += 1
                assert len(writer.verdicts.of(a)) == len(writer.verdicts.of(b)) == 1 and writer.clusters.of(
                    [a]
                )[0].members == tuple(sorted([a, b]))
                writer.forgetting.forget(a)
            assert traces(images[0], everything(server.redis)) == []
            step += 1
    assert readded > 20


def test_two_forgets_at_once_both_end(server, make_image, everything):
    with Store.open(Config(store=server.url)) as store:
        images = [make_image(n) for n in range(40)]
        put_all(store, images)
        store.verdicts.record(images[0].image_id, [(image.image_id, MATCH) for image in images[1:]])

    def forget_all(chosen: list[NewImage]) -> None:
        with Store.open(Config(store=server.url)) as store:
            for image in chosen:
                store.forgetting.forget(image.image_id)

    children = [in_child(lambda k=k: forget_all(images[k::3])) for k in range(3)]
    assert [os.waitpid(child, 0)[1] for child in children] == [0, 0, 0]
    data = everything(server.redis)
    assert [image for image in images if traces(image, data)] == []


def on_disk(folder: Path) -> bytes:
    return b"\n".join(path.read_bytes() for path in sorted(folder.rglob("appendonly*")) if path.is_file())


def test_purge_takes_a_forgotten_image_off_the_disk_too(server, make_image):
    forgotten, partners = rich_store(server.url, make_image, "z")
    with Store.open(Config(store=server.url)) as store:
        store.forgetting.forget(forgotten.image_id)
        assert "id in hex" in traces(forgotten, on_disk(server.folder))  # the append-only file still tells
        store.forgetting.purge()
        assert traces(forgotten, on_disk(server.folder)) == []
        assert traces(partners[0], on_disk(server.folder)) != []
    # And a server that reads its file again has what it should have
    server.stop()
    server.start()
    with Store.open(Config(store=server.url)) as store:
        assert store.stats().images == 5 and store.images.records([partners[0].image_id]) == [
            partners[0].record
        ]
