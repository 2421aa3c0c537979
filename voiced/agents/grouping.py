"""Grouping: some frames of the caller's in one message to the agent; a message costs the same CPU at any length.

    0 ms         20 ms        40 ms
    frame ───────frame────────frame──► one message of 60 ms (`group_ms: 60`)
                              (45 ms: without the third one)

An agent takes any length (vendors' own clients send 100 to 250 ms). A group is closed by the time that its first
frame has waited, not by how many have come: by the frame that comes when it is time, and where none does, by a timer
5 ms later. So nothing waits longer, whatever becomes of the frames after it.
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
_SAME = 1e-6
"""Seconds that are no difference between two times."""
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


class Overdue:
    """Groups whose last frame has not come when it should have: one timer looks after all of one agent's."""

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._waiting: dict[Grouping, float] = {}
        self._timer: IDelayedCall | None = None

    def await_end(self, group: Grouping, within: float) -> None:
        """Flush that group after so many seconds, unless it has `ended` before."""
        self._waiting[group] = due = self._clock.seconds() + within
        if self._timer is None:
            self._timer = self._clock.callLater(within, self._look)
        elif due < self._timer.getTime():
            self._timer.reset(within)

    def ended(self, group: Grouping) -> None:
        """Nothing of that group waits any more."""
        self._waiting.pop(group, None)
        if not self._waiting and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        self._timer = None
        now = self._clock.seconds()
        try:
            for group in [group for group, due in self._waiting.items() if due - now < _SAME]:
                group.flush()
        finally:  # a fault in one conversation is not the others'
            if self._waiting and self._timer is None:
                self._timer = self._clock.callLater(max(min(self._waiting.values()) - now, 0.0), self._look)


class Grouping:
    """Of one conversation: `deliver` gets mu-law at 8 kHz, in the order in which it came."""

    def __init__(
        self,
        clock: IReactorTime,
        seconds: Seconds,
        deliver: Callable[[bytes], object],
        overdue: Overdue | None = None,
    ) -> None:
        self._clock = clock
        self._seconds = seconds
        self._deliver = deliver
        self._overdue = overdue or Overdue(clock)
        self._waiting: list[bytes] = []
        self._last = 0.0
        """From when on a frame is the last one of its group."""
        self.fed = 0.0
        """When a frame came last."""

    def feed(self, frame: bytes) -> None:
        """A frame of the caller's."""
        now = self.fed = self._clock.seconds()
        if self._waiting:
            self._waiting.append(frame)
            if now >= self._last:
                self.flush()
            return
        seconds = self._seconds()
        if seconds <= FRAME:
            self._deliver(frame)
            return
        self._waiting.append(frame)
        self._last = now + seconds - FRAME - FRAME / 2  # the one after that would come too late
        self._overdue.await_end(self, seconds - FRAME + LATE)

    def flush(self) -> None:
        """Deliver what waits: it is time, or something comes that must not overtake it."""
        if self._waiting:
            group = b"".join(self._waiting)
            self.stop()
            self._deliver(group)

    def stop(self) -> None:
        """Forget what waits: nobody hears it any more."""
        self._waiting.clear()
        self._overdue.ended(self)
