"""Legs: how long somebody may be connected, whom they see, how it ended; and those of calls we know nothing of."""

from __future__ import annotations

from typing import Any

import attrs
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from voiced.call.leg import CONNECTING, SHORTEST_RING, Leg, leg
from voiced.call.records import CallInfo, Direction
from voiced.call.rescue import Rescue
from voiced.errors import Refused
from voiced.iguard import IPermit, Party
from voiced.ivoiced import Dial, Dialled
from voiced.testing.fake_guard import FakeGuard, FakePermit

CALLER, OURS, HUMAN = "+14155550177", "+14155550123", "+14155550100"
INBOUND = CallInfo("CA1", "main", CALLER, OURS)
OUTBOUND = CallInfo("CA2", "main", OURS, CALLER, Direction.OUTBOUND)
BEGAN = 1_700_000_000.0

CALLER_IDS: list[tuple[CallInfo, str | None, str | None]] = [
    (INBOUND, None, CALLER),
    (INBOUND, "+14155550199", "+14155550199"),
    (OUTBOUND, None, OURS),
    (OUTBOUND, "+14155550199", "+14155550199"),
    (attrs.evolve(INBOUND, caller="anonymous"), None, OURS),
    (attrs.evolve(INBOUND, caller=""), None, OURS),
    (attrs.evolve(INBOUND, caller="sip:ann@example.com"), None, OURS),
    (attrs.evolve(INBOUND, caller="client:ann"), None, OURS),
    (attrs.evolve(INBOUND, caller="", called="sip:us@example.com"), None, None),
    (attrs.evolve(OUTBOUND, caller="client:us"), None, None),
]
"""The call, the `caller_id` that was asked for, and whom the other side sees (13214: a number of ours, or theirs)."""

SECONDS: list[tuple[int | None, int | None, int, int]] = [
    (None, None, 300, 300),
    (60, None, 300, 60),
    (None, 90, 300, 90),
    (60, 90, 300, 60),
    (90, 60, 300, 60),
    (600, 500, 300, 300),
]
"""What the step asks for, what is left of the call, what the guard lets; and how long they may talk."""

SHARES: list[tuple[int, int, int, int, int]] = [
    (30, 300, 300, 30, 270),
    (30, 60, 60, 30, 30),
    (30, 60, 10, 30, 10),
    (30, 59, 300, 29, 30),
    (30, 20, 20, 10, 10),
    (20, 10, 300, 5, 5),
    (30, 9, 300, 5, 4),
    (30, 6, 6, 5, 1),
    (30, 5, 5, 5, 1),
    (30, 1, 1, 5, 1),
    (30, 0, 300, 5, 1),
    (3, 300, 300, 3, 297),
    (600, 900, 900, 450, 450),
]
"""How long it may ring, what is left of the call, what the guard lets; and for how long each the carrier is told."""


class Guard(FakeGuard):
    """A guard that may let a leg be for another time than the call."""

    leg_seconds: int | None = None

    def leg(self, info: CallInfo, dial: Dial, named: bool, party: Party | None = None) -> IPermit:
        """See IGuard."""
        whole, self.seconds = self.seconds, self.leg_seconds or self.seconds
        try:
            return super().leg(info, dial, named, party)
        finally:
            self.seconds = whole


class LegCase(SynchronousTestCase):
    """Test cases with a guard and a clock."""

    def setUp(self) -> None:
        """A guard that lets everything be for five minutes."""
        self.clock = Clock()
        self.clock.advance(BEGAN)
        self.guard = Guard(300)

    def leg(self, info: CallInfo = INBOUND, left: int | None = None, **dial: Any) -> Leg:
        """A leg of that call."""
        return leg(info, Dial(HUMAN, **dial), self.guard, self.clock, left, named=True)

    def kinds(self) -> list[str]:
        """What was permitted."""
        return [permit.kind for permit in self.guard.permits]

    def talked(self) -> list[list[float | None]]:
        """What each permit was told."""
        return [permit.talked for permit in self.guard.permits]


class NewLegTests(LegCase):
    """What becomes of a Dial."""

    def test_caller_id(self) -> None:
        """The other side sees whom it shall, else the human, else a number of ours; never what is no number."""
        for info, asked, seen in CALLER_IDS:
            self.assertEqual(self.leg(info, caller_id=asked).dial.caller_id, seen, info)

    def test_seconds(self) -> None:
        """They may talk as long as step, call and guard all allow."""
        for asked, left, granted, seconds in SECONDS:
            self.guard.seconds = granted
            self.assertEqual(self.leg(left=left, seconds=asked).dial.seconds, seconds, (asked, left, granted))

    def test_kept(self) -> None:
        """Whom to dial and how long it rings stay as they were; nothing is told the carrier yet."""
        one = self.leg(timeout=45)
        self.assertEqual((one.dial.to, one.dial.timeout, one.offered), (HUMAN, 45, False))
        self.assertEqual((one.record.to, one.record.began, one.record.ended), (HUMAN, BEGAN, None))
        self.assertEqual((one.record.result, one.record.seconds, one.step, one.returns), ("", 0.0, None, True))

    def test_guard_is_asked(self) -> None:
        """For the very target, and whether the operator has named it."""
        for named in (True, False):
            leg(INBOUND, Dial("sip:desk@example.com"), self.guard, self.clock, named=named)
        self.assertEqual(self.guard.asked, [("leg", ("sip:desk@example.com", named)) for named in (True, False)])

    def test_party(self) -> None:
        """An API key that asks for it is counted by the guard, too."""
        leg(INBOUND, Dial(HUMAN), self.guard, self.clock, named=False, party=Party("crm"))
        self.assertEqual(self.guard.asked, [("leg", (HUMAN, False, "crm"))])

    def test_refused(self) -> None:
        """What the guard refuses is no leg, and holds nothing."""
        self.guard.refusals["leg"] = Refused("outbound.allow", "no")
        self.assertEqual(self.assertRaises(Refused, self.leg).rule, "outbound.allow")
        self.assertEqual((self.guard.permits, self.clock.getDelayedCalls()), ([], []))


class LifeOfALegTests(LegCase):
    """From the offer to its end."""

    def test_offered(self) -> None:
        """It begins when the carrier is first told, however often it asks."""
        one = self.leg()
        for _ in range(2):
            self.clock.advance(7)
            self.assertEqual(one.offer(), one.dial)
        self.assertEqual((one.record.began, one.offered), (BEGAN + 7, True))

    def test_shares(self) -> None:
        """What is left of the call is shared: half of it for ringing at most, 5 s at least; the rest for talk."""
        for timeout, left, granted, rings, talks in SHARES:
            self.guard.seconds = granted
            dial = self.leg(timeout=timeout).offer(left)
            self.assertEqual((dial.timeout, dial.seconds), (rings, talks), (timeout, left, granted))

    def test_shared_once(self) -> None:
        """A carrier that asks again is told the same; a leg that its call does not limit keeps what it has."""
        one = self.leg(timeout=30)
        dial = one.offer(40)
        self.clock.advance(10)
        self.assertEqual((one.offer(30), one.offer(), one.dial), (dial, dial, dial))
        self.assertEqual(one.limit, 20 + 20 + 2 * CONNECTING)
        free = self.leg(timeout=30)
        self.assertEqual((free.offer().timeout, free.offer(10).seconds), (30, 300))

    def test_share_of_no_limit(self) -> None:
        """A leg that nobody limits is limited by its call."""
        one = self.leg(timeout=30)
        one.dial = attrs.evolve(one.dial, seconds=None)
        self.assertEqual(one.offer(100).seconds, 70)

    @given(st.integers(1, 600), st.integers(0, 14400), st.integers(1, 14400))
    def test_any_share(self, timeout: int, left: int, granted: int) -> None:
        """It never exceeds its call but for the shortest ringing, and never what was asked for or granted."""
        dial = leg(INBOUND, Dial(HUMAN, timeout=timeout), FakeGuard(granted), self.clock, named=True).offer(left)
        assert dial.seconds is not None
        self.assertLessEqual(dial.timeout + dial.seconds, max(left, SHORTEST_RING + 1))
        self.assertTrue(min(timeout, SHORTEST_RING) <= dial.timeout <= timeout, dial)
        self.assertTrue(1 <= dial.seconds <= granted, dial)

    def test_may_talk(self) -> None:
        """Once it has lasted longer than it may ring, and the carrier takes to connect, somebody may be there."""
        one = self.leg(timeout=30)
        self.clock.advance(100)
        self.assertFalse(one.may_talk)
        one.offer(40)
        for seconds, may_talk in ((0, False), (20 + CONNECTING, False), (0.5, True)):
            self.clock.advance(seconds)
            self.assertEqual(one.may_talk, may_talk, seconds)

    def test_limit(self) -> None:
        """The carrier comes back after ringing and talk, and a margin for connecting twice."""
        self.assertEqual(self.leg(timeout=20, seconds=60).limit, 20 + 60 + 2 * CONNECTING)
        untold = self.leg(timeout=20)
        untold.dial = attrs.evolve(untold.dial, seconds=None)
        self.assertEqual(untold.limit, 20 + 2 * CONNECTING)

    def test_over(self) -> None:
        """What the carrier says of it is its end: in the record, and for the guard."""
        for dialled in (Dialled("answered", 42.0), Dialled("busy"), Dialled("no_answer"), Dialled("canceled", 3.0)):
            self.setUp()
            one = self.leg()
            one.offer()
            self.clock.advance(50)
            one.over(dialled)
            record = one.record
            self.assertEqual((record.result, record.seconds), (dialled.result, dialled.seconds))
            self.assertEqual((record.began, record.ended), (BEGAN, BEGAN + 50))
            self.assertEqual((self.talked(), self.guard.held), ([[dialled.seconds]], []))

    def test_no_duration(self) -> None:
        """An answer of which the carrier does not say how long it was costs the time since it was offered."""
        one = self.leg()
        self.clock.advance(3)
        one.offer()
        self.clock.advance(50)
        one.over(Dialled("answered"))
        self.assertEqual((one.record.result, one.record.seconds), ("answered", 50.0))
        self.assertEqual((self.talked(), self.guard.held), ([[50.0]], []))

    def test_carrier_did_not_say(self) -> None:
        """A leg that was offered and never reported counts as long as it may have lasted."""
        one = self.leg()
        self.clock.advance(3)
        one.offer()
        self.clock.advance(30)
        one.over(None)
        self.assertEqual((one.record.result, one.record.seconds), ("", 30.0))
        self.assertEqual(self.talked(), [[30.0]])

    def test_never_offered(self) -> None:
        """One that the carrier was never told of costs nothing."""
        one = self.leg()
        self.clock.advance(30)
        one.over(None)
        self.assertEqual((one.record.result, one.record.seconds, one.record.ended), ("", 0.0, BEGAN + 30))
        self.assertEqual((self.talked(), self.guard.held), ([[None]], []))


class RescueTests(LegCase):
    """Calls that have no session."""

    def setUp(self) -> None:
        """Nobody is rescued yet."""
        super().setUp()
        self.rescue = Rescue(self.clock, self.guard)

    def test_dial(self) -> None:
        """The human that the operator has named is dialled, and sees who calls."""
        dial = self.rescue.dial(INBOUND, HUMAN)
        self.assertEqual((dial.to, dial.caller_id, dial.seconds), (HUMAN, CALLER, 270))
        self.assertEqual(self.guard.asked, [("ring", INBOUND), ("leg", (HUMAN, True))])

    def test_refused_with_a_place(self) -> None:
        """Where a flow would take the caller, its place is given back: here is no flow."""
        place = FakePermit("ring", 60, self.guard.held)
        self.guard.refusals["ring"] = Refused("anonymous", "no number", flow="other", permit=place)
        self.assertRaises(Refused, self.rescue.dial, INBOUND, HUMAN)
        self.assertEqual(place.talked, [None])

    def test_shorter(self) -> None:
        """The human has them as long as the guard lets any call be, ringing and all, or the leg if that is less."""
        for *lets, talks in ((60, 300, 30), (300, 60, 60)):
            self.guard.seconds, self.guard.leg_seconds = lets
            self.assertEqual(self.rescue.dial(INBOUND, HUMAN).seconds, talks, lets)
            self.rescue.forget()

    def test_again(self) -> None:
        """When the carrier asks again, it is told the same, and the guard is not asked twice."""
        dial = self.rescue.dial(INBOUND, HUMAN)
        self.assertEqual(self.rescue.dial(INBOUND, "+14155550199"), dial)
        self.assertEqual(self.kinds(), ["ring", "leg"])
        self.rescue.dial(attrs.evolve(INBOUND, sid="CA9"), HUMAN)
        self.assertEqual(self.kinds(), ["ring", "leg"] * 2)

    def test_over(self) -> None:
        """The carrier says what became of it; both places are free, the timer gone, and a second word is ignored."""
        self.rescue.dial(INBOUND, HUMAN)
        self.clock.advance(20)
        for dialled in (Dialled("answered", 15.0), None, Dialled("busy")):
            self.rescue.over("CA1", dialled)
        self.assertEqual((self.talked(), self.guard.held, self.clock.getDelayedCalls()), ([[15.0]] * 2, [], []))

    def test_not_taken(self) -> None:
        """A human who does not answer costs neither the leg nor the call; an answer without a length costs both."""
        for dialled, talked in ((Dialled("busy"), 0.0), (Dialled("answered"), 20.0)):
            self.setUp()
            self.rescue.dial(INBOUND, HUMAN)
            self.clock.advance(20)
            self.rescue.over("CA1", dialled)
            self.assertEqual((self.talked(), self.guard.held), ([[talked]] * 2, []))

    def test_a_stranger(self) -> None:
        """A call that was never rescued ends without a trace, and takes no other along."""
        self.rescue.dial(INBOUND, HUMAN)
        self.rescue.over("CA9", Dialled("answered", 15.0))
        self.assertEqual((len(self.guard.held), self.talked()), (2, [[], []]))

    def test_silence(self) -> None:
        """When the carrier falls silent, it is over after all that it may last; later words come too late."""
        limit = Dial(HUMAN).timeout + 300 + 2 * CONNECTING
        self.rescue.dial(INBOUND, HUMAN)
        self.clock.advance(limit - 1)
        self.assertEqual(len(self.guard.held), 2)
        self.clock.advance(1)
        self.rescue.over("CA1", Dialled("answered", 15.0))
        self.assertEqual((self.talked(), self.guard.held, self.clock.getDelayedCalls()), ([[limit]] * 2, [], []))

    def test_once_more(self) -> None:
        """A call that was over may be rescued again, and is counted again."""
        self.rescue.dial(INBOUND, HUMAN)
        self.rescue.over("CA1", Dialled("no_answer"))
        self.rescue.dial(INBOUND, HUMAN)
        self.assertEqual((len(self.guard.held), self.talked()), (2, [[0.0], [0.0], [], []]))

    def test_refused(self) -> None:
        """What the guard refuses leaves nothing behind and costs nothing; the next time it may be otherwise."""
        for kind, talked in (("ring", []), ("leg", [[None]])):
            self.setUp()
            self.guard.refusals[kind] = Refused("calls_at_once", "no")
            self.assertRaises(Refused, self.rescue.dial, INBOUND, HUMAN)
            self.assertEqual((self.talked(), self.guard.held, self.clock.getDelayedCalls()), (talked, [], []))
            self.guard.refusals.clear()
            self.assertEqual(self.rescue.dial(INBOUND, HUMAN).to, HUMAN)

    def test_refused_ring(self) -> None:
        """A caller whom the guard does not let ring is connected with nobody: it is not asked about the leg."""
        self.guard.refusals["ring"] = Refused("calls_per_day", "no")
        self.assertEqual(self.assertRaises(Refused, self.rescue.dial, INBOUND, HUMAN).rule, "calls_per_day")
        self.assertEqual(self.guard.asked, [("ring", INBOUND)])

    def test_forget(self) -> None:
        """A daemon that stops gives every place back, and leaves no timer."""
        for sid in ("CA1", "CA2", "CA3"):
            self.rescue.dial(attrs.evolve(INBOUND, sid=sid), HUMAN)
        self.clock.advance(5)
        self.rescue.forget()
        self.rescue.forget()
        self.assertEqual((self.talked(), self.guard.held), ([[5.0], [270.0]] * 3, []))
        self.assertEqual(self.clock.getDelayedCalls(), [])

    @given(st.lists(st.tuples(st.sampled_from(["dial", "over", "silent", "wait"]), st.sampled_from("123"))))
    def test_any_order(self, events: list[tuple[str, str]]) -> None:
        """Whatever the carrier does in whatever order, each permit is given back once, and no timer is left."""
        self.setUp()
        for event, which in events:
            match event:
                case "dial":
                    self.rescue.dial(attrs.evolve(INBOUND, sid=which), HUMAN)
                case "wait":
                    self.clock.advance(170)
                case _:
                    self.rescue.over(which, Dialled("answered", 1.0) if event == "over" else None)
        self.rescue.forget()
        self.assertEqual([len(talked) for talked in self.talked()], [1] * len(self.guard.permits))
        self.assertEqual((self.guard.held, self.clock.getDelayedCalls()), ([], []))
