"""Answering-machine detection: what was asked for, and what the carrier finds out about who has answered, and when.

Source: twilio.com/docs/voice/answering-machine-detection.
"""

from __future__ import annotations

from attrs import frozen

from voiced.simulator.number import Watch
from voiced.simulator.person import Person


@frozen
class Verdict:
    """Who has answered, as far as the carrier can tell."""

    answered_by: str
    """human, fax, unknown, machine_start, or machine_end_beep, _silence or _other."""
    seconds: float
    """After the answer."""

    def form(self) -> dict[str, str]:
        """What webhooks say of it."""
        return {"AnsweredBy": self.answered_by, "MachineDetectionDuration": str(round(self.seconds * 1000))}


@frozen
class Detection:
    """What was asked for."""

    mode: str
    """Enable: at once; DetectMessageEnd: of machines, when their greeting is over."""
    timeout: float = 30.0
    """Seconds after which the verdict is `unknown`."""
    asynchronous: bool = False
    """Whether the document is asked for at once, and the verdict comes in a callback; else the document waits."""
    watch: Watch | None = None
    """Where that callback goes."""

    def verdict(self, person: Person) -> Verdict:
        """What comes of it with them."""
        found = Verdict(person.answered_by, person.detected)
        if person.answered_by == "machine" and self.mode == "Enable":
            found = Verdict("machine_start", person.detected)
        elif person.answered_by == "machine":
            found = Verdict(f"machine_end_{person.message_end}", max(person.detected, person.greeting))
        return found if found.seconds <= self.timeout else Verdict("unknown", self.timeout)
