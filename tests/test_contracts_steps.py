"""The contract of steps finds what it is there to find."""

from __future__ import annotations

from unittest import TestLoader, TestResult

import attrs
import msgspec
from twisted.internet.defer import CancelledError
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from voiced.call.template import Template
from voiced.errors import CallOver
from voiced.ivoiced import IStep, Mentions, Prompt
from voiced.testing.contracts import StepContract

TEXT = Template.parse("Shall we call you back? For yes, press one.")


@implementer(IStep)
class Ask(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Asks for a key, and goes to `yes` for a 1; with one fault, each of which breaks one promise."""

    fault: str = ""

    def mentions(self):
        text = Template.parse("Hello {party.name}") if self.fault == "needs a fact" else TEXT
        right = Mentions(
            nodes=("yes",), voices=("rachel",), prompts=(Prompt(text, "rachel"),), sets=("ask.*",), waits=True
        )
        return attrs.evolve(right, **WRONG.get(self.fault, ("", {}))[1])

    async def run(self, call):
        try:
            await call.say(TEXT, "rachel")
        except CallOver:
            if self.fault != "speaks on":
                raise
            await call.say(TEXT, "rachel")
        try:
            call.facts["ask.key"] = await call.listen(5.0) or ""
        except CancelledError:
            if self.fault != "swallows":
                raise
        return "yes" if call.facts.get("ask.key") == "1" else None


WRONG = {
    "a list": ("test_mentions_are_names", {"nodes": ["yes"]}),
    "a text": ("test_mentions_are_names", {"nodes": "yes"}),
    "needs a fact": ("test_mentions_what_its_prompts_need", {}),
    "voice of a prompt": ("test_mentions_what_its_prompts_need", {"voices": ()}),
    "node": ("test_goes_only_where_it_says", {"nodes": ()}),
    "goes on": ("test_goes_only_where_it_says", {"goes_on": False}),
    "fact": ("test_does_only_what_it_says", {"sets": ("other.*",)}),
    "voice": ("test_does_only_what_it_says", {"voices": (), "prompts": (Prompt(TEXT),)}),
    "waits": ("test_does_only_what_it_says", {"waits": False}),
    "prompt": ("test_says_what_it_mentions", {"prompts": ()}),
    "swallows": ("test_hang_up_passes_through", {}),
    "speaks on": ("test_a_call_without_a_line_passes_through", {}),
}
"""Fault -> the test that is there for it, and what is wrong in the mentions."""


class ContractTests(SynchronousTestCase):
    """The contract itself."""

    def failing(self, fault):
        """The tests that a step with this fault fails."""

        class Contract(StepContract, SynchronousTestCase):
            def make_step(self):
                return Ask(fault)

        result = TestResult()
        TestLoader().loadTestsFromTestCase(Contract).run(result)
        return {test.id().rpartition(".")[2] for test, _ in (*result.failures, *result.errors)}

    def test_no_fault(self):
        """A step without a fault passes."""
        self.assertEqual(self.failing(""), set())

    def test_faults(self):
        """Each fault fails the test that is there for it."""
        for fault, (test, _) in WRONG.items():
            self.assertIn(test, self.failing(fault), fault)
