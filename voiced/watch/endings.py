"""Whether too many calls fail, of those that have ended lately."""

from __future__ import annotations

from collections import deque

from voiced.call.records import CallRecord, Ending
from voiced.watch.trouble import CALLS, CALLS_SECONDS, FAILED_SHARE, Trouble

FAILURES = (Ending.FAILED, Ending.BUG)
MOST = 10_000
"""Calls that are looked back on at most: on a line with more in ten minutes, the last of them tell as much."""


class Endings:
    """The calls that have ended within CALLS_SECONDS."""

    def __init__(self) -> None:
        self._lately: deque[tuple[float, bool]] = deque(maxlen=MOST)
        """When each ended, and whether it failed."""
        self._since: deque[bool] | None = None
        """Of the last CALLS calls since there was trouble, which failed; None: there is none."""

    @property
    def bad(self) -> bool:
        """Whether there was trouble, and no CALLS calls one after the other since of which few enough failed."""
        return self._since is not None

    def ended(self, record: CallRecord, now: float) -> Trouble | None:
        """A call has ended; the trouble that is, if it is: then all are counted anew."""
        failed = record.ending in FAILURES
        self._lately.append((now, failed))
        if self._since is not None:
            self._since.append(failed)
            if len(self._since) == CALLS and sum(self._since) <= CALLS * FAILED_SHARE:
                self._since = None
        while now - self._lately[0][0] >= CALLS_SECONDS:
            self._lately.popleft()
        calls, failures = len(self._lately), sum(each for _, each in self._lately) if failed else 0
        if calls < CALLS or failures <= calls * FAILED_SHARE:
            return None
        self._lately.clear()
        self._since = deque(maxlen=CALLS)
        minutes = CALLS_SECONDS / 60
        text = f"Of the last {calls} calls within {minutes:.0f} minutes, {failures} have failed."
        return Trouble("errors", text, record.info.sid)
