"""Which entry a number has in a table of numbers, and which flow answers it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import attrs

DEFAULT = "default"
_BETWEEN_DIGITS = re.compile(r"[\s().-]")


def plain(number: str) -> str:
    """A number without what people write between its digits: `+1 (415) 555-0100`."""
    return _BETWEEN_DIGITS.sub("", number)


def entry_for(number: str, entries: Iterable[str]) -> str | None:
    """The entry that is this number, else the longest prefix (it ends in `*`) that it begins with, else None."""
    fitting = [each for each in entries if each == number or (each[-1:] == "*" and number.startswith(each[:-1]))]
    return number if number in fitting else max(fitting, key=len, default=None)


@attrs.frozen
class DialPlan:
    """The `numbers:` of voiced.yaml: exact numbers and addresses, prefixes that end in `*`, and `default`."""

    numbers: Mapping[str, str]

    def flow_for(self, called: str) -> str | None:
        """The flow's name: the exact entry, else the longest prefix, else the default, else None."""
        entry = entry_for(called, (number for number in self.numbers if number != DEFAULT))
        return self.numbers.get(entry or DEFAULT)
