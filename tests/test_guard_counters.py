"""Counts: capped, all or nothing, over a restart, and no more of them than there is room for."""

from __future__ import annotations

from collections.abc import Mapping

import attrs
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from voiced.errors import StoreError
from voiced.guard.counters import CROWD, CapReached, Charge, Counters, Window
from voiced.ikept import ICounts

NOW = 1_700_000_000.0  # 22:13:20 UTC: 40 s of the minute are left, and 6400 s of the day


@implementer(ICounts)
@attrs.define
class DictCounts:
    """Counts in a dictionary; with `held`, each batch is on the disk when its Deferred is fired."""

    counts: dict[str, tuple[float, float]] = attrs.field(factory=dict)
    batches: list[dict[str, tuple[float, float]]] = attrs.field(factory=list)
    held: list[Deferred[None]] | None = None

    def load(self) -> Mapping[str, tuple[float, float]]:
        """See ICounts."""
        return dict(self.counts)

    def keep(self, counts: Mapping[str, tuple[float, float]]) -> Deferred[None]:
        """See ICounts."""
        self.batches.append(dict(counts))
        if self.held is None:
            self.counts.update(counts)
            return succeed(None)
        done: Deferred[None] = Deferred()
        self.held.append(done)
        return done.addCallback(lambda _: self.counts.update(counts))


def charge(name: str = "a", cap: float = 3, by: float = 1, window: Window = Window.MINUTE) -> Charge:
    """Something to count."""
    return Charge("rule", name, window, cap, by)


class CountersCase(SynchronousTestCase):
    """Test cases with counters on a clock."""

    def setUp(self) -> None:
        """Nothing has been counted."""
        self.clock = Clock()
        self.clock.advance(NOW)
        self.kept = DictCounts()
        self.counters = Counters(self.clock, self.kept)

    def reached(self, *charges: Charge) -> CapReached:
        """The cap that these would exceed."""
        return self.assertRaises(CapReached, self.counters.spend, charges)


class SpendTests(CountersCase):
    """Counting."""

    def test_double(self) -> None:
        """The double is what the guard is given."""
        self.assertTrue(verifyObject(ICounts, self.kept))

    def test_cap(self) -> None:
        """As many as the cap, then none until the window is over, then anew."""
        for _ in range(3):
            self.counters.spend([charge()])
        self.assertEqual(self.reached(charge()).wait, 40.0)
        self.clock.advance(39.9)
        self.assertAlmostEqual(self.reached(charge()).wait or 0.0, 0.1, 5)
        self.clock.advance(0.1)
        self.counters.spend([charge()])
        self.assertEqual(self.counters.amount("a"), 1.0)

    def test_day(self) -> None:
        """A day is one of UTC."""
        self.counters.spend([charge(cap=1, window=Window.DAY)])
        self.assertEqual(self.reached(charge(cap=1, window=Window.DAY)).wait, 6400.0)

    def test_all_or_nothing(self) -> None:
        """Where one cap is reached nothing is counted; the one that takes longest is named."""
        self.counters.spend([charge("b", 1), charge("c", 1, window=Window.DAY)])
        reached = self.reached(charge("a"), charge("b", 1), charge("c", 1, window=Window.DAY))
        self.assertEqual((reached.charge.name, reached.wait), ("c", 6400.0))
        self.assertEqual(self.counters.amount("a"), 0.0)

    def test_more_than_there_ever_is(self) -> None:
        """What is more than the whole cap is not to be had by waiting."""
        self.assertIsNone(self.reached(charge("a", 1, window=Window.DAY), charge("b", 3, by=4)).wait)

    def test_correct(self) -> None:
        """What was counted may turn out to be less, or more; never less than nothing."""
        (counted,) = self.counters.spend([charge(cap=10, by=5)])
        self.counters.correct(counted, 2)
        self.assertEqual(self.counters.amount("a"), 2)
        (other,) = self.counters.spend([charge(cap=10, by=1)])
        self.counters.correct(other, -7)
        self.assertEqual(self.counters.amount("a"), 0)

    def test_correct_too_late(self) -> None:
        """A correction of yesterday's count leaves today's alone."""
        (counted,) = self.counters.spend([charge(by=3)])
        self.clock.advance(60)
        self.counters.correct(counted, 0)
        self.counters.spend([charge(by=2)])
        self.counters.correct(counted, 0)
        self.assertEqual(self.counters.amount("a"), 2)

    def test_money(self) -> None:
        """Ten times ten cents are one, whatever the machine's fractions say."""
        for _ in range(10):
            self.counters.spend([charge(cap=1.0, by=0.1)])
        self.assertEqual(self.reached(charge(cap=1.0, by=0.1)).wait, 40.0)

    @given(
        st.lists(
            st.one_of(
                st.tuples(st.just("spend"), st.sampled_from("abc"), st.floats(0, 5)),
                st.tuples(st.just("wait"), st.just(""), st.floats(0, 100)),
                st.tuples(st.just("correct"), st.just(""), st.floats(0, 5)),
                st.tuples(st.just("restart"), st.just(""), st.just(0.0)),
            ),
            max_size=60,
        )
    )
    def test_no_sequence_exceeds_a_cap(self, moves: list[tuple[str, str, float]]) -> None:
        """Whatever is counted, corrected downwards, waited for and restarted, no window has more than its cap."""
        self.setUp()
        caps = {"a": (4.0, Window.MINUTE), "b": (7.0, Window.MINUTE), "c": (9.0, Window.DAY)}
        spent = []
        for move, name, amount in moves:
            if move == "spend":
                both = [Charge("r", each, caps[each][1], caps[each][0], amount) for each in {name, "c"}]
                try:
                    spent += self.counters.spend(both)
                except CapReached as reached:
                    self.assertIn(reached.charge, both)
            elif move == "wait":
                self.clock.advance(amount)
            elif move == "correct" and spent:
                counted = spent.pop()
                self.counters.correct(counted, min(amount, counted.charge.by))
            elif move == "restart":
                self.counters = Counters(self.clock, self.kept)
            for each, (cap, _) in caps.items():
                self.assertLessEqual(self.counters.amount(each), cap + 1e-6)
                self.assertGreaterEqual(self.counters.amount(each), 0.0)


class RestartTests(CountersCase):
    """What survives."""

    def test_restart(self) -> None:
        """New counters on the same store go on where the old ones were, in the same window."""
        self.counters.spend([charge(by=2), charge("b", 9, 4, Window.DAY)])
        again = Counters(self.clock, self.kept)
        self.assertEqual((again.amount("a"), again.amount("b")), (2, 4))
        self.clock.advance(50)
        self.assertEqual([Counters(self.clock, self.kept).amount(name) for name in "ab"], [0, 4])

    def test_only_what_changed(self) -> None:
        """What is written is what has changed since, and not all there is."""
        self.counters.spend([charge("a")])
        self.counters.spend([charge("b")])
        (counted,) = self.counters.spend([charge("c", by=0)])
        self.counters.correct(counted, 0)
        end = NOW + 40
        self.assertEqual(self.kept.batches, [{"a": (end, 1)}, {"b": (end, 1)}, {"c": (end, 0)}])

    def test_broken(self) -> None:
        """Counts that cannot be read are no reason to begin anew: whoever starts the daemon is told."""

        @implementer(ICounts)
        class Broken(DictCounts):
            def load(self) -> Mapping[str, tuple[float, float]]:
                raise StoreError("a broken file")

        self.assertRaises(StoreError, Counters, self.clock, Broken())


class SettledTests(CountersCase):
    """Written behind, in order."""

    def setUp(self) -> None:
        """A slow disk."""
        super().setUp()
        self.kept.held = self.held = []

    def test_nothing_to_write(self) -> None:
        """What is on the disk is settled."""
        self.assertIsNone(self.successResultOf(self.counters.settled()))

    def test_in_order(self) -> None:
        """One batch at a time; what changes meanwhile is the next one, and each waiter waits for theirs."""
        self.counters.spend([charge()])
        first = self.counters.settled()
        self.counters.spend([charge()])
        self.counters.spend([charge("b")])
        second = self.counters.settled()
        self.assertEqual(len(self.kept.batches), 1)
        self.held[0].callback(None)
        self.assertIsNone(self.successResultOf(first))
        self.assertNoResult(second)
        self.assertEqual(self.kept.batches[1], {"a": (NOW + 40, 2), "b": (NOW + 40, 1)})
        self.held[1].callback(None)
        self.assertIsNone(self.successResultOf(second))
        self.assertEqual(self.kept.counts["a"], (NOW + 40, 2))

    def test_full_disk(self) -> None:
        """A batch that failed is in the next one; whoever waits is told, and the log once."""
        self.counters.spend([charge()])
        waiting = self.counters.settled()
        self.held[0].errback(StoreError("the disk is full"))
        self.failureResultOf(waiting, StoreError)
        again = self.counters.settled()
        self.assertEqual(self.kept.batches[1], {"a": (NOW + 40, 1)})
        self.counters.spend([charge("b")])
        later = self.counters.settled()
        self.held[1].errback(StoreError("the disk is full"))
        self.failureResultOf(again, StoreError)
        self.assertEqual(self.kept.batches[2], {"a": (NOW + 40, 1), "b": (NOW + 40, 1)})
        self.held[2].callback(None)
        self.assertIsNone(self.successResultOf(later))
        self.assertEqual(len(self.kept.batches), 3)

    def test_full_disk_meanwhile(self) -> None:
        """What has changed since the batch that failed is written as it is now."""
        self.counters.spend([charge()])
        self.counters.spend([charge()])
        self.held[0].errback(StoreError("the disk is full"))
        self.counters.settled().addErrback(lambda _: None)
        self.assertEqual(self.kept.batches[1:], [{"a": (NOW + 40, 2)}])

    def test_full_disk_all_night(self) -> None:
        """What has not been written when it counts no more needs not be written, and nobody waits for it."""
        self.counters.spend([charge()])
        self.counters.spend([charge("b")])
        waiting = self.counters.settled()
        self.clock.advance(60)
        self.held[0].errback(StoreError("the disk is full"))
        self.assertIsNone(self.successResultOf(waiting))
        self.assertEqual(len(self.kept.batches), 1)

    def test_a_waiter_that_is_gone(self) -> None:
        """Whoever no longer waits is no trouble for the others."""
        self.counters.spend([charge()])
        gone, there = self.counters.settled(), self.counters.settled()
        gone.addErrback(lambda _: None).cancel()
        self.held[0].callback(None)
        self.assertIsNone(self.successResultOf(there))


class BoundedTests(CountersCase):
    """An attack with many callers."""

    def test_forgotten(self) -> None:
        """What counts no more is forgotten."""
        for number in range(100):
            self.counters.spend([charge(str(number))])
        self.clock.advance(100)
        self.counters.spend([charge("new")])
        self.assertEqual(len(self.counters), 1)

    def test_crowd(self) -> None:
        """Made-up callers do not fill the memory, nor wash out who calls all the time, nor anything else."""
        counters = Counters(self.clock, self.kept, most_crowd=100)
        counters.spend([charge("destination", window=Window.DAY)])
        for number in range(1000):
            counters.spend([charge(f"{CROWD}{number}", window=Window.DAY)])
            if number % 20 == 0:
                counters.spend([charge(f"{CROWD}nuisance", 1000, window=Window.DAY)])
            self.assertLessEqual(len(counters), 102)
        self.assertEqual((counters.amount(f"{CROWD}nuisance"), counters.amount("destination")), (50, 1))

    def test_forgotten_by_the_store_too(self) -> None:
        """Who is forgotten is so on the disk; and the crowd is counted anew after a restart."""
        counters = Counters(self.clock, self.kept, most_crowd=10)
        for number in range(100):
            counters.spend([charge(f"{CROWD}{number}", window=Window.DAY)])
        alive = [name for name, (until, _) in self.kept.counts.items() if until > NOW]
        self.assertEqual(len(alive), len(counters))
        again = Counters(self.clock, self.kept, most_crowd=10)
        for number in range(20):
            again.spend([charge(f"{CROWD}again {number}", window=Window.DAY)])
            self.assertLessEqual(len(again), 11)
