"""What a destination is: a telephone number with its region, or a SIP address, in the one form in which it counts.

Region means the number's own (libphonenumber's region_code_for_number): `+1876…` is Jamaica, not the United States.
"""

from __future__ import annotations

import re

import attrs
import phonenumbers
from phonenumbers import PhoneNumber

from voiced.errors import Refused
from voiced.guard.spelling import address, dialled, e164, parsed, read

_SIP = re.compile(
    r"(?P<scheme>sips?):(?P<user>[A-Za-z0-9+_.!~*'()&=$,-]{1,64})@(?P<host>[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252}[A-Za-z0-9])?)"
    r"(?::[0-9]{1,5})?(?:;(?:transport|edge|region|secure)=[A-Za-z0-9-]{1,32})*",
    re.IGNORECASE,
)
"""A SIP address that may be dialled: with these parameters only. (`maddr=`, RFC 3261 §19.1.1, would send the call to
a host other than the one that was checked, and `?header=…` would put headers into it.)"""

NOT_A_NUMBER = "it is no telephone number that exists: a number begins with + and its country"
NOT_CLEAR = (
    "nobody can say which number this SIP address dials: write it with + and its country, "
    "or name this very address in `allow`"
)


@attrs.frozen
class Destination:
    """Somebody who can be called, or who calls."""

    text: str
    """E.164, or `sip:user@host` as it was written: by this it is named in the rules."""
    number: PhoneNumber | None = attrs.field(default=None, eq=False)
    """The telephone number in it; of a SIP address the one that its gateway would dial. None: there is none."""
    region: str = ""
    """Two letters of ISO 3166; "001" for a network of no country; "" for none, and for a SIP address."""
    host: str = ""
    """Of a SIP address."""
    valid: bool = True
    """Whether such a number has been given out, as far as is known; of a SIP address, whether it is clear what it
    dials. (A name dials nothing.)"""
    who: str = attrs.field(eq=False)
    """By this it is counted, and looked for on the do-not-call list: the number (E.164), however an address spells
    it, or the address in small letters."""

    @who.default
    def _who(self) -> str:
        return self.text if self.number is None else e164(self.number)

    def by_number(self) -> Destination:
        """The number in an address, as if it stood there alone; itself, where there is none."""
        return _of_number(self.number) if self.host and self.number is not None else self


def destination(to: str) -> Destination:
    """Somebody to be called. Raises Refused (`number`) when it is neither a telephone number nor a SIP address.

    A number has to be in the very form that the carrier dials: one that we would understand and the carrier would
    read otherwise (`+4402079460958`, `+1415555O123`) is refused, and so is one that cannot be (`+1911`).
    """
    if sip := _SIP.fullmatch(to):
        user, host = sip["user"], sip["host"].lower()
        text, dials = f"{sip['scheme'].lower()}:{user}@{host}", dialled(user)
        if dials is None:
            return Destination(text, host=host, who=_address(user, host))
        if dials.number is None:
            return Destination(text, host=host, valid=False, who=_address(dials.text, host))
        return Destination(text, dials.number, host=host, valid=dials.sure)
    number = parsed(to)
    if number is None or not phonenumbers.is_possible_number(number):
        raise Refused("number", NOT_A_NUMBER)
    return _of_number(number)


def caller(text: str) -> Destination:
    """Somebody who calls, whatever the carrier says of them, and however it spells their number. Never raises."""
    where = address(text)
    if where is None:
        return Destination(text, valid=False)
    number = read(where.user)
    if where.host:
        name = where.user if number is None else e164(number)
        who = _address(name, where.host) if number is None else name
        return Destination(f"sip:{name}@{where.host}", number, host=where.host, who=who)
    return Destination(text, valid=False) if number is None else _of_number(number)


def _of_number(number: PhoneNumber) -> Destination:
    region = phonenumbers.region_code_for_number(number) or ""
    return Destination(e164(number), number, region, valid=phonenumbers.is_valid_number(number))


def _address(user: str, host: str) -> str:
    """A SIP address as it counts. `sips:` is the same telephone, and few gateways tell capitals from small letters
    (RFC 3261 §19.1.4 does, of users)."""
    return f"sip:{user.lower()}@{host}"
