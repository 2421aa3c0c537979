"""The voices, agents, tools and lookups of voiced.yaml: each names a plugin and holds its settings."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from typing import Any, Literal

import attrs
import msgspec

from voiced.errors import ConfigError, Fault, VoicedError
from voiced.ivoiced import Mentions, Tools
from voiced.settings import check
from voiced.settings.nearest import instead, nearest
from voiced.settings.part import Part
from voiced.settings.plainyaml import BROKEN
from voiced.settings.registry import PluginError, Registry

ENGINE = "engine"
_OF_VOICES = (ENGINE, "fallback", "cache")
_OF_AGENTS = ("agent", "tools", "barge_in")
READY_TOOLS = ("hang_up", "transfer_call", "send_dtmf", "opt_out")
"""Tools that an agent may have without a block of their own: they need no settings."""
_TOOL_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
"""What every vendor takes as a tool's name (platform.openai.com/docs: function calling; the others take more)."""

BargeIn = Literal["auto", "local", "none"]
"""Who hears that the caller interrupts: the vendor, our own ears, or nobody."""


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
        """The voice, agent, tool or lookup. Raises ConfigError when the plugin says that it cannot be made here."""
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


@attrs.frozen
class ChosenAgent(Chosen):
    """An agent; these tools are what it may do besides talking."""

    tools: tuple[str, ...] = ()
    barge_in: BargeIn = "auto"


def plugins(part: Part, kind: str, registry: Registry) -> dict[str, Chosen]:
    """The tools or lookups; the setting that names the plugin is called as its kind."""
    found = {name: _chosen(inner, kind, kind, (kind,), registry) for name, inner in part.items()}
    return {name: chosen for name, chosen in found.items() if chosen is not None}


def tools(part: Part, agents: Part, registry: Registry) -> dict[str, Chosen]:
    """The tools that are declared, and those of READY_TOOLS that an agent names without that."""
    for name in _declared(part):
        if not _TOOL_NAME.fullmatch(name):
            sentence = f"{part[name].name!r} is no tool's name: at most 64 letters, digits, `_` and `-`"
            part[name].wrong(sentence, named=True)
    named = {use.value: use for agent in _declared(agents) for use in _uses(agents[agent])}
    found: dict[str, Chosen | None] = dict(plugins(part, "tool", registry))
    found |= {name: _ready(named[name], registry) for name in READY_TOOLS if name in named and name not in part}
    return {name: chosen for name, chosen in found.items() if chosen is not None}


def agents(part: Part, tools: Part, voices: Part, registry: Registry) -> dict[str, ChosenAgent]:
    """The agents; every tool that one of them may use is there, and every voice that it speaks with."""
    known = {*_declared(tools), *READY_TOOLS}
    found = {name: _agent(inner, known, _declared(voices), registry) for name, inner in part.items()}
    return {name: agent for name, agent in found.items() if agent is not None}


def _agent(part: Part, tools: Collection[str], voices: Collection[str], registry: Registry) -> ChosenAgent | None:
    chosen = _chosen(part, "agent", "agent", _OF_AGENTS, registry)
    uses = check.convert(part["tools"], tuple[str, ...]) if "tools" in part else ()
    barge_in: Any = check.convert(part["barge_in"], BargeIn) if "barge_in" in part else "auto"
    seen: set[str] = set()
    for use in _uses(part):
        if use.value in seen:
            use.wrong(f"the tool {use.written} is here twice: take one away")
        elif use.value not in tools:
            use.wrong(f"no tool is called {use.written}{instead(use.value, tools)}")
        seen.add(use.value)
    if chosen is None or uses is BROKEN or barge_in is BROKEN:
        return None
    mentioned = getattr(chosen.settings, "mentions", Mentions)()
    for voice in mentioned.voices:
        if voice not in voices:
            part.wrong(f"no voice is called {voice!r}{instead(voice, voices)}", named=True)
    for tool in mentioned.tools:
        if tool not in uses:
            hint = ": add it to its `tools`" if tool in tools else f", and there is none{instead(tool, tools)}"
            part.wrong(f"it uses the tool {tool!r}{hint}", named=True)
    return ChosenAgent(chosen.plugin, chosen.settings, chosen.maker, part, uses, barge_in)


def _ready(part: Part, registry: Registry) -> Chosen | None:
    """A tool without settings, where an agent names it."""
    try:
        module = registry.load("tool", part.value)
    except PluginError as error:
        return part.wrong(str(error)) and None
    return Chosen(part.value, module.Settings(), module.make, part)


def _declared(part: Part) -> Collection[str]:
    """The names in it, whether what they name is right or not."""
    return part.value if isinstance(part.value, dict) else ()


def _uses(agent: Part) -> list[Part]:
    """Where an agent names its tools, as far as they are names."""
    value = agent["tools"].value
    places = [agent["tools"][number] for number in range(len(value))] if isinstance(value, list) else []
    return [place for place in places if isinstance(place.value, str)]


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
        slips = [inner for _, inner in part.items() if nearest(inner.name, (named, *ours)) == named]
        if slips:
            part.unknown(
                str(slips[0].where[-1]), f"there is no setting {slips[0].name!r} here; did you mean {named!r}?"
            )
        elif part.value is None or isinstance(part.value, dict):
            installed = ", ".join(registry.names(kind)) or "none"
            part.wrong(f"the setting {named!r} is missing; installed: {installed}", named=True)
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
