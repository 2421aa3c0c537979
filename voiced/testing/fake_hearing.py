"""Published: ears without a model. They hear speech that is spelled (voiced.testing.fakes.spell), and no other."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from zope.interface import implementer

from voiced.call.audio import RATE, SILENCE
from voiced.ivoiced import WINDOW, IDetector, IHearing
from voiced.testing.fakes import read_speech

_WINDOW = round(WINDOW * RATE)


@implementer(IDetector)
class FakeDetector:
    """Any byte that is not silence (0xFF) is speech, with certainty."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, audio: bytes) -> Sequence[float]:
        """1.0 for a window with a sound in it, 0.0 for one without."""
        audio = self._rest + audio
        whole = len(audio) - len(audio) % _WINDOW
        self._rest = audio[whole:]
        return [float(bool(audio[at : at + _WINDOW].strip(SILENCE))) for at in range(0, whole, _WINDOW)]


@implementer(IHearing)
class FakeHearing:
    """Reads what is spelled, `delay` seconds later (with a clock), and can be told to hear otherwise or to break.

    The pieces of speech in the audio (they are told apart by 10 ms of silence) become words, with a space between.
    Who is to interrupt (voiced.call.bargein) must be spelled in CAPITALS: small letters are as faint as an echo.
    """

    def __init__(self, clock: IReactorTime | None = None, delay: float = 0.0) -> None:
        self.clock = clock
        self.delay = delay
        self.texts: list[str] = []
        """What is recognised next, whatever the audio is: the first is taken each time."""
        self.fail_with: Exception | None = None
        """What every recognition fails with from now on."""
        self.recognised: list[bytes] = []
        """The audio of every recognition that was begun, in order."""
        self.cancellations = 0
        """How many of them were cancelled before their end."""
        self.detectors: list[FakeDetector] = []
        """Every detector that was made, in order."""
        self.closed = False

    def detector(self) -> FakeDetector:
        """A new one."""
        self.detectors.append(FakeDetector())
        return self.detectors[-1]

    def recognise(self, audio: bytes) -> Deferred[str]:
        """Read it."""
        self.recognised.append(audio)
        text = self.texts.pop(0) if self.texts else " ".join(read_speech(audio))
        if self.clock is None or not self.delay:
            return self._answer(text)
        answer: Deferred[Any] = deferLater(self.clock, self.delay, partial(self._answer, text))
        outer: Deferred[str] = Deferred(lambda _: self._cancel(answer))
        answer.chainDeferred(outer)
        return outer

    def close(self) -> None:
        """Take a note of it."""
        self.closed = True

    def _answer(self, text: str) -> Deferred[str]:
        return fail(self.fail_with) if self.fail_with is not None else succeed(text)

    def _cancel(self, answer: Deferred[Any]) -> None:
        self.cancellations += 1
        answer.cancel()
