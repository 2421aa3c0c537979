"""A histogram of times, by 10 microseconds: as many as come, in little memory."""

from __future__ import annotations

from array import array

STEP = 10_000
"""Nanoseconds."""
STEPS = 200_000
"""Two seconds; what takes longer is counted there, and `most` has the longest."""


class Histogram:
    """Times in nanoseconds."""

    def __init__(self) -> None:
        self._counts = array("L", bytes(array("L").itemsize * (STEPS + 1)))
        self.count = 0
        self.most = 0

    def add(self, ns: int) -> None:
        """One more."""
        self.count += 1
        if ns > self.most:
            self.most = ns
        self._counts[min(max(ns, 0) // STEP, STEPS)] += 1

    def percentile(self, share: float) -> float:
        """Milliseconds that this share of the times does not exceed; 0.0 of none."""
        left = self.count * share
        for step, count in enumerate(self._counts):
            left -= count
            if count and left <= 0:
                return min((step + 1) * STEP, self.most) / 1e6
        return 0.0

    def summary(self) -> list[float]:
        """p50, p95, p99 and the longest, in milliseconds."""
        return [self.percentile(0.5), self.percentile(0.95), self.percentile(0.99), self.most / 1e6]
