"""Decoding in child processes: the bits are the same, and whatever happens to a child costs one picture and
nothing else.
"""

from __future__ import annotations

import fcntl
import gc
import os
import signal
import struct
import subprocess
import sys
import termios
import textwrap
import time
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image
from support.formats import FORMATS, png_chunk, png_file
from support.pictures import blank, jpeg, logo, page, photo, png, saved
from support.steps import in_child

from douglas_quaid import Config, ConfigError, Engine, ImageError
from douglas_quaid.decoding.budget import BUDGET
from douglas_quaid.demo.pictures import sample
from douglas_quaid.errors import CorruptImage, EmptyImage, ImageTooLarge, UnsupportedImage
from douglas_quaid.evaluation import edits
from douglas_quaid.extraction.extractor import Extractor
from douglas_quaid.extraction.pool import Decoders
from douglas_quaid.extraction.worker import _described
from douglas_quaid.features import codec

GOOD = jpeg(photo(1, 320, 240))
CAT = sample("indexed/cat.jpg")


@cache
def slow() -> bytes:
    """A small file of 49 million pixels, which keeps a decoder busy for more than a second."""
    cells = np.random.default_rng(1).integers(0, 256, (70, 70), dtype=np.uint8)
    return png(Image.fromarray(cells.repeat(100, 0).repeat(100, 1)), compress_level=1)


@pytest.fixture
def make() -> Iterator[Callable[..., Decoders]]:
    made: list[Decoders] = []

    def build(**settings: Any) -> Decoders:
        made.append(Decoders(Config(isolate=True, **{"workers": 1, **settings})))
        return made[-1]

    yield build
    for decoders in made:
        decoders.close()
    assert children() == {}, "a child is left, or a zombie"


def features(decoders: Decoders, data: bytes, name: str = "a.png") -> bytes:
    return codec.encode(decoders.extract(data, name=name).features)


def children(of: int | None = None) -> dict[int, str]:
    """Decoders that a process has started, and their states as in /proc: R, S, T, Z."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            state, parent = (folder / "stat").read_text().rpartition(")")[2].split()[:2]
            named = b"douglas_quaid.isolation" in (folder / "cmdline").read_bytes()
        except OSError:
            continue
        if int(parent) == (of or os.getpid()) and (named or state == "Z"):
            found[int(folder.name)] = state
    return found


def is_there(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def is_ready(pid: int) -> bool:
    """Whether a child has started and waits for pictures: from then on its messages are discarded."""
    try:
        return os.readlink(f"/proc/{pid}/fd/2") == os.devnull
    except OSError:
        return False


def cpu(pid: int) -> float:
    """Seconds of processor time."""
    used = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return sum(map(int, used)) / os.sysconf("SC_CLK_TCK")


def until(condition: Callable[[], object], seconds: float = 120) -> None:
    """Wait for something that is sure to come, however busy the machine is."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.005)


def in_mid_decode(decoders: Decoders, do: Callable[[int], None]) -> ImageError:
    """Give a child the slow picture, do something to it once it has worked on it for a while, and return what
    became of the picture.
    """
    features(decoders, GOOD)
    (child,) = children()
    before = cpu(child)
    with ThreadPoolExecutor(1) as thread:
        answer = thread.submit(features, decoders, slow(), "evil.png")
        until(lambda: cpu(child) >= before + 0.1)
        do(child)
        with pytest.raises(ImageError) as caught:
            answer.result()
    return caught.value


# -- the same bits -------------------------------------------------------------------------------------------


def various() -> list[bytes]:
    """Two hundred pictures of every kind and format."""
    drawn = [
        picture for seed in range(14) for picture in (page(seed, 360, 260), photo(seed, 200, 160), logo(seed))
    ]
    files = [
        *FORMATS.values(),
        png(blank(200, 120)),
        png(page(99, 400, 3000)),
        CAT,
        sample("indexed/market.png"),
        sample("indexed/rocket.jpg"),
    ]
    for n, picture in enumerate(drawn):
        files += [
            png(picture),
            jpeg(picture, 40 + n),
            saved(picture, "WEBP", quality=70),
            png(edits.edit("mirror", picture)),
        ]
    files += [
        png(page(seed, 300, 200).convert(mode)) for seed in range(5) for mode in ("RGBA", "P", "L", "LA", "1")
    ]
    return files[:200]


def test_two_hundred_pictures_from_four_threads_have_the_bits_they_have_without_isolation(
    make: Callable[..., Decoders],
) -> None:
    files, decoders, here = various(), make(workers=3), Extractor(Config())
    assert len(files) == 200

    def elsewhere(data: bytes) -> tuple[bytes, np.ndarray | None]:
        picture = decoders.extract(data, name="a.png")
        return codec.encode(picture.features), picture.grey

    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(elsewhere, files))
    # Then records and grey pixels are the same, and no more children were started than there are workers
    for data, (record, grey) in zip(files, found, strict=True):
        picture = here.extract(data, name="a.png")
        assert record == codec.encode(picture.features)
        assert np.array_equal(grey, picture.grey)
    assert 1 <= len(children()) <= 3


def test_pixels_to_draw_on_and_hashes_alone_are_the_same_too(make: Callable[..., Decoders]) -> None:
    decoders, here = make(whash=True), Extractor(Config(whash=True))
    for data in (CAT, FORMATS["TIFF"], png(page(1, 301, 203))):
        assert np.array_equal(decoders.pixels(data, name="a"), here.pixels(data, name="a"))
        picture = decoders.extract(data, name="a", hash_only=True)
        assert picture.grey is None and codec.encode(picture.features) == codec.encode(
            here.extract(data, name="a", hash_only=True).features
        )


def test_the_engine_answers_the_same_with_and_without(make_server: Callable[..., Any]) -> None:
    # Given two stores of the same pictures, one filled by isolated decoders, a mirrored part among the
    # queries
    answers, dumps = [], []
    for isolate in (False, True):
        server = make_server()
        with Engine.open(config=Config(store=server.url, isolate=isolate, workers=2)) as engine:
            for n, name in enumerate(("market.png", "cat.jpg", "rocket.jpg", "article-ferry.png")):
                engine.add(sample(f"indexed/{name}"), occurrence=f"x:y:{n}")
            crop = edits.edit("mirror", edits.edit("crop_75", edits.opened(CAT)))
            hits = engine.query(edits.png(crop)).hits
            drawn = engine.overlay(CAT, edits.png(edits.edit("resize_50", edits.opened(CAT))))
            answers.append(
                (
                    [
                        (hit.image_id, hit.decision, hit.relation, hit.confidence, hit.evidence)
                        for hit in hits
                    ],
                    drawn,
                )
            )
            dumps.append(
                {key: server.redis.hget(key, "record") for key in sorted(server.redis.keys("dq:*:img:*"))}
            )
    assert answers[0] == answers[1] and answers[0][0] and dumps[0] == dumps[1]
    assert children() == {}


# -- bad pictures --------------------------------------------------------------------------------------------


BOMB = png_file(struct.pack(">IIBBBBB", 65536, 65536, 8, 2, 0, 0, 0), bytes(1000))
CUT = GOOD[: len(GOOD) // 20]
TEXT_BOMB = png_file(
    struct.pack(">IIBBBBB", 64, 64, 8, 0, 0, 0, 0),
    bytes(65 * 64),
    png_chunk(b"zTXt", b"k\0\0" + zlib.compress(bytes(80_000_000))),
)


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"", EmptyImage),
        (b"<svg/>", UnsupportedImage),
        (BOMB, ImageTooLarge),
        (CUT, CorruptImage),
        (GOOD + bytes(70 << 20), ImageTooLarge),
    ],
    ids=["empty", "not a picture", "bomb", "cut", "too many bytes"],
)
def test_a_bad_picture_has_the_error_it_has_without_isolation(
    data: bytes, kind: type[ImageError], make: Callable[..., Decoders]
) -> None:
    decoders = make()
    with pytest.raises(kind) as without:
        Extractor(Config()).extract(data, name="evil.png")
    with pytest.raises(kind) as within:
        features(decoders, data, "evil.png")
    assert type(within.value) is type(without.value) and str(within.value) == str(without.value)
    assert features(decoders, GOOD) and BUDGET.held == 0


def test_what_the_header_tells_costs_no_child(make: Callable[..., Decoders]) -> None:
    decoders = make()
    for data in (b"", b"<svg/>", BOMB):
        with pytest.raises(ImageError):
            features(decoders, data)
    assert children() == {}


def test_a_text_bomb_takes_no_child_with_it(make: Callable[..., Decoders]) -> None:
    decoders = make()
    features(decoders, GOOD)
    before = children()
    try:
        features(decoders, TEXT_BOMB)
    except ImageError as error:
        assert str(error).startswith("a.png: ")
    assert features(decoders, GOOD) and children().keys() == before.keys()


def test_a_picture_that_takes_too_much_memory_is_too_large_and_the_next_one_works(tmp_path: Path) -> None:
    # Given a host that may have little memory, and so its children; a picture within the limits that needs
    # more
    program = """
        import resource, sys
        resource.setrlimit(resource.RLIMIT_AS, (900 << 20, 900 << 20))
        from douglas_quaid import Config
        from douglas_quaid.extraction.pool import Decoders
        from douglas_quaid.errors import ImageTooLarge
        decoders = Decoders(Config(isolate=True, workers=1))
        def extract(name):
            decoders.extract(open(name, "rb").read(), name=name)
        try:
            extract("large.png")
        except ImageTooLarge as error:
            print(error)
        extract("good.jpg")
        decoders.close()
        """
    cells = np.zeros((11_000, 10_000), np.uint8)
    (tmp_path / "large.png").write_bytes(png(Image.fromarray(cells), compress_level=1))
    (tmp_path / "good.jpg").write_bytes(GOOD)
    done = run(program, tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("large.png: ") and "memory" in done.stdout


def run(program: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


# -- crashes and hangs ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGKILL])
def test_a_decoder_that_crashes_costs_its_picture_and_nothing_else(
    number: signal.Signals, make: Callable[..., Decoders]
) -> None:
    decoders = make()
    expected = features(decoders, GOOD)
    # When it crashes in mid-decode
    error = in_mid_decode(decoders, lambda child: os.kill(child, number))
    # Then the picture is named with the reason, the dead child is gone at once, and the next picture has a
    # new one
    assert (
        isinstance(error, CorruptImage) and str(error).startswith("evil.png: ") and number.name in str(error)
    )
    assert children() == {} and BUDGET.held == 0
    assert features(decoders, GOOD) == expected


@pytest.mark.parametrize(
    ("does", "data"),
    [("while os.read(0, 1 << 20): out(b'\\x05')", GOOD), ("time.sleep(600)", GOOD + bytes(20 << 20))],
    ids=["begins with the picture and never ends", "does not even read a picture larger than its pipe"],
)
def test_a_decoder_that_hangs_is_ended_when_its_time_is_up(
    does: str, data: bytes, make: Callable[..., Decoders], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a decoder that hangs
    monkeypatch.setattr(sys, "executable", str(decoder_that(does, tmp_path)))
    decoders = make(decode_seconds=1)
    with pytest.raises(CorruptImage, match=r"^evil\.png: kept its decoder busy for more than 1 s"):
        features(decoders, data, "evil.png")
    # Then it is gone, and another one of the same process decodes the next picture
    assert not is_there(int((tmp_path / "pid").read_text())) and BUDGET.held == 0
    monkeypatch.undo()
    assert features(make(), GOOD)


def decoder_that(does: str, folder: Path) -> Path:
    """A program in the place of a decoder that does this once it is ready; its pid is in the file pid."""
    program = folder / "decoder"
    program.write_text(
        f"#!{sys.executable}\nimport os, struct, sys, time\n"
        "def out(data):\n    while data: data = data[os.write(1, data):]\n"
        f"open({str(folder / 'pid')!r}, 'w').write(str(os.getpid()))\n"
        f"out(b'\\x06')\n{does}\n"
    )
    program.chmod(0o755)
    return program


def test_one_that_dies_between_two_pictures_is_replaced_without_a_word(make: Callable[..., Decoders]) -> None:
    decoders = make()
    features(decoders, GOOD)
    for _ in range(3):
        (child,) = children()
        os.kill(child, signal.SIGKILL)
        until(lambda child=child: not is_there(child))
        assert features(decoders, GOOD) and child not in children()


def test_one_that_dies_before_it_has_begun_with_a_picture_is_replaced_too(
    make: Callable[..., Decoders],
) -> None:
    # Given a child that is stopped, and a picture that lies in its pipe
    decoders = make()
    expected = features(decoders, GOOD)
    (child,) = children()
    os.kill(child, signal.SIGSTOP)
    with ThreadPoolExecutor(1) as thread, open(f"/proc/{child}/fd/0", "rb", buffering=0) as pipe:
        answer = thread.submit(features, decoders, GOOD)
        until(lambda: struct.unpack("i", fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)))[0] >= len(GOOD))
        # When it dies of something else, then the picture is not blamed
        os.kill(child, signal.SIGKILL)
        assert answer.result() == expected
    assert child not in children()


def out_of_memory_in_opencv() -> Exception:
    error = cv2.error("Failed to allocate 123 bytes")
    error.code = -4  # type: ignore[misc]
    return error


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (MemoryError("Unable to allocate 3 GiB"), b"ImageTooLarge"),
        (out_of_memory_in_opencv(), b"ImageTooLarge"),
        (ValueError("odd"), b"CorruptImage"),
    ],
    ids=["numpy", "OpenCV", "a bug"],
)
def test_whatever_extraction_raises_is_an_error_of_the_picture(error: Exception, kind: bytes) -> None:
    found, text = _described(error, "evil.png")
    assert found == kind and text.startswith(b"evil.png: ") and str(error).encode() in text


def test_while_others_crash_each_thread_has_the_answer_to_its_own_picture(
    make: Callable[..., Decoders],
) -> None:
    # Given four threads with pictures of their own, and now and then one that kills a decoder first, whoever
    # uses it
    decoders, files = make(workers=3), [png(page(seed, 240, 160)) for seed in range(8)]
    expected = [codec.encode(Extractor(Config()).extract(data, name="a").features) for data in files]
    wrong, lost = [], []

    def ask(n: int) -> None:
        if n % 8 == 5:
            for child in [child for child in children() if is_ready(child)][:1]:
                os.kill(child, signal.SIGKILL)
        try:
            if features(decoders, files[n % 8], f"{n}.png") != expected[n % 8]:
                wrong.append(n)
        except CorruptImage as error:
            assert str(error).startswith(f"{n}.png: ")
            lost.append(n)

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(ask, range(80)))
    # Then each had its own answer, and no more pictures were lost than decoders were killed
    assert not wrong and len(lost) <= 10
    assert features(decoders, GOOD) and BUDGET.held == 0


# -- children that lie ---------------------------------------------------------------------------------------


LIES = {
    "nonsense": "out(b'x' * 1000)",
    "an endless response": "\n    while True: out(bytes(1 << 16))",
    "a response of a terabyte": "out(struct.pack('<BIQ', 0, 0, 1 << 40))",
    "a record that is invalid": "out(struct.pack('<BIQ', 0, 4, 0) + b'DQF1')",
    "the features of another picture": "record = open(sys.argv[0] + '.record', 'rb').read();"
    " out(struct.pack('<BIQ', 0, len(record), 0) + record)",
    "pixels where features belong": "out(struct.pack('<BIQ', 1, 8, 3) + struct.pack('<II', 1, 1) + b'abc')",
    "an error of another kind": "out(struct.pack('<BIQ', 2, 10, 2) + b'SystemExit' + b'hi')",
    "an error that is not a class": "out(struct.pack('<BIQ', 2, 8, 2) + b'__name__' + b'hi')",
    "half a response": "out(b'\\0\\0'); raise SystemExit(3)",
}


@pytest.mark.parametrize("lie", LIES)
def test_an_invalid_response_is_an_error_of_its_picture(
    lie: str, make: Callable[..., Decoders], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a decoder that an attacker has taken over
    program = decoder_that(f"while os.read(0, 1 << 20):\n    out(b'\\x05')\n    {LIES[lie]}", tmp_path)
    (tmp_path / "decoder.record").write_bytes(
        codec.encode(Extractor(Config()).extract(CAT, name="cat").features)
    )
    decoders = make(decode_seconds=60)
    monkeypatch.setattr(sys, "executable", str(program))
    # When a picture is given to it, then only that picture fails
    with pytest.raises(CorruptImage, match=r"^evil\.jpg: "):
        decoders.extract(GOOD, name="evil.jpg")
    monkeypatch.undo()
    assert children() == {} and features(decoders, GOOD)


@pytest.mark.parametrize(
    ("program", "words"),
    [("#!/bin/sh\necho 'no such library' >&2; exit 3\n", "no such library"), (None, "cannot be started")],
)
def test_a_decoder_that_does_not_start_is_nobody_picture_s_fault(
    program: str | None,
    words: str,
    make: Callable[..., Decoders],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = tmp_path / "python"
    if program:
        path.write_text(program)
        path.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(path))
    with pytest.raises(ConfigError, match=words):
        features(make(), GOOD)


# -- what a child may, and how long it lives -----------------------------------------------------------------


def test_a_child_has_limits_no_secrets_and_nobody_s_folder(
    make: Callable[..., Decoders], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    # Given secrets in the environment, and a folder with a trap
    monkeypatch.setenv("DOUGLAS_QUAID_STORE", "redis://:S3CRET@nowhere")
    monkeypatch.setenv("SOME_TOKEN", "S3CRET")
    # and a choice of the code that computes
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Haswell")
    (tmp_path / "numpy.py").write_text("raise SystemExit('trap')")
    monkeypatch.chdir(tmp_path)
    decoders = make(max_pixels=50_000_000, max_bytes=1 << 20)
    features(decoders, GOOD)
    # Then the child knows none of them, computes as its parent does, may write no core file, and has memory
    # for the largest picture only
    (child,) = children()
    process = Path(f"/proc/{child}")
    environment = (process / "environ").read_bytes().split(b"\0")
    assert not any(b"S3CRET" in variable for variable in environment) and os.readlink(process / "cwd") == "/"
    assert b"OPENBLAS_CORETYPE=Haswell" in environment and b"OPENBLAS_NUM_THREADS=1" in environment
    limits = (process / "limits").read_text()
    assert "Max core file size        0                    0" in limits
    assert f"Max address space         {(1 << 30) + 44 * 50_000_000 + 3 * (1 << 20)} " in limits


def test_closing_ends_all_children_and_refuses_more(make: Callable[..., Decoders]) -> None:
    decoders = make(workers=3)
    with ThreadPoolExecutor(3) as threads:
        list(threads.map(lambda n: features(decoders, GOOD), range(12)))
    assert children()
    decoders.close()
    assert children() == {}
    with pytest.raises(ConfigError, match="closed"):
        features(decoders, GOOD)
    decoders.close()


def test_closing_does_not_wait_for_a_picture(make: Callable[..., Decoders]) -> None:
    # Given a child that is stopped in mid-decode, and a thread that waits for a free one
    decoders = make()
    features(decoders, GOOD)
    (child,) = children()
    os.kill(child, signal.SIGSTOP)
    with ThreadPoolExecutor(2) as threads:
        asked = [threads.submit(features, decoders, GOOD) for _ in range(2)]
        until(lambda: BUDGET.held > 0)
        decoders.close()
        for answer in asked:
            with pytest.raises(ConfigError, match="closed"):
                answer.result()
    assert children() == {} and BUDGET.held == 0


def test_a_fork_of_the_host_starts_children_of_its_own(make: Callable[..., Decoders]) -> None:
    decoders = make()
    expected = features(decoders, GOOD)
    (ours,) = children()

    def fork() -> None:
        assert features(decoders, GOOD) == expected and ours not in children()
        decoders.close()
        assert children() == {}

    _, status = os.waitpid(in_child(fork), 0)
    assert status == 0 and is_there(ours)
    assert features(decoders, GOOD) == expected and list(children()) == [ours]


HOST = """
    import os, sys, threading, time
    from douglas_quaid import Config
    from douglas_quaid.extraction.pool import Decoders
    decoders = Decoders(Config(isolate=True, workers=1, decode_seconds=60))
    ask = lambda name: decoders.extract(open(name, "rb").read(), name=name)
    ask("good")
    if sys.argv[1] == "shared" and not os.fork():
        time.sleep(600)  # a sibling that holds its ends of the pipes
        os._exit(0)
    if sys.argv[1] == "busy":
        threading.Thread(target=ask, args=("slow",)).start()
    print("ready", flush=True)
    time.sleep(600)
    """


@pytest.mark.parametrize("state", ["idle", "shared", "busy"])
def test_children_end_when_their_parent_dies(state: str, tmp_path: Path) -> None:
    # Given a host with a child: idle, idle while a fork of the host lives on, or at work
    (tmp_path / "good").write_bytes(GOOD)
    (tmp_path / "slow").write_bytes(slow())
    command = [sys.executable, "-c", textwrap.dedent(HOST), state]
    host = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, start_new_session=True)
    try:
        assert host.stdout is not None and host.stdout.readline() == b"ready\n"
        (child,) = children(host.pid)
        if state == "busy":
            before = cpu(child)
            until(lambda: cpu(child) >= before + 0.1)
        # When the host is killed
        host.kill()
        host.wait()
        # Then the child is soon gone
        until(lambda: not is_there(child))
    finally:
        with suppress(ProcessLookupError):
            os.killpg(host.pid, signal.SIGKILL)
        host.stdout.close()


def test_an_engine_that_nobody_closed_leaves_no_child(store_url: str) -> None:
    engine = Engine.open(config=Config(store=store_url, isolate=True))
    engine.add(GOOD)
    (child,) = children()
    del engine
    gc.collect()
    assert child not in children() and not is_there(child)
