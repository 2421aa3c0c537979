"""The facts that every call has: the list is the truth."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.house import House, flow, say
from voiced.call.facts import OF_CALLS, covers
from voiced.call.steps.routing import Goto
from voiced.call.verbs import OPTED_OUT_FACT


class FactsTests(House):
    """What calls are made with."""

    def test_the_list(self) -> None:
        """A call that was placed, answered and put through, and whose human opts out, has all of them, no others."""
        self.lives_in(flow({"start": [say("Hi."), Goto("start")]}))
        session = self.daemon.switchboard.find(self.ring().sid)
        session.answered_by("human")
        session.facts["transfer.result"] = (
            "busy"  # as CallSession does when a leg is over (tests.test_calls_transfer)
        )
        session.facts[OPTED_OUT_FACT] = "key"  # as Verbs.opt_out does (tests.test_calls_opt_out)
        self.assertEqual(set(session.facts), set(OF_CALLS))


class CoversTests(SynchronousTestCase):
    """What steps say they set."""

    def test_covers(self) -> None:
        """A name stands for itself; one that ends in `.*` for all that begin so."""
        self.assertTrue(covers("menu.key", "menu.key"))
        self.assertTrue(covers("party.*", "party.name"))
        for name, fact in [("menu.key", "menu.keys"), ("party.*", "party"), ("party.*", "partyname")]:
            self.assertFalse(covers(name, fact), (name, fact))
