"""What every lookup promises (ICallerLookup): a test class for voiced's own lookups and for other people's.

class AcmeContract(CallerLookupContract, SynchronousTestCase):
    known = "+14155550100"

    def make_lookup(self):
        self.clock = Clock()
        return make(Settings(url="https://acme.test"), FakeTools(self.clock, http=acme_in_memory(self.clock)))
"""

from __future__ import annotations

from typing import Any

import attrs
from twisted.internet.defer import CancelledError
from twisted.internet.task import Clock
from zope.interface.verify import verifyObject

from voiced.errors import LookupFailed
from voiced.ivoiced import ICallerLookup
from voiced.testing.fake_call import INFO, FakeCall

ODD = ("", "anonymous", "sip:ann@example.com", "client:ann", "+266696687", "+1" + "5" * 300)
"""Callers that are not numbers like any other."""


class CallerLookupContract:
    """A mixin for `twisted.trial.unittest.SynchronousTestCase`: override `make_lookup`, and `known`."""

    clock: Clock
    known: str
    """A caller of whom something is known."""

    # For mypy: what comes from SynchronousTestCase.
    assertTrue: Any
    assertIsInstance: Any
    fail: Any

    def make_lookup(self) -> ICallerLookup:
        """A new lookup that works; and set `self.clock`."""
        raise NotImplementedError

    def ask(self, caller: str) -> list[Any]:
        """What it fires with for this caller, once a minute has passed: a mapping or a Failure."""
        found: list[Any] = []
        lookup = self.make_lookup()
        lookup.lookup(FakeCall(info=attrs.evolve(INFO, caller=caller), clock=self.clock)).addBoth(found.append)
        self.clock.pump([0.1] * 600)
        return found

    def test_provides_the_interface(self) -> None:
        """It is an ICallerLookup, as zope.interface verifies."""
        verifyObject(ICallerLookup, self.make_lookup())

    def test_known(self) -> None:
        """What is known comes as texts by short names: no dots, for the flow puts `party.` before them."""
        (facts,) = self.ask(self.known)
        self.assertTrue(facts)
        for name, text in facts.items():
            self.assertIsInstance(text, str)
            self.assertTrue(name.isidentifier(), name)

    def test_odd_callers(self) -> None:
        """Every caller gets an answer, or LookupFailed, and nothing else."""
        for caller in ODD:
            (answer,) = self.ask(caller)
            if not isinstance(answer, dict):
                answer.trap(LookupFailed)

    def test_cancel(self) -> None:
        """Cancelling ends it, at once and quietly."""
        ended: list[Any] = []
        lookup = self.make_lookup().lookup(FakeCall(info=attrs.evolve(INFO, caller=self.known), clock=self.clock))
        lookup.addErrback(lambda failure: failure.trap(CancelledError)).addBoth(ended.append)
        lookup.cancel()
        self.assertTrue(ended)
