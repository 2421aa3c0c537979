"""Reads what came in, strictly: a JSON object, a form or a query string becomes a Struct, or is told what is wrong.

Pure. Everything that is not right raises BadWish with the path of the field that is wrong, "" when it is the whole.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, NoReturn, TypeVar
from urllib.parse import parse_qsl

import msgspec

from voiced.errors import BadWish

DEEPEST = 4
"""Levels of objects and lists; what is wanted has two."""
MOST_FIELDS = 100
LONGEST_SHOWN = 80
"""Characters of a stranger's field name that an error repeats."""
VARIABLE = "variables."
"""What a variable's name begins with in a form: `variables.name=Ann`."""

_AT = re.compile(r" - at `(?P<key>key` in `)?\$(?P<path>[^`]*)`$")
_FIELD = re.compile(r"^Object (?:contains unknown|missing required) field `(?P<name>.*)`$", re.DOTALL)
_WHOLE = re.compile(r"-?[0-9]{1,15}")

S = TypeVar("S", bound=msgspec.Struct)


def from_json(body: bytes) -> dict[str, Any]:
    """The object in a JSON text (RFC 8259, with every name once)."""
    try:
        found = json.loads(
            body.decode(), object_pairs_hook=_once, parse_constant=_no_number, parse_float=_finite_number
        )
    except UnicodeDecodeError as error:
        raise BadWish("", f"the body is not UTF-8 (byte {error.start})") from error
    except RecursionError as error:
        raise BadWish("", "the body is nested too deeply") from error
    except BadWish:
        raise
    except ValueError as error:  # JSONDecodeError, or an integer with thousands of digits
        place = f": {error.msg} at character {error.pos}" if isinstance(error, json.JSONDecodeError) else ""
        raise BadWish("", f"the body is not JSON{place}") from error
    if not isinstance(found, dict):
        raise BadWish("", "the body must be a JSON object")
    _check_texts(found)
    return found


def from_form(text: bytes) -> dict[str, str]:
    """The fields of a form or a query string (application/x-www-form-urlencoded, UTF-8), each of them once."""
    if not text:
        return {}
    try:
        pairs = parse_qsl(
            text.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=True,
            errors="strict",
            max_num_fields=MOST_FIELDS,
        )
    except UnicodeDecodeError as error:
        raise BadWish("", "the form is not UTF-8 in percent-encoding") from error
    except ValueError as error:
        raise BadWish("", "this is no form: name=value&name=value") from error
    return _once(pairs)


def spread(form: Mapping[str, str], whole: Iterable[str]) -> dict[str, Any]:
    """A form as the object it stands for: variables gathered, fields in `whole` made numbers, empty ones left out."""
    fields: dict[str, Any] = {}
    variables = {}
    for name, text in form.items():
        if name.startswith(VARIABLE):
            variables[name.removeprefix(VARIABLE)] = text
        elif text:
            fields[name] = int(text) if name in whole and _WHOLE.fullmatch(text) else text
    return fields | ({"variables": variables} if variables else {})


def read(fields: Mapping[str, Any], wanted: type[S]) -> S:
    """The Struct that these are the fields of."""
    _check_entries(fields, wanted)
    try:
        return msgspec.convert(fields, wanted)
    except msgspec.ValidationError as error:
        _complain(str(error))


def _check_entries(fields: Mapping[str, Any], wanted: type[msgspec.Struct]) -> None:
    """Each entry of a mapping by itself: msgspec does not say which one is wrong."""
    for field in msgspec.structs.fields(wanted):
        entries = fields.get(field.encode_name)
        kind = msgspec.inspect.type_info(field.type)
        while isinstance(kind, msgspec.inspect.Metadata):
            kind = kind.type
        if isinstance(kind, msgspec.inspect.DictType) and isinstance(entries, dict):
            for name, value in entries.items():
                try:
                    msgspec.convert({name: value}, field.type)
                except msgspec.ValidationError as error:
                    raise BadWish(_shown(f"{field.encode_name}.{name}"), _sentence(str(error))) from None


def _complain(message: str) -> NoReturn:
    """BadWish for what msgspec says."""
    at, field = _AT.search(message), _FIELD.match(message)
    path = at["path"].lstrip(".") if at else field["name"] if field else ""
    raise BadWish(_shown(path), _sentence(message)) from None


def _sentence(message: str) -> str:
    field = _FIELD.match(_AT.sub("", message))
    if field is None:
        return _AT.sub("", message).replace("`", "")
    return "there is no such field" if "unknown" in message[: field.start("name")] else "it is missing"


def _shown(path: str) -> str:
    return path if len(path) <= LONGEST_SHOWN else f"{path[:LONGEST_SHOWN]}…"


def _once(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise BadWish(_shown(_text(name)), "it is there twice")
        found[name] = value
    return found


def _check_texts(value: Any, depth: int = 0) -> None:
    """Every text is one (a lone surrogate, `\\ud800`, is none), and none is too deep."""
    if depth > DEEPEST:
        raise BadWish("", "the body is nested too deeply")
    if isinstance(value, str):
        _text(value)
    elif isinstance(value, dict):
        for name, inner in value.items():
            _text(name)
            _check_texts(inner, depth + 1)
    elif isinstance(value, list):
        for inner in value:
            _check_texts(inner, depth + 1)


def _text(value: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError:
        raise BadWish("", "the body has half a character (a lone surrogate)") from None
    return value


def _no_number(name: str) -> NoReturn:
    raise BadWish("", f"{name} is no JSON")


def _finite_number(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise BadWish("", "a number is too large")
    return number
