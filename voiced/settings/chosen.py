"""The voices, agents and lookups of voiced.yaml: each names a plugin and holds its settings."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

import attrs
import msgspec

from voiced.errors import ConfigError, Fault, VoicedError
from voiced.ivoiced import Tools
from voiced.settings import check
from voiced.settings.nearest import instead
from voiced.settings.part import Part
from voiced.settings.plainyaml import BROKEN
from voiced.settings.registry import PluginError, Registry

ENGINE = "engine"
_OF_VOICES = (ENGINE, "fallback", "cache")


@attrs.frozen
class Chosen:
    """A plugin that voiced.yaml names, with its settings: checked, not made yet."""

    plugin: str
    settings: msgspec.Struct
    maker: Callable[[Any, Tools], Any] = attrs.field(repr=False, eq=False)
    """`make(settings, tools)`, as the plugin's module has it."""
    part: Part = attrs.field(repr=False, eq=False)
    """Where voiced.yaml chooses it."""

    def make(self, tools: Tools) -> Any:
        """The voice, agent or lookup itself. Raises ConfigError when the plugin says that it cannot be made here."""
        try:
            return self.maker(self.settings, tools)
        except VoicedError as error:
            spot = self.part.document.spot(self.part.where)
            raise ConfigError([Fault(self.part.document.file, *spot.name_at, str(error))]) from error


@attrs.frozen
class ChosenVoice(Chosen):
    """A voice; another one speaks when it cannot, and what it said is kept, unless `cache` is False."""

    fallback: str | None = None
    cache: bool = True


def plugins(part: Part, kind: str, registry: Registry) -> dict[str, Chosen]:
    """The agents or lookups; the setting that names the plugin is called as its kind."""
    found = {name: _chosen(inner, kind, kind, (kind,), registry) for name, inner in part.items()}
    return {name: chosen for name, chosen in found.items() if chosen is not None}


def voices(part: Part, registry: Registry) -> dict[str, ChosenVoice]:
    """The voices; every fallback is there, and none comes back to where it began."""
    inners = dict(part.items())
    found = {name: _voice(inner, inners, registry) for name, inner in inners.items()}
    fallbacks = {name: inner["fallback"].value for name, inner in inners.items()}
    for name, inner in inners.items():
        if _in_circle(name, fallbacks):
            inner["fallback"].wrong(f"the fallbacks go in a circle: {inner.name!r} comes back to itself")
    return {name: voice for name, voice in found.items() if voice is not None}


def _voice(part: Part, voices: Collection[str], registry: Registry) -> ChosenVoice | None:
    chosen = _chosen(part, "voice", ENGINE, _OF_VOICES, registry)
    fallback = check.convert(part["fallback"], str | None)
    cache = check.convert(part["cache"], bool) if "cache" in part else True
    if isinstance(fallback, str) and fallback not in voices:
        part["fallback"].wrong(f"no voice is called {part['fallback'].written}{instead(fallback, voices)}")
    if chosen is None or fallback is BROKEN or cache is BROKEN:
        return None
    return ChosenVoice(chosen.plugin, chosen.settings, chosen.maker, part, fallback, cache)


def _chosen(part: Part, kind: str, named: str, ours: Collection[str], registry: Registry) -> Chosen | None:
    if named not in part:
        if part.value is None or isinstance(part.value, dict):
            installed = ", ".join(registry.names(kind)) or "none"
            part.wrong(f"the setting {named!r} is missing; installed: {installed}", named=True)
        else:
            list(part.items())  # says that it is no mapping
        return None
    name = part[named].text()
    if name is BROKEN:
        return None
    if name not in registry.names(kind):
        there = registry.instead(kind, name)
        return part[named].wrong(f"no {kind} {part[named].written} is installed{there}") and None
    try:
        module = registry.load(kind, name)
    except PluginError as error:
        return part[named].wrong(str(error)) and None
    settings = check.decode(part, module.Settings, ours)
    return None if settings is None else Chosen(name, settings, module.make, part)


def _in_circle(name: str, fallbacks: Mapping[str, Any]) -> bool:
    """Whether the fallbacks lead from this voice to itself."""
    at = fallbacks[name]
    for _ in fallbacks:
        if at == name:
            return True
        at = fallbacks.get(at) if isinstance(at, str) else None
    return False
