"""Whole calls on a machine that has no room: callers get what is set, ours wait first, nobody inside is hurt."""

from __future__ import annotations

from typing import Any

import attrs
from zope.interface import implementer

from tests.house import PERSON, House, flow, say
from voiced.call.program import Overflow
from voiced.call.records import Ending
from voiced.call.room import Limits, Room
from voiced.call.steps.speech import Pause
from voiced.errors import Refused
from voiced.ivoiced import IStep
from voiced.iwatch import ILag, ILoad
from voiced.simulator.call import SimulatedCall
from voiced.simulator.ending import Ended

TALK: dict[str, list[IStep]] = {"start": [Pause(5), say("Hi.")]}
NOTHING_SET = Overflow()
FORWARD = "+14155550188"


@implementer(ILag, ILoad)
@attrs.define
class FakeLoad:
    """A machine that is as late, and takes as much memory, as it is told."""

    p95: float = 0.0
    taken: int | None = None

    @property
    def lag(self) -> ILag:
        """See ILoad."""
        return self

    def memory(self) -> int | None:
        """See ILoad."""
        return self.taken


class OverloadCase(House):
    """A house with room for two, on a machine that is what it is told to be."""

    def setUp(self) -> None:
        """Nothing is in the way."""
        super().setUp()
        self.load = FakeLoad()

    def has_room(self, overflow: Overflow = NOTHING_SET, *flows: Any, **limits: Any) -> None:
        """Somebody talks already, and there is room for one more."""
        room = Room(Limits(**{"calls": 2, "lag": 0.1, "memory": 1000, "reserve": 0, **limits}), self.load)
        self.lives_in(flow(TALK), *flows, overflow=overflow, busy="Busy.", room=room)
        self.inside = self.ring()

    def fills(self) -> None:
        """There is no room any more."""
        self.ring()

    def assert_nobody_harmed(self) -> None:
        """Who was inside hears all there is to hear."""
        self.passes(9)
        self.assert_heard(self.inside, "Hi.")

    def overflows(self, overflow: Overflow, *flows: Any) -> SimulatedCall:
        """Somebody rings when there is no room."""
        self.has_room(overflow, *flows)
        self.fills()
        call = self.ring()
        self.passes(1)
        return call


class LoadTests(OverloadCase):
    """What decides whether there is room."""

    def test_lag(self) -> None:
        """While the reactor is late, callers hear that we are busy; when it is not any more, they get in."""
        self.has_room()
        self.load.p95 = 0.12
        late = self.ring()
        self.load.p95 = 0.09
        later = self.ring()
        self.assert_nobody_harmed()
        self.assertEqual((late.said, self.read(later)), (["Busy."], ["Hi."]))
        line = self.assert_ended(late, Ending.OVERLOADED)
        self.assertEqual(line["faults"], ["no room: this machine is busy: the reactor is 120 ms late"])

    def test_memory(self) -> None:
        """While too much memory is taken, too; where nobody can say, it does not count."""
        self.has_room(memory=50_000_000)
        self.load.taken = 51_000_000
        big = self.ring()
        self.load.taken = None
        unknown = self.ring()
        self.assert_nobody_harmed()
        self.assertEqual((big.said, self.read(unknown)), (["Busy."], ["Hi."]))
        self.assertEqual(self.assert_ended(big, Ending.OVERLOADED)["faults"], ["no room: 51 MB of memory are taken"])

    def test_no_limit(self) -> None:
        """What has no limit is not looked at."""
        self.has_room(lag=None, memory=None)
        self.load.p95, self.load.taken = 99.0, 10**12
        self.assertEqual(self.ring().said, [])
        self.assert_nobody_harmed()

    def test_lines_that_come_back(self) -> None:
        """Who is inside and loses the line gets a new one, however loaded the machine is."""
        self.has_room()
        self.load.p95 = 5.0
        self.inside.stream.drop()
        self.assert_nobody_harmed()

    def test_ours_first(self) -> None:
        """Calls of ours are refused first: by each of the limits, at what is left without the reserve."""
        self.has_room(calls=10, reserve=50)
        for load in (FakeLoad(0.06), FakeLoad(taken=600)):
            self.daemon.switchboard.room.load = load
            self.assert_refused("this machine is busy" if load.p95 else "memory are taken")
        self.daemon.switchboard.room.load = self.load
        for _ in range(4):
            self.assertEqual(self.ring().said, [])
        self.assert_refused("5 calls are live, and 5 places are kept for callers")
        self.assertEqual(self.ring().said, [])

    def assert_refused(self, why: str) -> None:
        """No call is placed, and the client knows why."""
        asked = self.asks("POST", "/outbound-call", {"number": PERSON, "flow": "test"})
        self.passes(0)
        status, answer = self.successResultOf(asked)
        self.assertEqual(status, 503)
        self.assertIn(why, answer["error"])


class OverflowTests(OverloadCase):
    """What callers get for whom there is no room."""

    def test_engaged(self) -> None:
        """They hear an engaged tone, and the call is not taken."""
        call = self.overflows(Overflow(reject="busy"))
        self.assertEqual((self.successResultOf(call.ended), call.said), (Ended.BUSY, []))
        self.assert_ended(call, Ending.OVERLOADED)
        self.assert_nobody_harmed()

    def test_taken_already(self) -> None:
        """A call that a daemon before us has taken cannot be rejected any more: it hears that we are busy."""
        self.has_room(Overflow(reject="busy"))
        self.fills()
        form = {**self.inside.form(), "CallSid": "CA" + "9" * 32, "CallStatus": "in-progress"}
        answer = self.carrier.post("/call/after", form)
        self.passes(0)
        self.assertIn("<Say>Busy.</Say>", self.successResultOf(answer).text)

    def test_forwarded(self) -> None:
        """Somebody else takes them, as the guard allows; what is said there is none of ours."""
        call = self.overflows(Overflow(forward=FORWARD))
        self.assertEqual([dial.numbers for dial in call.dialed], [(FORWARD,)])
        self.assertEqual(self.guard.asked[-1], ("leg", (FORWARD, True)))
        call.hang_up()
        self.assert_nobody_harmed()
        self.assert_ended(call, Ending.OVERLOADED)

    def test_not_forwarded(self) -> None:
        """Where a rule forbids that, they hear that we are busy."""
        self.has_room(Overflow(forward=FORWARD))
        self.fills()
        self.guard.refusals["leg"] = Refused("transfers_at_once", "too many")
        call = self.ring()
        self.assert_nobody_harmed()
        self.assertEqual(call.said, ["Busy."])

    def test_stopping(self) -> None:
        """A daemon that stops forwards nobody: it would not be there to be told what became of it."""
        self.has_room(Overflow(forward=FORWARD))
        self.daemon.drain()
        call = self.ring()
        self.passes(1)
        self.assertEqual((call.said, call.dialed), (["Busy."], []))

    def test_wait(self) -> None:
        """A flow takes so many of them; the next one hears that we are busy, and so does who finds us late."""
        waiting = flow({"start": [say("Please wait."), Pause(5)]}, name="waiting")
        first = self.overflows(Overflow(flow="waiting", most=1), waiting)
        second = self.ring()
        first.hang_up()
        self.passes(1)
        self.load.p95 = 1.0
        third = self.ring()
        self.assert_nobody_harmed()
        self.assertEqual((self.read(first), second.said, third.said), (["Please wait."], ["Busy."], ["Busy."]))
