"""The document of the service, OpenAPI 3.1, made from the list of operations."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from .fields import IMAGE_ID, LARGEST, LONG_CHARACTERS, TEXT_CHARACTERS, Field, Kind
from .operation import NAME, OTHER, Operation
from .operations import OPERATIONS
from .schemas import SCHEMAS, Schema
from .uploads import MOST_PICTURES, Body

_ERROR = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
#: What each status of an error means.
ERRORS = {
    "400": "A field is wrong, missing or unknown, or the body cannot be read",
    "401": "The key is missing, unknown, revoked or expired",
    "403": "The key lacks the right, or a page of another site asks",
    "404": "Nothing in the store has this name",
    "405": "The path does not know this method",
    "408": "The body came too slowly",
    "413": "The picture, or the body, is larger than the service accepts",
    "415": "The body is of another type than expected",
    "421": "The Host header names another service",
    "422": "The bytes are not a picture that can be used",
    "429": "The key sends more requests than its rate allows; Retry-After says when to come again",
    "500": "What is stored cannot be read, or the service failed",
    "503": "No slot is free, or the store is away; Retry-After says when to come again",
}


def document() -> dict[str, Any]:
    """Return the document."""
    paths: dict[str, dict[str, Any]] = {}
    for operation in OPERATIONS:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation)
    for path, summary in (("/livez", "Whether the process runs"), ("/readyz", "Whether the store answers")):
        answer = {"application/json": {"schema": {"type": "object"}}}
        paths[path] = {
            "get": {
                "operationId": path.strip("/"),
                "summary": summary,
                "security": [],
                "responses": {"200": {"description": summary, "content": answer}} | _errors("421", "503"),
            }
        }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Douglas-Quaid",
            "version": version("douglas-quaid"),
            "summary": "Have we seen this picture, or a piece of it, before, and how sure are we?",
        },
        "paths": paths,
        "components": {
            "schemas": SCHEMAS,
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{"key": []}, {}],
    }


def _operation(operation: Operation) -> dict[str, Any]:
    found: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.summary,
        "description": f"A key needs the right `{operation.right.value}`.",
        "parameters": _parameters(operation),
        "responses": _answers(operation)
        | _errors(*(status for status in ERRORS if status not in ("405", "415") or operation.body)),
    }
    if operation.body is not Body.NONE:
        found["requestBody"] = {"required": True, "content": _body(operation)}
    return found


def _parameters(operation: Operation) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for place, name in ((NAME, "name"), (OTHER, "other")):
        if place not in operation.path:
            continue
        found.append(
            {
                "name": name,
                "in": "path",
                "required": True,
                "description": "image id (8 digits of it or more), occurrence or cluster id, or as the"
                " operation says; / as %2F",
                "schema": {"type": "string", "minLength": 1},
            }
        )
    if operation.body in (Body.NONE, Body.PICTURE, Body.PICTURES):
        found += [
            {
                "name": field.name,
                "in": "query",
                "required": field.required,
                "description": field.meaning,
                "schema": _schema(field),
            }
            for field in operation.fields
        ]
    return found


def _body(operation: Operation) -> dict[str, Any]:
    properties = {field.name: _schema(field) | {"description": field.meaning} for field in operation.fields}
    required = [field.name for field in operation.fields if field.required]
    form: Schema = {"type": "object", "properties": dict(properties), "additionalProperties": False}
    file: Schema = {"type": "string", "contentMediaType": "application/octet-stream"}
    if operation.body in (Body.PICTURE, Body.PICTURES):
        several = {"type": "array", "items": file, "minItems": 1, "maxItems": MOST_PICTURES}
        form["properties"]["image"] = file if operation.body is Body.PICTURE else several
        form["required"] = ["image"]
        return {
            "multipart/form-data": {"schema": form},
            "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
        }
    required = ["a", "b"] if operation.body is Body.PAIR else required
    named: Schema = form | {"required": required}
    if operation.body is Body.BOOKS:
        return {"application/json": {"schema": named}}
    if operation.body is Body.PAIR:
        form = form | {"properties": {side: file for side in ("a", "b")}}
    return {
        "application/json": {"schema": named},
        "multipart/form-data": {"schema": form | {"required": required}},
    }


def _schema(field: Field) -> Schema:
    """The schema of the value of a field."""
    schema: Schema = {"type": "string", "maxLength": TEXT_CHARACTERS}
    if field.kind is Kind.FLAG:
        schema = {"type": "boolean"}
    elif field.kind is Kind.IMAGE:
        schema = {"type": "string", "pattern": f"^{IMAGE_ID.pattern}$"}
    elif field.kind is Kind.LONG:
        schema = {"type": "string", "maxLength": LONG_CHARACTERS}
    elif field.kind is Kind.WHOLE:
        schema = {"type": "integer", "minimum": 1, "maximum": LARGEST}
    elif field.kind is Kind.NUMBER:
        schema = {"type": "number", "exclusiveMinimum": 0, "maximum": LARGEST}
    elif field.kind is Kind.TIME:
        schema = {"type": "string", "format": "date-time"}
    elif field.choices:
        schema = {"type": "string", "enum": list(field.choices)}
    if not field.many:
        return schema
    return {"type": "array", "items": schema} | ({"minItems": 1} if field.required else {})


def _answers(operation: Operation) -> dict[str, Any]:
    if not operation.answer:
        content: dict[str, Any] = {operation.media: {"schema": {"type": "string", "format": "binary"}}}
    elif operation.forms:
        json_schema: Schema = {"$ref": f"#/components/schemas/{operation.answer}"}
        text_schema: Schema = {"type": "string"}
        content = {
            media: {"schema": json_schema if media == "application/json" else text_schema}
            for media in operation.forms
        }
    else:
        schema = {"$ref": f"#/components/schemas/{operation.answer}"}
        media = "application/x-ndjson" if operation.lines else "application/json"
        content = {media: {"schema": schema if not operation.lines else {"type": "string"}}}
        if operation.lines:
            content[media]["schema"]["description"] = f"One {operation.answer} as JSON on each line"
    text = f"One {operation.answer} on each line" if operation.lines else operation.summary
    found = {"200": {"description": text, "content": content}}
    if operation.later:
        pending = {"application/json": {"schema": {"$ref": "#/components/schemas/Pending"}}}
        found["202"] = {
            "description": "It is not ready; Location says where it is fetched",
            "content": pending,
        }
    if operation.body is Body.PICTURES:
        content["application/x-ndjson"] = {"schema": {"type": "string"}}
    if operation.created:
        found["201"] = {"description": "It is new, and every process finds it now", "content": content}
    return found


def _errors(*statuses: str) -> dict[str, Any]:
    return {status: {"description": ERRORS[status], "content": _ERROR} for status in statuses}
