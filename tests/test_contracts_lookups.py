"""The contract of lookups finds what it is there to find."""

from __future__ import annotations

from unittest import TestLoader, TestResult

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock, deferLater
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from voiced.errors import LookupFailed
from voiced.ivoiced import ICallerLookup
from voiced.testing.contracts import CallerLookupContract

ANN = "+14155550100"


@implementer(ICallerLookup)
class Faulty:
    """A lookup that knows Ann after half a second; with one fault, each of which breaks one promise."""

    def __init__(self, clock, fault):
        self.clock, self.fault, self.broken, self.asked = clock, fault, False, []

    def lookup(self, call):
        if self.fault == "deaf":
            return Deferred(lambda answer: answer.callback({}))
        if self.fault == "foreign error" and not call.info.party.startswith("+"):
            return fail(KeyError(call.info.party))
        if self.broken:
            return fail(OSError("gone") if self.fault == "foreign trouble" else LookupFailed("The service is away."))
        self.asked = [*self.asked, call.info.party] if self.fault == "mixes up" else [call.info.party]
        return deferLater(self.clock, 0.5, self.known, self.asked[0])

    def known(self, party):
        if party != ANN:
            return None if self.fault == "nothing" else {}
        return {"numbers": {"age": 7}, "dots": {"party.name": "Ann"}}.get(self.fault, {"name": "Ann"})


class ContractTests(SynchronousTestCase):
    """The contract itself."""

    def failing(self, fault):
        """The tests that a lookup with this fault fails."""

        class Contract(CallerLookupContract, SynchronousTestCase):
            known = ANN

            def make_lookup(self):
                self.clock = Clock()
                self.lookup = Faulty(self.clock, fault)
                return self.lookup

            def break_lookup(self):
                self.lookup.broken = True

        result = TestResult()
        TestLoader().loadTestsFromTestCase(Contract).run(result)
        return {test.id().rpartition(".")[2] for test, _ in (*result.failures, *result.errors)}

    def test_no_fault(self):
        """A lookup without a fault passes."""
        self.assertEqual(self.failing(None), set())

    def test_faults(self):
        """Each fault fails the test that is there for it."""
        for fault, test in {
            "numbers": "test_known",
            "dots": "test_known",
            "nothing": "test_unknown",
            "foreign error": "test_odd_callers",
            "foreign trouble": "test_trouble",
            "mixes up": "test_several_at_once",
            "deaf": "test_cancel",
        }.items():
            self.assertIn(test, self.failing(fault), fault)

    def test_one_that_asks_nobody(self):
        """A lookup that answers at once is one, too."""
        lookup = Faulty(Clock(), None)
        lookup.lookup = lambda call: succeed({"name": "Ann"} if call.info.party == ANN else {})

        class Contract(CallerLookupContract, SynchronousTestCase):
            known = ANN

            def make_lookup(self):
                self.clock = Clock()
                return lookup

        result = TestResult()
        TestLoader().loadTestsFromTestCase(Contract).run(result)
        self.assertEqual((result.failures, result.errors), ([], []))
