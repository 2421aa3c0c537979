"""Whole calls whose guard has to ask others first, and does not answer at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from tests.agents import ScriptedAgent
from tests.house import INITIATED, PERSON, House, flow, say
from voiced.call.program import Colleague
from voiced.call.records import Ending
from voiced.call.steps.handover import Agent, Transfer
from voiced.call.steps.queue import Queue
from voiced.call.steps.texting import Sms
from voiced.call.template import Template
from voiced.errors import Refused
from voiced.testing.fake_guard import FakeGuard

DESK = "+14155550111"
SECONDS = 0.5


class SlowGuard(FakeGuard):
    """Answers half a second later."""

    clock: Any

    def whole(self, ask: Callable[[], Any]) -> Deferred[Any]:
        """See IGuard."""
        return deferLater(self.clock, SECONDS, ask)


class AskedTests(House):
    """What a step asks of such a guard."""

    def setUp(self) -> None:
        """It is slow."""
        super().setUp()
        self.guard = SlowGuard()
        self.guard.clock = self.clock

    def kinds(self) -> list[str]:
        """What it was asked."""
        return [kind for kind, _ in self.guard.asked]

    def lives(self, *steps: Any) -> None:
        """A flow of these steps, with an agent."""
        self.agent = ScriptedAgent(self.clock)
        self.lives_in(flow({"start": [*steps]}), agents={"helper": Colleague(self.agent)})

    def test_agent(self) -> None:
        """An agent has the line when it is known how long it may."""
        self.lives(Agent("helper"))
        call = self.ring()
        self.passes(SECONDS - 0.1)
        self.assertNotIn("converse", self.kinds())
        self.passes(0.7)
        self.agent.says("Good day.")
        self.agent.ends("completed")
        self.passes(20)
        self.assert_heard(call, "Good day.")
        self.assert_ended(call, Ending.COMPLETED)

    def test_agent_refused(self) -> None:
        """An agent that may not talk has failed."""
        self.guard.refusals["converse"] = Refused("agent_minutes_per_day", "none are left")
        self.lives(Agent("helper", fallback=Template.parse("Nobody is here.")))
        call = self.ring()
        self.passes(20)
        self.assert_heard(call, "Nobody is here.")

    def test_hung_up(self) -> None:
        """Whoever hangs up meanwhile costs nothing, and nothing is counted."""
        steps = {
            "converse": Agent("helper"),
            "leg": Transfer(Template.parse(DESK)),
            "text": Sms(Template.parse("Hi")),
        }
        for step in steps.values():
            self.lives(step)
            call = self.ring()
            self.passes(SECONDS / 2)
            call.hang_up()
            self.passes(20)
            self.assert_ended(call, Ending.CALLER_HUNG_UP)
        self.assertEqual([kind for kind in self.kinds() if kind in ("converse", "leg")], [])

    def test_transfer(self) -> None:
        """The line is left when it may be; where it may not, the flow goes on."""
        self.lives(Transfer(Template.parse(DESK), fallback=Template.parse("Nobody may be called.")))
        call = self.ring()
        self.passes(3)
        self.assertIn(DESK, call.twiml[-1])
        call.hang_up()
        self.passes(20)
        self.guard.refusals["leg"] = Refused("calls_per_day", "none are left")
        refused = self.ring()
        self.passes(20)
        self.assert_heard(refused, "Nobody may be called.")

    def test_queue(self) -> None:
        """So it is in a queue."""
        self.guard.refusals["leg"] = Refused("calls_per_day", "none are left")
        self.lives(Queue(Template.parse(DESK), position=Template.parse("")), say("Nobody is there."))
        call = self.ring()
        self.passes(20)
        self.assertEqual(self.read(call)[-1:], ["Nobody is there."])

    def test_text(self) -> None:
        """A text is sent when it may be."""
        self.lives(Sms(Template.parse("Hello.")), say("It is sent."))
        call = self.ring()
        self.passes(20)
        self.assert_heard(call, "It is sent.")
        self.assertEqual([text.body for text in self.carrier.texts], ["Hello."])

    def test_placed(self) -> None:
        """A call is placed when it may be, and an API client waits for it."""
        self.lives(say("Hello."))
        asked = self.asks("POST", "/outbound-call", {"number": PERSON, "flow": "test"})
        self.passes(SECONDS / 2)
        self.assertNoResult(asked)
        self.passes(SECONDS)
        status, answer = self.successResultOf(asked)
        self.assertEqual((status, answer), (200, {**INITIATED, "callSid": answer["callSid"]}))
        self.passes(20)
        self.assertEqual(self.read(self.carrier.calls[answer["callSid"]]), ["Hello."])
