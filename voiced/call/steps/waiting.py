"""A caller who waits in line: the place, what has to be remembered of it, and what is heard meanwhile."""

from __future__ import annotations

from contextlib import suppress

import attrs
from twisted.internet.defer import Deferred

from voiced.call.audio import RATE
from voiced.call.tones import looped
from voiced.errors import CallOver
from voiced.ivoiced import Heard, ICall

POSITION = "queue.position"
"""The fact that says the caller's number in line."""

LOOK = 1.0
"""Seconds after which a caller's place in line is looked at again."""
_PIECE = 6.0
"""Seconds of music that are sent at once; the next ones follow two seconds before they are over, without a gap."""


@attrs.frozen
class Line:
    """A caller's place in a line, and what has to be remembered of the waiting while the carrier has the caller.

    All times are facts, in seconds since the epoch, by names that no other line has and no template can read.
    """

    call: ICall
    part: str

    @property
    def new(self) -> bool:
        """Whether the waiting begins now."""
        return self._name("since") not in self.call.facts

    @property
    def waited(self) -> float:
        """Seconds since it began, those while somebody was rung among them."""
        return self.call.clock.seconds() - float(self.call.facts.get(self._name("since"), self.call.clock.seconds()))

    def patience(self, most: float) -> float:
        """Seconds until the place is looked at again; none where the time was up while something was said."""
        return max(0.0, min(LOOK, most - self.waited))

    @property
    def tries(self) -> int:
        """How often somebody was rung."""
        return int(self.call.facts.get(self._name("tries"), "0"))

    @property
    def number(self) -> int:
        """The number in line, from 1; it is a fact, too."""
        number = self.call.enter(self.part) or 1
        self.call.facts[POSITION] = str(number)
        return number

    def take_place(self, most: int | None) -> bool:
        """Take a place, or keep it; False where the line is full."""
        return self.call.enter(self.part, most if self.new else None) is not None

    def begin(self) -> None:
        """The waiting begins."""
        self.call.facts[self._name("since")] = repr(self.call.clock.seconds())

    def due(self, what: str, every: float) -> bool:
        """Whether it was done so long ago, or never."""
        last = self.call.facts.get(self._name(what))
        return last is None or self.call.clock.seconds() >= float(last) + every

    def done(self, what: str) -> None:
        """It is done now."""
        self.call.facts[self._name(what)] = repr(self.call.clock.seconds())
        if what == "tried":
            self.call.facts[self._name("tries")] = str(self.tries + 1)

    def leave(self) -> None:
        """Give the place back, and remember nothing."""
        self.call.leave(self.part)
        for what in ("since", "said", "tried", "tries"):
            self.call.facts.pop(self._name(what), None)

    def _name(self, what: str) -> str:
        return f"queue.{what} of {self.part}"


@attrs.define
class Music:
    """What is heard in the meantime, again and again."""

    _call: ICall
    _sound: bytes
    _at: int = 0
    """The byte of it that comes next."""
    _until: float | None = None
    """When what was sent will be over; None: nothing is playing."""
    _playing: list[Deferred[Heard | None]] = attrs.field(factory=list)

    def go_on(self) -> None:
        """Send the next piece, if it is time to."""
        now = self._call.clock.seconds()
        if self._until is not None and now < self._until - 2 * LOOK:
            return
        piece = looped(self._sound, _PIECE, self._at)
        self._at = (self._at + len(piece)) % len(self._sound)
        self._playing = [playing for playing in self._playing if not playing.called]
        self._playing.append(self._call.play(piece, interruptible=False).addErrback(_none))
        self._until = max(now, self._until or now) + _PIECE

    def stop(self) -> None:
        """Silence it at once."""
        if self._until is not None:
            unheard = max(0.0, self._until - self._call.clock.seconds())
            self._at = (self._at - round(unheard * RATE)) % len(self._sound)
            self._until = None
            self._forget()
            self._call.interrupt()

    def hush(self) -> None:
        """Silence it, for whoever is still there to hear it."""
        with suppress(CallOver):
            self.stop()

    def _forget(self) -> None:
        """Nobody waits for it any more."""
        playing, self._playing = self._playing, []
        for each in playing:
            each.cancel()


def _none(failure: object) -> None:
    """Music that is not heard is no trouble, and who has no line is told so by the next verb."""
