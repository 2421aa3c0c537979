"""The schema of a scenario file, for editors: made of the Structs by which it is read."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from voiced.rehearsal.acts import ACTS
from voiced.rehearsal.scenario import Setting
from voiced.rehearsal.scenariofile import Head
from voiced.rehearsal.turns import TURNS
from voiced.settings.schema import docs
from voiced.settings.schema.types import DIALECT, NOTHING, Schema, Schemas, described


def scenario_schema() -> Schema:
    """A file of scenarios, or of one."""
    schemas = Schemas()
    besides = _besides(schemas)
    head = schemas.struct(Head)["properties"]
    one = schemas.struct(Setting, besides)
    many = described({"type": "array", "minItems": 1, "items": one}, "The scenarios, each with a name of its own.")
    several = {"required": ["scenarios"], "propertyNames": {"enum": [*head, "scenarios"]}}
    return {
        "$schema": DIALECT,
        "title": "Scenarios of voiced",
        "description": "Calls that are written down, for `voiced simulate` (docs/scenarios.md).",
        "type": "object",
        "properties": {**head, **one["properties"], "scenarios": many},
        "additionalProperties": False,
        "oneOf": [several, {"required": ["scenario"], "not": {"required": ["scenarios"]}}],
        "$defs": dict(sorted(schemas.definitions.items())),
    }


def _besides(schemas: Schemas) -> dict[str, Schema]:
    """What a scenario has besides its settings."""
    schemas.definitions["step"] = _verbs(schemas, ACTS)
    schemas.definitions["turn"] = _verbs(schemas, TURNS)
    turns = {"type": "array", "items": {"$ref": "#/$defs/turn"}}
    agents: Schema = {"type": ["object", "null"], "additionalProperties": turns}
    steps: Schema = {"type": "array", "items": {"$ref": "#/$defs/step"}}
    return {
        "agents": described(
            agents, "What each agent does, turn by turn; one that has none here must not be reached."
        ),
        "steps": described(steps, "What the caller does and waits for, one after the other."),
    }


def _verbs(schemas: Schemas, verbs: Mapping[str, type[msgspec.Struct]]) -> Schema:
    """A bare word, or one verb and what belongs to it."""
    bare = [name for name, struct in verbs.items() if _alone(struct)]
    properties = {name: _body(schemas, struct) for name, struct in verbs.items()}
    block = {"type": "object", "properties": properties, "additionalProperties": False}
    return {"anyOf": [{"enum": bare}, {**block, "minProperties": 1, "maxProperties": 1}]}


def _alone(struct: type[msgspec.Struct]) -> bool:
    """Whether the verb says all by itself."""
    try:
        struct()
    except (TypeError, ValueError):
        return False
    return True


def _body(schemas: Schemas, struct: type[msgspec.Struct]) -> Schema:
    """What may stand behind a verb."""
    kinds = {field.name: field.type for field in msgspec.structs.fields(struct)}
    whole, shorthand = getattr(struct, "whole", None), getattr(struct, "shorthand", None)
    ways = [schemas.reference(struct)] if whole is None else [schemas.of(kinds[whole])]
    if shorthand is not None:
        ways.append(schemas.of(kinds[shorthand]))
    if _alone(struct):
        ways.append(NOTHING)
    return described(schemas.any_of(ways), docs.of_struct(struct))
