"""From files to a program: reads and checks everything, without the network, and makes what was chosen."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from itertools import chain
from pathlib import Path

import attrs

from voiced.call.dialplan import DialPlan
from voiced.call.flow import Flow
from voiced.call.program import Colleague, Overflow, Program
from voiced.call.version import Version
from voiced.errors import ConfigError, Fault, VoicedError
from voiced.ivoiced import IHearing, Tools, Utterance
from voiced.settings import plainyaml
from voiced.settings.chosen import Chosen
from voiced.settings.daemon import Settings, check_flows, default_voice, read_settings
from voiced.settings.expand import expand, file_content
from voiced.settings.files import Files
from voiced.settings.flowfile import FlowFiles, Names
from voiced.settings.made import Made
from voiced.settings.making import Making, mentions_of
from voiced.settings.optout import may_opt_out
from voiced.settings.part import Part
from voiced.settings.registry import Registry
from voiced.settings.review.reviewing import broken_plugins, warnings
from voiced.settings.review.scripts import Scripts
from voiced.settings.review.unknown import unknown
from voiced.settings.web import hosts_with_headers, private_hosts
from voiced.webservices import WebServices

NAME = "voiced.yaml"


@attrs.frozen
class Configuration:
    """All that the files say: voiced.yaml and every flow. One immutable value: load, check, swap."""

    settings: Settings
    flows: Mapping[str, Flow]
    file: Path = Path(NAME)
    """The settings file."""
    files: Files = attrs.field(factory=Files)
    """All that it was read from."""

    warnings: tuple[Fault, ...] = ()
    """What works, and nobody can have meant."""

    @property
    def hash(self) -> str:
        """See Version."""
        return self.files.hash


def find_settings(directory: Path) -> Path:
    """The settings file that is used when none is named. Raises ConfigError when there is none."""
    places = [directory / NAME, directory / "config" / NAME]
    for place in places:
        if place.is_file():
            return place
    raise ConfigError(
        [Fault(str(places[0]), 1, 1, f"there is no such file, and no {places[1]}: name one (--config)")]
    )


def read(
    path: Path,
    environ: Mapping[str, str],
    registry: Registry | None = None,
    content: Callable[[Path], str] = file_content,
) -> Configuration:
    """The settings file and its flows, all checked. Raises ConfigError, with everything that is wrong in any file.

    `content` reads the files that are named in it (`${file:…}`), and credentials.
    """
    registry = registry or Registry.find()
    faults: list[Fault] = []
    files = Files(path.parent)
    part = Part(expand(plainyaml.read(path, files.read), environ, faults, content), faults, files=files)
    settings = read_settings(part, registry)
    if not isinstance(part.value, dict):
        raise ConfigError(faults)
    flows = FlowFiles(_names(part), registry, faults, files=files)
    flows.read(_flows(part))
    check_flows(part, flows.known)
    scripts = Scripts.of(flows.loaded, flows.flows, settings)
    faults += unknown(scripts, all_read=not flows.unread)
    if settings is None or faults:
        raise ConfigError(faults)
    for chosen in chain(*(kind.values() for kind in _chosen(settings))):
        for file in mentions_of(chosen.settings).files:
            files.note(files.directory / file)
    broken = broken_plugins(registry, part.document.file)
    return Configuration(settings, flows.flows, path, files, (*broken, *warnings(scripts)))


def _chosen(settings: Settings) -> tuple[Mapping[str, Chosen], ...]:
    """Every plugin that voiced.yaml chooses."""
    return settings.voices, settings.agents, settings.tools, settings.lookups


def _flows(part: Part) -> Path:
    written = part["flows"].value
    return part.document.directory / (written if isinstance(written, str) else "flows")


def _names(part: Part) -> Names:
    """What flows may name, whether it is right or not: a fault in a voice is not a fault of every flow."""
    voices, agents, lookups = (_declared(part[kind]) for kind in ("voices", "agents", "lookups"))
    web = part["http"]
    opting = may_opt_out(part["agents"], part["tools"])
    return Names(voices, agents, lookups, default_voice(part), private_hosts(web), hosts_with_headers(web), opting)


def _declared(part: Part) -> Collection[str]:
    return part.value if isinstance(part.value, dict) else ()


def build_program(configuration: Configuration, tools: Tools, made: Made | None = None) -> Program:
    """Make the voices, agents, their tools and the lookups, and put them together with the flows.

    Whoever was `made` for the program before is taken over. Raises ConfigError when a plugin cannot be made on this
    machine.
    """
    settings = configuration.settings
    plain = settings.plain
    making = Making(settings, configuration.files, tools, made or Made())
    agents = making.agents()
    sentences = {name: getattr(plain, name) for name in ("apology", "busy", "refusal", "goodbye")}
    return Program(
        flows=configuration.flows,
        dial_plan=DialPlan(settings.numbers),
        voices=making.voices(),
        agents=agents,
        lookups={name: making.plugin("lookup", name, chosen) for name, chosen in settings.lookups.items()},
        hearing=_hearing(configuration, agents, tools),
        named=named_targets(configuration),
        web=WebServices.real(settings.web, tools.reactor),
        human=settings.human,
        overflow=Overflow() if plain.overflow is None else plain.overflow.overflow(),
        privacy=plain.privacy,
        keeps_wire=plain.journal == "wire",
        version=Version(configuration.hash, tools.reactor.seconds()),
        **{name: sentence for name, sentence in sentences.items() if sentence is not None},
    )


def named_targets(configuration: Configuration) -> frozenset[str]:
    """Every number and SIP address that the operator has written down for callers to be connected with."""
    steps = (placed.step for flow in configuration.flows.values() for each in flow.nodes.values() for placed in each)
    tools = (chosen.settings for chosen in configuration.settings.tools.values())
    mentions = [step.mentions() for step in steps]
    mentions += [mentions_of(settings) for settings in tools]
    overflow = configuration.settings.plain.overflow
    others = (configuration.settings.human, None if overflow is None else overflow.overflow().forward)
    return frozenset(chain.from_iterable(each.targets for each in mentions)) | {each for each in others if each}


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
    for text in (flow.disclose, None if flow.opt_out is None else flow.opt_out.confirm):
        for wording in () if text is None else text.wordings:
            if wording.static:
                said = flow.pronunciation.of(wording.fill({}))
                yield flow.voice_of(wording.language or flow.language), said
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
