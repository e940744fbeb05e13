"""`quaid group`: groups of look-alikes in a folder, and nothing is kept."""

from __future__ import annotations

import csv
import io
import json
import tempfile
from pathlib import Path

import pytest
from support.command_line import runner
from support.pictures import page

from douglas_quaid.cli.main import main


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two pictures with copies, smaller or of the same bytes, one alone, and a file that is none."""
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for n in range(3):
        sheet = page(n, 640, 400)
        sheet.save(pictures / f"{n}.png")
        if n < 2:
            sheet.resize((480, 300)).save(pictures / f"{n}-smaller.png")
    (pictures / "=1.png").write_bytes((pictures / "1.png").read_bytes())
    (pictures / "note.png").write_text("no picture")
    return pictures


def test_a_folder_is_grouped_and_nothing_is_kept(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given folders for temporary files, for data and for the cache that are empty
    places = [tmp_path / name for name in ("temporary", "data", "cache")]
    for place, variable in zip(places, ("TMPDIR", "XDG_DATA_HOME", "XDG_CACHE_HOME"), strict=True):
        place.mkdir()
        monkeypatch.setenv(variable, str(place))
    monkeypatch.setattr(tempfile, "tempdir", None)
    paths = {
        name: str(folder / name) for name in ("0.png", "0-smaller.png", "1.png", "1-smaller.png", "=1.png")
    }
    # when the folder is grouped
    done = runner().invoke(main, ["group", str(folder), "--json"])
    # then copies are together, what is not a picture is told, and nothing is left.
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.exit_code == 1 and lines[0]["error"]["type"] == "UnsupportedImage"
    assert lines[1:] == [
        {"group": 1, "paths": sorted([paths["1.png"], paths["1-smaller.png"], paths["=1.png"]])},
        {"group": 2, "paths": sorted([paths["0.png"], paths["0-smaller.png"]])},
    ]
    assert [list(place.iterdir()) for place in places] == [[], [], []]
    # As text and as CSV it is the same.
    (folder / "note.png").unlink()
    done = runner().invoke(main, ["group", str(folder)])
    assert done.exit_code == 0 and done.stdout.endswith("2 groups, 1 pictures alone\n")
    monkeypatch.chdir(folder)
    done = runner().invoke(main, ["group", *sorted(path.name for path in folder.iterdir()), "--csv"])
    rows = list(csv.reader(io.StringIO(done.stdout)))
    assert rows[0] == ["group", "path"] and ["1", "'=1.png"] in rows and len(rows) == 6


def test_what_has_no_meaning_is_refused() -> None:
    for words in (["group", "-"], ["group", ".", "--store", "embedded:"]):
        assert runner().invoke(main, words).exit_code == 2
