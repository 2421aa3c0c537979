"""The agents of a rehearsal: each does what its script says, turn by turn."""

from __future__ import annotations

from collections.abc import Callable

import attrs
from twisted.internet.defer import Deferred, fail
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from zope.interface import implementer

from voiced.call.audio import silence
from voiced.errors import AgentError
from voiced.ivoiced import Brief, IAgent, ICall, ILine, Outcome, Who
from voiced.rehearsal.acts import words
from voiced.rehearsal.hearing import CallerHeard
from voiced.rehearsal.reading import Labels
from voiced.rehearsal.turns import (
    AgentFails,
    AgentHears,
    AgentSays,
    AgentSees,
    AgentWaits,
    HasOutcome,
    Stalls,
    Turn,
    UsesTool,
)
from voiced.rehearsal.voices import PAUSE

Complain = Callable[[str], object]
"""Told, in a sentence, what the scenario did not foresee: it fails by that."""


@implementer(IAgent)
@attrs.define(eq=False)
class ScriptedAgent:
    """An agent of voiced.yaml, by name. `scripts` are of the conversations that it has not had yet, in order."""

    name: str
    scripts: list[list[Turn]]
    _labels: Labels
    _clock: IReactorTime
    _complain: Complain
    _conversations: int = 0
    notices_interruptions: bool = False
    """The call's own ears do, as the scenario's hearing is there."""

    def converse(self, line: ILine, call: ICall, brief: Brief) -> Deferred[Outcome]:
        """See IAgent."""
        self._conversations += 1
        if not self.scripts:
            write = f"write what it does below `agents:`, `{self.name}:`"
            what = "has no script" if self._conversations == 1 else "is there again, and its script is over"
            why = f"agent {self.name} {what}: {write}"
            self._complain(why)
            return fail(AgentError(why))
        return Deferred.fromCoroutine(self._converse(self.scripts.pop(0), line, brief))

    async def _converse(self, turns: list[Turn], line: ILine, brief: Brief) -> Outcome:
        heard = CallerHeard(lambda text: line.said(Who.CALLER, text))
        while turns and isinstance(turns[0], AgentWaits | AgentFails | Stalls):
            await self._idle(turns.pop(0))  # before it is there
        line.ready()
        line.hear(heard.hear)
        line.keys(heard.press)
        while turns:
            outcome = await self._turn(turns.pop(0), line, brief, heard)
            if outcome is not None:
                if turns:  # a tool has ended it: what follows is for when the caller comes back
                    self.scripts.insert(0, turns)
                return outcome
        return Outcome("completed")

    async def _turn(self, turn: Turn, line: ILine, brief: Brief, heard: CallerHeard) -> Outcome | None:
        match turn:
            case AgentSays(text):
                await self._say(text, line)
            case AgentHears(text):
                self._check(text, await heard.words())
            case AgentSees(key):
                self._see(key, await heard.key())
            case UsesTool():
                return await self._use(turn, brief)
            case HasOutcome(name, facts):
                return Outcome(name, facts)
            case _:
                await self._idle(turn)
        return None

    async def _idle(self, turn: Turn) -> None:
        match turn:
            case AgentWaits(seconds):
                await deferLater(self._clock, seconds)
            case AgentFails(why):
                raise AgentError(why)
            case _:
                await Deferred()

    async def _say(self, text: str, line: ILine) -> None:
        speech = line.speak()
        line.said(Who.AGENT, text, speech)
        speech.feed(self._labels.speech("agent", self.name, text) + silence(PAUSE))
        speech.end()
        await speech.done

    async def _use(self, turn: UsesTool, brief: Brief) -> Outcome | None:
        if brief.tools is None or turn.name not in brief.tools.tools:
            self._complain(f"agent {self.name} uses the tool {turn.name}, which voiced.yaml does not give it")
            return None
        result = await brief.tools.use(turn.name, turn.arguments)
        return result.leave

    def _check(self, wanted: str | None, said: str) -> None:
        if wanted is not None and words(wanted) not in words(said):
            self._complain(f"agent {self.name} waited to hear {wanted!r}, and the caller said {said!r}")

    def _see(self, wanted: str, key: str) -> None:
        if key != wanted:
            self._complain(f"agent {self.name} waited for the key {wanted}, and the caller pressed {key}")
