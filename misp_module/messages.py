"""A request as MISP posts it, parsed once into a `ModuleRequest`, and the response formats of misp-modules.

MISP does not mark hovers: a hover is a request that has neither an event nor data. Every value may have been
typed by a person, so each is checked, and an error names the field and the remedy.

No other file of the adapter builds the dictionaries of a response. An error is always accompanied by
`results`: without that key, MISP stops enriching the remaining attributes of the event. MISP shows the error
of an enrichment above its results, also when there are none, where it would otherwise show an empty form or
an error page of its own. A hover does not show errors, so there the text is a row of the results.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from douglas_quaid import DouglasQuaidError

from .attributes import FILE_TYPES, is_uuid, occurrence_of
from .text import harmless

#: Object template that the module accepts besides attributes.
OBJECT = "image"

#: Time for a hover when MISP does not state one. spec: default of MISP's Plugin.Enrichment_hover_timeout,
#: which older versions do not send.
HOVER_SECONDS = 5.0
#: Time for an enrichment when MISP does not state one. spec: default of MISP's Plugin.Enrichment_timeout.
EXPANSION_SECONDS = 10.0
#: Time reserved for sending the response. chosen.
MARGIN_SECONDS = 0.5
#: Maximum number of pictures of one object that are queried. chosen: object templates have one or two.
MAX_PICTURES = 5


class BadRequest(DouglasQuaidError):
    """Raised for a request that the module cannot answer; the message says what is missing."""


@dataclass(frozen=True, slots=True)
class QueriedAttribute:
    """An attribute that MISP asks about. Its texts are unchanged; only `name` is safe to display."""

    #: Lower case, with hyphens.
    uuid: str
    #: One of FILE_TYPES.
    type: str
    #: MISP's category, such as Payload delivery.
    category: str
    #: File name; for a malware sample `name|md5`.
    value: str
    #: Comment of the analyst.
    comment: str
    #: Whether the attribute belongs to an object.
    in_object: bool
    #: Numeric id of the event; empty when unknown.
    event_id: str
    #: File as base64; None in a hover.
    data: str | None
    #: Timestamp of its state, in seconds since 1970; 0 when unknown.
    timestamp: int = 0
    #: UUID of the object that the attribute belongs to; empty outside an object, and where only the attribute
    #: was sent, with the number of its object.
    object_uuid: str = ""

    @property
    def name(self) -> str:
        """The file name, safe to display."""
        return (
            harmless(self.value.rpartition("|")[0] if self.type == "malware-sample" else self.value)
            or "picture"
        )

    @property
    def target(self) -> str:
        """What an object of ours refers to: the object of the attribute if its UUID is known, because MISP's
        event graph draws no reference to an attribute inside an object.
        """
        return self.object_uuid or self.uuid

    @property
    def occurrence(self) -> str:
        """The occurrence of the attribute in the store."""
        return occurrence_of(self.uuid)


@dataclass(frozen=True, slots=True)
class ModuleRequest:
    """One request of MISP to the module."""

    #: The queried attributes, at least one.
    attributes: tuple[QueriedAttribute, ...]
    #: Whether this is a hover, which never carries pictures.
    hover: bool
    #: Whether the hover was opened by a click, so that there is room for more results.
    persistent: bool
    #: Seconds from the arrival of the request until the response must be sent.
    seconds: float
    #: Number of pictures of an object that are not queried, because it has too many.
    omitted: int = 0

    @classmethod
    def parse(cls, request: Mapping[str, Any], *, max_seconds: float) -> ModuleRequest:
        """Return the parsed request. Raises BadRequest when a field is missing or malformed."""
        attributes, hover = _attributes(request), is_hover(request)
        return cls(
            attributes=attributes[:MAX_PICTURES],
            hover=hover,
            persistent=str(request.get("persistent", "")).lower() in ("1", "true"),
            seconds=_seconds(
                request.get("timeout"), HOVER_SECONDS if hover else EXPANSION_SECONDS, max_seconds
            ),
            omitted=len(attributes[MAX_PICTURES:]),
        )


def is_hover(request: object) -> bool:
    """Return whether MISP shows the response as a hover, for a request that need not be valid."""
    if not isinstance(request, Mapping) or request.get("event_id") not in (None, "") or "object" in request:
        return False
    attribute = request.get("attribute")
    return not (isinstance(attribute, Mapping) and attribute.get("data"))


def _attributes(request: Mapping[str, Any]) -> tuple[QueriedAttribute, ...]:
    if isinstance(request.get("object"), Mapping):
        parts = request["object"].get("Attribute")
        pictures = (
            [part for part in parts if isinstance(part, Mapping) and part.get("type") in FILE_TYPES]
            if isinstance(parts, list)
            else []
        )
        if not pictures:
            raise BadRequest(
                f"the object has no attribute of type {' or '.join(FILE_TYPES)}; attach a picture to it"
            )
        event_id = request["object"].get("event_id") or request.get("event_id")
        holder = request["object"].get("uuid")
        known = holder.lower() if is_uuid(holder) else ""
        return tuple(
            replace(_attribute(part, event_id, in_object=True), object_uuid=known) for part in pictures
        )
    if not isinstance(request.get("attribute"), Mapping):
        raise BadRequest(
            "the request has no attribute and no object; use the module from MISP,"
            " or post an attribute with uuid, type, value and data"
        )
    return (_attribute(request["attribute"], request.get("event_id"), in_object=False),)


def _attribute(part: Mapping[str, Any], event_id: object, *, in_object: bool) -> QueriedAttribute:
    kind = part.get("type")
    if kind not in FILE_TYPES:
        raise BadRequest(
            f"the attribute is of type {harmless(str(kind), limit=40)};"
            f" this module accepts {', '.join(FILE_TYPES)} and the object {OBJECT}"
        )
    if not is_uuid(part.get("uuid")):
        raise BadRequest("the attribute has no valid uuid; send the one that MISP shows for it")
    data = part.get("data")
    if data is not None and not isinstance(data, str):
        raise BadRequest("the data of the attribute is not text; expected base64")
    return QueriedAttribute(
        uuid=part["uuid"].lower(),
        type=kind,
        category=str(part.get("category") or ""),
        value=str(part.get("value") or ""),
        comment=str(part.get("comment") or ""),
        in_object=in_object or str(part.get("object_id") or "0") != "0",
        event_id=str(part.get("event_id") or event_id or ""),
        data=data or None,
        timestamp=int(stamp) if (stamp := str(part.get("timestamp") or "")).isdecimal() else 0,
    )


def _seconds(timeout: object, default: float, limit: float) -> float:
    """Return the seconds for the work: `timeout`, else `default`, at most `limit`, less a margin."""
    try:
        seconds = default if timeout in (None, "") else float(timeout)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        seconds = math.nan
    if isinstance(timeout, bool) or not 0 < seconds < math.inf:
        raise BadRequest(
            f"timeout is {harmless(repr(timeout), limit=40)}; expected a number of seconds above zero"
        )
    allowed = min(math.floor(seconds) or seconds, limit)  # misp-modules waits for whole seconds
    return allowed - min(MARGIN_SECONDS, allowed / 2)


#: What misp-modules serialises to JSON, the outer border of this package.
Response = dict[str, Any]


def text_row(text: str) -> Response:
    """Return a response that shows one line of text in a hover."""
    return {"results": [_row(text)]}


def without_objects(text: str) -> Response:
    """Return the response of an enrichment that says why there is no object."""
    return {"error": text, "results": {}}


def failure(reason: str, *, hover: bool) -> Response:
    """Return an error response. In a hover the reason is shown as a row of text too."""
    return {"error": reason} | text_row(reason) if hover else without_objects(reason)


def enriched(objects: Sequence[Any], *, queried: Sequence[Any], note: str) -> Response:
    """Return the response of an enrichment with MISP objects, and a note if there is one.

    `queried` are the queried attributes as JSON, which MISP's preview needs to name the target of a
    reference.
    """
    error = {"error": note} if note else {}
    return error | {"results": {"Attribute": list(queried), "Object": list(objects)}}


def hovered(objects: Sequence[Any], *, note: str) -> Response:
    """Return the response of a hover with MISP objects, and below them a note if there is one.

    MISP shows what is neither an object nor an attribute like a row of text, whatever its key.
    """
    return {"results": {"Object": list(objects)} | ({"note": _row(note)} if note else {})}


def _row(text: str) -> dict[str, Any]:
    return {"types": ["text"], "values": [text]}
