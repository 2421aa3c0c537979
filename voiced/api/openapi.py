"""The OpenAPI document of the API (version 3.1), made of the Structs that check what comes in.

The same settings give the same document, byte for byte.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

import attrs
import msgspec

from voiced.api import examples
from voiced.api.messages import (
    Call,
    Calls,
    CallsQuery,
    Done,
    EndQuery,
    Faulty,
    Initiated,
    Key,
    OutboundCall,
    Problem,
    Reload,
    Transfer,
)
from voiced.api.reading import VARIABLE

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
REF = "#/components/schemas/{name}"

IN = (OutboundCall, Transfer)
OUT = (Initiated, Done, Calls, Call, Reload, Faulty, Problem)
ABSENT = ("path", "rule")
"""What an answer may leave out; all else is always there."""


@attrs.frozen
class Reply:
    """One status that an operation may answer with."""

    what: str
    message: Any = None
    """The example, and by its type the schema; None: no body that can be relied upon."""
    headers: Mapping[str, str] = attrs.field(factory=dict)


RETRY = {"Retry-After": "Seconds until it may be asked again."}
BAD = Reply("A field or parameter is wrong: `path` says which.", examples.WRONG)
NO_KEY = Reply("Without a good API key.", examples.NO_KEY, headers={"WWW-Authenticate": "Bearer"})
OFF = Reply("The API is off: voiced.yaml has no `api.keys`.", examples.OFF)
UNKNOWN = Reply("There is no such call, or it is not for this key to know.", examples.UNKNOWN)
LARGE = Reply("The body is too large.")
TYPE = Reply("The body is neither JSON nor a form.", examples.TYPE)
FULL = Reply("Too many calls, or nothing can be kept now: repeat it later.", examples.FULL, RETRY)
RULE = Reply("The guard refuses it, `rule` says by which rule; or the API is off.", examples.REFUSED)
CAP = Reply("Over a cap of the guard's: `rule` says which.", examples.REFUSED, RETRY)
KEYED = {400: BAD, 401: NO_KEY, 403: OFF, 503: FULL}
"""What may be answered to any request that needs a key."""


@attrs.frozen
class Operation:
    """Something that can be asked."""

    method: str
    path: str
    name: str
    summary: str
    replies: Mapping[int, Reply]
    description: str = ""
    query: type[msgspec.Struct] | None = None
    body: msgspec.Struct | None = None
    keyed: bool = True


OPERATIONS = (
    Operation(
        "post",
        "/outbound-call",
        "placeCall",
        "Call somebody and connect them to a flow",
        {
            **KEYED,
            200: Reply(
                "The carrier has accepted the call, now or before for this idempotency key.", examples.INITIATED
            ),
            400: Reply(
                "A field is wrong: `path` says which; or the carrier takes the number for none.", examples.WRONG
            ),
            403: RULE,
            409: Reply("The carrier cannot do this now.", examples.NOT_NOW),
            413: LARGE,
            415: TYPE,
            422: Reply("This idempotency key stands for another request already.", examples.REUSED),
            429: CAP,
            502: Reply(
                "The carrier refuses us, or cannot be reached. Repeat it with the same key.", examples.CARRIER
            ),
            504: Reply(
                "The carrier did not answer: the call may be on its way. Repeat it with the same key.",
                examples.UNSURE,
            ),
        },
        "Answered when the carrier has accepted the call. With an idempotency key it may safely be repeated.",
        body=examples.OUTBOUND_CALL,
    ),
    Operation(
        "get",
        "/calls",
        "listCalls",
        "Live calls, then those that are over",
        {**KEYED, 200: Reply("A page of calls.", examples.CALLS)},
        query=CallsQuery,
    ),
    Operation(
        "get",
        "/calls/{sid}",
        "getCall",
        "All about a call",
        {**KEYED, 200: Reply("The call.", examples.CALL), 404: UNKNOWN},
    ),
    Operation(
        "delete",
        "/calls/{sid}",
        "endCall",
        "End a call",
        {
            **KEYED,
            200: Reply("It was over already.", examples.OVER),
            202: Reply("It is ending.", examples.ENDING),
            404: UNKNOWN,
        },
        query=EndQuery,
    ),
    Operation(
        "post",
        "/calls/{sid}/transfer",
        "transferCall",
        "Connect the human of a call with somebody else",
        {
            **KEYED,
            202: Reply("It is being transferred.", examples.TRANSFERRING),
            403: RULE,
            404: UNKNOWN,
            409: Reply("It cannot be transferred now.", examples.NOT_NOW),
            413: LARGE,
            415: TYPE,
            429: CAP,
        },
        body=examples.TRANSFER,
    ),
    Operation(
        "post",
        "/reload",
        "reload",
        "Read the settings and flows again",
        {
            **KEYED,
            200: Reply("New calls follow them; live calls go on as they began.", examples.RELOADED),
            403: Reply("The API is off, or this key is for some flows only.", examples.NOT_ALL),
            422: Reply("Something is wrong with them, so nothing has changed.", examples.FAULTY),
        },
    ),
    Operation("get", "/openapi.json", "getDocument", "This document", {200: Reply("It.", {})}, keyed=False),
)


def document(public_url: str) -> dict[str, Any]:
    """The whole document, for a daemon that is reached there."""
    _, schemas = msgspec.json.schema_components([*IN, *OUT], ref_template=REF)
    for message in OUT:
        _always_there(schemas[message.__name__])
    paths: dict[str, Any] = {}
    for operation in OPERATIONS:
        paths.setdefault(operation.path, {})[operation.method] = _operation(operation, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "voiced",
            "version": version("voiced"),
            "description": "Places, shows and ends telephone calls.",
        },
        "servers": [{"url": public_url}],
        "paths": paths,
        "components": {
            "schemas": dict(sorted(schemas.items())),
            "securitySchemes": {
                "key": {"type": "http", "scheme": "bearer", "description": "A key of `api.keys` in voiced.yaml."}
            },
        },
    }


def _operation(operation: Operation, schemas: Mapping[str, Any]) -> dict[str, Any]:
    shown: dict[str, Any] = {"operationId": operation.name, "summary": operation.summary}
    if operation.description:
        shown["description"] = operation.description
    shown["security"] = [{"key": []}] if operation.keyed else []
    if parameters := _parameters(operation):
        shown["parameters"] = parameters
    if operation.body is not None:
        shown["requestBody"] = _body(operation.body, schemas)
    shown["responses"] = {str(status): _reply(reply) for status, reply in sorted(operation.replies.items())}
    return shown


def _parameters(operation: Operation) -> list[dict[str, Any]]:
    """What stands in the path, in the query and in headers."""
    parameters: list[dict[str, Any]] = []
    if "{sid}" in operation.path:
        schema = {"type": "string", "pattern": "^[A-Za-z0-9]{1,64}$", "examples": [examples.SID]}
        parameters.append({"name": "sid", "in": "path", "required": True, "schema": schema})
    if operation.query is not None:
        for name, schema in _properties(operation.query).items():
            described = {"name": name, "in": "query", "description": schema.pop("description", "")}
            parameters.append({**described, "schema": schema})
    if isinstance(operation.body, OutboundCall):
        schema = msgspec.json.schema(Key)
        parameters.append({"name": "Idempotency-Key", "in": "header", "schema": schema})
    return parameters


def _properties(query: type[msgspec.Struct]) -> dict[str, Any]:
    """The schema of each parameter."""
    properties: dict[str, Any] = msgspec.json.schema_components([query])[1][query.__name__]["properties"]
    return {name: _of_text(schema) for name, schema in properties.items()}


def _of_text(schema: dict[str, Any]) -> dict[str, Any]:
    """The same where all is text, and what is left out is no null: in a form, or a query string."""
    found = {key: value for key, value in schema.items() if key != "anyOf"}
    for choice in schema.get("anyOf", ()):
        if choice != {"type": "null"}:
            found |= choice
    if found.get("default", "") is None:
        del found["default"]
    return found


def _body(example: msgspec.Struct, schemas: Mapping[str, Any]) -> dict[str, Any]:
    """The body as JSON and as a form: there variables are fields of their own, and what is empty is left out."""
    name = type(example).__name__
    form = dict(schemas[name])
    fields = {field: _of_text(schema) for field, schema in form.pop("properties").items()}
    variables = fields.pop("variables", None)
    if variables is not None:
        pattern = variables["propertyNames"]["pattern"].replace("^", f"^{VARIABLE.replace('.', '[.]')}", 1)
        form["patternProperties"] = {pattern: variables["additionalProperties"]}
    form |= {"title": f"{name}Form", "properties": fields}
    shown = {key: value for key, value in msgspec.to_builtins(example).items() if value is not None}
    return {
        "required": True,
        "content": {
            JSON: {"schema": {"$ref": REF.format(name=name)}, "example": shown},
            FORM: {"schema": form},
        },
    }


def _reply(reply: Reply) -> dict[str, Any]:
    shown: dict[str, Any] = {"description": reply.what}
    if reply.headers:
        shown["headers"] = {
            name: {"description": what, "schema": {"type": "string"}} for name, what in reply.headers.items()
        }
    if isinstance(reply.message, msgspec.Struct):
        schema = {"$ref": REF.format(name=type(reply.message).__name__)}
        shown["content"] = {JSON: {"schema": schema, "example": msgspec.to_builtins(reply.message)}}
    elif reply.message is not None:
        shown["content"] = {JSON: {"schema": {"type": "object"}}}
    return shown


def _always_there(schema: dict[str, Any]) -> None:
    schema["required"] = [name for name in schema["properties"] if name not in ABSENT]
