"""The object template in the files of a MISP, where an analyst needs it to edit a saved object.

MISP saves and shows objects of a template that it does not know, but does not edit them. It reads templates
from `app/files/misp-objects/objects/NAME/definition.json` when `cake Admin updateObjectTemplates` runs.
"""

from __future__ import annotations

import errno
import json
import os
import pwd
import secrets
import shlex
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from douglas_quaid import ConfigError

#: Folder of object templates in the folder of MISP. spec: MISP.
OBJECTS = "app/files/misp-objects/objects"
#: File of a template. spec: misp-objects.
DEFINITION = "definition.json"
#: Characters that are read of a definition. chosen: the largest of misp-objects has 100,000.
MAX_CHARACTERS = 1_000_000
#: Folder of our templates, by their names.
OURS = Path(__file__).resolve().parent / "templates"
#: Name of our template. spec: MISP shows it.
TEMPLATE = "image-similarity"


def template_text() -> str:
    """Return the definition of the template, in the JSON form of misp-objects."""
    return (OURS / TEMPLATE / DEFINITION).read_text("utf-8")


def objects_folder(given: str) -> Path:
    """Return the folder of object templates, for the folder of a MISP or that folder itself.

    Raises ConfigError for any other folder.
    """
    root = Path(given).resolve()
    folder = (root / OBJECTS).resolve()
    if not folder.is_dir():
        folder = root
    if not folder.is_relative_to(root):
        raise ConfigError(f"{given}: {OBJECTS} in it is a link to {folder}; name that folder")
    if not any(folder.glob(f"*/{DEFINITION}")):
        raise ConfigError(
            f"{given}: there are no object templates here; name the folder of MISP, such as /var/www/MISP, or"
            f" its {OBJECTS}. If that is empty: git submodule update --init in the folder of MISP"
        )
    return folder


def install(folder: Path) -> str:
    """Write the template into a folder of object templates; return `added`, `updated` or `known`.

    Nothing is followed out of the folder: a link in place of the template is an error. New files belong to
    whom the folder belongs to. Raises ConfigError for a link, for another template of this name and for a
    later version of ours; OSError.
    """
    text = template_text()
    with _opened(folder) as parent:
        owner = os.fstat(parent)
        with suppress(FileExistsError):
            os.mkdir(TEMPLATE, owner.st_mode & 0o777, dir_fd=parent)
            _give(owner, TEMPLATE, parent)
        try:
            target = os.open(TEMPLATE, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=parent)
        except OSError:
            raise ConfigError(f"{folder / TEMPLATE}: a link, or not a folder; remove it") from None
        try:
            return _written(folder / TEMPLATE / DEFINITION, text, target, owner)
        finally:
            os.close(target)


def next_command(folder: Path) -> str:
    """Return the command that makes MISP read the template in this folder."""
    at = str(folder).removesuffix(OBJECTS)
    root = at.rstrip("/") if at != str(folder) else "/var/www/MISP"
    owner = folder.stat().st_uid
    try:
        user = pwd.getpwuid(owner).pw_name if owner else "www-data"
    except KeyError:  # in another container
        user = f"'#{owner}'"
    return f"sudo -u {user} {shlex.quote(root)}/app/Console/cake Admin updateObjectTemplates 1"


def _written(path: Path, text: str, target: int, owner: os.stat_result) -> str:
    """Replace the file of the template if it is not the same already."""
    known = _present(path, target)
    if known == text:
        return "known"
    if known is not None:
        _require_older(path, known, text)
    new = f".{DEFINITION}.{secrets.token_hex(8)}"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    try:
        with os.fdopen(os.open(new, flags, 0o644, dir_fd=target), "w", encoding="utf-8") as file:
            file.write(text)
            os.fchmod(file.fileno(), owner.st_mode & 0o666)
        _give(owner, new, target)
        os.replace(new, DEFINITION, src_dir_fd=target, dst_dir_fd=target)
    except OSError:
        with suppress(OSError):
            os.unlink(new, dir_fd=target)
        raise
    return "added" if known is None else "updated"


def _present(path: Path, target: int) -> str | None:
    """The definition that is there, if any. Raises ConfigError for a link."""
    try:
        opened = os.open(DEFINITION, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=target)
    except FileNotFoundError:
        return None
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise ConfigError(f"{path}: a link; remove it") from None
        raise
    with os.fdopen(opened, encoding="utf-8", errors="replace") as file:
        return file.read(MAX_CHARACTERS)


def _require_older(path: Path, known: str, text: str) -> None:
    """Raise ConfigError unless `known` is an earlier definition of the same template."""
    try:
        there, ours = json.loads(known), json.loads(text)
        same, later = there["uuid"] == ours["uuid"], int(there["version"]) > int(ours["version"])
    except (ValueError, KeyError, TypeError):
        same, later = False, False
    if not same:
        raise ConfigError(f"{path}: another template, or a broken one; remove it if nobody uses it")
    if later:
        raise ConfigError(f"{path}: a later version than ours, which stays")


@contextmanager
def _opened(folder: Path) -> Iterator[int]:
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        yield opened
    finally:
        os.close(opened)


def _give(owner: os.stat_result, name: str, folder: int) -> None:
    """Make what root has made belong to the owner of the folder."""
    if os.geteuid() == 0:
        os.chown(name, owner.st_uid, owner.st_gid, dir_fd=folder, follow_symlinks=False)
