"""What one method of one path is: the right that it needs, its fields and its answer."""

from __future__ import annotations

from dataclasses import dataclass

from ..store.access_keys import Right
from .fields import Field
from .handlers import API, Handler
from .uploads import Body

__all__ = ["API", "NAME", "OTHER", "Operation"]

#: Stands in a path for the name of an image or a cluster: one segment, in which `/` is percent-encoded.
NAME = "{name}"
#: Stands in a path for the name of a second image.
OTHER = "{other}"


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
    #: Answers it; None where the application does.
    handler: Handler | None
    #: Name of the schema of its answer in schemas.py; empty for a picture of the type `media`.
    answer: str
    #: Media type of an answer that is a picture.
    media: str = "image/png"
    #: Media types of an answer that has several forms; empty for the usual one.
    forms: tuple[str, ...] = ()
    #: Whether the answer is one JSON object on each line.
    lines: bool = False
    #: Whether an answer may be ready later: status 202.
    later: bool = False
    #: Status of an answer beside 200.
    created: bool = False
    #: Its fields: of the URL, and of the body where it has one.
    fields: tuple[Field, ...] = ()
    #: What its body may be.
    body: Body = Body.NONE
    #: Whether it decodes or compares pictures, which takes a slot.
    heavy: bool = False
