"""What goes up a stream: the caller's audio, 20 ms at a time, and messages; held back when the line stalls."""

from __future__ import annotations

from collections.abc import Callable

from attrs import define, field
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from voiced.simulator.line import FRAME_SECONDS, Leg
from voiced.simulator.messages import Writer
from voiced.simulator.mulaw import FRAME
from voiced.simulator.player import Player

CLOSE = 1e-9
"""Seconds by which a delayed call may come early: sums of floating-point times."""


@define(eq=False)
class Uplink:
    """Sends in order. Frames are counted from the stream's beginning, so a late turn sends all that are due."""

    _clock: IReactorTime
    _leg: Leg
    _writer: Writer
    _player: Player
    _transmit: Callable[[str], object]
    _frames: int = 0
    _held: bool = False
    _outbox: list[str] = field(factory=list)
    _tick: IDelayedCall | None = None

    def begin(self) -> None:
        """Start with the caller's audio."""
        due = self._player.born + (self._frames + 1) * FRAME_SECONDS
        self._tick = self._clock.callLater(max(0.0, due - self._clock.seconds()), self._frames_due)

    def send(self, message: str) -> None:
        """This message, after those before it."""
        self._outbox.append(message)
        if not self._held:
            self.flush()

    def flush(self) -> None:
        """What is held back goes now."""
        self._held = False
        outbox, self._outbox = self._outbox, []
        for message in outbox:
            self._transmit(message)

    def stop(self) -> None:
        """No more audio."""
        if self._tick is not None:
            self._tick.cancel()
            self._tick = None

    def _frames_due(self) -> None:
        now = self._clock.seconds() + CLOSE
        while self._player.born + (self._frames + 1) * FRAME_SECONDS <= now:
            self._frame()
        self.begin()

    def _frame(self) -> None:
        number, self._frames = self._frames, self._frames + 1
        self._held = self._leg.held()
        began = self._player.born + number * FRAME_SECONDS
        audio = self._leg.frame(began, self._player.heard_between, number * FRAME)
        if audio is None:
            self._writer.sequence += 1
        else:
            self._outbox.append(self._writer.media(self._frames, number * 20, audio))
        if not self._held:
            self.flush()
