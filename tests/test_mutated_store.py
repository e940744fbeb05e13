"""A small store with one broken value: it is told by name, the rest of an answer is given, and --repair
mends it. The benchmark mutated_store does the same with thousands of mutations.
"""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest
from benchmarks.mutated_store import one
from PIL import Image
from support.command_line import runner
from support.mutated import (
    FAULTS,
    Outcome,
    Small,
    answers,
    check,
    kind_of,
    mended,
    outcome,
    pairs_measured_once,
    small_store,
)
from support.pictures import jpeg
from support.server import Server

from douglas_quaid.cli.main import main
from douglas_quaid.errors import CorruptRecord
from douglas_quaid.features import codec as record_codec
from douglas_quaid.integrity.finding import NEWER
from douglas_quaid.store import verdict_codec
from douglas_quaid.store.keys import COUNTED, META

#: Kinds of keys whose loss nothing else in the store tells; none of them changes an answer.
UNTOLD = {
    "meta relink",
    "meta hubs",
    "meta bookmarks",
    "meta keys",
    "meta lock",
    "meta lease",
    "meta session",
    "meta intents",
    "meta head",
    "forgetting",
}
#: Kinds of keys whose loss other keys tell.
TOLD = [
    *(
        "img",
        "occ",
        "seen",
        "mem",
        "ver",
        "partners",
        "ids",
        "where",
        "pixels",
        "set",
        "rows",
        "words",
        "head",
    ),
    *("meta judged", "meta joining", "meta cluster-of", "meta clusters", "meta members", "meta collections"),
    *("tombs", "meta calibration"),
]


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Small]:
    """The store, and pairs that are measured once."""
    server = Server(tmp_path_factory.mktemp("valkey"), appendonly="no").start()
    logging.disable(logging.WARNING)
    with pairs_measured_once():
        yield small_store(server)
    logging.disable(logging.NOTSET)
    server.kill()


@pytest.fixture(scope="module")
def expected(small: Small) -> dict[str, object]:
    """What the intact store answers."""
    small.restore()
    return answers(small)


@pytest.fixture(autouse=True)
def intact(small: Small) -> None:
    small.restore()


def test_an_intact_store_is_whole_and_answers_twice_the_same(
    small: Small, expected: dict[str, object]
) -> None:
    assert check(small) == [] and mended(small) == []
    small.restore()
    assert answers(small) == expected and "problems" not in expected


@pytest.mark.parametrize("number", range(24))
def test_a_mutation_is_told_and_mended(small: Small, expected: dict[str, object], number: int) -> None:
    kind, done, result = one(small, expected, f"test {number}")
    assert result.what not in FAULTS, (kind, done, result.detail)


@pytest.mark.parametrize(
    ("tag", "name", "field", "value"),
    [
        ("", "head", "rows", "1000000000000"),
        ("", "head", "dead", "-1"),
        ("", "head", "generation", "7"),
        ("", "head", "occurrences", "x"),
        (META, "collections", "known", '{"purpose": "ignore", "created": 1}'),
        (META, "collections", "known", "null"),
        (META, "hubs", "", "[]"),
        (META, "intents", "", "{}"),
        (META, "cluster-of", "", "c-1"),
    ],
)
def test_a_broken_field_is_named_and_mended(
    small: Small, expected: dict[str, object], tag: str, name: str, field: str, value: str
) -> None:
    # Given one broken field, in the shard of the first picture if no tag is given
    client, key = small.server.redis, f"dq:{{{tag or small.ids[0][0]}}}:{name}"
    client.hset(key, field or sorted(client.hkeys(key))[0], value)
    # Then self-check names the key, and nothing but what is told differs
    problems = [str(problem) for problem in check(small)]
    result = outcome(small, expected, writing=False)
    assert any(key in problem or f"columns of shard {small.ids[0][0]}" in problem for problem in problems)
    assert result.what.startswith("told"), result


@pytest.mark.parametrize("schema", [2, 3])
def test_a_store_that_seems_to_be_an_older_one_loses_nothing(
    small: Small, expected: dict[str, object], schema: int
) -> None:
    small.server.redis.hset(f"dq:{{{META}}}:head", "schema", schema)
    assert outcome(small, expected, writing=False) == Outcome("equal")


@pytest.mark.parametrize("name", [b"", b"x", b"\xff" * 64], ids=["empty", "short", "no text"])
@pytest.mark.parametrize("kind", ["ver", "meta judged", "meta joining", "meta blocked", "meta cluster-of"])
def test_a_field_that_should_be_named_by_an_image_is_told(
    small: Small, expected: dict[str, object], kind: str, name: bytes
) -> None:
    client = small.server.redis
    for key in sorted(key for key in small.saved if kind_of(key) == kind):
        small.restore()
        field = sorted(client.hkeys(key))[0]
        client.hset(key, name, client.hget(key, field))
        client.hdel(key, field)
        result = outcome(small, expected, writing=False)
        assert result.what.startswith("told"), (key, result)


@pytest.mark.parametrize("kind", TOLD)
def test_the_loss_of_a_whole_key_is_found_by_the_keys_that_say_the_same(
    small: Small, expected: dict[str, object], kind: str
) -> None:
    names = sorted(name for name in small.saved if kind_of(name) == kind)
    own = f"{{{small.ids[0][0]}}}".encode()
    name = next((name for name in names if own in name), names[0])
    small.server.redis.delete(name)
    result = outcome(small, expected, writing=False)
    assert result.what.startswith("told"), (name, result)


def test_every_kind_of_key_is_in_the_store(small: Small) -> None:
    kinds = {kind_of(name) for name in small.saved}
    assert kinds >= UNTOLD and len(kinds) >= 28


def test_one_images_broken_labels_do_not_end_a_query_over_all_others(small: Small) -> None:
    # Given the labels of an image that a query finds
    image_id = small.ids[4]
    key = f"dq:{{{image_id[0]}}}:occ:{image_id}"
    small.server.redis.hset(key, "test:page:4", "1767225600 [7]")
    # When it is queried
    with small.engine() as engine:
        answer = engine.query(small.queries[1])
        shown = engine.show(image_id).to_json()
    # Then the image is found, with what could be read, and what could not is named with its remedy
    hit = next(hit for hit in answer.hits if hit.image_id == image_id)
    assert hit.occurrences == ("test:page:shared",) and not answer.complete
    for problems in (answer.problems, hit.problems, shown["problems"]):
        assert len(problems) == 1 and key in problems[0] and "quaid self-check --repair" in problems[0]


def test_a_picture_whose_record_is_broken_is_complete_when_it_is_added_again(
    small: Small, expected: dict[str, object]
) -> None:
    # Given a broken record, which --repair removes
    image_id, client = small.ids[4], small.server.redis
    client.hset(f"dq:{{{image_id[0]}}}:img:{image_id}", "record", b"broken")
    (left,) = mended(small)
    assert image_id in left.remedy and "add the picture again" in left.remedy
    # When a copy of the picture is added, and then the picture again
    with small.engine() as engine:
        copy = engine.add(jpeg(Image.open(io.BytesIO(small.queries[1])).convert("RGB"), 80)).image_id
        assert engine.add(small.queries[1], occurrence="test:page:4").status == "added"
        assert copy in {hit.image_id for hit in engine.hits(image_id)}
        # Then it is found with all that was known of it
        hit = next(hit for hit in engine.query(small.queries[1]).hits if hit.image_id == image_id)
    assert {"test:page:4", "test:page:shared"} <= set(hit.occurrences) and {"event": "4"} in hit.labels
    assert check(small) == []


def test_self_check_prints_a_line_for_each_broken_value_and_ends_with_1(
    small: Small, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOUGLAS_QUAID_VOLATILE_STORE", "1")
    small.server.redis.hset(f"dq:{{{small.ids[0][0]}}}:head", "rows", "1000000000000")

    def run(*options: str) -> tuple[int, list[dict[str, str]]]:
        result = runner().invoke(main, ["self-check", "--json", "--store", small.server.url, *options])
        lines = [json.loads(line) for line in result.stdout.splitlines()]
        return result.exit_code, [line for line in lines if "status" in line]

    status, lines = run()
    assert status == 1 and {line["status"] for line in lines} == {"broken"} and len(lines) == 1
    status, lines = run("--repair")
    assert status == 0 and {line["status"] for line in lines} == {"mended"}
    assert run() == (0, [])


def test_the_columns_are_built_anew_while_others_write(small: Small, expected: dict[str, object]) -> None:
    # Given a column that lost an image, and a writer that adds and forgets while it is built anew
    from douglas_quaid.integrity.columns import _write_page, rebuild

    image_id = small.ids[0]
    tag = image_id[0]
    small.server.redis.delete(f"dq:{{{tag}}}:rows:0:0")
    small.server.redis.hset(f"dq:{{{tag}}}:head", mapping={"rows": 0, "dead": 0})
    with small.engine() as engine:
        store, stats = engine._store, engine.stats()
        written = list[str]()

        def meanwhile(*arguments: object, **options: object) -> set[str]:
            found = _write_page(*arguments, **options)  # type: ignore[arg-type]
            if not written:
                written.append(engine.add(small.new, occurrence="test:page:new", link=False).image_id)
                engine.forget(image_id)
            return found

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("douglas_quaid.integrity.columns._write_page", meanwhile)
            rebuild(store, tag, 7)
    # Then the new columns have what is in the store, and nothing else
    with small.engine() as engine:
        assert engine.stats().images_searchable == engine.stats().store.images == stats.store.images
        assert image_id not in {hit.image_id for hit in engine.query(small.queries[0]).hits}
    assert [finding for finding in mended(small) if finding.mend] == [] and check(small) == []


def test_a_difference_that_nothing_tells_is_a_fault(small: Small) -> None:
    assert outcome(small, {"stats": {"calibration_id": "another"}}, writing=False).what == "silent"


@pytest.mark.parametrize("kind", ["members", "representatives", "blocked", "judged"])
def test_a_change_of_clusters_that_meets_a_key_of_another_type_changes_nothing(
    small: Small, kind: str
) -> None:
    # Given a key of another type, of a cluster or of an image in it
    client = small.server.redis
    home = client.hget(f"dq:{{{META}}}:cluster-of", small.ids[3]).decode()
    broken = f"dq:{{{META}}}:{kind}:" + (home if kind in ("members", "representatives") else small.ids[3])
    client.delete(broken)
    client.set(broken, "x")
    with small.engine() as engine:
        before = {name: client.dump(name) for name in client.keys(f"dq:{{{META}}}:*")}
        # When a person says something that would change it
        with pytest.raises(CorruptRecord, match=broken):
            engine.veto(small.ids[3], small.ids[6], who="ada")
    # Then nothing under meta is written
    assert {name: client.dump(name) for name in client.keys(f"dq:{{{META}}}:*")} == before


def test_a_forget_that_meets_columns_of_another_type_changes_nothing(small: Small) -> None:
    # Given tombstones of another type
    client, tag = small.server.redis, small.ids[0][0]
    client.delete(f"dq:{{{tag}}}:tombs:0")
    client.hset(f"dq:{{{tag}}}:tombs:0", "x", "y")
    with small.engine() as engine:
        before = {name: client.dump(name) for name in client.keys(f"dq:{{{tag}}}:*")}
        # When an image of the shard is to be forgotten
        with pytest.raises(CorruptRecord, match="tombs"):
            engine.forget(small.ids[0])
    # Then none of it is gone
    assert {name: client.dump(name) for name in client.keys(f"dq:{{{tag}}}:*")} == before


def test_a_broken_chain_is_named(small: Small) -> None:
    small.server.redis.sadd(f"dq:{{{META}}}:chains", "x")
    with small.engine() as engine, pytest.raises(CorruptRecord, match=r"chains.*--repair"):
        engine.chains()


def test_what_a_newer_program_wrote_stays(small: Small) -> None:
    # Given a judgement, the verdicts and the record of an image in formats of a newer program
    client, image_id = small.server.redis, small.ids[3]
    tag, size = image_id[0], record_codec.CHECKSUM
    for kind, own in (("judged", META), ("ver", tag)):
        for other in client.hkeys(f"dq:{{{own}}}:{kind}:{image_id}"):
            name = other.decode()
            for owner, two in ((image_id, name), (name, image_id)):
                side = f"dq:{{{META if own == META else owner[0]}}}:{kind}:{owner}"
                data = client.hget(side, two)
                head = data[:3] + bytes([verdict_codec.VERSION + 1]) + data[4:12]
                client.hset(side, two, head + verdict_codec._checksum(head, data[20:]) + data[20:])
    record = client.hget(f"dq:{{{tag}}}:img:{image_id}", "record")[:-size]
    record = record[:4] + bytes([record_codec.FORMAT_VERSION + 1]) + record[5:]
    client.hset(f"dq:{{{tag}}}:img:{image_id}", "record", record + record_codec._checksum(record))
    before = {name: client.dump(name) for name in client.keys("*")}
    # Then --repair names it, and changes nothing
    left = mended(small)
    assert left and {finding.remedy for finding in left} == {NEWER}
    assert {name: client.dump(name) for name in client.keys("*")} == before


@pytest.mark.parametrize("name", COUNTED)
def test_the_loss_of_what_nothing_else_names_is_told(small: Small, name: str) -> None:
    key = f"dq:{{{META}}}:{name}"
    field = sorted(small.server.redis.hkeys(key))[-1]
    small.server.redis.hdel(key, field)
    problems = [str(problem) for problem in check(small)]
    assert any(f"count:{name}" in problem and "some were lost" in problem for problem in problems)
    assert all(finding.mend is None for finding in mended(small))
