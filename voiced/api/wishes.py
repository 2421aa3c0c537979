"""What a request asks for: its body, in JSON or as a form, as a Wish for a call or a Dial for a transfer."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from voiced.api.answer import Declined
from voiced.api.entrance import headers
from voiced.api.messages import Key, OutboundCall, Transfer
from voiced.api.reading import from_form, from_json, read, spread
from voiced.call.wish import Wish
from voiced.errors import BadWish
from voiced.ivoiced import Dial

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
WHOLE = ("timeout", "max_seconds")
"""The fields that are numbers, also in a form."""
KEY_HEADER = "Idempotency-Key"


class _Keyed(msgspec.Struct):
    idempotency_key: Key


_TYPE = re.compile(r"\s*([!-:<-~]+)\s*(?:;.*)?")


def body(request: Any) -> dict[str, Any]:
    """The fields of a request's body. Raises BadWish, or Declined for a type or coding that is not read here."""
    text: bytes = request.content.read()
    types = headers(request, "Content-Type")
    if not types and not text:
        return {}
    if any(coding.lower() != "identity" for coding in headers(request, "Content-Encoding")):
        raise Declined(415, "a body is not compressed here")
    match = _TYPE.fullmatch(types[0]) if len(types) == 1 else None
    kind = match[1].lower() if match else ""
    if kind == JSON:
        return from_json(text)
    if kind == FORM:
        return spread(from_form(text), WHOLE)
    raise Declined(415, f"the body must be {JSON} or {FORM}: say so in Content-Type")


def wish(fields: Mapping[str, Any], keys: Sequence[str]) -> Wish:
    """The call that is asked for; `keys` are the values of the header Idempotency-Key."""
    if fields.get("number") in (None, ""):
        raise BadWish("number", "Phone number is required")
    wanted = read(fields, OutboundCall)
    return Wish(
        number=wanted.number,
        flow=wanted.flow,
        prompt=wanted.prompt,
        first_message=wanted.first_message,
        variables=wanted.variables,
        from_=wanted.from_,
        timeout=wanted.timeout,
        max_seconds=wanted.max_seconds,
        machine_detection=wanted.machine_detection,
        idempotency_key=_key(wanted.idempotency_key, keys),
    )


def dial(fields: Mapping[str, Any]) -> Dial:
    """The transfer that is asked for."""
    wanted = read(fields, Transfer)
    return Dial(wanted.to, wanted.caller_id, wanted.timeout)


def _key(inside: str | None, keys: Sequence[str]) -> str | None:
    """One idempotency key, wherever it was said; in a header it may stand in quotes (draft-ietf-httpapi-…-header)."""
    said = {key[1:-1] if len(key) > 1 and key[0] == key[-1] == '"' else key for key in keys}
    if inside is not None:
        said.add(inside)
    if len(said) > 1:
        raise BadWish("idempotency_key", f"the header {KEY_HEADER} says another one: say one of them")
    return read({"idempotency_key": said.pop()}, _Keyed).idempotency_key if said else None
