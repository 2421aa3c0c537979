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
from voiced.errors import CarrierError
from voiced.ivoiced import CallOrder, ICarrier

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
    _clock: IReactorTime

    async def look_for(self, session: CallSession, order: CallOrder, asked: float) -> str:
        """The SID of a call whose `create`, at that moment, got no answer; "" when nobody can say it yet."""
        for _ in range(2):
            if sid := session.info.sid or await self.listed(order, asked):
                return sid
            await deferLater(self._clock, LOOK_AFTER)
        return session.info.sid

    async def listed(self, order: CallOrder, asked: float) -> str:
        """The SID of a call like this one that the carrier lists, and that is none we know; "" when there is none."""
        try:
            sids = await self._carrier.find(order, asked, asked + ASKING)
        except CarrierError as error:
            log.warn("the carrier cannot be asked for a call: error {code}", code=error.code or error.status)
            return ""
        known = self._switchboard
        strangers = [sid for sid in sids if known.find(sid) is None and not known.has_ended(sid)]
        return strangers[-1] if strangers else ""

    async def ask_about(self, session: CallSession, order: CallOrder) -> None:
        """What became of a call that should have been answered, or over, by now; the session is told."""
        session.looks += 1
        sid = session.info.sid or await self.listed(order, session.record.began)
        if not sid:
            session.not_placed("the carrier knows nothing of it")
            return
        self._switchboard.named(session, sid)
        ending = None
        try:
            ending = (await self._carrier.fetch(sid, order.account)).ending
        except CarrierError as error:
            log.warn("{call}: nothing is heard of it: error {code}", call=sid, code=error.code or error.status)
        if ending is None and session.looks >= MOST_LOOKS:
            ending = Ending.FAILED
            await self.end(sid, order.account)
        if ending is not None and session.stage is Stage.RINGING:
            session.record.faults.append("the carrier has not told us by itself how it ended")
            session.caller_gone(ending)

    async def end(self, sid: str, account: str) -> None:
        """End a call that nobody here wants any more."""
        try:
            await self._carrier.complete(sid, account)
        except CarrierError as error:
            log.error("{call}: it could not be ended: error {code}", call=sid, code=error.code or error.status)
