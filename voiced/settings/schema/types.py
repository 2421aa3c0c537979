"""The schema of a type, as settings/check.py reads it: every scalar is text, however an editor's YAML 1.2 sees it.

A text field takes numbers, true and false too; a number may stand in quotes; in settings a `${…}` may stand anywhere.
"""

from __future__ import annotations

import enum
import types
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import attrs
import msgspec

from voiced.call.spoken import Language
from voiced.call.template import Template, Unspoken
from voiced.secret import Secret
from voiced.settings.schema import docs

Schema = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"
TEXT: Schema = {"type": ["string", "number", "boolean"]}
"""Any scalar but nothing at all."""
NOTHING: Schema = {"type": "null"}
PLACE = r"\$\{"
"""What is filled in when the settings are read: nothing is known of it before."""

_WHOLE = r"^\s*[+-]?[0-9]+\s*$"
_DECIMAL = r"^\s*[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?\s*$"
_TRUTH = "^([Tt][Rr][Uu][Ee]|[Ff][Aa][Ll][Ss][Ee])$"
_BOUNDS = {"ge": "minimum", "gt": "exclusiveMinimum", "le": "maximum", "lt": "exclusiveMaximum"}
_LENGTHS = {
    "string": ("minLength", "maxLength"),
    "array": ("minItems", "maxItems"),
    "object": ("minProperties", "maxProperties"),
}


@attrs.define
class Schemas:
    """The schema of each type, and of each Struct once, in `definitions`."""

    places: bool = False
    """Whether a `${…}` may stand for anything."""
    definitions: dict[str, Schema] = attrs.field(factory=dict)

    def of(self, kind: Any) -> Schema:
        """What may be written where a value of this type is expected."""
        origin, arguments = get_origin(kind), get_args(kind)
        if kind is Any:
            return {}
        if kind == Unspoken:
            return dict(TEXT)
        if origin is Annotated:
            return self._limited(arguments[0], [each for each in arguments[1:] if isinstance(each, msgspec.Meta)])
        if origin in (Union, types.UnionType):
            return self.any_of(NOTHING if each is type(None) else self.of(each) for each in arguments)
        if origin is Literal:
            return self.choice(arguments)
        if origin is not None:
            return self._many(origin, arguments)
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
            return self.reference(kind)
        if isinstance(kind, type) and issubclass(kind, enum.Enum):
            return self.choice([member.value for member in kind])
        return self._scalar(kind)

    def reference(self, struct: type[msgspec.Struct]) -> Schema:
        """Where the Struct is described."""
        name = f"{struct.__module__}.{struct.__qualname__}"
        if name not in self.definitions:
            self.definitions[name] = {}  # it may hold itself
            self.definitions[name] = self.struct(struct)
        return {"$ref": f"#/$defs/{name}"}

    def struct(self, struct: type[msgspec.Struct], besides: Mapping[str, Schema] = {}) -> Schema:
        """A block of settings with the Struct's fields; `besides` are names that it may have, too."""
        fields = msgspec.structs.fields(struct)
        tag = struct.__struct_config__
        properties = dict(besides)
        if tag.tag_field is not None:
            properties[tag.tag_field] = self.choice([str(tag.tag)])
        properties |= {field.encode_name: self.field(struct, field) for field in fields}
        required = [field.encode_name for field in fields if field.required]
        schema: Schema = {
            "type": ["object", "null"] if not required else "object",
            "properties": properties,
            "additionalProperties": False,
        }
        if required:
            schema["required"] = required
        if one_of := getattr(struct, "one_of", ()):
            schema |= {"type": "object", "anyOf": [{"required": [name]} for name in one_of]}
        return described(schema, docs.of_struct(struct))

    def field(self, struct: type[msgspec.Struct], field: msgspec.structs.FieldInfo) -> Schema:
        """One setting, with what is said of it and what it is unless it is set."""
        schema = described(self.of(field.type), docs.of_field(struct, field.name))
        default = _shown(field.default)
        return schema if default is None else {**schema, "default": default}

    def choice(self, choices: Iterable[Any]) -> Schema:
        """One of these words."""
        words = [_scalar_as_seen(str(choice)) for choice in choices]
        return self._or_place({"enum": [form for forms in words for form in forms]})

    def any_of(self, schemas: Iterable[Schema]) -> Schema:
        """Any of these, each once."""
        different: list[Schema] = []
        for schema in schemas:
            for each in schema["anyOf"] if set(schema) == {"anyOf"} else [schema]:
                if each not in different:
                    different.append(each)
        return different[0] if len(different) == 1 else {"anyOf": different}

    def names(self, kind: Any) -> Schema | None:
        """What a mapping's names may be; None: anything."""
        if get_origin(kind) is Literal:
            return {"enum": list(get_args(kind))}
        return None

    def _limited(self, kind: Any, limits: list[msgspec.Meta]) -> Schema:
        schema = self.of(kind)
        for limit in limits:
            schema = self._with(schema, limit)
        return schema

    def _with(self, schema: Schema, limit: msgspec.Meta) -> Schema:
        if "anyOf" in schema:
            return {**schema, "anyOf": [self._with(each, limit) for each in schema["anyOf"]]}
        if schema == {"type": "string", "pattern": PLACE} or schema.get("pattern") in (_WHOLE, _DECIMAL):
            return schema
        found: Schema = {}
        for name, keyword in _BOUNDS.items():
            if (bound := getattr(limit, name)) is not None:
                found[keyword] = bound
        kind = next((each for each in ("object", "array") if each in schema.get("type", ())), "string")
        least, most = _LENGTHS[kind]
        if limit.min_length is not None:
            found[least] = limit.min_length
            found |= {"type": kind} if kind == "object" else {}
        found |= {most: limit.max_length} if limit.max_length is not None else {}
        if limit.pattern is not None:
            found["pattern"] = f"{limit.pattern}|{PLACE}" if self.places else limit.pattern
        return {**schema, **found}

    def _many(self, origin: Any, arguments: tuple[Any, ...]) -> Schema:
        if isinstance(origin, type) and issubclass(origin, Mapping):
            schema: Schema = {"type": ["object", "null"], "additionalProperties": self.of(arguments[1])}
            names = self.names(arguments[0])
            return schema if names is None else {**schema, "propertyNames": names}
        return {"type": "array", "items": self.of(arguments[0])}

    def _scalar(self, kind: Any) -> Schema:
        if kind is bool:
            return self._or_place({"type": "boolean"}, {"type": "string", "pattern": _TRUTH})
        if kind is int:
            return self._or_place({"type": "integer"}, {"type": "string", "pattern": _WHOLE})
        if kind is float:
            return self._or_place({"type": "number"}, {"type": "string", "pattern": _DECIMAL})
        if kind is Template:
            return {"anyOf": [TEXT, {"type": "object", "minProperties": 1, "additionalProperties": TEXT}]}
        if kind is Secret:
            return {**TEXT, "minLength": 1}
        if kind in (str, Path, Language):
            return dict(TEXT)
        return {}

    def _or_place(self, *schemas: Schema) -> Schema:
        return self.any_of([*schemas, {"type": "string", "pattern": PLACE}] if self.places else schemas)


def may_be_empty(struct: Any) -> bool:
    """Whether nothing needs to be written: no setting of its own, nor one of those in its `one_of`."""
    return not getattr(struct, "one_of", ()) and not any(field.required for field in msgspec.structs.fields(struct))


def described(schema: Schema, text: str) -> Schema:
    """The schema with what is said of it: editors show it."""
    return {**schema, "description": text} if text else schema


def _scalar_as_seen(text: str) -> list[Any]:
    """A word as YAML 1.2 may see it when it stands without quotes."""
    if text in ("true", "false"):
        return [text, text == "true"]
    return [text, int(text)] if text.isdecimal() else [text]


def _shown(value: Any) -> Any:
    """A default as it would be written; None where there is none to show."""
    if isinstance(value, Template):
        return value.source
    if isinstance(value, enum.Enum):
        return value.value
    return value if isinstance(value, bool | int | float | str) else None
