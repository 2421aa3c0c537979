"""When everything is looked through for garbage: rarely while somebody is on the line."""

from __future__ import annotations

import gc
import sys

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from voiced.watch.garbage import EVERY, GROWTH, NEVER, QUIET, SPARE, Garbage

BASE = 500_000
"""Blocks of a daemon that has just started."""


class GarbageTests(SynchronousTestCase):
    """Blocks are counted in a number of the test's, and collecting takes away what it says."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.blocks, self.rubbish, self.live, self.collections = BASE, 0, 1, 0
        self.usual = gc.get_threshold()
        self.garbage = Garbage(self.clock, lambda: self.live, lambda: self.blocks, self.collect)
        self.garbage.begin()
        self.addCleanup(self.garbage.stop)
        self.collections = 0

    def collect(self) -> int:
        self.collections += 1
        self.blocks -= self.rubbish
        found, self.rubbish = self.rubbish, 0
        return found

    def grow(self, blocks: int, rubbish: int = 0) -> int:
        """So many more are in use; gives how often all was looked through by the next look."""
        before = self.collections
        self.blocks += blocks + rubbish
        self.rubbish += rubbish
        self.clock.advance(EVERY)
        return self.collections - before

    def test_python_itself_puts_it_off(self) -> None:
        self.assertEqual(gc.get_threshold(), (*self.usual[:2], NEVER))
        self.assertGreater(gc.get_freeze_count(), 0)

    def test_few_calls(self) -> None:
        """What some calls have in use is no reason."""
        self.assertEqual(self.grow(SPARE - 1), 0)
        self.assertEqual(self.grow(1), 0)
        self.assertEqual(self.grow(1), 1)

    def test_half_as_much_again(self) -> None:
        """After a collection, what is in use counts anew: the more, the rarer."""
        self.assertEqual(self.grow(4 * SPARE), 1)
        growth = int(4 * SPARE * (GROWTH - 1.0))
        self.assertGreater(growth, SPARE)
        self.assertEqual(self.grow(growth), 0)
        self.assertEqual(self.grow(1), 1)

    def test_garbage_goes(self) -> None:
        """Garbage is reason as what is in use is; without it there is as much room as before."""
        self.assertEqual(self.grow(10, rubbish=SPARE), 1)
        self.assertEqual(self.blocks, BASE + 10)
        self.assertEqual(self.grow(SPARE), 0)

    def test_nobody_is_on_the_line(self) -> None:
        """Then nobody waits for it, and little is reason enough."""
        self.live = 0
        self.assertEqual(self.grow(QUIET), 0)
        self.assertEqual(self.grow(1), 1)
        self.assertEqual(self.grow(QUIET), 0)

    def test_less_than_at_the_start(self) -> None:
        """What was there at the start may go later: that is no room for more."""
        self.live = 0
        self.assertEqual(self.grow(QUIET + 1, rubbish=BASE // 2), 1)
        self.blocks = BASE // 2
        self.assertEqual(self.grow(0), 0)

    def test_not_between_two_looks(self) -> None:
        self.blocks += 2 * SPARE
        self.clock.advance(EVERY - 0.1)
        self.assertEqual(self.collections, 0)

    def test_stop(self) -> None:
        self.garbage.stop()
        self.assertEqual(gc.get_threshold(), self.usual)
        self.assertEqual(gc.get_freeze_count(), 0)
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertEqual(self.grow(2 * SPARE), 0)

    def test_nobody_counts(self) -> None:
        """PYTHONMALLOC=malloc: Python goes by its own rules, and a collection comes when it wants one."""
        self.garbage.stop()
        self.blocks = 0
        garbage = Garbage(self.clock, lambda: 1, lambda: 0, self.collect)
        garbage.begin()
        self.assertEqual(gc.get_threshold(), self.usual)
        garbage.stop()
        self.assertEqual(gc.get_threshold(), self.usual)
        self.assertEqual(self.clock.getDelayedCalls(), [])


class RealTests(SynchronousTestCase):
    """With Python's own counters."""

    def test_a_circle(self) -> None:
        """What refers to itself is gone after the look that has a reason."""
        clock, live = Clock(), [0]
        garbage = Garbage(clock, lambda: live[0])
        garbage.begin()
        self.addCleanup(garbage.stop)
        gc.disable()  # what is new is looked through as ever: not here
        self.addCleanup(gc.enable)
        for _ in range(QUIET):
            circle: list[object] = []
            circle.append(circle)
        before = sys.getallocatedblocks()
        clock.advance(EVERY)
        self.assertLess(sys.getallocatedblocks(), before - QUIET)
