"""How a fact is said: digits one by one, money, numbers, dates and times, in the words of a language.

The words are those of Unicode's CLDR, as Babel has them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime, time
from decimal import Decimal

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_time
from babel.numbers import UnknownCurrencyError, format_currency, format_decimal, validate_currency


class Language(str):
    """The tag of a language (BCP 47) that is known to be one: settings of that type are checked."""

    __slots__ = ()


LANGUAGE = Language("en")
"""What is spoken where nobody says."""
_NUMBER = re.compile(r"-?[0-9]{1,18}(?:\.[0-9]{1,18})?")
"""No exponents: `1e999999` would be a megabyte of zeros."""
_MONEY = re.compile(rf"(?:([A-Za-z]{{3}})\s+)?({_NUMBER.pattern})(?:\s*([A-Za-z]{{3}}))?")
_WORD = re.compile(r"'[^']*'|(E+|ccc+|MMM+|LLL+)")
"""In a pattern of CLDR (UTS 35): what is quoted, or a weekday or a month as a word."""


def language(tag: str) -> Language:
    """A language by its tag as it is used (`en`, `pt-BR`). Raises ValueError for one that nobody knows."""
    try:
        return Language(str(Locale.parse(tag, sep="-")).replace("_", "-"))
    except (UnknownLocaleError, ValueError, TypeError):
        raise ValueError(f"{tag!r} is no language: write its tag, like en, de or pt-BR") from None


def check_format(name: str, argument: str) -> None:
    """Raises ValueError, with a sentence, for a format that there is none of, or that takes no such argument."""
    if name not in _FORMATS:
        raise ValueError(f"there is no format {name!r}: there are {', '.join(_FORMATS)}")
    if name == "money" and argument:
        try:
            validate_currency(argument)
        except UnknownCurrencyError:
            raise ValueError(f"{argument!r} is no currency: write its code, like EUR or USD") from None
    elif argument:
        raise ValueError(f"the format {name!r} takes nothing behind it, not {argument!r}")


def spoken(value: str, name: str, argument: str, tag: str) -> str:
    """The fact, as that format says it in that language; as it is, where it is nothing that the format knows."""
    try:
        return _FORMATS[name](value.strip(), argument, Locale.parse(tag or LANGUAGE, sep="-"))
    except (ValueError, UnknownCurrencyError):
        return value


def _digits(value: str, argument: str, locale: Locale) -> str:
    """`4155` -> `4 1 5 5`: what is no digit parts the groups, as people say them."""
    groups = [" ".join(group) for group in re.findall(r"[^\W_]+", value)]
    return ", ".join(groups)


def _number(value: str, argument: str, locale: Locale) -> str:
    if _NUMBER.fullmatch(value) is None:
        raise ValueError(value)
    return format_decimal(Decimal(value), locale=locale)


def _money(value: str, argument: str, locale: Locale) -> str:
    """`12.50 EUR` -> `12.50 euros`; the value's own currency comes before the one that the template names."""
    found = _MONEY.fullmatch(value)
    if found is None:
        raise ValueError(value)
    currency = (found[1] or found[3] or argument).upper()
    if not currency:
        return _number(found[2], "", locale)
    validate_currency(currency)
    return format_currency(Decimal(found[2]), currency, locale=locale, format_type="name")


def _date(value: str, argument: str, locale: Locale) -> str:
    """`2026-11-24` -> `Tuesday, November 24`."""
    try:
        day = date.fromisoformat(value)
    except ValueError:
        day = datetime.fromisoformat(value)
    skeletons = locale.datetime_skeletons
    # CLDR has short words in the order of the language ("EEE, MMM d"); a voice needs whole ones.
    short = (skeletons.get("MMMMEd") or skeletons["MMMEd"]).pattern
    return format_date(day, _WORD.sub(lambda found: found[0][0] * 4 if found[1] else found[0], short), locale=locale)


def _time(value: str, argument: str, locale: Locale) -> str:
    """`15:30`, or a moment -> `3:30 PM`."""
    try:
        moment = time.fromisoformat(value)
    except ValueError:
        moment = datetime.fromisoformat(value).time()
    return format_time(moment, "short", locale=locale).replace("\u202f", " ")


_FORMATS: Mapping[str, Callable[[str, str, Locale], str]] = {
    "digits": _digits,
    "number": _number,
    "money": _money,
    "date": _date,
    "time": _time,
}
