"""A lookup in a table: the callers that are written down in voiced.yaml, or in a file beside it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import attrs
import msgspec
from twisted.internet.defer import Deferred, succeed
from zope.interface import implementer

from voiced.call.dialplan import entry_for
from voiced.errors import VoicedError
from voiced.ivoiced import ICall, ICallerLookup, Mentions, Tools
from voiced.lookups.tablefile import KINDS, Callers, entry, read_table


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is known of whom: numbers, or prefixes that end in `*`, each with facts by name.

    They stand in `callers`, or in a `file`: CSV or YAML, relative to voiced.yaml. The exact number comes first, then
    the longest prefix.
    """

    callers: dict[str, dict[str, str]] | None = None
    file: Path | None = None
    # The heading of the CSV column that has the callers; every other column is a fact.
    number: str = "number"

    def __post_init__(self) -> None:
        if (self.callers is None) == (self.file is None):
            raise ValueError("write either `callers` (numbers, each with facts) or `file` (a CSV or YAML file)")
        if self.file is not None and self.file.suffix.lower() not in KINDS:
            raise ValueError(f"`file` must end in {', '.join(KINDS[:-1])} or {KINDS[-1]}")
        self.table()

    def mentions(self) -> Mentions:
        """The file: a reload reads it again when there is something else in it."""
        return Mentions(files=() if self.file is None else (str(self.file.absolute()),))

    def table(self) -> Callers:
        """The callers as voiced compares them. Raises ValueError with a sentence, of a file with the line."""
        if self.file is not None:
            return read_table(self.file, self.number)
        found: Callers = {}
        for written, facts in (self.callers or {}).items():
            if (caller := entry(written)) in found:
                raise ValueError(f"`callers` has {written!r} twice: take one away")
            found[caller] = facts
        return found


@implementer(ICallerLookup)
@attrs.frozen
class Table:
    """Answers at once."""

    callers: Mapping[str, Mapping[str, str]] = attrs.field(repr=False)
    _prefixes: tuple[str, ...] = attrs.field(
        init=False,
        repr=False,
        default=attrs.Factory(lambda self: tuple(each for each in self.callers if each[-1:] == "*"), takes_self=True),
    )
    """Those of `callers` that are no whole numbers: a table may have many callers, and has few of these."""

    def lookup(self, call: ICall) -> Deferred[Mapping[str, str]]:
        """What the table says of the human at the other end."""
        return succeed(self._known(call.info.party))

    def _known(self, party: str) -> Mapping[str, str]:
        if party in self.callers:
            return self.callers[party]
        prefix = entry_for(party, self._prefixes)
        return {} if prefix is None else self.callers[prefix]


def make(settings: Settings, tools: Tools) -> Table:
    """A table, of what its file says now. Raises VoicedError when the file has become wrong since it was checked."""
    try:
        return Table(settings.table())
    except ValueError as error:
        raise VoicedError(str(error)) from error
