"""Tells whoever asked to be told how a call goes on: Twilio's status callbacks.

    initiated, ringing, in-progress, then one of completed, busy, failed, no-answer, canceled

Source: twilio.com/docs/voice/api/call-resource (StatusCallback, StatusCallbackEvent).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from attrs import define

from voiced.simulator.courier import Courier, rfc2822
from voiced.simulator.number import Watch

EVENTS = {"initiated": "initiated", "ringing": "ringing", "in-progress": "answered"}
"""The StatusCallbackEvent of a CallStatus; every other one is `completed`."""


@define(eq=False)
class Progress:
    """The status callbacks of one call."""

    _courier: Courier
    watch: Watch | None
    _told: int = 0

    def tell(self, status: str, at: float, form: Callable[..., Mapping[str, str]], **more: str) -> None:
        """The call has come to that status at that moment of the clock, if anybody wants to know."""
        if self.watch is None or EVENTS.get(status, "completed") not in self.watch.events:
            return
        about = {
            "CallStatus": status,
            "Timestamp": rfc2822(at),
            "SequenceNumber": str(self._told),
            "CallbackSource": "call-progress-events",
        }
        self._told += 1
        self._courier.send(f"status {status}", self.watch.url, form(**about, **more), self.watch.method)
