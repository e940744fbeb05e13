"""Parts of `quaid misp sync` by themselves."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given, settings, strategies as some
from support.misp_server import Misp, misp_server

from douglas_quaid.engine import Engine
from douglas_quaid.errors import ConfigError
from douglas_quaid.misp.sync.attribute import Attribute, attributes_of
from douglas_quaid.misp.sync.bookmark import Bookmark, PersistentSet
from douglas_quaid.misp.sync.client import MispAway, Since
from douglas_quaid.misp.sync.command import moment
from douglas_quaid.misp.sync.read import walk
from douglas_quaid.misp.text import MAX_ESCAPED, clean


@pytest.fixture(scope="module")
def row() -> Iterator[Attribute]:
    with misp_server() as misp:
        yield one_row(misp)


def one_row(misp: Misp) -> Attribute:
    misp.attach(misp.event(), b"")
    return attributes_of(misp.answer("POST", "/attributes/restSearch", {})[1]["response"])[0]


#: Place of a row, and whether it is deleted instead of edited.
CHANGES = some.lists(some.tuples(some.integers(0, 40), some.booleans()), max_size=10)


@settings(max_examples=300, deadline=None)
@given(
    times=some.lists(some.integers(0, 8), max_size=40),
    size=some.integers(1, 7),
    sorts=some.booleans(),
    changes=CHANGES,
)
def test_a_walk_returns_every_row_once(
    row: Attribute, times: list[int], size: int, sorts: bool, changes: list[tuple[int, bool]]
) -> None:
    # Given rows of which many share a second, pages of any size, and, on a server that sorts, deletions and
    # edits meanwhile
    rows = [replace(row, uuid=str(number), timestamp=second) for number, second in enumerate(times)]
    changes = changes[:] if sorts else []

    def ask(since: Since, page: int, size: int) -> list[Attribute]:
        if changes and rows:
            place, deleted = changes.pop()
            changed = rows.pop(place % len(rows))
            rows.extend([] if deleted else [replace(changed, timestamp=100 - len(changes))])
        fitting = [row for row in rows if row.timestamp >= since.attribute]
        return (sorted(fitting, key=lambda row: (row.timestamp, int(row.uuid))) if sorts else fitting)[
            (page - 1) * size : page * size
        ]

    # Then each remaining row is returned in its last state, and none twice in the same state
    got = [(row.uuid, row.timestamp) for page in walk(ask, size=size, sorts=sorts) for row in page]
    assert {(row.uuid, row.timestamp) for row in rows} <= set(got) and len(got) == len(set(got))


def test_a_walk_ends_on_a_server_that_repeats_itself(row: Attribute) -> None:
    same = [row, replace(row, uuid="other")]
    with pytest.raises(MispAway):
        list(walk(lambda since, page, size: (same * size)[:size], size=2, sorts=True))
    assert list(walk(lambda since, page, size: (same * size)[:size], size=2, sorts=False)) == [same]


@given(some.text(alphabet=some.characters(), max_size=600))
def test_cleaned_text_is_one_short_printable_line(text: str) -> None:
    cleaned = clean(text)
    assert (
        len(cleaned) <= 255
        and len(json.dumps(cleaned)) <= MAX_ESCAPED
        and "\n" not in cleaned
        and "\x1b" not in cleaned
    )
    cleaned.encode()  # no lone surrogates
    assert clean(cleaned) == cleaned


def test_moments() -> None:
    assert moment("2026-11-01") == 1793491200
    assert moment("2026-11-01T12:00+01:00") == moment("2026-11-01T11:00Z") == 1793530800
    assert abs(moment("36h") - (time.time() - 36 * 3600)) < 5
    with pytest.raises(ConfigError, match="7d"):
        moment("last week")


def test_bookmarks_and_sets_are_kept(store_url: str) -> None:
    with Engine.open(store_url) as engine:
        Bookmark(after=7, waiting={"a": 2}).write(engine, "misp:sync:test")
        assert Bookmark.read(engine, "misp:sync:test") == Bookmark(after=7, waiting={"a": 2})
        # A bookmark that cannot be read is one at the beginning
        for text in ("", "{", "[]", '{"after": "x"}', "null"):
            engine.set_bookmark("misp:sync:test", text)
            assert Bookmark.read(engine, "misp:sync:test") == Bookmark()
        noted = PersistentSet(engine, "misp:aside:test")
        for number in range(1000):
            noted.add(f"attribute {number}")
        assert "attribute 5" not in PersistentSet(engine, "misp:aside:test")
        noted.save()
        again = PersistentSet(engine, "misp:aside:test")
        assert all(f"attribute {number}" in again for number in range(1000)) and "attribute 1000" not in again
