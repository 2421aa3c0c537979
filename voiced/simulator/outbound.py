"""What becomes of a call that was asked for: it waits its turn, rings, is answered or is not, and takes its road.

    queued -> initiated -> ringing -> in-progress -> its document
                      \\-> busy, failed    \\-> no-answer, busy (declined)

Source: twilio.com/docs/voice/api/call-resource.
"""

from __future__ import annotations

from attrs import define, field
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater

from voiced.simulator.call import SimulatedCall
from voiced.simulator.ending import Ended
from voiced.simulator.orders import Order
from voiced.simulator.person import Person
from voiced.simulator.road import Road
from voiced.simulator.sheet import Alert

EXTRA_RING = 5.0
"""Seconds that Twilio rings beyond the `Timeout` it was given."""


@define(eq=False)
class Outbound:
    """Places the calls of one account."""

    _clock: IReactorTime
    _road: Road
    people: dict[str, Person] = field(factory=dict)
    """Who is at which number; at every other there is somebody who answers after two seconds."""
    per_second: float | None = None
    """How many calls the account may begin a second; the others are queued. None: any number."""
    _free_at: float = 0.0
    """When the next call may begin."""

    def person(self, number: str) -> Person:
        """Who is called there."""
        return self.people.get(number, Person())

    async def go(self, call: SimulatedCall, order: Order) -> Ended:
        """The whole way; returns why it ends. Cancelling leaves it where it is."""
        person = self.person(call.to)
        call.sip_code = person.sip_code
        await self._turn()
        call.reach("initiated")
        await deferLater(self._clock, person.connect)
        if person.does in ("busy", "failed"):
            await deferLater(self._clock, person.ring)
            return Ended.ENGAGED if person.does == "busy" else Ended.UNREACHABLE
        call.reach("ringing")
        patience = order.timeout + EXTRA_RING
        if person.does == "no-answer" or person.ring > patience:
            await deferLater(self._clock, patience)
            return Ended.UNANSWERED
        await deferLater(self._clock, person.ring)
        if person.does == "rejects":
            return Ended.DECLINED
        call.sip_code = None
        call.answer()
        return await self._answered(call, order, person)

    async def _turn(self) -> None:
        """Wait until the account may begin another call."""
        now = self._clock.seconds()
        begins = max(now, self._free_at)
        if self.per_second is not None:
            self._free_at = begins + 1 / self.per_second
        await deferLater(self._clock, begins - now)

    async def _answered(self, call: SimulatedCall, order: Order, person: Person) -> Ended:
        if person.says:
            call.speak(person.says)
        if person.talk is not None:
            call.later(person.talk, call.hang_up)
        call.tones += order.send_digits
        more: dict[str, str] = {}
        if order.detection is not None:
            verdict = order.detection.verdict(person)
            if order.detection.asynchronous:
                if order.detection.watch is None:
                    call.alert(Alert(21262, "No AMD status callback URL provided"))
                call.later(verdict.seconds, call.detected, order.detection, verdict)
            else:
                await deferLater(self._clock, verdict.seconds)
                call.detected(order.detection, verdict)
                more = verdict.form()
        return await self._road.walk(call, call.plan.start, more)
