"""How late the reactor is."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from voiced.iwatch import ILag
from voiced.watch.lag import TICK, WINDOW, Lag


class LateClock(Clock):
    """A clock whose timers may come late."""

    def stands_still(self, seconds):
        """Nothing runs for so long; then all that is due does."""
        self.rightNow += seconds
        self.advance(0)


class LagTests(SynchronousTestCase):
    def setUp(self):
        """A lag that is being measured."""
        self.clock = LateClock()
        self.lag = Lag(self.clock, self.clock.seconds)
        self.lag.begin()

    def passes(self, seconds):
        """Time passes, and nobody is late."""
        for _ in range(round(seconds / TICK)):
            self.clock.advance(TICK)

    def test_contract(self):
        """It is what others are promised."""
        verifyObject(ILag, self.lag)

    def test_in_time(self):
        """A reactor that is never late has no lag."""
        self.passes(10)
        self.assertAlmostEqual(self.lag.p95, 0.0, 6)

    def test_before(self):
        """Nobody is late who was not looked at."""
        self.assertEqual(Lag(self.clock).p95, 0.0)

    def test_always_late(self):
        """One that is always 30 ms late has that lag, and no more."""
        for _ in range(100):
            self.clock.stands_still(TICK + 0.03)
        self.assertAlmostEqual(self.lag.p95, 0.03, 6)

    def test_one_pause(self):
        """A pause of 200 ms in five seconds is nothing that one in twenty meets."""
        self.passes(5)
        self.clock.stands_still(0.2)
        self.passes(1)
        self.assertLess(self.lag.p95, 0.001)

    def test_one_long_pause(self):
        """A pause of a second is met by every fifth: the ticks that it swallowed count, too."""
        self.passes(5)
        self.clock.stands_still(1 + TICK)
        self.assertAlmostEqual(self.lag.p95, 0.8, 1)

    def test_the_longest_pause(self):
        """A machine that was asleep is late by the window at most, and has forgotten it as soon."""
        self.clock.stands_still(3600)
        self.assertAlmostEqual(self.lag.p95, WINDOW * 0.95, 0)
        self.passes(WINDOW + TICK)
        self.assertAlmostEqual(self.lag.p95, 0.0, 6)

    def test_later(self):
        """What a start costs is over before anybody looks."""
        lag = Lag(self.clock, self.clock.seconds)
        lag.begin(5)
        lag.begin(5)
        self.clock.stands_still(4)
        self.clock.stands_still(2)
        self.passes(1)
        self.assertAlmostEqual(lag.p95, 0.0, 6)
        self.clock.stands_still(2)
        self.assertGreater(lag.p95, 1)
        lag.stop()

    def test_early(self):
        """A timer that comes early, as the wall clock was put forward, is no lag, and nothing below it."""
        early = Lag(self.clock, lambda: 0.0)
        early.begin()
        self.passes(1)
        self.assertEqual(early.p95, 0.0)
        early.stop()

    def test_stop(self):
        """Nothing ticks that was stopped, however often."""
        self.lag.begin()
        self.lag.stop()
        self.lag.stop()
        self.assertEqual(self.clock.getDelayedCalls(), [])
