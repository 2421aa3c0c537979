"""Grouping: how much of the caller's audio is in a message to the agent, and that nothing waits longer."""

import attrs
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from voiced.agents.grouping import Grouping, Overdue, group_seconds
from voiced.iwatch import ILag


@implementer(ILag)
@attrs.define
class Lag:
    """As late as it is set."""

    p95: float = 0.0


class LengthTests(SynchronousTestCase):
    def test_set(self):
        """Whatever the reactor's lag."""
        self.assertEqual(group_seconds(60, Lag(1.0))(), 0.06)

    def test_adaptive(self):
        """One frame on a reactor that is not late, and at most 100 ms."""
        lag = Lag()
        seconds = group_seconds("adaptive", lag)
        grown = []
        for lag.p95 in (-0.001, 0.0, 0.0049, 0.0051, 0.0101, 0.0151, 0.0201, 0.5):
            grown.append(round(seconds(), 3))
        self.assertEqual(grown, [0.02, 0.02, 0.02, 0.04, 0.06, 0.08, 0.1, 0.1])


class GroupingTests(SynchronousTestCase):
    def setUp(self):
        self.clock = Clock()
        self.delivered = []
        self.seconds = 0.06
        self.grouping = Grouping(
            self.clock,
            lambda: self.seconds,
            lambda audio: self.delivered.append((round(self.clock.seconds(), 3), audio)),
        )

    def feed(self, *frames, every=0.02):
        """Frames of the caller's, one after the other."""
        for frame in frames:
            self.grouping.feed(frame)
            self.passes(every)

    def passes(self, seconds):
        """Time, by 5 ms."""
        self.clock.pump([0.005] * round(seconds / 0.005))

    def test_groups(self):
        """Three frames in a message, with the last."""
        self.feed(b"1", b"2", b"3", b"4", b"5", b"6", b"7")
        self.assertEqual(self.delivered, [(0.04, b"123"), (0.1, b"456")])

    def test_early_and_late(self):
        """The last frame may be early, and late by 5 ms."""
        for every, delivered in ((0.015, (0.03, b"123")), (0.01, (0.03, b"1234")), (0.025, (0.045, b"12"))):
            self.setUp()
            self.feed(*b"1 2 3 4".split(), every=every)
            self.assertEqual(self.delivered[0], delivered)

    def test_many(self):
        """One timer for all, of whatever length; and none when nothing waits."""
        overdue, delivered = Overdue(self.clock), []
        groups = [Grouping(self.clock, lambda s=s: s, delivered.append, overdue) for s in (0.1, 0.06, 0.2, 0.06)]
        for group, frame in zip(groups, (b"a", b"b", b"c", b"d"), strict=True):
            group.feed(frame)
        self.assertEqual(len(self.clock.getDelayedCalls()), 1)
        groups[3].stop()
        told = []
        for _ in range(5):
            self.passes(0.045)
            told.append(b"".join(delivered))
        self.assertEqual(told, [b"b", b"ba", b"ba", b"ba", b"bac"])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_faults(self):
        """One that cannot be delivered is not the others' trouble, and does not come again."""

        def broken(audio):
            raise ValueError(audio)

        overdue = Overdue(self.clock)
        for deliver in (broken, self.delivered.append):
            Grouping(self.clock, lambda: 0.06, deliver, overdue).feed(b"1")
        self.assertRaises(ValueError, self.clock.advance, 0.05)
        self.assertEqual(self.delivered, [])
        self.passes(0.05)
        self.assertEqual((self.delivered, self.clock.getDelayedCalls()), ([b"1"], []))

    def test_goes_on(self):
        """What is delivered may make more come, which waits as long."""
        overdue = Overdue(self.clock)
        other = Grouping(self.clock, lambda: 0.06, self.delivered.append, overdue)
        first = Grouping(self.clock, lambda: 0.06, lambda audio: other.feed(audio + b"!"), overdue)
        first.feed(b"1")
        self.passes(0.05)
        self.assertEqual((self.delivered, len(self.clock.getDelayedCalls())), ([], 1))
        self.passes(0.05)
        self.assertEqual((self.delivered, self.clock.getDelayedCalls()), ([b"1!"], []))

    def test_late_frames(self):
        """By the time that it has waited, whatever has come: nothing waits for frames that do not come."""
        self.feed(b"1")
        self.passes(1)
        self.assertEqual(self.delivered, [(0.045, b"1")])

    def test_crowd(self):
        """What comes all at once is one message."""
        self.feed(*[b"x"] * 5, every=0)
        self.passes(1)
        self.assertEqual(self.delivered, [(0.045, b"xxxxx")])

    def test_single_frames(self):
        """No group, no timer: each frame as it comes."""
        self.seconds = 0.02
        self.feed(b"1", b"2")
        self.assertEqual(self.delivered, [(0.0, b"1"), (0.02, b"2")])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_changes(self):
        """A group is closed as it was begun; the next one has the new length."""
        self.feed(b"1")
        self.seconds = 0.02
        self.feed(b"2", b"3", b"4")
        self.assertEqual(self.delivered, [(0.04, b"123"), (0.06, b"4")])

    def test_flush(self):
        """What waits goes first; then a new group begins."""
        self.feed(b"1")
        self.grouping.flush()
        self.grouping.flush()
        self.feed(b"2")
        self.passes(1)
        self.assertEqual(self.delivered, [(0.02, b"1"), (0.065, b"2")])

    def test_stop(self):
        """Nothing more is delivered, and nothing is left."""
        self.feed(b"1")
        self.grouping.stop()
        self.grouping.stop()
        self.passes(1)
        self.assertEqual((self.delivered, self.clock.getDelayedCalls()), ([], []))
