"""How much of a caller may be written down: the `privacy` setting, and what it does to a number."""

from __future__ import annotations

import enum
import re

_DIGIT = re.compile(r"\d")
_SHOWN = 2


class Privacy(enum.Enum):
    """What logs and the journal may say of a caller."""

    OPEN = "open"
    """Numbers, keys and what was said to agents, as they are."""
    MASKED = "masked"
    """Numbers without all but their first and last two digits; the keys of a menu; nothing of what was said."""
    STRICT = "strict"
    """No numbers and no keys at all; the way through the flow is still to be seen."""

    def party(self, party: str) -> str:
        """A number, a SIP or client address, or a word like `anonymous`, as far as it may be written."""
        if self is Privacy.OPEN or not party:
            return party
        if self is Privacy.STRICT:
            return "withheld"
        scheme, colon, rest = party.partition(":") if ":" in party else ("", "", party)
        rest = rest.partition(";")[0]  # a SIP address may carry a number once more, as a parameter (RFC 3261 §19.1.1)
        digits = _DIGIT.findall(rest)
        if len(digits) > 2 * _SHOWN and (not scheme or len(digits) >= len(rest) - 2):
            seen = iter(range(len(digits)))
            hidden = range(_SHOWN, len(digits) - _SHOWN)
            return scheme + colon + _DIGIT.sub(lambda digit: "•" if next(seen) in hidden else digit[0], rest)
        if scheme:  # a name: sip:ann@example.com, client:ann
            user, at, host = rest.partition("@")
            return f"{scheme}:{user[:1]}•••{at}{host}"
        return party

    def fact(self, value: str, *, private: bool, party: str) -> str:
        """A fact that a flow writes down: nothing of a private one, and of the human's number as much as of any."""
        if private or self is Privacy.STRICT:
            return "withheld" if value else ""
        return value.replace(party, self.party(party)) if party else value

    @property
    def shows_words(self) -> bool:
        """Whether what was said on a call may be written."""
        return self is Privacy.OPEN

    def key(self, key: str) -> str:
        """A key the caller pressed, as far as it may be written."""
        return "•" if self is Privacy.STRICT else key
