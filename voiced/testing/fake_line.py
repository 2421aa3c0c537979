"""Published: a line for the tests of agents. What an agent says is played on the test's clock, as a carrier would."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from zope.interface import implementer

from voiced.call.audio import FRAME, RATE
from voiced.call.playback import Playback
from voiced.call.records import Said
from voiced.call.transcript import Transcript
from voiced.errors import CallOver
from voiced.icarrier import IMediaStream
from voiced.ivoiced import Deliver, ILine, ISpeech, Who


@implementer(IMediaStream)
class FakeCarrier:
    """A carrier without a network: plays 8000 bytes a second, and gives marks back when they are played."""

    def __init__(self, clock: IReactorTime, marked: Callable[[str], object]) -> None:
        self._clock = clock
        self._marked = marked
        self.sent = 0
        self._tape = bytearray()
        self._ends = clock.seconds()
        self._marks: list[tuple[str, IDelayedCall]] = []

    @property
    def heard(self) -> bytes:
        """What was played so far, without the silence between."""
        return bytes(self._tape[: len(self._tape) - round(self._left * RATE)])

    @property
    def _left(self) -> float:
        return max(self._ends - self._clock.seconds(), 0.0)

    def send_audio(self, audio: bytes, mark: str = "") -> None:
        self._ends = max(self._ends, self._clock.seconds()) + len(audio) / RATE
        self._tape += audio
        self.sent += len(audio)
        if mark:
            self.send_mark(mark)

    def send_mark(self, name: str) -> None:
        self._marks.append((name, self._clock.callLater(self._left, self._return)))

    def send_clear(self) -> None:
        del self._tape[len(self.heard) :]
        self._ends = self._clock.seconds()
        for name, due in self._marks:
            due.cancel()
            self._clock.callLater(0, self._marked, name)
        self._marks.clear()

    def close(self) -> None:
        self.send_clear()

    def _return(self) -> None:
        self._marked(self._marks.pop(0)[0])


@implementer(ILine)
class FakeLine:
    """The caller's end: `caller_says(audio)`, `press(key)`, `interrupt()`, `hang_up()`; and what became of it."""

    def __init__(self, clock: IReactorTime) -> None:
        self.clock = clock
        self.guarded = False
        """Whether somebody other than the agent listens for interruptions: then the test calls `interrupt`."""
        self.is_ready = False
        self.conversation_name = ""
        self.activities = 0
        """How often the agent said that the caller is active."""
        self.after_the_end = 0
        """How often the agent used the line when it was not its own any more."""
        self._playback = Playback(clock)
        self._carrier = FakeCarrier(clock, self._playback.mark_returned)
        self._playback.attach(self._carrier)
        self._transcript = Transcript()
        self._deliver: Deliver | None = None
        self._keys: Callable[[str], object] | None = None
        self._over = False

    # What the test does

    @property
    def heard(self) -> bytes:
        """What the caller has heard, without the silence between."""
        return self._carrier.heard

    @property
    def sent(self) -> int:
        """Bytes that the agent has sent in all, whether they were heard or cleared."""
        return self._carrier.sent

    @property
    def transcript(self) -> list[Said]:
        """What was said, and heard, so far."""
        return self._transcript.lines()

    @property
    def is_heard(self) -> bool:
        """Whether the agent hears the caller."""
        return self._deliver is not None

    def caller_says(self, audio: bytes) -> None:
        """The caller says this, at once, in frames of 20 ms."""
        for at in range(0, len(audio), FRAME):
            if self._deliver is not None:
                self._deliver(audio[at : at + FRAME])

    def press(self, key: str) -> None:
        """The caller presses a key."""
        if self._keys is not None:
            self._keys(key)

    def interrupt(self) -> None:
        """The caller interrupts, and voiced's own ears have heard it."""
        self._playback.interrupt()

    def hang_up(self) -> None:
        """The line is not the agent's any more: speaking raises CallOver."""
        self._over = True
        self._deliver = self._keys = None

    # What the agent does

    def ready(self) -> None:
        """See ILine."""
        self.is_ready = True
        self._used()

    def hear(self, deliver: Deliver | None) -> None:
        """See ILine."""
        self._deliver = None if self._over else deliver
        if deliver is not None:
            self._used()

    def keys(self, deliver: Callable[[str], object] | None) -> None:
        """See ILine."""
        self._keys = None if self._over else deliver
        if deliver is not None:
            self._used()

    def speak(self) -> ISpeech:
        """See ILine."""
        self._check()
        return self._playback.speak()

    def send_audio(self, audio: bytes) -> None:
        """See ILine."""
        self._check()
        self._playback.send(audio)

    @property
    def queued(self) -> float:
        """See ILine."""
        return self._playback.queued

    def clear(self) -> None:
        """See ILine."""
        self._check()
        self._playback.interrupt()

    def when_heard(self) -> Deferred[None]:
        """See ILine."""
        return self._playback.when_heard()

    def said(self, who: Who, text: str, speech: ISpeech | None = None) -> None:
        """See ILine."""
        self._transcript.add(who, text, self.clock.seconds(), speech)

    def corrected(self, text: str) -> None:
        """See ILine."""
        self._transcript.correct(text)

    def conversation(self, name: str) -> None:
        """See ILine."""
        self.conversation_name = name

    def caller_active(self) -> None:
        """See ILine."""
        self.activities += 1

    def caller_waits(self, waits: bool = True) -> None:
        """See ILine."""

    def _check(self) -> None:
        self._used()
        if self._over:
            raise CallOver

    def _used(self) -> None:
        self.after_the_end += self._over
