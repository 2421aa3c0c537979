"""A lookup in a table: the callers that are written down in voiced.yaml."""

from __future__ import annotations

import re
from collections.abc import Mapping

import attrs
import msgspec
from twisted.internet.defer import Deferred, succeed
from zope.interface import implementer

from voiced.ivoiced import ICall, ICallerLookup, Tools

_BETWEEN_DIGITS = re.compile(r"[\s().-]")


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is known of whom: numbers, or prefixes that end in `*`, each with facts by name.

    The exact number comes first, then the longest prefix.
    """

    callers: dict[str, dict[str, str]]


@implementer(ICallerLookup)
@attrs.frozen
class Table:
    """Answers at once."""

    callers: Mapping[str, Mapping[str, str]]

    def lookup(self, call: ICall) -> Deferred[Mapping[str, str]]:
        """What the table says of the human at the other end."""
        return succeed(self._known(call.info.party))

    def _known(self, party: str) -> Mapping[str, str]:
        if party in self.callers:
            return self.callers[party]
        prefixes = [number for number in self.callers if number.endswith("*") and party.startswith(number[:-1])]
        return self.callers[max(prefixes, key=len)] if prefixes else {}


def make(settings: Settings, tools: Tools) -> Table:
    """A table whose numbers may be written as people write them: `+1 (415) 555-0100`."""
    return Table({_plain(number): facts for number, facts in settings.callers.items()})


def _plain(number: str) -> str:
    return _BETWEEN_DIGITS.sub("", number) if number.startswith("+") else number
