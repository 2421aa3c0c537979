"""Somebody who may be called: what their telephone does when it is rung, and who or what answers it."""

from __future__ import annotations

from typing import Literal

from attrs import field, frozen

from voiced.simulator.line import Line

Does = Literal["answers", "busy", "rejects", "no-answer", "failed"]


@frozen
class Person:
    """Who is called by the carrier at our request. Times are in seconds."""

    does: Does = "answers"
    """`busy` and `failed` never ring; `rejects` rings, and is declined; `no-answer` rings for as long as it may."""
    ring: float = 2.0
    """How long until that is so. Who takes longer than the call may ring does not answer."""
    connect: float = 0.0
    """How long until their telephone begins to ring."""
    talk: float | None = None
    """How long after the answer they hang up by themselves, if they do."""
    answered_by: Literal["human", "machine", "fax", "unknown"] = "human"
    detected: float = 3.0
    """How long after the answer it is known who they are, where somebody wants to know (MachineDetection)."""
    greeting: float = 8.0
    """How long a machine's greeting is: it ends that long after the answer."""
    message_end: Literal["beep", "silence", "other"] = "beep"
    """How it ends."""
    says: bytes = b""
    """What they say on answering, a machine's greeting for example: mu-law."""
    sip_code: int | None = None
    """SipResponseCode at the end, where it is not the usual one of the status: 480, 603 ..."""
    line: Line = field(factory=Line.clean)
