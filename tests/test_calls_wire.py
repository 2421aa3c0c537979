"""What the journal keeps of the wires of a call, where it keeps them: enough for a replay, and nothing private."""

from __future__ import annotations

from typing import Any

import attrs
import msgspec
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from tests.agents import FakeTool, ScriptedAgent
from tests.house import House, flow, say
from voiced.call.privacy import Privacy
from voiced.call.program import Colleague
from voiced.call.records import Ending
from voiced.call.steps.digits import Gather
from voiced.call.steps.handover import Agent
from voiced.call.steps.lookup import Lookup
from voiced.call.template import Template
from voiced.call.wire import MOST_EVENTS, Wire
from voiced.errors import LookupFailed
from voiced.ivoiced import ICall, ICallerLookup, IStep, Mentions, ToolResult, Who


@implementer(IStep)
class Secretive(msgspec.Struct, frozen=True):
    """Asks for a key that nobody may know, and throws the dice."""

    private: bool = True

    def mentions(self) -> Mentions:
        """The fact."""
        return Mentions(sets=("pin",))

    async def run(self, call: ICall) -> None:
        """Ask."""
        call.private.add("pin")
        call.facts["pin"] = (await call.listen(10) or "") * 3
        call.chance()


@implementer(ICallerLookup)
@attrs.frozen
class Known:
    """Knows this of everybody."""

    answer: Any

    def lookup(self, call: ICall) -> Deferred[Any]:
        """See ICallerLookup."""
        return fail(self.answer) if isinstance(self.answer, Exception) else succeed(self.answer)


class WireTests(SynchronousTestCase):
    """voiced.call.wire."""

    def test_kept(self) -> None:
        """Events have their time; texts are hidden, wherever they are."""
        clock = Clock()
        wire = Wire(clock, True, lambda text: text.replace("4711", "••••"))
        clock.advance(5)
        wire.note("tool", arguments={"pin": "4711", "all": ["4711", 1, None]})
        wire.note("line", 3.0, text="no")
        self.assertEqual(
            [(event.at, event.what, dict(event.about)) for event in wire.events],
            [(5.0, "tool", {"arguments": {"pin": "••••", "all": ["••••", 1, None]}}), (3.0, "line", {"text": "no"})],
        )

    def test_answered(self) -> None:
        """What is answered late has how late that was; when it was asked is known meanwhile."""
        clock, asked, at_once = Clock(), Deferred[str](), succeed("y")
        wire = Wire(clock, True, str)
        for question in (asked, at_once):
            wire.answered("lookup", question, lambda known: {"known": known})
        clock.advance(2)
        asked.callback("x")
        self.assertEqual([event.about for event in wire.events], [{"known": "y"}, {"known": "x", "took": 2.0}])
        self.assertEqual(wire.asked, {"lookup": [0.0, 0.0]})

    def test_not_kept(self) -> None:
        """Nothing, unless it is wanted; and what is asked is what was asked."""
        wire, asked = Wire(Clock(), False, str), succeed("x")
        wire.note("key", key="1")
        self.assertIs(wire.answered("lookup", asked, dict), asked)
        self.assertEqual(wire.events, [])

    def test_bounded(self) -> None:
        """No more than anybody would read."""
        wire = Wire(Clock(), True, str)
        for _ in range(MOST_EVENTS + 1):
            wire.note("key", key="1")
        self.assertEqual(len(wire.events), MOST_EVENTS)


class WiredCallTests(House):
    """Whole calls, with `journal: wire`."""

    def events(self, ringing: Any, ending: Ending = Ending.COMPLETED) -> list[tuple[Any, ...]]:
        """What was kept of the call, without times and how long it took."""
        wire = self.assert_ended(ringing, ending)["wire"]
        self.assertEqual([event["at"] for event in wire], sorted(event["at"] for event in wire))
        return [tuple(value for name, value in event.items() if name not in ("at", "took")) for event in wire]

    def test_what_is_kept(self) -> None:
        """Keys, what was said and how much of it was heard, answers, dice; not what is private."""
        steps = [
            Lookup("crm"),
            Lookup("gone"),
            say("Hi {party.name}."),
            Secretive(),
            say("It is {pin}, {call.party}."),
        ]
        lookups = {"crm": Known({"name": "Ann"}), "gone": Known(LookupFailed("no"))}
        self.lives_in(flow({"a": steps}), keeps_wire=True, lookups=lookups, chance=lambda: 0.25)
        ringing = self.ring()
        self.passes(0.1)
        ringing.press("5")
        self.passes(30)
        self.assertEqual(
            self.events(ringing),
            [
                ("stream",),
                ("lookup", "crm", {"name": "Ann"}),
                ("lookup", "gone", "no"),
                ("key", ""),
                ("spoken", "Hi Ann.", "test", 0.1, 0.46, True),
                ("chance", 0.25),
                ("spoken", "It is •••, +14•••••••00.", "test", 1.3, 1.3, False),
            ],
        )

    def test_private_key(self) -> None:
        """A key that is pressed in a step that is private is not kept."""
        self.lives_in(flow({"a": [Secretive(), say("Thanks.")]}), keeps_wire=True)
        ringing = self.ring()
        self.passes(1)
        ringing.press("5")
        self.passes(30)
        self.assertEqual([event for event in self.events(ringing) if event[0] == "key"], [("key", "")])

    def test_typed_ahead(self) -> None:
        """Keys of a private step are hidden, typed ahead or not; of a number that follows, only its own are shown."""
        pin = Gather(Template.parse("PIN?"), "pin", digits=4, private=True)
        again = Gather(Template.parse("Again?"), "pin", digits=4, private=True)
        spoken = say("{pin:number} {pin:digits} {pin}", interruptible=False)
        said = say("4711, +1 (415) 555-0100, %2B14155550100, 14711", interruptible=False)
        self.lives_in(flow({"a": [say("Hello.", interruptible=False), pin, again, spoken, said]}), keeps_wire=True)
        ringing = self.ring()
        self.passes(0.1)
        ringing.press("47118150")
        self.passes(60)
        events = self.events(ringing)
        self.assertEqual([event[1] for event in events if event[0] == "key"], [""] * 8)
        texts = [event[1] for event in events if event[0] == "spoken"]
        self.assertEqual(texts[-2], "•••• •••• ••••")
        self.assertEqual(texts[-1], "••••, +14•••••••00, +14•••••••00, 14711")

    def test_agent(self) -> None:
        """What an agent and the caller said, what its tools answered, how it ended."""
        agent, tool = ScriptedAgent(self.clock), FakeTool(ToolResult("Booked."))
        colleague = Colleague(agent, {"book": tool})
        self.lives_in(flow({"a": [Agent("desk")]}), keeps_wire=True, agents={"desk": colleague})
        ringing = self.ring()
        self.passes(1)
        agent.line.said(Who.CALLER, "A table.")
        agent.brief.tools.use("book", {"people": 2})
        agent.ends("handover", table="4")
        self.passes(30)
        self.assertEqual(
            self.events(ringing),
            [
                ("stream",),
                ("agent", "desk"),
                ("tool", "book", {"people": 2}, "Booked.", False),
                ("line", "caller", "A table."),
                ("outcome", "handover", {"table": "4"}, ""),
            ],
        )

    def test_line(self) -> None:
        """A line that was lost, and one that was hung up."""
        self.lives_in(flow({"a": [say("Hello there, how do you do?")]}), keeps_wire=True)
        ringing = self.ring()
        self.passes(0.5)
        self.carrier.drop_stream(ringing)
        self.passes(0.5)
        ringing.hang_up()
        self.passes(5)
        events = self.events(ringing, Ending.CALLER_HUNG_UP)
        self.assertEqual([event[0] for event in events if event[0] != "spoken"], ["stream", "lost", "stream", "gone"])
        self.assertEqual(events[-1], ("spoken", "Hello there, how do you do?", "test", "cut off"))

    def test_off(self) -> None:
        """It is not there, unless it is wanted."""
        self.lives_in(flow({"a": [say("Hello.")]}))
        ringing = self.ring()
        self.passes(5)
        self.assertNotIn("wire", self.assert_ended(ringing, Ending.COMPLETED))

    def test_not_in_the_store(self) -> None:
        """What the API shows of past calls is without it."""
        self.lives_in(flow({"a": [say("Hello.")]}), keeps_wire=True, privacy=Privacy.OPEN)
        ringing = self.ring()
        self.passes(5)
        self.assertTrue(self.events(ringing))
        self.assertNotIn("wire", self.successResultOf(self.kept.find(ringing.sid)))
