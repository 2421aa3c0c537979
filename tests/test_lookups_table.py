"""Callers who are written down in voiced.yaml."""

from __future__ import annotations

from typing import Any

import attrs
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from voiced.ivoiced import ICallerLookup
from voiced.lookups import table
from voiced.testing.contracts import CallerLookupContract
from voiced.testing.fake_call import INFO, FakeCall
from voiced.testing.fakes import FakeTools


class TableTests(SynchronousTestCase):
    """The lookup `table`."""

    def known(self, party: str) -> Any:
        """What is known of a caller."""
        ann, town, land = {"name": "Ann"}, {"town": "London"}, {"land": "UK"}
        settings = table.Settings({"+1 (415) 555-0100": ann, "+4420*": town, "+44*": land, "sip:ann@x.example": ann})
        call = FakeCall(info=attrs.evolve(INFO, caller=party))
        return self.successResultOf(table.make(settings, FakeTools(Clock())).lookup(call))

    def test_known(self) -> None:
        """The exact number, then the longest prefix, else nothing."""
        for party, facts in (
            ("+14155550100", {"name": "Ann"}),
            ("+442071234567", {"town": "London"}),
            ("+441511234567", {"land": "UK"}),
            ("sip:ann@x.example", {"name": "Ann"}),
            ("+33123456789", {}),
            ("anonymous", {}),
        ):
            self.assertEqual(self.known(party), facts, party)


class TableContract(CallerLookupContract, SynchronousTestCase):
    """The lookup `table` keeps what lookups promise."""

    known = "+14155550100"

    def make_lookup(self) -> ICallerLookup:
        """A table with one caller in it."""
        self.clock = Clock()
        return table.make(table.Settings({self.known: {"name": "Ann"}}), FakeTools(self.clock))
