"""Hash lists: queries are compared with what others told of pictures, at most as a review; lists travel in
several formats and back, and what is withdrawn is gone from the next answer.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import time
from pathlib import Path
from typing import Any

import pytest
from support.command_line import runner
from support.pictures import page

from douglas_quaid import ConfigError, Decision, Engine, NotFound
from douglas_quaid.cli.main import main
from douglas_quaid.errors import CorruptRecord, UnknownVersion
from douglas_quaid.integrity.check import find_problems, mend_store
from douglas_quaid.lists.lines import Numbered
from douglas_quaid.store.hash_lists import (
    HashList,
    ListEntry,
    read_entry,
    read_list,
    write_entry,
    write_list,
)
from douglas_quaid.store.keys import on_meta, on_shard


def png(seed: int, width: int = 640) -> bytes:
    sheet, data = page(seed, 640, 400), io.BytesIO()
    sheet.resize((width, width * 400 // 640)).save(data, "PNG")
    return data.getvalue()


def id_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.fixture
def engine(store_url: str) -> Any:
    """An engine on a store with a collection of three pictures."""
    with Engine.open(store_url) as engine:
        engine.create_collection("known", "known")
        for n in range(3):
            engine.add(png(n), collection="known", labels={"brand": f"b{n}"})
        yield engine


@pytest.fixture
def other(make_server: Any) -> Any:
    """Another team's engine, with an empty collection."""
    with Engine.open(make_server().url) as engine:
        engine.create_collection("theirs", "known")
        yield engine


FORMATS = {"ndjson": "a.ndjson", "pdq": "a.txt", "csv": "a.csv", "misp": "a.json"}


@pytest.mark.parametrize("form", FORMATS)
def test_what_one_team_exports_the_other_finds_at_most_as_a_review(
    form: str, engine: Engine, other: Engine, tmp_path: Path
) -> None:
    # Given a list that one team has exported and the other has imported
    file = str(tmp_path / FORMATS[form])
    assert engine.export_list(file, collection="known", format=form, tlp="tlp:green").entries == 3
    report = other.import_list(file, collection="theirs", format=form, name="from us")
    assert sum(report.counts.values()) == 3 and report.refused == 0
    # when the other team asks for a smaller copy, then it is a review, and the entry is told with its labels,
    result = other.query(png(1, width=480))
    assert result.decision is Decision.REVIEW and result.hits == ()
    (found,) = result.listed
    assert found.list == "from us" and found.collection == "theirs" and found.by == "pdq"
    assert found.pdq_bits is not None and found.pdq_bits <= 31
    assert dict(found.labels) == ({} if form == "pdq" else {"brand": "b1"})
    # so it is for the same bytes,
    (equal,) = other.query(png(1)).listed
    assert equal.decision is Decision.REVIEW and equal.by == ("pdq" if form == "pdq" else "sha256")
    # and another page, or a question for matches alone, finds nothing.
    assert other.query(png(9)).listed == () and other.query(png(9)).decision is Decision.NO_MATCH
    assert other.query(png(1), min_decision="match").listed == ()
    # Imported again, nothing changes.
    again = other.import_list(file, collection="theirs", format=form, name="from us")
    assert {status.value: count for status, count in again.counts.items()} == {"known": 3}
    assert find_problems(other._store) == []


def test_a_withdrawn_entry_is_gone_from_the_next_answer_of_every_process(
    engine: Engine, other: Engine, tmp_path: Path
) -> None:
    first, second = str(tmp_path / "1.ndjson"), str(tmp_path / "2.ndjson")
    engine.export_list(first, collection="known")
    other.import_list(first, collection="theirs", name="l")
    with Engine.open(other.config.store) as beside:
        assert beside.query(png(0)).listed and beside.query(png(1)).listed
        # When its maker has forgotten a picture and exports the list again,
        engine.forget(id_of(png(0)))
        time.sleep(1.1)  # a list says to the second when it was made
        assert engine.export_list(second, collection="known", previous=first).withdrawn == 1
        other.import_list(second, collection="theirs", name="l")
        # then the next answer of another process does not have it,
        assert beside.query(png(0)).listed == () and beside.query(png(1)).listed
        # the older copy does not bring it back,
        report = other.import_list(first, collection="theirs", name="l")
        assert {status.value: count for status, count in report.counts.items()} == {"known": 2, "outdated": 1}
        assert beside.query(png(0)).listed == ()
        # and one that is withdrawn by hand, or missing in a file that replaces the list, goes likewise.
        other.withdraw_entries("l", [id_of(png(1))])
        assert beside.query(png(1)).listed == ()
        only = tmp_path / "only.txt"
        only.write_text("pdq " + "0" * 64 + "\n")
        other.import_list(str(only), collection="theirs", name="l", replace=True)
        assert beside.query(png(2)).listed == ()
        assert other.hash_lists()["l"].entries == 1
        other.remove_list("l")
        assert other.hash_lists() == {} and beside.query(png(2)).listed == ()


def test_each_refused_line_is_told_with_its_number_and_the_others_are_kept(
    other: Engine, tmp_path: Path
) -> None:
    header = {"format": "douglas-quaid-list", "version": 1, "name": "n"}
    lines: list[Any] = [
        header,
        {"id": "a", "pdq": "ab" * 32},
        {"id": "b", "pdq": "xy" * 32},
        {"id": "c"},
        {"pdq": "ab" * 32},
        {"id": "d", "sha256": "cd" * 32, "labels": {"a": 1}},
        {"id": "e", "pdq": "ab" * 32, "pdq_quality": 12},
        {"id": "f", "md5": "ab" * 16, "thumbnail": "x"},
        {"id": "g\x1b[31m", "md5": "ab" * 16},
        {"id": "h", "sha1": "ab" * 20, "first_seen": "yesterday"},
        {"id": "i", "deleted": True},
        {"id": "j", "labels": {"x": "y" * 5000}, "md5": "ab" * 16},
    ]
    text = "\n".join(json.dumps(line) for line in lines) + "\nnot json\n" + "x" * 100_000 + "\n"
    file = tmp_path / "list.ndjson"
    file.write_bytes(text.encode() + b"\xff\n" + json.dumps({"id": "z", "md5": "0" * 32}).encode())
    refused = list[Numbered]()
    report = other.import_list(str(file), collection="theirs", refuse=refused.append)
    assert [line.number for line in refused] == [3, 4, 5, 6, 7, 8, 9, 10, 12, 13, 14, 15]
    assert all(line.problem for line in refused) and report.refused == 12
    assert other.hash_lists()["n"].entries == 2
    # On the command line each is a line, and the status is 1.
    words = ["list", "import", str(file), "--collection", "theirs", "--store", other.config.store]
    done = runner().invoke(main, words)
    assert (
        done.exit_code == 1
        and "line 9: id of an entry 'g\\x1b" in done.stderr
        and "\x1b[31mid" not in done.stderr
    )
    assert "12 refused" in done.stdout


def test_a_document_of_project_vic_finds_the_bytes_that_it_names(other: Engine, tmp_path: Path) -> None:
    data = png(5)
    media = [
        {"MediaID": 7, "MD5": hashlib.md5(data).hexdigest().upper(), "SHA1": hashlib.sha1(data).hexdigest()},
        {"MediaID": 8, "MD5": "no"},
        {"MediaID": 9, "MD5": "0" * 32, "Category": 1, "PhotoDNA": "x"},
    ]
    file = tmp_path / "vic.json"
    file.write_text(json.dumps({"@odata.context": "Media", "value": [{"CaseID": "1", "Media": media}]}))
    with pytest.raises(ConfigError, match="--format misp or --format vic"):
        other.import_list(str(file), collection="theirs")
    report = other.import_list(str(file), collection="theirs", format="vic")
    assert report.refused == 1 and report.name == "vic"
    (found,) = other.query(data).listed
    assert found.entry_id == "7" and found.by in ("md5", "sha1") and found.decision is Decision.REVIEW
    assert other.query(png(5, width=500)).listed == ()


def test_a_file_of_another_kind_is_refused(engine: Engine, tmp_path: Path) -> None:
    file = tmp_path / "list"
    file.write_text('{"format": "douglas-quaid-list", "version": 2}\n')
    with pytest.raises(UnknownVersion, match="version 2 of the format, this program reads 1"):
        engine.import_list(str(file), collection="known", format="ndjson")
    for form in ("csv", "ndjson", "vic"):
        file.write_text("[]\n")
        with pytest.raises(CorruptRecord, match=str(file)):
            engine.import_list(str(file), collection="known", format=form)
    engine.create_collection("pages", "baseline")
    with pytest.raises(ConfigError, match="purpose baseline"):
        engine.import_list(str(file), collection="pages")
    with pytest.raises(NotFound):
        engine.import_list(str(file), collection="nowhere")
    with pytest.raises(ConfigError, match="exists"):
        engine.export_list(str(file), collection="known")


def test_python_threatexchange_reads_our_lines_and_we_read_its(
    engine: Engine, other: Engine, tmp_path: Path
) -> None:
    pytest.importorskip("threatexchange", reason="its index needs faiss, so it is not among the tests' own")
    from threatexchange.exchanges.impl import file_api
    from threatexchange.signal_type.pdq.signal import PdqSignal

    ours, theirs = tmp_path / "ours.txt", tmp_path / "theirs.txt"
    engine.export_list(str(ours), collection="known", format="pdq")
    collab = file_api.FileCollaborationConfig(name="ours", filename=str(ours))
    (delta,) = file_api.LocalFileSignalExchangeAPI.for_collab(collab).fetch_iter([PdqSignal], None)
    signals = [PdqSignal.validate_signal_str(text) for kind, text in delta.updates if kind == "pdq"]
    assert len(signals) == 3
    # Its own hash of the picture is the one that we have written, and a list that it appends to is read.
    assert PdqSignal.hash_from_bytes(png(0)) in signals
    theirs.write_text(f"pdq {PdqSignal.hash_from_bytes(png(4))}\n")
    other.import_list(str(theirs), collection="theirs")
    (found,) = other.query(png(4, width=500)).listed
    assert found.by == "pdq" and found.list == "theirs"


def test_the_documented_entries_are_what_is_stored() -> None:
    text = (Path(__file__).parent.parent / "core" / "store" / "FORMAT.md").read_text("utf-8")
    kept, gone = re.findall(r"```list-entry\n(.*?)```", text, re.DOTALL)[0].splitlines()
    entry = read_entry("l", "a", kept.encode())
    assert (
        entry.pdq == bytes(range(32)).hex() and entry.pdq_quality == 97 and entry.labels == {"brand": "Acme"}
    )
    assert write_entry(entry, withdrawn=0).decode() == kept
    assert read_entry("l", "a", gone.encode()).deleted
    assert write_entry(ListEntry("a", deleted=True), withdrawn=1763812800).decode() == gone
    about = HashList("known", "tlp:green", 1763812800, 1763812801, 7, "0123456789abcdef")
    assert read_list("l", write_list("l", about)) == about
    with pytest.raises(CorruptRecord, match="checksum"):
        read_list("m", write_list("l", about))


def test_broken_entries_are_named_and_removed(other: Engine, tmp_path: Path) -> None:
    file = tmp_path / "l.txt"
    file.write_text(f"pdq {'ab' * 32}\npdq {'cd' * 32}\n")
    other.import_list(str(file), collection="theirs")
    store = other._store
    # Given an entry that cannot be read, entries of no list, and a mark of a forgotten image that is none
    store.connection.ask(on_meta("HSET", "list:l", "ab" * 32, "{}"))
    store.connection.ask(on_meta("HSET", "list:lost", "a", '{"md5": "' + "0" * 32 + '"}'))
    store.connection.ask(on_shard("0", "ZADD", "forgotten", "1", "x"))
    found = sorted(finding.problem for finding in find_problems(store))
    assert len(found) == 3 and "entries of a list that is not there" in found
    other.query(png(0))  # a broken entry keeps no query from its answer
    # when the store is mended, then the rest is left.
    assert mend_store(store, lambda finding: None) == [] and find_problems(store) == []
    assert [entry.entry_id for entry in store.hash_lists.entries("l")] == ["cd" * 32]
