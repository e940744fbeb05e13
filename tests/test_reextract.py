"""`quaid reextract`: what older rules made of a picture is replaced by what the present ones make of it, and
so are the verdicts and clusters that rest on it.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from PIL import Image
from support.command_line import runner
from support.images import record_verdict
from support.old_records import old_features, put_old
from support.pictures import blank, jpeg, page, photo, png
from support.steps import interleave, run_and_die

from douglas_quaid import Config, Decision, Engine
from douglas_quaid.cli.main import main
from douglas_quaid.features.outdated import is_same, outdated
from douglas_quaid.records import (
    Configuration,
    Evidence,
    ImageId,
    Occurrence,
    Relation,
    Verdict,
)
from douglas_quaid.renewal import RenewalStatus, Renewed
from douglas_quaid.sources import Sources
from douglas_quaid.store import Store

#: Two pages that have nothing in common.
PAGES = [png(page(seed, 480, 320)) for seed in (1, 2)]
#: What an earlier version took both of them for.
SHEET = photo(9, 320, 240)


@pytest.fixture
def engine(store_url: str) -> Iterator[Engine]:
    with Engine.open(store_url) as engine:
        yield engine


@pytest.fixture
def command(store_url: str) -> Callable[..., tuple[int, list[dict[str, Any]]]]:
    """Exit status and lines of `quaid reextract --json`."""

    def run(*arguments: str) -> tuple[int, list[dict[str, Any]]]:
        result = runner().invoke(
            main, ["reextract", "--store", store_url, "--json", *arguments], catch_exceptions=False
        )
        return result.exit_code, [json.loads(line) for line in result.stdout.splitlines()]

    return run


def saved(folder: Path, data: bytes) -> Path:
    path = folder / f"{hashlib.sha256(data).hexdigest()[:8]}.png"
    path.write_bytes(data)
    return path


def taken_for_the_same(engine: Engine, folder: Path, *pictures: bytes) -> list[ImageId]:
    """Pictures in files, which are in the store as if they all showed SHEET, and linked."""
    ids = [put_old(engine._store, old_features(data, SHEET), saved(folder, data)) for data in pictures]
    for image_id in ids:
        engine.link(image_id)
    assert len(set(engine.cluster_ids(ids))) == 1 and engine.cluster_ids(ids)[0]
    return ids


def run(engine: Engine, **options: Any) -> dict[ImageId, Renewed]:
    found = engine.reextract(Sources(engine.config.max_bytes).read, **options)
    return {outcome.image_id: outcome for outcome in found}


def state(engine: Engine, ids: list[ImageId]) -> Any:
    """All that is known of the images but times and the names of clusters."""
    store = engine._store
    listed = [
        sorted((one.image_id, one.verdict.decision, one.verdict.relation) for one in store.verdicts.of(i))
        for i in ids
    ]
    clusters = {
        frozenset(cluster.members) for cluster in store.clusters.of(ids) if cluster and cluster.members[1:]
    }
    renewals = store.links.renewals(ids)
    assert all(found.linked and found.judged for found in renewals)
    return listed, clusters, store.images.records(ids), [store.links.is_linked(i) for i in ids]


def test_pages_that_were_taken_for_the_same_picture_part(
    engine: Engine, tmp_path: Path, command: Callable[..., Any]
) -> None:
    # Given two different pages that an earlier version took for one picture
    ids = taken_for_the_same(engine, tmp_path, *PAGES)
    assert [hit.relation for hit in engine.hits(ids[0])] == ["identical"]
    # When they are extracted again
    status, lines = command()
    assert status == 0
    assert sorted((line["image_id"], line["status"]) for line in lines) == [
        (i, "renewed") for i in sorted(ids)
    ]
    # Then records, verdicts and clusters are those of a store that never knew the earlier version
    assert engine.hits(ids[0]) == engine.hits(ids[1]) == ()
    assert engine.cluster_ids(ids) == [None, None]
    for image_id, features, data in zip(ids, engine.features(ids), PAGES, strict=True):
        assert features is not None and outdated(features) == ()
        assert engine.query(data).hits[0].image_id == image_id
    # And to do so again changes nothing
    before = state(engine, ids)
    assert command() == (0, []) and state(engine, ids) == before


def white_logo(seed: int) -> Image.Image:
    """A white drawing on transparency, and nothing to see on white."""
    picture = Image.new("RGBA", (300, 200), (255, 255, 255, 0))
    picture.putalpha(page(seed, 300, 200).convert("L").point(lambda value: 255 * (value < 128)))
    return picture


def on(ground: str, picture: Image.Image) -> Image.Image:
    sheet = Image.new("RGB", picture.size, ground)
    sheet.paste(picture, mask=picture)
    return sheet


def test_white_logos_that_were_laid_on_white_part(
    engine: Engine, tmp_path: Path, command: Callable[..., Any]
) -> None:
    # Given two white logos as revision 1 read them: equal blank sheets, a match and one cluster
    logos, store = [white_logo(seed) for seed in (1, 3)], engine._store
    files = [png(logo) for logo in logos]
    ids = [
        put_old(store, old_features(data, on("white", logo)), saved(tmp_path, data))
        for data, logo in zip(files, logos, strict=True)
    ]
    first, second = engine.features(ids)
    assert first and second and first.pixel_digest == second.pixel_digest and not first.informative
    for image_id in ids:
        engine.link(image_id)
    same = Evidence(configuration=Configuration.SAME_PIXELS, same_pixels=True, pdq_bits=0)
    record_verdict(
        store,
        *ids,
        Verdict(Decision.MATCH, Relation.IDENTICAL, 1.0, same, engine.calibration.id, "same pixels"),
    )
    assert len({*engine.cluster_ids(ids)}) == 1 and engine.cluster_ids(ids)[0]
    # When they are extracted again
    status, lines = command()
    assert (status, [line["status"] for line in lines]) == (0, ["renewed", "renewed"])
    # Then they share nothing, and each is found on a dark page
    assert engine.cluster_ids(ids) == [None, None]
    assert all(hit.decision is Decision.NO_MATCH for image_id in ids for hit in engine.hits(image_id))
    for image_id, logo in zip(ids, logos, strict=True):
        answer = engine.query(png(on("#14202c", logo)))
        assert [hit.image_id for hit in answer.hits] == [image_id]


def test_copies_that_stay_copies_keep_their_cluster_and_its_name(engine: Engine, tmp_path: Path) -> None:
    # Given two copies of one page and a different one, taken for the same
    ids = taken_for_the_same(engine, tmp_path, PAGES[0], jpeg(page(1, 480, 320), 95), PAGES[1])
    (name,) = {*engine.cluster_ids(ids)}
    # (a JPEG is read as before, unless it showed nothing)
    store = engine._store
    features = old_features(jpeg(page(1, 480, 320), 95), blank(320, 240))
    assert store.images.renew(_stored(features), before=store.images.records([ids[1]])[0] or b"")
    # Then the copies stay together under the old name, and the other page has left
    run(engine)
    assert engine.cluster_ids(ids) == [name, name, None]
    assert [hit.relation for hit in engine.hits(ids[0])] == ["near-duplicate"]


def _stored(features: Any) -> Any:
    from douglas_quaid.index.new_image import new_image

    return new_image(features)


def test_what_a_person_said_stands(engine: Engine, tmp_path: Path) -> None:
    pictures = [*PAGES, png(page(3, 480, 320)), png(page(1, 480, 320), compress_level=1)]
    ids = taken_for_the_same(engine, tmp_path, *pictures)
    engine.confirm(ids[0], ids[1])
    engine.veto(ids[0], ids[3])
    run(engine)
    # The two that a person joined stay joined, the copies that a person keeps apart stay apart
    first, second, third, copy = engine.cluster_ids(ids)
    assert first == second is not None and third is None and copy != first
    assert [hit.image_id for hit in engine.hits(ids[0])] == [ids[1]]
    # and once the words are taken back, the scores count, which are those of the new features
    engine.undo(ids[0], ids[1])
    engine.undo(ids[0], ids[3])
    assert engine.cluster_ids([ids[1]]) == [None]
    assert [hit.image_id for hit in engine.hits(ids[0])] == [ids[3]]


def test_a_picture_whose_features_are_the_same_gets_the_new_revision_and_nothing_else(
    engine: Engine, tmp_path: Path, command: Callable[..., Any]
) -> None:
    # Given an opaque picture of a kind of which some are decoded otherwise now, with a verdict
    old = put_old(engine._store, old_features(PAGES[0], page(1, 480, 320)), saved(tmp_path, PAGES[0]))
    engine.add(png(page(1, 480, 320).resize((360, 240))))
    engine.link(old)
    before = engine._store.verdicts.scored([old])
    cluster = engine.cluster_ids([old])
    # When it is extracted again
    (dead,) = {engine.stats().store.dead_rows}
    status, (line,) = command()
    # Then its row, link, verdicts and cluster stay
    assert (status, line["image_id"], line["status"], line["outdated"]) == (0, old, "unchanged", ["decoding"])
    assert engine.stats().store.dead_rows == dead and engine._store.links.is_linked(old)
    assert engine._store.verdicts.scored([old]) == before and engine.cluster_ids([old]) == cluster
    (features,) = engine.features([old])
    assert features is not None and outdated(features) == () and command() == (0, [])


def unreachable_places(folder: Path) -> dict[str, Occurrence | None]:
    (folder / "changed.png").write_bytes(PAGES[1])
    (folder / "folder").mkdir()
    os.mkfifo(folder / "pipe.png")
    paths = {
        "no such file": str(folder / "gone.png"),
        "other bytes": str(folder / "changed.png"),
        "a folder": str(folder / "folder"),
        "a pipe": str(folder / "pipe.png"),
        "a device": "/dev/zero",
        "standard input": "-",
        "a relative path": "core/errors.py",
    }
    files: dict[str, Occurrence | None] = {
        name: Occurrence("file", "path", path) for name, path in paths.items()
    }
    return files | {
        "another kind": Occurrence("file", "digest", str(folder / "changed.png")),
        "a host that nobody knows": Occurrence("elsewhere", "path", "/etc/passwd"),
        "nowhere": None,
    }


@pytest.mark.parametrize(
    "name",
    [
        "no such file",
        "other bytes",
        "a folder",
        "a pipe",
        "a device",
        "standard input",
        "a relative path",
        "another kind",
        "a host that nobody knows",
        "nowhere",
    ],
)
def test_an_image_whose_bytes_cannot_be_had_stays_as_it_is_and_is_named(
    engine: Engine, tmp_path: Path, command: Callable[..., Any], name: str
) -> None:
    features = old_features(PAGES[0], SHEET)
    old = put_old(engine._store, features, unreachable_places(tmp_path)[name])
    engine.link(old)
    before = state(engine, [old])
    for _ in range(2):  # and the next run tries again
        status, (line,) = command()
        assert (status, line["image_id"], line["status"]) == (1, old, "unreachable")
        assert line["error"]["type"] == "NotFound" and "add the picture" in line["error"]["message"]
        assert state(engine, [old]) == before


def test_an_adapter_that_lacks_a_package_reads_nothing_and_names_it() -> None:
    place = "Sighting(Occurrence('misp', 'attribute', 'x'), {}, None, None)"
    program = (
        "import sys\nsys.modules['pymisp'] = None\n"
        "from douglas_quaid.records import Occurrence, Sighting\nfrom douglas_quaid.sources import Sources\n"
        f"Sources(1).read('0' * 64, [{place}])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert "NotFound: its bytes are nowhere to be had" in done.stderr
    assert "needs the Python package pymisp" in done.stderr


def test_an_image_is_read_from_where_its_bytes_still_are(engine: Engine, tmp_path: Path) -> None:
    # Given an image whose file is gone, and which lies under a name that is not UTF-8 as well
    odd = os.fsdecode(os.fsencode(tmp_path) + b"/\xff\xfe.png")
    Path(odd).write_bytes(PAGES[0])
    old = put_old(engine._store, old_features(PAGES[0], SHEET), tmp_path / "gone.png")
    from douglas_quaid.inputs import Input

    place = Input(odd).occurrence
    assert place is not None
    engine.note(old, occurrence=place)
    assert run(engine)[old].status is RenewalStatus.RENEWED


def test_bytes_that_cannot_be_decoded_any_more_are_a_failure_and_the_rest_is_done(
    engine: Engine, tmp_path: Path, command: Callable[..., Any]
) -> None:
    broken = PAGES[0][:60]
    ids = []
    for data in (broken, PAGES[1]):
        ids.append(put_old(engine._store, old_features(data, SHEET), saved(tmp_path, data)))
    status, lines = command()
    found = {line["image_id"]: line for line in lines}
    assert status == 1 and found[ids[0]]["status"] == "failed" and found[ids[1]]["status"] == "renewed"
    assert found[ids[0]]["error"]["type"] == "CorruptImage"


@pytest.mark.parametrize("options", [{"hash_only": True}, {"thumbnails": False}])
def test_no_more_is_kept_of_an_image_than_before(
    engine: Engine, tmp_path: Path, options: dict[str, bool]
) -> None:
    old = put_old(engine._store, old_features(PAGES[0], SHEET, **options), saved(tmp_path, PAGES[0]))
    assert run(engine)[old].status is RenewalStatus.RENEWED
    (features,) = engine.features([old])
    assert features is not None and features.thumbnail is None and outdated(features) == ()
    assert (len(features.local) == 0) is ("hash_only" in options)


def test_what_was_reduced_to_its_hashes_meanwhile_stays_so(engine: Engine, tmp_path: Path) -> None:
    old = put_old(engine._store, old_features(PAGES[0], SHEET), saved(tmp_path, PAGES[0]))

    def read(image_id: ImageId, _: object) -> bytes:
        engine.add(PAGES[0], hash_only=True, link=False)
        return PAGES[0]

    (outcome,) = engine.reextract(read)
    assert outcome.status is RenewalStatus.UNCHANGED
    (features,) = engine.features([old])
    assert features is not None and len(features.local) == 0 and features.thumbnail is None


def test_an_image_that_is_forgotten_meanwhile_stays_forgotten(
    engine: Engine, tmp_path: Path, shared_server: Any, everything: Callable[[Any], bytes]
) -> None:
    gone, stays = taken_for_the_same(engine, tmp_path, *PAGES)

    def read(image_id: ImageId, _: object) -> bytes:
        if image_id == gone:
            engine.forget(gone)
        return PAGES[0] if image_id == gone else PAGES[1]

    assert {outcome.image_id for outcome in engine.reextract(read)} <= {gone, stays}
    assert gone.encode() not in everything(shared_server.redis).replace(b"walk:reextract", b"")
    assert engine.count() == 1


def test_self_check_counts_what_is_outdated(engine: Engine, tmp_path: Path, store_url: str) -> None:
    def check() -> str:
        done = runner().invoke(main, ["self-check", "--store", store_url, "--json"], catch_exceptions=False)
        lines = map(json.loads, done.stdout.splitlines())
        return next(line["detail"] for line in lines if line["check"] == "versions")

    put_old(engine._store, old_features(PAGES[0], SHEET), saved(tmp_path, PAGES[0]))
    assert check().startswith("1 of 1 images are outdated; quaid reextract")
    run(engine)
    assert check() == "none of 1 images is outdated"


def test_self_check_mends_a_renewal_without_a_time(
    engine: Engine, tmp_path: Path, store_url: str, shared_server: Any
) -> None:
    ids = taken_for_the_same(engine, tmp_path, *PAGES)
    run(engine)
    shared_server.redis.hset(f"dq:{{{ids[0][0]}}}:img:{ids[0]}", "renewed", "soon")
    done = runner().invoke(main, ["self-check", "--store", store_url, "--repair"], catch_exceptions=False)
    assert "renewed" in done.stdout
    run(engine)
    assert all(found.judged for found in engine._store.links.renewals(ids))


def test_a_dry_run_names_what_is_outdated_and_changes_nothing(
    engine: Engine, tmp_path: Path, command: Callable[..., Any]
) -> None:
    ids = taken_for_the_same(engine, tmp_path, *PAGES)
    engine.add(jpeg(page(3, 480, 320)))
    before = state(engine, ids)
    status, lines = command("--dry-run")
    assert status == 0 and sorted(line["image_id"] for line in lines) == sorted(ids)
    assert {line["status"] for line in lines} == {"outdated"} and state(engine, ids) == before


def test_a_limited_run_is_continued_by_the_next(
    engine: Engine, tmp_path: Path, command: Callable[..., Any]
) -> None:
    # Given six outdated images, of which two cannot be read
    pictures = [png(page(seed, 480, 320)) for seed in range(6)]
    ids = [put_old(engine._store, old_features(data, SHEET), saved(tmp_path, data)) for data in pictures]
    for path in sorted(tmp_path.iterdir())[:2]:
        path.unlink()
    # Then each run renews as many as it may, and what cannot be read stops none
    for left in (4, 2, 0):
        assert sum(bool(outdated(features)) for features in engine.features(ids) if features) == left + 2
        command("--limit", "2")
    assert command("--dry-run")[0] == 0 and command()[0] == 1


def test_text_for_people_ends_with_the_counts(engine: Engine, tmp_path: Path, store_url: str) -> None:
    put_old(engine._store, old_features(PAGES[0], SHEET), saved(tmp_path, PAGES[0]))
    put_old(engine._store, old_features(PAGES[1], SHEET), tmp_path / "gone.png")
    result = runner().invoke(main, ["reextract", "--store", store_url], catch_exceptions=False)
    assert result.exit_code == 1 and "gone.png" in result.stderr
    assert sorted(result.stdout.splitlines()[-1].split(", ")) == ["1 renewed", "1 unreachable"]
    result = runner().invoke(main, ["reextract", "--store", store_url, "--dry-run"], catch_exceptions=False)
    assert result.stdout.splitlines()[-1] == "1 outdated"


# -- by another version of an extractor ----------------------------------------------------------------------


def test_a_pair_that_cannot_be_compared_any_more_stays_as_it_was_judged(
    engine: Engine, tmp_path: Path
) -> None:
    # Given two copies whose keypoints an earlier version described in another way; one file is gone
    data = [jpeg(page(1, 480, 320), 95), jpeg(page(1, 480, 320).resize((360, 240)), 95)]
    ids = []
    for one in data:
        features = old_features(one, page(1, 480, 320))
        features = replace(features, versions=replace(features.versions, local=1, pdq=9), decoding=2)
        if one is data[1]:
            features = replace(features, pixel_digest=bytes(32))
        ids.append(put_old(engine._store, features, saved(tmp_path, one)))
    for image_id in ids:
        engine.link(image_id)
    (name,) = {*engine.cluster_ids(ids)}
    assert name and engine.hits(ids[0])[0].decision is Decision.MATCH
    saved(tmp_path, data[1]).unlink()
    # When the other is extracted again
    outcomes = run(engine)
    assert [outcomes[i].status.value for i in ids] == ["renewed", "unreachable"]
    # Then nothing refutes the match, and it stays
    assert engine.hits(ids[0])[0].decision is Decision.MATCH and engine.cluster_ids(ids) == [name, name]


# -- killed, and at once -------------------------------------------------------------------------------------


def test_a_run_that_is_killed_at_any_step_is_ended_by_the_next(
    server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures = [*PAGES, png(page(1, 480, 320), compress_level=1)]
    config = Config(store=server.url, workers=1)

    with Engine.open(server.url) as engine:
        ids = taken_for_the_same(engine, tmp_path, *pictures)
        filled = {key: server.redis.dump(key) for key in server.redis.scan_iter()}
        run(engine)
        wanted = state(engine, ids)
    assert wanted[1] == {frozenset((ids[0], ids[2]))}
    step, died = 0, True
    while died:
        server.redis.flushall()
        for key, value in filled.items():
            server.redis.restore(key, 0, value)
        died = run_and_die(
            monkeypatch,
            server.url,
            lambda store: list(Engine(store, config).reextract(Sources(config.max_bytes).read)),
            step,
        )
        with Engine.open(server.url) as engine:
            run(engine)
            assert state(engine, ids) == wanted, step
            assert engine._store.settings.progress("reextract") is None
        assert server.redis.hlen("dq:{meta}:intents") == 0
        step += 17  # of some 300 commands, most of which are the same few kinds again
    assert step > 100


def test_several_runs_at_once_come_to_the_same(engine: Engine, store_url: str, tmp_path: Path) -> None:
    pictures = [png(page(seed, 480, 320)) for seed in range(6)]
    ids = taken_for_the_same(engine, tmp_path, *pictures, png(page(0, 480, 320), compress_level=1))
    with Engine.open(store_url) as other:
        threads = [Thread(target=run, args=(one,)) for one in (engine, other)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(120)
    run(engine)
    listed, clusters, *_ = state(engine, ids)
    assert clusters == {frozenset((ids[0], ids[6]))}
    assert [bool(found) for found in listed] == [True, *[False] * 5, True]


def test_a_link_that_was_under_way_keeps_no_verdict_about_features_that_are_gone(
    store_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    newcomer = jpeg(page(1, 480, 320).resize((400, 266)), 95)
    for step in range(0, 60, 4):
        with Engine.open(store_url) as engine, Engine.open(store_url) as other:
            # Given an outdated image that was taken for a page, and a copy of that page
            engine._store.connection.everywhere("FLUSHALL")
            old = put_old(engine._store, old_features(PAGES[1], page(1, 480, 320)), saved(tmp_path, PAGES[1]))
            new = engine.add(newcomer, link=False).image_id
            # When the image is renewed between two commands of the copy's link
            reached = interleave(
                monkeypatch,
                engine._store,
                step,
                work=partial(engine.link, new),
                between=partial(run, other),
            )
            # Then no verdict connects the two
            assert not reached or engine.hits(new) == engine.hits(old) == (), step
            assert not reached or engine.cluster_ids([new, old]) == [None, None], step
        if not reached:
            break
    assert step > 15


def test_a_store_that_holds_nothing_old_is_left_alone(engine: Engine, store: Store) -> None:
    image_id = engine.add(PAGES[0]).image_id
    before = store.images.records([image_id])
    assert run(engine) == {} and store.images.records([image_id]) == before
    (features,) = engine.features([image_id])
    assert features is not None and is_same(features, features)


def test_blank_pictures_that_an_earlier_version_called_identical_part(engine: Engine, tmp_path: Path) -> None:
    # Given three blank pictures, the bytes of one of which are gone, in one cluster as identical
    store, sheets = engine._store, [png(blank(320, 240), compress_level=level) for level in (1, 6, 9)]
    paths = [saved(tmp_path, data) for data in sheets]
    ids = [
        put_old(store, old_features(data, blank(320, 240)), path)
        for data, path in zip(sheets, paths, strict=True)
    ]
    paths[2].unlink()
    copies = [engine.add(png(page(1, 480, 320), compress_level=level)).image_id for level in (1, 6)]
    match = store.verdicts.scored([copies[0]])[0][0].verdict
    assert match.relation == "identical"
    for number, image_id in enumerate(ids):
        store.verdicts.record(image_id, [(other, match) for other in ids[:number]])
        store.links.mark_linked(image_id)
    assert len(set(engine.cluster_ids(ids))) == 1 and len(engine.hits(ids[2])) == 2
    # When their pictures, which look the same to all versions, are extracted again
    found = run(engine)
    assert [found[image_id].status for image_id in ids] == ["renewed", "renewed", "unreachable"]
    # Then none of them is like another, and copies that show something still are
    assert engine.cluster_ids(ids) == [None, None, None] and not any(map(engine.hits, ids))
    assert [hit.relation for hit in engine.hits(copies[0])] == ["identical"]
    # And nothing is left to do for those whose bytes are there
    assert [*run(engine)] == [ids[2]]
