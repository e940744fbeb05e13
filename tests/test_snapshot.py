"""The index that processes of a machine share as a file: it answers as one that was read from the store, or
it is not used at all.
"""

from __future__ import annotations

import os
import random
import shutil
import socket
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import redis
from hypothesis import HealthCheck, given, settings, strategies as st
from support.images import is_stored
from support.steps import in_child
from support.stored_words import stored_words

from douglas_quaid.config import Config
from douglas_quaid.index.options import UpkeepOptions
from douglas_quaid.index.postings import rows_of
from douglas_quaid.index.replica import IndexReplica
from douglas_quaid.index.snapshot import SnapshotFile
from douglas_quaid.index.words import WordIndex
from douglas_quaid.store import NewImage, Store
from douglas_quaid.store.forgetting import compact
from douglas_quaid.store.keys import SHARDS

MakeImage = Callable[..., NewImage]


#: Number of damaged files that are tried.
DAMAGED_FILES = 300
#: Snapshots of a few images, renewed at once.
UPKEEP = UpkeepOptions(snapshot_minimum=3, snapshot_seconds=0.0)


@pytest.fixture
def shared(tmp_path: Path, store: Store) -> SnapshotFile:
    return SnapshotFile(tmp_path / "cache", store.identity)


def refreshed(store: Store, shared: SnapshotFile | None) -> IndexReplica:
    replica = IndexReplica(store.columns, shared, upkeep=UPKEEP)
    replica.refresh()
    return replica


def sharing(replica: IndexReplica, image: NewImage) -> dict[str, float]:
    """Images that share words with this one, and their votes."""
    return dict(replica.sharing(stored_words(image.words), 50))


def answers(replica: IndexReplica, images: list[NewImage]) -> list[dict[str, float]]:
    return [sharing(replica, image) for image in images]


@pytest.fixture
def indexed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many descriptors were indexed by whoever did not find them in a snapshot."""
    counts: list[int] = []
    extend = WordIndex.extend

    def counting(self: WordIndex, rows: np.ndarray, sampled: np.ndarray) -> None:
        counts.append(len(rows))
        extend(self, rows, sampled)

    monkeypatch.setattr(WordIndex, "extend", counting)
    return counts


def test_the_next_process_maps_what_one_has_built_and_answers_alike(
    store: Store, shared: SnapshotFile, make_image: MakeImage, indexed: list[int]
) -> None:
    # Given a replica that has read 40 images, and has written what it built
    images = [make_image(n) for n in range(40)]
    for image in images:
        store.images.put(image)
    first = refreshed(store, shared)
    assert shared.path.exists() and stat.S_IMODE(shared.path.stat().st_mode) == 0o600
    # When another image comes, and another replica starts
    images.append(make_image(40))
    store.images.put(images[-1])
    indexed.clear()
    second = refreshed(store, shared)
    # Then it has indexed the new image alone, and answers like the first, and like one that has read
    # everything
    assert sum(indexed) == 3
    first.refresh()
    assert answers(second, images) == answers(first, images) == answers(refreshed(store, None), images)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    steps=st.lists(
        st.tuples(st.sampled_from(["add", "add", "forget", "compact", "ask", "start"]), st.integers(0, 14)),
        max_size=25,
    )
)
def test_whatever_happens_between_a_mapped_index_equals_one_read_from_the_store(
    store: Store, tmp_path: Path, make_image: MakeImage, steps: list[tuple[str, int]]
) -> None:
    # Given adds, forgets and compactions in any order, replicas that follow, and others that start and map
    shared = SnapshotFile(tmp_path / "cache", store.identity)
    images = [make_image(n) for n in range(15)]
    for image in images:
        if is_stored(store, image.image_id):
            store.forgetting.forget(image.image_id)
    follower = refreshed(store, shared)
    for step, n in steps:
        if step == "add":
            store.images.put(images[n])
        elif step == "forget" and is_stored(store, images[n].image_id):
            store.forgetting.forget(images[n].image_id)
        elif step == "compact":
            compact(store.connection, SHARDS[n])
        elif step == "start":
            refreshed(store, shared)
        else:
            follower.refresh()
    # Then all find the same images by words, those that are there
    follower.refresh()
    there = {image.image_id for image in images if is_stored(store, image.image_id)}
    for replica in (follower, refreshed(store, shared), refreshed(store, None)):
        assert len(replica) == len(there)
        for image in images:
            found = sharing(replica, image)
            assert found.keys() <= there and (image.image_id in found) == (image.image_id in there)


def test_a_forgotten_image_is_found_by_nobody_and_leaves_the_file(
    store: Store, shared: SnapshotFile, make_image: MakeImage
) -> None:
    # Given a snapshot that holds an image, and a replica that has mapped it
    images = [make_image(n) for n in range(20)]
    for image in images:
        store.images.put(image)
    refreshed(store, shared)
    mapped = refreshed(store, shared)
    before = shared.load()
    assert before is not None and np.count_nonzero(before.marks) == 20
    # When it is forgotten
    store.forgetting.forget(images[7].image_id)
    mapped.refresh()
    # Then neither who had it nor who starts now finds it, and its words are gone from the file
    for replica in (mapped, refreshed(store, shared)):
        assert images[7].image_id not in sharing(replica, images[7])
    after = shared.load()
    assert after is not None and np.count_nonzero(after.marks) == 19
    gone = int(np.flatnonzero(after.marks == 0)[0])
    assert all((rows_of(segment.postings) != gone).all() for segment in after.segments)
    assert any((rows_of(segment.postings) == gone).any() for segment in before.segments)


def test_the_file_holds_no_id_and_no_hash(store: Store, shared: SnapshotFile, make_image: MakeImage) -> None:
    for n in range(10):
        store.images.put(make_image(n))
    refreshed(store, shared)
    held = shared.path.read_bytes()
    for n in range(10):
        image = make_image(n)
        assert (
            bytes.fromhex(image.image_id)[:8] not in held
            and image.pdq[:8] not in held
            and image.words[:8] not in held
        )


def damaged(how: str, data: bytes) -> bytes:
    return {
        "cut short": data[:-2],
        "longer": data + b"\0\0",
        "of another format": b"DQWORDS\x01" + data[8:],
        "empty": b"",
        "only a beginning": data[:20],
        "with a changed header": data[:60] + bytes([data[60] ^ 1]) + data[61:],
        "with a changed table": data[: len(data) // 2] + b"\xff" * 4096 + data[len(data) // 2 + 4096 :],
    }[how]


@pytest.mark.parametrize(
    "how",
    [
        "cut short",
        "longer",
        "of another format",
        "empty",
        "only a beginning",
        "with a changed header",
        "with a changed table",
    ],
)
def test_a_damaged_file_is_not_used_and_is_written_again(
    store: Store, shared: SnapshotFile, make_image: MakeImage, how: str
) -> None:
    images = [make_image(n) for n in range(10)]
    for image in images:
        store.images.put(image)
    refreshed(store, shared)
    whole = shared.path.read_bytes()
    shared.path.write_bytes(damaged(how, whole))
    assert shared.load() is None
    replica = refreshed(store, shared)
    assert answers(replica, images) == answers(refreshed(store, None), images)
    assert shared.load() is not None


def test_the_file_of_another_store_is_not_mapped(
    store: Store, store_url: str, shared: SnapshotFile, make_image: MakeImage, indexed: list[int]
) -> None:
    # Given a snapshot of a store that was emptied, and filled with other images under the same address
    for n in range(10):
        store.images.put(make_image(n))
    refreshed(store, shared)
    left = shared.path.read_bytes()
    redis.Redis.from_url(store_url).flushall()
    with Store.open(Config(store=store_url)) as other:
        for n in range(10):
            other.images.put(make_image(n, salt="other"))
        # When a replica of the new store finds the old file under its own name
        own = SnapshotFile(shared.path.parent, other.identity)
        assert own.path != shared.path
        own.path.write_bytes(left)
        indexed.clear()
        replica = refreshed(other, own)
        # Then it reads the store
        assert sum(indexed) == 30 and len(replica) == 10


def test_a_store_that_went_back_in_time_is_read_again(
    store: Store, shared: SnapshotFile, make_image: MakeImage, indexed: list[int]
) -> None:
    # Given a snapshot of the same identity, generations and sizes, as after a copy of the store was restored
    for n in range(10):
        store.images.put(make_image(n))
    identity = store.identity()
    refreshed(store, shared)
    again = SnapshotFile(shared.path.parent, lambda: identity)
    snapshot = again.load()
    assert snapshot is not None
    # When the marks of its rows are those of other images
    again.save(
        type(snapshot)(
            snapshot.covered,
            snapshot.runs,
            snapshot.counts,
            snapshot.marks ^ np.uint16(0x0101),
            snapshot.segments,
            snapshot.written,
        )
    )
    indexed.clear()
    replica = refreshed(store, shared)
    assert sum(indexed) == 30 and len(replica) == 10


def test_a_folder_that_cannot_be_written_is_done_without(
    store: Store, tmp_path: Path, make_image: MakeImage
) -> None:
    (tmp_path / "file").write_text("in the way")
    for n in range(10):
        store.images.put(make_image(n))
    replica = refreshed(store, SnapshotFile(tmp_path / "file" / "cache", store.identity))
    assert len(answers(replica, [make_image(3)])[0]) >= 1


def test_a_file_of_another_user_is_not_trusted(
    store: Store, shared: SnapshotFile, make_image: MakeImage, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(10):
        store.images.put(make_image(n))
    refreshed(store, shared)
    monkeypatch.setattr(os, "geteuid", lambda: shared.path.stat().st_uid + 1)
    assert shared.load() is None


def test_damage_anywhere_never_changes_an_answer(
    store: Store, shared: SnapshotFile, make_image: MakeImage
) -> None:
    # Given a snapshot, and what a replica answers that has read the store
    images = [make_image(n) for n in range(10)]
    for image in images:
        store.images.put(image)
    right = answers(refreshed(store, shared), images)
    whole = shared.path.read_bytes()
    chances = random.Random(20261130)
    for n in range(DAMAGED_FILES):
        # When one to eight of its bytes are others, anywhere, many of them where there are postings
        data = bytearray(whole)
        for _ in range(chances.randint(1, 8)):
            place = chances.choice([chances.randrange(len(data)), len(data) - 1 - chances.randrange(200)])
            data[place] = (data[place] + chances.randint(1, 255)) % 256
        shared.path.write_bytes(data)
        # Then it is not used
        assert bytes(data) == whole or shared.load() is None
        if n % 30 == 0:
            # And the answers are right, and the file is whole again
            assert answers(refreshed(store, shared), images) == right
            assert shared.load() is not None


def in_its_place(kind: str, path: Path, outside: Path) -> None:
    """Put something else in the place of the file, which moves to `outside`."""
    path.rename(outside)
    match kind:
        case "symbolic link":
            path.symlink_to(outside)
        case "hard link":
            path.hardlink_to(outside)
        case "FIFO":
            os.mkfifo(path, 0o600)
        case "socket":
            with socket.socket(socket.AF_UNIX) as listener:
                here = os.open(path.parent, os.O_RDONLY)
                listener.bind(f"/proc/self/fd/{here}/{path.name}")
                os.close(here)
        case "folder":
            path.mkdir()
        case "file that others may write":
            shutil.copyfile(outside, path)
            path.chmod(0o666)


@pytest.mark.parametrize(
    "kind", ["symbolic link", "hard link", "FIFO", "socket", "folder", "file that others may write"]
)
def test_what_is_not_a_file_of_our_own_is_not_opened(
    store: Store, shared: SnapshotFile, make_image: MakeImage, tmp_path: Path, kind: str
) -> None:
    images = [make_image(n) for n in range(10)]
    for image in images:
        store.images.put(image)
    right = answers(refreshed(store, shared), images)
    outside = tmp_path / "outside"
    in_its_place(kind, shared.path, outside)
    before = outside.read_bytes()
    # When a replica starts (a FIFO would hold it for ever)
    assert shared.load() is None
    assert answers(refreshed(store, shared), images) == right
    # Then a file of our own is in its place, and what lay elsewhere is as it was
    assert outside.read_bytes() == before
    if kind != "folder":
        assert shared.path.is_file() and not shared.path.is_symlink() and shared.load() is not None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to another user")
@pytest.mark.parametrize("which", ["file", "folder"])
def test_a_file_or_folder_that_was_given_away_is_not_used(
    store: Store, shared: SnapshotFile, make_image: MakeImage, which: str
) -> None:
    images = [make_image(n) for n in range(10)]
    for image in images:
        store.images.put(image)
    right = answers(refreshed(store, shared), images)
    os.chown(shared.path if which == "file" else shared.path.parent, 65534, 65534)
    assert shared.load() is None
    assert answers(refreshed(store, shared), images) == right
    assert (shared.load() is not None) == (which == "file")


@pytest.mark.parametrize("how", ["open to others", "a symbolic link"])
def test_a_folder_that_is_not_ours_alone_is_done_without(
    store: Store, shared: SnapshotFile, make_image: MakeImage, tmp_path: Path, how: str
) -> None:
    for n in range(10):
        store.images.put(make_image(n))
    folder = shared.path.parent
    if how == "a symbolic link":
        (tmp_path / "elsewhere").mkdir(mode=0o700)
        folder.symlink_to(tmp_path / "elsewhere")
    else:
        folder.mkdir(mode=0o700)
        folder.chmod(0o777)
    replica = refreshed(store, shared)
    assert len(answers(replica, [make_image(3)])[0]) >= 1
    assert list(folder.iterdir()) == []


def test_a_file_that_is_replaced_while_it_is_opened_is_read(
    store: Store, shared: SnapshotFile, make_image: MakeImage, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(10):
        store.images.put(make_image(n))
    refreshed(store, shared)
    snapshot, opened = shared.load(), os.open
    assert snapshot is not None

    def replaced_meanwhile(path: str, *arguments: Any, **options: Any) -> int:
        descriptor = opened(path, *arguments, **options)
        if path == shared.path.name:
            monkeypatch.undo()
            shared.save(snapshot)
        return descriptor

    monkeypatch.setattr(os, "open", replaced_meanwhile)
    found = shared.load()

    assert found is not None and found.covered == snapshot.covered


def test_processes_that_write_and_read_at_once_see_whole_files(
    store: Store, store_url: str, shared: SnapshotFile, make_image: MakeImage
) -> None:
    for n in range(10):
        store.images.put(make_image(n))
    refreshed(store, shared)
    snapshot = shared.load()
    assert snapshot is not None

    def write_and_read() -> None:
        for _ in range(20):
            shared.save(snapshot)
            assert shared.load() is not None

    children = [in_child(write_and_read) for _ in range(4)]
    assert [os.waitpid(child, 0)[1] for child in children] == [0] * 4
    assert [path.name for path in shared.path.parent.iterdir()] == [shared.path.name]


def test_the_folder_is_the_users_own_unless_named_or_off(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert Config().cache_folder == tmp_path / "douglas-quaid"
    assert Config(cache="/srv/cache").cache_folder == Path("/srv/cache")
    assert Config(cache="off").cache_folder is None
