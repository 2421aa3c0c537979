"""How late the reactor is: one timer, ten times a second, and by how much it is missed.

A reactor that stands still for a second misses ten of them and would be seen as late once. So the ticks that it has
missed count, too, each as late as it would have been: the figure is what somebody finds who comes at any moment.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from zope.interface import implementer

from voiced.iwatch import ILag

TICK = 0.1
"""Seconds between two looks."""
WINDOW = 5.0
"""Seconds that are looked back."""
_WORST = round(WINDOW / TICK * 0.05)
"""Ticks of a window that may be later than `p95`. What was before `begin` counts as in time: two late ticks at the
start are no lag."""


@implementer(ILag)
class Lag:
    """See ILag. Nothing is measured before `begin` and after `stop`; then it is as it was at last.

    `seconds` is a clock that nobody sets: a step of the wall clock is no lag.
    """

    def __init__(self, clock: IReactorTime, seconds: Callable[[], float] = time.monotonic) -> None:
        self.p95 = 0.0
        self._clock = clock
        self._seconds = seconds
        self._due = 0.0
        self._timer: IDelayedCall | None = None
        self._seen: deque[tuple[float, float]] = deque()
        """When a tick was due, and how late it was."""

    def begin(self, later: float = 0.0) -> None:
        """Measure from now on, or in so many seconds: what a start costs is over by then, and says nothing."""
        if self._timer is not None:
            return
        if later:
            self._timer = self._clock.callLater(later, self._begin)
        else:
            self._begin()

    def _begin(self) -> None:
        self._wait(self._seconds())

    def stop(self) -> None:
        """No more."""
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()

    def _wait(self, now: float) -> None:
        self._due = now + TICK
        self._timer = self._clock.callLater(TICK, self._tick)

    def _tick(self) -> None:
        now = self._seconds()
        due = max(self._due, now - WINDOW)
        while due <= now or due == self._due:
            self._seen.append((due, max(now - due, 0.0)))
            due += TICK
        while self._seen[0][0] < now - WINDOW:
            self._seen.popleft()
        late = sorted((late for _, late in self._seen), reverse=True)
        self.p95 = late[_WORST] if len(late) > _WORST else 0.0
        self._wait(now)
