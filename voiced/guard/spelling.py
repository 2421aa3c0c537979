"""How numbers are spelled in addresses: what a gateway dials for a SIP user, and which number an address calls from.

A gateway takes the same number in many spellings (`+14155552671`, `1-415-555-2671`, `0014155552671`). The guard's
rules are about numbers, so that they hold for all of them.
"""

from __future__ import annotations

import re
from urllib.parse import unquote

import attrs
import phonenumbers
from phonenumbers import PhoneNumber, PhoneNumberFormat

from voiced.call.dialplan import plain

_E164 = re.compile(r"\+[1-9][0-9]{1,14}")
_VISUAL_SEPARATORS = str.maketrans("", "", "-.()")
"""RFC 3966 §3, visual-separator: they change nothing about a number."""
_DIGITS = re.compile(r"\+?[0-9]+")
_DIALLED = re.compile(r"(\+|00|011)?([1-9][0-9]{1,14})")
"""A number with what is dialled before a country's code (011 in North America, 00 in most of the world)."""
_OF_NO_PREFIX = re.compile(r"[2-9][0-9]{2}[2-9][0-9]{6}")
"""How North America writes a number within the country."""
_NAME = re.compile(r"[^A-Za-z0-9]*[A-Za-z]")
_USER, _HOST = re.compile(r"[^;:,]*"), re.compile(r"\[[^]]*\]|[^;:?>]*")


@attrs.frozen
class Dialled:
    """What a gateway dials for a SIP user that is no name."""

    text: str
    """The user without separators."""
    number: PhoneNumber | None
    """What it begins with, read as a number; None: it cannot be."""
    sure: bool
    """Whether all of it is that number, which has been given out, and no gateway could take it for another one."""


@attrs.frozen
class Address:
    """Somebody's address, as a carrier writes it."""

    scheme: str
    """`sip`, `sips`, `tel`, or "" where it has none."""
    user: str
    host: str


def parsed(text: str) -> PhoneNumber | None:
    """The library's reading of a text that is E.164 to the letter; it would read much else, too."""
    if not _E164.fullmatch(text):
        return None
    try:
        number = phonenumbers.parse(text)
    except phonenumbers.NumberParseException:
        return None
    return number if e164(number) == text else None


def e164(number: PhoneNumber) -> str:
    """The one form in which a number counts."""
    return phonenumbers.format_number(number, PhoneNumberFormat.E164)


def read(text: str) -> PhoneNumber | None:
    """A number of digits alone: `+`, `00` or `011` and its country, or its country alone. Then it has to be
    one that was given out: `2001` is some PBX's extension."""
    match = _DIALLED.fullmatch(text)
    number = parsed("+" + match[2]) if match else None
    if match is None or number is None:
        return None
    return number if match[1] or phonenumbers.is_valid_number(number) else None


def dialled(user: str) -> Dialled | None:
    """What is dialled for the user of a SIP address; None for a name: its first letter or digit is a letter."""
    if _NAME.match(user):
        return None
    text = user.translate(_VISUAL_SEPARATORS)
    digits = _DIGITS.match(text)
    number = read(digits[0]) if digits else None
    whole = digits is not None and digits[0] == text
    sure = whole and number is not None and phonenumbers.is_valid_number(number) and not _national(text)
    return Dialled(text, number, sure)


def _national(text: str) -> bool:
    """Whether North America would take this for a number of its own: +65 6323 4567 without its + is of Florida."""
    return bool(_OF_NO_PREFIX.fullmatch(text)) and phonenumbers.is_valid_number(phonenumbers.parse("+1" + text))


def address(text: str) -> Address | None:
    """What the carrier says of a caller, taken apart: `sip:user;…@host:port;user=phone`, `tel:…`, or a number alone.

    None for what is of another kind (`client:…`). Nothing is too odd: a stranger has chosen it.
    """
    before, colon, rest = text.partition(":")
    scheme = before.strip().lower() if colon else ""
    if scheme not in ("sip", "sips", "tel", ""):
        return None
    user, at, host = (rest if colon else text).rpartition("@")
    if not at:
        user, host = (host, "") if scheme in ("tel", "") else ("", host)
    user = (_USER.match(user) or [""])[0]
    host = (_HOST.match(host) or [""])[0]
    return Address(scheme, plain(unquote(user)) if scheme else plain(user), host.lower())
