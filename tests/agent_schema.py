"""Whether messages are as ElevenLabs documents them: a check for its double, from the vendor's AsyncAPI document."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import yaml

SPEC = Path(__file__).parents[2] / "shared/specs/elevenlabs.agent.asyncapi.packages-2026-08.yaml"


class Undocumented(Exception):
    """A message that the vendor's document does not know so."""


def documented(direction, message):
    """A check for `ElevenLabs(check=…)`; without the document, or jsonschema, everything is fine."""
    if validators := _validators(direction):
        kind = message.get("type", "user_audio_chunk")
        if kind not in validators:
            raise Undocumented(f"{kind!r} is not among {sorted(validators)}")
        if errors := [f"{error.json_path}: {error.message}" for error in validators[kind].iter_errors(message)]:
            raise Undocumented(f"{kind}: {'; '.join(errors)}")


def available():
    """Whether there is a document to compare with, and what compares."""
    return bool(_validators("received"))


@cache
def _validators(direction):
    """Type -> validator of the messages of one direction."""
    try:
        import jsonschema
    except ImportError:
        return {}
    if not SPEC.exists():
        return {}
    document = yaml.safe_load(SPEC.read_text("utf-8"))
    components = _strict(document["components"])
    # AsyncAPI 2 speaks from the client's side: what is `subscribe` here is what the server receives
    channel = document["channels"]["AgentMessages"]["subscribe" if direction == "received" else "publish"]
    found = {}
    for one in channel["message"]["oneOf"]:
        payload = components["messages"][one["$ref"].rpartition("/")[2]]["payload"]["$ref"]
        properties = components["schemas"][payload.rpartition("/")[2]]["properties"]
        kind = properties["type"]["const"] if "type" in properties else "user_audio_chunk"
        found[kind] = jsonschema.Draft202012Validator({"$ref": payload, "components": components})
    return found


def _strict(schema):
    """The same schema, where names that it does not know are errors, and `nullable` (of OpenAPI 3.0) means it."""
    if isinstance(schema, list):
        return [_strict(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    strict = {name: _strict(value) for name, value in schema.items() if name != "nullable"}
    if strict.get("type") == "object" and "properties" in strict:
        strict.setdefault("additionalProperties", False)
    return {"anyOf": [strict, {"type": "null"}]} if schema.get("nullable") is True else strict
