"""Loads `flows/*.yaml` into Flows: one flow a file, every name in it known, every sound read and checked."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Annotated

import attrs
import msgspec

from voiced.call import audio
from voiced.call.flow import Flow, OnMachine
from voiced.call.spoken import LANGUAGE, Language
from voiced.call.template import Template
from voiced.errors import ConfigError, Fault
from voiced.ivoiced import Mentions
from voiced.net.outside import points_inside
from voiced.net.url import UrlTemplate
from voiced.settings import check, plainyaml
from voiced.settings.calendar import elsewhere, is_calendar, read_calendar
from voiced.settings.disclosure import check_disclosure
from voiced.settings.files import Files
from voiced.settings.include import SHARED, Shared, shared
from voiced.settings.nearest import instead
from voiced.settings.optout import WrittenOptOut, check_opt_out
from voiced.settings.part import Part
from voiced.settings.registry import Registry
from voiced.settings.sentences import check_prompts
from voiced.settings.stepbody import WrittenStep, read_step

Nodes = Mapping[str, list[WrittenStep]]

_VARIABLE = msgspec.Meta(
    pattern=r"^[A-Za-z_][A-Za-z0-9_.]{0,63}$", description="a name: letters, digits, `_` and `.`"
)
VariableName = Annotated[str, _VARIABLE]


@attrs.frozen
class Names:
    """What flows may name that stands in voiced.yaml."""

    voices: Collection[str] = ()
    agents: Collection[str] = ()
    lookups: Collection[str] = ()
    voice: str | None = None
    """The voice of flows that name none."""
    private: Collection[str] = ()
    """Hosts of our own network that may be asked over HTTP."""
    headed: Collection[str] = ()
    """Hosts that are sent headers of voiced.yaml: not in clear."""
    opting_agent: bool = False
    """Whether some agent has the tool that opts people out."""


class Head(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A flow file without its nodes."""

    flow: str
    """The flow's name."""
    start: str
    """The node in which a call begins."""
    language: Language = LANGUAGE
    """The tag of the language that is spoken, like en or pt-BR."""
    voice: str | dict[str, str] | None = None
    """Who speaks: a voice of voiced.yaml, or one for each language."""
    max_seconds: Annotated[int, msgspec.Meta(ge=1)] | None = None
    """How long a call may last that began in it; else as long as the rules let it."""
    on_error: str | None = None
    """The node where a call goes on, once, when a step fails."""
    on_silence: str | None = None
    """The node for a caller who does not answer, if the step names none itself."""
    on_hangup: str | None = None
    """The node whose steps run when the caller has gone."""
    on_machine: OnMachine | None = None
    """What happens when an answering machine takes a call that we place; else nobody finds out."""
    message: str | None = None
    """The node that is what a machine is told, after its beep."""
    variables: tuple[VariableName, ...] | None = None
    """What a request for such a call must bring, by name; else anything may come."""
    disclose: Template | None = None
    """What callers are told before an agent speaks: that it is one."""
    opt_out: WrittenOptOut | None = None
    """How people say that they do not want to be called any more."""

    def __post_init__(self) -> None:
        if (self.on_machine is OnMachine.LEAVE_MESSAGE) is not (self.message is not None):
            raise ValueError("`on_machine: leave_message` and `message: <node>`, what is left, need each other")


def load_flows(directory: Path, names: Names, registry: Registry) -> dict[str, Flow]:
    """The flows of a directory, by name. Raises ConfigError, with everything that is wrong in all files."""
    loading = FlowFiles(names, registry)
    loading.read(directory)
    if loading.faults:
        raise ConfigError(loading.faults)
    return loading.flows


@attrs.frozen
class Loading:
    """One flow being loaded: its nodes, from all its files, and the files that they name."""

    shared: Shared
    head: Head | None = None
    """All that it says besides; None when that is wrong."""
    nodes: dict[str, list[WrittenStep]] = attrs.field(factory=dict)
    sounds: dict[str, bytes] = attrs.field(factory=dict)
    calendars: dict[str, Mapping[str, str]] = attrs.field(factory=dict)
    faulty: list[tuple[Part, WrittenStep | None]] = attrs.field(factory=list)
    """The steps, and what stands for them, that something is wrong with: as far as they could be read."""

    @property
    def steps(self) -> Iterator[WrittenStep]:
        """All steps, in order."""
        return chain.from_iterable(self.nodes.values())


@attrs.define
class FlowFiles:
    """Flow files being loaded; what is wrong in them gathers in `faults`."""

    names: Names
    registry: Registry
    faults: list[Fault] = attrs.field(factory=list)
    flows: dict[str, Flow] = attrs.field(factory=dict)
    known: dict[str, str] = attrs.field(factory=dict)
    """The file and line of each flow, also of a faulty one: it may be named all the same."""
    loaded: list[Loading] = attrs.field(factory=list)
    unread: list[Path] = attrs.field(factory=list)
    """The files that are no YAML: nobody knows what they say."""
    files: Files = attrs.field(factory=Files)

    def read(self, directory: Path) -> None:
        """Load every file of the directory; there must be at least one."""
        files = sorted(directory.glob("*.yaml"))
        if not files:
            self.faults.append(Fault(str(directory), 1, 1, "there is no flow here: write one into a file *.yaml"))
        for file in sorted(directory.glob("*.yml")):
            self.faults.append(Fault(str(file), 1, 1, "a flow's file ends in .yaml: rename it"))
        for file in files:
            try:
                self._flow(Part(plainyaml.read(file, self.files.read), self.faults, files=self.files))
            except ConfigError as error:
                self.unread.append(file)
                self.known.setdefault(file.stem, str(file))
                self.faults += error.faults
        for step in chain.from_iterable(loading.steps for loading in self.loaded):
            self._step_names(step, "flow", step.placed.step.mentions().flows, self.known)

    def _flow(self, part: Part) -> None:
        before = len(self.faults)
        if part.value is None:
            part.wrong("this file is empty: write a flow (`flow:`, `start:`, `nodes:`), or take it away")
        if not isinstance(part.value, dict):
            list(part.items())  # says so, if it is not empty
            self._claim(part["flow"])
            return
        if is_calendar(part):
            place = f"calendars/{Path(part.document.file).name}"
            part.wrong(
                f"this is a calendar, and no flow: move it to {place}, and write that in the steps that name it"
            )
            return
        including = shared(part)
        part = including.flow
        head = check.decode(part, Head, besides=("nodes", *SHARED))
        loading = Loading(including, head)
        self._claim(part["flow"])
        self._nodes(loading)
        self.loaded.append(loading)
        for step in loading.steps:
            self._step(step, loading)
        self._heads_names(part, loading.nodes)
        voices = self._voices(part["voice"])
        voice = next(iter(voices.values()), None) or part["voice"].value or self.names.voice
        if voice is None:
            self._voiceless(loading)
        opting = check_opt_out(part, None if head is None else head.opt_out, self.names.opting_agent)
        check_disclosure(part, None if head is None else head.disclose, voice)
        if head is not None and len(self.faults) == before:
            self.flows[head.flow] = Flow(
                name=head.flow,
                start=head.start,
                nodes={name: tuple(step.placed for step in steps) for name, steps in loading.nodes.items()},
                voice=voices.get(head.language, voice),
                voices=voices,
                language=head.language,
                constants=loading.shared.constants,
                pronunciation=loading.shared.pronunciation,
                on_error=head.on_error,
                on_silence=head.on_silence,
                on_hangup=head.on_hangup,
                max_seconds=head.max_seconds,
                on_machine=head.on_machine,
                message=head.message,
                disclose=head.disclose,
                opt_out=opting,
                variables=head.variables,
                sounds=loading.sounds,
                calendars=loading.calendars,
            )

    def _claim(self, part: Part) -> None:
        name = part.value
        if isinstance(name, str) and name in self.known:
            part.wrong(f"a flow {name!r} is in {self.known[name]} already")
        named = name if isinstance(name, str) else Path(part.document.file).stem
        self.known.setdefault(named, part.line)

    def _nodes(self, loading: Loading) -> None:
        below = loading.shared.flow["nodes"]
        written = [each["nodes"] for each in loading.shared.parts]
        if not below.value and not isinstance(below.value, str) and not any(each.value for each in written):
            below.wrong("a flow needs at least one node, with its steps", named=True)
            return
        lines: dict[str, str] = {}
        for nodes in (below, *written):
            for name, node in nodes.items():
                if name in lines:
                    node.wrong(f"a node {name!r} is in {lines[name]} already, and this flow has both", named=True)
                lines.setdefault(name, node.line)
                loading.nodes.setdefault(name, list(self._steps(name, node, loading)))

    def _steps(self, name: str, node: Part, loading: Loading) -> Iterator[WrittenStep]:
        node = node.within(f"node {name!r}: ")
        if not node.value:
            node.wrong("it has no steps: write one, like `- hangup`", named=True)
            return
        if not isinstance(node.value, list):
            loading.faulty.append((node, None))
        for number, part in enumerate(node.elements(), 1):
            before = len(self.faults)
            step = read_step(part, name, number, self.registry)
            if len(self.faults) > before:
                loading.faulty.append((part, step))
            if step is not None:
                yield step

    def _heads_names(self, part: Part, nodes: Nodes) -> None:
        for key in ("start", "on_error", "on_silence", "on_hangup", "message"):
            if nodes:
                self._named("node", part[key], nodes)

    def _voices(self, part: Part) -> dict[str, str]:
        """The voices by their languages, where there are several."""
        if not isinstance(part.value, dict):
            self._named("voice", part, self.names.voices)
            return {}
        voices = {check.language_of(inner): inner for _, inner in part.items()}
        for inner in voices.values():
            self._named("voice", inner, self.names.voices)
        return {tag: inner.value for tag, inner in voices.items() if isinstance(inner.value, str)}

    def _named(self, kind: str, part: Part, known: Collection[str]) -> None:
        name = part.value
        if isinstance(name, str) and name not in known:
            part.wrong(f"no {kind} is called {name!r}{instead(name, known)}")

    def _step(self, step: WrittenStep, loading: Loading) -> None:
        mentions = step.placed.step.mentions()
        for kind, named, known in self._mentioned(mentions, loading.nodes):
            self._step_names(step, kind, named, known)
        check_prompts(step.body, mentions.prompts)
        for file in mentions.files:
            _sound(step.body, file, loading.sounds)
        for file in mentions.calendars:
            _calendar(step.body, file, loading.calendars)
        for url in mentions.urls:
            if wrong := self._unaskable(url):
                _misnamed(step.body, url, wrong)

    def _unaskable(self, written: str) -> str:
        """Why a URL may not be asked, by its spelling alone; "" when it may."""
        try:
            url = UrlTemplate.parse(written)
        except ValueError as error:
            return str(error)
        if url.host in self.names.private:
            return ""
        if points_inside(url.host):
            return f"{url.host} is of our own network: if flows may ask it, name it in voiced.yaml (`http.private`)"
        if url.host in self.names.headed and not url.encrypted:
            return f"voiced.yaml has headers for {url.host}, which could be read on the way: write https://"
        return ""

    def _step_names(self, step: WrittenStep, kind: str, named: Sequence[str], known: Collection[str]) -> None:
        for name in dict.fromkeys(named):
            if name not in known:
                _misnamed(step.body, name, f"no {kind} is called {name!r}{instead(name, known)}")

    def _mentioned(self, mentions: Mentions, nodes: Nodes) -> list[tuple[str, Sequence[str], Collection[str]]]:
        return [
            ("node", mentions.nodes, nodes),
            ("voice", mentions.voices, self.names.voices),
            ("agent", mentions.agents, self.names.agents),
            ("lookup", mentions.lookups, self.names.lookups),
        ]

    def _voiceless(self, loading: Loading) -> None:
        """A flow that has no voice, and speaks: its first step that does is the place to say so."""
        for step in loading.steps:
            if any(prompt.voice is None for prompt in step.placed.step.mentions().prompts):
                step.body.wrong(
                    "it speaks, and has no voice: write `voice:` into the flow or voiced.yaml", named=True
                )
                return


def _calendar(body: Part, file: str, calendars: dict[str, Mapping[str, str]]) -> None:
    if file in calendars:
        return
    path = body.document.directory / file
    calendars[file] = {}
    try:
        calendars[file] = read_calendar(path, body.faults, body.files.read)
    except ConfigError as error:
        if plainyaml.unreadable(error):
            near = elsewhere(body.document.directory, file) if not path.exists() else ""
            _misnamed(body, file, f"the calendar {path} {error.faults[0].message}{near}")
        else:
            body.faults.extend(error.faults)


def _misnamed(body: Part, text: str, message: str) -> None:
    """Note a fault in what a step names: where it says so, if that is on another line than its verb; else there."""
    depth, line = len(body.where), body.document.spot(body.where).name_at[0]
    for where, spot in body.document.spots.items():
        if where[:depth] == body.where and spot.at[0] != line:
            part = attrs.evolve(body, where=where, base=len(where))
            if part.value == text:
                part.wrong(message)
                return
    body.wrong(message, named=True)


def _sound(body: Part, file: str, sounds: dict[str, bytes]) -> None:
    path = body.document.directory / file
    try:
        sounds[file] = audio.from_file(file, body.files.read(path))
    except OSError as error:
        _misnamed(body, file, f"the sound {path} cannot be read: {error.strerror}")
    except ValueError as error:
        _misnamed(body, file, f"the sound {path} cannot be played: {error}")
    else:
        if not sounds[file]:
            _misnamed(body, file, f"the sound {path} is empty")
