"""Spelling: writes out what a voice would misread: telephone numbers and codes become digits, one by one.

"Call 1-800-555-0199, code AB12-34" becomes "Call one, eight zero zero, five five five, zero one nine nine, code A, B,
one two, three four": a comma, for a short pause, between the groups that people write or say. Prices, years, times,
dates, ordinals, percentages and quantities stay as they are: voices read those well.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import pairwise

_DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")

# A number begins here: not in a word, a price, a decimal, a time or a date; and it ends here, not before its unit.
_BEGIN = r"(?<![\w$€£¥+])(?<!\d[.,:/-])(?<![$€£¥] )"
_UNITS = "percent|dollars?|euros?|pounds?|cents?|people|miles|kilometers|years|days"
_END = rf"(?![\w%])(?![.,:/-]\d)(?!\s?(?:[%$€£¥]|(?:{_UNITS})\b))"


def _pattern(*alternatives: str) -> re.Pattern[str]:
    return re.compile(f"{_BEGIN}(?:{'|'.join(alternatives)}){_END}")


_GROUPED = _pattern(
    r"(?:1[ .-])?(?:\(\d{3}\) ?|\d{3}[ .-])\d{3}[ .-]\d{4}",  # 1-800-555-0199, (415) 555-0100
    r"\(?0\d{2,4}\)?(?:[ -]\d{2,4}){1,3}",  # 020 7946 0958
    r"0\d(?: \d\d){4}",  # 01 23 45 67 89
    r"\d{4}(?:[ -]\d{4}){2,3}",  # 4111 1111 1111 1111
    r"\d{3}-\d{4}",  # 555-0100
)
_INTERNATIONAL = re.compile(r"(?<![\w+])\+\d(?:[ ().-]{0,2}\d){6,14}(?!\d)")
_NAMED = re.compile(
    r"(\b(?:code|pin|passcode|password|reference|extension|ending in)(?: number)?(?: is)?:? )"
    r"([a-z0-9]+(?:-[a-z0-9]+)*)(?![\w%])(?![.,:/]\d)",
    re.IGNORECASE,
)
"""What stands behind such a word is spelled even when it is short: "PIN 4821", "extension 204"."""
_MIXED = re.compile(r"(?<![\w-])[A-Z0-9]+(?:-[A-Z0-9]+)*(?![\w-])")
_LONG = _pattern(r"0\d+", r"\d{5,}")
_UNIT = re.compile(r"\d{1,3}[A-Z]{1,2}|\d{4}S")
"""10AM, 500MB, 1990S."""


def spell_out(text: str) -> str:
    """The text with telephone numbers and codes written as words."""
    text = _INTERNATIONAL.sub(lambda match: f"plus {_groups(match[0])}", text)
    text = _GROUPED.sub(lambda match: _groups(match[0]), text)
    text = _NAMED.sub(_if(_is_code, lambda match: match[1] + _groups(match[2].upper())), text)
    text = _MIXED.sub(_if(_is_mixed, lambda match: _groups(match[0])), text)
    return _LONG.sub(_if(_is_no_quantity, lambda match: _groups(match[0])), text)


def _if(
    right: Callable[[re.Match[str]], bool], spelled: Callable[[re.Match[str]], str]
) -> Callable[[re.Match[str]], str]:
    return lambda match: spelled(match) if right(match) else match[0]


def _is_code(match: re.Match[str]) -> bool:
    return len(match[2]) >= 3 and any(map(str.isdigit, match[2]))


def _is_mixed(match: re.Match[str]) -> bool:
    """AB12-34 and BA2490, but not COVID-19, MP3, 10AM-5PM or 2024-05-01."""
    parts = match[0].split("-")
    letters = re.findall("[A-Z]+", match[0])
    symbols = sum(map(len, parts))
    return (
        symbols >= 4
        and 0 < sum(map(len, letters)) < symbols
        and max(map(len, letters)) <= 3
        and not all(map(_UNIT.fullmatch, parts))
    )


def _is_no_quantity(match: re.Match[str]) -> bool:
    return match[0].startswith("0") or not match[0].endswith("000")


def _groups(code: str) -> str:
    """What is written together is said together, in groups that an ear can keep."""
    runs = re.findall(r"[A-Z]+|[0-9]+", code)
    return ", ".join(", ".join(_said(group) for group in _split(run)) for run in runs)


def _split(run: str) -> list[str]:
    """Long runs of digits in threes, or fours where that leaves no rest: 5550123 is 555, 0123."""
    if len(run) <= 5 or not run.isdigit():
        return [run]
    size = 4 if len(run) % 4 == 0 else 3
    cuts = [0, *range(size, len(run) - 1, size), len(run)]  # "- 1": no digit is left alone
    return [run[start:end] for start, end in pairwise(cuts)]


def _said(group: str) -> str:
    if group.isdigit():
        return " ".join(_DIGITS[int(digit)] for digit in group)
    # A voice takes a lone "A" for the article; before a comma it is a letter.
    return " ".join(f"{letter}," if letter == "A" else letter for letter in group).removesuffix(",")
