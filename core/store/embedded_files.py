"""The append-only file of the embedded server: what a server must find before it starts.

Everything here runs while no server works on the folder (EmbeddedServer holds its lock). The append-only file
is a manifest, a base file and files of changes (`incr`). A killed server can leave half of the last change
behind, and a power cut zeros or junk. That end was never acknowledged, or is the stated loss, so it is moved
into a file beside, said in the log, and the server goes on without it. Damage before whole changes is another
matter: the server is not started, and nothing is touched.
"""

import logging
import mmap
import os
import re
import subprocess
import time
from pathlib import Path

from ..errors import StoreUnavailable

_MANIFEST_LINE = re.compile(r"file (?P<name>\S+) seq \d+ type (?P<type>[bhi])(?: .*)?")
_FILE = re.compile(r"appendonly\.aof\.(?P<seq>\d+)\.(?P<kind>base|incr)\.(?:rdb|aof)")
_COMMAND = re.compile(rb"\*(\d{1,9})\r\n")
_ARGUMENT = re.compile(rb"\$(\d{1,10})\r\n")

_log = logging.getLogger(__name__)


def check_manifest(folder: Path) -> None:
    """Check the list of the append-only files, without which a server would start empty.

    Raises StoreUnavailable if it is missing while there are files, or unreadable.
    """
    manifest = _manifest(folder)
    found = {path.name: match for path in _files(folder) if (match := _FILE.fullmatch(path.name))}
    try:
        lines = manifest.read_text(errors="replace").splitlines()
    except FileNotFoundError:
        if not found:
            return
        lines = [""]
    matches = [_MANIFEST_LINE.fullmatch(line) for line in lines if not line.startswith("#")]
    # A file of the past (`h`) may have been deleted already.
    if matches and all(match and (match["name"] in found or match["type"] == "h") for match in matches):
        return
    order = sorted(found.items(), key=lambda item: (item[1]["kind"], int(item[1]["seq"])))
    wanted = "\n".join(f"  file {name} seq {match['seq']} type {match['kind'][0]}" for name, match in order)
    raise StoreUnavailable(
        f"{manifest} is missing, damaged or names files that do not exist. Nothing was changed. Restore it"
        f" from a backup, or write it anew; the files that are there give\n{wanted or '  (no files)'}"
    )


def mend_end(folder: Path, binary: Path) -> None:
    """Move a cut or junk end of the append-only file into a file beside, and say so in the log.

    Raises StoreUnavailable, and changes nothing, when whole changes follow the damage.
    """
    listed = [match["name"] for match in map(_MANIFEST_LINE.fullmatch, _lines(folder)) if match]
    changes = [folder / "appendonlydir" / name for name in listed if name.endswith(".incr.aof")]
    for path in changes:
        readable, size = _readable_bytes(path, binary), path.stat().st_size
        if readable == size:
            continue
        if path != changes[-1] or _has_change_behind_damage(path, readable):
            raise StoreUnavailable(
                f"{path} is damaged behind byte {readable:,} of {size:,}, and changes follow the damage."
                " Nothing was changed. Restore the folder from a backup; or keep a copy of it and give up"
                f" what follows: truncate --size {readable} {path}"
            )
        _cut(folder, path, readable)


def _cut(folder: Path, path: Path, size: int) -> None:
    """Move what follows `size` bytes of a file into a file beside."""
    written = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(path.stat().st_mtime))
    kept = folder / f"{path.name}.cut-{time.time_ns()}"
    with path.open("r+b") as file:
        file.seek(size)
        with kept.open("xb") as copy:
            while piece := file.read(1 << 20):
                copy.write(piece)
            copy.flush()
            os.fsync(copy.fileno())
        file.truncate(size)
        os.fsync(file.fileno())
    _log.warning(
        "%s ended with %s bytes that are not a whole change, written until %s: what a killed server had"
        " begun, or what a power cut lost. The store goes on without them; they are kept in %s. After a power"
        " cut, add again what was added around that time",
        path,
        f"{kept.stat().st_size:,}",
        written,
        kept,
    )


def _readable_bytes(path: Path, binary: Path) -> int:
    """Size of the readable beginning of a file of changes, as the server's own checker tells."""
    done = subprocess.run(
        ["valkey-check-aof", str(path)], executable=binary, capture_output=True, text=True, check=False
    )
    told = re.search(r"ok_up_to=(\d+)", done.stdout)
    return int(told[1]) if told else path.stat().st_size


def _has_change_behind_damage(path: Path, readable: int) -> bool:
    """Whether a whole command follows the first byte that belongs to none. Commands of a transaction that has
    no end precede it.
    """
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        damage = readable
        while (end := _command_end(data, damage)) is not None:
            damage = end
        return any(
            _command_end(data, begin.start()) is not None for begin in _COMMAND.finditer(data, damage + 1)
        )


def _command_end(data: mmap.mmap, at: int) -> int | None:
    """Offset behind the command that begins at an offset; None if no whole command does."""
    head = _COMMAND.match(data, at)
    if head is None or not int(head[1]):
        return None
    at = head.end()
    for _ in range(int(head[1])):
        argument = _ARGUMENT.match(data, at)
        if argument is None:
            return None
        at = argument.end() + int(argument[1]) + 2
        if data[at - 2 : at] != b"\r\n":
            return None
    return at


def remove_leftovers(folder: Path) -> None:
    """Remove the half-written files of a server that was killed while it rewrote its append-only file."""
    for path in (*folder.glob("temp-*.aof"), *folder.glob("temp-*.rdb")):
        path.unlink(missing_ok=True)


def last_complaint(log: Path) -> str:
    """Return the last line that a server's log marks as a warning, without its date; empty for none."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - 65_536))
            lines = file.read().decode(errors="replace").splitlines()
    except OSError:
        return ""
    return next((line.partition(" # ")[2][:300] for line in reversed(lines) if " # " in line), "")


def _manifest(folder: Path) -> Path:
    return folder / "appendonlydir" / "appendonly.aof.manifest"


def _lines(folder: Path) -> list[str]:
    path = _manifest(folder)
    return path.read_text(errors="replace").splitlines() if path.exists() else []


def _files(folder: Path) -> list[Path]:
    inside = folder / "appendonlydir"
    return list(inside.iterdir()) if inside.is_dir() else []
