"""The leg of a call that <Dial> makes: a call of its own at the carrier, whose parent is the call that dialled."""

from __future__ import annotations

from attrs import define, field

from voiced.simulator.account import Account


@define(eq=False)
class ChildCall:
    """A leg to somebody. Times are seconds of the clock."""

    account: Account
    parent_sid: str
    to: str
    """E.164 or `sip:…`."""
    from_: str
    """Whom the other side sees."""
    sid: str = field(init=False)
    status: str = "ringing"
    """Twilio's CallStatus."""
    direction: str = "outbound-dial"
    answered_by: str | None = None
    rang_at: float = field(init=False)
    attempted_at: float = field(init=False)
    answered_at: float | None = None
    ended_at: float | None = None

    def __attrs_post_init__(self) -> None:
        self.sid = self.account.new_sid("CA")
        self.rang_at = self.attempted_at = self.account.clock.seconds()

    @property
    def seconds(self) -> int:
        """How long they have talked."""
        if self.answered_at is None:
            return 0
        return int((self.account.clock.seconds() if self.ended_at is None else self.ended_at) - self.answered_at)

    def answer(self) -> None:
        """Whoever was dialled takes the call."""
        self.status, self.answered_at = "in-progress", self.account.clock.seconds()

    def end(self, status: str) -> None:
        """It is over; once."""
        if self.ended_at is None:
            self.status, self.ended_at = status, self.account.clock.seconds()

    def form(self) -> dict[str, str]:
        """What <Dial>'s action hears of it."""
        bridged = self.answered_at is not None
        more = {
            "DialCallStatus": self.status,
            "DialCallSid": self.sid,
            "DialBridged": "true" if bridged else "false",
        }
        return {**more, "DialCallDuration": str(self.seconds)} if bridged else more
