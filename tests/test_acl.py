"""A Redis with users: the rights that the documentation gives are enough for each role, and no right is named
in vain. What a user may not do is refused by a clear error.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from support.command_line import runner
from support.images import put_all, record_verdict
from support.server import Server
from support.steps import run_and_die

import douglas_quaid.store
from douglas_quaid import Engine
from douglas_quaid.cli.main import main
from douglas_quaid.config import Config
from douglas_quaid.errors import NotAllowed
from douglas_quaid.records import Decision, Evidence, Occurrence, Purpose, Relation, Verdict
from douglas_quaid.store import NewImage, Store
from douglas_quaid.store.keys import READS

MakeImage = Callable[..., NewImage]

README = Path(__file__).parents[1] / "core" / "store" / "README.md"
PICTURES = resources.files("douglas_quaid") / "samples"
MATCH = Verdict(Decision.MATCH, Relation.NEAR_DUPLICATE, 0.99, Evidence(pdq_bits=4), "test-1", "PDQ 4/256")


def lines() -> list[list[str]]:
    """The lines of the documentation, as words."""
    return [
        line.split()
        for block in re.findall(r"```acl\n(.*?)```", README.read_text("utf-8"), re.DOTALL)
        for line in block.splitlines()
    ]


def rights(line: list[str]) -> set[str]:
    return {word[1:] for word in line if word.startswith("+")}


READER, WRITER, PURGER = lines()


def url(server: Server, user: str) -> str:
    return f"unix://{user}:PASSWORD@{server.socket}"


def admin(server: Server, *words: str) -> Any:
    """Let the one who started the server change the rights of a user."""
    import redis

    client = redis.Redis(
        unix_socket_path=str(server.socket), username="admin", password="PASSWORD", protocol=2
    )
    return client.execute_command(*words)


@pytest.fixture
def ruled(server: Server) -> Server:
    """A server with the users of the documentation and an administrator."""
    server.redis.execute_command("ACL", "SETUSER", "admin", "on", ">PASSWORD", "~*", "+@all")
    for line in (READER, WRITER):
        server.redis.execute_command(*line)
    return server


def test_the_documentation_names_the_rights_that_are_used_and_no_others(server: Server) -> None:
    scripts = "".join(
        file.read_text("utf-8")
        for file in resources.files(douglas_quaid.store).iterdir()
        if file.name.endswith(".lua")
    )
    in_scripts = {name.lower() for name in re.findall(r"call\('([A-Z]+)'", scripts)}
    reads = {name.lower() for name in READS}
    assert rights(READER) == reads | {"info", "config|get"}
    assert rights(WRITER) - rights(READER) - in_scripts == {"eval", "hsetnx"}
    assert in_scripts <= rights(WRITER)
    assert rights(PURGER) == {"bgrewriteaof", "bgsave"}
    # And what is said to read does not write
    told = server.redis.execute_command("COMMAND", "INFO", *reads)
    flags = {str(name): info["flags"] for name, info in told.items()}
    assert len(flags) == len(reads) and all("readonly" in map(str, found) for found in flags.values())


def quaid(server: Server, user: str, *arguments: str) -> Any:
    return runner().invoke(main, [*arguments, "--store", url(server, user)])


def test_a_reader_gets_answers_and_a_clear_error_when_writing(ruled: Server) -> None:
    known = [str(PICTURES / "indexed" / name) for name in ("coffee.jpg", "cat.jpg")]
    # Given a store that the writer filled
    for arguments in (["collection", "create", "brands", "--purpose", "baseline"], ["add", *known]):
        assert quaid(ruled, "quaid-writer", *arguments).exit_code == 0
    first, second = (quaid(ruled, "quaid-writer", "add", path).stdout.split()[1] for path in known)
    # Then the reader gets every answer
    for arguments in (
        ["query", known[0]],
        ["compare", *known],
        ["hits", first],
        ["show", first],
        ["stats"],
        ["hubs"],
        ["collection", "list"],
        ["self-check"],
    ):
        done = quaid(ruled, "quaid-reader", *arguments)
        assert done.exit_code == 0, f"{arguments}\n{done.stdout}\n{done.stderr}"
    # And an error that names the right when something is to be written or mended
    ruled.redis.sadd("dq:{meta}:relink", "broken")
    for arguments in (
        ["add", str(PICTURES / "indexed" / "article-ferry.png")],
        ["forget", first],
        ["veto", first, second],
        ["collection", "create", "more", "--purpose", "known"],
        ["self-check", "--repair"],
    ):
        done = quaid(ruled, "quaid-reader", *arguments)
        assert done.exit_code != 0 and "lacks a right" in done.stdout + done.stderr, done.stderr
        assert "section Rights" in done.stdout + done.stderr


def test_a_writer_does_everything_and_purges_with_one_line_more(ruled: Server, make_image: MakeImage) -> None:
    images = [make_image(n) for n in range(6)]
    with Engine.open(url(ruled, "quaid-writer")) as engine:
        store = engine._store
        store.collections.create("known", Purpose.KNOWN)
        put_all(store, images, collection="known", occurrence=Occurrence("file", "path", "/a"))
        record_verdict(store, images[0].image_id, images[1].image_id, MATCH)
        record_verdict(store, images[1].image_id, images[2].image_id, MATCH)
        engine.veto(images[0].image_id, images[1].image_id)
        engine.undo(images[0].image_id, images[1].image_id)
        engine.set_bookmark("a", "text")
        engine.set_bookmark("a", None)
        with engine.lock("a", 5, wait=1):
            pass
        engine.choose_calibration(engine.calibration)
        engine.choose_calibration(None)
        assert engine.forget(images[1].image_id).verdicts == 2
        engine.withdraw("file:path:/a", collection="known")
        engine.stats()
        with pytest.raises(NotAllowed, match=r"(?i)bgrewriteaof"):
            store.forgetting.purge()
        admin(ruled, *PURGER)
        store.forgetting.purge()


def test_an_empty_store_says_that_a_writer_begins_it(ruled: Server) -> None:
    with pytest.raises(NotAllowed, match="the store is empty and cannot be begun"):
        Engine.open(url(ruled, "quaid-reader"))


def test_a_reader_opens_a_store_with_unfinished_work_and_is_told(
    ruled: Server, make_image: MakeImage, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    # Given a writer that died while it forgot an image
    with Store.open(Config(store=url(ruled, "quaid-writer"))) as store:
        put_all(store, [make_image(0), make_image(1)])
    forget = lambda store: store.forgetting.forget(make_image(0).image_id)  # noqa: E731
    assert run_and_die(monkeypatch, url(ruled, "quaid-writer"), forget, 3)
    # When a reader opens the store
    with caplog.at_level(logging.WARNING), Store.open(Config(store=url(ruled, "quaid-reader"))) as store:
        # Then it gets answers, and a warning
        assert store.images.records([make_image(1).image_id]) == [make_image(1).record]
    assert "what a crash interrupted stays as it is" in caplog.text
    # And a writer finishes it
    Store.open(Config(store=url(ruled, "quaid-writer"))).close()
    assert not ruled.redis.exists(*(f"dq:{{{tag:x}}}:forgetting" for tag in range(16)))


def test_without_info_or_config_it_is_said_what_is_unknown(ruled: Server) -> None:
    with Store.open(Config(store=url(ruled, "quaid-writer"))) as store:
        assert "fsync everysec" in store.stats().persistence
    admin(ruled, "ACL", "SETUSER", "quaid-reader", "-config")
    with Store.open(Config(store=url(ruled, "quaid-reader"))) as store:
        assert "unknown, since CONFIG GET is not allowed" in store.stats().persistence
    admin(ruled, "ACL", "SETUSER", "quaid-reader", "-info")
    with pytest.raises(NotAllowed, match=r"may not run INFO.*\+info.*DOUGLAS_QUAID_VOLATILE_STORE=1"):
        Store.open(Config(store=url(ruled, "quaid-reader")))
    with Store.open(Config(store=url(ruled, "quaid-reader"), volatile_store=True)) as store:
        assert store.stats().server == "unknown server" and "unknown" in store.stats().persistence
