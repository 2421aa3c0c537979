"""Keeps where every live call stands on the disk, a moment after it stands there, and waits for nothing.

What happens to all calls within 50 ms (to talk with an agent, within a second) is written together; what comes while
that is on its way is written after it, and of each call only where it stands by then. A disk that fails is asked
again every second: calls go on meanwhile.
"""

from __future__ import annotations

import math
from itertools import islice
from typing import Protocol

from twisted.internet.defer import Deferred, maybeDeferred, succeed
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from voiced.errors import StoreError
from voiced.istanding import IStandings, Standing

SOON = 0.05
"""Seconds from a change until it is on its way to the disk."""
TALK = 1.0
"""Seconds for what changes all the time while an agent talks: how much of it was heard. An agent that is told of a
conversation that broke off may miss its last second."""
MOST = 5
"""Calls in talk with an agent that are written at once, or a twentieth of them where that is more: to put down where
one stands takes 0.1 ms and more, and everybody else waits for that."""
AGAIN = 1.0
"""Seconds after which a disk that has failed is asked again."""

log = Logger()


class Lasting(Protocol):
    """A call that says where it stands."""

    @property
    def name(self) -> str:
        """What it is called by."""

    def standing(self) -> Standing:
        """Where it stands now."""


class Book:
    """The calls whose place is not on the disk yet, on their way there."""

    def __init__(self, standings: IStandings, clock: IReactorTime) -> None:
        self._standings = standings
        self._clock = clock
        self._changed: dict[str, Lasting] = {}
        self._talking: dict[str, Lasting] = {}
        """Those that have time, and have not changed otherwise."""
        self._over: set[str] = set()
        self._due = math.inf
        """By when what has changed has to be on its way."""
        self._timer: IDelayedCall | None = None
        self._writing = False
        self._failing = False
        self._waiting: list[Deferred[None]] = []
        """Those that wait for the next write ..."""
        self._told: list[Deferred[None]] = []
        """... and for the one that is on its way."""

    def changed(self, call: Lasting, within: float = SOON) -> None:
        """It stands somewhere else than before; that has to be on its way to the disk within so many seconds."""
        if within > SOON and call.name not in self._changed:
            self._talking[call.name] = call
        else:
            self._talking.pop(call.name, None)
            self._changed[call.name] = call
        self._write_in(within)

    def over(self, name: str) -> None:
        """The call of that name is over, or is called otherwise from now on: nothing is kept of that name."""
        self.leave(name)
        self._over.add(name)
        self._write_in(SOON)

    def leave(self, name: str) -> None:
        """The call of that name is another daemon's from now on: what is kept of it is left alone."""
        self._changed.pop(name, None)
        self._talking.pop(name, None)

    def settled(self) -> Deferred[None]:
        """Fires when what has changed by now is on the disk, or that was tried once in vain; cancelling leaves the
        queue."""
        if not (self._pending or self._writing):
            return succeed(None)
        waiting: Deferred[None] = Deferred(self._wait_no_more)
        (self._waiting if self._pending else self._told).append(waiting)
        if self._timer is not None:
            self._timer.reset(0)
        return waiting

    @property
    def _pending(self) -> bool:
        """Whether something is not on its way yet."""
        return bool(self._changed or self._talking or self._over)

    def _wait_no_more(self, waiting: Deferred[None]) -> None:
        (self._waiting if waiting in self._waiting else self._told).remove(waiting)

    def _write_in(self, seconds: float) -> None:
        self._due = min(self._due, self._clock.seconds() + seconds)
        if self._writing:  # then when that is done
            return
        left = max(self._due - self._clock.seconds(), 0.0)
        if self._timer is None:
            self._timer = self._clock.callLater(left, self._write)
        elif self._due < self._timer.getTime():
            self._timer.reset(left)

    def _write(self) -> None:
        self._timer, self._writing, self._due = None, True, math.inf
        self._told, self._waiting = self._waiting, []
        changed, self._changed = self._changed, {}
        most = len(self._talking) if self._told else max(MOST, len(self._talking) // 20)  # who waits, waits for all
        for name in list(islice(self._talking, most)):
            changed[name] = self._talking.pop(name)
        if self._talking:
            self._due = self._clock.seconds() + SOON
        over, self._over = self._over, set()
        writing = maybeDeferred(self._keep, changed, over)
        writing.addCallbacks(self._written, self._not_written, errbackArgs=(changed, over))
        writing.addErrback(_broke)
        writing.addBoth(self._done)

    def _keep(self, changed: dict[str, Lasting], over: set[str]) -> Deferred[None]:
        return self._standings.keep({name: call.standing() for name, call in changed.items()}, over)

    def _done(self, _: object) -> None:
        self._writing = False
        if self._pending:
            if self._failing and not self._waiting:
                self._due = math.inf  # however soon it should have been
            self._write_in(0 if self._waiting else AGAIN if self._failing else TALK)
        while self._told:
            self._told.pop(0).callback(None)

    def _written(self, _: object) -> None:
        if self._failing:
            log.info("where live calls stand is kept again: they outlive this daemon")
        self._failing = False

    def _not_written(self, failure: Failure, changed: dict[str, Lasting], over: set[str]) -> None:
        failure.trap(StoreError)
        if not self._failing:
            log.error(
                "where live calls stand is not kept: {error}. They go on, but would not outlive this daemon",
                error=failure.getErrorMessage(),
            )
        self._failing = True
        # Whoever is over by now is not live again, and who is live anew is not over.
        self._changed = {name: call for name, call in changed.items() if name not in self._over} | self._changed
        self._over |= {name for name in over if name not in self._changed and name not in self._talking}


def _broke(failure: Failure) -> None:
    log.failure("keeping where live calls stand broke down", failure)
