"""The step lookup, and what the caller hears meanwhile."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock, deferLater
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from tests.agents import ScriptedAgent
from tests.house import House, flow, say
from voiced.call.program import Colleague
from voiced.call.records import Ending
from voiced.call.steps.handover import Agent
from voiced.call.steps.lookup import Lookup
from voiced.call.template import Template
from voiced.call.tones import RINGING
from voiced.errors import FlowError, LookupFailed, SynthesisError
from voiced.ivoiced import ICall, ICallerLookup, Mentions, Prompt
from voiced.testing.clock import StrictClock
from voiced.testing.contracts import StepContract
from voiced.testing.fake_call import FakeCall, Said

FILLER = Template.parse("One moment, {x|please}.")


def start(step: Lookup, call: FakeCall) -> Deferred[Any]:
    """The step, running."""
    return Deferred.fromCoroutine(step.run(call))


class FillerContract(StepContract, SynchronousTestCase):
    """lookup, with a sentence."""

    def make_step(self) -> Lookup:
        """That says something."""
        return Lookup("crm", filler=FILLER, voice="rachel", into="customer")

    def make_call(self) -> FakeCall:
        """A call whose lookup never answers."""
        return FakeCall(pace=1.0, lookups={"crm": Deferred()})


class RingingContract(FillerContract):
    """lookup, with a ringing."""

    def make_step(self) -> Lookup:
        """That rings."""
        return Lookup("crm", ringing=True)


class MeanwhileTests(SynchronousTestCase):
    """What is heard while it takes its time."""

    def setUp(self) -> None:
        """A lookup that answers when the test says so."""
        self.clock = StrictClock()
        self.answer: Deferred[Mapping[str, str]] = Deferred()
        self.call = FakeCall(clock=self.clock, pace=3.0, lookups={"crm": self.answer})

    def test_filler(self) -> None:
        """The sentence is heard to its end; the answer is known as soon as it is there."""
        running = start(Lookup("crm", filler=FILLER, voice="rachel"), self.call)
        self.assertEqual(self.call.said, [Said("One moment, please.", "rachel", False)])
        self.clock.advance(1.0)
        self.answer.callback({"name": "Ann"})
        self.assertEqual(self.call.facts["party.name"], "Ann")
        self.assertNoResult(running)
        self.clock.advance(2.0)
        self.assertIsNone(self.successResultOf(running))

    def test_short_filler(self) -> None:
        """After the sentence it is waited for as long as it may take in all."""
        running = start(Lookup("crm", timeout=5.0, filler=FILLER), self.call)
        self.clock.advance(3.0)
        self.clock.advance(1.9)
        self.assertNoResult(running)
        self.clock.advance(0.1)
        self.assertIsNone(self.successResultOf(running))
        self.assertEqual(self.call.notes, ["no answer within 5 s"])

    def test_at_once(self) -> None:
        """Where the answer is there at once nothing has to be filled."""
        for step in (Lookup("crm", filler=FILLER), Lookup("crm", ringing=True)):
            call = FakeCall(lookups={"crm": {"name": "Ann"}})
            self.assertIsNone(self.successResultOf(start(step, call)))
            self.assertEqual((call.said, call.played), ([], []))

    def test_ringing(self) -> None:
        """It rings until the answer is there, without a gap, never far ahead, and is silent then."""
        running = start(Lookup("crm", timeout=60.0, ringing=True), self.call)
        self.assertEqual(len(self.call.played), 1)
        self.clock.pump([0.5] * 28)
        self.assertEqual(b"".join(self.call.played), (RINGING * 4)[: 18 * 8000])
        self.answer.callback({})
        self.assertIsNone(self.successResultOf(running))
        self.assertEqual((self.call.interrupts, self.clock.getDelayedCalls()), (1, []))

    def test_taken_out(self) -> None:
        """Whoever is taken elsewhere while it rings has silence at once."""
        running = start(Lookup("crm", timeout=60.0, ringing=True), self.call)
        running.cancel()
        self.failureResultOf(running, CancelledError)
        self.assertEqual((self.call.interrupts, self.clock.getDelayedCalls()), (1, []))

    def test_voice_fails(self) -> None:
        """A sentence that cannot be spoken is logged, and the answer is waited for all the same."""
        self.call.say = lambda *of, **how: deferLater(self.clock, 0.1, self.fails)  # type: ignore[method-assign]
        with capturedLogs() as events:
            running = start(Lookup("crm", filler=FILLER), self.call)
            self.clock.advance(0.1)
        self.assertNoResult(running)
        self.assertEqual([str(event["error"]) for event in events], ["quota"])
        self.answer.callback({"name": "Ann"})
        self.assertIsNone(self.successResultOf(running))
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def fails(self) -> Any:
        """As a voice does."""
        raise SynthesisError("quota")

    def test_hangs_up(self) -> None:
        """Whenever the caller goes, all ends."""
        for step, passed in [
            (Lookup("crm", filler=FILLER, timeout=9), 1.0),
            (Lookup("crm", filler=FILLER, timeout=9), 4.0),
            (Lookup("crm", ringing=True), 1.0),
        ]:
            call = FakeCall(clock=self.clock, pace=3.0, lookups={"crm": Deferred()})
            running = start(step, call)
            self.clock.advance(passed)
            running.cancel()
            self.failureResultOf(running, CancelledError)
            self.assertEqual(self.clock.getDelayedCalls(), [])


class LookupTests(SynchronousTestCase):
    """The rest of it."""

    def test_into(self) -> None:
        """What it knows begins as the step says."""
        call = FakeCall(lookups={"crm": {"tier": "gold"}})
        self.successResultOf(start(Lookup("crm", into="shop.customer"), call))
        self.assertEqual(call.facts["shop.customer.tier"], "gold")

    def test_other_faults(self) -> None:
        """What is no trouble of the lookup's is the flow's."""
        call = FakeCall(lookups={"crm": FlowError("no lookup is called 'crm'")})
        self.failureResultOf(start(Lookup("crm"), call), FlowError)

    def test_mentions(self) -> None:
        """What it asks, and says."""
        step = Lookup("crm", filler=Template.parse("{x} {y|}"), voice="v", into="a")
        expected = Mentions(
            lookups=("crm",), voices=("v",), prompts=(Prompt(step.filler, "v"),), reads=("x",), sets=("a.*",)
        )
        self.assertEqual(step.mentions(), expected)
        self.assertEqual(Lookup("crm").mentions(), Mentions(lookups=("crm",), sets=("party.*",)))

    def test_contradictions(self) -> None:
        """Two things cannot be heard at once, and a voice needs something to say."""
        for wrong in ({"filler": FILLER, "ringing": True}, {"voice": "v"}, {"into": "call"}, {"into": ""}):
            self.assertRaises(ValueError, Lookup, "crm", **wrong)


@implementer(ICallerLookup)
@attrs.frozen
class Slow:
    """A lookup that takes its time."""

    clock: Clock
    seconds: float

    def lookup(self, call: ICall) -> Deferred[Mapping[str, str]]:
        """See ICallerLookup."""
        if self.seconds > 10:
            return deferLater(self.clock, 0.5, self.breaks)
        return deferLater(self.clock, self.seconds, lambda: {"name": "Ann"})

    def breaks(self) -> Mapping[str, str]:
        """As some do."""
        raise LookupFailed("the CRM is down")


class LookupCalls(House):
    """Whole calls."""

    def lives(self, seconds: float, **step: Any) -> ScriptedAgent:
        """The caller is looked up before an agent, and again after it."""
        agent = ScriptedAgent(self.clock)
        nodes = {
            "start": [Lookup("crm", **step), say("Hi {party.name|you}."), Agent("sales"), Lookup("crm"), say("Bye.")]
        }
        lookups = {"crm": Slow(self.clock, seconds)}
        self.lives_in(flow(nodes), agents={"sales": Colleague(agent)}, lookups=lookups)
        return agent

    def test_ringing(self) -> None:
        """The ringing ends when the answer is there; the greeting follows at once."""
        agent = self.lives(1.5, ringing=True)
        call = self.ring()
        self.passes(2.5)
        self.assertEqual(self.read(call)[-1], "Hi Ann.")
        self.assertIn(RINGING[:8000], call.heard)
        self.passes(1)
        agent.ends()
        self.passes(4)
        self.assert_ended(call, Ending.COMPLETED)

    def test_filler(self) -> None:
        """The sentence is heard to its end, though the answer is there before."""
        self.lives(0.3, filler=FILLER)
        call = self.ring()
        self.passes(3)
        self.assert_heard(call, "One moment, please.", "Hi Ann.")

    def test_without(self) -> None:
        """A lookup that breaks keeps nobody."""
        self.lives(99.0, ringing=True)
        call = self.ring()
        self.passes(3)
        self.assertEqual(self.read(call)[-1], "Hi you.")

    def test_stopped(self) -> None:
        """A daemon that stops does not wait until a long ringing is over."""
        self.lives(10.0, ringing=True, timeout=60.0)
        call = self.ring()
        self.passes(1)
        drained = self.daemon.drain()
        self.passes(6)
        self.successResultOf(drained)
        self.assert_ended(call, Ending.DRAINED)

    def test_hangs_up(self) -> None:
        """Who hangs up meanwhile leaves nothing behind."""
        self.lives(1.5, ringing=True)
        call = self.ring()
        self.passes(0.7)
        call.hang_up()
        self.passes(1)
        self.assert_ended(call, Ending.CALLER_HUNG_UP)
