"""The pacer: every caller speaks 50 times a second, each at a moment of its own within the 20 ms.

The loop's timers have a resolution of a millisecond; a frame is sent at the first tick after it is due, and its stamp
says when it was sent, so that this millisecond is in no figure of the program's.
"""

from __future__ import annotations

import asyncio
import heapq
import time

from bench.load.caller import Caller
from bench.load.sound import FRAME_NS

TICK = 0.001
"""Seconds."""


class Pacer:
    """All callers that speak now."""

    def __init__(self) -> None:
        self._due: list[tuple[int, int, Caller]] = []
        self._ticking: asyncio.TimerHandle | None = None

    def add(self, caller: Caller) -> None:
        """From now on it speaks."""
        phase = int(caller.number * 0.6180339887 % 1 * FRAME_NS)
        heapq.heappush(self._due, (time.monotonic_ns() + phase, caller.number, caller))
        if self._ticking is None:
            self._ticking = asyncio.get_running_loop().call_later(TICK, self._tick)

    def _tick(self) -> None:
        self._ticking = asyncio.get_running_loop().call_later(TICK, self._tick)
        while self._due and self._due[0][0] <= (now := time.monotonic_ns()):
            due, number, caller = self._due[0]
            if caller.gone.done() or caller.hung_up:
                heapq.heappop(self._due)
            else:
                heapq.heapreplace(self._due, (due + FRAME_NS, number, caller))
                caller.speak(now, due)
