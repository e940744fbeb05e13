"""A MISP for tests: the part of its REST interface that the sync uses, over real HTTP, with faults on demand.

Responses have the format of MISP 2.5 (numbers as strings, `{"response": {"Attribute": [...]}}`, errors as
name, message and url), with PyMISP's own objects as their contents. Its clock, which tests may advance, is
also the header Date.
"""

from __future__ import annotations

import base64
import json
import ssl
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote

from pymisp import MISPAttribute, MISPEvent, MISPObject, MISPUser
from pymisp.abstract import describe_types

KEY = "quaidTestKey" + "0123456789" * 2 + "abcdefgh"
Request = dict[str, Any]


@dataclass(eq=False)
class Event:
    id: int
    info: str
    timestamp: int
    distribution: int = 1
    org: str = "CSIRT-A"
    published: bool = True
    publish_timestamp: int = 0
    tags: list[str] = field(default_factory=list)
    uuid: str = field(default_factory=lambda: str(uuid.uuid4()))


@dataclass(eq=False)
class Object:
    id: int
    name: str
    event: Event
    distribution: int = 5
    references: list[str] = field(default_factory=list)
    uuid: str = field(default_factory=lambda: str(uuid.uuid4()))


@dataclass(eq=False)
class Attribute:
    id: int
    event: Event
    value: str
    timestamp: int
    type: str = "attachment"
    #: A text is sent unchanged, bytes as base64.
    data: bytes | str = b""
    object: Object | None = None
    relation: str | None = None
    distribution: int = 5
    deleted: bool = False
    comment: str = ""
    first_seen: str | None = None
    tags: list[str] = field(default_factory=list)
    local_tags: list[str] = field(default_factory=list)
    uuid: str = field(default_factory=lambda: str(uuid.uuid4()))


@dataclass
class Fault:
    status: int = 500
    headers: dict[str, str] = field(default_factory=dict)
    #: None: MISP's JSON for the status, or the correct response for 200.
    body: bytes | None = None
    #: Whether the connection is closed in the middle of the response.
    cut: bool = False
    times: int = 1
    when: Callable[[str, Request], bool] = lambda path, request: True


class Misp:
    """The contents of the instance, and what tests do to it."""

    def __init__(self) -> None:
        self.attributes: list[Attribute] = []
        #: Events that have or had attributes, or have none yet.
        self.events: list[Event] = []
        #: Organisations that the user of the key may see, besides those of events.
        self.organisations: set[str] = set()
        #: Tags that exist, besides those in use.
        self.tags: set[str] = set()
        self.relationships: dict[str, Request] = {}
        self.faults: list[Fault] = []
        self.requests: list[tuple[str, Request]] = []
        self.before_answer: Callable[[str, Request], None] = lambda path, request: None
        self.sorts = True
        """Whether it knows the parameter `order`; without it the last rows come first."""
        self.url = ""
        self._ids = 0
        self._ahead = 0
        self.lock = threading.RLock()

    # -- what users do ---------------------------------------------------------------------------------------

    @property
    def now(self) -> int:
        return int(time.time()) + self._ahead

    def later(self, seconds: int = 10_000) -> None:
        self._ahead += seconds

    def event(self, info: str = "an event", **fields: Any) -> Event:
        event = Event(self._id(), info, self.now, **fields)
        event.publish_timestamp = event.publish_timestamp or (self.now if event.published else 0)
        self.events.append(event)
        return event

    def attach(self, event: Event, data: bytes | str, value: str = "picture.png", **fields: Any) -> Attribute:
        event.timestamp = self.now
        self.attributes.append(
            Attribute(self._id(), event, value, fields.pop("timestamp", self.now), data=data, **fields)
        )
        return self.attributes[-1]

    def object(self, event: Event, name: str = "image", **fields: Any) -> Object:
        return Object(self._id(), name, event, **fields)

    def edit(self, attribute: Attribute, **fields: Any) -> None:
        for name, value in fields.items():
            setattr(attribute, name, value)
        attribute.timestamp = attribute.event.timestamp = self.now

    def delete(self, attribute: Attribute) -> None:
        self.edit(attribute, deleted=True)

    def delete_for_good(self, *attributes: Attribute) -> None:
        self.attributes = [attribute for attribute in self.attributes if attribute not in attributes]

    def delete_event(self, event: Event) -> None:
        self.delete_for_good(*[attribute for attribute in self.attributes if attribute.event is event])
        self.events.remove(event)

    def publish(self, event: Event) -> None:
        event.published, event.publish_timestamp = True, self.now

    def fault(self, **fields: Any) -> None:
        self.faults.append(Fault(**fields))

    def asked(self, *, files: bool) -> list[Request]:
        """Searches for attributes, with or without their files."""
        return [
            request
            for path, request in self.requests
            if path == "/attributes/restSearch" and bool(request.get("withAttachments")) is files
        ]

    def fetched(self) -> list[str]:
        """UUIDs whose files were asked for."""
        return [attribute for request in self.asked(files=True) for attribute in request["uuid"]]

    def _id(self) -> int:
        self._ids += 1
        return self._ids

    # -- what it answers -------------------------------------------------------------------------------------

    def answer(self, method: str, path: str, request: Request) -> tuple[int, Any]:
        parts = path.strip("/").split("/")
        if path == "/servers/getVersion":
            return 200, {"version": "2.5.1", "perm_sync": True, "pymisp_recommended_version": "2.5.1"}
        if path == "/users/view/me":
            user = MISPUser()
            user.from_dict(id="1", email="analyst@example.org", org_id="1", role_id="3")
            return 200, {
                "User": user.to_dict(),
                "Role": {"id": "3", "name": "User", "perm_add": True},
                "UserSetting": [],
            }
        if path == "/attributes/describeTypes.json":
            return 200, {"result": describe_types}
        if path == "/attributes/restSearch":
            return 200, {
                "response": {"Attribute": [self._row(found, request) for found in self._search(request)]}
            }
        if path == "/events/restSearch":
            return 200, {
                "response": [
                    self._event(event)
                    for event in self.events
                    if _is_named(event, request) and request.get("org") in (None, event.org)
                ]
            }
        if parts[:2] == ["organisations", "view"]:
            known = self.organisations | {event.org for event in self.events}
            found = unquote(parts[2]) in known
            return (200, {"Organisation": {"name": unquote(parts[2])}}) if found else (404, None)
        if path == "/tags/search":
            return 200, [
                {"Tag": {"name": tag}} for tag in sorted(self._tags()) if _like(tag, request["tagname"])
            ]
        if parts[0] == "analyst_data" and len(parts) > 3:
            return self._analyst_data(parts[1:], request)
        return 404, None

    def _search(self, request: Request) -> list[Attribute]:
        found = [attribute for attribute in self.attributes if self._fits(attribute, request)]
        if self.sorts and "order" in request:
            rising, falling = (
                [f"Attribute.timestamp {way}", f"Attribute.id {way}"] for way in ("asc", "desc")
            )
            assert request["order"].split(",") in (rising, falling)
            found.sort(
                key=lambda attribute: (attribute.timestamp, attribute.id),
                reverse=request["order"].split(",") == falling,
            )
        elif not self.sorts:
            found.reverse()
        start = (int(request.get("page", 1)) - 1) * int(request.get("limit", 0))
        return found[start:][: request.get("limit")]

    def _fits(self, attribute: Attribute, request: Request) -> bool:
        event, tags = attribute.event, {*attribute.tags, *attribute.local_tags, *attribute.event.tags}
        wanted = [tag for tag in request.get("tags", []) if not tag.startswith("!")]
        unwanted = [tag[1:] for tag in request.get("tags", []) if tag.startswith("!")]
        return (
            attribute.type in request.get("type", [attribute.type])
            and (not wanted or any(_like(tag, pattern) for tag in tags for pattern in wanted))
            and not any(_like(tag, pattern) for tag in tags for pattern in unwanted)
            and request.get("org") in (None, event.org)
            and request.get("published") in (None, event.published)
            and _is_named(event, request)
            and attribute.uuid in request.get("uuid", [attribute.uuid])
            and int(attribute.deleted) in request.get("deleted", [0])
            and attribute.timestamp >= request.get("timestamp", 0)
            and event.timestamp >= request.get("event_timestamp", 0)
            and event.publish_timestamp >= request.get("publish_timestamp", 0)
        )

    def _row(self, attribute: Attribute, request: Request) -> dict[str, Any]:
        row = MISPAttribute()
        known = {
            "type": attribute.type,
            "value": attribute.value,
            "uuid": attribute.uuid,
            "comment": attribute.comment,
            "first_seen": attribute.first_seen,
        }
        row.from_dict(**{name: value for name, value in known.items() if value is not None})
        event, holder = attribute.event, attribute.object
        answer: dict[str, Any] = json.loads(row.to_json()) | {
            "id": str(attribute.id),
            "event_id": str(event.id),
            "object_id": str(holder.id) if holder else "0",
            "object_relation": attribute.relation,
            "timestamp": str(attribute.timestamp),
            "distribution": str(attribute.distribution),
            "sharing_group_id": "0",
            "deleted": attribute.deleted,
            "first_seen": attribute.first_seen,
            "last_seen": None,
            "Event": {
                "id": str(event.id),
                "uuid": event.uuid,
                "info": event.info,
                "org_id": "1",
                "orgc_id": "1",
                "distribution": str(event.distribution),
                "publish_timestamp": str(event.publish_timestamp),
            },
        }
        if holder:
            answer["Object"] = {
                "id": str(holder.id),
                "distribution": str(holder.distribution),
                "sharing_group_id": "0",
            }
        tags = [{"id": "1", "name": name, "colour": "#ffffff", "local": 0} for name in attribute.tags]
        tags += [{"id": "2", "name": name, "colour": "#ffffff", "local": 1} for name in attribute.local_tags]
        if request.get("includeEventTags"):
            tags += [{"id": "3", "name": name, "colour": "#ffffff", "inherited": 1} for name in event.tags]
        answer |= {"Tag": tags} if tags else {}
        if request.get("withAttachments") and attribute.type in ("attachment", "malware-sample"):
            answer["data"] = (
                attribute.data
                if isinstance(attribute.data, str)
                else base64.b64encode(attribute.data).decode()
            )
        return answer

    def _tags(self) -> set[str]:
        used = [[*attribute.tags, *attribute.local_tags] for attribute in self.attributes]
        return self.tags.union(*used, *[event.tags for event in self.events])

    def _event(self, event: Event) -> dict[str, Any]:
        answer = MISPEvent()
        answer.from_dict(
            info=event.info,
            uuid=event.uuid,
            distribution=event.distribution,
            date="2026-11-22",
            published=event.published,
        )
        rows = [attribute for attribute in self.attributes if attribute.event is event]
        objects = list(
            {attribute.object.id: attribute.object for attribute in rows if attribute.object}.values()
        )
        inside = json.loads(answer.to_json()) | {
            "id": str(event.id),
            "Attribute": [self._row(row, {}) for row in rows if row.object is None],
            "Object": [
                self._object(found, [row for row in rows if row.object is found]) for found in objects
            ],
        }
        return {"Event": inside}

    def _object(self, found: Object, rows: list[Attribute]) -> dict[str, Any]:
        answer = MISPObject(found.name, standalone=False)
        answer.from_dict(**{"uuid": found.uuid, "distribution": found.distribution, "meta-category": "file"})
        references = [
            {
                "uuid": str(uuid.uuid4()),
                "object_uuid": found.uuid,
                "referenced_uuid": to,
                "relationship_type": "similar",
            }
            for to in found.references
        ]
        row: dict[str, Any] = json.loads(answer.to_json()) | {
            "id": str(found.id),
            "name": found.name,
            "Attribute": [self._row(row, {}) for row in rows],
            "ObjectReference": references,
        }
        return row

    def _analyst_data(self, parts: list[str], request: Request) -> tuple[int, Any]:
        if parts[0] == "view":
            found = self.relationships.get(parts[2])
            return (404, None) if found is None else (200, {"Relationship": found})
        if request["uuid"] in self.relationships:
            return 403, {
                "saved": False,
                "name": "Could not add Relationship",
                "message": "Could not add Relationship",
                "errors": {"uuid": ["not unique"]},
            }
        self.relationships[request["uuid"]] = request
        return 200, {"Relationship": request}


def _like(text: str, pattern: str) -> bool:
    return text.startswith(pattern[:-1]) if pattern.endswith("%") else text == pattern


def _is_named(event: Event, request: Request) -> bool:
    named = request.get("eventid")
    return (
        named is None
        or {str(event.id), event.uuid}
        & {str(name) for name in (named if isinstance(named, list) else [named])}
        != set()
    )


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True
    misp: Misp

    def log_message(self, *_: object) -> None:
        """Print nothing."""

    def date_time_string(self, timestamp: float | None = None) -> str:
        return formatdate(self.misp.now if timestamp is None else timestamp, usegmt=True)

    def do_GET(self) -> None:
        self._respond({})

    def do_POST(self) -> None:
        self._respond(json.loads(self.rfile.read(int(self.headers["Content-Length"])) or b"{}"))

    def _respond(self, request: Request) -> None:
        misp = self.misp
        with misp.lock:
            misp.requests.append((self.path, request))
            misp.before_answer(self.path, request)
            fault = next(
                (fault for fault in misp.faults if fault.times > 0 and fault.when(self.path, request)), None
            )
            if fault is not None:
                fault.times -= 1
            if fault is not None and fault.status != 200:
                status, answer = fault.status, None
            elif self.headers["Authorization"] != KEY:
                status, answer = 403, None
            else:
                status, answer = misp.answer(self.command, self.path, request)
        if answer is None:
            message = {
                403: "Authentication failed. Please make sure you pass the API key of an API enabled user"
                " along in the Authorization header."
            }
            text = message.get(status, "An Internal Error Has Occurred.")
            answer = {"name": text, "message": text, "url": self.path}
        body = json.dumps(answer).encode() if fault is None or fault.body is None else fault.body
        self.send_response(status)
        headers = {"Content-Type": "application/json; charset=UTF-8", "Content-Length": str(len(body))} | (
            fault.headers if fault else {}
        )
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if fault and fault.cut else body)
        self.wfile.flush()
        if fault and fault.cut:
            self.close_connection = True


@contextmanager
def misp_server(*, certificate: tuple[str, str] | None = None) -> Iterator[Misp]:
    """Run an empty instance; `certificate` are the files of certificate and key for TLS."""
    misp = Misp()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"misp": misp}))
    server.daemon_threads = True
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    misp.url = f"{'https' if certificate else 'http'}://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield misp
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
