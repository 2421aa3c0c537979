"""Who has told a call of ours that they do not want to be called any more: nobody calls them again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from voiced.call.records import CallInfo
from voiced.call.underway import UnderWay
from voiced.errors import Refused, StoreError
from voiced.guard.callers import anonymous
from voiced.guard.destinations import Destination, caller, destination
from voiced.ikept import IOptedOut, OptedOut

log = Logger()


class Leavers:
    """Their numbers (E.164). What is in `kept` was there before; loading it may raise StoreError. None: nothing is
    kept.

    A number is on the list at once, and written behind the scenes; what cannot be written is tried again with the
    next one, and whenever somebody asks whether all is `settled`.
    """

    def __init__(self, clock: IReactorTime, kept: IOptedOut | None) -> None:
        self._clock = clock
        self._kept = kept
        self._numbers = set() if kept is None else {each.number for each in kept.load()}
        self._unwritten: dict[str, OptedOut] = {}
        """What is not on the disk, and not on its way."""
        self._writing = UnderWay()
        self._failing = False

    def __contains__(self, who: object) -> bool:
        """Whether this one (Destination.who) has opted out."""
        return who in self._numbers

    def add(self, info: CallInfo, how: str) -> None:
        """The human of this call opts out. Never fails."""
        human = _human(info)
        if human.number is None or anonymous(info.party):
            log.warn("{call}: somebody without a number opts out: nobody can be put on the list", call=info.sid)
        elif human.who not in self._numbers:
            self._numbers.add(human.who)
            self._unwritten[human.who] = OptedOut(human.who, self._clock.seconds(), how, info.sid)
            self._write()

    def see(self, numbers: Iterable[str]) -> None:
        """Others have put these on the list."""
        self._numbers.update(numbers)

    def settled(self) -> Deferred[None]:
        """Fires when all of it would survive a restart. Fails with StoreError when it would not."""
        self._write()
        return self._writing.settled().addCallback(self._check)

    def _write(self) -> None:
        batch, self._unwritten = self._unwritten, {}
        if batch and self._kept is not None:
            self._writing.begin()
            kept = self._kept.keep(list(batch.values()))
            kept.addCallbacks(self._written, self._not_written, errbackArgs=(batch,))

    def _written(self, _: object) -> None:
        self._failing = False
        self._writing.end()

    def _not_written(self, failure: Failure, batch: Mapping[str, OptedOut]) -> None:
        failure.trap(StoreError)
        if not self._failing:
            log.error(
                "who has opted out cannot be kept ({error}): a restart would forget it, and call them",
                error=failure.getErrorMessage(),
            )
        self._failing = True
        self._unwritten = {**batch, **self._unwritten}
        self._writing.end()

    def _check(self, _: object) -> None:
        if self._unwritten:
            raise StoreError("who has opted out of being called is not on the disk")


def _human(info: CallInfo) -> Destination:
    """Who that is, as they would be called; of what nobody could call, as they have called."""
    try:
        return destination(info.party)
    except Refused:
        return caller(info.party)
