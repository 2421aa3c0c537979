"""Calls everybody on a list, one after the other, each once: whenever it is stopped, the next run goes on from there.

What makes sure of that: a row is on the disk as `calling`, with its idempotency key, before the daemon is asked; the
same row is asked for again with the same key only, which gives the same call back; and the daemon knows a key for a
day, so with an older one nothing is asked for any more.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable

import attrs
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure

from voiced.cli.apiclient import Api, Call
from voiced.cli.dialling.answers import Finished, Later, result_of
from voiced.cli.dialling.calling import Calling, Left, Stopped
from voiced.cli.dialling.pace import Pace, moment, span
from voiced.cli.dialling.people import Row
from voiced.cli.dialling.plan import Plan
from voiced.cli.dialling.results import Progress, Result, Results

KEY_SECONDS = 23 * 3600.0
"""How long a key brings the same call back: the daemon keeps it for 24 hours, and clocks differ."""
FORGOTTEN = "the daemon does not know the call any more; it may have rung: its beginning is in the daemon's journal"
MOST_FAILED = 10
"""Rows after one another that cannot be called before we think that it is not the rows."""


@attrs.define(eq=False)
class Campaign:
    """One run over a list. `row_changed(row, progress)` and `says(sentence)` are called as it goes on."""

    _clock: IReactorTime
    _api: Api
    _results: Results
    _plan: Plan
    _row_changed: Callable[[Row, Progress], object] = lambda row, progress: None
    _says: Callable[[str], object] = lambda sentence: None
    _pace: Pace = attrs.field(init=False)
    _calling: Calling = attrs.field(init=False)
    _fresh: deque[Row] = attrs.field(init=False, factory=deque)
    """Those not called yet, in the order of the list."""
    _due: list[tuple[float, int, Row]] = attrs.field(init=False, factory=list)
    """(when, line, row) of those to be called again."""
    _live: dict[Row, Deferred[None]] = attrs.field(init=False, factory=dict)
    _held: dict[Row, str] = attrs.field(init=False, factory=dict)
    """The rule for which a row waits, once that was said."""
    _wakes: Deferred[None] | None = attrs.field(init=False, default=None)
    _failed: int = attrs.field(init=False, default=0)
    """Rows that could not be called, after one another."""
    _broken: BaseException | None = attrs.field(init=False, default=None)
    """Why it ends."""

    def __attrs_post_init__(self) -> None:
        self._pace = Pace(self._plan.interval)
        self._calling = Calling(self._clock, self._api, self._says, self._stir)

    @property
    def live(self) -> int:
        """How many calls are under way, as far as we know."""
        return sum(bool(self._results[row].call) for row in self._live)

    @property
    def asking(self) -> int:
        """How many requests to place one are."""
        return self._calling.asking

    def run(self, rows: Iterable[Row]) -> Deferred[None]:
        """Call them all; fires when each has come to its end, or after `stop`, when no call is live.

        Fails with Stopped or StoreError. Cancelling leaves at once; what is under way is `calling` in the results.
        """
        now = self._clock.seconds()
        for row in rows:
            progress = self._results[row]
            if progress.result is Result.CALLING and progress.call:
                self._follow(row)
            elif progress.result is Result.CALLING:
                self._due.append((now, row.line, row))
            elif progress.result is Result.WAITING:
                self._due.append(((progress.time or now) + self._plan.retry_after, row.line, row))
            elif progress.open:
                self._fresh.append(row)
        return Deferred.fromCoroutine(self._call_all())

    def stop(self) -> None:
        """Begin no more calls."""
        self._calling.stop()
        self._stir()

    async def _call_all(self) -> None:
        try:
            while (wait := self._until_next()) is not None or self._live:
                if wait == 0.0:
                    self._begin(self._take())
                else:
                    await self._pause(wait)
        finally:
            self._leave()
        if self._broken is not None:
            raise self._broken

    def _until_next(self) -> float | None:
        """Seconds until the next call may begin; None: none may, or not before another has ended."""
        if self._calling.stopping or self._broken or len(self._live) >= self._plan.at_once:
            return None
        if self._calling.troubled or not (self._fresh or self._due):
            return None
        now = self._clock.seconds()
        return max(self._pace.wait(now), 0.0 if self._fresh else min(self._due)[0] - now)

    def _take(self) -> Row:
        """Who was promised to be called again by now comes before who was not called yet."""
        if self._due and (min(self._due)[0] <= self._clock.seconds() or not self._fresh):
            first = min(self._due)
            self._due.remove(first)
            return first[2]
        return self._fresh.popleft()

    def _begin(self, row: Row) -> None:
        self._pace.began(self._clock.seconds())
        self._follow(row)

    def _follow(self, row: Row) -> None:
        called = self._live[row] = Deferred.fromCoroutine(self._call(row))
        called.addBoth(self._over, row)

    def _over(self, result: Failure | None, row: Row) -> None:
        del self._live[row]
        if isinstance(result, Failure) and self._broken is None and not result.check(CancelledError):
            self._broken = result.value
            self._leave()
        self._stir()

    def _leave(self) -> None:
        for under_way in list(self._live.values()):
            under_way.cancel()

    async def _pause(self, seconds: float | None) -> None:
        """Until something has happened, or that time is over."""
        self._wakes = Deferred()
        timer = None if seconds is None else self._clock.callLater(seconds, self._stir)
        try:
            await self._wakes
        finally:
            self._wakes = None
            if timer is not None and timer.active():
                timer.cancel()

    def _stir(self) -> None:
        if self._wakes is not None and not self._wakes.called:
            self._wakes.callback(None)

    async def _call(self, row: Row) -> None:
        """One attempt for this row, or what is left of one that was begun in an earlier run."""
        now, asked = self._clock.seconds(), self._results[row]
        if asked.result is not Result.CALLING:
            attempt = asked.attempts + 1
            asked = Progress(Result.CALLING, attempts=attempt, time=now, key=self._plan.key(row, attempt))
            self._put(row, asked)
        elif not asked.call and now - (asked.time or 0) > KEY_SECONDS:
            self._finish(row, asked, Result.UNKNOWN, "it was asked for more than a day ago")
            return
        if not asked.call:
            try:
                placed = await self._calling.place(self._plan.wanted(row, asked.key))
            except Stopped as stopped:
                if stopped.undone:
                    self._put_back(row, asked)
                raise
            match placed:
                case Later():
                    self._put_off(row, asked, placed)
                case Finished(result, why):
                    self._finish(row, asked, result, why)
                    if result is not Result.REFUSED:
                        self._count_failure(why)
                case Left(""):
                    pass
                case Left(why):
                    self._says(f"line {row.line}: {why}; left for the next run")
                    self._count_failure(why)
            if not isinstance(placed, str):
                return
            asked = attrs.evolve(asked, call=placed)
            self._put(row, asked)
        call = await self._calling.end_of(asked.call)
        if call is None:
            self._finish(row, asked, Result.UNKNOWN, FORGOTTEN)
            self._count_failure(FORGOTTEN)
        else:
            self._ended(row, asked, call)

    def _ended(self, row: Row, asked: Progress, call: Call) -> None:
        result, now = result_of(call, asked.attempts, self._plan.retries), self._clock.seconds()
        self._put(
            row,
            attrs.evolve(
                asked,
                result=result,
                ending=call.ending or "",
                reason=" ".join((call.reason or "").split()),
                seconds=call.seconds,
                time=now,
            ),
        )
        if result is Result.WAITING:
            self._due.append((now + self._plan.retry_after, row.line, row))
        if result is Result.FAILED:
            self._count_failure(f"its ending is {call.ending!r}")
        else:
            self._failed = 0

    def _finish(self, row: Row, asked: Progress, result: Result, why: str) -> None:
        """It has come to its end, and we know of no end of a call."""
        self._put(row, attrs.evolve(asked, result=result, why=why, time=self._clock.seconds()))

    def _put_off(self, row: Row, asked: Progress, later: Later) -> None:
        """It was not called, and may be later."""
        now = self._clock.seconds()
        self._put_back(row, asked)
        self._due.append((now + later.seconds, row.line, row))
        if later.everybody:
            if self._pace.wait(now) < later.seconds - 1:
                self._says(f"the daemon wants us to wait {span(later.seconds)}: {later.why}")
            self._pace.hold(now + later.seconds)
        elif self._held.get(row) != later.rule:
            self._held[row] = later.rule
            until = f"{moment(now + later.seconds)} ({span(later.seconds)})"
            self._says(f"line {row.line} waits until {until} for `{later.rule}`: {later.why}")

    def _put_back(self, row: Row, asked: Progress) -> None:
        """This attempt was certainly none."""
        before = asked.attempts - 1
        now = self._clock.seconds()
        self._put(row, Progress(Result.WAITING, attempts=before, time=now) if before else Progress())

    def _put(self, row: Row, progress: Progress) -> None:
        self._results.put(row, progress)
        self._results.commit()
        self._row_changed(row, progress)

    def _count_failure(self, why: str) -> None:
        """One row that fails may be at fault itself; of many in a row none is. Raises Stopped for the last."""
        self._failed += 1
        if self._failed >= MOST_FAILED:
            sentence = f"{self._failed} rows after one another could not be called; the last one: {why}"
            raise Stopped(sentence, remedy="look into that first; --again failed calls those once more, too")
