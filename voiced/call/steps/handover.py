"""The steps that give the line to somebody else: an agent, which gives it back, or a human."""

from __future__ import annotations

import re
from typing import Annotated, ClassVar

import msgspec
from twisted.logger import Logger
from zope.interface import implementer

from voiced.call.dialplan import plain
from voiced.call.steps.filling import filled
from voiced.call.template import Template, Unspoken
from voiced.errors import AgentError, Refused, VoicedError
from voiced.ivoiced import AgentLimits, Brief, Dial, Dialled, End, ICall, IStep, Mentions, Prompt

_Tag = Annotated[
    str, msgspec.Meta(pattern=r"^[a-z]{2,3}(-[A-Za-z]{2,4})?$", description="the code of a language, like en or de")
]

_Seconds = Annotated[float, msgspec.Meta(gt=0)]

OUTCOME = "agent.outcome"
"""The fact that says how a conversation ended."""
LEFT_BEHIND = (OUTCOME, "agent.transcript", "agent.conversation", "agent.error")
"""The facts that every conversation sets; a tool or a plugin may set more below `agent.`."""
RESULT = "transfer.result"
"""The fact that says what became of the other side."""
_NUMBER = re.compile(r"\+[1-9][0-9]{6,14}")
_SIP = re.compile(r"sips?:[A-Za-z0-9_.!~*'()%&=+$,;?/-]+@[A-Za-z0-9.:\[\]-]+(;[!-~]+)?")
UNANSWERED = Template.parse("I am sorry, nobody can take your call at the moment.")

log = Logger()


@implementer(IStep)
class Agent(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Let an agent talk with the caller, and go on when the conversation is over.

    How it ended is read as `{agent.outcome}`: `completed`, `handover`, `failed`, `timeout`, `caller_silent`, or a
    word of the agent's own; `choose` goes on from there. What was said is `{agent.transcript}`. An agent that hangs
    up or transfers the caller ends the flow.

    When the agent is not there within two seconds, breaks or does not answer, `fallback` is spoken and the outcome
    is `failed`; an empty one is not spoken. After `caller_silent` the flow goes to its `on_silence`, if it has one.
    `prompt`, `first_message`, `language`, `voice` and `variables` are for this conversation; what is left out is as
    the agent has it. `seconds` limits the conversation, `silence` how long nobody may speak, `first_audio` how long
    the agent may take to speak first.
    """

    shorthand: ClassVar[str] = "use"

    use: str
    fallback: Template = Template.parse("I am sorry, our assistant cannot speak with you at the moment.")
    prompt: Template | None = None
    first_message: Template | None = None
    language: _Tag | None = None
    voice: str | None = None
    variables: dict[str, Unspoken] = {}
    seconds: _Seconds | None = None
    silence: _Seconds | None = 10.0
    first_audio: _Seconds | None = None

    def mentions(self) -> Mentions:
        """The agent, the sentence for when it fails, what it is told, and the facts it leaves behind."""
        spoken = (Prompt(self.fallback), Prompt(UNANSWERED))  # the second, where its `transfer_call` reaches nobody
        told = [text for text in (self.prompt, self.first_message, *self.variables.values()) if text is not None]
        return Mentions(
            agents=(self.use,),
            prompts=spoken[1:] if self.fallback.silent else spoken,
            reads=tuple(fact for text in (self.fallback, *told) for fact in text.needs),
            sets=(*LEFT_BEHIND, "agent.*"),
            waits=True,
        )

    async def run(self, call: ICall) -> str | End | None:
        """Hand over, and remember how it ended."""
        if (dialled := call.dialled()) is not None:  # the agent has put the caller through, and nobody was there
            await _came_back(call, dialled, UNANSWERED, None)
            return None
        brief = self._brief(call)  # it may tell what was said with another agent before
        for fact in [fact for fact in call.facts if fact.startswith("agent.")]:
            del call.facts[fact]
        limits = AgentLimits(self.seconds, self.silence, self.first_audio)
        try:
            outcome = await call.converse(self.use, brief, limits)
        except Refused as error:
            await self._failed(call, error, self.fallback if error.say is None else Template.plain(error.say))
            return None
        except AgentError as error:
            call.facts.update({f"agent.{name}": value for name, value in error.facts.items()})
            await self._failed(call, error, self.fallback)
            return None
        call.facts.update({f"agent.{name}": value for name, value in outcome.facts.items()})
        call.facts[OUTCOME] = outcome.name
        call.note(outcome.name)
        if outcome.name == "transferred" and (number := outcome.facts.get("number")):
            return await _connect(call, Dial(number), UNANSWERED, None)
        if outcome.name == "hung_up":
            call.hang_up_because("the agent has hung up")  # its own words are in `{agent.reason}`
            return End.BY_AGENT
        return call.on_silence if outcome.name == "caller_silent" else None

    async def _failed(self, call: ICall, error: VoicedError, sentence: Template) -> None:
        """The agent cannot talk, or has not: say so, and go on."""
        log.warn("{call}: agent {agent}: {error}", call=call.info.sid, agent=self.use, error=str(error))
        call.facts |= {OUTCOME: "failed", "agent.error": str(error)}
        call.note(f"failed: {error}")
        if not sentence.silent:
            await call.say(sentence)

    def _brief(self, call: ICall) -> Brief:
        def told(text: Template | None) -> str | None:
            return None if text is None else filled(call, text, "what the agent is told")

        return Brief(
            prompt=told(self.prompt),
            first_message=told(self.first_message),
            language=self.language,
            voice=self.voice,
            variables={
                name: filled(call, text, f"the agent's variable {name}") for name, text in self.variables.items()
            },
        )


@implementer(IStep)
class Transfer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Connect the human with somebody: a number (E.164), or a SIP address.

    The human hears it ringing. When the other side takes the call, the flow has come to its end, and the call ends
    when they have talked. When it does not take it within `timeout` seconds, is busy, or may not be called,
    `fallback` is spoken (an empty one is not), and the flow goes on with the next step; `{transfer.result}` says why:
    `busy`, `no_answer`, `failed`, or `refused` by a rule. `caller_id` is whom the other side sees, where not the
    human (it has to be a number of the Twilio account); `seconds` limits how long they talk.
    """

    shorthand: ClassVar[str] = "to"

    to: Unspoken
    timeout: Annotated[int, msgspec.Meta(ge=5, le=600)] = 30
    seconds: Annotated[int, msgspec.Meta(ge=1)] | None = None
    caller_id: str | None = None
    fallback: Template = UNANSWERED
    voice: str | None = None

    def __post_init__(self) -> None:
        if self.to.static and dial_target(self.to.fill({})) is None:
            raise ValueError(
                "`to` is a telephone number like +14155550100, in quotes, or a SIP address like "
                f"sip:desk@example.com, not {self.to.fill({})!r}"
            )
        if self.caller_id is not None and not _NUMBER.fullmatch(plain(self.caller_id)):
            raise ValueError(f"`caller_id` is a number like +14155550100, in quotes, not {self.caller_id!r}")

    def mentions(self) -> Mentions:
        """What it says, and whom it names."""
        return Mentions(
            voices=(self.voice,) if self.voice else (),
            prompts=() if self.fallback.silent else (Prompt(self.fallback, self.voice),),
            reads=(*self.to.needs, *self.fallback.needs),
            sets=(RESULT,),
            waits=True,
            targets=(target,) if self.to.static and (target := dial_target(self.to.fill({}))) else (),
        )

    async def run(self, call: ICall) -> End | None:
        """Leave the human to the carrier; come back when nobody is there."""
        if (dialled := call.dialled()) is not None:
            await _came_back(call, dialled, self.fallback, self.voice)
            return None
        to = dial_target(filled(call, self.to, "`to`", ""))
        if to is None:
            call.note("failed: what stands in `to` is no number")
            await _came_back(call, Dialled("failed"), self.fallback, self.voice)
            return None
        caller_id = None if self.caller_id is None else plain(self.caller_id)
        return await _connect(call, Dial(to, caller_id, self.timeout, self.seconds), self.fallback, self.voice)


def dial_target(text: str) -> str | None:
    """A number in the form of E.164, or a SIP address, as it can be dialled; None when it is neither."""
    number = plain(text)
    if _NUMBER.fullmatch(number):
        return number
    return text if _SIP.fullmatch(text) else None


async def _connect(call: ICall, dial: Dial, fallback: Template, voice: str | None) -> End | None:
    """Leave the line, or say that nobody may be called."""
    try:
        await call.dial(dial)
    except Refused as error:
        log.warn("{call}: not connected: rule {rule}", call=call.info.sid, rule=error.rule)
        call.note(f"refused: {error.rule}")
        await _came_back(call, Dialled("refused"), fallback, voice)
        return None
    return End.TRANSFERRED


async def _came_back(call: ICall, dialled: Dialled, fallback: Template, voice: str | None) -> None:
    """The other side was not there: say so, and go on."""
    call.facts[RESULT] = dialled.result
    if dialled.result != "refused":
        call.note(dialled.result)
    if not fallback.silent:
        await call.say(fallback, voice)
