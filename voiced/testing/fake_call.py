"""A call for the tests of steps: what a step says is written down, keys are pressed, and the clock is the test's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

import attrs
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock, deferLater
from twisted.python.failure import Failure
from zope.interface import implementer

from voiced.call.audio import seconds
from voiced.call.keywords import key_for
from voiced.call.privacy import Privacy
from voiced.call.recorder import facts_of
from voiced.call.records import CallInfo
from voiced.call.spoken import LANGUAGE
from voiced.call.template import Template
from voiced.errors import CallOver, Refused
from voiced.ioperator import IOperator, Unoperated
from voiced.ivoiced import (
    AgentLimits,
    Back,
    Brief,
    Dial,
    Dialled,
    End,
    HangUp,
    Heard,
    HttpAnswer,
    HttpRequest,
    ICall,
    ITTSEngine,
    Outcome,
    Recorded,
    RecordLimits,
    Sequel,
)
from voiced.testing.clock import StrictClock
from voiced.testing.fakes import SpellingVoice

T = TypeVar("T")

INFO = CallInfo("CA" + "0" * 32, "main", "+14155550100", "+14155550123")
RECORDED = Recorded("recordings/2026-03-01/CA00-1.wav", 12.5, "silence")
ANSWER = HttpAnswer(200, b"{}")
TEXT_SID = "SM" + "0" * 32


@attrs.frozen
class Said:
    """A sentence as the caller would hear it."""

    text: str
    voice: str | None = None
    interruptible: bool = True
    by_speech: bool = False
    language: str | None = None


@implementer(ICall)
class FakeCall:
    """Speaks and records at once, or `pace` seconds a sentence; knows the agents, lookups and sounds it is given.

    An agent, a lookup, a flow that is called, what becomes of a recording, what the web answers, and the SID of a
    text may be its answer, an exception to fail with, or a Deferred. Of a name that is not given, an agent ends with
    the outcome `done`, a lookup knows nothing, a flow comes back with nothing; the flow's voice is `voices[""]`. A
    part has as many others in it as `inside` says, the dice show `dice`. `dialled` is what became of the leg for
    which the step has left the line before, `forbids` what the guard says to every leg. `refused` counts the verbs
    that raised CallOver.
    """

    def __init__(
        self,
        *,
        info: CallInfo = INFO,
        clock: Clock | None = None,
        pace: float = 0.0,
        sounds: Mapping[str, bytes] | None = None,
        agents: Mapping[str, Outcome | Exception | Deferred[Outcome]] | None = None,
        lookups: Mapping[str, Mapping[str, str] | Exception | Deferred[Mapping[str, str]]] | None = None,
        voices: Mapping[str, ITTSEngine] | None = None,
        recorded: Recorded | Exception | Deferred[Recorded] = RECORDED,
        web: HttpAnswer | Exception | Deferred[HttpAnswer] = ANSWER,
        texted: str | Exception | Deferred[str] = TEXT_SID,
        dialled: Dialled | None = None,
        forbids: Refused | None = None,
        privacy: Privacy = Privacy.MASKED,
        language: str = LANGUAGE,
        on_silence: str | None = None,
        flows: Mapping[str, Back | End | Exception | Deferred[Back | End]] | None = None,
        calendars: Mapping[str, Mapping[str, str]] | None = None,
        inside: Mapping[str, int] | None = None,
        dice: float = 0.0,
        operator: IOperator | None = None,
    ) -> None:
        self.info = info
        self.language = language
        self.on_silence = on_silence
        self.private: set[str] = set()
        self.arguments: list[Mapping[str, str]] = []
        """What each flow that was called was given."""
        self.parts: list[str] = []
        """The parts that the call is in."""
        self.leaving: dict[str, float] = {}
        """The parts that were to be left later, and in how many seconds."""
        self.written: dict[str, str] = {}
        """What was written down in the call's record."""
        self.inside = dict(inside or {})
        self.dice = dice
        self.operator = operator or Unoperated()
        self._flows = flows or {}
        self._calendars = calendars or {}
        self.facts: dict[str, str] = info.facts()
        self.clock: Clock = clock or StrictClock()
        self.said: list[Said] = []
        self.played: list[bytes] = []
        self.notes: list[str] = []
        self.briefs: list[tuple[Brief, AgentLimits]] = []
        """What each agent was asked to do, and within which limits."""
        self.recordings: list[RecordLimits] = []
        """Within which limits the caller was recorded, each time."""
        self.asked: list[HttpRequest] = []
        """What was asked of web services."""
        self.texts: list[tuple[str, str | None]] = []
        """What the caller was texted, and from which number."""
        self.legs: list[Dial] = []
        """Whom the caller was to be connected with."""
        self.reasons: list[str] = []
        """Why the flow was about to hang up."""
        self.opted_out: list[str] = []
        """How the human has opted out of being called, each time."""
        self.sequel: Sequel = HangUp()
        self.interrupts = 0
        self.listened = 0
        """How often the step has listened for a key."""
        self.refused = 0
        self._pace = pace
        self._sounds = sounds or {}
        self._agents = agents or {}
        self._lookups = lookups or {}
        self._voices = voices or {"": SpellingVoice()}
        self._recorded = recorded
        self.web = web
        """What a web service answers."""
        self.texted = texted
        """What the carrier calls a text."""
        self._dialled = dialled
        self._forbids = forbids
        self._privacy = privacy
        self._keys: list[str] = []
        self._words: Mapping[str, Sequence[str]] = {}
        self._spoken: str | None = None
        self._over = False
        self._listener: Deferred[str | None] | None = None
        self._speech: Deferred[Heard] | None = None

    # What the test does

    def press(self, keys: str) -> None:
        """The caller presses these keys, one after the other."""
        for key in keys:
            if self._listener is not None:
                self._listener.callback(key)
                continue
            self._keys.append(key)
            if self._speech is not None:
                self._speech.callback(Heard(0.0, self._pace, cut=True))

    def speak(self, text: str) -> None:
        """The caller says this: to whoever waits for an answer, or over what words may cut."""
        if self._listener is not None and self._words:
            self._listener.callback(key_for(text, self._words))
        elif self._speech is not None and self.said[-1].by_speech:
            self._spoken = text
            self._speech.callback(Heard(0.0, self._pace, cut=True))

    def hang_up(self) -> None:
        """The caller is gone; the test cancels the step that runs, as the session would."""
        self._over = True

    # What the step does

    def say(
        self,
        text: Template,
        voice: str | None = None,
        interruptible: bool = True,
        by_speech: bool = False,
        language: str | None = None,
    ) -> Deferred[Heard]:
        """See ICall."""
        self._check()
        said = text.fill(self.facts, language or self.language)
        self.said.append(Said(said, voice, interruptible, by_speech, language))
        return self._speak(self._pace, interruptible)

    def play(self, audio: bytes, interruptible: bool = True) -> Deferred[Heard]:
        """See ICall."""
        self._check()
        self.played.append(audio)
        return self._speak(seconds(audio) if self._pace else 0.0, interruptible)

    def sound(self, file: str) -> bytes:
        """See ICall."""
        return self._sounds[file]

    def listen(self, timeout: float) -> Deferred[str | None]:
        """See ICall."""
        self._check()
        self.listened += 1
        assert self._listener is None, "two listen at once"  # noqa: S101 - a fault of the step
        if self._keys:
            return succeed(self._keys.pop(0))
        listener = self._listener = Deferred()
        late = self.clock.callLater(timeout, lambda: listener.callback(None))

        def ended(result: str | Failure | None) -> str | Failure | None:
            self._listener, self._words = None, {}
            if late.active():
                late.cancel()
            return result

        return listener.addBoth(ended)

    def answer(self, timeout: float, words: Mapping[str, Sequence[str]]) -> Deferred[str | None]:
        """See ICall. What was spoken before it listens is heard where it has cut our own speech."""
        self._words = words
        spoken, self._spoken = self._spoken, None
        if spoken is not None and not self._keys:
            return succeed(key_for(spoken, words))
        return self.listen(timeout)

    def has_key(self) -> bool:
        """See ICall."""
        return bool(self._keys)

    def wait(self, seconds: float) -> Deferred[None]:
        """See ICall."""
        self._check()
        return deferLater(self.clock, seconds)

    def interrupt(self) -> None:
        """See ICall."""
        self._check()
        self.interrupts += 1

    def converse(self, agent: str, brief: Brief, limits: AgentLimits) -> Deferred[Outcome]:
        """See ICall."""
        self._check()
        self.briefs.append((brief, limits))
        return _answer(self._agents.get(agent, Outcome("done")))

    def voice(self, name: str | None = None) -> ITTSEngine:
        """See ICall."""
        return self._voices[name or ""]

    def look_up(self, lookup: str) -> Deferred[Mapping[str, str]]:
        """See ICall. It needs no line."""
        return _answer(self._lookups.get(lookup, {}))

    def run_flow(self, flow: str, arguments: Mapping[str, str]) -> Deferred[Back | End]:
        """See ICall."""
        self._check()
        self.arguments.append(arguments)
        return _answer(self._flows.get(flow, Back()))

    def enter(self, part: str, most: int | None = None) -> int | None:
        """See ICall."""
        others = self.inside.get(part, 0)
        if part not in self.parts:
            if most is not None and others >= most:
                return None
            self.parts.append(part)
        return others + 1

    def leave(self, part: str, after: float = 0.0) -> None:
        """See ICall. What is left later is in `leaving`, with its seconds, and left at once."""
        if after:
            self.leaving[part] = after
        if part in self.parts:
            self.parts.remove(part)

    def chance(self) -> float:
        """See ICall."""
        return self.dice

    def holidays(self, file: str) -> Mapping[str, str]:
        """See ICall."""
        return self._calendars[file]

    def journal(self, fact: str, value: str) -> None:
        """See ICall. It needs no line."""
        self.written[fact] = self._privacy.fact(value, private=fact in self.private, party=self.info.party)

    def then(self, sequel: Sequel) -> None:
        """See ICall."""
        self.sequel = sequel

    def dial(self, dial: Dial) -> Deferred[None]:
        """See ICall."""
        self._check()
        if self._forbids is not None:
            raise self._forbids
        self.legs.append(dial)
        self.sequel = dial
        return succeed(None)

    def dialled(self) -> Dialled | None:
        """See ICall. It is told once."""
        dialled, self._dialled = self._dialled, None
        return dialled

    def record_voice(self, limits: RecordLimits) -> Deferred[Recorded]:
        """See ICall."""
        self._check()
        self.recordings.append(limits)
        waiting: Deferred[None] = deferLater(self.clock, self._pace) if self._pace else succeed(None)
        recording: Deferred[Recorded] = waiting.addCallback(lambda _: _answer(self._recorded))
        return recording.addCallback(self._kept, limits.into)

    def ask(self, request: HttpRequest) -> Deferred[HttpAnswer]:
        """See ICall."""
        self.asked.append(request)
        return _answer(self.web)

    def text(self, message: str, from_: str | None = None) -> Deferred[str]:
        """See ICall."""
        self.texts.append((message, from_))
        return _answer(self.texted)

    def hang_up_because(self, reason: str) -> None:
        """See ICall."""
        self.reasons.append(reason)

    def opt_out(self, how: str, within: float = 0.0) -> None:
        """See ICall. It needs no line."""
        self.opted_out.append(how)

    def note(self, result: str) -> None:
        """See ICall."""
        self.notes.append(result)

    def key_note(self, key: str) -> str:
        """See ICall."""
        return self._privacy.key(key)

    def _kept(self, recorded: Recorded, into: str) -> Recorded:
        self.facts.update(facts_of(recorded, into))
        return recorded

    def _check(self) -> None:
        if self._over:
            self.refused += 1
            raise CallOver

    def _speak(self, length: float, interruptible: bool) -> Deferred[Heard]:
        if not length:
            return succeed(Heard(0.0, 0.0))
        speech: Deferred[Heard] = Deferred()
        end = self.clock.callLater(length, lambda: speech.callback(Heard(length, length)))
        self._speech = speech if interruptible else None

        def ended(result: Heard | Failure) -> Heard | Failure:
            self._speech = None
            if end.active():
                end.cancel()
            return result

        return speech.addBoth(ended)


def _answer(answer: T | Exception | Deferred[T]) -> Deferred[T]:
    if isinstance(answer, Deferred):
        return answer
    return fail(answer) if isinstance(answer, Exception) else succeed(answer)
