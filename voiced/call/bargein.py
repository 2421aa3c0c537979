"""Decides whether a caller who makes a sound while we speak has something to say.

At the first sign of speech we pause: nobody can tell a word from a cough in 100 ms. Within half a second of the
pause it is decided: words cut what we said, and after anything else we go on from where we were. What is known by
then is how long it sounded, how bright (voiced.call.words), and what a recogniser made of it.

The figures here were measured with `python -m bench.bargein`.
"""

from __future__ import annotations

from typing import Any, Protocol

import attrs
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.python.failure import Failure

from voiced.call import audio
from voiced.call.words import are_few, are_words, slower
from voiced.errors import RecognitionFailed
from voiced.ivoiced import WINDOW, IHearing

DECIDE = 0.48
"""Seconds from the pause to the decision at the latest, whatever the recogniser does."""
ASK = 0.32
"""Seconds from the pause after which who still speaks is recognised: an answer takes 0.05, under load 0.1, and few
words are looked at twice."""

_ONSET = 0.65
"""The chance of speech in a window at which we pause. 0.5 is 10 ms faster (20 at p95), and pauses for a third more
coughs and bangs."""
_SPEECH = 0.5
"""The chance from which on a window counts as speech."""
_QUIET = 0.35
"""The chance below which it is not."""
_FAINTEST = 24
"""Steps of loudness (voiced.call.audio) below which a frame is no caller: our own echo at -30 dB reaches 24, and is
speech to every detector; a caller 12 dB softer than usual has 50."""
_FAINT = 45
"""What is fainter than this and over as soon as we pause is our echo, or might be: at -20 dB it reaches 41."""
_ECHO_ENDS = 0.3
"""Seconds after the pause by which an echo has ended."""
_ECHO_RISES = 6
"""Steps by which the echo may be louder another time."""
_PAUSE_ENDS = 4
"""Windows of quiet (128 ms) after which a sound is over."""
_SHORTEST = 3
"""Windows of speech without which there is no word: the shortest ("No.") have 5 or more, bangs and sneezes 1 or 2."""
_LONG = 12
"""Windows of speech that are words where no recogniser says otherwise: "mm-hmm" has up to 13, most have 9."""
_AGAIN = 16
"""Windows (0.5 s) after which somebody who goes on speaking, after we went on, is recognised once more."""
_BEFORE = round(0.3 * audio.RATE)
"""Bytes before the first window of speech that belong to the sound: its beginning may be a faint consonant."""
_ONSET_BEFORE = round(0.1 * audio.RATE)
"""Bytes from before the end of what we said that may be the beginning of an answer, and no sound that we judged."""
_LONGEST = 4 * audio.RATE
"""Bytes of a sound that are recognised at most: its newest."""


class Saying(Protocol):
    """What we say to the caller."""

    @property
    def playing(self) -> bool:
        """Whether something is to be heard, or was until we paused."""

    def pause(self) -> None:
        """Silence it at once, and keep what was not heard."""

    def resume(self) -> None:
        """Go on from there. Does nothing where nothing is paused."""

    def cut(self) -> None:
        """Silence it for good."""


@attrs.frozen(eq=False)
class _Pause:
    """We have paused for a sound."""

    began: float
    timers: tuple[IDelayedCall, ...]

    def end(self) -> None:
        """It is decided."""
        for timer in self.timers:
            if timer.active():
                timer.cancel()


@attrs.define(eq=False)
class _Sound:
    """A sound of the caller's that is not over, or not known yet."""

    audio: bytes
    pause: _Pause | None = None
    """While we pause for it; None when we speak again, but are still to know."""
    windows: int = 0
    voiced: int = 0
    """Windows of speech in it."""
    quiet: int = 0
    """Windows of quiet at its end, so far."""
    loudest: float = 0.0
    question: Deferred[Any] | None = None
    """What the recogniser is asked."""
    likely: bool = False
    """Whether it is words in the recogniser's first opinion."""

    def add(self, chance: float, loudness: float, gate: float) -> None:
        """A window of it."""
        self.windows += 1
        self.loudest = max(self.loudest, loudness)
        self.voiced += chance >= _SPEECH
        self.quiet = self.quiet + 1 if chance < _QUIET or loudness < gate else 0

    @property
    def over(self) -> bool:
        """Whether it has ended, for all one can tell."""
        return self.quiet >= _PAUSE_ENDS


class BargeIn:
    """Listens while we speak. Give it every frame of the caller's, also while nothing is playing."""

    def __init__(self, hearing: IHearing, clock: IReactorTime, saying: Saying) -> None:
        self._hearing = hearing
        self._clock = clock
        self._saying = saying
        self._detector = hearing.detector()
        self._before = b""
        self._loudness = (0.0, 0.0)
        """Of the last two frames: a window is in them."""
        self._gate: float = _FAINTEST
        self._sound: _Sound | None = None
        self.heard = b""
        """What has cut what we said, or what came since it was over, at most four seconds: for who hears next."""

    def hear(self, frame: bytes) -> None:
        """What the caller's line brings: 20 ms, or more at once."""
        for at in range(0, len(frame), audio.FRAME):
            self._hear(frame[at : at + audio.FRAME])

    def stop(self) -> None:
        """Nothing is decided any more, and nothing is pending. What we said goes on, if it is there still.

        It may be told to hear again.
        """
        sound = self._sound
        self._forget()
        if sound is not None and sound.pause is not None and self._saying.playing:
            self._saying.resume()

    def _hear(self, frame: bytes) -> None:
        self._before = (self._before + frame)[-_BEFORE:]
        self._loudness = (self._loudness[1], audio.loudness(frame))
        if self._sound is not None:
            self._sound.audio = (self._sound.audio + frame)[-_LONGEST:]
        self.heard = self._before[-_ONSET_BEFORE:] if self._saying.playing else (self.heard + frame)[-_LONGEST:]
        for chance in self._detector.feed(frame):
            self._window(chance, max(self._loudness))

    def _window(self, chance: float, loudness: float) -> None:
        if not self._saying.playing:
            self._leave()
            return
        if self._sound is None:
            if chance < _ONSET or loudness < self._gate:
                return
            self._sound = self._pause()
        self._sound.add(chance, loudness, self._gate)
        self._go_on(self._sound)

    def _pause(self) -> _Sound:
        sound = _Sound(self._before)
        timers = self._clock.callLater(ASK, self._ask, sound), self._clock.callLater(DECIDE, self._decide, sound)
        sound.pause = _Pause(self._clock.seconds(), timers)
        self._saying.pause()
        return sound

    def _go_on(self, sound: _Sound) -> None:
        """Another window of it has come."""
        if sound.pause is None:
            if sound.over or sound.windows % _AGAIN == 0:
                self._ask(sound)
        elif sound.over:
            if sound.voiced < _SHORTEST or self._is_echo(sound, sound.pause):
                self._drop(sound)
            else:
                self._ask(sound)

    def _is_echo(self, sound: _Sound, pause: _Pause) -> bool:
        """Whether it may be our own voice; then what is hardly louder will not make us pause again."""
        ended = self._clock.seconds() - sound.quiet * WINDOW
        if sound.loudest >= _FAINT or ended > pause.began + _ECHO_ENDS:
            return False
        self._gate = max(self._gate, min(sound.loudest + _ECHO_RISES, _FAINT))
        return True

    def _ask(self, sound: _Sound) -> None:
        if sound.question is None:
            sound.likely = False
            question = sound.question = self._hearing.recognise(sound.audio)
            question.addCallback(self._judge, sound, sound.audio, sound.voiced * WINDOW)
            question.addCallbacks(self._answered, self._unanswered, callbackArgs=(sound,), errbackArgs=(sound,))

    def _judge(self, text: str, sound: _Sound, heard: bytes, voiced: float) -> Any:
        """Whether it was words. So few that they may be made up are looked at once more."""
        if not are_words(text, heard, voiced):
            return False
        if not are_few(text):
            return True
        sound.likely = True
        return self._hearing.recognise(slower(heard)).addCallback(are_words, heard, voiced)

    def _answered(self, words: bool, sound: _Sound) -> None:
        sound.question = None
        if words:
            self._cut()
        elif sound.over:
            self._drop(sound)
        elif sound.pause is not None and self._clock.seconds() >= sound.pause.began + ASK:
            self._speak_on(sound)

    def _unanswered(self, failure: Failure, sound: _Sound) -> None:
        """The recogniser is broken (the log has said so), or we do not want to know any more."""
        failure.trap(RecognitionFailed, CancelledError)
        sound.question = None
        if sound is self._sound and sound.over:
            self._decide(sound)

    def _decide(self, sound: _Sound) -> None:
        """The recogniser is late, or broken: how long it sounded must do, until it has answered."""
        if sound.likely or (sound.pause is not None and sound.voiced >= _LONG):
            self._cut()
        elif sound.over and sound.question is None:
            self._drop(sound)
        else:
            self._speak_on(sound)

    def _cut(self) -> None:
        self._leave()
        self._saying.cut()

    def _leave(self) -> None:
        """Judge a sound no more; it may have to be heard by somebody else."""
        if self._sound is not None:
            self.heard = self._sound.audio
        self._forget()

    def _drop(self, sound: _Sound) -> None:
        """It was nothing, and it is over."""
        self._forget()
        self._speak_on(sound)

    def _speak_on(self, sound: _Sound) -> None:
        """It was nothing so far: if we paused, we go on."""
        if sound.pause is not None:
            sound.pause.end()
            sound.pause = None
            self._saying.resume()

    def _forget(self) -> None:
        sound, self._sound = self._sound, None
        if sound is None:
            return
        if sound.pause is not None:
            sound.pause.end()
        if sound.question is not None:
            sound.question.cancel()
