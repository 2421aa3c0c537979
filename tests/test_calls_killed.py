"""Whole calls whose daemon is killed, without a goodbye, and whose next daemon goes on with them."""

from __future__ import annotations

from typing import Any
from zlib import crc32

import attrs
import msgspec
from sqlalchemy import select
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.task import deferLater
from zope.interface import implementer

from tests.agents import ScriptedAgent
from tests.house import NUMBER, PARTY, PERSON, House, flow, say
from tests.mortal import Backlog, Mortal, MortalClock
from voiced.call.arriving import AT_ONCE
from voiced.call.flow import Flow, Resume
from voiced.call.optout import OptOut
from voiced.call.program import Colleague
from voiced.call.records import Departure, Ending
from voiced.call.steps.calling import Call
from voiced.call.steps.digits import Gather, Menu
from voiced.call.steps.handover import Agent, Transfer
from voiced.call.steps.queue import Queue
from voiced.call.steps.sharing import Limit
from voiced.call.steps.speech import Pause, Play
from voiced.call.template import Template
from voiced.daemon import Daemon
from voiced.istanding import LegStanding
from voiced.ivoiced import Brief, Dial, IAgent, ICall, ILine, IStep, Mentions, Outcome, Who
from voiced.simulator.carrier import SimulatedCall
from voiced.store.database import Database
from voiced.store.kept import KeptCalls
from voiced.store.schema import LIVE
from voiced.store.standings import Standings
from voiced.testing.fake_guard import FakeGuard
from voiced.testing.fakes import spell

ALPHABET = "abcdefghijklmnopqrstuvwxyz"
DESK = "+14155550111"


@implementer(IStep)
@attrs.frozen
class Slow:
    """A step that takes five seconds, with a line or without."""

    def mentions(self) -> Mentions:
        """Nothing."""
        return Mentions()

    async def run(self, call: ICall) -> None:
        """Wait."""
        await deferLater(call.clock, 5.0)


def resuming(made: Flow, resume: Resume) -> Flow:
    """The same flow, with steps that all go on so."""
    return attrs.evolve(
        made,
        nodes={
            node: tuple(attrs.evolve(placed, resume=resume) for placed in steps) for node, steps in made.nodes.items()
        },
    )


class KilledHouse(House):
    """Daemons that are killed: `self.dies()`, and `self.rises()` makes the next one on the same disk."""

    def setUp(self) -> None:
        """A disk."""
        super().setUp()
        self.mortal: MortalClock | None = None
        self.backlog = Backlog()
        database = Database(None, maybeDeferred)
        self.standings = Standings(database, b"pepper")
        self.kept: Any = KeptCalls(database, self.clock)

    def moves_in(self, program: Any, **limits: Any) -> Daemon:
        """Start a daemon that may be killed."""
        real = self.clock, self.journal, self.kept
        self.mortal = clock = MortalClock(self.clock)
        self.guard = FakeGuard()
        self.clock, self.journal, self.kept = clock, Mortal(self.journal, clock), Mortal(self.kept, clock)  # type: ignore[assignment]
        self.program, self.limits = program, limits
        try:
            daemon = super().moves_in(program, standings=Mortal(self.standings, clock), **limits)
        finally:
            self.clock, self.journal, self.kept = real
        self.backlog.hand_over(self.network._ports["daemon"].factory)
        return daemon

    def dies(self) -> None:
        """kill -9."""
        assert self.mortal is not None
        self.mortal.die()
        self.network.cut("daemon")
        self.network.forget("daemon")
        self.backlog = Backlog()
        self.network.listen("daemon", self.backlog)
        self.passes(0)

    def rises(self, after: float = 1.0) -> Daemon:
        """The next daemon, so many seconds later."""
        self.passes(after)
        daemon = self.moves_in(self.program, **self.limits)
        daemon.compare()
        self.passes(0)
        return daemon

    def killed(self, after: float = 1.0) -> Daemon:
        """kill -9, and the next one."""
        self.dies()
        return self.rises(after)

    def live(self) -> list[str]:
        """The calls whose rows are on the disk."""
        return [standing.name for standing in self.standings.load().standings]

    def whole(self, call: SimulatedCall, text: str) -> str:
        """What the caller has heard, put together where it was cut; has all of the text."""
        first, rest = self.read(call)[:2]
        overlap = max(n for n in range(len(rest) + 1) if first.endswith(rest[:n]))
        self.assertEqual(first + rest[overlap:], text)
        return rest

    def keep(self, standing: Any, **changes: Any) -> None:
        """Write this over what is on the disk."""
        changed = msgspec.structs.replace(standing, **changes)
        self.successResultOf(self.standings.keep({standing.name: changed}, ()))

    def name_of(self, audio: bytes) -> str:
        """What a sound is called while it is played."""
        return f"\0{crc32(audio):08x}"

    def step(self) -> None:
        """The next thing happens."""
        self.clock.calls.sort(key=lambda call: call.getTime())
        self.clock.advance(max(0.0, self.clock.calls[0].getTime() - self.clock.seconds()))

    def passes_to_disk(self) -> None:
        """What is known is kept, and nothing else happens."""
        assert self.daemon._book is not None
        self.daemon._book._write()


class SayTests(KilledHouse):
    """In the middle of a sentence, or of a sound."""

    def test_goes_on(self) -> None:
        """A sentence goes on where it was heard, at a word's beginning; then the flow does; there is one record."""
        self.lives_in(flow({"a": [say(ALPHABET), say("Goodbye.")]}))
        call = self.ring()
        self.passes(0.7)
        self.killed()
        self.passes(10)
        rest = self.whole(call, ALPHABET)
        self.assertLess(len(rest), 20)
        self.assertEqual(self.read(call)[2:], ["Goodbye."])
        line = self.assert_ended(call, Ending.COMPLETED)
        self.assertEqual([step["result"] for step in line["steps"]], ["killed", "done", "done"])
        self.assertEqual((line["streams"], self.live()), (2, []))
        self.assertEqual([each["event"] for each in self.journal.lines], ["began", "ended"])

    def test_sound(self) -> None:
        """So does a sound."""
        made = flow({"a": [Play("x.wav")]}, sounds={"x.wav": spell(ALPHABET)})
        self.lives_in(made)
        call = self.ring()
        self.passes(0.7)
        self.killed()
        self.passes(10)
        self.assertLess(len(self.whole(call, ALPHABET)), 20)
        self.assert_ended(call, Ending.COMPLETED)

    def test_restart(self) -> None:
        """`resume: restart` says all of it again."""
        self.lives_in(resuming(flow({"a": [say(ALPHABET)]}), Resume.RESTART))
        call = self.ring()
        self.passes(0.7)
        self.killed()
        self.passes(10)
        self.assertEqual(self.read(call)[1], ALPHABET)
        self.assert_ended(call, Ending.COMPLETED)

    def test_on_error(self) -> None:
        """`resume: on_error` does not run the step twice."""
        made = flow({"a": [say(ALPHABET)], "sorry": [say("Sorry.")]}, on_error="sorry")
        self.lives_in(resuming(made, Resume.ON_ERROR))
        call = self.ring()
        self.passes(0.7)
        self.killed()
        self.passes(10)
        self.assertEqual(self.read(call)[1:], ["Sorry."])
        line = self.assert_ended(call, Ending.COMPLETED)
        self.assertIn("resume: on_error", line["faults"][0])

    def test_twice(self) -> None:
        """A daemon that is killed twice in one sentence: the caller hears all of it."""
        self.lives_in(flow({"a": [say(ALPHABET * 2)]}))
        call = self.ring()
        self.passes(0.7)
        self.killed()
        self.passes(1.0)
        self.killed()
        self.passes(10)
        one, two, three = self.read(call)
        self.assertIn(two[:1], one)
        both = one + two[max(n for n in range(len(two) + 1) if one.endswith(two[:n])) :]
        self.assertEqual(
            both + three[max(n for n in range(len(three) + 1) if both.endswith(three[:n])) :], ALPHABET * 2
        )
        self.assertEqual(self.assert_ended(call, Ending.COMPLETED)["streams"], 3)

    def test_another_text(self) -> None:
        """A sentence that is another one by now is said from its beginning."""
        self.lives_in(flow({"a": [say(ALPHABET)]}))
        call = self.ring()
        self.passes(0.7)
        self.dies()
        self.program = attrs.evolve(self.program, flows={"test": flow({"a": [say("Welcome back.")]})})
        self.rises()
        self.passes(10)
        self.assertEqual(self.read(call)[1], "Welcome back.")

    def test_shorter_by_now(self) -> None:
        """A voice that says it faster than before says its end, and nobody waits for ever."""
        self.lives_in(flow({"a": [Play("x.wav"), say("Goodbye.")]}, sounds={"x.wav": spell(ALPHABET)}))
        call = self.ring()
        self.passes(1.0)
        self.dies()
        left = self.standings.load().standings[0]
        assert left.left_off is not None
        short = attrs.evolve(self.program.flows["test"], sounds={"x.wav": spell("abc")})
        name = self.name_of(spell("abc"))
        self.keep(left, left_off=type(left.left_off)(name, left.left_off.heard))
        self.program = attrs.evolve(self.program, flows={"test": short})
        self.rises()
        self.passes(10)
        self.assertEqual(self.read(call)[-1], "Goodbye.")
        self.assert_ended(call, Ending.COMPLETED)


class StepTests(KilledHouse):
    """In other steps."""

    def test_menu(self) -> None:
        """A menu that waits for a key asks again, and takes one."""
        ask = Menu(Template.parse("Press 1."), {"1": "one"}, timeout=5, otherwise="none")
        self.lives_in(flow({"a": [ask], "one": [say("One.")], "none": [say("None.")]}))
        call = self.ring()
        self.passes(2)
        self.killed()
        self.passes(1)
        call.press("1")
        self.passes(10)
        self.assert_heard(call, "Press 1.", "Press 1.", "One.")

    def test_gather(self) -> None:
        """So does a step that gathers digits; what was gathered before, and is private, is not in the clear."""
        first = Gather(Template.parse("Pin."), "pin", digits=4, private=True)
        second = Gather(Template.parse("Room."), "room", digits=2)
        self.lives_in(flow({"a": [first, second, say("{room}."), say("{pin}.")]}))
        call = self.ring()
        self.passes(1)
        call.press("4711")
        self.passes(1)
        call.press("1")
        self.killed()
        self.passes(1)
        call.press("23")
        self.passes(10)
        self.assertEqual(self.read(call)[-2:], ["23.", "4711."])
        self.assertNotIn("4711", str(self.journal.lines))

    def gathering(self, resume: Resume = Resume.CONTINUE, **more: Any) -> SimulatedCall:
        """A caller has pressed six digits of eight, which are private, and half a second has passed."""
        pin = Gather(Template.parse("Pin."), "pin", digits=8, private=True, **more)
        self.lives_in(resuming(flow({"a": [pin, say("{pin}.")]}), resume))
        call = self.ring()
        self.passes(1)
        call.press("471193")
        self.passes(0.5)
        return call

    def test_gather_goes_on(self) -> None:
        """Digits that were gathered count, and skip the prompt; they stand in the clear nowhere."""
        call = self.gathering()
        self.assertEqual(self.standings.load().standings[0].keys, "471193")
        with self.standings._database._engine.connect() as connection:
            rows = connection.execute(select(LIVE.c.standing)).scalars().all()
        self.assertEqual([b"471193" in sealed for sealed in rows], [False])
        self.killed()
        self.passes(1)
        call.press("05")
        self.passes(10)
        self.assert_heard(call, "Pin.", "47119305.")
        self.assertNotIn("471193", str(self.journal.lines))

    def test_gather_with_a_terminator(self) -> None:
        """So they do twice, and with the key that ends them."""
        room = Gather(Template.parse("Room."), "room", most=8)
        self.lives_in(flow({"a": [room, say("{room}.")]}))
        call = self.ring()
        self.passes(1)
        for keys in ("1", "2"):
            call.press(keys)
            self.passes(0.5)
            self.killed()
            self.passes(0.5)
        call.press("3#")
        self.passes(10)
        self.assert_heard(call, "Room.", "123.")

    def test_gather_again(self) -> None:
        """Of a number that was wrong nothing is left."""
        invalid = Template.parse("Again.")
        call = self.gathering(invalid=invalid, between=1.0)
        self.passes(3)
        call.press("11")
        self.passes(0.5)
        self.killed()
        self.passes(0.5)
        call.press("223344")
        self.passes(10)
        self.assertEqual(self.read(call)[-1], "11223344.")

    def test_gather_waited_in_vain(self) -> None:
        """Nor where nothing is said of it, and nobody has pressed anything since."""
        self.gathering(between=1.0, retries=5, timeout=20.0)
        self.assertEqual(self.standings.load().standings[0].keys, "471193")
        self.passes(4)
        self.assertEqual(self.standings.load().standings[0].keys, "")

    def test_gather_anew(self) -> None:
        """`resume: restart` asks anew, for all of it."""
        call = self.gathering(Resume.RESTART)
        self.killed()
        self.passes(2)
        call.press("12345678")
        self.passes(10)
        self.assert_heard(call, "Pin.", "Pin.", "12345678.")

    def test_typed_ahead(self) -> None:
        """Keys that wait for the next step are there for it; those that a step has used are not."""
        first = Menu(Template.parse("Press 1."), {"1": "b"}, timeout=5)
        hold = Play("x.wav", interruptible=False)
        second = Gather(Template.parse("Room."), "room", digits=2)
        made = flow({"a": [first], "b": [hold, second, say("{room}.")]}, sounds={"x.wav": spell(ALPHABET)})
        self.lives_in(made)
        call = self.ring()
        self.passes(1)
        call.press("14")
        self.passes(0.5)
        self.assertEqual(self.standings.load().standings[0].keys, "4")
        self.killed()
        call.press("2")
        self.passes(10)
        self.assertTrue(self.read(call)[-1].endswith("42."))

    def test_another_step_by_now(self) -> None:
        """Keys for a step that is not there any more are for no other."""
        inner = flow({"x": [Gather(Template.parse("Room."), "room", digits=2)]}, name="inner")
        self.lives_in(flow({"a": [Call("inner", {}), say("Back.")]}), inner)
        call = self.ring()
        self.passes(1)
        call.press("4")
        self.passes(0.5)
        self.dies()
        other = flow({"x": [Gather(Template.parse("Age."), "age", digits=1)]}, name="inner")
        self.program = attrs.evolve(self.program, flows={**self.program.flows, "inner": other})
        self.keep(self.standings.load().standings[0], position=[("test", "a", 0), ("inner", "x", 5)])
        self.rises()
        self.passes(2)
        self.assertEqual(self.read(call)[-1], "Age.")

    def test_pause(self) -> None:
        """What says nothing begins again."""
        self.lives_in(flow({"a": [Pause(2), say("Here.")]}))
        call = self.ring()
        self.passes(1)
        self.killed()
        self.passes(10)
        self.assert_heard(call, "Here.")
        self.assert_ended(call, Ending.COMPLETED)

    def test_sub_flow(self) -> None:
        """In a flow that another one has called: with its arguments, and back to the other."""
        inner = flow({"x": [say("Dear {argument.name}."), say(ALPHABET)]}, name="inner")
        outer = flow({"a": [Call("inner", {"name": Template.parse("Ann")}), say("Back {argument.name|here}.")]})
        self.lives_in(outer, inner)
        call = self.ring()
        self.passes(1.5)
        self.killed()
        self.passes(10)
        self.assertEqual(self.read(call)[0], "Dear Ann.")
        self.assertEqual(self.read(call)[-1], "Back here.")
        self.assertEqual(self.assert_ended(call, Ending.COMPLETED)["facts"], {})

    def test_sub_flow_gone(self) -> None:
        """In a flow that is not there any more: the one that called it goes on, and says that it cannot."""
        inner = flow({"x": [say(ALPHABET)]}, name="inner")
        outer = flow({"a": [Call("inner", {}), say("Back.")], "sorry": [say("Sorry.")]}, on_error="sorry")
        self.lives_in(outer, inner)
        call = self.ring()
        self.passes(0.7)
        self.dies()
        self.program = attrs.evolve(self.program, flows={"test": outer})
        self.rises()
        self.passes(10)
        self.assertEqual(self.read(call)[-1], "Sorry.")
        self.assertIn("changed", self.assert_ended(call, Ending.COMPLETED)["faults"][0])

    def test_step_gone(self) -> None:
        """In a node that has fewer steps now: the flow that called it calls it anew."""
        inner = flow({"x": [say("One."), say("Two."), say(ALPHABET)]}, name="inner")
        self.lives_in(flow({"a": [Call("inner", {}), say("Back.")]}), inner)
        call = self.ring()
        self.passes(1.2)
        self.dies()
        fewer = flow({"x": [say("Uno.")]}, name="inner")
        self.program = attrs.evolve(self.program, flows={**self.program.flows, "inner": fewer})
        self.rises()
        self.passes(10)
        *before, again, back = self.read(call)
        self.assertTrue(before[-1].startswith("a"), before)
        self.assertEqual((again, back), ("Uno.", "Back."))
        self.assertIn("changed", self.assert_ended(call, Ending.COMPLETED)["faults"][0])

    def test_flow_gone(self) -> None:
        """In a flow that is not there any more at all: the caller is told, and it ends as failed."""
        self.lives_in(flow({"a": [say(ALPHABET)]}))
        call = self.ring()
        self.passes(0.7)
        self.dies()
        self.program = attrs.evolve(self.program, flows={"other": flow({"a": [say("x")]}, name="other")})
        self.rises()
        self.passes(30)
        self.assertEqual(call.said, [self.program.apology])
        self.assertIn("'test' is not there", self.assert_ended(call, Ending.FAILED)["faults"][-1])

    def test_limit(self) -> None:
        """A place in a part of the flows is kept, and given back at the end."""
        full = [Limit("desk", 1, "full"), say(ALPHABET)]
        self.lives_in(flow({"a": full, "full": [say("Full.")]}))
        call = self.ring()
        self.passes(0.7)
        self.killed()
        other = self.ring(from_="+14155550101")
        self.passes(1)
        self.assert_heard(other, "Full.")
        self.passes(10)
        another = self.ring(from_="+14155550102")
        self.passes(0.5)
        self.assertTrue(self.read(another)[0].startswith("abc"))
        self.assert_ended(call, Ending.COMPLETED)

    def test_queue(self) -> None:
        """Callers in line keep their order, and whoever is away too long does not keep the others waiting."""
        self.carrier.callee(DESK, "busy", ring=3.0)
        waiting = Queue(Template.parse(DESK), retry=10, ring=10, key="1", message="leave")
        self.lives_in(flow({"a": [waiting], "leave": [say("Leave.")]}), named=frozenset({DESK}))
        callers = [self.ring(from_=f"+1415555010{n}") for n in range(3) if self.passes(0.5) is None]
        self.passes(5)
        self.killed()
        self.passes(1)
        parts = self.daemon._parts
        self.assertEqual([parts.enter(f"queue {DESK}", call.sid) for call in callers], [1, 2, 3])
        callers[0].press("1")
        self.passes(3)
        self.assertEqual([parts.enter(f"queue {DESK}", call.sid) for call in callers[1:]], [1, 2])

    def test_queue_while_the_desk_talks(self) -> None:
        """Whoever was first in line, and talks, does not keep the others waiting."""
        self.carrier.callee(DESK, ring=2.0, talk=60.0)
        self.lives_in(flow({"a": [Queue(Template.parse(DESK), ring=10)]}), named=frozenset({DESK}))
        call = self.ring()
        self.passes(1.5)
        self.killed()
        self.assertEqual(len(self.daemon._parts), 1)
        self.passes(25)
        self.assertEqual((len(self.daemon._parts), len(self.daemon.switchboard)), (0, 1))
        self.passes(60)
        self.assert_ended(call, Ending.TRANSFERRED)


class RestartTests(KilledHouse):
    """A daemon that leaves its calls to the next one on purpose."""

    def restarted(self) -> Daemon:
        """It leaves, and the next one comes."""
        leaving = Deferred.fromCoroutine(self.daemon.leave(self.daemon.kept))
        self.passes(0)
        self.successResultOf(leaving)
        return self.killed()

    def test_goes_on(self) -> None:
        """The call goes on, and its record says that the daemon was restarted, not killed."""
        self.lives_in(flow({"a": [say(ALPHABET)]}))
        call = self.ring()
        self.passes(0.7)
        self.assertEqual(self.restarted().outlived, 0)
        self.passes(10)
        self.whole(call, ALPHABET)
        line = self.assert_ended(call, Ending.COMPLETED)
        self.assertEqual([step["result"] for step in line["steps"]], ["restarted", "done"])

    def test_on_error(self) -> None:
        """So does the fault of a step that is not run twice."""
        made = flow({"a": [say(ALPHABET)], "sorry": [say("Sorry.")]}, on_error="sorry")
        self.lives_in(resuming(made, Resume.ON_ERROR))
        call = self.ring()
        self.passes(0.7)
        self.restarted()
        self.passes(10)
        self.assertIn("the daemon was restarted in this step", self.assert_ended(call, Ending.COMPLETED)["faults"][0])

    def test_killed_after_that(self) -> None:
        """Who is killed after a restart was killed."""
        self.lives_in(flow({"a": [say(ALPHABET * 2)]}))
        call = self.ring()
        self.passes(0.7)
        self.restarted()
        self.passes(1)
        self.assertEqual(self.killed().outlived, 1)
        self.passes(10)
        line = self.assert_ended(call, Ending.COMPLETED)
        self.assertEqual([step["result"] for step in line["steps"]], ["restarted", "killed", "done"])

    def test_calls_meanwhile(self) -> None:
        """A call that begins while all is written down is written down, too, and goes on with the next daemon."""
        self.lives_in(flow({"a": [say(ALPHABET)]}))
        asked: list[Deferred[None]] = []

        def written() -> Deferred[None]:
            asked.append(Deferred())
            return asked[-1]

        leaving = Deferred.fromCoroutine(self.daemon.leave(written))
        call = self.ring()
        asked[0].callback(None)
        self.assertNoResult(leaving)
        self.passes(0.1)
        asked[1].callback(None)
        self.successResultOf(leaving)
        self.assertEqual(len(asked), 2)
        self.assertEqual([each.departure for each in self.standings.load().standings], [Departure.RESTARTED])
        self.killed()
        self.passes(10)
        self.assertEqual(self.whole(call, ALPHABET)[-1], "z")
        self.assert_ended(call, Ending.COMPLETED)


@implementer(IAgent)
@attrs.define
class Crowd:
    """Every agent of a crowd; each is there when it is told."""

    notices_interruptions = True
    lines: list[ILine] = attrs.field(factory=list)

    def converse(self, line: ILine, call: ICall, brief: Brief) -> Deferred[Outcome]:
        """See IAgent."""
        self.lines.append(line)
        return Deferred()


class CrowdTests(KilledHouse):
    """Many agents that come back at once."""

    def begins(self, crowd: Crowd, calls: int) -> list[SimulatedCall]:
        """So many calls have agents, and the daemon is killed."""
        self.lives_in(
            flow({"a": [Agent("helper"), say("Goodbye.")], "sorry": [say("Sorry.")]}, on_error="sorry"),
            agents={"helper": Colleague(crowd)},
            most_calls=100,
        )
        ringing = [self.ring(from_=f"+1415555{number:04d}") for number in range(calls)]
        self.passes(0.1)
        for line in crowd.lines:
            line.ready()
        self.passes(0.5)
        crowd.lines.clear()
        self.killed()
        self.passes(0.5)
        return ringing

    def test_turns(self) -> None:
        """So many are asked at once; the next when one of them is there, or will not be. Each has all its time."""
        crowd = Crowd()
        calls = self.begins(crowd, AT_ONCE + 3)
        self.assertEqual(len(crowd.lines), AT_ONCE)
        crowd.lines[0].ready()
        self.assertEqual(len(crowd.lines), AT_ONCE + 1)
        calls[1].hang_up()
        self.passes(0.1)
        self.assertEqual(len(crowd.lines), AT_ONCE + 2)
        self.passes(1.9)  # those of the first turn have had their two seconds, and are late
        self.assertEqual(len(crowd.lines), AT_ONCE + 3)
        crowd.lines[-1].ready()
        self.passes(1.0)
        self.assertEqual(crowd.lines[-1].record.outcome, "")  # type: ignore[attr-defined]

    def test_gone_before(self) -> None:
        """Who hangs up in line has taken nothing: neither a turn nor minutes of an agent."""
        crowd = Crowd()
        calls = self.begins(crowd, AT_ONCE + 2)
        calls[-1].hang_up()
        self.passes(0.1)
        crowd.lines[0].ready()
        crowd.lines[1].ready()
        self.assertEqual(len(crowd.lines), AT_ONCE + 1)
        self.assertEqual(len([permit for permit in self.guard.held if permit.kind == "converse"]), AT_ONCE + 1)


class OptOutTests(KilledHouse):
    """A human who does not want to be called any more."""

    def test_confirmed(self) -> None:
        """Killed while that is confirmed: it is confirmed in the flow's own words, and nothing else is said."""
        confirm = Template.parse("You are off our list for good.")
        self.lives_in(flow({"a": [say(ALPHABET), say("More.")]}, opt_out=OptOut(key="9", confirm=confirm)))
        call = self.ring()
        self.passes(0.5)
        call.press("9")
        self.passes(0.7)
        self.killed()
        self.passes(20)
        self.assertEqual(self.read(call)[-1][-len("for good.") :], "for good.")
        self.assertNotIn("More.", self.read(call))
        line = self.assert_ended(call, Ending.COMPLETED)
        self.assertEqual(line["opted_out"]["how"], "key")


class AgentTests(KilledHouse):
    """While an agent talks."""

    def begins(self, resume: Resume = Resume.CONTINUE) -> SimulatedCall:
        """A caller has talked with an agent, and the daemon is killed."""
        self.agent = ScriptedAgent(self.clock)
        self.lives_in(
            resuming(flow({"a": [Agent("helper"), say("Goodbye.")]}), resume),
            agents={"helper": Colleague(self.agent)},
        )
        call = self.ring()
        self.passes(0.5)
        self.agent.line.said(Who.CALLER, "My name is Ann.")
        self.agent.says("Hello Ann.")
        self.passes(2)
        return call

    def killed(self, after: float = 1.0) -> Daemon:
        """The next daemon's agent knows nothing of the one before."""
        self.dies()
        self.agent.cancelled = 0
        return self.rises(after)

    def test_comes_back(self) -> None:
        """It comes back with what was said before, however often, and the conversation ends as any other."""
        call = self.begins()
        self.killed()
        self.passes(1)
        said = [(line.who, line.text) for line in self.agent.brief.so_far]
        self.assertEqual(said, [("caller", "My name is Ann."), ("agent", "Hello Ann.")])
        self.assertTrue(self.agent.brief.comes_back)
        self.agent.says("Where were we?")
        self.passes(2)
        self.killed()
        self.passes(1)
        self.assertEqual([line.text for line in self.agent.brief.so_far][2:], ["Where were we?"])
        self.agent.ends()
        self.passes(10)
        line = self.assert_ended(call, Ending.COMPLETED)
        self.assertEqual([agent["outcome"] for agent in line["agents"]], ["killed", "killed", "completed"])
        self.assertEqual(self.read(call)[-1], "Goodbye.")

    def test_minutes(self) -> None:
        """The minutes that were set aside for it are there again, but for those that it has talked."""
        self.begins()
        left = self.standings.load().standings[0]
        assert left.granted is not None
        self.killed()
        granted, since = left.granted
        asked = [what for kind, what in self.guard.asked if kind == "conversed"]
        self.assertEqual(asked, [(left.name, granted, since, left.at)])
        self.assertEqual((granted, left.at > since), (14400, True))
        self.agent.ends()
        self.passes(0.1)
        self.assertIsNone(self.standings.load().standings[0].granted)

    def test_another_before(self) -> None:
        """What was said with another agent before, is not for this one."""
        self.agent = ScriptedAgent(self.clock)
        steps = [Agent("first"), Agent("second")]
        self.lives_in(flow({"a": steps}), agents={"first": Colleague(self.agent), "second": Colleague(self.agent)})
        self.ring()
        for text in ("One.", "Two."):
            self.passes(0.5)
            self.agent.says(text)
            self.passes(1)
            if text == "One.":
                self.agent.ends()
        self.killed()
        self.passes(1)
        self.assertEqual([line.text for line in self.agent.brief.so_far], ["Two."])

    def test_restart(self) -> None:
        """With `resume: restart` it begins anew."""
        self.begins(Resume.RESTART)
        self.killed()
        self.passes(1)
        self.assertFalse(self.agent.brief.comes_back)


class LegTests(KilledHouse):
    """While the caller is connected with somebody, or is about to be."""

    def begins(self, **callee: Any) -> SimulatedCall:
        """The desk rings."""
        self.carrier.callee(DESK, **callee)
        step = Transfer(Template.parse(DESK), timeout=20)
        self.lives_in(flow({"a": [say("Wait."), step, say("It was {transfer.result}.")]}), named=frozenset({DESK}))
        call = self.ring()
        self.passes(2.5)
        return call

    def test_left_alone(self) -> None:
        """Two who talk are left alone, and the record says how long."""
        call = self.begins(ring=1.0, talk=60.0)
        self.killed()
        self.passes(80)
        line = self.assert_ended(call, Ending.TRANSFERRED)
        self.assertEqual((line["legs"][0]["result"], line["legs"][0]["seconds"]), ("answered", 60.0))
        self.assertEqual(len(call.dialed), 1)

    def test_not_answered(self) -> None:
        """Nobody is there: the flow goes on, and knows why."""
        call = self.begins(status="busy", ring=5.0)
        self.killed()
        self.passes(30)
        self.assertEqual(self.read(call)[-1], "It was busy.")
        self.assert_ended(call, Ending.COMPLETED)

    def test_over_while_dead(self) -> None:
        """They have talked, and hung up, while nobody was there."""
        call = self.begins(ring=1.0, talk=60.0)
        self.dies()
        call.hang_up()
        self.rises()
        self.passes(30)
        self.assert_ended(call, Ending.TRANSFERRED)


class EndTests(KilledHouse):
    """Calls that were ending, or have ended."""

    def test_ended_while_dead(self) -> None:
        """A caller who hung up while nobody was there: the carrier is asked, and the record is written once."""
        self.lives_in(flow({"a": [say(ALPHABET)]}))
        call = self.ring()
        self.passes(0.7)
        self.dies()
        self.network.forget("daemon")
        call.hang_up()
        self.passes(30)
        self.rises()
        self.passes(20)
        line = self.assert_ended(call, Ending.CALLER_HUNG_UP)
        self.assertIn("while no daemon was there", line["faults"][-1])
        self.assertEqual(self.live(), [])

    def test_nobody_asks(self) -> None:
        """A call that lives at the carrier, and that nobody asks for, is ended by its API."""
        self.lives_in(flow({"a": [say(ALPHABET)]}))
        call = self.ring()
        self.passes(0.7)
        self.carrier.refuse_webhooks(1000)
        self.carrier.fail_rest(400)
        self.killed()
        self.passes(60)
        self.assert_ended(call, Ending.STREAM_LOST)

    def test_after_all_is_said(self) -> None:
        """Killed between the last word and the carrier's question: it is told to hang up, and says nothing again."""
        self.lives_in(flow({"a": [say("Hi.")]}))
        self.carrier.lose_answers(0)
        call = self.ring()
        for _ in range(200):
            self.passes(0.01)
            session = self.daemon.switchboard.find(call.sid)
            if session is None or session._verdict is not None:
                break
        self.passes(0)
        self.killed()
        self.passes(20)
        self.assert_heard(call, "Hi.")
        self.assertEqual(len([each for each in self.journal.lines if each["event"] == "ended"]), 1)

    def test_asked_again_after_the_end(self) -> None:
        """A call that has ended is not resumed, whoever asks: its end is remembered by the next daemon."""
        self.lives_in(flow({"a": [say("Hi.")]}))
        call = self.ring()
        self.passes(10)
        self.assert_ended(call, Ending.COMPLETED)
        self.killed()
        asked = self.carrier.post("/call/after", {**call.form(), "CallStatus": "in-progress"})
        self.passes(1)
        self.assertIn(b"<Hangup", self.successResultOf(asked).body)
        self.assertEqual(len(self.daemon.switchboard), 0)

    def test_parting(self) -> None:
        """Killed in `on_hangup`: that is not run twice, the record is written, the carrier is told."""
        self.lives_in(flow({"a": [say(ALPHABET)], "bye": [Slow()]}, on_hangup="bye"))
        call = self.ring()
        self.passes(0.5)
        call.hang_up()
        self.passes(1)
        self.killed()
        self.passes(20)
        line = self.assert_ended(call, Ending.CALLER_HUNG_UP)
        self.assertEqual([step["result"] for step in line["steps"]], ["cut off", "killed"])

    def test_while_the_ticket_waits(self) -> None:
        """Killed before the stream came: a new ticket is offered, and nothing is lost."""
        self.lives_in(flow({"a": [say("Hello.")]}))
        call = self.carrier.ring(NUMBER)
        self.network.swallow("never")
        while not self.daemon.switchboard.find(call.sid):
            self.passes(0) if self.mortal is None else self.step()
        self.passes_to_disk()
        self.killed()
        self.passes(20)
        self.assert_heard(call, "Hello.")
        self.assert_ended(call, Ending.COMPLETED)

    def test_two_at_once(self) -> None:
        """Twilio asks twice at once: one stream, and one call."""
        self.lives_in(flow({"a": [say(ALPHABET)]}))
        call = self.ring()
        self.passes(0.7)
        self.dies()
        self.rises()
        form = {**call.form(), "CallStatus": "in-progress"}
        asked = [self.carrier.post(path, form) for path in ("/call/after", "/call/fallback")]
        self.passes(0.1)
        for each in asked:
            self.assertIn(b"<Stream", self.successResultOf(each).body)
        self.passes(20)
        self.assertEqual(len([each for each in self.journal.lines if each["event"] == "ended"]), 1)

    def test_account_gone(self) -> None:
        """A call of an account that is not in voiced.yaml any more is written down as failed."""
        self.lives_in(flow({"a": [say(ALPHABET)]}))
        call = self.ring()
        self.passes(0.7)
        self.dies()
        left = self.standings.load().standings[0]
        left.record.info = attrs.evolve(left.record.info, account="old")
        self.keep(left)
        self.rises()
        self.passes(1)
        call.hang_up()
        ended = [each for each in self.journal.lines if each["event"] == "ended"]
        self.assertEqual([each["ending"] for each in ended], ["failed"])

    def test_fault_of_ours(self) -> None:
        """A call that cannot be taken up is written down as failed, and keeps no other from going on."""
        self.lives_in(flow({"a": [say(ALPHABET)]}))
        calls = [self.ring(from_=f"+1415555010{n}") for n in range(2)]
        self.passes(0.7)
        self.dies()
        left = self.standings.load().standings[0]
        self.keep(left, leg=LegStanding(Dial(DESK), 7, None, True, False))
        self.rises()
        self.assertEqual(len(self.flushLoggedErrors(IndexError)), 1)
        self.passes(20)
        self.whole(calls[1], ALPHABET)
        calls[0].hang_up()
        ended = [each["ending"] for each in self.journal.lines if each["event"] == "ended"]
        self.assertEqual((sorted(ended), self.live()), (["completed", "failed"], []))
        self.assertEqual(len(self.read(calls[0])), 1)

    def test_carrier_silent(self) -> None:
        """The carrier cannot say which calls live: those that it asks for go on all the same."""
        self.lives_in(flow({"a": [say(ALPHABET)]}))
        call = self.ring()
        self.passes(0.7)
        self.dies()
        self.carrier.fail_rest(400, 5)
        self.rises()
        self.passes(20)
        self.whole(call, ALPHABET)
        self.assert_ended(call, Ending.COMPLETED)


class OutboundTests(KilledHouse):
    """Calls that we place."""

    def setUp(self) -> None:
        """Somebody who takes the call after ten seconds."""
        super().setUp()
        self.ways = self.ways.__class__("test", 30, 600, {NUMBER: "main"})
        self.carrier.person(PERSON, ring=10.0)

    def test_while_it_rings(self) -> None:
        """It is taken by somebody who hears what they were called for."""
        self.lives_in(flow({"a": [say("Hello {variables.name}.")]}))
        call = self.calls_out(variables={"name": "Ann"})
        self.passes(2)
        self.killed()
        self.assertEqual(self.guard.asked[0][0], "carry_on")
        self.passes(30)
        self.assert_heard(call, "Hello Ann.")
        line = self.assert_ended(call, Ending.COMPLETED)
        self.assertEqual((line["placed_by"], line["direction"]), (PARTY.name, "outbound"))

    def test_in_the_sentence(self) -> None:
        """It goes on as any other."""
        self.lives_in(flow({"a": [say(ALPHABET)]}))
        call = self.calls_out()
        self.passes(10.7)
        self.killed()
        self.passes(30)
        self.whole(call, ALPHABET)
        self.assert_ended(call, Ending.COMPLETED)

    def test_before_it_has_a_name(self) -> None:
        """Killed before the carrier has said what it is called: it is known by our reference."""
        self.lives_in(flow({"a": [say("Hello.")]}))
        self.carrier.delay_rest(5.0)
        placed = self.carrier.when_placed()
        asked = self.asks("POST", "/outbound-call", {"number": PERSON, "idempotency_key": "one"})
        self.passes(1)
        call = self.successResultOf(placed)
        self.killed()
        self.failureResultOf(asked)
        self.passes(40)
        self.assert_heard(call, "Hello.")
        self.assert_ended(call, Ending.COMPLETED)
        self.assertEqual([each.sid for each in self.placed.known.values()], [call.sid])
