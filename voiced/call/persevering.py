"""A carrier that is asked to end a call until it has: whoever waits may leave, the asking goes on."""

from __future__ import annotations

from collections.abc import Sequence

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from voiced.call.underway import UnderWay
from voiced.errors import CarrierError
from voiced.icarrier import CallOrder, CallState, ICarrier

WAITS = (1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0, 120.0, 300.0)
"""Seconds before each further try. Ending a call that is over is no harm, so every trouble is worth another one."""

log = Logger()


@implementer(ICarrier)
class Persevering:
    """The same carrier, whose `complete` does not give up: two people who talk on cost somebody money."""

    def __init__(self, carrier: ICarrier, clock: IReactorTime) -> None:
        self._carrier = carrier
        self._clock = clock
        self._waiting: dict[str, list[Deferred[None]]] = {}
        """Calls that are being ended, by SID, and who waits for it."""
        self._endings = UnderWay()

    def create(self, order: CallOrder) -> Deferred[str]:
        """See ICarrier."""
        return self._carrier.create(order)

    def send_text(self, account: str, to: str, from_: str, text: str) -> Deferred[str]:
        """See ICarrier."""
        return self._carrier.send_text(account, to, from_, text)

    def fetch(self, call_sid: str, account: str) -> Deferred[CallState]:
        """See ICarrier."""
        return self._carrier.fetch(call_sid, account)

    def find(self, order: CallOrder, since: float, until: float) -> Deferred[Sequence[str]]:
        """See ICarrier."""
        return self._carrier.find(order, since, until)

    def complete(self, call_sid: str, account: str) -> Deferred[None]:
        """See ICarrier. Fails when it could not be done in nine minutes; cancelling leaves, and does not stop it."""
        waiting: Deferred[None] = Deferred()
        if call_sid in self._waiting:
            self._waiting[call_sid].append(waiting)
        else:
            self._waiting[call_sid] = [waiting]
            self._endings.begin()
            Deferred.fromCoroutine(self._complete(call_sid, account)).addBoth(self._ended, call_sid)
        return waiting

    @property
    def pending(self) -> Sequence[str]:
        """The calls that are still being ended, by SID."""
        return tuple(self._waiting)

    def settled(self) -> Deferred[None]:
        """Fires when no call is being ended any more."""
        return self._endings.settled()

    async def _complete(self, call_sid: str, account: str) -> None:
        waits = iter(WAITS)
        while True:
            try:
                await self._carrier.complete(call_sid, account)
                return
            except CarrierError as error:
                wait = next(waits, None)
                if wait is None:
                    log.error("{call}: it could not be ended; its own time limit has to", call=call_sid)
                    raise
                code = error.code or error.status
                log.warn("{call}: ending it: error {code}; again in {wait:g} s", call=call_sid, code=code, wait=wait)
            await deferLater(self._clock, wait)

    def _ended(self, result: Failure | None, call_sid: str) -> None:
        waiters = [waiting for waiting in self._waiting.pop(call_sid) if not waiting.called]  # the others have left
        if isinstance(result, Failure) and not result.check(CarrierError) and not waiters:
            log.failure("{call}: ending it broke down", result, call=call_sid)
        for waiting in waiters:
            waiting.callback(result)
        self._endings.end()
