"""Turn-taking: from a caller's audio to "the turn is over, and this was said", without waiting longer than needed.

    chance of speech  ______####################____######______________________
                            |onset                 |    |    |guess      |over
                                                   +----+    +-----------+
                                                  the guess      wait(text)
                                                 was dropped

What was said is recognised as soon as the caller pauses, on the guess that the turn is over, so that the recogniser
works while we wait anyway; and how long we wait depends on what it has understood. Time is the audio's own.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable
from typing import Annotated, Protocol

import attrs
import msgspec
from msgspec import Meta
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.python.failure import Failure

from voiced.agents.talking.words import ALONE, FIGURES, LEADS_ON, OPENERS
from voiced.call.audio import RATE, seconds, silence
from voiced.ivoiced import WINDOW, IDetector, IHearing

_WINDOW = round(WINDOW * RATE)
_SPEECH = 0.5
"""Chance of speech from which a window counts as speech ..."""
_STILL_SPEECH = 0.38
"""... and below which it is silence, once the caller speaks: words have soft ends."""
_ONSET = 3
"""Windows of speech that begin a turn (96 ms): a click has one."""
_BEFORE = 12
"""Windows kept from before (384 ms): a turn begins with a soft consonant, or with a breath."""
_GUESS = 6
"""Windows of silence (192 ms) after which it is guessed that the turn is over: hardly any word has such a gap."""
_REMIND = 1.0
"""Seconds of speech after which it is said again that the caller speaks."""
_STALLED = 0.25
"""Seconds without any audio after which the line is taken to be silent: some networks send nothing for silence."""

_WORD = re.compile(r"[\w']+")


class Patience(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How long the caller may be silent before the agent takes the turn, in seconds.

    Shorter is quicker and cuts more callers off; bench/local_agent.py measures both, with pauses of up to 0.45 s.
    """

    # After words that the brain knows an answer to.
    understood: Annotated[float, Meta(ge=0.2, le=5)] = 0.38
    # After others.
    usual: Annotated[float, Meta(ge=0.2, le=5)] = 0.44
    # After words that lead on ("and", "I would like to"), and after figures.
    unfinished: Annotated[float, Meta(ge=0.2, le=10)] = 1.0
    # A turn that goes on for so long is answered all the same.
    longest_turn: Annotated[float, Meta(ge=2, le=60)] = 30.0

    def __post_init__(self) -> None:
        if not self.understood <= self.usual <= self.unfinished:
            raise ValueError("`understood` is the shortest wait, then `usual`, then `unfinished`")


def leads_on(text: str) -> bool:
    """Whether these words are hardly all: "I would like to", "my number is 4 1"."""
    words = _WORD.findall(text.lower())
    if not words:
        return True
    if len(words) == 1 and words[0] in ALONE | OPENERS:
        return words[0] in OPENERS
    return words[-1] in LEADS_ON or all(word in FIGURES or word.isdigit() for word in words[-2:])


class Listener(Protocol):
    """Who is told of the turns."""

    def speaks(self) -> None:
        """The caller has begun to speak, or goes on speaking."""

    def perhaps(self, text: str | None) -> None:
        """The caller pauses, and this may be all; None: it was not."""

    def turn(self, text: str, quiet: float) -> None:
        """The caller's turn is over, and this was said; it has been quiet for so many seconds."""

    def no_words(self) -> None:
        """What had begun like speech was none."""

    def deaf(self, failure: Failure) -> None:
        """The recogniser broke."""


@attrs.define(eq=False)
class _Quiet:
    """Nobody speaks: the last windows, and how many of them in a row were speech."""

    before: deque[bytes] = attrs.field(factory=lambda: deque(maxlen=_BEFORE))
    loud: int = 0


@attrs.define(eq=False)
class _Guess:
    """What was said, on the guess that it was all (None while it is being recognised), and how long to wait then."""

    recognition: Deferred[str]
    text: str | None = None
    wait: float = 0.0


@attrs.define(eq=False)
class _Speaking:
    """The caller's turn, and how many windows of silence there are at its end."""

    audio: bytearray
    silent: int = 0
    guess: _Guess | None = None


class TurnTaking:
    """One caller's turns. `understands(text)` is asked whether words are known: then the wait is shorter."""

    def __init__(
        self,
        hearing: IHearing,
        clock: IReactorTime,
        patience: Patience,
        understands: Callable[[str], bool],
        listener: Listener,
    ) -> None:
        self._hearing = hearing
        self._clock = clock
        self._patience = patience
        self._understands = understands
        self._listener = listener
        self._detector: IDetector | None = hearing.detector()
        self._rest = b""
        self._state: _Quiet | _Speaking = _Quiet()
        self._stalled: IDelayedCall | None = None

    @property
    def speaking(self) -> bool:
        """Whether the caller's turn has begun and is not over."""
        return isinstance(self._state, _Speaking)

    def feed(self, audio: bytes) -> None:
        """The caller's audio, as it comes."""
        if self._detector is None:
            return
        chances = self._detector.feed(audio)
        # The rest is less than a window, but for a detector that is only just loading and forgets the beginning.
        self._rest = (self._rest + audio)[-(len(chances) + 1) * _WINDOW + 1 :] if chances else self._rest + audio
        for chance in chances:
            window, self._rest = self._rest[:_WINDOW], self._rest[_WINDOW:]
            self._window(window, chance)
        self._watch()

    def stop(self) -> None:
        """Hear no more; nobody is told anything afterwards."""
        self._detector = None
        self._quiet()
        self._watch()

    def _window(self, window: bytes, chance: float) -> None:
        if self._detector is None:
            return
        if isinstance(self._state, _Quiet):
            self._listen(self._state, window, chance)
        else:
            self._follow(self._state, window, chance)

    def _listen(self, quiet: _Quiet, window: bytes, chance: float) -> None:
        quiet.before.append(window)
        quiet.loud = quiet.loud + 1 if chance >= _SPEECH else 0
        if quiet.loud == _ONSET:
            self._state = _Speaking(bytearray(b"".join(quiet.before)))
            self._listener.speaks()

    def _follow(self, speaking: _Speaking, window: bytes, chance: float) -> None:
        reminders = seconds(len(speaking.audio)) // _REMIND
        speaking.audio += window
        too_long = self._too_long(speaking)
        if chance < _STILL_SPEECH:
            speaking.silent += 1
        else:
            speaking.silent = 0
            if not too_long and _drop(speaking):
                self._listener.perhaps(None)
            if seconds(len(speaking.audio)) // _REMIND > reminders:
                self._listener.speaks()
        if self._state is speaking and speaking.guess is None and (speaking.silent >= _GUESS or too_long):
            self._guess(speaking)
        else:
            self._judge(speaking)

    def _too_long(self, speaking: _Speaking) -> bool:
        return seconds(len(speaking.audio)) >= self._patience.longest_turn

    def _guess(self, speaking: _Speaking) -> None:
        guess = speaking.guess = _Guess(self._hearing.recognise(bytes(speaking.audio)))

        def understood(text: str) -> None:
            guess.text = text.strip()
            guess.wait = self._wait(guess.text)
            self._listener.perhaps(guess.text or None)
            self._judge(speaking)

        def failed(failure: Failure) -> None:
            if speaking.guess is guess and not failure.check(CancelledError):
                self._quiet()
                self._listener.deaf(failure)

        guess.recognition.addCallbacks(understood, failed)

    def _judge(self, speaking: _Speaking) -> None:
        """Whether the turn is over, by what was understood of it."""
        guess = speaking.guess
        if self._state is not speaking or guess is None or guess.text is None:
            return
        if not guess.text:
            self._quiet()
            self._listener.no_words()
        elif speaking.silent * WINDOW >= guess.wait or self._too_long(speaking):
            self._quiet()
            self._listener.turn(guess.text, speaking.silent * WINDOW)

    def _wait(self, text: str) -> float:
        if leads_on(text):
            return self._patience.unfinished
        return self._patience.understood if self._understands(text) else self._patience.usual

    def _quiet(self) -> None:
        if isinstance(self._state, _Speaking):
            _drop(self._state)
        self._state = _Quiet()

    def _watch(self) -> None:
        """While somebody speaks, see that audio comes."""
        if isinstance(self._state, _Speaking):
            if self._stalled is None:
                self._stalled = self._clock.callLater(_STALLED, self._stall)
            else:
                self._stalled.reset(_STALLED)
        elif self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None

    def _stall(self) -> None:
        self._stalled = None
        self.feed(silence(_STALLED))


def _drop(speaking: _Speaking) -> bool:
    """The guess was wrong, or is not needed any more; says whether there was one."""
    guess, speaking.guess = speaking.guess, None
    if guess is not None:
        guess.recognition.cancel()
    return guess is not None
