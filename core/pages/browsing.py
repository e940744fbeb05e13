"""What is known: the page of an image, of a cluster, the collections, the numbers."""

from __future__ import annotations

from typing import Any

from ..answers import timestamp
from ..errors import NotFound
from ..records import IGNORED, Cluster, ImageInfo
from ..review.statistics import review_statistics
from ..service.fields import Field
from ..service.refusals import Reply
from ..service.uploads import Body
from ..store.access_keys import Right
from .asked import Asked, Route
from .login import ROOT
from .rendering import page, redirect
from .shown import shown
from .words import DECISIONS, REASONS, RELATIONS, SAID, sentences

#: Hits of an image on its page. chosen: a page.
HITS = 60
#: Members of a cluster or a collection on a page. chosen: a page.
MEMBERS = 200


def image(asked: Asked) -> Reply:
    """Return the page of an image: where it was seen, what it is like, what was said of it."""
    description = asked.engine.show(asked.caller.check_named(asked.name))
    if isinstance(description, Cluster):
        return redirect(f"{ROOT}/cluster/{description.cluster_id}")
    sight, info, features = asked.sight, description.info, description.features
    sight.require(info.image_id)
    hits = asked.engine.hits(info.image_id, limit=HITS)
    said = asked.engine.judgements(info.image_id)
    kept = dict(
        zip(
            others := [*(hit.image_id for hit in hits), *(one.image_id for one in said)],
            sight.visible(others),
            strict=True,
        )
    )
    return page(
        "image.html",
        id=info.image_id,
        features=features,
        where=sight.places(info),
        cluster=info.clusters[0] if info.clusters else None,
        hits=[
            {
                "id": hit.image_id,
                "decision": DECISIONS[hit.decision],
                "relation": "" if hit.relation is None else RELATIONS[hit.relation],
                "confidence": hit.confidence,
                "reasons": [REASONS[reason] for reason in hit.reasons],
                "sentences": [shown(part) for part in sentences(hit.sentence)],
            }
            for hit in hits
            if kept[hit.image_id]
        ],
        said=[
            {
                "id": one.image_id,
                "word": SAID[one.word],
                "who": shown(one.who, 80) if sight.sees_all or one.who == asked.caller.name else "",
                "when": timestamp(one.when),
                "source": shown(one.source, 80) if sight.sees_all else "",
            }
            for one in said
            if kept[one.image_id]
        ],
        **asked.common,
    )


def cluster(asked: Asked) -> Reply:
    """Return the page of a cluster: its members in time. Raises NotFound where none may be shown."""
    found = asked.engine.show(asked.caller.check_named(asked.name))
    if not isinstance(found, Cluster):
        return redirect(f"{ROOT}/image/{found.info.image_id}")
    sight = asked.sight
    infos = [info for info in asked.engine.infos(found.members[:MEMBERS]) if info and sight.sees(info)]
    if not infos:
        raise NotFound(f"there is no cluster {asked.name[:80]}")
    infos.sort(key=lambda info: (info.first_seen is None, info.first_seen, info.image_id))
    return page(
        "members.html",
        heading="Cluster",
        id=found.cluster_id,
        aliases=found.aliases,
        explains="Images that show one picture, as matches of whole pictures say. The oldest comes first.",
        members=[_member(asked, info) for info in infos],
        size=len(found.members) if sight.sees_all else len(infos),
        **asked.common,
    )


def _member(asked: Asked, info: ImageInfo) -> dict[str, Any]:
    return {"id": info.image_id} | asked.sight.places(info)


def collections(asked: Asked) -> Reply:
    """Return the page of all collections, and of what is found in too many pictures."""
    engine, caller = asked.engine, asked.caller
    kept = [one for one in engine.collections() if caller.sees("collection", one.name)]
    hubs = engine.hubs()
    visible = asked.sight.visible([hub.id for hub in hubs if hub.kind != "cluster"])
    seen = {hub.id for hub, yes in zip((h for h in hubs if h.kind != "cluster"), visible, strict=True) if yes}
    return page(
        "collections.html",
        collections=[
            {
                "name": one.name,
                "purpose": one.purpose.value,
                "created": timestamp(one.created),
                "images": engine.collection_size(one.name),
            }
            for one in kept
        ],
        hubs=[hub for hub in hubs if hub.id in seen or (hub.kind == "cluster" and asked.sight.sees_all)],
        ignored=IGNORED,
        **asked.common,
    )


def create(asked: Asked) -> Reply:
    """Create a collection."""
    asked.engine.create_collection(asked.values["name"], asked.values["purpose"])
    return redirect(f"{ROOT}/collections")


def ignore(asked: Asked) -> Reply:
    """Put an image, or those of a cluster, into the collection of what is ignored."""
    name = asked.caller.check_named(asked.values["name"])
    asked.engine.ignore(name)
    return redirect(f"{ROOT}/collections")


def statistics(asked: Asked) -> Reply:
    """Return the page of numbers. Raises Refusal 403 for a key that does not see all: they count what others
    own.
    """
    asked.require_sight()
    return page(
        "statistics.html",
        found=review_statistics(asked.engine),
        stats=asked.engine.stats(),
        words=SAID,
        **asked.common,
    )


#: The paths of this file.
ROUTES = (
    Route(method="GET", path="/image/{name}", right=Right.READ, handler=image),
    Route(method="GET", path="/cluster/{name}", right=Right.READ, handler=cluster),
    Route(method="GET", path="/collections", right=Right.READ, handler=collections),
    Route(
        method="POST",
        path="/collections",
        right=Right.WRITE,
        handler=create,
        body=Body.FIELDS,
        fields=(
            Field(name="name", required=True, meaning="unique name"),
            Field(name="purpose", required=True, meaning="what it is for", choices=("known", "baseline")),
        ),
    ),
    Route(
        method="POST",
        path="/ignored",
        right=Right.ADMIN,
        handler=ignore,
        body=Body.FIELDS,
        fields=(Field(name="name", required=True, meaning="an image or a cluster"),),
    ),
    Route(method="GET", path="/statistics", right=Right.READ, handler=statistics),
)
