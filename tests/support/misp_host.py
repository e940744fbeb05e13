"""The real misp-modules server, and requests as MISP posts them."""

from __future__ import annotations

import base64
import io
import json
import os
import re
import subprocess
import sys
import urllib.error
import urllib.request
import uuid
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from douglas_quaid.demo.pictures import sample
from support.ports import free_port
from support.waiting import until

ROOT = Path(__file__).resolve().parents[2]
MODULE = "image_correlation"
EVENT = "5f4a2c1e-0b7d-4c7e-9d1a-2b6f8f1e3a10"
#: An attribute of that event, with the picture of the cup of coffee.
OTHER = "0c8a1f0d-53a6-4b8b-9d65-7c2b1c0f6e21"
COFFEE = sample("indexed/coffee.jpg")


@dataclass(frozen=True)
class Host:
    """A running server."""

    address: str
    log: Path

    def get(self, path: str, *, timeout: float = 30) -> Any:
        with urllib.request.urlopen(self.address + path, timeout=timeout) as answer:
            return json.loads(answer.read())

    def post(self, request: Any, *, timeout: float = 120) -> Any:
        return json.loads(
            self.post_bytes(
                request if isinstance(request, bytes) else json.dumps(request).encode(), timeout=timeout
            )
        )

    def post_bytes(self, body: bytes, *, timeout: float = 120) -> bytes:
        with urllib.request.urlopen(
            urllib.request.Request(self.address + "/query", body), timeout=timeout
        ) as answer:
            return bytes(answer.read())

    def status_of(self, body: bytes) -> int:
        try:
            with urllib.request.urlopen(
                urllib.request.Request(self.address + "/query", body), timeout=120
            ) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code

    def is_up(self) -> bool:
        return bool(self.get("/healthcheck") == {"status": True})

    def responds(self) -> bool:
        """Whether anybody listens; False while the server starts."""
        try:
            return self.is_up()
        except OSError:
            return False


@contextmanager
def running(
    folder: Path,
    *,
    custom: Path = ROOT / "misp_module",
    store: str | None = None,
    environment: dict[str, str] | None = None,
) -> Iterator[Host]:
    """`misp-modules -c CUSTOM` on a free port of this machine, until the block ends. `store`: its store."""
    port = free_port()
    log = folder / "misp-modules.log"
    command = [
        str(Path(sys.executable).parent / "misp-modules"),
        "-l",
        "127.0.0.1",
        "-p",
        str(port),
        "-c",
        str(custom),
    ]
    own = {name: value for name, value in os.environ.items() if not name.startswith("DOUGLAS_QUAID_")}
    own |= {} if store is None else {"DOUGLAS_QUAID_STORE": store}
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=folder, stdout=output, stderr=output, env=own | (environment or {})
        )
    host = Host(f"http://127.0.0.1:{port}", log)
    try:
        until(lambda: process.poll() is not None or host.responds())
        assert process.poll() is None, log.read_text("utf-8")
        yield host
    finally:
        process.terminate()
        process.wait(60)


def attribute(data: bytes | None = None, **fields: Any) -> dict[str, Any]:
    """Return an attachment as MISP sends it, without data as in a hover."""
    text = {} if data is None else {"data": base64.b64encode(data).decode()}
    known = {
        "id": "1337",
        "event_id": "42",
        "object_id": "0",
        "type": "attachment",
        "category": "External analysis",
        "uuid": str(uuid.uuid4()),
    }
    return (
        known
        | {
            "value": "phish.png",
            "comment": "",
            "to_ids": False,
            "distribution": "5",
            "timestamp": "1700000000",
        }
        | text
        | fields
    )


def enrichment(store: str, asked: dict[str, Any], **config: Any) -> dict[str, Any]:
    """A request of *Add enrichment* for an attribute."""
    return hover(store, asked, **config) | {"event_id": "42"}


def hover(store: str, asked: dict[str, Any], **config: Any) -> dict[str, Any]:
    """A request of a hover: no event, and never any data. It has a minute, for a machine that is busy."""
    settings = {"store": store, "max_seconds": "60", **config}
    return {"module": MODULE, "timeout": 60, "config": settings, "attribute": asked}


def objects(answer: Any) -> list[dict[str, Any]]:
    assert set(answer) == {"results"}, answer
    return list(answer["results"].get("Object", []))


def nothing(answer: Any) -> str:
    """Return the text of an enrichment without results, which MISP shows above its empty page."""
    assert set(answer) == {"error", "results"} and answer["results"] == {}, answer
    return str(answer["error"])


def line(answer: Any) -> str:
    """Return the only row of text of a hover."""
    (row,) = answer["results"]
    (text,) = row["values"]
    return str(text)


def values(found: dict[str, Any]) -> dict[str, list[str]]:
    """Return the values of an object by relation."""
    by_relation: dict[str, list[str]] = {}
    for part in found["Attribute"]:
        by_relation.setdefault(part["object_relation"], []).append(part["value"])
    return by_relation


def comment_lines(found: dict[str, Any]) -> list[str]:
    """Return the lines of an object's comment, with plain spaces."""
    return str(found["comment"]).replace("\N{NO-BREAK SPACE}", " ").split("\n")


def without_new_uuids(text: str, asked: str) -> str:
    """Return a response in which every UUID that was made for it is replaced."""
    return re.sub(
        r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
        lambda found: found.group() if found.group() in (asked, EVENT, OTHER) else "NEW",
        text,
    )


def locked(
    data: bytes, *, password: bytes = b"infected", name: str = "0cc175b9c0f1b6a831c399e269772661"
) -> bytes:
    """Return a malware sample as MISP stores it: the sample and its name in an archive with ZipCrypto.

    Python can read such archives but not write them.
    """
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as plain:
        plain.writestr(name, data)
        plain.writestr(name + ".filename.txt", b"phish.png")
    return encrypted(archive.getvalue(), password)


def encrypted(archive: bytes, password: bytes) -> bytes:
    """Return an archive with all members encrypted by the cipher of PKWARE's APPNOTE 6.1."""
    out, central = io.BytesIO(), []
    with zipfile.ZipFile(io.BytesIO(archive)) as plain:
        for entry in plain.infolist():
            start = entry.header_offset
            name_size, extra_size = (
                int.from_bytes(archive[start + at : start + at + 2], "little") for at in (26, 28)
            )
            body_at = start + 30 + name_size + extra_size
            body = _pkware(
                bytes(11) + bytes([entry.CRC >> 24]) + archive[body_at : body_at + entry.compress_size],
                password,
            )
            locked = bytearray(archive[start:body_at])
            locked[6:8] = (entry.flag_bits | 1).to_bytes(2, "little")
            locked[18:22] = len(body).to_bytes(4, "little")
            central.append((entry, out.tell(), len(body), bytes(locked)))
            out.write(locked + body)
    at = out.tell()
    for entry, offset, size, header in central:
        name = entry.filename.encode()
        out.write(
            b"PK\x01\x02\x14\x00"
            + header[4:18]
            + size.to_bytes(4, "little")
            + entry.file_size.to_bytes(4, "little")
        )
        out.write(len(name).to_bytes(2, "little") + bytes(12) + offset.to_bytes(4, "little") + name)
    end, count = out.tell(), len(central).to_bytes(2, "little")
    out.write(
        b"PK\x05\x06"
        + bytes(4)
        + count * 2
        + (end - at).to_bytes(4, "little")
        + at.to_bytes(4, "little")
        + bytes(2)
    )
    return out.getvalue()


def _pkware(plain: bytes, password: bytes) -> bytes:
    table = []
    for value in range(256):
        for _ in range(8):
            value = (value >> 1) ^ (0xEDB88320 if value & 1 else 0)
        table.append(value)
    keys = [0x12345678, 0x23456789, 0x34567890]

    def update(byte: int) -> None:
        keys[0] = (keys[0] >> 8) ^ table[(keys[0] ^ byte) & 0xFF]
        keys[1] = ((keys[1] + (keys[0] & 0xFF)) * 134775813 + 1) & 0xFFFFFFFF
        keys[2] = (keys[2] >> 8) ^ table[(keys[2] ^ (keys[1] >> 24)) & 0xFF]

    for byte in password:
        update(byte)
    locked = bytearray()
    for byte in plain:
        k = keys[2] | 2
        locked.append(byte ^ ((k * (k ^ 1) >> 8) & 0xFF))
        update(byte)
    return bytes(locked)
