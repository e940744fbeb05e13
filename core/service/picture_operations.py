"""Operations on pictures: those that bring one, and those about a stored one."""

from __future__ import annotations

from ..records import Decision
from ..store.access_keys import Right
from . import handlers
from .fields import Field, Kind
from .operation import API, NAME, OTHER, Operation
from .uploads import Body

_LABEL = Field(
    name="label",
    many=True,
    meaning="KEY=VALUE; of the membership if there is a collection, else of the occurrence",
)
_SIDES = (
    Field(name="a", meaning="the query: a file, an image id or an occurrence"),
    Field(name="b", meaning="the reference: a file, an image id or an occurrence"),
)

#: Operations on pictures.
PICTURES = (
    Operation(
        method="POST",
        path=f"{API}/images",
        name="add",
        summary="Add a picture, sent as the file `image` of a form or as the raw body",
        right=Right.WRITE,
        handler=handlers.add,
        answer="Added",
        created=True,
        body=Body.PICTURE,
        heavy=True,
        fields=(
            Field(name="occurrence", meaning="where it was seen: HOST:KIND:ID"),
            _LABEL,
            Field(name="collection", meaning="a collection to add it to"),
            Field(name="seen", kind=Kind.TIME, meaning="when it was seen there; default: now"),
            Field(name="link", kind=Kind.FLAG, meaning="0: store it without searching for matches"),
            Field(name="hash_only", kind=Kind.FLAG, meaning="1: keep its hashes only"),
        ),
    ),
    Operation(
        method="POST",
        path=f"{API}/queries",
        name="query",
        summary="Search for a picture, sent as for `add`; nothing is stored. Several files `image` of one"
        " form, together as large as one picture may be, get a line each, in their order",
        right=Right.READ,
        handler=handlers.query,
        answer="Query",
        body=Body.PICTURES,
        heavy=True,
        later=True,
        fields=(
            Field(
                name="wait",
                kind=Kind.NUMBER,
                meaning="seconds (at most 60) after which the answer is 202 and is fetched later",
            ),
            Field(name="limit", kind=Kind.WHOLE, meaning="maximum number of hits; default: 10"),
            Field(
                name="deadline",
                kind=Kind.NUMBER,
                meaning="seconds after which the answer holds what was judged so far",
            ),
            Field(name="collection", many=True, meaning="search the members of these collections only"),
            Field(
                name="min_decision",
                choices=tuple(decision.value for decision in Decision),
                meaning="list only hits with at least this decision; default: review",
            ),
            Field(name="exclude", many=True, meaning="an image id or occurrence to leave out"),
            Field(
                name="include_same_template",
                kind=Kind.FLAG,
                meaning="1: also list pages with the same layout and other content",
            ),
        ),
    ),
    Operation(
        method="GET",
        path=f"{API}/queries/{NAME}",
        name="answer",
        summary="Fetch the answer of a query that was answered 202; it is kept for an hour",
        right=Right.READ,
        handler=None,
        answer="Query",
        later=True,
        fields=(Field(name="wait", kind=Kind.NUMBER, meaning="seconds to wait for it, at most 60"),),
    ),
    Operation(
        method="POST",
        path=f"{API}/comparisons",
        name="compare",
        summary="Judge one pair, with all evidence",
        right=Right.READ,
        handler=handlers.compare,
        answer="Comparison",
        body=Body.PAIR,
        heavy=True,
        fields=_SIDES,
    ),
    Operation(
        method="POST",
        path=f"{API}/overlays",
        name="overlay",
        summary="Draw one pair: both pictures with the region they share",
        right=Right.READ,
        handler=handlers.overlay,
        answer="",
        body=Body.PAIR,
        heavy=True,
        fields=_SIDES,
    ),
    Operation(
        method="GET",
        path=f"{API}/images/{NAME}",
        name="show",
        summary="Describe an image or a cluster",
        right=Right.READ,
        handler=handlers.show,
        answer="Description",
    ),
    Operation(
        method="GET",
        path=f"{API}/comparisons/{NAME}/{OTHER}/overlay",
        name="stored_overlay",
        summary="Draw a pair of stored images from their thumbnails, with the region they share",
        right=Right.READ,
        handler=handlers.stored_overlay,
        answer="",
        heavy=True,
    ),
    Operation(
        method="GET",
        path=f"{API}/images/{NAME}/thumbnail",
        name="thumbnail",
        summary="Show the grey thumbnail that is kept of an image; the key must see a host or a"
        " collection of it",
        right=Right.READ,
        handler=handlers.thumbnail,
        answer="",
        media="image/webp",
    ),
    Operation(
        method="GET",
        path=f"{API}/clusters/{NAME}",
        name="cluster",
        summary="Describe a cluster, by its id or an image of it",
        right=Right.READ,
        handler=handlers.cluster,
        answer="Cluster",
    ),
    Operation(
        method="DELETE",
        path=f"{API}/images/{NAME}",
        name="forget",
        summary="Remove an image and everything that refers to it",
        right=Right.ADMIN,
        handler=handlers.forget,
        answer="Forgotten",
        heavy=True,
        fields=(
            Field(
                name="purge",
                kind=Kind.FLAG,
                meaning="1: also rewrite the append-only file of the store, and wait for that",
            ),
        ),
    ),
    Operation(
        method="GET",
        path=f"{API}/images/{NAME}/hits",
        name="hits",
        summary="Show the stored verdicts about an image or the members of a cluster",
        right=Right.READ,
        handler=handlers.hits,
        answer="Hit",
        lines=True,
        fields=(
            Field(name="limit", kind=Kind.WHOLE, meaning="maximum number of hits"),
            Field(name="per_cluster", kind=Kind.FLAG, meaning="1: the best of each cluster only"),
            Field(
                name="elsewhere",
                kind=Kind.FLAG,
                meaning="1: an image that was also seen elsewhere is a hit of its own",
            ),
        ),
    ),
)
