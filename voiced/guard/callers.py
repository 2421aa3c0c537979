"""What the carrier says of a caller: have they a number, and does anybody vouch for it?"""

from __future__ import annotations

import re

from voiced.guard.spelling import address

ANONYMOUS = "anonymous"
"""What all callers without a number are counted as."""

_WORDS = ("anonymous", "blocked", "private", "restricted", "unavailable", "unknown", "withheld")
_KEYS = str.maketrans("abcdefghijklmnopqrstuvwxyz", "22233344455566677778889999")
_SPELLED = {word.translate(_KEYS) for word in _WORDS}
"""The words as a keypad spells them: carriers pass them on where a number is expected, and so does Twilio
(+266696687 is ANONYMOUS, +86282452253 UNAVAILABLE: support.twilio.com, "Why am I getting calls from these strange
numbers"). None of them is a number that could be called."""

_BEFORE = re.compile(r"\A(?:\+|00|011)")

_VERDICT = re.compile(r"TN-Validation-Passed-([ABC])(?:-Diverted|-Passthrough)?")
"""Twilio's StirVerstat for a verified signature, and its level (Twilio's page "Trusted Calling with SHAKEN/STIR").
TN-Validation-Failed…, No-TN-Validation, NULL and nothing at all vouch for nothing."""


def anonymous(caller: str) -> bool:
    """Whether this caller (CallInfo.caller) has no number and no address, however that is spelled."""
    scheme, _, name = caller.partition(":")
    where = address(name if scheme.lower() == "client" else caller)
    if where is None:
        return False
    user = where.user.lower()  # RFC 3323 §4.1.1.3
    return not user or user in _WORDS or _BEFORE.sub("", user) in _SPELLED


def attested(verdict: str, least: str) -> bool:
    """Whether the carrier's verdict (CallInfo.attestation) is at least of that level: A, B or C."""
    level = _VERDICT.fullmatch(verdict)
    return level is not None and level[1] <= least
