"""What is under way, counted: whoever has to wait until nothing is any more, may."""

from __future__ import annotations

from twisted.internet.defer import Deferred, succeed


class UnderWay:
    """How many things are under way, and who waits for the last of them."""

    def __init__(self) -> None:
        self._count = 0
        self._waiting: list[Deferred[None]] = []

    def begin(self) -> None:
        """One thing more is under way; `end` it once."""
        self._count += 1

    def end(self) -> None:
        """One of them is over; with the last one, those who wait are told."""
        self._count -= 1
        if not self._count:
            waiting, self._waiting = self._waiting, []
            for each in waiting:
                each.callback(None)

    def settled(self) -> Deferred[None]:
        """Fires when nothing is under way any more, at once where nothing is; cancelling leaves the queue."""
        if not self._count:
            return succeed(None)
        waiting: Deferred[None] = Deferred(self._waiting.remove)
        self._waiting.append(waiting)
        return waiting
