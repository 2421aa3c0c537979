"""How a call can end, as the carrier sees it, and what it says of each way: CallStatus, and SIP's number for it."""

from __future__ import annotations

from enum import StrEnum


class Ended(StrEnum):
    """Why the carrier says that a call is over."""

    CALLER = "the caller hung up"
    """The human, whichever side has rung."""
    HANGUP = "<Hangup>"
    DOCUMENT = "the document came to its end"
    REJECTED = "<Reject>"
    BUSY = '<Reject reason="busy">'
    REST = "completed through the REST API"
    ERROR = "application error"
    TIME_LIMIT = "its TimeLimit is over"
    ENGAGED = "the called party is busy"
    DECLINED = "the called party declined"
    UNANSWERED = "the called party did not answer"
    UNREACHABLE = "the called party cannot be reached"


STATUS = {
    Ended.REJECTED: "no-answer",
    Ended.BUSY: "busy",
    Ended.ENGAGED: "busy",
    Ended.DECLINED: "busy",
    Ended.UNANSWERED: "no-answer",
    Ended.UNREACHABLE: "failed",
}
"""The CallStatus of ends that are not `completed`."""

SIP = {"completed": 200, "busy": 486, "no-answer": 487, "canceled": 487, "failed": 503}
"""SipResponseCode of a call that the carrier has placed, by its CallStatus (487: the carrier gave up ringing)."""
