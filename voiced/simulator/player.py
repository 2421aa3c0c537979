"""The carrier's playback clock: media, marks and clear, at 8000 bytes a second.

    play, mark and clear come from the daemon, in order
    audio plays when it arrives, or after what is queued before it
    a mark comes back when everything queued before it has played; at once if nothing is queued
    clear empties the queue, and every outstanding mark comes back at once, in order

Source: the Media Streams pages (websocket-messages), and errors 31930/31931 of Twilio's dictionary.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from math import floor

from attrs import define, field
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from voiced.simulator.mulaw import RATE, SILENCE
from voiced.simulator.tape import Tape

LONGEST_QUEUE = 600
"""Seconds of audio beyond which Twilio discards what comes (warning 31931)."""


@define(eq=False)
class Player:
    """What one media stream plays to the caller. Times are exact: positions on a tape, not a count of frames."""

    _clock: IReactorTime
    _returned: Callable[[str, bool], None]
    """Called with the name of each mark that comes back, and whether all audio before it was really played."""
    _discarded: Callable[[int], None] = lambda amount: None
    """Called with the number of bytes that found no room in the queue."""
    born: float = field(init=False)
    _tape: Tape = field(factory=Tape)
    _marks: deque[tuple[str, int]] = field(factory=deque)
    _waiting: IDelayedCall | None = None
    _stopped: float | None = None

    def __attrs_post_init__(self) -> None:
        self.born = self._clock.seconds()

    @property
    def now(self) -> int:
        """Samples since the stream began."""
        moment = self._clock.seconds() if self._stopped is None else self._stopped
        # A delayed call may fire a rounding error before its time: a thousandth of a sample is that moment.
        return floor((moment - self.born) * RATE + 1e-3)

    @property
    def position(self) -> int:
        """Bytes of audio the caller has heard by now."""
        return self._tape.amount(self.now)

    @property
    def queued(self) -> int:
        """Bytes that wait to be played."""
        return max(0, self._tape.end - self.now)

    @property
    def rested(self) -> int:
        """Samples since the last audio ended, or since the stream began."""
        return max(0, self.now - self._tape.end)

    @property
    def heard(self) -> bytes:
        """What the caller has heard since the stream began, silence where nothing played."""
        return self.heard_between(0, self.now)

    def heard_between(self, start: int, end: int) -> bytes:
        """The same between two positions in samples; what lies after now is silence still."""
        return self._tape.read(start, min(end, self.now)).ljust(end - start, SILENCE)

    def play(self, mulaw: bytes) -> None:
        """Audio has arrived."""
        room = LONGEST_QUEUE * RATE - self.queued
        if len(mulaw) > room:
            self._discarded(len(mulaw) - room)
        self._tape.put(self.now, mulaw[:room])

    def mark(self, name: str) -> None:
        """A mark has arrived."""
        self._marks.append((name, self._tape.end))
        self._return_due()

    def clear(self) -> int:
        """Empty the queue; returns the number of bytes that nobody will hear."""
        cut = self.queued
        self._tape.cut(self.now)
        marks, self._marks = self._marks, deque()
        self._rest()
        for name, at in marks:
            self._returned(name, at <= self.now)
        return cut

    def stop(self) -> None:
        """The stream is over: what is queued is not heard any more, and no mark comes back."""
        if self._stopped is None:
            self._stopped = self._clock.seconds()
            self._tape.cut(self.now)
            self._marks.clear()
            self._rest()

    def _return_due(self) -> None:
        self._rest()
        while self._marks and self._marks[0][1] <= self.now:
            self._returned(self._marks.popleft()[0], True)
        if self._marks and self._stopped is None:
            due = self.born + self._marks[0][1] / RATE
            self._waiting = self._clock.callLater(max(0.0, due - self._clock.seconds()), self._wake)

    def _wake(self) -> None:
        self._waiting = None
        self._return_due()

    def _rest(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None
