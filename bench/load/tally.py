"""Tally: what went through the program in a window of time, and whether the generator itself kept up."""

from __future__ import annotations

import time
from typing import NamedTuple

from bench.load.histogram import Histogram
from bench.load.orders import Measured
from bench.proc import cpu_seconds

FOREVER = 1 << 62


class Usage(NamedTuple):
    """CPU seconds so far, and when that was (ns)."""

    program: float
    own: float
    at: int

    @classmethod
    def now(cls, pid: int) -> Usage:
        """Read it."""
        return cls(cpu_seconds(pid), time.process_time(), time.monotonic_ns())


class Tally:
    """One window. All times in nanoseconds of the monotonic clock."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._usage = Usage.now(pid)
        self.begins = self._usage.at
        self.ends = FOREVER
        self.sent = 0
        self.came_back = 0
        self.returned = 0
        """Of the frames that were sent in the window, those that came back, in the window or later."""
        self.added = Histogram()
        self.grouped = Histogram()
        self.late = Histogram()
        self.dead_air = 0
        self.ended = 0

    def close(self) -> None:
        """The window is over; what was sent in it may still come back."""
        self._closing = Usage.now(self._pid)
        self.ends = self._closing.at

    def own_cpu(self) -> float:
        """The generator's share of a core until now."""
        return (time.process_time() - self._usage.own) / ((time.monotonic_ns() - self.begins) / 1e9)

    def measured(self, calls: int) -> Measured:
        """All of it, once it is closed."""
        seconds = (self.ends - self.begins) / 1e9
        return Measured(
            calls=calls,
            seconds=seconds,
            sent=self.sent,
            came_back=self.came_back,
            lost=self.sent - self.returned,
            cpu=self._closing.program - self._usage.program,
            added=self.added.summary(),
            grouped=self.grouped.summary(),
            dead_air=self.dead_air / 1e9,
            ended=self.ended,
            own_cpu=(self._closing.own - self._usage.own) / seconds,
            late=self.late.percentile(0.99),
        )
