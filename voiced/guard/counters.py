"""Counts by name, in fixed windows of time, with caps: they survive a restart and stay bounded.

A count begins with its window (a minute, ten of them, or a day of UTC) and is forgotten at its end. Whatever changes
is kept by an ICounts behind the scenes, in order.
"""

from __future__ import annotations

import enum
import heapq
from collections.abc import Callable, Mapping, Sequence

import attrs
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from voiced.errors import StoreError, VoicedError
from voiced.guard.others import Others
from voiced.ikept import ICounts

_SWEEP = 60.0
"""Seconds between two looks for counts whose window is over."""
_ROUNDING = 1e-9
CROWD = "~"
"""What the names of counts begin with that strangers make (callers): only so many of them are remembered."""

log = Logger()


class Window(enum.Enum):
    """How long a count counts; in seconds."""

    MINUTE = 60
    TEN_MINUTES = 600
    DAY = 86400


@attrs.frozen
class Charge:
    """Something to be counted."""

    rule: str
    """The rule that caps it."""
    name: str
    window: Window
    cap: float
    by: float = 1.0


@attrs.frozen
class Counted:
    """A charge that was counted, and until when."""

    charge: Charge
    until: float


class CapReached(VoicedError):
    """A charge would exceed its cap; `wait` is how many seconds later it would not (None: not by waiting)."""

    def __init__(self, charge: Charge, wait: float | None) -> None:
        self.charge = charge
        self.wait = wait
        super().__init__(f"{charge.rule}: {charge.cap:g} is the most")


@attrs.define
class _Count:
    until: float
    amount: float


class Counters:
    """All counts. What is in `kept` was counted before; loading it may raise StoreError. `others` is what other
    daemons have counted under the same names."""

    def __init__(
        self, clock: IReactorTime, kept: ICounts, most_crowd: int = 50_000, others: Others | None = None
    ) -> None:
        self._clock = clock
        self._most_crowd = most_crowd
        self._others = others
        self.keeping = Keeping(clock, kept)
        now = clock.seconds()
        self._swept = now
        self._counts = {name: _Count(until, amount) for name, (until, amount) in kept.load().items() if until > now}
        self._crowd = self._in_crowd()

    def __len__(self) -> int:
        return len(self._counts)

    def spend(self, charges: Sequence[Charge]) -> tuple[Counted, ...]:
        """Count all of these, or none: raises CapReached for the one that takes longest to be free again."""
        now = self._clock.seconds()
        self._sweep(now)
        reached = [charge for charge in charges if self.amount(charge.name) + charge.by > charge.cap + _ROUNDING]
        if reached:
            never = next((charge for charge in reached if charge.by > charge.cap + _ROUNDING), None)
            longest = never or max(reached, key=lambda charge: charge.window.value)
            raise CapReached(longest, None if never else window_end(longest.window, now) - now)
        return tuple(self._count(charge, now) for charge in charges)

    def correct(self, counted: Counted, by: float) -> None:
        """It was rather so much. Nothing happens when its window is over.

        Another daemon may have counted it: then ours is less than nothing, and all together is what it was.
        """
        name, now = counted.charge.name, self._clock.seconds()
        count = self._counts.get(name)
        if self._others is not None and counted.until > now and (count is None or count.until <= now):
            count = self._open(name, counted.until)
        if count is not None and count.until == counted.until and by != counted.charge.by:
            amount = count.amount + by - counted.charge.by
            count.amount = max(0.0, amount) if self._others is None else amount
            self.keeping.change(name, (count.until, count.amount))

    def amount(self, name: str) -> float:
        """How much has been counted in the window of now, by all."""
        count = self._counts.get(name)
        ours = count.amount if count is not None and count.until > self._clock.seconds() else 0.0
        return ours if self._others is None else max(0.0, ours + self._others.amount(name))

    def settled(self) -> Deferred[None]:
        """See IGuard."""
        return self.keeping.settled()

    def _count(self, charge: Charge, now: float) -> Counted:
        count = self._counts.get(charge.name)
        if count is None or count.until <= now:
            count = self._open(charge.name, window_end(charge.window, now))
        count.amount += charge.by
        self.keeping.change(charge.name, (count.until, count.amount))
        if self._crowd > self._most_crowd:
            self._thin_out()
        return Counted(charge, count.until)

    def _open(self, name: str, until: float) -> _Count:
        self._crowd += name not in self._counts and name.startswith(CROWD)
        count = self._counts[name] = _Count(until, 0.0)
        return count

    def _sweep(self, now: float) -> None:
        if now >= self._swept + _SWEEP:
            self._swept = now
            self._counts = {name: count for name, count in self._counts.items() if count.until > now}
            self._crowd = self._in_crowd()

    def _in_crowd(self) -> int:
        return sum(name.startswith(CROWD) for name in self._counts)

    def _thin_out(self) -> None:
        """Forget half of the crowd: who has called once before who has called often, so that a flood of made-up
        callers does not wash a real nuisance out."""
        crowd = [(count.amount, name) for name, count in self._counts.items() if name.startswith(CROWD)]
        for _, name in heapq.nsmallest(len(crowd) // 2, crowd):
            del self._counts[name]
            self.keeping.change(name, (0.0, 0.0))
        self._crowd = len(crowd) - len(crowd) // 2


def window_end(window: Window, now: float) -> float:
    """When the window of now is over. (Days and minutes of UTC begin at multiples of their length.)"""
    return (now // window.value + 1) * window.value


class Keeping:
    """Writes changes down, one batch after the other: the next begins when the last is on the disk. With `turns`,
    which asks for a turn, they are written when that has come (`begin`, and then `written` or `not_written`)."""

    turns: Callable[[], None] | None = None

    def __init__(self, clock: IReactorTime, kept: ICounts) -> None:
        self._clock = clock
        self._kept = kept
        self._changed: dict[str, tuple[float, float]] = {}
        self._waiting: list[Deferred[None]] = []
        """For what has changed."""
        self._writing: list[Deferred[None]] | None = None
        """For the batch that is being written; None: there is none."""
        self._failing = False

    def change(self, name: str, count: tuple[float, float]) -> None:
        """This is what the count is now."""
        self._changed[name] = count
        self._write()

    def settled(self) -> Deferred[None]:
        """See IGuard. What could not be written is tried again now."""
        waiter: Deferred[None] = Deferred()
        if self._changed:
            self._waiting.append(waiter)
            self._write()
        elif self._writing is not None:
            self._writing.append(waiter)
        else:
            waiter.callback(None)
        return waiter

    def _write(self) -> None:
        if self._writing is not None:
            return
        if not self._changed:
            waiters, self._waiting = self._waiting, []
            for waiter in waiters:
                waiter.callback(None)
            return
        if self.turns is not None:
            self.turns()
            return
        batch = self.begin()
        self._kept.keep(batch).addCallbacks(self.written, self.not_written, errbackArgs=(batch,))

    def begin(self) -> Mapping[str, tuple[float, float]]:
        """What has changed, on its way to the disk from now on."""
        batch, self._changed = self._changed, {}
        self._writing, self._waiting = self._waiting, []
        return batch

    def written(self, _: object) -> None:
        """It is on the disk."""
        if self._failing:
            log.info("the guard's counts are kept again")
        self._failing = False
        for waiter in self._done():
            waiter.callback(None)
        self._write()

    def not_written(self, failure: Failure, batch: Mapping[str, tuple[float, float]]) -> None:
        """It is not: it is tried again, with what changes next."""
        failure.trap(StoreError)
        if not self._failing:
            log.error("the guard's counts cannot be kept ({error}): a restart would forget them", error=failure.value)
        self._failing = True
        # What counts no more is not kept for the next batch: the store forgets it by itself.
        now = self._clock.seconds()
        self._changed = {name: count for name, count in {**batch, **self._changed}.items() if count[0] > now}
        for waiter in self._done():
            waiter.errback(failure)
        if self._waiting:  # they have to be told; without them the next change tries again
            self._write()

    def _done(self) -> list[Deferred[None]]:
        waiters, self._writing = self._writing or [], None
        return waiters
