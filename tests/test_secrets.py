"""No output contains the password of a store: whatever a URL looks like, and wherever it is written."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import example, given, settings, strategies as st

from douglas_quaid import Config, ConfigError, DouglasQuaidError, Engine
from douglas_quaid.ail.config import Settings as AilSettings
from douglas_quaid.misp.settings import Settings as MispSettings
from douglas_quaid.store_url import shown, shown_value

SECRET = "s3cr3t"
QUAID = Path(sys.executable).with_name("quaid")

#: Places of a password in URLs, right and wrong.
FORMS = (
    "redis://:{}@127.0.0.1:1/0",
    "redis://user:{}@127.0.0.1:1",
    "redis://{}@127.0.0.1:1",
    "redis://:{}@127.0.0.1:1:x",
    "redis://user:p@{}@127.0.0.1:1",
    "redis://user:{}@x@127.0.0.1:1",
    "redis://:{}/x@127.0.0.1:1",
    "redis://:x/{}@127.0.0.1:1",
    "redis://user:1/{}@127.0.0.1:1",
    "redis://user:p@{}/x@127.0.0.1:1",
    "redis://:{}?x@127.0.0.1:1",
    "redis://:x?{}=@127.0.0.1:1",
    "redis://:{}#x@127.0.0.1:1",
    "redis://:x#{}@127.0.0.1:1",
    "redis://:{}@127.0.0.1:99999",
    "redis://:{}@127.0.0.1:port",
    "redis://127.0.0.1:1/{}",
    "redis://127.0.0.1:{}",
    "redis://127.0.0.1:1/0?password={}",
    "redis://127.0.0.1:1/0?db={}",
    "rediss://127.0.0.1:1/0?ssl_cert_reqs={}",
    "redis://127.0.0.1:1/0?nothing={}",
    "redis://127.0.0.1:1/0#{}",
    "redis:{}@127.0.0.1:1",
    "redis:/:{}@127.0.0.1:1",
    "redis:///:{}@127.0.0.1:1",
    "redis//:{}@127.0.0.1:1",
    "REDIS://:{}@127.0.0.1:1",
    "Redis://user:{}@127.0.0.1:1",
    "redis+cluster://:{}@127.0.0.1:1,127.0.0.1:x",
    "redis+cluster://:{}/x@127.0.0.1:1",
    "redis%3A%2F%2F:{}@127.0.0.1",
    "redis://%3A{}%40127.0.0.1",
    " redis://:{}@127.0.0.1:1",
    "redis://:{}\r\n@127.0.0.1:1",
    "redis://:{}%0d%0a@127.0.0.1:1",
    "redis://:{}\u200b@127.0.0.1:1",
    "'redis://:{}@127.0.0.1:1'",
    "unix:///nobody.sock?password={}",
    "unix://:{}@/nobody.sock",
    "unix://user:{}/nobody@sock",
    "unix:/nobody.sock?password={}",
    "embedded:redis://:{}@127.0.0.1",
    "embedded://:{}@127.0.0.1",
    "embedded:user:{}@127.0.0.1",
    "embedded:/nobody?password={}",
    "embedded:/nobody\n{}",
    "http://user:{}@127.0.0.1",
    "mysql://user:{}@127.0.0.1",
    ":{}@127.0.0.1",
    "user:{}",
    "{}",
)


#: What stands around a password in a malformed URL.
PARTS = [
    *(
        "redis",
        "rediss",
        "unix",
        "embedded",
        "redis+cluster",
        ":",
        "/",
        "//",
        "://",
        "@",
        "#",
        "?",
        "=",
        "&",
        ",",
    ),
    *("user", "host", "127.0.0.1", "[::1]", "0", "6379", "%40", "%0a", " ", "\n", "\0", "password="),
]


def chain(error: BaseException | None) -> str:
    """Everything that an error says, and those that led to it."""
    said = ""
    while error is not None:
        said += f"{error} {error!r} {error.args}"
        error = error.__cause__ or error.__context__
    return said


def everything_said_about(url: str) -> str:
    """What the settings, the store, the modules for MISP and AIL say about a URL, in answers and errors."""
    said = shown(url) + shown_value(url)
    for attempt in (
        lambda: Config.from_environment({"DOUGLAS_QUAID_STORE": url}),
        lambda: Config.from_environment({"DOUGLAS_QUAID_REQUEST_STORES": f"a={url}"}),
        lambda: Config.from_environment({"DOUGLAS_QUAID_WORKERS": url}),
        lambda: MispSettings.parse({"misp_url": url, "store": url}),
        lambda: MispSettings.parse({"max_seconds": url}),
        lambda: MispSettings.parse({url: "1"}),
        lambda: MispSettings.parse(url),
        lambda: AilSettings.parse({"store": url}),
        lambda: AilSettings.parse({"attempts": url}),
        lambda: AilSettings.parse({"store": url}).engine_config(),
    ):
        try:
            said += repr(attempt())
        except DouglasQuaidError as error:
            said += chain(error)
    return said


def malformed() -> st.SearchStrategy[str]:
    """URLs that hold the password between parts that URLs have, in any order."""
    part = st.sampled_from(PARTS)
    return st.tuples(st.lists(part, max_size=6), st.lists(part, max_size=6)).map(
        lambda ends: "".join(ends[0]) + ":" + SECRET + "@" + "".join(ends[1])
    )


@settings(max_examples=500)
@given(malformed())
@example("redis://user:p@s3cr3t@h")
def test_whatever_the_url_nothing_says_its_password(url: str) -> None:
    assert SECRET not in everything_said_about(url)


@pytest.mark.parametrize("form", FORMS)
def test_no_place_of_a_password_is_said(form: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    # Given a URL whose password stands there, plain or escaped, when it is read and opened
    for secret in (SECRET, quote("x@") + SECRET):
        url = form.format(secret)
        said = everything_said_about(url) if "{" not in form.replace("{}", "") else ""
        try:
            with Engine.open(url):
                said += "opened"
        except DouglasQuaidError as error:
            said += chain(error)
        # then nothing that is said or logged contains it. A host, a folder or a port is not a password.
        assert SECRET not in said + caplog.text


@pytest.mark.parametrize("form", FORMS)
def test_misp_is_not_told_the_password(form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from douglas_quaid.misp.service import answer

    url = form.format(SECRET)
    attribute = {"type": "attachment", "uuid": "0c8a1f0d-53a6-4b8b-9d65-7c2b1c0f6e21", "event_id": "1"}
    request: dict[str, Any] = {"module": "image_correlation", "attribute": attribute, "timeout": 2}
    monkeypatch.delenv("DOUGLAS_QUAID_STORE", raising=False)
    for config in ({"store": url}, {"misp_url": url}, {"max_results": url}, {url: url}):
        said = json.dumps(answer(request | {"config": config}))
        assert SECRET not in said and "error" in said
    monkeypatch.setenv("DOUGLAS_QUAID_STORE", url)
    assert SECRET not in json.dumps(answer(request))


@pytest.mark.parametrize(
    "form", ["redis://:{}@127.0.0.1:1:x", "redis://u:p@{}/x@h", "redis:{}@h", "embedded:{}@h/x"]
)
def test_commands_print_no_password(form: str, tmp_path: Path) -> None:
    url = form.format(SECRET)
    for command in (
        ("stats",),
        ("self-check",),
        ("stats", "--json"),
        ("ail", "status"),
        ("misp", "sync", "--url", url),
    ):
        done = subprocess.run(
            [QUAID, *command, "--store", url],
            env=os.environ | {"DOUGLAS_QUAID_STORE": url, "MISP_KEY": SECRET, "AIL_HOME": str(tmp_path)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode in (1, 2)
        assert SECRET not in done.stdout + done.stderr and "Traceback" not in done.stderr


def test_what_is_not_secret_is_shown() -> None:
    for url, expected in {
        "redis://localhost:6379/0": "redis://localhost:6379/0",
        "redis://user:pass@h": "redis://user:***@h",
        "rediss://:pass@[::1]:6379": "rediss://:***@[::1]:6379",
        "redis+cluster://u:p@a:1,b:2": "redis+cluster://u:***@a:1,b:2",
        "unix:///run/quaid.sock?db=1": "unix:///run/quaid.sock?***",
        "embedded:/srv/two words": "embedded:/srv/two words",
        "embedded:": "embedded:",
    }.items():
        assert (shown(url), Config(store=url).store) == (expected, url)


@pytest.mark.parametrize("control", ["\r\n", "\0", "\x1b", "\x7f", "\x85", "\u202e", "\u2028", "\ud800"])
def test_control_characters_are_refused_in_every_url(control: str) -> None:
    for form in ("redis://h{}/0", "embedded:/srv/{}", "unix:///s{}", "redis://:p{}@h", "embedded:{}"):
        with pytest.raises(ConfigError, match="control character"):
            Config(store=form.format(control))
    for escaped in ("redis://h/0?client_name=%0d%0aFLUSHALL", "unix:///s%00", "redis://:%1b@h"):
        with pytest.raises(ConfigError, match="control character"):
            Config(store=escaped)


def test_the_configuration_of_ail_is_not_quoted(tmp_path: Path) -> None:
    core = tmp_path / "configs" / "core.cfg"
    core.parent.mkdir()
    for text in (
        f"store redis//x{SECRET}\n",
        f"[VisualCorrelation]\nredis {SECRET}\n",
        f"[a]\n{SECRET}=1\n{SECRET}=1\n",
    ):
        core.write_text(text)
        with pytest.raises(ConfigError, match="parsing errors in line") as caught:
            AilSettings.read(tmp_path)
        assert SECRET not in chain(caught.value)
