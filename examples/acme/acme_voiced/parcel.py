"""Parcel numbers: nine digits, of which the last one checks the others (UPU S10, as post offices use it)."""

from __future__ import annotations

LENGTH = 9
"""Digits in a parcel number."""
_WEIGHTS = (8, 6, 4, 2, 3, 5, 9, 7)


def is_parcel_number(text: str) -> bool:
    """Whether this is the number of some parcel: one mistyped digit is noticed, and so are two in the wrong order."""
    if len(text) != LENGTH or not (text.isascii() and text.isdecimal()):
        return False
    *digits, check = map(int, text)
    remainder = 11 - sum(weight * digit for weight, digit in zip(_WEIGHTS, digits, strict=True)) % 11
    return check == {10: 0, 11: 5}.get(remainder, remainder)
