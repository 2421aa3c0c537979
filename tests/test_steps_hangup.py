"""The step hangup: with a reason, and bare."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from tests.house import House, flow, say
from voiced.call.records import Ending
from voiced.call.steps.routing import Hangup
from voiced.call.template import Template
from voiced.ivoiced import END, Apologise, HangUp, Mentions
from voiced.testing.contracts import StepContract
from voiced.testing.fake_call import FakeCall


class HangupContract(StepContract, SynchronousTestCase):
    """hangup, with a reason."""

    def make_step(self) -> Hangup:
        """Because nobody spoke."""
        return Hangup("nobody spoke")


class HangupTests(SynchronousTestCase):
    """What it does."""

    def run_step(self, step: Hangup) -> tuple[Any, FakeCall]:
        """The step's answer, and the call."""
        call = FakeCall()
        return self.successResultOf(Deferred.fromCoroutine(step.run(call))), call

    def test_bare(self) -> None:
        """It ends the flow, and says no more."""
        ended, call = self.run_step(Hangup())
        self.assertEqual((ended, call.sequel, call.reasons), (END, HangUp(), []))

    def test_reason(self) -> None:
        """The reason is for the record; it names nothing that has to be there."""
        ended, call = self.run_step(Hangup("nobody spoke"))
        self.assertEqual((ended, call.reasons), (END, ["nobody spoke"]))
        self.assertEqual(Hangup("nobody spoke").mentions(), Mentions(goes_on=False))

    def test_carrier_says(self) -> None:
        """The carrier's last sentence is filled now, and no voice is asked for it."""
        step = Hangup(carrier_says=Template.parse("Broken: {trouble.text}"))
        call = FakeCall()
        call.facts["trouble.text"] = "the disk."
        self.assertIs(self.successResultOf(Deferred.fromCoroutine(step.run(call))), END)
        self.assertEqual((call.sequel, call.said), (Apologise("Broken: the disk."), []))
        self.assertEqual(step.mentions(), Mentions(reads=("trouble.text",), goes_on=False))


class HangupCalls(House):
    """A whole call."""

    def test_reason(self) -> None:
        """Why the flow hung up is in the journal."""
        self.lives_in(flow({"start": [say("Bye."), Hangup("the office is closed")]}))
        call = self.ring()
        self.passes(3)
        record = self.assert_ended(call, Ending.COMPLETED)
        self.assertEqual(record["reason"], "the office is closed")
