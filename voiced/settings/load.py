"""From files to a program: reads and checks everything, without the network, and makes what was chosen."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any

import attrs
import msgspec

from voiced.call.dialplan import DialPlan
from voiced.call.flow import Flow
from voiced.call.program import Colleague, Program
from voiced.errors import ConfigError, Fault, VoicedError
from voiced.ivoiced import IHearing, ITTSEngine, Mentions, Tools, Utterance
from voiced.secret import Secret
from voiced.settings import plainyaml
from voiced.settings.chosen import ChosenVoice
from voiced.settings.daemon import Settings, check_flows, default_voice, make_tools, read_settings
from voiced.settings.expand import expand
from voiced.settings.flowfile import FlowFiles, Names
from voiced.settings.part import Part
from voiced.settings.registry import Registry
from voiced.settings.review.reviewing import broken_plugins, warnings
from voiced.settings.review.scripts import Scripts
from voiced.settings.review.unknown import unknown
from voiced.speech.cache import MEGABYTE, Cache
from voiced.speech.voice import Voice

NAME = "voiced.yaml"


@attrs.frozen
class Configuration:
    """All that the files say: voiced.yaml and every flow. One immutable value: load, check, swap."""

    settings: Settings
    flows: Mapping[str, Flow]
    warnings: tuple[Fault, ...] = ()
    """What works, and nobody can have meant."""


def find_settings(directory: Path) -> Path:
    """The settings file that is used when none is named. Raises ConfigError when there is none."""
    places = [directory / NAME, directory / "config" / NAME]
    for place in places:
        if place.is_file():
            return place
    raise ConfigError(
        [Fault(str(places[0]), 1, 1, f"there is no such file, and no {places[1]}: name one (--config)")]
    )


def read(path: Path, environ: Mapping[str, str], registry: Registry | None = None) -> Configuration:
    """The settings file and its flows, all checked. Raises ConfigError, with everything that is wrong in any file."""
    registry = registry or Registry.find()
    faults: list[Fault] = []
    part = Part(expand(plainyaml.read(path), environ, faults), faults)
    settings = read_settings(part, registry)
    if not isinstance(part.value, dict):
        raise ConfigError(faults)
    files = FlowFiles(_names(part), registry, faults)
    files.read(_flows(part))
    check_flows(part, files.known)
    scripts = Scripts.of(files.loaded, files.flows, settings)
    faults += unknown(scripts)
    if settings is None or faults:
        raise ConfigError(faults)
    broken = broken_plugins(registry, part.document.file)
    return Configuration(settings, files.flows, (*broken, *warnings(scripts)))


def _flows(part: Part) -> Path:
    written = part["flows"].value
    return part.document.directory / (written if isinstance(written, str) else "flows")


def _names(part: Part) -> Names:
    """What flows may name, whether it is right or not: a fault in a voice is not a fault of every flow."""
    voices, agents, lookups = (_declared(part[kind]) for kind in ("voices", "agents", "lookups"))
    return Names(voices, agents, lookups, default_voice(part))


def _declared(part: Part) -> Collection[str]:
    return part.value if isinstance(part.value, dict) else ()


def build_program(configuration: Configuration, tools: Tools) -> Program:
    """Make the voices, agents, their tools and the lookups, and put them together with the flows.

    Raises ConfigError when a plugin cannot be made on this machine.
    """
    settings = configuration.settings
    plain = settings.plain
    agents = _agents(settings, tools)
    sentences = {name: getattr(plain, name) for name in ("apology", "busy", "refusal", "goodbye")}
    return Program(
        flows=configuration.flows,
        dial_plan=DialPlan(settings.numbers),
        voices=_voices(settings, tools),
        agents=agents,
        lookups={name: chosen.make(tools) for name, chosen in settings.lookups.items()},
        hearing=_hearing(configuration, agents, tools),
        named=named_targets(configuration),
        human=settings.human,
        privacy=plain.privacy,
        **{name: sentence for name, sentence in sentences.items() if sentence is not None},
    )


def named_targets(configuration: Configuration) -> frozenset[str]:
    """Every number and SIP address that the operator has written down for callers to be connected with."""
    steps = (placed.step for flow in configuration.flows.values() for each in flow.nodes.values() for placed in each)
    tools = (chosen.settings for chosen in configuration.settings.tools.values())
    mentions = [step.mentions() for step in steps]
    mentions += [getattr(settings, "mentions", Mentions)() for settings in tools]
    human = configuration.settings.human
    return frozenset(chain.from_iterable(each.targets for each in mentions)) | ({human} if human else set())


def _agents(settings: Settings, tools: Tools) -> dict[str, Colleague]:
    may_use = make_tools(settings, tools)
    return {
        name: Colleague(
            chosen.make(tools),
            {tool: may_use[tool] for tool in chosen.tools},
            chosen.barge_in,
            getattr(chosen.settings, "mentions", Mentions)().prompts,
        )
        for name, chosen in settings.agents.items()
    }


def _hearing(configuration: Configuration, agents: Mapping[str, Colleague], tools: Tools) -> IHearing | None:
    """Ears of our own, where a flow or an agent needs them. Raises ConfigError where they cannot be had."""
    settings = configuration.settings
    for flow in configuration.flows.values():
        if any(placed.step.mentions().hears for steps in flow.nodes.values() for placed in steps):
            return _open(tools, Fault(str(settings.flows), 1, 1, f"flow {flow.name!r} listens while it speaks"))
    for name, colleague in agents.items():
        if colleague.needs_ears:
            part = settings.agents[name].part
            spot = part.document.spot(part.where)
            why = f"agent {name!r} leaves it to us to hear that it is interrupted (`barge_in: none`: nobody does)"
            return _open(tools, Fault(part.document.file, *spot.name_at, why))
    return None


def _open(tools: Tools, fault: Fault) -> IHearing:
    try:
        return tools.hearing()
    except VoicedError as error:
        raise ConfigError([attrs.evolve(fault, message=f"{fault.message}: {error}")]) from error


def static_prompts(program: Program) -> Iterator[tuple[str, Utterance]]:
    """Every sentence that is the same for all callers, with the voice that speaks it; each one once."""
    seen: set[tuple[str, str]] = set()
    for flow in program.flows.values():
        for voice, text in _sentences(flow, program):
            if voice is not None and (voice, text) not in seen:
                seen.add((voice, text))
                yield voice, Utterance(text, keep=True)


def _sentences(flow: Flow, program: Program) -> Iterator[tuple[str | None, str]]:
    for mentions in (placed.step.mentions() for steps in flow.nodes.values() for placed in steps):
        agents = (program.agents[name].prompts for name in mentions.agents if name in program.agents)
        for prompt in (*mentions.prompts, *chain.from_iterable(agents)):
            for wording in prompt.text.wordings:
                if wording.static:
                    voice = prompt.voice or flow.voice_of(wording.language or prompt.language or flow.language)
                    yield voice, flow.pronunciation.of(wording.fill({}))
    for voice in (flow.voice, *flow.voices.values()):
        yield voice, program.apology
        yield voice, program.goodbye


def _voices(settings: Settings, tools: Tools) -> dict[str, ITTSEngine]:
    made: dict[str, ITTSEngine] = {}

    def make(name: str) -> ITTSEngine:
        if name not in made:
            chosen = settings.voices[name]
            fallback = None if chosen.fallback is None else make(chosen.fallback)
            made[name] = Voice(_engine(chosen, settings, tools), tools.reactor, fallback)
        return made[name]

    for name in settings.voices:
        make(name)
    return made


def _engine(chosen: ChosenVoice, settings: Settings, tools: Tools) -> ITTSEngine:
    engine: ITTSEngine = chosen.make(tools)
    if not chosen.cache:
        return engine
    most = settings.plain.cache.size_mb * MEGABYTE
    return Cache(engine, identity(chosen), tools.directory / "speech", tools, most)


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
