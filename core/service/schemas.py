"""JSON schemas of the answers, for the document (OpenAPI 3.1 uses JSON Schema 2020-12).

Keys and their meaning are a contract, described in core/README.md; later versions only add, so no schema
forbids further keys.
"""

from __future__ import annotations

from collections.abc import Container
from dataclasses import fields, is_dataclass
from enum import Enum
from types import NoneType
from typing import Any, get_args, get_origin, get_type_hints

from ..answers import EngineStats, QueryResult
from ..records import (
    Decision,
    Evidence,
    JudgementWord,
    Purpose,
    Reason,
    RecordOutcome,
    Relation,
    StoreStats,
)

#: A JSON schema.
Schema = dict[str, Any]

_TEXT: Schema = {"type": "string"}
_COUNT: Schema = {"type": "integer", "minimum": 0}
_NUMBER: Schema = {"type": "number"}
_SHARE: Schema = {"type": "number", "minimum": 0, "maximum": 1}
_FLAG: Schema = {"type": "boolean"}
_ID: Schema = {"type": "string", "pattern": "^[0-9a-f]{64}$", "description": "sha256 of the image"}
_TIME: Schema = {"type": ["string", "null"], "format": "date-time"}
_LABELS: Schema = {"type": "object", "additionalProperties": _TEXT}


def _list(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def _object(**properties: Schema) -> Schema:
    return {"type": "object", "properties": properties, "required": list(properties)}


def _or_null(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


def _one_of(kind: type) -> Schema:
    return {"type": "string", "enum": [value.value for value in kind]}  # type: ignore[attr-defined]


def _of(hint: Any) -> Schema:
    """The schema of a field by its type: plain values, enums, tuples and dataclasses, or null."""
    parts = get_args(hint)
    if NoneType in parts:
        (held,) = (part for part in parts if part is not NoneType)
        return _or_null(_of(held))
    if get_origin(hint) is tuple:
        size = {} if Ellipsis in parts else {"minItems": len(parts), "maxItems": len(parts)}
        return _list(_of(parts[0])) | size
    if is_dataclass(hint):
        return _fields_of(hint)
    if issubclass(hint, Enum):
        return _one_of(hint)
    return {int: {"type": "integer"}, float: _NUMBER, bool: _FLAG}.get(hint, _TEXT)


def _fields_of(kind: Any, *, without: Container[str] = ()) -> Schema:
    """The schema of a dataclass, without the fields that the answer has elsewhere."""
    hints = get_type_hints(kind)
    return _object(**{one.name: _of(hints[one.name]) for one in fields(kind) if one.name not in without})


_MEMBERSHIPS = _list(_object(name=_TEXT, labels=_LABELS))
_HIT = _object(
    image_id=_ID,
    decision=_one_of(Decision),
    relation=_or_null(_one_of(Relation)),
    confidence=_SHARE,
    sentence=_TEXT,
    reasons=_list(_one_of(Reason)),
    evidence={"$ref": "#/components/schemas/Evidence"},
    contributions=_list(
        _object(predictor=_TEXT, value=_or_null(_NUMBER), weight=_NUMBER),
    ),
    differences=_list(_object(box=_list(_NUMBER), share=_NUMBER)),
    clusters=_list(_TEXT),
    occurrences=_list(_TEXT),
    occurrence_labels=_list(_LABELS),
    occurrence_count=_COUNT,
    first_seen=_TIME,
    last_seen=_TIME,
    collections=_MEMBERSHIPS,
    problems=_list(_TEXT),
)
_LISTED = _object(
    list=_TEXT,
    entry_id=_TEXT,
    collection=_TEXT,
    tlp=_TEXT,
    decision=_one_of(Decision),
    by=_TEXT,
    pdq_bits=_or_null(_COUNT),
    sentence=_TEXT,
    labels=_LABELS,
    first_seen=_TIME,
    last_seen=_TIME,
)
_QUERY_PLAIN = _fields_of(QueryResult, without=("image_id", "decision", "hits", "listed", "problems"))[
    "properties"
]
_JUDGEMENT = {"image_id": _ID, "word": _one_of(JudgementWord), "who": _TEXT, "when": _TIME, "source": _TEXT}
_SIGHTING = _object(occurrence=_TEXT, labels=_LABELS, first_seen=_TIME, last_seen=_TIME)
_DESCRIPTION = _object(
    image_id=_ID,
    width=_COUNT,
    height=_COUNT,
    format=_TEXT,
    informative=_FLAG,
    clusters=_list(_TEXT),
    occurrences=_list(_SIGHTING),
    occurrence_count=_COUNT,
    collections=_MEMBERSHIPS,
    problems=_list(_TEXT),
)
_CLUSTER = _object(cluster=_TEXT, aliases=_list(_TEXT), members=_list(_ID), representatives=_list(_ID))

#: Every schema of an answer, by its name.
SCHEMAS: dict[str, Schema] = {
    "Error": _object(error=_object(type=_TEXT, message=_TEXT)),
    "Added": _object(
        path=_TEXT,
        image_id=_ID,
        status={"type": "string", "enum": ["added", "updated", "known"]},
        informative=_FLAG,
        cluster=_or_null(_TEXT),
    ),
    "Query": _object(
        path=_TEXT,
        image_id=_ID,
        decision=_one_of(Decision),
        hits=_list({"$ref": "#/components/schemas/Hit"}),
        listed=_list(_LISTED),
        problems=_list(_TEXT),
        **_QUERY_PLAIN,
    ),
    "Hit": _HIT,
    "Evidence": _fields_of(Evidence, without=("differences",)),
    "Comparison": {"allOf": [_object(a=_TEXT, b=_TEXT), {"$ref": "#/components/schemas/Hit"}]},
    "Description": {"anyOf": [_DESCRIPTION, _CLUSTER]},
    "Cluster": _CLUSTER,
    "Pending": _object(id=_TEXT, status=_TEXT),
    "Reviews": _object(
        reviews=_list({"allOf": [_object(a=_ID, b=_ID, judged=_TIME), {"$ref": "#/components/schemas/Hit"}]}),
        next=_or_null(_TEXT),
    ),
    "Sightings": _object(
        occurrence=_TEXT, images=_list({"allOf": [_object(image_id=_ID, linked=_FLAG), _SIGHTING]})
    ),
    "Occurrence": _object(occurrence=_TEXT),
    "Withdrawn": _object(image_id=_ID, forgotten=_FLAG),
    "Noted": _object(image_id=_TEXT, status=_TEXT),
    "Linked": _object(image_id=_TEXT, verdicts=_COUNT),
    "Vetoed": _object(image_id=_TEXT, images=_list(_ID)),
    "ClusterNames": _object(image_id=_TEXT, clusters=_list(_TEXT), shared=_or_null(_TEXT)),
    "History": _object(
        count=_COUNT,
        first_seen=_TIME,
        last_seen=_TIME,
        sightings=_list(_SIGHTING),
        collections=_MEMBERSHIPS,
        complete=_FLAG,
    ),
    "NotedRegion": _object(image_id=_TEXT, noted={"type": ["object", "null"]}),
    "Count": _object(images=_COUNT),
    "Bookmark": _object(name=_TEXT, text=_or_null(_TEXT)),
    "Written": _object(name=_TEXT, written=_FLAG),
    "Lock": _object(name=_TEXT, token=_or_null(_TEXT)),
    "Released": _object(name=_TEXT, held=_FLAG),
    "Forgotten": _object(image_id=_ID, status=_TEXT, purged=_FLAG),
    "Judgement": _object(**_JUDGEMENT),
    "Judged": _object(a=_TEXT, b=_TEXT, status=_TEXT, outcome=_one_of(RecordOutcome)),
    "Undone": _object(a=_TEXT, b=_TEXT, status=_TEXT, **_JUDGEMENT),
    "Collection": _object(name=_TEXT, purpose=_one_of(Purpose), created=_TIME),
    "Hub": _object(kind=_TEXT, id=_TEXT, pictures=_COUNT, share=_SHARE, occurrences=_list(_TEXT)),
    "Chain": _object(cluster_a=_TEXT, cluster_b=_TEXT, pairs=_COUNT, a=_ID, b=_ID),
    "Ignored": _object(id=_TEXT, images=_list(_ID)),
    "Graph": {
        "anyOf": [
            _object(
                meta=_object(source=_TEXT),
                clusters=_list(_object(id=_TEXT, members=_list(_ID))),
                nodes=_list(_object(id=_ID, label=_TEXT, image=_TEXT)),
                edges=_list({"type": "object", "properties": {"from": _TEXT, "to": _ID}}),
            ),
            _object(elements=_list(_object(group=_TEXT, data={"type": "object"}))),
        ]
    },
    "Stats": _object(
        **_fields_of(StoreStats)["properties"] | _fields_of(EngineStats, without=("store",))["properties"]
    ),
}
