"""Parts of the delivery that need no AIL: names of objects, files, the gate, the counter of failures."""

from __future__ import annotations

import hashlib
import logging
import os
from pathlib import Path

import pytest
from support.server import Server

from douglas_quaid.ail.objects import AilObject, BadObject, FileNotThere, read_picture
from douglas_quaid.ail.runtime import monitoring
from douglas_quaid.ail.runtime.delivery import Gate
from douglas_quaid.engine import Engine
from douglas_quaid.errors import ImageTooLarge, StoreFull

NAME = "0123456789abcdef" * 4


@pytest.mark.parametrize("kind", ["image", "screenshot"])
def test_a_name_and_its_occurrence_are_two_ways_to_write_one_object(kind: str) -> None:
    obj = AilObject.parse(f"{kind}::{NAME}")
    assert obj == AilObject(kind, NAME) == AilObject.of(obj.occurrence) == AilObject.of(f"ail:{kind}:{NAME}")
    assert obj.gid == f"{kind}::{NAME}"


@pytest.mark.parametrize(
    ("gid", "reason"),
    [
        ("", "three parts"),
        (f"image:{NAME}", "three parts"),
        (f"item::{NAME}", "is not one of image and screenshot"),
        (f"Image::{NAME}", "is not one of image and screenshot"),
        (f"image:sub:{NAME}", f"^'image:sub:{NAME}': expected image::<sha256> or screenshot::<sha256>"),
        ("username:telegram:jo", "^'username:telegram:jo': expected image::<sha256> or screenshot::<sha256>"),
        (f"image::{NAME.upper()}", "expected image::<sha256>"),
        (f"image::{NAME}\n", "expected image::<sha256>"),
        ("image::../../../../../../etc/passwd", "expected image::<sha256>"),
        ("x" * 10_000, "three parts"),
    ],
)
def test_what_names_no_picture_is_refused_with_a_reason(gid: str, reason: str) -> None:
    with pytest.raises(BadObject, match=reason) as refused:
        AilObject.parse(gid)
    assert len(str(refused.value)) < 400


def test_places_outside_of_ail_are_no_objects() -> None:
    for place in ("misp:attribute:1", f"ail:item:{NAME}", "ail:image:short", "file:path:/ail:image"):
        assert AilObject.of(place) is None


def test_only_whole_regular_files_within_the_limit_are_read(tmp_path: Path) -> None:
    obj = AilObject("image", hashlib.sha256(b"12345").hexdigest())
    (tmp_path / "file").write_bytes(b"12345")
    (tmp_path / "other").write_bytes(b"1234")
    os.mkfifo(tmp_path / "pipe")
    assert read_picture(obj, tmp_path / "file", 5) == b"12345"
    with pytest.raises(ImageTooLarge, match="5 bytes, more than the limit of 4"):
        read_picture(obj, tmp_path / "file", 4)
    for name in ("missing", "pipe", "file/below"):
        with pytest.raises(FileNotThere):
            read_picture(obj, tmp_path / name, 5)
    with pytest.raises(FileNotThere, match="not a regular file"):
        read_picture(obj, tmp_path, 5)
    with pytest.raises(FileNotThere, match="its 4 bytes do not have the sha256"):
        read_picture(obj, tmp_path / "other", 5)


def test_a_gate_knocks_seldom_while_all_is_well_always_while_it_is_not_and_tells_of_changes_only(
    caplog: pytest.LogCaptureFixture,
) -> None:
    # given a store that is full when we say so
    knocks: list[str] = []
    full = False

    def knock() -> None:
        knocks.append("store")
        if full:
            raise StoreFull("no room")

    gate = Gate(
        {"the store": knock, "AIL": lambda: knocks.append("ail")}, seconds=0, logger=logging.getLogger("gate")
    )
    # when it is asked many times, then one knock of each is enough
    assert all(gate.is_open() for _ in range(100)) and knocks == ["store", "ail"]
    # when something failed it knocks at once, and each time as long as it must
    full = True
    gate.doubt()
    assert not any(gate.is_open() for _ in range(3)) and knocks[2:] == ["store"] * 3
    full = False
    assert gate.is_open() and gate.is_open() and knocks[5:] == ["store", "ail"]
    assert ["no room" in line or "is back" in line for line in caplog.messages] == [True, True]


def test_a_knock_that_waiting_does_not_help_is_not_taken_for_a_closed_gate() -> None:
    def knock() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        Gate({"the store": knock}, seconds=1, logger=logging.getLogger("gate")).is_open()


def test_failures_are_counted_from_the_first_one_and_end_with_the_letter(server: Server) -> None:
    with Engine.open(server.url) as engine:
        gid, long = f"image::{NAME}", "image::" + "x" * 5000
        first = monitoring.count_failure(engine, gid)
        second = monitoring.count_failure(engine, gid)
        assert (first.attempts, second.attempts) == (1, 2) and first.first == second.first
        # when they become letters, one of them of a name too long for the store
        letter = monitoring.bury(
            engine, gid=gid, message="20260701", module="M", error=ValueError("a\nb"), failures=second
        )
        other = monitoring.bury(engine, gid=long, message="", module="M", error=BadObject("bad"))
        # then both are listed and found by what they say of themselves
        assert {found.gid for found in monitoring.dead_letters(engine)} == {gid, long[:1000]}
        assert sorted(monitoring.dead_letters(engine), key=lambda found: found.attempts) == [other, letter]
        assert (letter.attempts, letter.reason, letter.error) == (2, "a b", "ValueError")
        # and the count begins anew
        assert monitoring.count_failure(engine, gid).attempts == 1
        assert monitoring.remove_dead_letter(engine, other.gid) and not monitoring.remove_dead_letter(
            engine, other.gid
        )
        monitoring.forget_failures(engine, gid)
        assert list(monitoring.dead_letters(engine)) == list(engine.bookmarks(monitoring.ATTEMPTS)) == []
        # and what is no letter of ours is passed over
        engine.set_bookmark(monitoring.DEAD + "x", "{}")
        engine.set_bookmark(monitoring.ATTEMPTS + "y", "no number")
        assert (
            list(monitoring.dead_letters(engine)) == []
            and monitoring.count_failure(engine, "y").attempts == 1
        )
