"""Grouping: some frames of the caller's in one message to the agent; a message costs the same CPU at any length.

    0 ms         20 ms        40 ms        45 ms
    frame ───────frame────────frame────────► one message of 60 ms (`group_ms: 60`)

An agent takes any length (vendors' own clients send 100 to 250 ms). A group is closed by the time that its first
frame has waited, not by what has come, so that nothing waits longer, whatever becomes of the frames after it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Literal

from msgspec import Meta
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from voiced.iwatch import ILag

FRAME = 0.02
"""Seconds of audio in a frame of the carrier's."""
LATE = 0.005
"""Seconds that the last frame of a group may be late."""
LONGEST = 0.1
"""Seconds of a group at most, unless a setting says otherwise."""
STEP = 0.005
"""A reactor that is later by so many seconds lets groups grow by a frame."""

GroupMs = Literal["adaptive"] | Annotated[int, Meta(ge=20, le=250)]
"""The setting: milliseconds of the caller's audio in a message, or as the reactor's lag has it."""

Seconds = Callable[[], float]


def group_seconds(setting: GroupMs, lag: ILag) -> Seconds:
    """How long groups are from now on, in seconds.

    Adaptive: one frame while the lag (p95 over 5 s) is under 5 ms, and one more for every 5 ms, up to 100 ms. Calls
    that cost less make a reactor that is late be less late.
    """
    if setting == "adaptive":
        return lambda: FRAME if lag.p95 < STEP else min(FRAME * (1 + int(lag.p95 / STEP)), LONGEST)
    return lambda: setting / 1000


class Grouping:
    """Of one conversation: `deliver` gets mu-law at 8 kHz, in the order in which it came."""

    def __init__(self, clock: IReactorTime, seconds: Seconds, deliver: Callable[[bytes], object]) -> None:
        self._clock = clock
        self._seconds = seconds
        self._deliver = deliver
        self._waiting: list[bytes] = []
        self._timer: IDelayedCall | None = None
        self.fed = 0.0
        """When a frame came last."""

    def feed(self, frame: bytes) -> None:
        """A frame of the caller's."""
        self.fed = self._clock.seconds()
        if self._timer is not None:
            self._waiting.append(frame)
            return
        seconds = self._seconds()
        if seconds <= FRAME:
            self._deliver(frame)
            return
        self._waiting.append(frame)
        self._timer = self._clock.callLater(seconds - FRAME + LATE, self._close)

    def flush(self) -> None:
        """Deliver what waits: something comes that must not overtake it."""
        if self._timer is not None:
            self._timer.cancel()
            self._close()

    def stop(self) -> None:
        """Forget what waits: nobody hears it any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._waiting.clear()

    def _close(self) -> None:
        self._timer = None
        group = b"".join(self._waiting)
        self._waiting.clear()
        self._deliver(group)
