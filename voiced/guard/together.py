"""Whoever asks the guard of one daemon, while others count beside it: one after the other, over all daemons.

A turn is a transaction of the database (ISharedCounts). It begins by seeing what the others have counted; then all
who wait are answered; what is counted for them is written, and only then may another daemon look. The reactor does
not stand still for that; whoever asks waits for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from twisted.internet.defer import Deferred, execute
from twisted.logger import Logger
from twisted.python.failure import Failure

from voiced.errors import StoreError
from voiced.guard.counters import Keeping
from voiced.guard.others import Others
from voiced.ikept import Elsewhere, ISharedCounts

T = TypeVar("T")

log = Logger()


class Together:
    """Turns: `whole` takes one, and whatever `keeping` has to write does. `opted_out(numbers)` is told who is new on
    the list.

    While the database cannot be looked at, everybody is answered by what was seen last: calls go on, and none is
    placed, for what is counted for it cannot be written.
    """

    def __init__(
        self,
        shared: ISharedCounts,
        others: Others,
        opted_out: Callable[[Iterable[str]], None],
        keeping: Keeping,
    ) -> None:
        self._shared = shared
        self._others = others
        self._opted_out = opted_out
        self._keeping = keeping
        keeping.turns = self._begin
        self._asks: list[tuple[Callable[[], Any], Deferred[Any]]] = []
        self._batch: Mapping[str, tuple[float, float]] | None = None
        """What is written in the turn that there is, once that is known."""
        self._turn = False
        self._failing = False

    def whole(self, ask: Callable[[], T]) -> Deferred[T]:
        """See IGuard."""
        answer: Deferred[T] = Deferred()
        self._asks.append((ask, answer))
        self._begin()
        return answer

    def _begin(self) -> None:
        if not self._turn:
            self._turn = True
            self._shared.together(self._seen).addCallbacks(self._written, self._not_written)

    def _seen(self, elsewhere: Elsewhere) -> Mapping[str, tuple[float, float]]:
        if self._failing:
            log.info("what other daemons have counted is seen again: the caps hold for all of them together")
        self._failing = False
        self._others.see(elsewhere.counts, elsewhere.gone)
        self._opted_out(elsewhere.opted_out)
        return self._answered()

    def _answered(self) -> Mapping[str, tuple[float, float]]:
        """Everybody who waits is answered; what has to be written."""
        asks, self._asks = self._asks, []
        for ask, answer in asks:
            if not answer.called:  # whoever has asked is still there
                execute(ask).chainDeferred(answer)
        batch = self._batch = self._keeping.begin()
        return batch

    def _written(self, _: object) -> None:
        self._over()
        self._keeping.written(None)
        self._next()

    def _not_written(self, failure: Failure) -> None:
        if not failure.check(StoreError):  # the others have to be answered all the same
            log.failure("counting together with other daemons broke down", failure)
            failure = Failure(StoreError("a fault of ours; the log has its traceback"))
        if self._batch is None:
            if not self._failing:
                log.error(
                    "what other daemons have counted cannot be seen ({error}): no calls are placed, and all else "
                    "goes by what was seen last",
                    error=failure.getErrorMessage(),
                )
            self._failing = True
            batch = self._answered()
        else:
            batch = self._batch
        self._over()
        self._keeping.not_written(failure, batch)
        self._next()

    def _over(self) -> None:
        self._turn, self._batch = False, None

    def _next(self) -> None:
        if self._asks:
            self._begin()
