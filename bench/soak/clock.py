"""The time of the soak: a clock for tests that stays quick with thousands of delayed calls, and that jumps."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from itertools import count

from twisted.internet.base import DelayedCall
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from zope.interface import implementer

from voiced.simulator.memory import CLOSE

TURNS_A_SECOND = 1_000_000
"""How many delayed calls may run in a second, and besides, before it is said that something goes round in circles."""
CLUTTER = 1_000
"""Cancelled calls that are kept at most, beside those that are not."""


@implementer(IReactorTime)
class HeapClock:
    """`StrictClock` and `elapse` in one, on a heap, as the reactor has it: those sort all calls for each one."""

    def __init__(self, now: float = 0.0) -> None:
        self._now = now
        self._heap: list[tuple[float, int, DelayedCall]] = []
        self._numbers = count()
        self._cancelled = 0

    def seconds(self) -> float:
        """See IReactorTime."""
        return self._now

    def callLater(
        self,
        delay: float,
        callable: Callable[..., object],  # noqa: A002 - its signature
        *args: object,
        **kw: object,
    ) -> IDelayedCall:
        """See IReactorTime. Raises AssertionError where the reactor does."""
        if delay < 0:
            raise AssertionError(f"{delay} is not greater than or equal to 0 seconds")
        call = DelayedCall(self._now + delay, callable, args, kw, self._cancel, self._push, self.seconds)
        self._push(call)
        return call

    def getDelayedCalls(self) -> list[IDelayedCall]:
        """See IReactorTime."""
        return list({id(call): call for _, _, call in self._heap if call.active()}.values())

    def jump(self, seconds: float) -> None:
        """It is suddenly so much later, or earlier; what is due is done at the next turn, late."""
        self._now += seconds

    def elapse(self, seconds: float) -> None:
        """Let that much time pass; each delayed call on the way sees its own time, or now, if that has jumped by."""
        until = self._now + seconds
        for _ in range(TURNS_A_SECOND + int(seconds * TURNS_A_SECOND)):
            due = self._next(until + CLOSE)
            if due is None:
                break
            self._now = max(self._now, due.getTime())
            due.called = 1
            due.func(*due.args, **due.kw)
        else:
            raise RuntimeError(f"still not settled; waiting are {self.getDelayedCalls()!r:.500}")
        self._now = max(self._now, until)

    def tidy(self) -> None:
        """Forget what is cancelled, now and not at some time."""
        self._cancelled = 0
        self._heap = [entry for entry in self._heap if entry[2].active()]
        heapq.heapify(self._heap)

    def _next(self, until: float) -> DelayedCall | None:
        """The next call that is due until then, taken out."""
        while self._heap and self._heap[0][0] <= until:
            _, _, call = heapq.heappop(self._heap)
            if not call.active():
                continue
            if call.getTime() <= until:
                return call
            self._push(call)  # it was put off
        return None

    def _push(self, call: DelayedCall) -> None:
        """A call is new, or is due earlier than it was; where it stood before, it is found to be called already."""
        heapq.heappush(self._heap, (call.getTime(), next(self._numbers), call))

    def _cancel(self, _: DelayedCall) -> None:
        self._cancelled += 1
        if self._cancelled > CLUTTER and self._cancelled > len(self._heap) // 2:
            # Not this one itself: it counts as active until this returns.
            self.tidy()
