"""What MISP posts, read once: a request becomes a `Question`, or one error that names the field and the
remedy.

MISP has no flag for a hover: it is a request with neither an event nor data. Everything in it was typed by
somebody.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from douglas_quaid.errors import DouglasQuaidError

from .text import harmless

TYPES = ("attachment", "malware-sample")
OBJECT = "image"

#: spec: default of MISP's Plugin.Enrichment_hover_timeout; older versions do not send it.
HOVER_SECONDS = 5.0
#: spec: default of MISP's Plugin.Enrichment_timeout.
EXPANSION_SECONDS = 10.0
#: Kept for the way back. chosen.
MARGIN_SECONDS = 0.5
#: Pictures of one object that are asked for. chosen: templates have one or two.
MOST_PICTURES = 5

_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


class BadRequest(DouglasQuaidError):
    """The request is not one that this module can answer; the message says what is missing."""


@dataclass(frozen=True, slots=True)
class Attribute:
    """A picture as MISP holds it. Text is as it came; only `name` is fit to be shown."""

    uuid: str
    type: str
    category: str
    value: str
    comment: str
    in_object: bool
    event_id: str
    #: Base64; None in a hover.
    data: str | None

    @property
    def name(self) -> str:
        """The file name; a malware sample's value is `name|md5`."""
        return (
            harmless(self.value.rpartition("|")[0] if self.type == "malware-sample" else self.value)
            or "picture"
        )

    @property
    def occurrence(self) -> str:
        return f"misp:attribute:{self.uuid}"


@dataclass(frozen=True, slots=True)
class Question:
    attributes: tuple[Attribute, ...]
    hover: bool
    #: A hover that was asked for by a click: more may be shown.
    persistent: bool
    #: From the arrival of the request until MISP must have its answer.
    seconds: float

    @classmethod
    def read(cls, request: Mapping[str, Any], *, max_seconds: float) -> Question:
        """Raises BadRequest."""
        given = _given(request)
        hover = request.get("event_id") in (None, "") and not any(attribute.data for attribute in given)
        return cls(
            attributes=given,
            hover=hover,
            persistent=str(request.get("persistent", "")).lower() in ("1", "true"),
            seconds=_seconds(
                request.get("timeout"), HOVER_SECONDS if hover else EXPANSION_SECONDS, max_seconds
            ),
        )


def is_uuid(text: object) -> bool:
    return isinstance(text, str) and _UUID.fullmatch(text) is not None


def _given(request: Mapping[str, Any]) -> tuple[Attribute, ...]:
    if isinstance(request.get("object"), Mapping):
        parts = request["object"].get("Attribute")
        pictures = (
            [part for part in parts if isinstance(part, Mapping) and part.get("type") in TYPES]
            if isinstance(parts, list)
            else []
        )
        if not pictures:
            raise BadRequest(
                f"the object holds no attribute of type {' or '.join(TYPES)}; attach a picture to it"
            )
        event_id = request["object"].get("event_id") or request.get("event_id")
        return tuple(_attribute(part, event_id, in_object=True) for part in pictures[:MOST_PICTURES])
    if not isinstance(request.get("attribute"), Mapping):
        raise BadRequest(
            "the request has no attribute and no object to look at; use the module from MISP, or post one with uuid, type, value and data"
        )
    return (_attribute(request["attribute"], request.get("event_id"), in_object=False),)


def _attribute(part: Mapping[str, Any], event_id: object, *, in_object: bool) -> Attribute:
    kind = part.get("type")
    if kind not in TYPES:
        raise BadRequest(
            f"the attribute is of type {harmless(str(kind), most=40)}; this module takes {', '.join(TYPES)} and the object {OBJECT}"
        )
    if not is_uuid(part.get("uuid")):
        raise BadRequest("the attribute has no valid uuid; send it as MISP has it")
    data = part.get("data")
    if data is not None and not isinstance(data, str):
        raise BadRequest("the data of the attribute is no text; expected base64")
    return Attribute(
        uuid=part["uuid"].lower(),
        type=kind,
        category=str(part.get("category") or ""),
        value=str(part.get("value") or ""),
        comment=str(part.get("comment") or ""),
        in_object=in_object or str(part.get("object_id") or "0") != "0",
        event_id=str(part.get("event_id") or event_id or ""),
        data=data or None,
    )


def _seconds(given: object, default: float, most: float) -> float:
    """The time for an answer, a margin for the way back taken off."""
    try:
        seconds = default if given in (None, "") else float(given)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        seconds = math.nan
    if isinstance(given, bool) or not 0 < seconds < math.inf:
        raise BadRequest(f"timeout is {harmless(repr(given), most=40)}; expected seconds above zero")
    allowed = min(math.floor(seconds) or seconds, most)  # misp-modules waits for whole seconds
    return allowed - min(MARGIN_SECONDS, allowed / 2)
