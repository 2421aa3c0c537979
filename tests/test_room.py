"""Whether there is room for another call; whole calls that find none are in test_calls_overload."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from voiced.call.room import Limits, Purpose, Room, Unloaded
from voiced.errors import Overloaded
from voiced.iwatch import ILag, ILoad, Punctual


class RoomTests(SynchronousTestCase):
    def test_unloaded(self):
        """A machine of which nobody knows anything is never in the way."""
        load = Unloaded()
        verifyObject(ILag, load.lag)
        verifyObject(ILoad, load)
        Room(Limits(memory=1), load).check(0)

    def test_places(self):
        """Callers have all places, calls of ours what the reserve leaves, in whole calls; an overflow has more."""
        room = Room(Limits(calls=15, reserve=10))
        for live, how in ((14, {}), (13, {"purpose": Purpose.OUTBOUND}), (16, {"beyond": 2})):
            room.check(live, **how)
            with self.assertRaises(Overloaded) as refused:
                room.check(live + 1, **how)
            self.assertEqual(refused.exception.short, "calls")

    def test_one_place(self):
        """Who has one place only may use it for a call of ours: a tenth of it is nothing."""
        Room(Limits(calls=1)).check(0, Purpose.OUTBOUND)

    def test_on_call(self):
        """The call to the operator minds places only, and all of them."""
        room = Room(Limits(calls=2, lag=0.1, memory=1, reserve=50), Unloaded(Punctual(9.0)))
        room.check(1, Purpose.ON_CALL)
        with self.assertRaises(Overloaded) as refused:
            room.check(2, Purpose.ON_CALL)
        self.assertEqual(refused.exception.short, "calls")

    def test_short_of(self):
        """It says what there is too little of."""
        for limits, short in ((Limits(lag=0.1), "lag"), (Limits(calls=0), "calls")):
            with self.assertRaises(Overloaded) as refused:
                Room(limits, Unloaded(Punctual(0.2))).check(0)
            self.assertEqual(refused.exception.short, short)
