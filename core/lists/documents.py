"""Lists that are one JSON document: objects of MISP, both ways, and Project VIC, which is only read.

An object of MISP has the attributes `pdq`, `sha256` and so on by its relations, as text; MISP has no type for
a picture's hashes. A document is read as a whole, so its size is bounded.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from typing import Any, BinaryIO

from ..errors import ConfigError, CorruptRecord
from ..store.hash_lists import DIGITS, ListEntry
from .lines import MAX_DOCUMENT, Header, Numbered, entry_of, iso

#: Name of the objects that are written.
OBJECT = "picture-hash"
#: Namespace of their UUIDs, so that an entry has the same one in each export.
NAMESPACE = uuid.UUID("0e6f5a35-6a5c-5f0e-9a54-3c1f9c1f7d10")

_TYPES = {"sha256": "sha256", "sha1": "sha1", "md5": "md5"}


def load(file: BinaryIO) -> Any:
    """Return the JSON document in a file. Raises CorruptRecord for one that is too large or not JSON."""
    data = file.read(MAX_DOCUMENT + 1)
    if len(data) > MAX_DOCUMENT:
        raise CorruptRecord(f"more than {MAX_DOCUMENT:,} bytes of JSON; split it, or use NDJSON or CSV")
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise CorruptRecord(f"not JSON: {error}") from None


def read_misp(document: Any) -> tuple[Header, Iterator[Numbered]]:
    """Return the entries in the objects of an event, of a search or of a list of objects, numbered in their
    order; those without any hash of a picture are skipped. Raises CorruptRecord for other JSON.
    """
    objects = list(_objects(document))
    if not objects and not isinstance(document, (dict, list)):
        raise CorruptRecord("neither an event of MISP nor a list of objects")
    return Header(), _misp_entries(objects)


def _objects(document: Any) -> Iterator[dict[str, Any]]:
    if isinstance(document, list):
        for one in document:
            yield from _objects(one)
    elif isinstance(document, dict):
        if isinstance(document.get("Attribute"), list) and "name" in document:
            yield document
        for key in ("response", "Event", "Object"):
            if isinstance(document.get(key), (dict, list)):
                yield from _objects(document[key])


def _misp_entries(objects: list[dict[str, Any]]) -> Iterator[Numbered]:
    for number, one in enumerate(objects, 1):
        attributes = [part for part in one["Attribute"] if isinstance(part, dict)]
        values = {
            str(part.get("object_relation")): part.get("value")
            for part in attributes
            if not part.get("deleted")
        }
        gone = one.get("deleted") in (True, 1, "1")
        if not gone and not any(values.get(kind) for kind in DIGITS):
            continue
        try:
            labels = [
                str(part.get("value")).partition("=")
                for part in attributes
                if part.get("object_relation") == "label"
            ]
            entry = entry_of(
                str(values.get("entry-id") or one.get("uuid") or ""),
                values,
                quality=values.get("pdq-quality"),
                labels={key: value for key, _, value in labels},
                first_seen=values.get("first-seen"),
                last_seen=values.get("last-seen"),
                deleted=gone,
            )
            yield Numbered(number, entry)
        except ConfigError as error:
            yield Numbered(number, None, str(error)[:200])


def write_misp(header: Header, entries: Iterator[ListEntry]) -> Iterator[str]:
    """Yield the text of a document with one object for each entry."""
    before = '{"Object": ['
    for entry in entries:
        yield before + "\n" + json.dumps(_object(header.name, entry))
        before = ","
    yield ("" if before == "," else before) + "\n]}\n"


def _object(name: str, entry: ListEntry) -> dict[str, Any]:
    values: list[tuple[str, str, str | None]] = [("entry-id", "text", entry.entry_id)]
    values += [(kind, _TYPES.get(kind, "text"), getattr(entry, kind)) for kind in DIGITS]
    values += [("pdq-quality", "counter", None if entry.pdq_quality is None else str(entry.pdq_quality))]
    values += [("label", "text", f"{key}={value}") for key, value in sorted(entry.labels.items())]
    for relation, seconds in (("first-seen", entry.first_seen), ("last-seen", entry.last_seen)):
        values.append((relation, "datetime", None if seconds is None else iso(seconds)))
    return {
        "name": OBJECT,
        "meta-category": "file",
        "description": "Hashes of a picture",
        "uuid": str(uuid.uuid5(NAMESPACE, f"{name} {entry.entry_id}")),
        "deleted": entry.deleted,
        "Attribute": [
            {"object_relation": relation, "type": kind, "value": value, "to_ids": False}
            for relation, kind, value in values
            if value is not None
        ],
    }


def read_vic(document: Any) -> tuple[Header, Iterator[Numbered]]:
    """Return the media of a document of Project VIC by MD5 and SHA1, which are hashes of bytes. PhotoDNA is
    not read. Raises CorruptRecord for other JSON.
    """
    value = document.get("value") if isinstance(document, dict) else None
    if not isinstance(value, list):
        raise CorruptRecord('not a document of Project VIC: it has no list "value"')
    return Header(), _vic_entries(list(_media(value)))


def _media(value: list[Any]) -> Iterator[Any]:
    for one in value:
        if isinstance(one, dict) and isinstance(one.get("Media"), list):
            yield from one["Media"]
        else:
            yield one


def _vic_entries(media: list[Any]) -> Iterator[Numbered]:
    for number, one in enumerate(media, 1):
        try:
            if not isinstance(one, dict):
                raise ConfigError("it is not an object")
            hashes = {"md5": one.get("MD5"), "sha1": one.get("SHA1")}
            labels = {
                name.lower(): str(one[name])[:200]
                for name in ("Category", "Series")
                if one.get(name) is not None
            }
            yield Numbered(number, entry_of(str(one.get("MediaID") or ""), hashes, labels=labels))
        except ConfigError as error:
            yield Numbered(number, None, str(error)[:200])
