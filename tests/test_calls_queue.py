"""Whole calls that wait in line for a human, in memory."""

from __future__ import annotations

from typing import Any

from tests.agents import ScriptedAgent
from tests.house import PERSON, House, flow, say
from voiced.call.program import Colleague
from voiced.call.records import Ending
from voiced.call.steps.handover import Agent
from voiced.call.steps.queue import Queue
from voiced.call.steps.speech import Pause
from voiced.call.template import Template
from voiced.call.tones import WAITING
from voiced.simulator.carrier import SimulatedCall

DESK = "+14155550100"
CALLERS = ("+14155550177", "+14155550178", "+14155550179")


class QueueCase(House):
    """A house whose callers wait for a desk."""

    def lives(self, *before: Any, more: Any = None, **settings: Any) -> None:
        """After these steps they wait."""
        settings = {"retry": 10, "ring": 10, "key": "1", "message": "leave", "otherwise": "sorry"} | settings
        waiting = Queue(Template.parse(DESK), **settings)
        nodes = {
            "start": [*before, waiting],
            "leave": [say("Leave.")],
            "sorry": [say("Sorry: {queue.result} after {queue.waited}.")],
        }
        self.lives_in(flow(nodes), named=frozenset({DESK}), **(more or {}))

    def comes(self, number: int = 0) -> SimulatedCall:
        """One of the callers rings, and a second has passed."""
        call = self.ring(from_=CALLERS[number])
        self.passes(1)
        return call

    def said(self, call: SimulatedCall) -> str:
        """What was said to the caller, without the tones."""
        return "".join(char for text in self.read(call) for char in text if char.isascii() and char.isprintable())


class LineTests(QueueCase):
    """The line."""

    def test_free(self) -> None:
        """Where nobody waits and the desk is free, nothing is heard but its ringing."""
        self.carrier.callee(DESK, ring=2.0, talk=20.0)
        self.lives()
        call = self.comes()
        self.passes(30)
        self.assert_ended(call, Ending.TRANSFERRED)
        self.assertEqual(len(call.dialed), 1)

    def test_busy_then_answered(self) -> None:
        """A desk that is busy is rung again, and takes the call in the end."""
        self.carrier.callee(DESK, "busy", ring=1.0)
        self.lives()
        call = self.comes()
        self.passes(25)
        self.assertIn("You are number 1 in line.", self.said(call))
        self.assertIn(WAITING[:2000], call.heard)
        self.carrier.callee(DESK, ring=1.0, talk=20.0)
        self.passes(40)
        record = self.assert_ended(call, Ending.TRANSFERRED)
        self.assertGreater(len(call.dialed), 2)
        self.assertEqual({leg["result"] for leg in record["legs"]}, {"busy", "answered"})
        self.assertEqual(record["legs"][-1]["result"], "answered")

    def test_order(self) -> None:
        """Who came first is rung for; the second moves up when the first talks, and is told so."""
        self.carrier.callee(DESK, "busy", ring=1.0)
        self.lives(every=5)
        first, second = self.comes(0), self.comes(1)
        self.passes(20)
        self.assertIn("You are number 2 in line.", self.said(second))
        self.assertEqual((len(second.dialed), len(first.dialed) > 1), (0, True))
        self.carrier.callee(DESK, ring=1.0, talk=100.0)
        self.passes(40)
        self.assertEqual(len(second.dialed), 1, "who talks is in nobody's way")
        self.passes(150)
        for call in (first, second):
            self.assert_ended(call, Ending.TRANSFERRED)

    def test_place_is_kept_while_it_rings(self) -> None:
        """Whoever is away for a try is still first."""
        self.carrier.callee(DESK, "no-answer", ring=9.0)
        self.lives(retry=1)
        first, second = self.comes(0), self.comes(1)
        self.passes(60)
        self.assertGreater(len(first.dialed), 3)
        self.assertEqual(second.dialed, [])

    def test_hang_up(self) -> None:
        """Who gives up frees the place, in line and while it rings."""
        self.carrier.callee(DESK, "busy", ring=1.0)
        self.lives(retry=30)
        first, second, third = (self.comes(number) for number in range(3))
        self.passes(5)
        first.hang_up()
        self.passes(1.5)
        self.assertEqual((len(second.dialed), len(third.dialed)), (1, 0))
        self.carrier.callee(DESK, "no-answer", ring=9.0)
        self.passes(30.5)
        self.assertEqual(len(second.dialed), 2)
        second.hang_up()
        self.passes(20)
        self.assertEqual(len(third.dialed), 1)
        self.assert_ended(first, Ending.CALLER_HUNG_UP)
        self.assert_ended(second, Ending.CALLER_HUNG_UP)

    def test_stream_lost(self) -> None:
        """Who comes back on another stream has kept the place."""
        self.carrier.callee(DESK, "busy", ring=1.0)
        self.lives(retry=60)
        first, second = self.comes(0), self.comes(1)
        self.passes(5)
        self.carrier.drop_stream(first)
        self.passes(10)
        self.assertEqual((len(first.dialed), len(second.dialed)), (1, 0))
        self.assertEqual(self.daemon.switchboard.find(first.sid) is None, False)


class LeavingTests(QueueCase):
    """Out of the line."""

    def setUp(self) -> None:
        """The desk is busy."""
        super().setUp()
        self.carrier.callee(DESK, "busy", ring=1.0)

    def test_key(self) -> None:
        """The key leads to a message, and the place is free."""
        self.lives(retry=60)
        first, second = self.comes(0), self.comes(1)
        self.passes(5)
        first.press("1")
        self.passes(4)
        self.assertTrue(self.said(first).endswith("Leave."))
        self.assert_ended(first, Ending.COMPLETED)
        self.assertEqual(len(second.dialed), 1)

    def test_taken_out(self) -> None:
        """Whom an API client connects with somebody else does not stand in the way of the others."""
        self.carrier.callee(PERSON, ring=1.0, talk=300.0)
        self.lives(retry=20)
        first, second = self.comes(0), self.comes(1)
        self.passes(8)
        asking = self.asks("POST", f"/calls/{first.sid}/transfer", {"to": PERSON})
        self.passes(40)
        self.assertEqual(self.successResultOf(asking)[0], 202)
        self.assertEqual(second.dialed, [], "a line that is lost comes back as late as that")
        self.carrier.callee(DESK, ring=1.0, talk=10.0)
        self.passes(20)
        self.assertEqual(len(second.dialed), 1)
        self.passes(300)

    def test_time(self) -> None:
        """After `most` seconds, those while it rang among them, the flow goes elsewhere."""
        self.lives(most=25, retry=3)
        call = self.comes()
        self.passes(40)
        self.assertRegex(self.said(call), "Sorry: time after 2[5-8].$")
        self.assert_ended(call, Ending.COMPLETED)

    def test_full(self) -> None:
        """Where as many wait as may, the next one goes elsewhere at once."""
        self.lives(most_waiting=1, retry=60)
        self.comes(0)
        second = self.comes(1)
        self.passes(4)
        self.assertEqual(self.said(second), "Sorry: full after 0.")
        self.assert_ended(second, Ending.COMPLETED)

    def test_two_in_one_flow(self) -> None:
        """One line after the other: each has its own time."""
        first = Queue(Template.parse(DESK), part="first", most=12, retry=60)
        self.lives(first, most=6, retry=60)
        call = self.comes()
        self.passes(40)
        self.assertEqual([leg.numbers for leg in call.dialed], [(DESK,), (DESK,)])
        self.assertRegex(self.said(call), "Sorry: time after [67].$")

    def test_after_an_agent(self) -> None:
        """An agent before the line is no trouble, and one that follows it neither."""
        agent = ScriptedAgent(self.clock)
        self.lives(Agent("sales"), more={"agents": {"sales": Colleague(agent)}}, most=5)
        call = self.comes()
        agent.ends("handover")
        self.passes(15)
        self.assert_ended(call, Ending.COMPLETED)
        self.assertIn("Sorry: time", self.said(call))

    def test_drained(self) -> None:
        """A daemon that stops does not let callers wait on."""
        self.lives(Pause(0.1), retry=60)
        call = self.comes()
        self.passes(5)
        drained = self.daemon.drain()
        self.passes(20)
        self.successResultOf(drained)
        self.assert_ended(call, Ending.DRAINED)
