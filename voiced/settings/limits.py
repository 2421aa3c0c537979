"""The limits a field's type sets (msgspec.Meta), as sentences."""

from __future__ import annotations

import math
import re
from decimal import Decimal
from typing import Any

import msgspec

_BOUNDS = (
    ("gt", "must be more than", lambda value, bound: value > bound),
    ("ge", "must be at least", lambda value, bound: value >= bound),
    ("lt", "must be less than", lambda value, bound: value < bound),
    ("le", "must be at most", lambda value, bound: value <= bound),
    ("multiple_of", "must be a multiple of", lambda value, bound: value % bound == 0),
)


def broken(value: Any, limit: msgspec.Meta) -> str:
    """What a value ought to be and is not: a sentence without its end; "" when it keeps the limit."""
    for name, sentence, holds in _BOUNDS:
        bound = getattr(limit, name)
        if bound is not None and not holds(value, bound):
            return f"{sentence} {bound}"
    if limit.min_length is not None and len(value) < limit.min_length:
        return (
            "must not be empty" if limit.min_length == 1 else f"must have at least {_count(value, limit.min_length)}"
        )
    if limit.max_length is not None and len(value) > limit.max_length:
        return f"must have at most {_count(value, limit.max_length)}"
    if limit.pattern is not None and not re.search(limit.pattern, value):
        return f"must be {limit.description or f'of the form {limit.pattern}'}"
    return ""


def _count(value: Any, number: int) -> str:
    return f"{number} {'characters' if isinstance(value, str) else 'entries'}"


def finite(value: Any) -> Any:
    """The value. Raises ValueError for a number like `nan` or `inf`."""
    if isinstance(value, float | Decimal) and not math.isfinite(value):
        raise ValueError("not a finite number")
    return value
