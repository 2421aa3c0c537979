"""Who plays in a rehearsal: somebody's program, whose voices, agents, ears, tools and lookups are played."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import attrs

from voiced.call.dialplan import DialPlan
from voiced.call.flow import Flow
from voiced.call.privacy import Privacy
from voiced.call.program import Colleague, Program
from voiced.errors import RecognitionFailed
from voiced.ivoiced import IAgentTool, ICallerLookup, ITTSEngine, Tools
from voiced.iweb import IWebServices
from voiced.rehearsal.agents import Complain, ScriptedAgent
from voiced.rehearsal.props import ScriptedLookup, ScriptedTool
from voiced.rehearsal.reading import Labels
from voiced.rehearsal.scenario import Scenario
from voiced.rehearsal.turns import conversations
from voiced.rehearsal.voices import voices
from voiced.settings.chosen import READY_TOOLS, ChosenAgent
from voiced.settings.daemon import Settings
from voiced.settings.load import Configuration, build_program, named_targets
from voiced.testing.fake_hearing import FakeHearing

REAL_LOOKUPS = ("table",)
"""Lookups that need nothing from outside."""


@attrs.frozen
class Cast:
    """Those of one scenario; `tools` are what plugins get that are real."""

    _scenario: Scenario
    _settings: Settings
    _labels: Labels
    _tools: Tools
    _hearing: FakeHearing
    _web: IWebServices
    _complain: Complain

    def program(self, configuration: Configuration) -> Program:
        """The flows as they are; who speaks, listens or answers in them is played.

        Raises ConfigError when a plugin cannot be made.
        """
        settings = self._settings
        bare = attrs.evolve(settings, voices={}, agents={}, lookups={}, tools={})
        program = build_program(attrs.evolve(configuration, settings=bare), self._tools)
        if any(fault.hearing for fault in self._scenario.faults):
            self._hearing.fail_with = RecognitionFailed("the scenario lets the ears fail")
        return attrs.evolve(
            program,
            flows={name: self._silenced(flow) for name, flow in program.flows.items()},
            dial_plan=DialPlan({"default": self._scenario.flow}) if self._scenario.flow else program.dial_plan,
            voices=self._voices(),
            agents={name: self._colleague(name, chosen) for name, chosen in settings.agents.items()},
            lookups=self._lookups(),
            hearing=self._hearing,
            named=named_targets(configuration),
            privacy=Privacy.OPEN,
            chance=_in_order(self._scenario.dice),
            web=self._web,
            keeps_wire=True,
        )

    def _silenced(self, flow: Flow) -> Flow:
        """The same with sounds of the same length that say which file they are."""
        sounds = {file: self._labels.sound(file, len(audio)) for file, audio in flow.sounds.items()}
        return attrs.evolve(flow, sounds=sounds)

    def _colleague(self, name: str, chosen: ChosenAgent) -> Colleague:
        if name not in self._scenario.agents and _plays_itself(chosen):
            agent = chosen.make(self._tools)
        else:
            scripts = conversations(self._scenario.agents.get(name, ()))
            agent = ScriptedAgent(name, scripts, self._labels, self._tools.reactor, self._complain)
        return Colleague(agent, {tool: self._tool(tool) for tool in chosen.tools}, chosen.barge_in)

    def _tool(self, name: str) -> IAgentTool:
        chosen = self._settings.tools[name]
        answers = self._scenario.tool_answers(name)
        faults = [fault for fault in self._scenario.faults if fault.tool == name]
        if chosen.plugin not in READY_TOOLS:
            return ScriptedTool(name, answers, faults, self._complain)
        real = chosen.make(self._tools)
        if not answers and not faults:
            return real  # type: ignore[no-any-return]
        more = {"description": real.description, "parameters": real.parameters, "timeout": real.timeout}
        return ScriptedTool(name, answers, faults, self._complain, real, **more)

    def _voices(self) -> dict[str, ITTSEngine]:
        return voices(self._settings.voices, self._labels, self._tools.reactor, self._scenario.faults)

    def _lookups(self) -> dict[str, ICallerLookup]:
        made: dict[str, ICallerLookup] = {}
        for name, chosen in self._settings.lookups.items():
            faults = [fault for fault in self._scenario.faults if fault.lookup == name]
            answers = self._scenario.lookup_answers(name)
            real = chosen.make(self._tools) if not answers and chosen.plugin in REAL_LOOKUPS else None
            made[name] = ScriptedLookup(name, answers, faults, self._complain, real)
        return made


def _plays_itself(chosen: ChosenAgent) -> bool:
    """Whether it does without a script: rules need ears and a voice, and both are here."""
    brain = getattr(chosen.settings, "brain", None)
    return chosen.plugin == "local" and bool(getattr(brain, "rules", ()))


def _in_order(dice: Sequence[float]) -> Callable[[], float]:
    """One after the other, and then the last."""
    left = list(dice)
    return lambda: left.pop(0) if len(left) > 1 else left[0]
