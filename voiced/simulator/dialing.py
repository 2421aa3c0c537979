"""What becomes of a <Dial>: its legs ring, one of them talks, or none does, and the action hears how it went.

    ringing -> in-progress -> completed
    ringing -> busy | no-answer | failed | canceled (the human hung up, or another leg was faster)

Source: twilio.com/docs/voice/twiml/dial, and errors 13214 to 13243 of Twilio's dictionary.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from attrs import define, field, frozen
from twisted.internet.defer import CancelledError
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater

from voiced.simulator.call import SimulatedCall
from voiced.simulator.child import ChildCall
from voiced.simulator.orders import E164
from voiced.simulator.sheet import Alert
from voiced.simulator.twiml import Dial

SIP = re.compile(r"sips?:[^@\s<>]+@[^@\s<>]+")
REFUSED = {21215: 13227, 21216: 13225}
"""What <Dial> says of a number for which the REST API has its own code; of every other one 13224."""


@frozen
class Callee:
    """What happens to a <Dial> to somebody."""

    status: str = "completed"
    """DialCallStatus: completed, busy, no-answer, failed, canceled."""
    ring: float = 2.0
    """Seconds until that is known."""
    talk: float = 30.0
    """Seconds until the callee hangs up, if completed."""


@define(eq=False)
class Dialing:
    """The <Dial>s of an account's calls."""

    _clock: IReactorTime
    callees: dict[str, Callee] = field(factory=dict)

    async def dial(self, call: SimulatedCall, verb: Dial) -> Mapping[str, str]:
        """Do it; returns what the action hears. Cancelling hangs up on whoever was dialled."""
        from_ = self._caller_id(call, verb)
        legs = [ChildCall(call.account, call.sid, number, from_ or "") for number in verb.numbers]
        call.dialed.append(verb)
        call.children.extend(legs)
        call.note("twilio", "dials", ", ".join(verb.numbers))
        good = [leg for leg in legs if self._may(call, leg) and from_ is not None]
        for leg in legs:
            if leg not in good:
                leg.end("failed")
        try:
            last = await self._ring(call, verb, good) if good else legs[-1]
        except CancelledError:
            for leg in legs:
                leg.end("canceled" if leg.answered_at is None else "completed")
            call.note("twilio", "dialed", "left by the human" if call.over else "left")
            raise
        call.note("twilio", "dialed", last.status)
        return last.form()

    def left(self, call: SimulatedCall, verb: Dial) -> Mapping[str, str]:
        """What the action hears of a <Dial> that was cancelled: of the leg that talked, or of the last one."""
        legs = call.children[-len(verb.numbers) :]
        return max(legs, key=lambda leg: leg.answered_at or 0).form()

    async def _ring(self, call: SimulatedCall, verb: Dial, legs: list[ChildCall]) -> ChildCall:
        """All ring at once; the first who answers talks. Returns the leg that decides how it went."""
        began, last = self._clock.seconds(), legs[0]
        for leg in sorted(legs, key=lambda leg: self._callee(leg).ring):
            last, callee = leg, self._callee(leg)
            await deferLater(self._clock, max(0.0, began + min(callee.ring, verb.timeout) - self._clock.seconds()))
            if callee.ring > verb.timeout or callee.status != "completed":
                leg.end("no-answer" if callee.ring > verb.timeout else callee.status)
                continue
            for other in legs:
                if other is not leg:
                    other.end("canceled")
            call.answer()
            leg.answer()
            call.note("twilio", "bridges", leg.to)
            await deferLater(self._clock, min(callee.talk, verb.time_limit))
            leg.end("completed")
            break
        return last

    def _callee(self, leg: ChildCall) -> Callee:
        return self.callees.get(leg.to, Callee())

    def _caller_id(self, call: SimulatedCall, verb: Dial) -> str | None:
        """Whom the other side sees; None where the carrier will not show that."""
        wanted = verb.attributes.get("callerId", call.from_)
        if call.account.owns(wanted) or (wanted in (call.from_, call.to) and E164.fullmatch(wanted)):
            return wanted
        call.alert(Alert(13214, f"<Dial>: callerId {wanted!r} is neither ours nor a party of the call"))
        # A call without a number goes on its way, and may be refused at its end; a wrong callerId does not.
        return None if "callerId" in verb.attributes or wanted.startswith("client:") else wanted

    def _may(self, call: SimulatedCall, leg: ChildCall) -> bool:
        code = REFUSED.get(call.account.refused[leg.to], 13224) if leg.to in call.account.refused else 0
        if leg.to.startswith("sip"):
            code = code or (0 if SIP.fullmatch(leg.to) else 13243)
        elif not E164.fullmatch(leg.to):
            code = 13223
        if code:
            call.alert(Alert(code, f"<Dial>: {leg.to!r} cannot be called"))
        return not code
