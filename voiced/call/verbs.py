"""The verbs: what the steps of a flow may do with a call."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import attrs
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger
from zope.interface import implementer

from voiced.call.bargein import BargeIn, Saying
from voiced.call.conversation import Conversation
from voiced.call.flow import Flow
from voiced.call.keypad import Keypad
from voiced.call.program import Program
from voiced.call.records import AgentRecord, CallInfo, CallRecord
from voiced.call.speaker import Speaker
from voiced.call.template import Template
from voiced.call.toolbox import Toolbox
from voiced.errors import CallOver, FlowError, RecognitionFailed
from voiced.ivoiced import (
    AgentLimits,
    Brief,
    Deliver,
    Heard,
    ICall,
    IMediaStream,
    ITTSEngine,
    Outcome,
    Sequel,
    Utterance,
)

log = Logger()


@implementer(ICall)
class Verbs:
    """A call as its flow sees it: who is calling, what is known, and a line to speak and listen on.

    `stalled()` is called when the carrier does not say any more what it has played.
    """

    def __init__(
        self, info: CallInfo, program: Program, flow: Flow, clock: IReactorTime, stalled: Callable[[], None]
    ) -> None:
        self.info = info
        self.program = program
        self.flow = flow
        self.clock = clock
        self.facts = {**info.facts(), "call.flow": flow.name}
        self.record = CallRecord(info, flow.name, clock.seconds())
        self._stream: IMediaStream | None = None
        """The line, while there is one."""
        self._speaker = Speaker(clock, self._first_audio, stalled)
        self._keypad = Keypad(clock)
        self._ear: Deliver | None = None
        """Who hears the caller, while anybody does."""
        self._conversation: Conversation | None = None
        self._sequel: Sequel | None = None
        self._started = 0.0

    def say(
        self, text: Template, voice: str | None = None, interruptible: bool = True, by_speech: bool = False
    ) -> Deferred[Heard]:
        """See ICall."""
        try:
            engine = self.voice(voice)
        except FlowError:
            return fail()
        utterance = Utterance(text.fill(self.facts), keep=text.static, call=self.info.sid)
        saying = self._speak(interruptible, partial(engine.synthesize, utterance))
        return self._listening(saying) if by_speech else saying

    def voice(self, name: str | None = None) -> ITTSEngine:
        """See ICall."""
        name = name or self.flow.voice
        if name is None or name not in self.program.voices:
            raise FlowError(f"flow {self.flow.name!r} has no voice {name or 'at all'!r}")
        return self.program.voices[name]

    def play(self, audio: bytes, interruptible: bool = True) -> Deferred[Heard]:
        """See ICall."""
        return self._speak(interruptible, lambda feed: succeed(feed(audio)))

    def sound(self, file: str) -> bytes:
        """See ICall."""
        if file not in self.flow.sounds:
            raise FlowError(f"flow {self.flow.name!r} has no sound {file!r}")
        return self.flow.sounds[file]

    def listen(self, timeout: float) -> Deferred[str | None]:
        """See ICall."""
        if self._stream is None:
            return fail(CallOver())
        return self._keypad.listen(timeout)

    def has_key(self) -> bool:
        """See ICall."""
        return len(self._keypad) > 0

    def wait(self, seconds: float) -> Deferred[None]:
        """See ICall."""
        if self._stream is None:
            return fail(CallOver())
        return deferLater(self.clock, seconds)

    def interrupt(self) -> None:
        """See ICall."""
        self._check_line()
        self._speaker.interrupt()

    def converse(self, agent: str, brief: Brief, limits: AgentLimits) -> Deferred[Outcome]:
        """See ICall."""
        if self._stream is None:
            return fail(CallOver())
        if agent not in self.program.agents:
            return fail(FlowError(f"no agent is called {agent!r}"))
        colleague = self.program.agents[agent]
        record = AgentRecord(agent, self.clock.seconds())
        self.record.agents.append(record)
        conversation = self._conversation = Conversation(self, self._speaker, limits, record)
        self._ear = conversation.heard
        ears = self._ears(conversation) if colleague.needs_ears else None
        toolbox = Toolbox(colleague.tools, self)
        return conversation.begin(colleague.agent, attrs.evolve(brief, tools=toolbox), ears).addBoth(self._agent_left)

    def look_up(self, lookup: str) -> Deferred[Mapping[str, str]]:
        """See ICall."""
        if lookup not in self.program.lookups:
            return fail(FlowError(f"no lookup is called {lookup!r}"))
        return self.program.lookups[lookup].lookup(self)

    def then(self, sequel: Sequel) -> None:
        """See ICall."""
        self._sequel = sequel

    def note(self, result: str) -> None:
        """See ICall."""
        self.record.steps[-1].result = str(result)

    def key_note(self, key: str) -> str:
        """See ICall."""
        return self.program.privacy.key(key)

    # Within

    def _check_line(self) -> None:
        if self._stream is None:
            raise CallOver

    def _agent_left(self, outcome: Any) -> Any:
        self._ear = self._conversation = None
        return outcome

    def _ears(self, saying: Saying) -> BargeIn | None:
        """Ears of our own for what is said; None where there are none."""
        try:
            return None if self.program.hearing is None else BargeIn(self.program.hearing, self.clock, saying)
        except RecognitionFailed as error:
            log.warn("{call}: nobody listens for interruptions: {error}", call=self.info.sid, error=str(error))
            return None

    def _listening(self, saying: Deferred[Heard]) -> Deferred[Heard]:
        """The same, cut when the caller speaks, as our own ears have it."""
        ears = self._ears(self._speaker)
        if ears is None:
            return saying
        before, self._ear = self._ear, ears.hear

        def over(result: Any) -> Any:
            self._ear = before
            ears.stop()
            return result

        return saying.addBoth(over)

    def _speak(self, interruptible: bool, synthesize: Callable[[Deliver], Deferred[Any]]) -> Deferred[Heard]:
        if self._stream is None:
            return fail(CallOver())
        return self._speaker.say(synthesize, interruptible)

    def _first_audio(self) -> None:
        if self.record.first_audio_ms is None:
            self.record.first_audio_ms = round((self.clock.seconds() - self._started) * 1000, 1)
