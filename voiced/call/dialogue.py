"""What the steps of a flow may do with the caller: speak, listen, record."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar
from zlib import crc32

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.python.failure import Failure

from voiced.call.answering import Answering
from voiced.call.bargein import BargeIn, Saying
from voiced.call.keypad import MOST_KEYS, Keypad
from voiced.call.recorder import Recorder, facts_of
from voiced.call.rest import Rest
from voiced.call.scene import Scene
from voiced.call.speaker import Speaker
from voiced.call.template import Template
from voiced.errors import CallOver, FlowError, RecognitionFailed, RecordingFailed
from voiced.icarrier import IMediaStream
from voiced.istanding import LeftOff
from voiced.ivoiced import (
    Deliver,
    Heard,
    ITTSEngine,
    Recorded,
    RecordLimits,
    Utterance,
)

T = TypeVar("T")

log = Logger()


class Dialogue(Scene):
    """A call with a line, as long as there is one.

    `stalled()` is called when the carrier does not say any more what it has played, `said(text)` with what the caller
    says to our own ears: whether that was no answer to the step, but for somebody else.
    """

    def __init__(self, stalled: Callable[[], None], said: Callable[[str], bool], *scene: Any) -> None:
        super().__init__(*scene)
        self._said = said
        self._stream: IMediaStream | None = None
        """The line, while there is one."""
        self._speaker = Speaker(self.clock, self._first_audio, stalled, self._sounds, self.watch)
        self._ours: float | None = 0.0
        """Since when it is our turn to be heard; None while it is the caller's, or an agent has the line."""
        self._keypad = Keypad(self.clock, self._key_taken)
        self._gathered = ""
        """The keys that the step has taken, as long as more may follow them: until it ends, says something, or has
        waited for one in vain."""
        self.hears: Deliver = unheard
        """Who gets audio of the caller, before which nothing was dropped on the way to us."""
        self._overheard = b""
        """What the caller has said over the last thing that words may cut."""
        self._settling: list[Deferred[None]] = []
        """What was recorded and may not be on the disk yet."""
        self._started = 0.0
        self._saying = ("", Rest(0))
        """What was said last, and from where on."""
        self._left_off: LeftOff | None = None
        """What was being said when a daemon before us went, until something is said again."""

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
        saying = self._speak(said, interruptible, partial(engine.synthesize, utterance), told)
        saying = self.wire.answered("spoken", saying, _as_heard, text=said, voice=voice or self.scene.voice_of(tag))
        return self._listening(saying) if by_speech else saying

    def voice(self, name: str | None = None) -> ITTSEngine:
        """See ICall."""
        return self._voice_for(name, self.language)

    def play(self, audio: bytes, interruptible: bool = True) -> Deferred[Heard]:
        """See ICall."""
        return self._speak(f"\0{crc32(audio):08x}", interruptible, lambda feed: succeed(feed(audio)))

    def listen(self, timeout: float) -> Deferred[str | None]:
        """See ICall."""
        if self._stream is None:
            return fail(CallOver())
        return self._theirs(self._keypad.listen(timeout)).addCallback(self._pressed)

    def answer(self, timeout: float, words: Mapping[str, Sequence[str]]) -> Deferred[str | None]:
        """See ICall."""
        overheard, self._overheard = self._overheard, b""
        if self._stream is None or self.program.hearing is None or self.has_key():
            return self.listen(timeout)
        try:
            answering = Answering(self.program.hearing, self.clock, self._keypad, timeout, words, self._understood)
        except RecognitionFailed as error:
            log.warn("{call}: nobody listens for words: {error}", call=self.info.sid, error=str(error))
            return self.listen(timeout)
        before, self.hears = self.hears, answering.hear
        self._theirs(answering.result).addBoth(self._heard_out, before)
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
        return self._theirs(deferLater(self.clock, seconds))

    def interrupt(self) -> None:
        """See ICall."""
        self._check_line()
        self._speaker.interrupt()

    def record_voice(self, limits: RecordLimits) -> Deferred[Recorded]:
        """See ICall."""
        recording = Deferred.fromCoroutine(self._record_voice(limits))
        return self.wire.answered("recorded", recording, _as_recorded, silence=limits.silence)

    async def when_kept(self) -> None:
        """Until all that was recorded on this call is on the disk and in its record: 5 s at most."""
        for settled in self._settling:
            await settled

    def begin_anew(self) -> None:
        """Whatever was heard of what a daemon before us said, is said again."""
        self._left_off = None

    def forget_keys(self) -> None:
        """Those that wait are for nobody."""
        self._keypad.clear()

    def step_over(self) -> None:
        """The step has done with the keys that it has taken."""
        self._gathered = ""

    # Within

    def _keys(self) -> str:
        """What was pressed, and nothing has come of yet."""
        return self._gathered + self._keypad.waiting

    def _pressed(self, key: str | None) -> str | None:
        """A step has waited for a key."""
        if key is None:
            self._gathered = ""
        return key

    def _key_taken(self, key: str, pressed: float) -> None:
        """A step takes a key, which may have waited for it: whether it is private, only that step says."""
        self._gathered = (self._gathered + key)[-MOST_KEYS:]
        self.wire.note("key", pressed, key="" if getattr(self.step, "private", False) else key)

    def _theirs(self, waiting: Deferred[T]) -> Deferred[T]:
        """The same Deferred: until it fires it is the caller's turn, and silence is none of ours."""
        self._ours = None
        return waiting.addBoth(self._our_turn)

    def _our_turn(self, result: T) -> T:
        self._ours = self.clock.seconds()
        return result

    def _sounds(self, since: float) -> None:
        """Something is to be heard, where nothing was since then."""
        if self._ours is not None:
            self.watch.dead_air(self.clock.seconds() - max(since, self._ours))

    def _check_line(self) -> None:
        if self._stream is None:
            raise CallOver

    def _voice_for(self, name: str | None, language: str) -> ITTSEngine:
        name = name or self.scene.voice_of(language)
        if name is None or name not in self.program.voices:
            raise FlowError(f"flow {self.scene.name!r} has no voice {name or 'at all'!r}")
        return self.program.voices[name]

    def _understood(self, text: str) -> bool:
        """Our own ears have understood this of an answer."""
        self.wire.note("heard", text="" if getattr(self.step, "private", False) else text)
        return self._said(text)

    def _heard_out(self, answer: Any, ear: Deliver) -> Any:
        """The caller has answered, or has not."""
        self.hears = ear
        self.inputs += not (answer is None or isinstance(answer, Failure))
        return answer

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
            lambda recorded: self.facts.update(facts_of(recorded, limits.into)),
        )
        self._settling.append(recorder.settled)
        self.hears = recorder.hear
        try:
            recorded = await self._theirs(recorder.begin())
        finally:
            self.hears = unheard
        self.inputs += bool(recorded.file)
        return recorded

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
        before, self.hears = self.hears, ears.hear

        def over(result: Any) -> Any:
            self.hears, self._overheard = before, ears.heard
            ears.stop()
            return result

        return saying.addBoth(over)

    def _speak(
        self,
        what: str,
        interruptible: bool,
        synthesize: Callable[[Deliver], Deferred[Any]],
        told: Callable[[Heard], object] = lambda heard: None,
    ) -> Deferred[Heard]:
        self._overheard = b""
        if self._stream is None:
            return fail(CallOver())
        self._gathered = ""
        before, self._left_off = self._left_off, None
        rest = Rest(before.heard if before is not None and before.what == what else 0)
        self._saying = what, rest
        return self._speaker.say(partial(rest.speak, synthesize), interruptible, told)

    def _leaves_off(self) -> LeftOff | None:
        """What is being said, and how much of it was heard; what was, while that has not gone on yet."""
        what, rest = self._saying
        heard = self._speaker.heard
        return self._left_off if heard is None else LeftOff(what, rest.start + heard)

    def _first_audio(self) -> None:
        if self.record.first_audio_ms is None:
            seconds = self.clock.seconds() - self._started
            self.record.first_audio_ms = round(seconds * 1000, 1)
            self.watch.first_audio(seconds)


def _as_heard(heard: Heard) -> Mapping[str, Any]:
    return {"seconds": round(heard.seconds, 3), "of": round(heard.of, 3), "cut": heard.cut}


def _as_recorded(recorded: Recorded) -> Mapping[str, Any]:
    return {"seconds": round(recorded.seconds, 3), "ended_by": recorded.ended_by, "kept": bool(recorded.file)}


def unheard(audio: bytes) -> None:
    """Nobody hears the caller now."""
