"""The command line as users type it: what it prints, its exit status, and bad input."""

from __future__ import annotations

import json
import math
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from PIL import Image, ImageDraw
from support.command_line import runner
from support.pictures import page, png

from douglas_quaid.cli.main import main
from douglas_quaid.demo.pictures import sample
from douglas_quaid.evaluation import edits

Quaid = Callable[..., Result]


@pytest.fixture
def quaid(store_url: str) -> Iterator[Quaid]:
    """Runs a command on an empty store."""

    def run(*arguments: str | Path, stdin: bytes | None = None) -> Result:
        return runner().invoke(
            main, [*map(str, arguments), "--store", store_url], input=stdin, catch_exceptions=False
        )

    yield run


def lines(result: Result) -> list[dict[str, Any]]:
    """Standard output, which must hold JSON lines and nothing else."""
    return [json.loads(line) for line in result.stdout.splitlines()]


def small_picture(n: int) -> bytes:
    """The n-th of many small pictures, no two alike."""
    picture = Image.new("RGB", (96, 64), (n % 256, n // 256 * 40, 120))
    pen = ImageDraw.Draw(picture)
    for step in range(6):
        pen.rectangle(
            (step * 15, (n * (step + 3)) % 50, step * 15 + 9, 60),
            fill=((n * 37 + step * 40) % 256, step * 40, (n * 11) % 256),
        )
    return edits.png(picture)


@pytest.fixture
def cat(tmp_path: Path) -> Path:
    path = tmp_path / "cat.jpg"
    path.write_bytes(sample("indexed/cat.jpg"))
    return path


def test_add_query_show_hits_forget(quaid: Quaid, cat: Path, tmp_path: Path) -> None:
    # Given a picture that was added
    added = lines(quaid("add", cat, "--json"))
    assert [set(line) for line in added] == [{"path", "image_id", "status", "informative", "cluster"}]
    assert (added[0]["path"], added[0]["status"], added[0]["informative"]) == (str(cat), "added", True)
    assert added[0]["cluster"].startswith("c-")
    image_id = added[0]["image_id"]
    # When a smaller copy is queried
    smaller = tmp_path / "smaller.png"
    smaller.write_bytes(edits.png(edits.edit("resize_50", edits.opened(cat))))
    answer = lines(quaid("query", smaller, "--json"))[0]
    # Then the line has all documented keys
    assert set(answer) >= {
        "path",
        "image_id",
        "decision",
        "informative",
        "hits",
        "images_searched",
        "complete",
        "seconds",
    }
    assert (answer["decision"], answer["images_searched"], answer["complete"]) == ("match", 1, True)
    hit = answer["hits"][0]
    assert set(hit) >= {
        "image_id", "decision", "relation", "confidence", "sentence", "evidence", "clusters",
        "occurrences", "occurrence_count", "first_seen", "last_seen", "collections",
    }  # fmt: skip
    assert set(hit["evidence"]) >= {
        "same_bytes", "same_pixels", "pdq_bits", "orientation", "phash_bits", "dhash_bits", "ahash_bits",
        "whash_bits", "tlsh_distance", "inliers", "covered_query", "covered_reference", "content_agreement",
        "configuration",
    }  # fmt: skip
    assert (hit["image_id"], hit["relation"], hit["occurrences"]) == (
        image_id,
        "near-duplicate",
        [f"file:path:{cat}"],
    )
    # And a prefix, the occurrence and the whole id name the same image
    shown = [lines(quaid("show", name, "--json"))[0] for name in (image_id[:8], f"file:path:{cat}", image_id)]
    assert [line["image_id"] for line in shown] == [image_id] * 3
    # And after a second add its verdict is stored, until the image is forgotten
    assert lines(quaid("add", smaller, "--json"))[0]["cluster"].startswith("c-")
    assert lines(quaid("hits", image_id[:8], "--json"))[0]["relation"] == "near-duplicate"
    assert lines(quaid("forget", image_id[:8], "--json")) == [
        {"image_id": image_id, "status": "forgotten", "purged": False}
    ]
    gone = quaid("show", image_id, "--json")
    assert gone.exit_code == 1 and lines(gone)[0]["error"]["type"] == "NotFound"


def test_known_files_are_skipped_and_new_occurrences_added(quaid: Quaid, cat: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.jpg"
    copy.write_bytes(cat.read_bytes())
    statuses = [lines(quaid("add", path, "--json"))[0]["status"] for path in (cat, cat, copy)]
    assert statuses == ["added", "known", "updated"]


def test_a_folder_with_broken_pictures_adds_the_others_and_names_each(quaid: Quaid, tmp_path: Path) -> None:
    # Given 1,000 files of which 50 are text, incomplete, bombs, empty or random
    folder = tmp_path / "folder"
    folder.mkdir()
    bomb = bytearray(small_picture(0))
    bomb[16:24] = (60_000).to_bytes(4, "big") * 2
    broken = [b"just text", small_picture(1)[:60], bytes(bomb), b"", os.urandom(300)]
    for n in range(1000):
        (folder / f"{n:04}.png").write_bytes(broken[n // 20 % 5] if n % 20 == 0 else small_picture(n))
    # When the folder is added
    result = quaid("add", folder, "--no-link", "--json")
    # Then 950 are added, and 50 have a line that names the file and the reason
    answers = lines(result)
    assert result.exit_code == 1 and len(answers) == 1000
    assert sum(line.get("status") == "added" for line in answers) == 950
    failed = [line for line in answers if "error" in line]
    assert len(failed) == 50
    assert {line["error"]["type"] for line in failed} == {
        "UnsupportedImage",
        "CorruptImage",
        "ImageTooLarge",
        "EmptyImage",
    }
    assert all(Path(line["path"]).name in line["error"]["message"] for line in failed)
    assert [line["path"] for line in answers] == [str(folder / f"{n:04}.png") for n in range(1000)]
    assert lines(quaid("stats", "--json"))[0]["images"] == 950


def test_two_processes_adding_one_folder_leave_one_image_of_each_with_all_occurrences(
    store_url: str, tmp_path: Path
) -> None:
    # Given a folder of 40 pictures with two names
    folder = tmp_path / "folder"
    folder.mkdir()
    for n in range(40):
        (folder / f"{n}.png").write_bytes(small_picture(n))
    (tmp_path / "other").symlink_to(folder)
    # When two processes add it at once
    command = [sys.executable, "-P", "-m", "douglas_quaid", "add", "--json", "--store", store_url]
    running = [
        subprocess.Popen([*command, str(tmp_path / name)], stdout=subprocess.PIPE, cwd="/")
        for name in ("folder", "other")
    ]
    answers = [
        json.loads(line) for process in running for line in process.communicate(timeout=300)[0].splitlines()
    ]
    assert [process.returncode for process in running] == [0, 0]
    # Then each image was added once, with both occurrences
    assert sorted(line["status"] for line in answers) == ["added"] * 40 + ["updated"] * 40
    stats = lines(runner().invoke(main, ["stats", "--json", "--store", store_url]))[0]
    assert (stats["images"], stats["occurrences"]) == (40, 80)


def test_standard_input_may_be_a_picture(quaid: Quaid, cat: Path) -> None:
    line = lines(
        quaid(
            "add",
            "-",
            "--occurrence",
            "ail:image:1",
            "--label",
            "domain=example.onion",
            "--json",
            stdin=cat.read_bytes(),
        )
    )[0]
    assert (line["path"], line["status"]) == ("-", "added")
    shown = lines(quaid("show", "ail:image:1", "--json"))[0]
    assert shown["occurrences"][0]["labels"] == {"domain": "example.onion"}


def test_compare_draws_what_it_measured(quaid: Quaid, cat: Path, tmp_path: Path) -> None:
    part, drawing = tmp_path / "part.png", tmp_path / "drawing.png"
    part.write_bytes(edits.png(edits.edit("crop_75", edits.opened(cat))))
    line = lines(quaid("compare", part, cat, "--overlay", drawing, "--json"))[0]
    assert (line["decision"], line["relation"]) == ("match", "partial") and line["evidence"]["inliers"] >= 8
    with Image.open(drawing) as picture:
        assert picture.format == "PNG" and picture.width >= 800


def test_collections_and_vetoes(quaid: Quaid, cat: Path, tmp_path: Path) -> None:
    assert quaid("collection", "create", "brands", "--purpose", "baseline").exit_code == 0
    assert quaid("collection", "create", "brands", "--purpose", "ignore").exit_code == 2
    smaller = tmp_path / "smaller.png"
    smaller.write_bytes(edits.png(edits.edit("resize_50", edits.opened(cat))))
    a = lines(quaid("add", cat, "--collection", "brands", "--label", "brand=Cat", "--json"))[0]["image_id"]
    b = lines(quaid("add", smaller, "--json"))[0]["image_id"]
    assert lines(quaid("collection", "list", "--json")) == [
        {"name": "brands", "purpose": "baseline", "images": 1}
    ]
    assert lines(quaid("query", smaller, "--collection", "brands", "--json"))[0]["hits"][0][
        "collections"
    ] == [{"name": "brands", "labels": {"brand": "Cat"}}]
    assert quaid("veto", a[:10], b[:10]).exit_code == 0
    assert lines(quaid("hits", a, "--json")) == []


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["add", "/no/such/file.png"], 1, "no such file"),
        (["add"], 2, "Missing argument"),
        (["query", "--min-decision", "perhaps", "x.png"], 2, "perhaps"),
        (["show", "1234"], 2, "8"),
        (["show", "0123456789"], 1, "0123456789"),
        (["add", "x.png", "--collection", "nowhere"], 1, "no such file"),
        (["add", "x.png", "--label", "novalue"], 2, "KEY=VALUE"),
    ],
)
def test_errors_have_their_status_and_message(
    quaid: Quaid, arguments: list[str], status: int, message: str
) -> None:
    result = quaid(*arguments)
    assert result.exit_code == status and message in (result.stdout + result.stderr)


def test_settings_are_checked_by_name(store_url: str, monkeypatch: pytest.MonkeyPatch, cat: Path) -> None:
    monkeypatch.setenv("DOUGLAS_QUAID_MAX_PIXELS", "many")
    wrong = runner().invoke(main, ["stats", "--store", store_url])
    assert wrong.exit_code == 2 and "DOUGLAS_QUAID_MAX_PIXELS" in (wrong.stdout + wrong.stderr)
    monkeypatch.setenv("DOUGLAS_QUAID_MAX_PIXELS", "1000")
    small = runner().invoke(main, ["add", str(cat), "--json", "--store", store_url])
    assert small.exit_code == 1 and lines(small)[0]["error"]["type"] == "ImageTooLarge"
    monkeypatch.delenv("DOUGLAS_QUAID_MAX_PIXELS")
    monkeypatch.setenv("DOUGLAS_QUAID_COLOUR", "red")
    unknown = runner().invoke(main, ["stats", "--store", store_url])
    assert unknown.exit_code == 2 and "DOUGLAS_QUAID_COLOUR" in (unknown.stdout + unknown.stderr)


def test_a_store_that_is_away_is_an_error_at_once(tmp_path: Path, cat: Path) -> None:
    result = runner().invoke(main, ["add", str(cat), "--json", "--store", f"unix://{tmp_path}/nobody"])
    assert result.exit_code == 1 and lines(result)[0]["error"]["type"] == "StoreUnavailable"


def test_file_names_that_are_not_text_and_pipes_do_no_harm(quaid: Quaid, cat: Path, tmp_path: Path) -> None:
    folder = tmp_path / "odd"
    folder.mkdir()
    with open(os.path.join(os.fsencode(folder), b"caf\xe9 {[\n.jpg"), "wb") as file:
        file.write(cat.read_bytes())
    os.mkfifo(folder / "pipe")
    result = quaid("add", folder, "--json")
    assert result.exit_code == 0 and [line["status"] for line in lines(result)] == ["added"]


def test_self_check_accepts_this_installation(quaid: Quaid) -> None:
    result = quaid("self-check", "--json")
    assert result.exit_code == 0
    assert {line["check"] for line in lines(result)} >= {"libraries", "formats", "features", "store"}


def test_people_read_the_same_results(quaid: Quaid, cat: Path) -> None:
    quaid("add", cat)
    text = quaid("query", cat).stdout
    assert "match identical 1.000" in text and "same bytes" in text and f"file:path:{cat}" in text


def test_compare_explains_its_verdict(quaid: Quaid, tmp_path: Path) -> None:
    # Given a picture and a smaller copy of it
    original, copy = tmp_path / "a.png", tmp_path / "b.png"
    original.write_bytes(png(page(5, 800, 600)))
    copy.write_bytes(png(page(5, 800, 600).resize((400, 300))))
    # When they are compared
    (line,) = lines(quaid("compare", original, copy, "--json"))
    # Then each predictor is there with its value and weight, and the weights add up to the confidence
    assert line["decision"] == "match" and line["reasons"] == []
    assert line["contributions"][0]["predictor"] == "prior"
    odds = sum(part["weight"] for part in line["contributions"])
    assert 1 / (1 + math.exp(-odds)) == pytest.approx(line["confidence"], abs=0.001)
    # And people see the same as a table
    text = quaid("compare", original, copy).stdout
    assert re.search(r"reasons +none", text) and re.search(r"content_agreement +0\.\d+ +[+-]\d", text)


def test_undo_takes_back_what_a_person_said(quaid: Quaid, tmp_path: Path) -> None:
    for number, name in enumerate(("a", "b")):
        (tmp_path / f"{name}.png").write_bytes(png(page(number, 800, 600)))
    a, b = (line["image_id"] for line in lines(quaid("add", tmp_path, "--json")))
    quaid("confirm", a, b)
    assert [hit["reasons"] for hit in lines(quaid("hits", a, "--json"))] == [["person"]]
    # When it is taken back
    done = quaid("undo", a, b, "--json")
    # Then the line says what was taken back, and the scores alone count again
    (line,) = lines(done)
    assert (line["status"], line["word"], line["source"]) == ("undone", "same", "command line")
    assert done.exit_code == 0 and lines(quaid("hits", a, "--json")) == []
    # And there is nothing left to take back
    assert quaid("undo", a, b).exit_code != 0
