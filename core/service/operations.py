"""All there is to ask: one entry for each method and path, with the right that it needs, its fields and its
answer. The application, the document and the page of the document are made from this list.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import unquote

from ..graph.forms import GraphFormat
from ..records import Decision, JudgementWord, Purpose
from ..store.access_keys import Right
from . import handlers
from .fields import Field, Kind
from .handlers import CONFIRM, OCCURRENCE, VETO, Handler
from .uploads import Body

#: Beginning of the paths of this version.
API = "/api/v1"
#: Stands in a path for the name of an image: one segment, in which `/` and `:` are percent-encoded.
NAME = "{name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One method of one path."""

    #: GET, POST or DELETE.
    method: str
    #: The path, with NAME where it names an image or a cluster.
    path: str
    #: Its name in the document and in metrics.
    name: str
    #: What it does, in a line.
    summary: str
    #: What a key needs.
    right: Right
    #: Answers it.
    handler: Handler
    #: Name of the schema of its answer in schemas.py; empty for a PNG.
    answer: str
    #: Whether the answer is one JSON object on each line.
    lines: bool = False
    #: Media types of an answer that has several; empty for the usual one.
    media: tuple[str, ...] = ()
    #: Status of an answer beside 200.
    created: bool = False
    #: Its fields: of the URL, and of the body where it has one.
    fields: tuple[Field, ...] = ()
    #: What its body may be.
    body: Body = Body.NONE
    #: Whether it decodes or compares pictures, which takes a slot.
    heavy: bool = False


_LABEL = Field(
    name="label",
    many=True,
    meaning="KEY=VALUE; of the membership if there is a collection, else of the occurrence",
)
_PAIR = (
    Field(name="a", required=True, meaning="an image: id, 8 digits of it or more, or occurrence"),
    Field(name="b", required=True, meaning="the other image"),
)
_SIDES = (
    Field(name="a", meaning="the query: a file, an image id or an occurrence"),
    Field(name="b", meaning="the reference: a file, an image id or an occurrence"),
)

#: Every operation.
OPERATIONS = (
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
        summary="Search for a picture, sent as for `add`; nothing is stored",
        right=Right.READ,
        handler=handlers.query,
        answer="Query",
        body=Body.PICTURE,
        heavy=True,
        fields=(
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
        media=("application/json", "application/xml"),
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


def find(raw_path: bytes) -> tuple[dict[str, Operation], str]:
    """Return the operations of a path by method, and the name in it.

    `raw_path`: as it was sent, because a name may hold an encoded `/`. Bytes that are not UTF-8 are kept as
    the command line keeps those of file names.
    """
    parts = raw_path.decode("latin-1").split("/")
    found, name = dict[str, Operation](), ""
    for operation in OPERATIONS:
        wanted = operation.path.split("/")
        if len(wanted) == len(parts) and all(
            given if want == NAME else want == given for want, given in zip(wanted, parts, strict=True)
        ):
            found[operation.method] = operation
            if NAME in wanted:
                name = unquote(parts[wanted.index(NAME)], errors="surrogateescape")
    return found, name
