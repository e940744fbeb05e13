"""The other pages as people meet them, and what strangers wrote on them: a real Chromium before a real
service.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import axe_core_python
import pytest
import redis
from support.browser import Page, chromium
from support.server import Server
from support.service import Service
from support.waiting_pairs import WAITING, add_drawn, let_wait

from douglas_quaid import Engine
from douglas_quaid.config import Config
from douglas_quaid.demo.pictures import sample
from douglas_quaid.errors import ConfigError
from douglas_quaid.pages.links import Links
from douglas_quaid.pages.login import local_path
from douglas_quaid.pages.shown import LONGEST, shown
from douglas_quaid.pages.words import REASONS, RELATIONS, SAID
from douglas_quaid.records import JudgementWord, Purpose, Reason, Relation
from douglas_quaid.store import Store

#: What a stranger may write: markup, template syntax, hidden characters, one that turns the line around.
HOSTILE = (
    "<img src=x onerror=alert(1)>{{7*7}}{% raw %}\"'><script>alert(2)</script>\x1b[31m\u202egpj.exe\u2066"
)
#: What a collection may be called: it takes no hidden characters.
NAME = "<img src=x onerror=alert(1)>{{7*7}}" + "W" * 150
#: The same as long as labels may be, and ten thousand characters long.
LABEL, LONG = HOSTILE + "W" * 3000, HOSTILE + "W" * 10_000
AXE = (Path(axe_core_python.__file__).parent / "axe.min.js").read_text("utf-8")
JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def service(shared_server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service on a store in which pairs of hostile names wait, and that has keys."""
    shared_server.redis.flushall()
    with (
        Engine.open(shared_server.url) as engine,
        Store.open(Config(store=shared_server.url)) as store,
    ):
        place = f"misp:attribute:{HOSTILE.replace('{', '{{').replace('}', '}}')} {{n}}"
        a, b, c, d = add_drawn(engine, store, 4, occurrence=place, labels={"name": LABEL, HOSTILE: "x"})
        let_wait(store, a, b, verdict=replace(WAITING, sentence=f"PDQ 40/256; {LONG}"))
        let_wait(store, c, d, confidence=0.4)
        store.collections.create(NAME, Purpose.KNOWN)
        store.images.note(a, collection=NAME, labels={"brand": LABEL})
        (hidden, other) = add_drawn(engine, store, 2, salt="hidden", occurrence="ail:image:secret-{n}")
        let_wait(store, hidden, other)
        engine.judge(c, d, "part", who=HOSTILE, source=HOSTILE)
        for name, rights, sees in (
            ("all", ["read", "write", "review", "admin"], ["all"]),
            ("misp", ["read", "review"], ["host:misp"]),
            ("reader", ["read"], []),
        ):
            KEYS[name] = engine.create_key(name, rights, sees=sees)
        IDS.update(a=a, b=b, c=c, hidden=hidden, other=other)
    link = "misp:attribute=https://misp.example/attributes/view/{id}"
    service = Service(tmp_path_factory.mktemp("pages"), shared_server.url, "--link", link).start()
    yield service
    service.stop()


#: Keys and images of the store of these tests, by name.
KEYS: dict[str, str] = {}
IDS: dict[str, str] = {}


def signed_in(browser: Any, service: Service, name: str, **options: Any) -> Page:
    """A tab of somebody who has typed a key."""
    client = redis_of(service)
    for lease in client.scan_iter("dq:{meta}:lease:*"):  # of tabs that were closed
        client.delete(lease)
    page = Page(browser, service.url, **options).go()
    assert urlsplit(page.tab.url).path == "/review/login"
    page.tab.fill("#key", KEYS[name])
    page.press("Enter")
    page.tab.wait_for_url(lambda url: "login" not in url)
    return page


def pages() -> list[str]:
    return [
        "/review",
        "/review/ask",
        f"/review/image/{IDS['a']}",
        f"/review/image/{IDS['c']}",
        "/review/collections",
        "/review/graph",
        "/review/statistics",
        f"/review/pair/{IDS['a']}-{IDS['b']}",
        "/review/nowhere",
    ]


def test_what_strangers_wrote_is_text_on_every_page(browser: Any, service: Service) -> None:
    # Given names and labels with markup, template syntax, hidden characters and ten thousand letters
    page = signed_in(browser, service, "all")
    for path in pages():
        # when a page shows them
        page.go(path)
        if path == "/review":
            page.wait_for_pair()
        # then no element came of them, no character of them turns the line, and the page is not torn apart
        text = page.text("body")
        assert page.tab.locator("img[src='x'], main script").count() == 0, path
        assert "\u202e" not in text and "\x1b" not in text, path
        wide = page.tab.evaluate("() => document.documentElement.scrollWidth - innerWidth")
        assert wide <= 0, f"{path} is {wide} pixels too wide"
        if "image" in path or path.startswith("/review/pair"):
            page.wait_for_text("main", "{{7*7}}")
            page.wait_for_text("main", "\u27e8U+202E\u27e9")
    # and nothing violated the policy of any page, and no link goes elsewhere than the operator said.
    page.go(f"/review/image/{IDS['a']}")
    hosts = page.tab.evaluate("() => [...document.links].map((link) => link.host)")
    assert set(hosts) <= {urlsplit(service.url).netloc, "misp.example"} and "misp.example" in hosts
    assert page.faults == []
    page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_has_no_serious_finding(browser: Any, service: Service, scheme: str) -> None:
    # (axe-core writes markup of its own, which the policy of the pages forbids)
    page = signed_in(browser, service, "all", color_scheme=scheme, bypass_csp=True)
    for path in [*pages(), "/review/login"]:
        page.go(path)
        if path == "/review":
            page.wait_for_pair()
        page.tab.evaluate(AXE)
        found = page.tab.evaluate("() => axe.run().then((all) => all.violations)")
        serious = [
            (one["id"], [node["target"] for node in one["nodes"]][:3])
            for one in found
            if one["impact"] in ("serious", "critical")
        ]
        assert not serious, f"{path}: {serious}"
    page.close()


def test_a_key_sees_its_own_names_and_pictures_only(browser: Any, service: Service) -> None:
    # Given somebody whose key sees one host, when they review, then pairs of other hosts never come
    page = signed_in(browser, service, "misp")
    assert page.wait_for_pair() == {IDS["a"], IDS["b"]}
    page.press("0")
    page.wait_until_sent()
    page.wait_for_text("#status", "Nothing is left")
    page.press("u")
    page.wait_until_sent()
    # and pages, thumbnails and answers about others are as if these were not in the store
    for path in (f"image/{IDS['hidden']}", "image/ail:image:secret-0", f"thumbnail/{IDS['hidden']}"):
        assert page.tab.request.get(f"{service.url}review/{path}").status == 404, path
    origin = {"Origin": service.url.rstrip("/")}
    body = {"holder": "x", "pair": f"{IDS['hidden']} {IDS['other']}", "word": "same"}
    asked = page.tab.request.post(f"{service.url}review/answer", data=body, headers=origin)
    assert asked.status == 404
    # and who may only read is told so on the review page, and answers nothing.
    page.close()
    reader = signed_in(browser, service, "reader")
    assert "lacks the right review" in reader.text()
    assert reader.tab.request.get(f"{service.url}review/statistics").status == 403
    assert reader.tab.request.get(f"{service.url}review/ask").status == 200
    reader.close()


def test_a_session_is_of_the_page_alone_and_ends(browser: Any, service: Service) -> None:
    # Given somebody who signed in, then no script and no other site gets at the cookie
    page = signed_in(browser, service, "all")
    (cookie,) = page.context.cookies()
    assert cookie["httpOnly"] and cookie["sameSite"] == "Strict" and cookie["path"] == "/review"
    # and the operations for programs do not take it
    assert page.tab.request.get(f"{service.url}api/v1/stats").status == 401
    # and a form of another site, or a program that names no site, changes nothing with it
    headers = {"Cookie": f"{cookie['name']}={cookie['value']}"} | JSON
    body = json.dumps({"holder": "x", "pair": f"{IDS['a']} {IDS['b']}", "word": "same"}).encode()
    for more in ({}, {"Origin": "https://stranger.example"}, {"Sec-Fetch-Site": "cross-site"}):
        assert service.ask("POST", "/review/answer", body, headers | more).status == 403
    # and neither cookie nor key is in the store or the log
    stored = service_store(service)
    for secret in (cookie["value"], KEYS["all"]):
        assert secret.encode() not in stored and secret not in service.log.read_text()
    # and signing out ends it for good.
    page.tab.click("text=Sign out")
    page.tab.wait_for_selector("#key")
    assert service.ask("GET", "/review/statistics", headers=headers).status == 303
    # A wrong key is told, and stays out.
    page.tab.fill("#key", "quaid_wrong")
    page.press("Enter")
    page.wait_for_text("main", "does not know this key")
    page.close()


def test_a_revoked_key_ends_its_sessions(browser: Any, service: Service) -> None:
    with Engine.open(service.store) as engine:
        KEYS["passing"] = engine.create_key("passing", ["read", "review"], sees=["all"])
        page = signed_in(browser, service, "passing")
        page.wait_for_pair()
        engine.revoke_key("passing")
    page.press("0")
    page.wait_for_text("#trouble", "Your session has ended. Nothing is lost.")
    # The answer is sent once another key is typed in the same tab.
    page.tab.click("#trouble a")
    page.tab.fill("#key", KEYS["all"])
    page.press("Enter")
    page.tab.wait_for_selector("#review")
    page.wait_until_sent()
    page.press("u")
    page.wait_until_sent()
    page.close()


def redis_of(service: Service) -> Any:
    return redis.Redis(unix_socket_path=service.store.removeprefix("unix://"), protocol=2)


def service_store(service: Service) -> bytes:
    """Everything that is stored."""
    client = redis_of(service)
    kinds = {b"string": client.get, b"hash": client.hgetall}
    return b"".join(
        key + repr(kinds[kind](key)).encode() if (kind := client.type(key)) in kinds else key
        for key in client.scan_iter("dq:{meta}:*")
    )


def test_a_picture_is_asked_about_and_stored_only_when_told(
    browser: Any, service: Service, tmp_path: Path
) -> None:
    # Given a picture of a hostile name that is not in the store, and a smaller copy of one that is
    file = tmp_path / "{{7*7}}<b>x.jpg"
    file.write_bytes(sample("indexed/cat.jpg"))
    page = signed_in(browser, service, "all").go("/review/ask")
    with Engine.open(service.store) as engine:
        before = engine.count()
        # when it is chosen, then the page says that it is not known, and nothing was stored
        page.tab.set_input_files("#file", file)
        page.wait_for_text("#status", "No stored image is like it.")
        assert engine.count() == before
        # and once it is told to store it, the picture is found and can be laid over.
        page.tab.click("#add")
        page.wait_for_text("#status", "It is stored.")
        assert engine.count() == before + 1
        page.tab.set_input_files("#file", file)
        page.wait_for_text("#hits", "the same picture")
        page.tab.click("#hits button")
        page.tab.wait_for_selector("#overlay .layer img")
        assert page.tab.locator("#overlay .layer img").count() == 2
    # A file that is not a picture is told.
    text = tmp_path / "text.png"
    text.write_text("no picture")
    page.tab.set_input_files("#file", text)
    page.tab.wait_for_function("() => !document.getElementById('trouble').hidden")
    assert page.faults == []
    page.close()


# -- parts ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "misp:attribute=javascript:alert({id})",
        "misp:attribute=https://misp.example/",
        "misp:attribute=https:///{id}",
        "misp:attribute=//misp.example/{id}",
        "misp:attribute=https://{id}/",
        "misp=https://misp.example/{id}",
        'misp:attribute=https://misp.example/"{id}',
    ],
)
def test_a_link_that_is_not_to_a_web_page_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="expected HOST:KIND=URL"):
        Links.parse([text])


def test_an_id_cannot_leave_its_place_in_a_link() -> None:
    links = Links.parse(["misp:attribute=https://misp.example/view/{id}?a=b"])
    assert links.to("misp:attribute:../x?y#z&{id}") == (
        "https://misp.example/view/..%2Fx%3Fy%23z%26%7Bid%7D?a=b"
    )
    assert links.to("ail:image:1") is None


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ("/review/image/00", "/review/image/00"),
        ("/review?x=1", "/review?x=1"),
        ("https://stranger.example", "/review"),
        ("//stranger.example/review", "/review"),
        ("/review//stranger.example", "/review"),
        ("/reviewer", "/review"),
        ("/review/\\stranger", "/review"),
        ("/review/\r\nSet-Cookie: a=b", "/review"),
    ],
)
def test_signing_in_leads_to_a_page_of_ours(given: str, path: str) -> None:
    assert local_path(given) == path


def test_text_is_cut_and_shows_what_hides() -> None:
    assert shown("a\u202eb\x00") == "a\u27e8U+202E\u27e9b\u27e8U+0000\u27e9"
    assert shown("x" * (LONGEST + 5)).endswith("(5 characters more)")
    assert len(shown("o" + "\u0301" * 200)) < 20
    assert shown("Größe 東京 مرحبا") == "Größe 東京 مرحبا"


def test_every_value_has_words() -> None:
    assert set(REASONS) == set(Reason) and set(RELATIONS) == set(Relation)
    assert set(SAID) == set(JudgementWord)
