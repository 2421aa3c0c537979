"""What is installed, as schemas: steps as a flow writes them; voices, agents, tools and lookups as voiced.yaml."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import attrs
import msgspec

from voiced.call.flow import Resume
from voiced.call.template import Template
from voiced.ivoiced import IMaker
from voiced.settings.registry import PluginError, Registry
from voiced.settings.schema import docs
from voiced.settings.schema.types import NOTHING, TEXT, Schema, Schemas, described, may_be_empty
from voiced.settings.stepbody import RESUME


@attrs.define
class Installed:
    """The plugins of a registry; what cannot be imported is left out, and `missing` says so."""

    registry: Registry
    schemas: Schemas
    missing: list[str] = attrs.field(factory=list)

    def steps(self) -> Schema:
        """One step: a bare word, or a verb and its settings."""
        properties: dict[str, Schema] = {}
        bare = []
        for maker, step in self._loaded("step"):
            properties[maker.name] = self._body(maker, step)
            if may_be_empty(step):
                bare.append(maker.name)
        properties[RESUME] = described(
            self.schemas.choice([way.value for way in Resume]),
            "How the step goes on when the daemon was killed or restarted in it.",
        )
        verbs = {"type": "object", "properties": properties, "additionalProperties": False}
        alone: Schema = {"not": {"required": [RESUME]}, "minProperties": 1, "maxProperties": 1}
        beside: Schema = {"required": [RESUME], "minProperties": 2, "maxProperties": 2}
        return {"anyOf": [{"enum": bare}, {**verbs, "anyOf": [alone, beside]}]}

    def blocks(self, kind: str, named: str, besides: Mapping[str, Schema] = {}) -> Schema:
        """The settings of one plugin of that kind, which the setting `named` chooses."""
        return {"anyOf": list(self._blocks(kind, named, besides))}

    def _blocks(self, kind: str, named: str, besides: Mapping[str, Schema]) -> Iterator[Schema]:
        for maker, module in self._loaded(kind):
            chosen = described(self.schemas.choice([maker.name]), maker.description)
            block = self.schemas.struct(module.Settings, {named: chosen, **besides})
            required = [named, *block.get("required", ())]
            yield {**block, "type": "object", "required": required, "title": f"{named}: {maker.name}"}

    def _body(self, maker: IMaker, step: Any) -> Schema:
        """What may stand behind a verb."""
        fields = {field.name: field for field in msgspec.structs.fields(step)}
        entries, shorthand = getattr(step, "entries", None), getattr(step, "shorthand", None)
        if entries is not None:
            return described(self.schemas.of(fields[entries].type), docs.of_struct(step))
        ways = [self.schemas.reference(step)]
        if may_be_empty(step):
            ways.append(NOTHING)
        if shorthand is not None:
            kind = fields[shorthand].type
            ways.append(TEXT if kind is Template else self.schemas.of(kind))
        return described(self.schemas.any_of(ways), docs.of_struct(step) or maker.description)

    def _loaded(self, kind: str) -> Iterator[tuple[IMaker, Any]]:
        for name in self.registry.names(kind):
            try:
                yield self.registry.maker(kind, name), self.registry.load(kind, name)
            except PluginError as error:
                self.missing.append(str(error))
