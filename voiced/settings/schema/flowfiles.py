"""The schema of a flow's file, and of a file that flows include."""

from __future__ import annotations

from voiced.settings.flowfile import Head
from voiced.settings.registry import Registry
from voiced.settings.schema.plugins import Installed
from voiced.settings.schema.types import DIALECT, TEXT, Schema, Schemas, described


def flow_schema(registry: Registry, missing: list[str]) -> Schema:
    """A flow's file, with every step that is installed; what is not gathers in `missing`."""
    schemas = Schemas()
    shared = _shared(Installed(registry, schemas, missing))
    flow = schemas.struct(Head, shared)
    flow |= {"type": "object", "description": "A flow: its head, and its nodes with their steps."}
    return _whole("A flow of voiced", flow, schemas)


def included_schema(registry: Registry, missing: list[str]) -> Schema:
    """A file that flows include."""
    schemas = Schemas()
    shared = _shared(Installed(registry, schemas, missing))
    part = {"type": "object", "properties": shared, "additionalProperties": False}
    return _whole("What flows of voiced share", part, schemas)


def _shared(installed: Installed) -> dict[str, Schema]:
    """What a flow may have and an included file, too."""
    steps = {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/step"}}
    texts: Schema = {"type": ["object", "null"], "additionalProperties": TEXT}
    shared = {
        "nodes": described(
            {"type": "object", "minProperties": 1, "additionalProperties": steps},
            "The flow's nodes: a name, and its steps. A node that ends without a next one ends the flow.",
        ),
        "include": described(
            {"anyOf": [TEXT, {"type": "array", "items": TEXT}]},
            "Files beside this one with more nodes, constants and pronunciations.",
        ),
        "constants": described(texts, "Facts that are the same for every call: `{shop.phone}` reads one."),
        "pronunciation": described(texts, "How words are spoken that voices say wrong: as written, and as said."),
    }
    installed.schemas.definitions["step"] = installed.steps()
    return shared


def _whole(title: str, schema: Schema, schemas: Schemas) -> Schema:
    definitions = dict(sorted(schemas.definitions.items()))
    return {"$schema": DIALECT, "title": title, **schema, "$defs": definitions}
