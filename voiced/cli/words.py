"""The type of a setting in words: `a number, at least 0`, `one of key, speech`."""

from __future__ import annotations

import enum
import types
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import msgspec

from voiced.call.spoken import Language
from voiced.call.template import Template, Unspoken
from voiced.secret import Secret

_WORDS: Mapping[Any, str] = {
    str: "text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    Template: "text with facts, maybe in several languages",
    Language: "the tag of a language",
    Secret: "a secret",
    Path: "a file or directory",
    Any: "anything",
    type(None): "nothing",
}
_BOUNDS = {"ge": "at least", "gt": "more than", "le": "at most", "lt": "less than"}


def in_words(kind: Any) -> str:
    """What is to be written there."""
    if kind == Unspoken:
        return "text with facts"
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Annotated:
        limits = [limit for limit in arguments[1:] if isinstance(limit, msgspec.Meta)]
        return ", ".join([in_words(arguments[0]), *(text for limit in limits for text in _limits(limit))])
    if origin in (Union, types.UnionType):
        return " or ".join(dict.fromkeys(in_words(each) for each in arguments if each is not type(None)))
    if origin is Literal:
        return f"one of {', '.join(map(str, arguments))}"
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return f"names, each with {in_words(arguments[1])}"
    if origin is not None:
        return f"a list of {in_words(arguments[0])}"
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return f"one of {', '.join(str(member.value) for member in kind)}"
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return f"settings ({', '.join(field.encode_name for field in msgspec.structs.fields(kind))})"
    return _WORDS.get(kind, getattr(kind, "__name__", str(kind)))


def default_in_words(field: msgspec.structs.FieldInfo) -> str:
    """What the setting is when nobody writes it; "" for nothing."""
    value = field.default
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Template):
        return repr(value.source) if value.source else ""
    if isinstance(value, enum.Enum):
        return str(value.value)
    if isinstance(value, str):
        return repr(value) if value else ""
    return f"{value:g}" if isinstance(value, int | float) else ""


def _limits(limit: msgspec.Meta) -> list[str]:
    bounds = [f"{words} {bound:g}" for name, words in _BOUNDS.items() if (bound := getattr(limit, name)) is not None]
    lengths = ["not empty" if limit.min_length == 1 else f"{limit.min_length} or more"] if limit.min_length else []
    return [*bounds, *lengths, *([limit.description] if limit.description else [])]
