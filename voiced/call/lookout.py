"""Asks the carrier about calls that we placed and hear nothing of: a `create` without an answer, callbacks that never
came."""

from __future__ import annotations

import attrs
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger

from voiced.call.records import Ending, Stage
from voiced.call.session import CallSession
from voiced.call.switchboard import Switchboard
from voiced.errors import CarrierError, StoreError
from voiced.icarrier import CallOrder, ICarrier
from voiced.ikept import IPlacedCalls

LOOK_AFTER = 3.0
"""Seconds after which the carrier is asked again for a call whose `create` got no answer: its list may lag."""
ASKING = 30.0
"""Seconds within which the carrier begins a call that it was asked for: what it lists from later is another one."""
MOST_LOOKS = 10
"""How often the carrier is asked about a call that it tells us nothing of; then we take it for lost, and end it."""

log = Logger()


@attrs.frozen
class Lookout:
    """Looks for calls at the carrier."""

    _switchboard: Switchboard
    _carrier: ICarrier
    _book: IPlacedCalls
    _clock: IReactorTime

    async def look_for(self, session: CallSession, key: str, asked: float) -> str:
        """The SID of a call whose `create`, at that moment, got no answer; "" when nobody can say it yet."""
        for _ in range(2):
            if sid := session.info.sid or await self.listed(session.order, asked, session, key):
                return sid
            await deferLater(self._clock, LOOK_AFTER)
        return session.info.sid

    async def listed(self, order: CallOrder, asked: float, session: CallSession | None, key: str) -> str | None:
        """The SID of a call like this one that the carrier lists, and that is nobody else's; "" when there is none.

        None when it cannot be said: the carrier does not answer, or another call to the same number has no SID
        either, and one of both would be taken for the other. `session` and `key` are whose call is looked for.
        """
        if any(
            other is not session and not other.info.sid and other.order.to == order.to for other in self._unnamed()
        ):
            return None
        try:
            sids = await self._carrier.find(order, asked, asked + ASKING)
            others = await self._book.others(key, sids, order.to)
        except (CarrierError, StoreError) as error:
            log.warn("it cannot be found out whether a call was placed: {error}", error=type(error).__name__)
            return None
        known = self._switchboard
        mine = [
            sid for sid in sids if known.find(sid) is None and not known.has_ended(sid) and sid not in others.sids
        ]
        if mine and others.waiting:
            return None
        return mine[-1] if mine else ""

    async def ask_about(self, session: CallSession, key: str) -> None:
        """What became of a call that should have been answered, or over, by now; the session is told."""
        session.looks += 1
        order, last = session.order, session.looks >= MOST_LOOKS
        sid = session.info.sid or await self.listed(order, session.record.began, session, key)
        if not sid:
            if sid == "":
                session.not_placed("the carrier knows nothing of it")
            elif last:
                session.record.faults.append("the carrier could not be asked about it")
                session.caller_gone(Ending.FAILED)
            return
        self._switchboard.named(session, sid)
        ending = None
        try:
            ending = (await self._carrier.fetch(sid, order.account)).ending
        except CarrierError as error:
            log.warn("{call}: nothing is heard of it: error {code}", call=sid, code=error.code or error.status)
        if ending is None and last:
            ending = Ending.FAILED
            self._carrier.complete(sid, order.account).addErrback(lambda failure: failure.trap(CarrierError) and None)
        if ending is not None and session.stage is Stage.RINGING:
            session.record.faults.append("the carrier has not told us by itself how it ended")
            session.caller_gone(ending)

    def _unnamed(self) -> list[CallSession]:
        return [session for session in self._switchboard if session.ordered is not None and not session.info.sid]
