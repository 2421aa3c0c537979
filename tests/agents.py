"""Agents and tools for whole calls: they do what a test tells them."""

import attrs
from twisted.internet.defer import Deferred, fail, succeed
from zope.interface import implementer

from voiced.ivoiced import IAgent, IAgentTool, Outcome, Who
from voiced.testing.fakes import spell


@implementer(IAgent)
@attrs.define(eq=False)
class ScriptedAgent:
    """Is there `ready_after` seconds after it was given the line (None: never), and then does as it is told."""

    clock: object
    ready_after: float | None = 0.0
    notices_interruptions: bool = True
    line: object = None
    call: object = None
    brief: object = None
    heard: bytes = b""
    keys: str = ""
    cancelled: int = 0
    talking: Deferred | None = None

    def converse(self, line, call, brief):
        """See IAgent."""
        self.line, self.call, self.brief = line, call, brief
        self.talking = Deferred(self._cancel)
        if self.ready_after is not None:
            self.clock.callLater(self.ready_after, self._ready)
        return self.talking

    def says(self, text, pause=b"\xff" * 800):
        """Say this, spelled, with a little silence after it; gives the speech."""
        speech = self.line.speak()
        self.line.said(Who.AGENT, text, speech)
        speech.feed(spell(text) + pause)
        speech.end()
        return speech

    def ends(self, outcome="completed", **facts):
        """The conversation is over."""
        self.talking.callback(Outcome(outcome, facts))

    def _ready(self):
        if not self.cancelled:
            self.line.ready()
            self.line.hear(self._hears)
            self.line.keys(self._sees)

    def _hears(self, audio):
        self.heard += audio

    def _sees(self, key):
        self.keys += key

    def _cancel(self, _):
        self.cancelled += 1


@implementer(IAgentTool)
@attrs.define(eq=False)
class FakeTool:
    """A tool that gives this: a result, an error, or a Deferred."""

    answer: object
    timeout: float = 5.0
    description: str = "Does something."
    parameters: dict = attrs.field(factory=lambda: {"type": "object", "properties": {}})
    arguments: list = attrs.field(factory=list)

    def run(self, call, arguments):
        """See IAgentTool."""
        self.arguments.append(dict(arguments))
        if isinstance(self.answer, Deferred):
            return self.answer
        return fail(self.answer) if isinstance(self.answer, Exception) else succeed(self.answer)
