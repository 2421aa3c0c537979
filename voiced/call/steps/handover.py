"""The steps that give the line to somebody else: an agent, which gives it back, or a human."""

from __future__ import annotations

import re
from typing import Annotated, ClassVar

import msgspec
from twisted.logger import Logger
from zope.interface import implementer

from voiced.call.template import Template
from voiced.errors import AgentError
from voiced.ivoiced import AgentLimits, Brief, DialHuman, End, ICall, IStep, Mentions, Prompt

_Seconds = Annotated[float, msgspec.Meta(gt=0)]

OUTCOME = "agent.outcome"
"""The fact that says how a conversation ended."""
LEFT_BEHIND = (OUTCOME, "agent.transcript", "agent.conversation", "agent.error")
"""The facts that every conversation sets; a tool or a plugin may set more below `agent.`."""
_NUMBER = re.compile(r"\+[1-9][0-9]{6,14}")

log = Logger()


@implementer(IStep)
class Agent(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Let an agent talk with the caller, and go on when the conversation is over.

    How it ended is read as `{agent.outcome}`: `completed`, `handover`, `failed`, `timeout`, `caller_silent`, or a
    word of the agent's own; `choose` goes on from there. What was said is `{agent.transcript}`. An agent that hangs
    up or transfers the caller ends the flow.

    When the agent is not there within two seconds, breaks or does not answer, `fallback` is spoken and the outcome
    is `failed`; an empty one is not spoken. `prompt`, `first_message`, `language`, `voice` and `variables` are for
    this conversation; what is left out is as the agent has it. `seconds` limits the conversation, `silence` how long
    nobody may speak, `first_audio` how long the agent may take to speak first.
    """

    shorthand: ClassVar[str] = "use"

    use: str
    fallback: Template = Template.parse("I am sorry, our assistant cannot speak with you at the moment.")
    prompt: Template | None = None
    first_message: Template | None = None
    language: Annotated[str, msgspec.Meta(pattern=r"^[a-z]{2,3}(-[A-Za-z]{2,4})?$")] | None = None
    voice: str | None = None
    variables: dict[str, Template] = {}
    seconds: _Seconds | None = None
    silence: _Seconds | None = 10.0
    first_audio: _Seconds | None = None

    def mentions(self) -> Mentions:
        """The agent, the sentence for when it fails, what it is told, and the facts it leaves behind."""
        spoken = () if self._quiet else (Prompt(self.fallback),)
        told = [text for text in (self.prompt, self.first_message, *self.variables.values()) if text is not None]
        return Mentions(
            agents=(self.use,),
            prompts=spoken,
            reads=tuple(fact for text in (self.fallback, *told) for fact in text.facts),
            sets=LEFT_BEHIND,
        )

    async def run(self, call: ICall) -> End | None:
        """Hand over, and remember how it ended."""
        brief = self._brief(call)  # it may tell what was said with another agent before
        for fact in [fact for fact in call.facts if fact.startswith("agent.")]:
            del call.facts[fact]
        limits = AgentLimits(self.seconds, self.silence, self.first_audio)
        try:
            outcome = await call.converse(self.use, brief, limits)
        except AgentError as error:
            log.warn("{call}: agent {agent}: {error}", call=call.info.sid, agent=self.use, error=str(error))
            call.facts.update({f"agent.{name}": value for name, value in error.facts.items()})
            call.facts |= {OUTCOME: "failed", "agent.error": str(error)}
            call.note(f"failed: {error}")
            if not self._quiet:
                await call.say(self.fallback)
            return None
        call.facts.update({f"agent.{name}": value for name, value in outcome.facts.items()})
        call.facts[OUTCOME] = outcome.name
        call.note(outcome.name)
        if outcome.name == "transferred" and (number := outcome.facts.get("number")):
            call.then(DialHuman(number))
            return End.TRANSFERRED
        return End.BY_AGENT if outcome.name == "hung_up" else None

    @property
    def _quiet(self) -> bool:
        return self.fallback.static and not self.fallback.fill({}).strip()

    def _brief(self, call: ICall) -> Brief:
        def filled(text: Template | None) -> str | None:
            return None if text is None else text.fill(call.facts)

        return Brief(
            prompt=filled(self.prompt),
            first_message=filled(self.first_message),
            language=self.language,
            voice=self.voice,
            variables={name: text.fill(call.facts) for name, text in self.variables.items()},
        )


@implementer(IStep)
class Transfer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Connect the caller with a human at this number (E.164), and leave: the flow ends here."""

    shorthand: ClassVar[str] = "to"

    to: str

    def __post_init__(self) -> None:
        if not _NUMBER.fullmatch(self.to):
            raise ValueError(f"`to` is a telephone number like +14155550100, in quotes, not {self.to!r}")

    def mentions(self) -> Mentions:
        """Nothing that has to be there."""
        return Mentions()

    async def run(self, call: ICall) -> End:
        """Leave the caller to the carrier."""
        call.then(DialHuman(self.to))
        return End.TRANSFERRED
