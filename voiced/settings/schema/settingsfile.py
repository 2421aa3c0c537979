"""The schema of voiced.yaml: what settings/daemon.py and its neighbours read."""

from __future__ import annotations

from typing import Any

import attrs

from voiced.secret import Secret
from voiced.settings import accounts, apikeys, inbound, outbound
from voiced.settings.chosen import READY_TOOLS, BargeIn
from voiced.settings.daemon import LISTEN, Plain
from voiced.settings.registry import Registry
from voiced.settings.schema.plugins import Installed
from voiced.settings.schema.types import DIALECT, NOTHING, TEXT, Schema, Schemas, described

_TEXTS: Schema = {"type": "array", "items": TEXT}
_DAYS = "(mon|tue|wed|thu|fri|sat|sun)"
_TIMES = (
    r"^\s*[0-9]{1,2}:[0-9]{2}\s*-\s*[0-9]{1,2}:[0-9]{2}\s*(,\s*[0-9]{1,2}:[0-9]{2}\s*-\s*[0-9]{1,2}:[0-9]{2}\s*)*$"
)


def settings_schema(registry: Registry, missing: list[str]) -> Schema:
    """voiced.yaml, with every plugin that is installed; what is not gathers in `missing`."""
    schemas = Schemas(places=True)
    writing = _Blocks(schemas, Installed(registry, schemas, missing))
    whole = schemas.struct(Plain, writing.all())
    whole |= {"type": "object", "required": ["twilio", "numbers"], "description": "The settings of voiced."}
    definitions = dict(sorted(schemas.definitions.items()))
    return {"$schema": DIALECT, "title": "voiced.yaml", **whole, "$defs": definitions}


@attrs.frozen
class _Blocks:
    """The settings that need a second look (voiced.settings.daemon), as schemas."""

    schemas: Schemas
    installed: Installed

    def all(self) -> dict[str, Schema]:
        """Each by its name."""
        return {
            "listen": described(
                {**TEXT, "default": LISTEN}, "Where the daemon listens: a Twisted endpoint (uv:8080:interface=…)."
            ),
            "public_url": described(
                {"type": "string"},
                "The https:// URL by which Twilio reaches this daemon; signatures are made from it.",
            ),
            "node_url": described(
                self._maybe({"type": "string"}),
                "The https:// URL by which Twilio reaches this very daemon, of several behind public_url.",
            ),
            "twilio": described(self._twilio(), "The Twilio account, or several by names of your own."),
            "api": described(self._api(), "Who may place calls and look at them over HTTP (docs/outbound.md)."),
            "voices": described(self._voices(), "Who speaks: voices, by names of your own."),
            "agents": described(self._agents(), "Who can take the line: agents, by names of your own."),
            "tools": described(self._named("tool"), "What agents may do besides talking, by the name they know."),
            "lookups": described(self._named("lookup"), "What flows may ask about a caller, by names of your own."),
            "numbers": described(
                {"type": "object", "minProperties": 1, "additionalProperties": TEXT},
                "Which flow answers which number: a number, a prefix that ends in *, or default.",
            ),
            "outbound": described(self._outbound(), "Who may be called, when, how often (docs/outbound.md)."),
            "inbound": described(self._inbound(), "Who may call, and how much (docs/security.md)."),
            "http": described(self._http(), "What the step http may ask, and how (docs/security.md)."),
            "human": described(
                self._maybe(TEXT), "Who gets a call that reaches the fallback URL and that is not known."
            ),
            "drain_to": described(self._maybe(TEXT), "Who gets new calls while the daemon stops."),
        }

    def _maybe(self, schema: Schema) -> Schema:
        return self.schemas.any_of([schema, NOTHING])

    def _many(self, block: Schema) -> Schema:
        return {"type": ["object", "null"], "additionalProperties": block}

    def _named(self, kind: str) -> Schema:
        return self._many(self.installed.blocks(kind, kind))

    def _voices(self) -> Schema:
        besides = {
            "fallback": described(self._maybe(TEXT), "The voice that speaks when this one cannot."),
            "cache": described(self.schemas.of(bool), "Whether what is the same for all callers is kept."),
        }
        return self._many(self.installed.blocks("voice", "engine", besides))

    def _agents(self) -> Schema:
        ready = ", ".join(READY_TOOLS)
        besides = {
            "tools": described(_TEXTS, f"What it may do besides talking: names of `tools:`, or {ready}."),
            "barge_in": described(self.schemas.of(BargeIn), "Who hears that the caller interrupts it."),
        }
        return self._many(self.installed.blocks("agent", "agent", besides))

    def _twilio(self) -> Schema:
        account = self.schemas.reference(accounts.Written)
        names = list(accounts.Written.__struct_fields__)
        several = {
            "type": "object",
            "propertyNames": {"not": {"enum": names}},
            "additionalProperties": account,
            "minProperties": 1,
        }
        return {"anyOf": [account, several]}

    def _api(self) -> Schema:
        secret = self._maybe(self.schemas.of(Secret))
        named = self.schemas.struct(apikeys.WrittenKey, {"key": secret})
        named["required"] = ["key", *named["required"]]
        keys = {"type": ["array", "null"], "items": self.schemas.any_of([secret, named])}
        return self.schemas.struct(apikeys.Written, {"keys": described(keys, "What opens it.")})

    def _outbound(self) -> Schema:
        price = self.schemas.of(float)
        hours = {
            "type": "object",
            "properties": {"zone": described(dict(TEXT), "The time zone of numbers that are of no place.")},
            "patternProperties": {
                rf"^(daily|{_DAYS}(\s*-\s*{_DAYS})?(\s*,\s*{_DAYS}(\s*-\s*{_DAYS})?)*)$": self._times()
            },
            "additionalProperties": False,
        }
        besides = {
            "allow": described(self._maybe(_TEXTS), 'Regions, prefixes, numbers: [US, "+44*", "sip:*@example.com"].'),
            "risky": described(
                self._maybe(_TEXTS), "Premium, satellite and the like that may be called all the same."
            ),
            "dnc": described(self._maybe(TEXT), "The file with whom not to call, a number a line."),
            "hours": described(self._maybe(hours), "When, by the clock of who is called."),
            "prices": described(self._many(price), "What a minute costs, by region or prefix."),
        }
        return self.schemas.struct(outbound.Written, besides)

    def _http(self) -> Schema:
        secret = self.schemas.of(Secret)
        headers = {"type": ["object", "null"], "additionalProperties": self._many(secret)}
        properties = {
            "sign": described(self._maybe(secret), "The secret that signs every request (Standard Webhooks)."),
            "private": described(self._maybe(_TEXTS), "Hosts of our own network that flows may ask."),
            "headers": described(headers, "What each host is sent besides, by host and name of the header."),
        }
        return {"type": ["object", "null"], "properties": properties, "additionalProperties": False}

    def _times(self) -> Schema:
        return self.schemas.any_of([{"type": "string", "pattern": _TIMES}, {"type": "string", "pattern": r"\$\{"}])

    def _inbound(self) -> Schema:
        deny: dict[str, Any] = self.schemas.struct(inbound.WrittenOutcome, {"numbers": _TEXTS})
        deny["required"] = ["numbers"]
        besides = {"deny": described(self._maybe(deny), "Whose calls are refused.")}
        return self.schemas.struct(inbound.Written, besides)
