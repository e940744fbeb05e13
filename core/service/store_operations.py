"""Operations on the store: what people say of pairs, collections, common regions, chains, numbers."""

from __future__ import annotations

from ..graph.forms import GraphFormat
from ..records import JudgementWord, Purpose
from ..store.access_keys import Right
from . import handlers
from .fields import Field, Kind
from .handlers import CONFIRM, OCCURRENCE, VETO
from .operation import API, NAME, Operation
from .uploads import Body

_PAIR = (
    Field(name="a", required=True, meaning="an image: id, 8 digits of it or more, or occurrence"),
    Field(name="b", required=True, meaning="the other image"),
)
#: Operations on the store.
STORED = (
    Operation(
        method="GET",
        path=f"{API}/images/{NAME}/judgements",
        name="judgements",
        summary="Show what persons said of an image and others",
        right=Right.REVIEW,
        handler=handlers.judgements,
        answer="Judgement",
        lines=True,
    ),
    Operation(
        method="POST",
        path=f"{API}/judgements",
        name="judge",
        summary="Keep what a person says of two images; it outranks every score",
        right=Right.REVIEW,
        handler=handlers.judge,
        answer="Judged",
        body=Body.FIELDS,
        heavy=True,
        fields=(
            *_PAIR,
            Field(
                name="word",
                required=True,
                choices=(CONFIRM, VETO, *(word.value for word in JudgementWord)),
                meaning="confirm: same or part, as the scores see it; veto: different",
            ),
            Field(name="who", meaning="the person; default: the name of the key"),
            Field(name="source", meaning="where the judgement came from; default: http"),
            Field(name="when", kind=Kind.TIME, meaning="when it was said; default: now"),
        ),
    ),
    Operation(
        method="GET",
        path=f"{API}/reviews",
        name="reviews",
        summary="List stored pairs that a person should look at and that nobody judged, some at a time",
        right=Right.REVIEW,
        handler=handlers.reviews,
        answer="Reviews",
        heavy=True,
        fields=(
            Field(name="limit", kind=Kind.WHOLE, meaning="maximum number of pairs; default: 20"),
            Field(name="after", meaning="next of an answer before: the pairs behind those"),
        ),
    ),
    Operation(
        method="DELETE",
        path=f"{API}/judgements",
        name="undo",
        summary="Take back what a person said of two images",
        right=Right.REVIEW,
        handler=handlers.undo,
        answer="Undone",
        heavy=True,
        fields=_PAIR,
    ),
    Operation(
        method="GET",
        path=f"{API}/collections",
        name="collections",
        summary="List the collections",
        right=Right.READ,
        handler=handlers.collections,
        answer="Collection",
        lines=True,
    ),
    Operation(
        method="POST",
        path=f"{API}/collections",
        name="create_collection",
        summary="Create a collection",
        right=Right.WRITE,
        handler=handlers.create_collection,
        answer="Collection",
        body=Body.FIELDS,
        fields=(
            Field(name="name", required=True, meaning="its name"),
            Field(
                name="purpose",
                required=True,
                choices=tuple(purpose.value for purpose in Purpose),
                meaning="known: pictures to recognise; baseline: legitimate pages; ignore: never hits",
            ),
        ),
    ),
    Operation(
        method="GET",
        path=f"{API}/hubs",
        name="hubs",
        summary="List regions and clusters found in a large share of all pictures",
        right=Right.READ,
        handler=handlers.hubs,
        answer="Hub",
        lines=True,
    ),
    Operation(
        method="POST",
        path=f"{API}/ignored",
        name="ignore",
        summary="Put an image, or those of a cluster, into a collection of purpose ignore",
        right=Right.ADMIN,
        handler=handlers.ignore,
        answer="Ignored",
        body=Body.FIELDS,
        fields=(
            Field(name="name", required=True, meaning="an image or a cluster"),
            Field(name="collection", meaning="the collection; default: ignored"),
        ),
    ),
    Operation(
        method="GET",
        path=f"{API}/chains",
        name="chains",
        summary="List clusters that matches connect and that were not joined",
        right=Right.READ,
        handler=handlers.chains,
        answer="Chain",
        lines=True,
    ),
    Operation(
        method="GET",
        path=f"{API}/graph",
        name="graph",
        summary="Return clusters and images as a graph for other tools",
        right=Right.READ,
        handler=handlers.graph,
        answer="Graph",
        forms=("application/json", "application/xml"),
        fields=(
            Field(
                name="format",
                choices=tuple(form.value for form in GraphFormat),
                meaning="visjs: as the first Douglas-Quaid dumped it; graphml; cytoscape; default: visjs",
            ),
            Field(name="names", choices=(OCCURRENCE,), meaning="name images by where they were seen last"),
            Field(name="cluster", meaning="this cluster only"),
        ),
    ),
    Operation(
        method="GET",
        path=f"{API}/stats",
        name="stats",
        summary="Show contents and size of the store",
        right=Right.READ,
        handler=handlers.stats,
        answer="Stats",
    ),
)
