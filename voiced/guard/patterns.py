"""How voiced.yaml names destinations: a region, a prefix, a number, a SIP address, or all of a SIP host."""

from __future__ import annotations

import enum
import math
import re
from collections.abc import Iterable

import attrs
import phonenumbers

from voiced.call.dialplan import plain
from voiced.errors import Refused
from voiced.guard.destinations import Destination, caller, destination

_PREFIX = re.compile(r"\+([1-9][0-9]{0,13})(\*?)", re.ASCII)
_LONGEST_BARE_PREFIX = 6
"""Digits of a prefix that may be written without its `*`; what is longer is taken for a number."""
_SIP_HOST = re.compile(r"sips?:\*@[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?", re.IGNORECASE)


class Kind(enum.Enum):
    """What a pattern names."""

    REGION = "region"
    PREFIX = "prefix"
    NUMBER = "number"
    SIP_HOST = "sip_host"
    SIP = "sip"


@attrs.frozen
class Pattern:
    """Some destinations, by what they have in common."""

    kind: Kind
    text: str
    """`US`; a prefix with its `+` and without a `*`; E.164; a host; `sip:user@host`."""

    @classmethod
    def parse(cls, written: str) -> Pattern:
        """From `US`, `+44`, `+44*`, `+1 415 555-0123`, `sip:*@host` or `sip:ann@host`. Raises ValueError."""
        text = plain(written)
        if written.isascii() and len(text) == 2 and text.isalpha():
            if text not in phonenumbers.SUPPORTED_REGIONS:
                raise ValueError("is no region: two capital letters, like US, GB or DE (ISO 3166)")
            return cls(Kind.REGION, text)
        if _SIP_HOST.fullmatch(written):
            return cls(Kind.SIP_HOST, written.partition("@")[2].lower())
        prefix = _PREFIX.fullmatch(text)
        if prefix and (prefix[2] or len(prefix[1]) <= _LONGEST_BARE_PREFIX):
            return cls(Kind.PREFIX, "+" + prefix[1])
        try:
            named = destination(written if written.lower().startswith("sip") else text)
        except Refused:
            raise ValueError(
                "names nobody: write a region (US), a prefix (+44*), a number (+14155550123) or sip:…@…"
            ) from None
        return cls(Kind.SIP if named.host else Kind.NUMBER, named.text)

    def closeness(self, to: Destination) -> float:
        """How narrowly it names this destination; 0 when not at all.

        A region is narrower than its country's code (`+1` is more than `US`), and wider than any longer prefix.
        """
        if self.kind is Kind.REGION:
            return len(f"+{phonenumbers.country_code_for_region(self.text)}") + 0.5 if to.region == self.text else 0
        if self.kind is Kind.PREFIX:
            return len(self.text) if to.text.startswith(self.text) else 0
        if self.kind is Kind.SIP_HOST:
            return 1 if to.host == self.text else 0
        return math.inf if to.text == self.text else 0


def closest(patterns: Iterable[Pattern], to: Destination) -> Pattern | None:
    """The pattern that names this destination most narrowly; None when none does."""
    best = max(patterns, key=lambda pattern: pattern.closeness(to), default=None)
    return best if best is not None and best.closeness(to) > 0 else None


def mentions(patterns: Iterable[Pattern], who: Destination) -> bool:
    """Whether one of these names this caller, however either of them spells the number."""
    number = who.by_number()
    return any(
        pattern.closeness(who) > 0
        or pattern.closeness(number) > 0
        or (pattern.kind is Kind.SIP and caller(pattern.text).who == who.who)
        for pattern in patterns
    )
