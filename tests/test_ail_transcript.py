"""The transcript in ail_module/README.md: typed into a shell with AIL's environment, it prints what stands
there; with the double and with a real checkout.
"""

from __future__ import annotations

import io
import os
import re
import shutil
import signal
import stat
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from PIL import Image
from support.ail_host import AilHome

from douglas_quaid.demo.pictures import sample
from douglas_quaid.evaluation.edits import encoded, resized

pytest_plugins = ["support.ail_fixtures"]
README = (Path(__file__).resolve().parent.parent / "ail_module" / "README.md").read_text("utf-8")
SCRIPTS = Path(__file__).resolve().parent / "readme" / "ail"
#: For the whole transcript; it takes about fifteen.
SECONDS = 300


@pytest.fixture
def home(own_ail: Callable[[], AilHome]) -> Iterator[AilHome]:
    """An AIL that runs nothing of ours yet."""
    ail = own_ail().start()
    text = ail.core_cfg.read_text()
    ail.core_cfg.write_text(re.sub(r"(?ms)^\[VisualCorrelation\]\n.*?(?=^\[|\Z)", "", text))
    yield ail


def steps() -> list[tuple[str, str]]:
    """Commands and outputs of the blocks `console`: lines after `$` are commands, others what they print."""
    blocks = re.findall(r"^```console\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    return [
        step for block in blocks for step in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", block, re.MULTILINE)
    ]


def comparable(text: str) -> str:
    """Output without what differs from run to run, or with the next calibration: ids, times, their units,
    and every number.
    """
    text = re.sub(r"\bc-[0-9a-f]{10,32}\b", "CLUSTER", text)
    text = re.sub(r"\b([0-9a-f]{64}|[0-9a-f]{12})\b", "ID", text)
    text = re.sub(r"\d+(\.\d+)?", "N", text).rstrip("\n")
    return re.sub(r"\bN min\b", "N s", text)


def write_files(folder: Path) -> None:
    """A legitimate sign-in page, one that imitates it, a market, and the same market captured again."""
    market = sample("indexed/market.png")
    with Image.open(io.BytesIO(market)) as picture:
        again = encoded(resized(picture.convert("RGB"), 0.9), "JPEG", quality=80)
    files = {
        "bank-login.png": sample("indexed/bank-login.png"),
        "imitation.png": sample("asked/bank-imitation.png"),
        "market.png": market,
        "market-2.png": again,
    }
    for name, content in files.items():
        (folder / name).write_bytes(content)
    for script in SCRIPTS.glob("*.py"):
        shutil.copy(script, folder)


def commands(folder: Path, ail: AilHome) -> Path:
    """`python` and `quaid` of AIL's environment."""
    bin = folder / "bin"
    bin.mkdir()
    for name, rest in {"python": "", "quaid": "-P -m douglas_quaid"}.items():
        (bin / name).write_text(f'#!/bin/sh\nexec "{ail.python}" {rest} "$@"\n')
        (bin / name).chmod((bin / name).stat().st_mode | stat.S_IEXEC)
    return bin


def test_the_transcript_prints_what_the_readme_says(home: AilHome, tmp_path: Path) -> None:
    written = steps()
    assert len(written) > 10
    folder = tmp_path / "transcript"
    folder.mkdir()
    write_files(folder)
    instead = {"redis://127.0.0.1:6390/0": home.store.url, "/home/ail/ail-framework": str(home.home)}
    script = "set -o pipefail\n" + "".join(f"{command}\nprintf '\\036%d\\036' $?\n" for command, _ in written)
    for there, here in instead.items():
        script = script.replace(there, here)
    (folder / "transcript.sh").write_text(script)
    environment = home.environment | {"PATH": f"{commands(folder, home)}:{os.environ['PATH']}"}
    with (folder / "errors").open("wb") as errors:
        shell = subprocess.Popen(
            ["bash", "transcript.sh"],
            cwd=folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=errors,
            start_new_session=True,
        )
        try:
            output = shell.communicate(timeout=SECONDS)[0].decode()
        finally:
            with suppress(ProcessLookupError):
                os.killpg(shell.pid, signal.SIGKILL)
    for there, here in instead.items():
        output = output.replace(here, there)
    said = (folder / "errors").read_text() + "".join(
        log.read_text()[-2000:] for log in sorted(folder.glob("*.log"))
    )
    parts = output.split("\x1e")
    done = list(zip(parts[::2], parts[1::2], strict=False))
    print(
        "".join(f"$ {command}\n{printed}" for (command, _), (printed, _) in zip(written, done, strict=False))
    )
    for (command, expected), (printed, status) in zip(written, done, strict=True):
        assert status == "0", f"$ {command}\n{printed}\n{said}"
        assert comparable(printed) == comparable(expected), f"$ {command}\n{said}"
