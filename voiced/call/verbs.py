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
from voiced.call.leg import Leg, Position, leg
from voiced.call.ordered import Ordered
from voiced.call.program import Program
from voiced.call.recorder import Recorder, facts_of
from voiced.call.records import AgentRecord, CallInfo, CallRecord, TextRecord
from voiced.call.speaker import Speaker
from voiced.call.template import Template
from voiced.call.texting import Texting
from voiced.call.toolbox import Toolbox
from voiced.errors import CallOver, FlowError, HttpFailed, RecognitionFailed, RecordingFailed, Refused
from voiced.icarrier import ICarrier, IMediaStream
from voiced.iguard import IGuard, IPermit, Party
from voiced.ivoiced import (
    AgentLimits,
    Brief,
    Deliver,
    Dial,
    Dialled,
    Heard,
    HttpAnswer,
    HttpRequest,
    ICall,
    ITTSEngine,
    Outcome,
    Recorded,
    RecordLimits,
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
        self,
        info: CallInfo,
        program: Program,
        flow: Flow,
        clock: IReactorTime,
        carrier: ICarrier,
        guard: IGuard,
        permit: IPermit,
        stalled: Callable[[], None],
        ordered: Ordered | None = None,
    ) -> None:
        self.info = info
        self.program = program
        self.flow = flow
        self.clock = clock
        self.ordered = ordered
        """What was asked for, of a call that we have placed."""
        self.facts = {**info.facts(), "call.flow": flow.name, **(ordered.facts() if ordered else {})}
        self.position: list[Position] = []
        """Where the flow stands: frames of (flow, node, step from 0). JSON, so that it can be kept."""
        self._carrier = carrier
        self._guard = guard
        self._permit = permit
        self._leg: Leg | None = None
        """Somebody whom the human is to be connected with, or is."""
        self._returned: tuple[Position, Dialled] | None = None
        """What became of the leg of a step that is to be told."""
        self._told_at: Position | None = None
        """The step whose agent was told what was asked for."""
        self.record = CallRecord(info, flow.name, clock.seconds())
        self._stream: IMediaStream | None = None
        """The line, while there is one."""
        self._speaker = Speaker(clock, self._first_audio, stalled)
        self._keypad = Keypad(clock)
        self._ear: Deliver | None = None
        """Who hears the caller, while anybody does."""
        self._conversation: Conversation | None = None
        self._settling: list[Deferred[None]] = []
        """What was recorded and may not be on the disk yet."""
        self._texting = Texting()
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
        try:
            permit = self._guard.converse(self.info)
        except Refused:
            return fail()
        limits = attrs.evolve(limits, seconds=min(limits.seconds or permit.seconds, permit.seconds))
        record = AgentRecord(agent, self.clock.seconds())
        self.record.agents.append(record)
        conversation = self._conversation = Conversation(self, self._speaker, limits, record)
        self._ear = conversation.heard
        ears = self._ears(conversation) if colleague.needs_ears else None
        brief = attrs.evolve(self._told(brief), tools=Toolbox(colleague.tools, self))
        conversing = conversation.begin(colleague.agent, brief, ears)
        return conversing.addBoth(self._agent_left, permit, record)

    def look_up(self, lookup: str) -> Deferred[Mapping[str, str]]:
        """See ICall."""
        if lookup not in self.program.lookups:
            return fail(FlowError(f"no lookup is called {lookup!r}"))
        return self.program.lookups[lookup].lookup(self)

    def then(self, sequel: Sequel) -> None:
        """See ICall."""
        if isinstance(sequel, Dial):
            self._order_leg(sequel, returns=False)
        else:
            self._sequel = sequel

    def dial(self, dial: Dial) -> None:
        """See ICall."""
        self._check_line()
        self._order_leg(dial, step=self.position[-1])

    def dialled(self) -> Dialled | None:
        """See ICall."""
        if self._returned is None or self._returned[0] != self.position[-1]:
            return None
        (_, dialled), self._returned = self._returned, None
        return dialled

    def record_voice(self, limits: RecordLimits) -> Deferred[Recorded]:
        """See ICall."""
        return Deferred.fromCoroutine(self._record_voice(limits))

    async def when_kept(self) -> None:
        """Until all that was recorded on this call is on the disk and in its record: 5 s at most."""
        for settled in self._settling:
            await settled

    def ask(self, request: HttpRequest) -> Deferred[HttpAnswer]:
        """See ICall."""
        if self.program.web is None:
            return fail(HttpFailed("no web service can be asked: this daemon has no way to them"))
        return self.program.web.ask(request, self.info.sid)

    def text(self, message: str, from_: str | None = None) -> Deferred[str]:
        """See ICall."""
        info = self.info

        def send() -> Deferred[str]:
            self._guard.text(info, info.party)
            sending = self._carrier.send_text(info.account, info.party, from_ or info.ours, message)
            return sending.addCallback(self._texted)

        try:
            return self._texting.send((*map(tuple, self.position), message, from_), send)
        except Refused:
            return fail()

    def hang_up_because(self, reason: str) -> None:
        """See ICall."""
        self.record.reason = reason

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

    def _texted(self, sid: str) -> str:
        self.record.texts.append(TextRecord(self.info.party, self.clock.seconds(), sid))
        return sid

    def _order_leg(
        self, dial: Dial, *, step: Position | None = None, returns: bool = True, party: Party | None = None
    ) -> None:
        if self._leg is not None:
            self._leg.over(None)
            self._leg = self._sequel = None
        # What an API client asks for is nobody's word but theirs, whatever the flows name.
        named = party is None and dial.to in self.program.named
        self._leg = leg(self.info, dial, self._guard, self.clock, self._seconds_left(), named=named, party=party)
        self._leg.step, self._leg.returns = step, returns
        self.record.legs.append(self._leg.record)
        self._sequel = self._leg.dial

    def _seconds_left(self) -> int:
        """How long the call may go on."""
        since = self.record.answered or self.record.began
        return max(1, int(since + self._permit.seconds - self.clock.seconds()))

    def _told(self, brief: Brief) -> Brief:
        """What an agent is asked, with what was asked for when the call was placed: the first one reached is told,
        again when its step is run again."""
        step = self.position[-1]
        if self.ordered is None or self._told_at not in (None, step):
            return brief
        self._told_at = step
        return self.ordered.told(brief)

    def _agent_left(self, outcome: Any, permit: IPermit, record: AgentRecord) -> Any:
        self._ear = self._conversation = None
        permit.over(self.clock.seconds() - record.began)
        return outcome

    async def _record_voice(self, limits: RecordLimits) -> Recorded:
        self._check_line()
        program = self.program
        if program.recordings is None:
            raise RecordingFailed("nothing can be recorded: this daemon keeps no recordings")
        await self._speaker.when_heard()
        recorder = Recorder(
            self.record,
            limits,
            program.recordings,
            program.hearing,
            self._keypad,
            self.clock,
            lambda recorded: self.facts.update(facts_of(recorded)),
        )
        self._settling.append(recorder.settled)
        self._ear = recorder.hear
        try:
            return await recorder.begin()
        finally:
            self._ear = None

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
