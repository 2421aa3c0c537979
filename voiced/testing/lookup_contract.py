"""What every lookup promises (ICallerLookup): a test class for voiced's own lookups and for other people's.

class AcmeContract(CallerLookupContract, SynchronousTestCase):
    known = "+14155550100"

    def make_lookup(self):
        self.clock = Clock()
        self.acme = AcmeInMemory(self.clock)
        return make(Settings(url="https://acme.test"), FakeTools(self.clock, http=self.acme.http))

    def break_lookup(self):
        self.acme.status = 500
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SkipTest
from zope.interface.verify import verifyObject

from voiced.errors import LookupFailed
from voiced.ivoiced import ICallerLookup
from voiced.testing.fake_call import INFO, FakeCall

ODD = ("", "anonymous", "sip:ann@example.com", "client:ann", "+266696687", "+1" + "5" * 300, "+1/../..?a=b#c", "\0")
"""Callers that are not numbers like any other."""


class CallerLookupContract:
    """A mixin for `twisted.trial.unittest.SynchronousTestCase`: override `make_lookup`, and `known`.

    Where it asks somebody else, with a double of theirs: override `break_lookup`, too, and `left_open`, which says
    how many questions the double still works on.
    """

    clock: Clock
    known: str
    """A caller of whom something is known."""
    unknown: str | None = "+14155550199"
    """One of whom nothing is known; None where something is known of everybody."""

    # For mypy: what comes from SynchronousTestCase.
    assertEqual: Any
    assertTrue: Any
    assertIsInstance: Any
    failureResultOf: Any

    def make_lookup(self) -> ICallerLookup:
        """A new lookup that works; and set `self.clock`."""
        raise NotImplementedError

    def break_lookup(self) -> None:
        """Let whoever is asked fail, from now on."""
        raise SkipTest("break_lookup is not overridden")

    def left_open(self) -> int:
        """How many questions are still worked on by whoever is asked."""
        return 0

    def begin(self, lookup: ICallerLookup, caller: str) -> Deferred[Mapping[str, str]]:
        """Ask for this caller."""
        return lookup.lookup(FakeCall(info=attrs.evolve(INFO, caller=caller), clock=self.clock))

    def ask(self, caller: str, lookup: ICallerLookup | None = None) -> list[Any]:
        """What it fires with for this caller, once a minute has passed: a mapping or a Failure."""
        found: list[Any] = []
        self.begin(lookup or self.make_lookup(), caller).addBoth(found.append)
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

    def test_unknown(self) -> None:
        """Of a stranger it knows nothing, and that is no failure."""
        if self.unknown is not None:
            self.assertEqual([dict(facts) for facts in self.ask(self.unknown)], [{}])

    def test_odd_callers(self) -> None:
        """Every caller gets an answer, or LookupFailed, and nothing else."""
        for caller in ODD:
            (answer,) = self.ask(caller)
            if not isinstance(answer, Mapping):
                answer.trap(LookupFailed)

    def test_several_at_once(self) -> None:
        """Calls do not know of each other: each is answered for its own caller."""
        callers = (self.known, self.unknown or ODD[1], self.known)
        alone = [self.ask(caller) for caller in callers]
        lookup = self.make_lookup()
        together: list[list[Any]] = [[] for _ in callers]
        for caller, found in zip(callers, together, strict=True):
            self.begin(lookup, caller).addBoth(found.append)
        self.clock.pump([0.1] * 600)
        self.assertEqual(together, alone)

    def test_cancel(self) -> None:
        """Cancelling ends it, at once and quietly, wherever it is; the next one is answered all the same."""
        lookup = self.make_lookup()
        for turns in range(10):
            running = self.begin(lookup, self.known)
            self.clock.pump([0.0] * turns)
            if not running.called:
                running.cancel()
                self.failureResultOf(running, CancelledError)
            self.clock.pump([0.1] * 10)
            self.assertEqual(self.left_open(), 0, "whoever is asked still works on it")
        self.assertIsInstance(self.ask(self.known, lookup)[0], Mapping)

    def test_trouble(self) -> None:
        """Whatever happens to whoever is asked, it fails with LookupFailed and a sentence, and with nothing else."""
        lookup = self.make_lookup()
        self.break_lookup()
        (failure,) = self.ask(self.known, lookup)
        failure.trap(LookupFailed)
        self.assertTrue(str(failure.value))
