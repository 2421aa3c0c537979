"""Whether REST requests, and what they are answered, are as Twilio's own OpenAPI description has them."""

from __future__ import annotations

import json
import re
from email.utils import parsedate_to_datetime
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlencode

import attrs

SPEC = Path(__file__).parents[2] / "shared/specs/twilio_api_v2010.json"
CALLS = "/2010-04-01/Accounts/{AccountSid}/Calls.json"
CALL = "/2010-04-01/Accounts/{AccountSid}/Calls/{Sid}.json"
MESSAGES = "/2010-04-01/Accounts/{AccountSid}/Messages.json"
ACCOUNT = "/2010-04-01/Accounts/{Sid}.json"
NUMBERS = "/2010-04-01/Accounts/{AccountSid}/IncomingPhoneNumbers.json"
NUMBER = "/2010-04-01/Accounts/{AccountSid}/IncomingPhoneNumbers/{Sid}.json"
EVENTS = "/2010-04-01/Accounts/{AccountSid}/Calls/{CallSid}/Events.json"
NOTIFICATIONS = "/2010-04-01/Accounts/{AccountSid}/Calls/{CallSid}/Notifications.json"
PATHS = (CALLS, CALL, MESSAGES, ACCOUNT, NUMBERS, NUMBER, EVENTS, NOTIFICATIONS)
MONITOR = "/v1/"
"""Of monitor.twilio.com, which has a description of its own, the path begins so."""
OPERATIONS = {(CALLS, "get"), (CALLS, "post"), (CALL, "get"), (CALL, "post"), (MESSAGES, "post")}
OPERATIONS |= {(ACCOUNT, "get"), (NUMBERS, "get"), (NUMBER, "post"), (EVENTS, "get"), (NOTIFICATIONS, "get")}
"""All that the daemon uses."""
COMPLAINT = {"code", "message", "more_info", "status"}


class Undocumented(Exception):
    """A request or an answer that the vendor's description does not know so."""


def check_rest(requests):
    """Raises Undocumented for the first of these (`Carrier.rest_requests`) that is wrong, or was answered wrongly.

    Without the description, or openapi-core, everything is fine: see `available`.
    """
    if requests and available():  # the first of all costs a second
        for request in requests:
            if request.path.startswith(MONITOR):
                continue
            _check_names(request)
            _check(_Request.of(request))
            if request.status:
                _check_answer(request)


def available():
    """Whether there is a description to compare with, and what compares."""
    return SPEC.exists() and find_spec("openapi_core") is not None


def reason():
    """Why there is not."""
    return f"{SPEC} is absent, or the package openapi-core"


def _check(*messages):
    from openapi_core.exceptions import OpenAPIError

    try:
        if len(messages) == 1:
            _described()[0].validate_request(*messages)
        else:
            _described()[0].validate_response(*messages)
    except OpenAPIError as error:
        request = messages[0]
        raise Undocumented(f"{request.method} {request.path}: {_why(error)}") from error


def _why(error):
    """All that openapi-core knows: its own sentence names no field."""
    found = [str(error)]
    while error := error.__cause__:
        found += [f"{one.json_path}: {one.message}" for one in getattr(error, "schema_errors", ())] or [str(error)]
    return "; ".join(dict.fromkeys(found))


def _check_names(request):
    """openapi-core passes over the names that the description does not know."""
    template = next((path for path in PATHS if _is_of(path, request.path)), CALL)
    operation = _described()[1]["paths"][template].get(request.method.lower())
    if operation is None:
        raise Undocumented(f"{request.method} {request.path}: no such operation")
    form = operation.get("requestBody", {}).get("content", {}).get("application/x-www-form-urlencoded", {})
    known = {parameter["name"] for parameter in operation["parameters"] if parameter["in"] == "query"}
    for where, pairs, names in (
        ("query", request.query, known),
        ("form", request.fields, set(form.get("schema", {}).get("properties", {}))),
    ):
        if unknown := {name for name, _ in pairs} - names:
            raise Undocumented(f"{request.method} {request.path}: the {where} has no {sorted(unknown)}")


def _is_of(template, path):
    return re.fullmatch(re.sub(r"\\{\w+\\}", "[^/]+?", re.escape(template)), path) is not None


def _check_answer(request):
    """The description has the good answers only; a complaint is as Twilio's documentation of errors shows it."""
    if request.status >= 400:
        complaint = json.loads(request.response)
        if set(complaint) != COMPLAINT or complaint["status"] != request.status:
            raise Undocumented(f"{request.method} {request.path}: {complaint} is not how Twilio complains")
    else:
        _check(_Request.of(request), _Response(request.response, request.status))


@attrs.define
class _Request:
    """As openapi-core wants to see it (openapi_core.protocols.Request)."""

    path: str
    method: str
    body: bytes | None
    content_type: str
    parameters: object
    host_url: str = "https://api.twilio.com"

    @classmethod
    def of(cls, request):
        from openapi_core.datatypes import RequestParameters
        from werkzeug.datastructures import ImmutableMultiDict

        # What exactly they authenticate with is not our business; that they do is part of the description.
        header = {"Authorization": f"{request.scheme} eA=="} if request.scheme else {}
        parameters = RequestParameters(query=ImmutableMultiDict(request.query), header=header)
        body = urlencode(request.fields).encode() or None
        return cls(request.path, request.method.lower(), body, request.content_type, parameters)


@attrs.define
class _Response:
    """As openapi-core wants to see it (openapi_core.protocols.Response)."""

    data: bytes
    status_code: int
    content_type: str = "application/json"
    headers: dict[str, str] = attrs.field(factory=dict)


@cache
def _described():
    """The description as openapi-core has it, and as it is written. Of its 1.9 MB only what we ask is used:
    the rest would cost seconds."""
    from openapi_core import Config, OpenAPI

    whole = json.loads(SPEC.read_text("utf-8"))
    paths = {path: dict(whole["paths"][path]) for path in PATHS}
    cut = {**whole, "paths": paths, "components": {**whole["components"], "schemas": {}}}
    wanted = [name for name in whole["components"]["schemas"] if _names(paths, name)]
    while wanted:
        name = wanted.pop()
        schema = cut["components"]["schemas"][name] = whole["components"]["schemas"][name]
        wanted += [other for other in whole["components"]["schemas"] if _names(schema, other)]
    checks = {"date-time-rfc-2822": _is_rfc2822}
    return OpenAPI.from_dict(cut, config=Config(extra_format_validators=checks)), cut


def _names(part, schema):
    return f'"#/components/schemas/{schema}"' in json.dumps(part)


def _is_rfc2822(value):
    try:
        return bool(parsedate_to_datetime(value))
    except ValueError:
        return False
