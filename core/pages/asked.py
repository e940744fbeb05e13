"""What a page is asked, and where: values that handlers take."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..engine import Engine
from ..errors import NotAllowed
from ..review.queue import Queue
from ..service.access import Caller
from ..service.fields import Field
from ..service.refusals import Refusal, Reply
from ..service.uploads import Body, Upload
from ..store.access_keys import Right
from .links import Links
from .sight import Sight


@dataclass(frozen=True, slots=True)
class Asked:
    """A request whose sender, fields and body were checked."""

    #: The store.
    engine: Engine
    #: What waits for a person.
    queue: Queue
    #: Who asks.
    caller: Caller
    #: Where browsers find occurrences.
    links: Links
    #: What the path names; empty where it names nothing.
    name: str = ""
    #: Values of the fields that were given.
    values: Mapping[str, Any] = field(default_factory=dict)
    #: Pictures that came with it, by field.
    files: Mapping[str, Upload] = field(default_factory=dict)

    @property
    def sight(self) -> Sight:
        """Return what the caller sees."""
        return Sight(self.engine, self.caller, self.links)

    def require_sight(self) -> None:
        """Return if the caller sees everything. Raises Refusal 403."""
        if not self.sight.sees_all:
            raise Refusal(403, NotAllowed("this needs a key that sees all (quaid key create --sees all)"))

    @property
    def common(self) -> dict[str, Any]:
        """Return what every page shows of who is signed in."""
        access = self.caller.access
        rights = tuple(Right) if access is None else access.rights
        return {
            "who": self.caller.name,
            "blind": access is not None and not access.sees,
            "may_review": Right.REVIEW in rights,
            "may_write": Right.WRITE in rights,
            "may_ignore": access is not None and Right.ADMIN in rights,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One method of one path below the root of the pages."""

    #: GET or POST.
    method: str
    #: The path; `{name}` at its end stands for one segment.
    path: str
    #: What a key needs.
    right: Right
    #: Answers it.
    handler: Callable[[Asked], Reply]
    #: Whether a script of ours asks; else a browser shows the answer.
    data: bool = False
    #: Its fields: of the URL, and of the body where it has one.
    fields: tuple[Field, ...] = ()
    #: What its body may be.
    body: Body = Body.NONE
    #: Whether it decodes or compares pictures, which takes a slot.
    heavy: bool = False
