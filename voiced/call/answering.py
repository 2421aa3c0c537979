"""Waits for a caller's answer: a key, or words that stand for one.

An utterance is what lies between two pauses. It is recognised when it is over; what was no word (a cough) is nothing,
and the caller may go on to answer.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.python.failure import Failure

from voiced.call import audio
from voiced.call.keypad import Keypad
from voiced.call.keywords import key_for, plainly
from voiced.call.words import are_words, is_hummed
from voiced.errors import RecognitionFailed
from voiced.ivoiced import WINDOW, IHearing

LONGEST = 8.0
"""Seconds after which an utterance is recognised though it goes on: an answer to a menu is short."""

_GRACE = 1.0
"""Seconds beside `LONGEST` that whoever began to speak in time may take: pauses are no answer yet."""
_WINDOW = round(WINDOW * audio.RATE)
_SPEECH = 0.5
"""The chance from which on a window counts as speech."""
_FAINTEST = 24
"""Steps of loudness below which it is our own echo, rather (see voiced.call.bargein)."""
_ONSET = 3
"""Windows of speech that begin an utterance (96 ms): a click has one."""
_BEFORE = 12
"""Windows kept from before (384 ms): words begin with soft consonants."""
_PAUSE = 14
"""Windows without speech (448 ms) that end it: "yes … that's right" is one."""
_STALLED = 0.5
"""Seconds without any audio that end it, too: some networks send nothing for silence."""
_FEW = 2
"""Different words that may be a hum: a recogniser makes "No, no, no." of "mm-hmm"."""
_EVER = 3600.0
"""Seconds that keys are listened for: until it is over."""


class Answering:
    """One answer. `result` fires as ICall.answer says; cancelling it stops everything.

    `said(text)` is told first of everything that was understood: what it takes is no answer.

    Raises RecognitionFailed when there can be no ears.
    """

    def __init__(
        self,
        hearing: IHearing,
        clock: IReactorTime,
        keypad: Keypad,
        timeout: float,
        words: Mapping[str, Sequence[str]],
        said: Callable[[str], bool] = lambda text: False,
    ) -> None:
        self.result: Deferred[str | None] = Deferred(lambda _: self._stop())
        self._hearing = hearing
        self._clock = clock
        self._words = words
        self._said = said
        self._detector = hearing.detector()
        self._rest = b""
        self._before: deque[bytes] = deque(maxlen=_BEFORE)
        self._loud = 0
        """Windows of speech in a row."""
        self._utterance: bytearray | None = None
        """While the caller speaks."""
        self._silent = 0
        """Windows without speech at its end."""
        self._voiced = 0
        self._stalled: IDelayedCall | None = None
        self._question: Deferred[Any] | None = None
        """What the recogniser is asked."""
        self._late: IDelayedCall = clock.callLater(timeout, self._nothing)
        self._end: IDelayedCall = clock.callLater(timeout + LONGEST + _GRACE, self._no_more)
        self._keys = keypad.listen(_EVER)
        self._keys.addCallbacks(self._answered, self._no_keys)

    def hear(self, frames: bytes) -> None:
        """The caller's audio, as it comes."""
        if not self._end.active():
            return
        chances = self._detector.feed(frames)
        # The rest is less than a window, but for a detector that is only just loading and forgets the beginning.
        self._rest = (self._rest + frames)[-(len(chances) + 1) * _WINDOW + 1 :] if chances else self._rest + frames
        for chance in chances:
            window, self._rest = self._rest[:_WINDOW], self._rest[_WINDOW:]
            if self._end.active():
                self._hear(window, chance >= _SPEECH and audio.loudness(window) >= _FAINTEST)
        if self._stalled is not None:
            self._stalled.reset(_STALLED)

    def _hear(self, window: bytes, speech: bool) -> None:
        if self._utterance is not None:
            self._go_on(self._utterance, window, speech)
            return
        self._before.append(window)
        self._loud = self._loud + 1 if speech else 0
        if self._loud == _ONSET:
            self._utterance = bytearray(b"".join(self._before))
            self._voiced, self._silent = _ONSET, 0
            self._stalled = self._clock.callLater(_STALLED, self._over)

    def _go_on(self, utterance: bytearray, window: bytes, speech: bool) -> None:
        utterance += window
        self._voiced += speech
        self._silent = 0 if speech else self._silent + 1
        if self._silent == _PAUSE or audio.seconds(len(utterance)) >= LONGEST:
            self._over()

    def _over(self) -> None:
        """An utterance has ended: what was it?"""
        sound, voiced = bytes(self._utterance or b""), self._voiced * WINDOW
        self._forget()
        if self._question is not None:
            self._question.cancel()  # the caller goes on: what was said last counts
        question = self._question = self._hearing.recognise(sound)
        question.addCallbacks(self._recognised, self._unknown, callbackArgs=(sound, voiced))

    def _recognised(self, text: str, sound: bytes, voiced: float) -> None:
        self._question = None
        if self._said(text):
            return
        key = key_for(text, self._words)
        few = len(set(plainly(text).split())) <= _FEW
        if key and not (few and is_hummed(sound)):
            self._answered(key)
        elif are_words(text, sound, voiced):
            self._answered("")
        elif not self._late.active():
            self._nothing()

    def _unknown(self, failure: Failure) -> None:
        """The recogniser is broken (the log has said so), or we do not want to know any more."""
        if failure.trap(RecognitionFailed, CancelledError) is RecognitionFailed:
            self._recognised("", b"", 0.0)

    def _nothing(self) -> None:
        """The time is up. Who speaks is heard to the end."""
        if self._utterance is None and self._question is None:
            self._answered(None)

    def _no_more(self) -> None:
        """Nothing counts any more but what is being recognised: steady noise is one utterance after the other."""
        self._forget()
        self._nothing()

    def _no_keys(self, failure: Failure) -> None:
        """Nobody waits for keys any more, or there is a second one who does."""
        if not failure.check(CancelledError):
            self._stop()
            self.result.errback(failure)

    def _answered(self, key: str | None) -> None:
        self._stop()
        self.result.callback(key)

    def _stop(self) -> None:
        for due in (self._late, self._end):
            if due.active():
                due.cancel()
        question, self._question = self._question, None
        if question is not None:
            question.cancel()
        self._forget()
        self._keys.cancel()

    def _forget(self) -> None:
        self._utterance = None
        self._loud = 0
        self._before.clear()
        if self._stalled is not None and self._stalled.active():
            self._stalled.cancel()
        self._stalled = None
