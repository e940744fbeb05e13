"""Keys of the service: what each may do and see, when it ends, and that it is written nowhere."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from support.command_line import runner
from support.server import Server
from support.service import Service

from douglas_quaid import Engine
from douglas_quaid.cli.main import main
from douglas_quaid.client import Client
from douglas_quaid.demo.pictures import sample
from douglas_quaid.errors import ConfigError, CorruptRecord, KeyRefused, NotAllowed, NotFound, ServiceBusy
from douglas_quaid.service.access import Caller, caller_of
from douglas_quaid.service.gate import Rates, check_host, host_of
from douglas_quaid.service.refusals import Refusal
from douglas_quaid.service.server import Listening
from douglas_quaid.store import Store
from douglas_quaid.store.access_keys import AccessKey, Right, read_key, write_key

CAT = sample("indexed/cat.jpg")
SECRET_PLACE, OPEN_PLACE = "misp:attribute:5f0c", "ail:image:9a"


@pytest.fixture(scope="module")
def guarded(shared_server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service whose store has keys, and a picture that was seen in two hosts."""
    shared_server.redis.flushall()
    with Engine.open(shared_server.url) as engine:
        engine.create_collection("brands", "known")
        engine.add(CAT, occurrence=SECRET_PLACE, labels={"event": "7"})
        engine.add(CAT, occurrence=OPEN_PLACE)
        engine.add(CAT, collection="brands", labels={"brand": "Cats"})
        engine.create_key("first", ["read"])
    service = Service(tmp_path_factory.mktemp("guarded"), shared_server.url, "--rate", "0").start()
    yield service
    service.stop()


@pytest.fixture
def engine(guarded: Service) -> Iterator[Engine]:
    """The engine on the store of the service."""
    with Engine.open(guarded.store) as engine:
        yield engine


@pytest.fixture
def client(guarded: Service, engine: Engine) -> Iterator[Callable[..., Client]]:
    """Makes clients with a key of their own."""
    made: list[Client] = []

    def make(*rights: str, sees: tuple[str, ...] = ()) -> Client:
        secret = engine.create_key(f"key-{len(engine.keys())}", rights, sees=sees)
        made.append(Client(guarded.url, secret))
        return made[-1]

    yield make
    for one in made:
        one.close()


def test_without_a_key_nothing_is_answered_once_there_is_one(guarded: Service) -> None:
    with Client(guarded.url) as client, pytest.raises(KeyRefused, match="needs a key"):
        client.stats()
    with Client(guarded.url, "quaid_wrong") as client, pytest.raises(KeyRefused, match="does not know"):
        client.stats()
    assert guarded.ask("GET", "/metrics").status == 401
    assert guarded.ask("GET", "/livez").status == guarded.ask("GET", "/readyz").status == 200


def test_a_key_may_do_what_its_rights_say(client: Callable[..., Client]) -> None:
    calls: dict[str, Callable[[Client], Any]] = {
        "read": lambda one: one.query(CAT),
        "write": lambda one: one.add(CAT),
        "review": lambda one: one.judgements(OPEN_PLACE),
        "admin": lambda one: one.forget("00000000"),
    }
    for right in calls:
        holder = client(right, sees=("all",))
        for needed, call in calls.items():
            if needed == right:
                try:
                    call(holder)
                except NotFound:  # what is to be forgotten is not there, which only an admin is told
                    assert right == "admin"
            else:
                with pytest.raises(NotAllowed, match=f"lacks the right {needed}"):
                    call(holder)


def test_a_bare_key_is_accepted(guarded: Service, engine: Engine) -> None:
    secret = engine.create_key("bare", ["read"])
    for header in (secret, f"Bearer {secret}", f"bearer  {secret}"):
        assert guarded.ask("GET", "/api/v1/stats", headers={"Authorization": header}).status == 200
    assert guarded.ask("GET", "/api/v1/stats", headers={"Authorization": f"Basic {secret}"}).status == 401


def test_a_revoked_key_ends_at_once(guarded: Service, engine: Engine) -> None:
    secret = engine.create_key("short", ["read"])
    with Client(guarded.url, secret) as client:
        client.stats()
        engine.revoke_key("short")
        with pytest.raises(KeyRefused, match="'short' was revoked"):
            client.stats()
    # And its name may be given again.
    assert engine.create_key("short", ["read"]) != secret


@pytest.mark.parametrize(
    ("sees", "places", "collections"),
    [
        ((), [], []),
        (("host:ail",), [OPEN_PLACE], []),
        (("collection:brands",), [], ["brands"]),
        (("all",), [OPEN_PLACE, SECRET_PLACE], ["brands"]),
    ],
)
def test_a_key_sees_the_names_that_it_was_given(
    client: Callable[..., Client], sees: tuple[str, ...], places: list[str], collections: list[str]
) -> None:
    # Given a key that sees so much, when it asks
    asker = client("read", sees=sees)
    (hit,) = asker.query(CAT).hits
    # then ids, scores and evidence are there, and only these names, wherever they could be told.
    assert hit.evidence.same_bytes and hit.occurrence_count == 2
    assert sorted(hit.occurrences) == sorted(places)
    assert len(hit.labels) == len(places)
    shown = asker.show(hit.image_id).to_json()  # type: ignore[union-attr]
    assert sorted(place["occurrence"] for place in shown["occurrences"]) == sorted(places)
    for found in (hit.to_json(), shown):
        assert [one["name"] for one in found["collections"]] == collections
    assert [one.name for one in asker.collections()] == collections
    for place in (OPEN_PLACE, SECRET_PLACE):
        if place in places:
            assert asker.show(place)
        else:
            with pytest.raises(NotFound):
                asker.show(place)
    if "brands" not in collections:
        with pytest.raises(NotFound):
            asker.query(CAT, collection="brands")


def test_the_store_and_the_log_have_no_key(
    guarded: Service, shared_server: Server, engine: Engine, everything: Callable[[Any], bytes]
) -> None:
    secret = engine.create_key("unwritten", ["read"])
    with Client(guarded.url, secret) as client:
        client.stats()
        assert secret not in repr(client) + repr(client.config)
    assert secret.encode() not in everything(shared_server.redis)
    log = guarded.log.read_text()
    assert secret not in log and "key=unwritten" in log
    assert secret not in repr(engine.keys())


def test_the_commands_about_keys(store_url: str) -> None:
    def run(*words: str) -> tuple[int, list[dict[str, Any]]]:
        done = runner().invoke(main, ["key", *words, "--json", "--store", store_url])
        return done.exit_code, [json.loads(line) for line in done.stdout.splitlines()]

    # Given a key of two rights for two hours
    status, (made,) = run(
        "create", "analysts", "--scope", "read,review", "--sees", "host:ail", "--expires", "2h"
    )
    assert status == 0 and made["key"].startswith("quaid_") and made["scope"] == ["read", "review"]
    # then it is listed without the key, and cannot be made twice
    listed = run("list")[1]
    assert listed == [{name: value for name, value in made.items() if name != "key"}]
    assert run("create", "analysts", "--scope", "read")[0] == 2
    # and once revoked it is still listed, so that the service stays closed.
    assert run("revoke", "analysts")[1][0]["revoked"] and run("list")[1][0]["revoked"]
    assert run("revoke", "nobody")[0] == 1
    for wrong in (
        ("--scope", "root"),
        ("--scope", "read", "--sees", "misp"),
        ("--scope", "read", "--expires", "-1d"),
    ):
        assert run("create", "other", *wrong)[0] == 2


def test_a_key_that_was_changed_in_the_store_opens_nothing(store: Store) -> None:
    store.access_keys.create("one", ["read"])
    ((_, value),) = store.connection.ask(_hgetall()).items()
    assert read_key("one", value).rights == (Right.READ,)
    for broken in (value.replace(b"read", b"admin"), b"", b"x {}", value[:-3], b"\xff" + value):
        with pytest.raises(CorruptRecord):
            read_key("one", broken)
    with pytest.raises(CorruptRecord):
        read_key("another", value)
    assert store.access_keys.are_needed()


def _hgetall() -> Any:
    from douglas_quaid.store.keys import on_meta

    return on_meta("HGETALL", "keys")


# -- parts, without a server ---------------------------------------------------------------------------------

NOW = datetime.now(timezone.utc)


def access(**changes: Any) -> AccessKey:
    from douglas_quaid.store.access_keys import digest_of

    values: dict[str, Any] = {"digest": digest_of("k"), "rights": (Right.READ,), "sees": (), "created": 0}
    return AccessKey(**values | changes)


def test_a_key_ends_when_it_expires() -> None:
    late, early = int((NOW + timedelta(days=1)).timestamp()), int((NOW - timedelta(seconds=1)).timestamp())
    assert caller_of(["Bearer k"], {"a": access(expires=late)}, key_needed=True).name == "a"
    with pytest.raises(Refusal, match="has expired"):
        caller_of(["Bearer k"], {"a": access(expires=early)}, key_needed=True)
    assert read_key("a", write_key("a", access(expires=late))) == access(expires=late)


def test_two_keys_at_once_are_none() -> None:
    with pytest.raises(Refusal):
        caller_of(["Bearer k", "Bearer k"], {"a": access()}, key_needed=False)


def test_nobody_is_an_admin_without_a_key() -> None:
    for right in (Right.READ, Right.WRITE, Right.REVIEW):
        Caller("", None).require(right)
    with pytest.raises(Refusal) as refused:
        Caller("", None).require(Right.ADMIN)
    assert refused.value.status == 401


@pytest.mark.parametrize(
    ("authority", "host"),
    [
        ("localhost:8484", "localhost"),
        ("LOCALHOST.", "localhost"),
        ("[::1]:1", "::1"),
        ("127.0.0.1", "127.0.0.1"),
        ("stranger.example:8484", "stranger.example"),
        ("localhost@stranger.example", ""),
        ("localhost/stranger", ""),
        ("[", ""),
    ],
)
def test_the_host_of_a_request(authority: str, host: str) -> None:
    assert host_of(authority) == host
    if host in ("", "stranger.example"):
        with pytest.raises(Refusal):
            check_host([authority], {"localhost", "127.0.0.1", "::1"})


def test_a_key_that_asks_too_fast_is_told_to_wait() -> None:
    # Given a rate of one a second and the ten that may come at once
    now = [0.0]
    rates = Rates(60, clock=lambda: now[0])
    for _ in range(10):
        rates.count("a")
    # when the eleventh comes, then it waits a second, and another key does not.
    with pytest.raises(Refusal) as refused:
        rates.count("a")
    assert (refused.value.status, refused.value.headers["Retry-After"]) == (429, "1")
    assert isinstance(refused.value.error, ServiceBusy)
    rates.count("b")
    now[0] = 1.0
    rates.count("a")


def test_beyond_this_machine_it_needs_a_key_and_encryption(tmp_path: Path) -> None:
    open_to_all = Listening(host="0.0.0.0")
    with pytest.raises(ConfigError, match="a key is needed"):
        open_to_all.check(has_key=False)
    with pytest.raises(ConfigError, match="encrypted"):
        open_to_all.check(has_key=True)
    Listening(host="0.0.0.0", tls=("c", "k")).check(has_key=True)
    Listening(host="0.0.0.0", behind_proxy="10.0.0.1").check(has_key=True)
    with pytest.raises(ConfigError, match="a key is needed"):
        Listening(behind_proxy="127.0.0.1").check(has_key=False)
    with pytest.raises(ConfigError, match="expected an address"):
        Listening(behind_proxy="proxy.example").check(has_key=True)
    Listening().check(has_key=False)
    assert open_to_all.settings().key_needed and not Listening().settings().key_needed
