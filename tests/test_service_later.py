"""Answers that are fetched later, queries of several pictures, and what stored pictures are asked for:
thumbnails, drawings, clusters, reviews. Each follows the key.
"""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from PIL import Image
from support.pictures import page, png
from support.server import Server
from support.service import Answer, Service

from douglas_quaid import Engine
from douglas_quaid.client import Client
from douglas_quaid.demo.pictures import opened, sample
from douglas_quaid.errors import NotAllowed, NotFound, ServiceBusy
from douglas_quaid.evaluation.edits import edit, encoded
from douglas_quaid.records import Decision, Evidence, Relation, Verdict

pending = pytest.importorskip("douglas_quaid.service.pending")
refusals = pytest.importorskip("douglas_quaid.service.refusals")

CAT, COFFEE = sample("indexed/cat.jpg"), sample("indexed/coffee.jpg")
QUERIES = "/api/v1/queries"
BOUNDARY = {"Content-Type": "multipart/form-data; boundary=x"}


@dataclass(frozen=True)
class Asked:
    """A service on a store with two pictures of one cluster and three others, and its keys by name."""

    service: Service
    keys: dict[str, str]
    engine: Engine
    cat: str
    smaller: str
    coffee: str

    def ask(self, method: str, path: str, body: bytes | None = None, *, key: str = "all") -> Answer:
        headers = {"Authorization": f"Bearer {self.keys[key]}", "Content-Type": "application/octet-stream"}
        return self.service.ask(method, path, body, headers)


@pytest.fixture(scope="module")
def asked(shared_server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    shared_server.redis.flushall()
    with Engine.open(shared_server.url) as engine:
        engine.create_collection("pets", "known")
        cat = engine.add(CAT, occurrence="misp:attribute:1").image_id
        engine.add(CAT, collection="pets")
        smaller = engine.add(encoded(opened("cat.jpg").resize((300, 200)))).image_id
        coffee = engine.add(COFFEE, occurrence="ail:image:2").image_id
        rights = ["read", "write", "review", "admin"]
        sees = {
            "all": ["all"],
            "other": ["all"],
            "none": [],
            "misp": ["host:misp"],
            "pets": ["collection:pets"],
        }
        keys = {name: engine.create_key(name, rights, sees=whose) for name, whose in sees.items()}
        service = Service(tmp_path_factory.mktemp("later"), shared_server.url, "--rate", "0").start()
        yield Asked(service, keys, engine, cat, smaller, coffee)
        service.stop()


# -- later ---------------------------------------------------------------------------------------------------


def test_an_answer_that_takes_longer_is_fetched_by_the_id_of_the_request(asked: Asked) -> None:
    # Given a sender that waits for a millisecond only
    body = encoded(edit("browser_bar", opened("cat.jpg")))
    answers = [asked.ask("POST", f"{QUERIES}?wait=0.001", body) for _ in range(2)]
    for answer in answers:
        assert (answer.status, answer.line["status"]) == (202, "pending")
        assert answer.headers["location"] == f"{QUERIES}/{answer.line['id']}"
    # then each request has an id of its own, which tells nothing of the picture;
    assert answers[0].line["id"] != answers[1].line["id"]
    # the answer is there later, twice as well, for the same key,
    where = answers[0].headers["location"]
    found = asked.ask("GET", f"{where}?wait=60")
    assert (found.status, found.line["decision"]) == (200, "match")
    assert asked.ask("GET", where).body == found.body
    # and for no other one.
    other = asked.ask("GET", where, key="other")
    assert (other.status, other.error) == (404, "NotFound")


def test_an_answer_that_is_quick_is_given_at_once(asked: Asked) -> None:
    assert asked.ask("POST", f"{QUERIES}?wait=60", CAT).line["decision"] == "match"


def test_what_went_wrong_is_fetched_too(asked: Asked) -> None:
    began = asked.ask("POST", f"{QUERIES}?wait=0.0001", b"just text")
    found = began if began.status != 202 else asked.ask("GET", f"{began.headers['location']}?wait=60")
    assert (found.status, found.error) == (422, "UnsupportedImage")


def test_answers_are_kept_for_an_hour_and_their_number_and_bytes_are_bounded() -> None:
    now = [0.0]

    async def story() -> None:
        kept = pending.Pending("/q", 3, most_bytes=25, clock=lambda: now[0])
        gates = [asyncio.Event() for _ in range(3)]

        async def work(gate: asyncio.Event, size: int) -> refusals.Reply:
            await gate.wait()
            return refusals.Reply(200, b"x" * size)

        # Given three queries in work, as many as may be
        begun = [await kept.begin("key", work(gate, 10), 0.0) for gate in gates]
        names = [json.loads(reply.body)["id"] for reply in begun]
        with pytest.raises(ServiceBusy):
            kept.check_room()
        # when they are done, then others may begin, and the answers are there for an hour.
        for gate in gates:
            gate.set()
        assert (await kept.fetch("key", names[0], 1.0)).body == b"x" * 10
        kept.check_room()
        # Where there are too many bytes, the oldest answers go,
        gate = asyncio.Event()
        await kept.begin("key", work(gate, 10), 0.0)
        gate.set()
        with pytest.raises(NotFound):
            await kept.fetch("key", names[0], 0.0)
        assert (await kept.fetch("key", names[2], 0.0)).status == 200
        # and after an hour all.
        now[0] = pending.KEPT_SECONDS + 1
        with pytest.raises(NotFound):
            await kept.fetch("key", names[2], 0.0)

    asyncio.run(story())


# -- several pictures ----------------------------------------------------------------------------------------


def form(*pictures: bytes) -> bytes:
    """A form with these pictures, as curl -F image=@... -F image=@... sends it."""
    head = '--x\r\nContent-Disposition: form-data; name="image"; filename="{}.png"\r\n\r\n'
    parts = [head.format(number).encode() + data + b"\r\n" for number, data in enumerate(pictures)]
    return b"".join(parts) + b"--x--\r\n"


def test_several_pictures_get_a_line_each_and_a_broken_one_its_error(asked: Asked) -> None:
    headers = BOUNDARY | {"Authorization": asked.keys["all"]}
    # Given a form with three pictures, one of which is none
    answer = asked.service.ask("POST", QUERIES, form(CAT, b"just text", png(page(7))), headers)
    # then there are three lines in their order, and that of the broken one tells what is wrong with it.
    assert (answer.status, answer.headers["content-type"]) == (200, "application/x-ndjson")
    first, second, third = map(json.loads, answer.body.splitlines())
    assert (first["path"], first["decision"]) == ("0.png", "match")
    assert (second["path"], second["error"]["type"]) == ("1.png", "UnsupportedImage")
    assert (third["path"], third["decision"]) == ("2.png", "no-match")


def test_wait_is_for_one_picture_and_a_picture_is_added_alone(asked: Asked) -> None:
    headers = BOUNDARY | {"Authorization": asked.keys["all"]}
    for path in (f"{QUERIES}?wait=1", "/api/v1/images"):
        answer = asked.service.ask("POST", path, form(CAT, COFFEE), headers)
        assert (answer.status, answer.error) == (400, "ConfigError")


# -- stored pictures -----------------------------------------------------------------------------------------


def test_each_hit_names_its_drawing(asked: Asked) -> None:
    # Given a hit of a stored picture, and one of a picture that is not stored
    stored = asked.ask("POST", QUERIES, encoded(opened("cat.jpg").resize((300, 200)))).line["hits"][0]
    other = asked.ask("POST", QUERIES, encoded(opened("cat.jpg").resize((310, 207)))).line["hits"][0]
    # then the first has the path of a drawing, as has a stored hit, and the second has none.
    drawing = asked.ask("GET", stored["overlay"])
    assert drawing.headers["content-type"] == "image/png" and drawing.body.startswith(b"\x89PNG")
    assert other["overlay"] is None
    (line,) = map(json.loads, asked.ask("GET", f"/api/v1/images/{asked.cat}/hits").body.splitlines())
    assert line["overlay"] == f"/api/v1/comparisons/{asked.cat}/{asked.smaller}/overlay"


def test_a_thumbnail_is_shown_to_keys_that_see_a_host_or_a_collection_of_it(asked: Asked) -> None:
    path = f"/api/v1/images/{asked.cat}/thumbnail"
    statuses = {name: asked.ask("GET", path, key=name).status for name in asked.keys}
    assert statuses == {"all": 200, "other": 200, "none": 403, "misp": 200, "pets": 200}
    shown = asked.ask("GET", path)
    assert shown.headers["content-type"] == "image/webp"
    assert Image.open(io.BytesIO(shown.body)).size == opened("cat.jpg").size
    # The drawing of a pair needs both.
    drawing = f"/api/v1/comparisons/{asked.cat}/{asked.coffee}/overlay"
    assert asked.ask("GET", drawing, key="misp").status == 403
    with Client(asked.service.url, asked.keys["misp"]) as client:
        assert client.thumbnail("misp:attribute:1") == shown.body == asked.engine.thumbnail(asked.cat)
        with pytest.raises(NotAllowed, match="sees no host"):
            client.overlay(asked.cat, asked.coffee)
        with pytest.raises(NotFound):
            client.thumbnail("ail:image:2")


def test_an_image_without_a_thumbnail_has_none_to_show(asked: Asked) -> None:
    added = asked.engine.add(png(page(3)), hash_only=True)
    answer = asked.ask("GET", f"/api/v1/images/{added.image_id}/thumbnail")
    assert (answer.status, answer.error) == (404, "NotFound")


def test_a_cluster_is_described_by_its_id_and_by_an_image_of_it(asked: Asked) -> None:
    by_image = asked.ask("GET", f"/api/v1/clusters/{asked.cat}").line
    assert sorted(by_image["members"]) == sorted([asked.cat, asked.smaller])
    assert asked.ask("GET", f"/api/v1/clusters/{by_image['cluster']}").line == by_image
    assert asked.ask("GET", "/api/v1/clusters/c-0").status == 404


def test_reviews_are_listed_page_by_page_until_somebody_judged_them(asked: Asked) -> None:
    # Given four pairs that a person should look at
    ids = [
        asked.engine.add(png(page(seed, 300, 200)), occurrence=f"ail:image:{seed}").image_id
        for seed in range(4)
    ]
    verdict = Verdict(Decision.REVIEW, Relation.PARTIAL, 0.6, Evidence(pdq_bits=40), "test-1", "some words")
    pairs = [*sorted(sorted((ids[0], other)) for other in ids[1:]), sorted(ids[2:])]
    for a, b in pairs:
        asked.engine._store.verdicts.record(a, [(b, verdict)])
    with Client(asked.service.url, asked.keys["all"]) as client:
        # when they are asked for two at a time, then each comes once, and the last page names no next.
        found, after = list[list[str]](), ""
        while True:
            some = client.reviews(limit=2, after=after)
            found += [[one.image_id, one.hit.image_id] for one in some.pairs]
            if some.next is None:
                break
            after = some.next
        assert sorted(found) == sorted(pairs)
        assert asked.engine.reviews(limit=2).to_json() == client.reviews(limit=2).to_json()
        # A pair that a person judged does not come again, even if nobody could tell.
        client.judge(*pairs[0], "unsure")
        client.veto(*pairs[1])
        left = [[one.image_id, one.hit.image_id] for one in client.reviews(limit=100).pairs]
        assert sorted(left) == sorted(pairs[2:])
    # A key that sees nothing gets ids and scores; one without the right review gets none.
    line = asked.ask("GET", "/api/v1/reviews?limit=1", key="none").line["reviews"][0]
    assert line["occurrences"] == [] and line["overlay"]
    wrong = asked.ask("GET", "/api/v1/reviews?after=x")
    assert (wrong.status, wrong.error) == (400, "ConfigError")
