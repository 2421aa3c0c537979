"""The verbs: what the steps of a flow may do with a call, and what may be done on its line."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from zope.interface import implementer

from voiced.call.flow import Flow
from voiced.call.keypad import Keypad
from voiced.call.program import Program
from voiced.call.records import CallInfo, CallRecord
from voiced.call.speaker import Speaker
from voiced.call.template import Template
from voiced.errors import CallOver, FlowError
from voiced.ivoiced import Deliver, Heard, ICall, ILine, IMediaStream, Outcome, Sequel, Utterance


@implementer(ICall, ILine)
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
        self._sequel: Sequel | None = None
        self._started = 0.0

    def say(self, text: Template, voice: str | None = None, interruptible: bool = True) -> Deferred[Heard]:
        """See ICall."""
        name = voice or self.flow.voice
        if name is None or name not in self.program.voices:
            return fail(FlowError(f"flow {self.flow.name!r} has no voice {name or 'at all'!r}"))
        utterance = Utterance(text.fill(self.facts), keep=text.static, call=self.info.sid)
        return self._speak(interruptible, partial(self.program.voices[name].synthesize, utterance))

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

    def converse(self, agent: str) -> Deferred[Outcome]:
        """See ICall."""
        if self._stream is None:
            return fail(CallOver())
        if agent not in self.program.agents:
            return fail(FlowError(f"no agent is called {agent!r}"))
        return self.program.agents[agent].converse(self, self).addBoth(self._agent_left)

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

    # What who converses on the line does (ILine)

    def send_audio(self, audio: bytes) -> None:
        """See ILine."""
        self._check_line()
        self._speaker.send(audio)

    def hear(self, deliver: Deliver | None) -> None:
        """See ILine."""
        self._ear = deliver

    def clear(self) -> None:
        """See ILine."""
        self._check_line()
        self._speaker.interrupt()

    def when_heard(self) -> Deferred[None]:
        """See ILine."""
        return self._speaker.when_heard()

    # Within

    def _check_line(self) -> None:
        if self._stream is None:
            raise CallOver

    def _agent_left(self, outcome: Any) -> Any:
        self._ear = None
        return outcome

    def _speak(self, interruptible: bool, synthesize: Callable[[Deliver], Deferred[Any]]) -> Deferred[Heard]:
        if self._stream is None:
            return fail(CallOver())
        return self._speaker.say(synthesize, interruptible)

    def _first_audio(self) -> None:
        if self.record.first_audio_ms is None:
            self.record.first_audio_ms = round((self.clock.seconds() - self._started) * 1000, 1)
