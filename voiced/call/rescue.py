"""Calls that we know nothing of, and that a human takes: the carrier asks its fallback URL whom to dial."""

from __future__ import annotations

import attrs
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from voiced.call.leg import Leg, leg
from voiced.call.records import CallInfo
from voiced.errors import Refused
from voiced.iguard import IGuard, IPermit
from voiced.ivoiced import Dial, Dialled


@attrs.frozen
class Rescued:
    """A call that somebody else has taken."""

    leg: Leg
    permit: IPermit
    """Of the call itself, as of any that rings here."""
    timer: IDelayedCall


@attrs.define
class Rescue:
    """The legs of calls that have no session; each holds its place with the guard until it is over, or must be."""

    _clock: IReactorTime
    _guard: IGuard
    _legs: dict[str, Rescued] = attrs.field(factory=dict)

    def dial(self, info: CallInfo, human: str) -> Dial:
        """Whom the carrier shall dial for this call; the same again when it asks again. Raises Refused."""
        if info.sid in self._legs:
            return self._legs[info.sid].leg.dial
        try:
            ringing = self._guard.ring(info)
        except Refused as refusal:
            if refusal.permit is not None:  # a flow would take them, and here is none
                refusal.permit.over(None)
            raise
        try:
            new = leg(info, Dial(human), self._guard, self._clock, ringing.seconds, named=True)
        except Refused:
            ringing.over(None)
            raise
        self._legs[info.sid] = Rescued(new, ringing, self._clock.callLater(new.limit, self.over, info.sid, None))
        return new.offer(ringing.seconds)

    def over(self, call_sid: str, dialled: Dialled | None) -> None:
        """The carrier says what became of it, or that the call is over, or has said nothing for too long."""
        known = self._legs.pop(call_sid, None)
        if known is not None:
            known.leg.over(dialled)
            known.permit.over(known.leg.record.seconds)
            if known.timer.active():
                known.timer.cancel()

    def forget(self) -> None:
        """The daemon stops: the calls go on without it."""
        for known in self._legs.values():
            known.leg.left()
            known.permit.over(known.leg.record.seconds)
            known.timer.cancel()
        self._legs.clear()
