"""A lookup in a table: the callers that are written down in voiced.yaml."""

from __future__ import annotations

from collections.abc import Mapping

import attrs
import msgspec
from twisted.internet.defer import Deferred, succeed
from zope.interface import implementer

from voiced.call.dialplan import entry_for, plain
from voiced.ivoiced import ICall, ICallerLookup, Tools


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
        entry = entry_for(party, self.callers)
        return {} if entry is None else self.callers[entry]


def make(settings: Settings, tools: Tools) -> Table:
    """A table whose numbers may be written as people write them: `+1 (415) 555-0100`."""
    return Table({plain(n) if n.startswith("+") else n: facts for n, facts in settings.callers.items()})
