"""The verbs: what the steps of a flow may do with a call."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import attrs
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from voiced.call.answering import Answering
from voiced.call.bargein import BargeIn, Saying
from voiced.call.conversation import Conversation
from voiced.call.disclosing import disclose
from voiced.call.flow import Flow, Run
from voiced.call.keypad import Keypad
from voiced.call.leg import Leg, Position, leg
from voiced.call.optout import CONFIRM, OptOut
from voiced.call.ordered import Ordered
from voiced.call.parts import Parts
from voiced.call.program import Program
from voiced.call.recorder import Recorder, facts_of
from voiced.call.records import AgentRecord, CallInfo, CallRecord, OptOutRecord, StepRecord, TextRecord
from voiced.call.speaker import Speaker
from voiced.call.template import Template
from voiced.call.texting import Texting
from voiced.call.toolbox import Toolbox
from voiced.call.wire import Wire, WiredTools
from voiced.errors import CallOver, FlowError, HttpFailed, RecognitionFailed, RecordingFailed, Refused
from voiced.icarrier import ICarrier, IMediaStream
from voiced.iguard import IGuard, IPermit, Party
from voiced.ivoiced import (
    AgentLimits,
    Back,
    Brief,
    Deliver,
    Dial,
    Dialled,
    End,
    Heard,
    HttpAnswer,
    HttpRequest,
    ICall,
    IStep,
    IToolbox,
    ITTSEngine,
    Outcome,
    Recorded,
    RecordLimits,
    Sequel,
    Utterance,
)

LANGUAGE_FACT = "call.language"
"""The fact that says which language is spoken: a flow may set it."""
OPTED_OUT_FACT = "call.opted_out"
"""The fact that says how the human has opted out of being called; it is there for `on_hangup`."""
ARGUMENT = "argument."
"""What the facts begin with that one flow passes to another."""

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
        parts: Parts | None = None,
    ) -> None:
        self.info = info
        self.program = program
        self.flow = flow
        self.clock = clock
        self.ordered = ordered
        """What was asked for, of a call that we have placed."""
        self.facts = {
            **flow.constants,
            **info.facts(),
            "call.flow": flow.name,
            LANGUAGE_FACT: flow.language,
            **(ordered.facts() if ordered else {}),
        }
        self.private: set[str] = set()
        self.position: list[Position] = []
        """Where the flow stands: frames of (flow, node, step from 0), of flows that have called one another the first
        one first. JSON, so that it can be kept."""
        self.rescued = False
        """Whether `on_error` has been tried; a part of the position, for it is tried once a call."""
        self.inputs = 0
        """How often something came of the caller: keys, words, a conversation, a leg."""
        self._run = Run()
        self.stepping: StepRecord | None = None
        """What is written down of the step that runs."""
        self._parts = Parts() if parts is None else parts
        self._carrier = carrier
        self._guard = guard
        self._permit = permit
        self._leg: Leg | None = None
        """Somebody whom the human is to be connected with, or is."""
        self._returned: tuple[Position, Dialled] | None = None
        """What became of the leg of a step that is to be told."""
        self._told_at: Position | None = None
        """The step whose agent was told what was asked for."""
        self.record = CallRecord(info, flow.name, clock.seconds(), version=program.version.hash)
        self.wire = Wire(clock, program.keeps_wire, self._hidden)
        self.record.wire = self.wire.events
        self._stream: IMediaStream | None = None
        """The line, while there is one."""
        self._speaker = Speaker(clock, self._first_audio, stalled)
        self._keypad = Keypad(clock)
        self._ear: Deliver | None = None
        """Who hears the caller, while anybody does."""
        self._overheard = b""
        """What the caller has said over the last thing that words may cut."""
        self._leaving: dict[str, IDelayedCall] = {}
        """The parts that it will leave by and by."""
        self._conversation: Conversation | None = None
        self._settling: list[Deferred[None]] = []
        """What was recorded and may not be on the disk yet."""
        self._texting = Texting()
        self._sequel: Sequel | None = None
        self._started = 0.0
        self.confirmation = CONFIRM
        """The last sentence to a human who has opted out."""
        self._ending_step: IDelayedCall | None = None
        """Ends the step of a human who has opted out."""

    @property
    def scene(self) -> Flow:
        """The flow whose step runs: of flows that have called one another, the last."""
        name = self.position[-1][0] if self.position else self.flow.name
        return self.flow if name == self.flow.name else self.program.flows[name]

    @property
    def language(self) -> str:
        """See ICall."""
        return self.facts.get(LANGUAGE_FACT) or self.flow.language

    @property
    def diverted(self) -> bool:
        """Whether the flow is about to go on at another node."""
        return self._run.diversion is not None

    @property
    def on_silence(self) -> str | None:
        """See ICall."""
        return self.scene.on_silence

    def say(
        self,
        text: Template,
        voice: str | None = None,
        interruptible: bool = True,
        by_speech: bool = False,
        language: str | None = None,
        told: Callable[[Heard], object] = lambda heard: None,
    ) -> Deferred[Heard]:
        """See ICall; `told` as in Speaking."""
        tag = language or self.language
        try:
            engine = self._voice_for(voice, tag)
        except FlowError:
            return fail()
        for fact in text.missing(self.facts, tag):
            log.warn("{call}: nothing is known of {fact}, and a gap is said for it", call=self.info.sid, fact=fact)
        said = self.scene.pronunciation.of(text.fill(self.facts, tag))
        utterance = Utterance(said, keep=text.wording(tag).static, call=self.info.sid)
        saying = self._speak(interruptible, partial(engine.synthesize, utterance), told)
        saying = self.wire.answered("spoken", saying, _as_heard, text=said, voice=voice or self.scene.voice_of(tag))
        return self._listening(saying) if by_speech else saying

    def voice(self, name: str | None = None) -> ITTSEngine:
        """See ICall."""
        return self._voice_for(name, self.language)

    def play(self, audio: bytes, interruptible: bool = True) -> Deferred[Heard]:
        """See ICall."""
        return self._speak(interruptible, lambda feed: succeed(feed(audio)))

    def sound(self, file: str) -> bytes:
        """See ICall."""
        if file not in self.scene.sounds:
            raise FlowError(f"flow {self.scene.name!r} has no sound {file!r}")
        return self.scene.sounds[file]

    def holidays(self, file: str) -> Mapping[str, str]:
        """See ICall."""
        if file not in self.scene.calendars:
            raise FlowError(f"flow {self.scene.name!r} has no calendar {file!r}")
        return self.scene.calendars[file]

    def listen(self, timeout: float) -> Deferred[str | None]:
        """See ICall."""
        if self._stream is None:
            return fail(CallOver())
        return self._keypad.listen(timeout)

    def answer(self, timeout: float, words: Mapping[str, Sequence[str]]) -> Deferred[str | None]:
        """See ICall."""
        overheard, self._overheard = self._overheard, b""
        if self._stream is None or self.program.hearing is None or self.has_key():
            return self.listen(timeout)
        try:
            answering = Answering(self.program.hearing, self.clock, self._keypad, timeout, words)
        except RecognitionFailed as error:
            log.warn("{call}: nobody listens for words: {error}", call=self.info.sid, error=str(error))
            return self.listen(timeout)
        before, self._ear = self._ear, answering.hear
        answering.result.addBoth(self._heard_out, before)
        if overheard:
            answering.hear(overheard)
        return answering.result

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
        self.inputs += 1
        try:
            permit = self._guard.converse(self.info)
        except Refused:
            return fail()

        def not_told(failure: Failure) -> Failure:
            permit.over(None)
            return failure

        # First the disclosure, and only then the agent: one that was there sooner would speak right after it, or hear
        # a caller who does not know yet whom they speak to. It costs the time that an agent takes to come.
        disclosing = Deferred.fromCoroutine(disclose(self))
        return disclosing.addCallbacks(lambda _: self._hand_over(agent, brief, limits, permit), not_told)

    def _hand_over(self, agent: str, brief: Brief, limits: AgentLimits, permit: IPermit) -> Deferred[Outcome]:
        colleague = self.program.agents[agent]
        limits = attrs.evolve(limits, seconds=min(limits.seconds or permit.seconds, permit.seconds))
        record = AgentRecord(agent, self.clock.seconds())
        self.record.agents.append(record)
        conversation = self._conversation = Conversation(self, self._speaker, limits, record, self.heard_words)
        self._ear = conversation.heard
        ears = self._ears(conversation) if colleague.needs_ears else None
        tools: IToolbox = Toolbox(colleague.tools, self)
        brief = attrs.evolve(self._told(brief), tools=WiredTools(tools, self.wire) if self.wire.kept else tools)
        self.wire.note("agent", name=agent)
        conversing = conversation.begin(colleague.agent, brief, ears)
        return conversing.addBoth(self._agent_left, permit, record)

    def look_up(self, lookup: str) -> Deferred[Mapping[str, str]]:
        """See ICall."""
        if lookup not in self.program.lookups:
            return fail(FlowError(f"no lookup is called {lookup!r}"))
        asked = self.program.lookups[lookup].lookup(self)
        return self.wire.answered("lookup", asked, lambda known: {"known": dict(known)}, name=lookup)

    def run_flow(self, flow: str, arguments: Mapping[str, str]) -> Deferred[Back | End]:
        """See ICall."""
        if flow not in self.program.flows:
            return fail(FlowError(f"no flow is called {flow!r}"))
        return Deferred.fromCoroutine(self._run_flow(self.program.flows[flow], arguments))

    def enter(self, part: str, most: int | None = None) -> int | None:
        """See ICall."""
        self._stay(part)
        return self._parts.enter(part, self.info.sid, most)

    def leave(self, part: str, after: float = 0.0) -> None:
        """See ICall."""
        self._stay(part)
        if after:
            self._leaving[part] = self.clock.callLater(after, self.leave, part)
        else:
            self._parts.leave(part, self.info.sid)

    def chance(self) -> float:
        """See ICall."""
        chance = self.program.chance()
        self.wire.note("chance", shows=chance)
        return chance

    def journal(self, fact: str, value: str) -> None:
        """See ICall."""
        self.record.facts[fact] = self.program.privacy.fact(
            value, private=fact in self.private, party=self.info.party
        )

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
        self.inputs += 1
        return dialled

    def record_voice(self, limits: RecordLimits) -> Deferred[Recorded]:
        """See ICall."""
        recording = Deferred.fromCoroutine(self._record_voice(limits))
        return self.wire.answered("recorded", recording, _as_recorded)

    async def when_kept(self) -> None:
        """Until all that was recorded on this call is on the disk and in its record: 5 s at most."""
        for settled in self._settling:
            await settled

    def ask(self, request: HttpRequest) -> Deferred[HttpAnswer]:
        """See ICall."""
        if self.program.web is None:
            return fail(HttpFailed("no web service can be asked: this daemon has no way to them"))
        asked = self.program.web.ask(request, self.info.sid)
        return self.wire.answered("http", asked, _as_answered, url=request.url, method=request.method)

    def text(self, message: str, from_: str | None = None) -> Deferred[str]:
        """See ICall."""
        info = self.info

        def send() -> Deferred[str]:
            self._guard.text(info, info.party)
            sending = self._carrier.send_text(info.account, info.party, from_ or info.ours, message)
            return sending.addCallback(self._texted)

        try:
            sending = self._texting.send((*map(tuple, self.position), message, from_), send)
            return self.wire.answered("text", sending, lambda sid: {"sent": True}, text=message)
        except Refused:
            return fail()

    def hang_up_because(self, reason: str) -> None:
        """See ICall."""
        if self.record.opted_out is None:  # nothing is more of a reason
            self.record.reason = reason

    def opt_out(self, how: str, within: float = 0.0) -> None:
        """See ICall."""
        self._opted_out(how, next(self._opt_outs(), OptOut()), within)

    def heard_words(self, text: str) -> bool:
        """The caller has said this, as an agent or our own ears understand it; whether that opts them out."""
        for opt_out in self._opt_outs():
            if opt_out.said_in(text):
                self._opted_out("word", opt_out)
                return True
        return False

    def opts_out(self, key: str) -> OptOut | None:
        """How this key opts the caller out now; None where it does not, or means something to the step."""
        if key in self._awaited_keys():
            return None
        return next((each for each in self._opt_outs() if each.key == key), None)

    def note(self, result: str) -> None:
        """See ICall."""
        if self.stepping is not None:
            self.stepping.result = str(result)

    def key_note(self, key: str) -> str:
        """See ICall."""
        return self.program.privacy.key(key)

    # Within

    def _stay(self, part: str) -> None:
        """It does not leave that part later."""
        leaving = self._leaving.pop(part, None)
        if leaving is not None and leaving.active():
            leaving.cancel()

    def _out_of_parts(self) -> None:
        """It is in no part any more, and nothing is to come of any."""
        for part in list(self._leaving):
            self._stay(part)
        self._parts.over(self.info.sid)

    def _heard_out(self, answer: Any, ear: Deliver | None) -> Any:
        """The caller has answered, or has not."""
        self._ear = ear
        self.inputs += answer is not None
        return answer

    def _opt_outs(self) -> Iterator[OptOut]:
        """Those that hold now: of the flow whose step runs, and of the first one."""
        for flow in (self.scene, self.flow):
            if flow.opt_out is not None:
                yield flow.opt_out

    def _awaited_keys(self) -> Collection[str]:
        """The keys that the step which runs waits for."""
        _, node, place = self.position[-1]
        steps = self.scene.nodes[node][place:]
        return steps[0].step.mentions().keys if steps else ()

    def _opted_out(self, how: str, opt_out: OptOut, within: float = 0.0) -> None:
        """The human does not want to be called any more: that holds from now on, whatever becomes of this call."""
        if self.record.opted_out is not None:
            return
        self.hang_up_because(f"opted out by {how}")
        self.record.opted_out = OptOutRecord(how, self.clock.seconds())
        self.facts[OPTED_OUT_FACT] = how
        self.confirmation = opt_out.confirm
        log.info("{call}: the human opts out of being called, by {how}", call=self.info.sid, how=how)
        self._guard.opt_out(self.info, how)
        if self._stream is not None:
            self._run.leaving = True
            # In a moment, even where it is now: an agent that tells us what was said is not done with it yet.
            self._ending_step = self.clock.callLater(within, self._run.end_step)

    def _voice_for(self, name: str | None, language: str) -> ITTSEngine:
        name = name or self.scene.voice_of(language)
        if name is None or name not in self.program.voices:
            raise FlowError(f"flow {self.scene.name!r} has no voice {name or 'at all'!r}")
        return self.program.voices[name]

    async def _run_flow(self, flow: Flow, arguments: Mapping[str, str]) -> Back | End:
        before = {name: value for name, value in self.facts.items() if name.startswith(ARGUMENT)}
        self._pass({ARGUMENT + name: value for name, value in arguments.items()})
        for name, value in flow.constants.items():
            self.facts.setdefault(name, value)
        depth = len(self.position)
        came = await flow.run_within(self, self._run)
        if isinstance(came, Back):  # else the call ends there, or its line comes back to there
            del self.position[depth:]
            self._pass(before)
        return came

    def _pass(self, arguments: Mapping[str, str]) -> None:
        for name in [name for name in self.facts if name.startswith(ARGUMENT)]:
            del self.facts[name]
        self.facts.update(arguments)

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
        return max(1, int(since + self._most_seconds - self.clock.seconds()))

    @property
    def _most_seconds(self) -> int:
        """How long the call may last, as the guard and its flow say."""
        return min(self._permit.seconds, self.flow.max_seconds or self._permit.seconds)

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
        self._wire_conversation(outcome, record)
        permit.over(self.clock.seconds() - record.began)
        return outcome

    def _wire_conversation(self, outcome: Any, record: AgentRecord) -> None:
        for line in record.transcript:
            self.wire.note("line", line.at, who=line.who, text=line.text)
        facts = outcome.facts if isinstance(outcome, Outcome) else {}
        more = {name: value for name, value in facts.items() if name not in ("transcript", "conversation")}
        self.wire.note("outcome", name=record.outcome, facts=more, error=record.error)

    def _hidden(self, text: str) -> str:
        """A text without what may not be written down: private facts, and the human's number."""
        text = self.program.privacy.fact(text, private=False, party=self.info.party)
        for value in {self.facts.get(name, "") for name in self.private} - {""}:
            for written in (value, " ".join(value)):
                text = text.replace(written, "•" * len(value))
        return text

    @property
    def step(self) -> IStep | None:
        """The step that runs."""
        if self.stepping is None:
            return None
        _, node, place = self.position[-1]
        return self.scene.nodes[node][place].step

    async def _record_voice(self, limits: RecordLimits) -> Recorded:
        self._check_line()
        self.inputs += 1
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
            lambda recorded: self.facts.update(facts_of(recorded, limits.into)),
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
            self._ear, self._overheard = before, ears.heard
            ears.stop()
            return result

        return saying.addBoth(over)

    def _speak(
        self,
        interruptible: bool,
        synthesize: Callable[[Deliver], Deferred[Any]],
        told: Callable[[Heard], object] = lambda heard: None,
    ) -> Deferred[Heard]:
        self._overheard = b""
        if self._stream is None:
            return fail(CallOver())
        return self._speaker.say(synthesize, interruptible, told)

    def _first_audio(self) -> None:
        if self.record.first_audio_ms is None:
            self.record.first_audio_ms = round((self.clock.seconds() - self._started) * 1000, 1)


def _as_heard(heard: Heard) -> Mapping[str, Any]:
    return {"seconds": round(heard.seconds, 3), "of": round(heard.of, 3), "cut": heard.cut}


def _as_answered(answer: HttpAnswer) -> Mapping[str, Any]:
    return {"status": answer.status, "body": answer.body.decode(errors="replace")}


def _as_recorded(recorded: Recorded) -> Mapping[str, Any]:
    return {"seconds": round(recorded.seconds, 3), "ended_by": recorded.ended_by, "kept": bool(recorded.file)}
