"""The facts that every call has, whatever its flow does: what a template may read without anybody setting it."""

from __future__ import annotations

from collections.abc import Mapping

OF_CALLS: Mapping[str, str] = {
    "call.sid": "the carrier's name for the call",
    "call.account": "the account that the call is on, as voiced.yaml calls it",
    "call.caller": "who rings",
    "call.called": "who is rung",
    "call.party": "the human's number, in both directions",
    "call.direction": "inbound or outbound",
    "call.attestation": "the carrier's verdict on the caller's number (STIR/SHAKEN)",
    "call.flow": "the flow that the call began in",
    "call.language": "the language that is spoken now",
    "call.answered_by": "who took a call that we have placed: human, machine, fax or unknown",
    "call.opted_out": "how the human has opted out of being called: key, word or tool",
    "transfer.result": "what became of whoever the call was put through to last",
}
"""Each one's name, and what it says; one that there is nothing to say of is not there, and is filled as "" is."""

OPEN = ".*"
"""The end of a name that stands for all facts which begin so (`party.*`)."""


def covers(name: str, fact: str) -> bool:
    """Whether a name that steps say they set is that of the fact, or stands for it."""
    return name == fact or (name.endswith(OPEN) and fact.startswith(name.removesuffix("*")))
