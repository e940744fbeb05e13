"""What each operation does: an engine and a checked request in, an answer out. Nothing here knows HTTP beyond
the status; answers are the lines of the command line.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from itertools import islice
from typing import Any
from urllib.parse import quote

from ..answers import cluster_json, timestamp
from ..engine import Engine
from ..errors import ConfigError, NotAllowed, NotFound
from ..graph.forms import GraphFormat
from ..records import Cluster, Collection, ImageId, Judgement, JudgementWord, RecordOutcome
from ..store.clusters import CLUSTER_PREFIX
from .access import Caller
from .disclosure import description_seen_by, hit_seen_by, hub_seen_by, query_seen_by
from .fields import labels_of
from .refusals import Refusal, Reply, json_reply, lines_reply
from .uploads import Upload

#: Beginning of the paths of this version.
API = "/api/v1"
#: Source of a judgement that names none.
SOURCE = "http"
#: Words of a judgement that stand for a method of the engine.
CONFIRM, VETO = "confirm", "veto"
#: Names images in a graph by where they were seen last.
OCCURRENCE = "occurrence"
#: Number of pieces of a graph that are sent together. chosen: some 100 KB.
PIECES_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class Asked:
    """A request whose sender, fields and body were checked."""

    #: Who asks.
    caller: Caller
    #: The image or cluster in the path; empty where the path names none.
    name: str
    #: Values of the fields that were given.
    values: Mapping[str, Any]
    #: Pictures that came with it, by field.
    files: Mapping[str, Upload] = field(default_factory=dict)
    #: The second image in the path.
    other: str = ""


#: Answers a request.
Handler = Callable[[Engine, Asked], Reply]


# -- pictures ------------------------------------------------------------------------------------------------


def add(engine: Engine, asked: Asked) -> Reply:
    """Add a picture: 201 for a new one, 200 for known bytes."""
    upload, values = _image(asked), dict(asked.values)
    asked.caller.check_written(values.get("occurrence"), values.get("collection"))
    labels = labels_of(values.pop("label", ()))
    result = engine.add(upload.read(), labels=labels or None, name=upload.name, **values)
    line = {"path": upload.name} | result.to_json()
    return json_reply(line, 201 if result.status == "added" else 200)


def query(engine: Engine, asked: Asked) -> Reply:
    """Search for a picture; nothing is stored."""
    upload, values = _image(asked), dict(asked.values)
    for name in values.get("collection", ()):
        asked.caller.check_collection(name)
    for name in values.get("exclude", ()):
        asked.caller.check_named(name)
    values.pop("wait", None)  # for the application
    result = engine.query(upload.read(), name=upload.name, **values)
    line = query_seen_by(asked.caller, result.to_json())
    is_stored = bool(result.hits) and engine.is_stored(result.image_id)
    line["hits"] = [_with_overlay(hit, result.image_id if is_stored else None) for hit in line["hits"]]
    return json_reply({"path": upload.name} | line)


def compare(engine: Engine, asked: Asked) -> Reply:
    """Judge one pair by itself."""
    a, b = _sides(asked)
    names = {side: name for side, name in zip(("a", "b"), (_name(asked, s) for s in "ab"), strict=True)}
    line = hit_seen_by(asked.caller, engine.compare(a, b).to_json())
    stored = asked.values.get("a") if "b" in asked.values else None
    return json_reply(names | _with_overlay(line, stored))


def overlay(engine: Engine, asked: Asked) -> Reply:
    """Draw a pair. What is drawn of a stored picture is its thumbnail, so the caller must see it. Raises
    Refusal.
    """
    a, b = _sides(asked)
    for side in (a, b):
        if isinstance(side, str):
            _require_picture(engine, asked, side)
    return Reply(200, engine.overlay(a, b), "image/png")


def stored_overlay(engine: Engine, asked: Asked) -> Reply:
    """Draw a pair of stored images from their thumbnails. Raises Refusal."""
    names = [asked.caller.check_named(name) for name in (asked.name, asked.other)]
    for name in names:
        _require_picture(engine, asked, name)
    return Reply(200, engine.overlay(*names), "image/png")


def thumbnail(engine: Engine, asked: Asked) -> Reply:
    """Return the thumbnail that is kept of an image. Raises Refusal."""
    name = asked.caller.check_named(asked.name)
    _require_picture(engine, asked, name)
    return Reply(200, engine.thumbnail(name), "image/webp")


def _require_picture(engine: Engine, asked: Asked, name: str) -> None:
    """Raises Refusal unless the caller sees a host or a collection of a stored image."""
    if asked.caller.sees_all:
        return
    shown = engine.show(name)
    if isinstance(shown, Cluster) or not asked.caller.sees_image(shown.info):
        raise Refusal(
            403, NotAllowed(f"the key {asked.caller.name!r} sees no host and no collection of {name[:80]}")
        )


def _with_overlay(hit: dict[str, Any], query: str | None) -> dict[str, Any]:
    """The line of a hit with the path of its drawing; null where the query is not stored."""
    if query is None:
        return hit | {"overlay": None}
    return hit | {"overlay": f"{API}/comparisons/{quote(query, safe='')}/{hit['image_id']}/overlay"}


def _image(asked: Asked) -> Upload:
    if "image" not in asked.files:
        raise ConfigError("the file image is missing; send a form with it, or the raw bytes")
    return asked.files["image"]


def _sides(asked: Asked) -> tuple[bytes | str, bytes | str]:
    sides: list[bytes | str] = []
    for side in ("a", "b"):
        if (side in asked.files) == (side in asked.values):
            raise ConfigError(f"expected {side} once: a file, an image id or an occurrence")
        sides.append(
            asked.files[side].read() if side in asked.files else asked.caller.check_named(asked.values[side])
        )
    return sides[0], sides[1]


def _name(asked: Asked, side: str) -> str:
    return asked.files[side].name if side in asked.files else str(asked.values[side])


# -- what is stored ------------------------------------------------------------------------------------------


def show(engine: Engine, asked: Asked) -> Reply:
    """Describe an image or a cluster."""
    found = engine.show(asked.caller.check_named(asked.name))
    if isinstance(found, Cluster):
        return json_reply(cluster_json(found))
    return json_reply(description_seen_by(asked.caller, found.to_json()))


def hits(engine: Engine, asked: Asked) -> Reply:
    """Return stored verdicts."""
    found = engine.hits(asked.caller.check_named(asked.name), **asked.values)
    query = None if asked.name.startswith(CLUSTER_PREFIX) else asked.name
    return lines_reply([_with_overlay(hit_seen_by(asked.caller, hit.to_json()), query) for hit in found])


def cluster(engine: Engine, asked: Asked) -> Reply:
    """Describe a cluster, by its id or an image of it. Raises NotFound for an image that has none."""
    found = engine.show(asked.caller.check_named(asked.name))
    if not isinstance(found, Cluster):
        if not found.clusters:
            raise NotFound(f"{asked.name} is in no cluster: it is blank, or was never linked")
        found = engine.show(found.clusters[0])
    assert isinstance(found, Cluster)
    return json_reply(cluster_json(found))


def reviews(engine: Engine, asked: Asked) -> Reply:
    """Return pairs that a person should look at, some at a time."""
    found = engine.reviews(**asked.values)
    pairs = [
        {"a": pair.image_id, "b": pair.hit.image_id, "judged": timestamp(pair.judged)}
        | _with_overlay(hit_seen_by(asked.caller, pair.hit.to_json()), pair.image_id)
        for pair in found.pairs
    ]
    return json_reply({"reviews": pairs, "next": found.next})


def forget(engine: Engine, asked: Asked) -> Reply:
    """Remove an image and everything that refers to it."""
    purge = bool(asked.values.get("purge"))
    report = asdict(engine.forget(asked.caller.check_named(asked.name), purge=purge))
    return json_reply(report | {"status": "forgotten", "purged": purge})


def stats(engine: Engine, asked: Asked) -> Reply:
    """Return store and index in numbers."""
    return json_reply(engine.stats().to_json())


def graph(engine: Engine, asked: Asked) -> Reply:
    """Return clusters and images as a graph, made while it is sent."""
    values, caller = asked.values, asked.caller
    form = GraphFormat(values.get("format", GraphFormat.VISJS.value))
    names = None
    if values.get("names") == OCCURRENCE:
        names = engine.occurrences_as_names(lambda host: caller.sees("host", host))
    pieces = engine.graph(form, names=names, cluster=values.get("cluster"))
    return Reply(200, b"", form.media, stream=_encoded(pieces))


def _encoded(pieces: Iterator[str]) -> Iterator[bytes]:
    while some := "".join(islice(pieces, PIECES_AT_ONCE)):
        yield some.encode("utf-8", "backslashreplace")


# -- a person's word -----------------------------------------------------------------------------------------


def judge(engine: Engine, asked: Asked) -> Reply:
    """Keep what a person says of two images; without a name the key's stands for the person. Raises
    ConfigError.
    """
    values = asked.values
    a, b = (asked.caller.check_named(values[side]) for side in ("a", "b"))
    said = {"who": values.get("who", asked.caller.name), "source": values.get("source", SOURCE)}
    word, when = values["word"], values.get("when")
    if word in (CONFIRM, VETO) and when is not None:
        raise ConfigError(f"the word {word} is said now; leave out when, or give one of the other words")
    if word == CONFIRM:
        outcome, status = engine.confirm(a, b, **said), "confirmed"
    elif word == VETO:
        engine.veto(a, b, **said)
        outcome, status = RecordOutcome.VETOED, "vetoed"
    else:
        outcome, status = engine.judge(a, b, JudgementWord(word), when=when, **said), "judged"
    return json_reply({"a": a, "b": b, "status": status, "outcome": outcome.value})


def undo(engine: Engine, asked: Asked) -> Reply:
    """Take back what a person said of two images."""
    a, b = (asked.caller.check_named(asked.values[side]) for side in ("a", "b"))
    return json_reply({"a": a, "b": b, "status": "undone"} | _judgement_json(engine.undo(a, b)))


def judgements(engine: Engine, asked: Asked) -> Reply:
    """Return what persons said of an image and others."""
    found = engine.judgements(asked.caller.check_named(asked.name))
    return lines_reply([_judgement_json(one) for one in found])


def _judgement_json(judgement: Judgement) -> dict[str, object]:
    return {
        "image_id": judgement.image_id,
        "word": judgement.word.value,
        "who": judgement.who,
        "when": timestamp(judgement.when),
        "source": judgement.source,
    }


# -- collections, common regions, chains ---------------------------------------------------------------------


def collections(engine: Engine, asked: Asked) -> Reply:
    """Return the collections that the caller may see."""
    shown = [one for one in engine.collections() if asked.caller.sees("collection", one.name)]
    return lines_reply(
        [_collection_json(one) | {"images": engine.collection_size(one.name)} for one in shown]
    )


def create_collection(engine: Engine, asked: Asked) -> Reply:
    """Create a collection, or return the one that exists with this purpose."""
    asked.caller.check_written(None, asked.values["name"])
    made = engine.create_collection(asked.values["name"], asked.values["purpose"])
    return json_reply(_collection_json(made))


def _collection_json(collection: Collection) -> dict[str, object]:
    return {
        "name": collection.name,
        "purpose": collection.purpose.value,
        "created": timestamp(collection.created),
    }


def hubs(engine: Engine, asked: Asked) -> Reply:
    """Return what is found in a large share of all pictures."""
    return lines_reply([hub_seen_by(asked.caller, hub.to_json()) for hub in engine.hubs()])


def chains(engine: Engine, asked: Asked) -> Reply:
    """Return the pairs of clusters that matches connect and that are not one."""
    return lines_reply([chain.to_json() for chain in engine.chains()])


def ignore(engine: Engine, asked: Asked) -> Reply:
    """Put an image, or those of a cluster, into a collection of purpose `ignore`."""
    name, values = asked.caller.check_named(asked.values["name"]), dict(asked.values)
    del values["name"]
    asked.caller.check_written(None, values.get("collection"))
    images: tuple[ImageId, ...] = engine.ignore(name, **values)
    return json_reply({"id": name, "images": list(images)})
