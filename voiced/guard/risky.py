"""Numbers that cost the caller more than a call, or pay the one who is called: never called unless named one by one.

The library knows the types of most national ranges (premium rate, shared cost and so on), and not those of the
networks that belong to no country; for it a satellite telephone is a mobile (or, in Canada and Australia, VoIP), and
numbers of one price for the whole country are company-wide ones. So there is a list of our own beside it.

Sources: ITU-T, List of E.164 assigned country codes (Annex to Operational Bulletin No. 1114, 15.XII.2016) for what
is of no country; the national numbering plans that administrations file with ITU-T under E.129 for the others.
"""

from __future__ import annotations

import re

import phonenumbers
from phonenumbers import PhoneNumber, PhoneNumberType

RANGES: dict[str, str] = {
    # Of no country.
    "+808": "international shared cost service",
    "+870": "Inmarsat satellite telephones",
    "+871": "Inmarsat, Atlantic Ocean East (closed)",
    "+872": "Inmarsat, Pacific Ocean (closed)",
    "+873": "Inmarsat, Indian Ocean (closed)",
    "+874": "Inmarsat, Atlantic Ocean West (closed)",
    "+875": "maritime mobile service (reserved)",
    "+876": "maritime mobile service (reserved)",
    "+877": "maritime mobile service (reserved)",
    "+878": "universal personal telecommunications",
    "+881": "satellite telephones (GMSS: 6 and 7 Iridium, 8 and 9 Globalstar)",
    "+882": "international networks (13 and 16: satellite telephones; others ships, aircraft, machines)",
    "+883": "international networks",
    "+888": "telecommunications for disaster relief",
    "+979": "international premium rate service",
    "+991": "trial of an international service",
    # North America: premium area code, and the premium exchange of every area code.
    "+1900": "premium rate",
    "+1976": "premium rate",
    "+1...976": "premium rate",
    # Satellite telephones with numbers of a country: CRTC, Canadian NPA 600 NXX Code Assignment Guideline; ACMA,
    # Telecommunications Numbering Plan 2015 (014); GlobalTel, who run Globalstar in Russia (954).
    "+1600": "Canadian satellite telephones, and other services of no place",
    "+6114": "Australian satellite telephones",
    "+7954": "Russian satellite telephones",
    # United Kingdom (Ofcom, National Telephone Numbering Plan).
    "+4470": "personal numbers, much used for fraud",
    "+4484": "shared revenue",
    "+4487": "shared revenue",
    "+449": "premium rate",
    # Germany (Bundesnetzagentur).
    "+49137": "mass calls and televoting",
    "+49180": "shared cost",
    "+49190": "premium rate (closed)",
    "+49900": "premium rate",
    # France (Arcep: 081, 082 and 089, services whose price is the called one's).
    "+3381": "shared cost",
    "+3382": "shared cost",
    "+3389": "premium rate",
    # Others of the countries that are called most.
    "+3184": "personal assistant services (ACM: until 2023 at a price of their own)",
    "+3187": "personal assistant services (ACM: until 2023 at a price of their own)",
    "+31900": "premium rate",
    "+31906": "premium rate",
    "+31909": "premium rate",
    "+3290": "premium rate",
    "+34803": "premium rate",
    "+34806": "premium rate",
    "+34807": "premium rate",
    "+34905": "televoting",
    "+39199": "shared cost",
    "+39892": "premium rate",
    "+39895": "premium rate",
    "+39899": "premium rate",
    "+41900": "premium rate",
    "+41901": "premium rate",
    "+41906": "premium rate",
    "+43900": "premium rate",
    "+43901": "premium rate",
    "+43930": "premium rate",
    "+43931": "premium rate",
    "+43939": "premium rate",
    "+351707": "shared cost (ANACOM: universal access numbers with a price of their own)",
    "+351708": "shared cost (ANACOM: universal access numbers with a price of their own)",
    "+35176": "premium rate (ANACOM: a price per call)",
    "+4590": "premium rate",
    "+46900": "premium rate",
    "+46939": "premium rate",
    "+46944": "premium rate",
    "+4782": "premium rate",
    "+48700": "premium rate",
    "+61190": "premium rate",
    "+64900": "premium rate",
    "+81570": "shared cost (Navi Dial: the called one chooses who pays how much)",
    "+81990": "premium rate",
}
"""Beginning of a number (`.`: any digit) -> what is behind it."""

_TYPES = {
    PhoneNumberType.PREMIUM_RATE: "premium rate",
    PhoneNumberType.SHARED_COST: "shared cost",
    PhoneNumberType.PERSONAL_NUMBER: "a personal number, which costs what its owner chooses",
    PhoneNumberType.PAGER: "a pager",
}
"""The library's types that are risky. Personal numbers are: they are forwarded at the caller's cost (British 070 is a
known fraud). Company-wide numbers (UAN) are not, but for those in RANGES: they cost a national call, and banks and
airlines have them."""

_FINDERS = tuple((re.compile(re.escape(start).replace(r"\.", "[0-9]")), what) for start, what in RANGES.items())


def risk(text: str, number: PhoneNumber) -> str:
    """What is behind a number (E.164, and the library's reading of it) that is risky; "" when it is not."""
    kind = phonenumbers.number_type(number)
    if kind == PhoneNumberType.TOLL_FREE:  # 1-800-976-…: the called one pays
        return ""
    return next((what for finder, what in _FINDERS if finder.match(text)), "") or _TYPES.get(kind, "")


def bounded(prefix: str) -> bool:
    """Whether a prefix that names a risky range names no more than one: it lies within one of ours, or is as long.

    `+1*` would name every premium number of North America at once, and is not "one by one".
    """
    return len(prefix) >= len("+12345") or any(finder.match(prefix) for finder, _ in _FINDERS)
