"""What a lookup knows, in the form that a flow reads: texts, by names that a template can hold."""

from __future__ import annotations

import math
import re
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

_NAME = re.compile(r"[A-Za-z_]\w*")
_BETWEEN_WORDS = re.compile(r"[\s.-]+")


def is_name(text: str) -> bool:
    """Whether a flow can read a fact of this name as `{party.<name>}`."""
    return bool(_NAME.fullmatch(text)) and text.isidentifier()


def name_of(heading: str) -> str:
    """The name that stands for a heading that people wrote: `Customer name` is `Customer_name`."""
    return _BETWEEN_WORDS.sub("_", heading.strip())


def text_of(value: Any) -> str | None:
    """A value as people write it; None when there is none, or when it is no text (a picture, a list).

    Dates and times are ISO 8601 with a space between them, in whole seconds; a length of time is in seconds.
    """
    match value:
        case str():
            return value
        case bool():
            return str(value).lower()
        case int() | UUID():
            return str(value)
        case float():
            return _decimal(Decimal(repr(value)).normalize()) if math.isfinite(value) else None
        case Decimal():
            return _decimal(value) if value.is_finite() else None
        case datetime():
            return value.isoformat(" ", "seconds")
        case time():
            return value.isoformat("seconds")
        case date():
            return value.isoformat()
        case timedelta():
            return text_of(value.total_seconds())
        case bytes() | bytearray() | memoryview():
            return _read(bytes(value))
    return None


def _decimal(number: Decimal) -> str:
    """Never `1E+2`, and never `-0`."""
    return format(abs(number) if number.is_zero() else number, "f")


def _read(octets: bytes) -> str | None:
    """UTF-8; anything else is a picture, or a key."""
    try:
        return None if b"\0" in octets else octets.decode()
    except UnicodeDecodeError:
        return None
