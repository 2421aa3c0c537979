"""What a web service answers in JSON, read for facts: one value by its path, as a text.

{"order": {"total": 21.50, "items": [{"name": "Boat"}]}}     order.total -> 21.50, order.items.0.name -> Boat
"""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import Any, NoReturn

MOST_DIGITS = 40
PATH = re.compile(r"[^.\s]+(\.[^.\s]+)*")
"""The way to a value: names and places in lists, with dots."""


class Number(str):
    """A number as it is written: 21.50 is spoken as it stands there."""

    __slots__ = ()


def read(body: bytes) -> Any:
    """The document; its numbers are texts. Raises ValueError when it is no JSON."""
    try:
        text = body.decode("utf-8-sig")
        return json.loads(text, parse_int=_number, parse_float=_number, parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise ValueError("the answer is not JSON") from None


def at(document: Any, path: str) -> Any:
    """What stands there; None when nothing does."""
    for step in path.split("."):
        if isinstance(document, dict):
            document = document.get(step)
        elif isinstance(document, list) and step.isdecimal() and int(step) < len(document):
            document = document[int(step)]
        else:
            return None
    return document


def text(value: Any) -> str | None:
    """A value as a fact; None for what is null, a list or an object.

    Half a surrogate pair, which JSON can spell, nobody could send on.
    """
    if isinstance(value, bool):
        return str(value).lower()
    return str(value).encode(errors="replace").decode() if isinstance(value, str) else None


def _number(written: str) -> Number:
    """As it is written, unless that is 1e3: nobody says that. Raises ValueError for more digits than anybody says."""
    if len(written) > MOST_DIGITS:
        raise ValueError(written)
    if "e" not in written.lower():
        return Number(written)
    value = Decimal(written)
    if abs(value.adjusted()) > MOST_DIGITS:
        raise ValueError(written)
    return Number(format(value, "f"))


def _no_number(name: str) -> NoReturn:
    """NaN and Infinity are Python's, not JSON's (RFC 8259 §6)."""
    raise ValueError(name)
