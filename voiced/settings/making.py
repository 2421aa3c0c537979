"""Makes whom voiced.yaml chooses: voices with their caches and fallbacks, agents with their tools, lookups."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import attrs
import msgspec

from voiced.call.program import Colleague
from voiced.ivoiced import ITTSEngine, Mentions, Tools
from voiced.secret import Secret
from voiced.settings.chosen import Chosen, ChosenVoice
from voiced.settings.daemon import Settings
from voiced.settings.files import Files
from voiced.settings.made import Made
from voiced.speech.cache import MEGABYTE, Cache
from voiced.speech.voice import Voice


@attrs.frozen
class Making:
    """Makes what is chosen, once: whoever is chosen as before is the one of before."""

    settings: Settings
    files: Files
    tools: Tools
    made: Made

    def plugin(self, kind: str, name: str, chosen: Chosen) -> Any:
        """The voice's engine, agent, tool or lookup; also new where a file that it mentions is another."""
        return self.made.make(kind, name, self._of(chosen), partial(chosen.make, self.tools))

    def agents(self) -> dict[str, Colleague]:
        """The agents, with their tools."""
        may_use = {name: self.plugin("tool", name, chosen) for name, chosen in self.settings.tools.items()}
        return {
            name: Colleague(
                self.plugin("agent", name, chosen),
                {tool: may_use[tool] for tool in chosen.tools},
                chosen.barge_in,
                mentions_of(chosen.settings).prompts,
            )
            for name, chosen in self.settings.agents.items()
        }

    def voices(self) -> dict[str, ITTSEngine]:
        """The voices, with their fallbacks."""
        found: dict[str, ITTSEngine] = {}

        def find(name: str) -> ITTSEngine:
            if name not in found:
                chosen = self.settings.voices[name]
                fallback = None if chosen.fallback is None else find(chosen.fallback)
                found[name] = self._voice(name, chosen, fallback)
            return found[name]

        for name in self.settings.voices:
            find(name)
        return found

    def _voice(self, name: str, chosen: ChosenVoice, fallback: ITTSEngine | None) -> ITTSEngine:
        engine = self._engine(name, chosen)
        return self.made.make(
            "voice",
            name,
            (engine, fallback),
            partial(Voice, engine, self.tools.reactor, fallback, watch=self.tools.watch, name=name),
        )

    def _engine(self, name: str, chosen: ChosenVoice) -> ITTSEngine:
        engine: ITTSEngine = self.plugin("engine", name, chosen)
        if not chosen.cache:
            return engine
        most = self.settings.plain.cache.size_mb * MEGABYTE
        who, directory = identity(chosen), self.tools.directory / "speech"
        return self.made.make(
            "cache", name, (engine, who, most), partial(Cache, engine, who, directory, self.tools, most)
        )

    def _of(self, chosen: Chosen) -> tuple[Any, ...]:
        files = self.files
        mentioned = mentions_of(chosen.settings).files
        digests = [files.digest(files.directory / file) for file in mentioned]
        return chosen.plugin, chosen.maker, chosen.settings, *digests


def mentions_of(settings: Any) -> Mentions:
    """What a plugin's settings name, where they say so."""
    mentions: Mentions = getattr(settings, "mentions", Mentions)()
    return mentions


def identity(chosen: ChosenVoice) -> bytes:
    """Who speaks: the plugin and its settings, without what changes nothing in the sound."""
    said = [chosen.plugin, _said(chosen.settings)]
    return msgspec.json.encode(said, order="deterministic", enc_hook=str)


def _said(value: Any) -> Any:
    if isinstance(value, msgspec.Struct):
        fields = {name: getattr(value, name) for name in value.__struct_fields__ if name != "base_url"}
        return {name: _said(inner) for name, inner in fields.items() if not isinstance(inner, Secret)}
    if isinstance(value, Mapping):
        return {name: _said(inner) for name, inner in value.items() if not isinstance(inner, Secret)}
    if isinstance(value, list | tuple):
        return [_said(inner) for inner in value if not isinstance(inner, Secret)]
    return value
