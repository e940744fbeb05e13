"""What adapters on other machines ask: where images were seen, names of clusters, bookmarks, locks.

Each is one call to the engine. Names of hosts follow the key: an occurrence of a host that it does not see is
as if it were not there, and bookmarks and locks, whose names begin with that of their host, are refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..answers import History, memberships_json
from ..engine import Engine
from ..errors import NotAllowed
from ..records import ImageId, NotedRegion, Seen, Sighting
from .fields import labels_of
from .handlers import Asked
from .refusals import Refusal, Reply, json_reply, lines_reply, streamed


def sightings(engine: Engine, asked: Asked) -> Reply:
    """Return for each occurrence the images seen there."""
    names: list[str] = asked.values["occurrence"]
    found = engine.sightings(names)
    return lines_reply(
        [
            {
                "occurrence": name,
                "images": [_seen_json(seen) for seen in images if _is_shown(asked, name)],
            }
            for name, images in zip(names, found, strict=True)
        ]
    )


def occurrences(engine: Engine, asked: Asked) -> Reply:
    """Return all occurrences that start with a prefix and whose hosts the caller sees."""

    def lines() -> Iterator[dict[str, object]]:
        for occurrence in engine.occurrences(asked.values["prefix"]):
            if _is_shown(asked, str(occurrence)):
                yield {"occurrence": str(occurrence)}

    return streamed(lines())


def note(engine: Engine, asked: Asked) -> Reply:
    """Note that a known image was seen at an occurrence."""
    values = dict(asked.values)
    labels = labels_of(values.pop("label", ()))
    _require_host(asked, values["occurrence"])
    status = engine.note(asked.caller.check_named(asked.name), labels=labels or None, **values)
    return json_reply({"image_id": asked.name, "status": status})


def withdraw(engine: Engine, asked: Asked) -> Reply:
    """Say that an occurrence no longer shows the images it did."""
    values = dict(asked.values)
    _require_host(asked, values["occurrence"])
    found = engine.withdraw(values.pop("occurrence"), **values)
    return lines_reply([{"image_id": one.image_id, "forgotten": one.forgotten} for one in found])


def link(engine: Engine, asked: Asked) -> Reply:
    """Search for a stored image, and keep what is found."""
    found = engine.link(asked.caller.check_named(asked.name))
    return json_reply({"image_id": asked.name, "verdicts": len(found)})


def vetoed(engine: Engine, asked: Asked) -> Reply:
    """Return the images that a person said are not the same as one."""
    return json_reply({"image_id": asked.name, "images": sorted(engine.vetoed(asked.name))})


def cluster_names(engine: Engine, asked: Asked) -> Reply:
    """Return the names of the cluster of each image, and whether it shares it with others."""
    ids: list[ImageId] = asked.values["image"]
    names, shared = engine.cluster_names(ids), engine.cluster_ids(ids)
    return lines_reply(
        [
            {"image_id": image_id, "clusters": list(all_names), "shared": one}
            for image_id, all_names, one in zip(ids, names, shared, strict=True)
        ]
    )


def histories(engine: Engine, asked: Asked) -> Reply:
    """Return for each image of a hit where its picture was seen."""
    found = engine.histories_of(asked.values["image"], besides=asked.values.get("besides"))
    return lines_reply([_history_json(asked, history) for history in found])


def common_regions(engine: Engine, asked: Asked) -> Reply:
    """Return for each image what is noted about a common region that it shows."""
    ids: list[ImageId] = asked.values["image"]
    found = zip(ids, engine.common_regions(ids), strict=True)
    return lines_reply([{"image_id": image_id, "noted": _noted_json(noted)} for image_id, noted in found])


def count(engine: Engine, asked: Asked) -> Reply:
    """Return the number of images in the store."""
    return json_reply({"images": engine.count()})


# -- bookmarks and locks -------------------------------------------------------------------------------------


def bookmark(engine: Engine, asked: Asked) -> Reply:
    """Return what an adapter noted under a name; null for nothing."""
    _require_host(asked, asked.name)
    return json_reply({"name": asked.name, "text": engine.bookmark(asked.name)})


def bookmarks(engine: Engine, asked: Asked) -> Reply:
    """Return the bookmarks whose names start with a prefix."""
    prefix = asked.values["prefix"]
    _require_host(asked, prefix)
    return streamed({"name": name, "text": text} for name, text in engine.bookmarks(prefix))


def set_bookmark(engine: Engine, asked: Asked) -> Reply:
    """Note a text under a name."""
    values = asked.values
    _require_host(asked, values["name"])
    unless_there = bool(values.get("unless_there"))
    written = engine.set_bookmark(values["name"], values["text"], unless_there=unless_there)
    return json_reply({"name": values["name"], "written": written})


def drop_bookmark(engine: Engine, asked: Asked) -> Reply:
    """Remove a bookmark."""
    _require_host(asked, asked.name)
    return json_reply({"name": asked.name, "written": engine.set_bookmark(asked.name, None)})


def take_lock(engine: Engine, asked: Asked) -> Reply:
    """Take a lock if it is free; the token is null while others hold it."""
    name = asked.values["name"]
    _require_host(asked, name)
    return json_reply({"name": name, "token": engine.take_lock(name, asked.values["seconds"])})


def release_lock(engine: Engine, asked: Asked) -> Reply:
    """Give a lock back."""
    _require_host(asked, asked.name)
    return json_reply({"name": asked.name, "held": engine.release_lock(asked.name, asked.values["token"])})


# -- whose names ---------------------------------------------------------------------------------------------


def _is_shown(asked: Asked, occurrence: str) -> bool:
    return asked.caller.sees("host", occurrence.partition(":")[0])


def _require_host(asked: Asked, name: str) -> None:
    """Raises Refusal for a name that begins with a host that the caller does not see."""
    if not _is_shown(asked, name):
        host = name.partition(":")[0][:80]
        raise Refusal(
            403,
            NotAllowed(f"the key {asked.caller.name!r} does not see host:{host}; make one with --sees"),
        )


# -- as JSON: times to the microsecond, as the store has them ------------------------------------------------


def _sighting_json(sighting: Sighting) -> dict[str, Any]:
    return {
        "occurrence": str(sighting.occurrence),
        "labels": dict(sighting.labels),
        "first_seen": sighting.first_seen.isoformat(),
        "last_seen": sighting.last_seen.isoformat(),
    }


def _seen_json(seen: Seen) -> dict[str, Any]:
    return {"image_id": seen.image_id, "linked": seen.linked} | _sighting_json(seen.sighting)


def _history_json(asked: Asked, history: History) -> dict[str, Any]:
    shown = [one for one in history.sightings if _is_shown(asked, str(one.occurrence))]
    collections = memberships_json(history.memberships)
    return {
        "count": history.count,
        "first_seen": None if history.first_seen is None else history.first_seen.isoformat(),
        "last_seen": None if history.last_seen is None else history.last_seen.isoformat(),
        "sightings": [_sighting_json(one) for one in shown],
        "collections": [one for one in collections if asked.caller.sees("collection", one["name"])],
        "complete": history.complete and len(shown) == len(history.sightings),
    }


def _noted_json(noted: NotedRegion | None) -> dict[str, Any] | None:
    if noted is None:
        return None
    region = noted.region
    return {
        "image_id": region.image_id,
        "region": list(region.region),
        "pictures": region.pictures,
        "images": region.images,
        "shown_by": list(region.shown_by),
        "met": noted.met.isoformat(),
        "since": noted.since.isoformat(),
    }
