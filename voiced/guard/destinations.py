"""What a destination is: a telephone number with its region, or a SIP address, in the one form in which it counts.

Region means the number's own (libphonenumber's region_code_for_number): `+1876…` is Jamaica, not the United States.
"""

from __future__ import annotations

import re

import attrs
import phonenumbers
from phonenumbers import PhoneNumber, PhoneNumberFormat

from voiced.errors import Refused

_E164 = re.compile(r"\+[1-9][0-9]{1,14}")
_SIP = re.compile(
    r"(?P<scheme>sips?):(?P<user>[A-Za-z0-9+_.!~*'()&=$,-]{1,64})@(?P<host>[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252}[A-Za-z0-9])?)"
    r"(?::[0-9]{1,5})?(?:;(?:transport|edge|region|secure)=[A-Za-z0-9-]{1,32})*",
    re.IGNORECASE,
)
"""A SIP address that may be dialled: with these parameters only. (`maddr=`, RFC 3261 §19.1.1, would send the call to
a host other than the one that was checked, and `?header=…` would put headers into it.)"""

NOT_A_NUMBER = "it is no telephone number that exists: a number begins with + and its country"


@attrs.frozen
class Destination:
    """Somebody who can be called, or who calls."""

    text: str
    """E.164, or `sip:user@host`: by this it is counted and compared."""
    number: PhoneNumber | None = attrs.field(default=None, eq=False)
    """The telephone number in it; of a SIP address the one that its gateway would dial. None: there is none."""
    region: str = ""
    """Two letters of ISO 3166; "001" for a network of no country; "" for none."""
    host: str = ""
    """Of a SIP address."""
    valid: bool = True
    """Whether such a number has been given out, as far as is known."""


def destination(to: str) -> Destination:
    """Somebody to be called. Raises Refused (`number`) when it is neither a telephone number nor a SIP address.

    A number has to be in the very form that the carrier dials: one that we would understand and the carrier would
    read otherwise (`+4402079460958`, `+1415555O123`) is refused, and so is one that cannot be (`+1911`).
    """
    if address := _SIP.fullmatch(to):
        user, host = address["user"], address["host"].lower()
        within = _parsed(user)
        return Destination(f"{address['scheme'].lower()}:{user}@{host}", within, host=host)
    number = _parsed(to)
    if number is None or not phonenumbers.is_possible_number(number):
        raise Refused("number", NOT_A_NUMBER)
    return _of_number(to, number)


def caller(text: str) -> Destination:
    """Somebody who calls, whatever the carrier says of them. Never raises."""
    if address := _SIP.fullmatch(text):
        user, host = address["user"], address["host"].lower()
        return Destination(f"{address['scheme'].lower()}:{user}@{host}", _parsed(user), host=host)
    number = _parsed(text)
    return Destination(text, valid=False) if number is None else _of_number(text, number)


def _of_number(text: str, number: PhoneNumber) -> Destination:
    region = phonenumbers.region_code_for_number(number) or ""
    return Destination(text, number, region, valid=phonenumbers.is_valid_number(number))


def _parsed(text: str) -> PhoneNumber | None:
    """The library's reading of a text that is E.164 to the letter; it would read much else, too."""
    if not _E164.fullmatch(text):
        return None
    try:
        number = phonenumbers.parse(text)
    except phonenumbers.NumberParseException:
        return None
    return number if phonenumbers.format_number(number, PhoneNumberFormat.E164) == text else None
