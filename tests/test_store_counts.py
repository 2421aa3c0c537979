"""Counts come back after a restart, as they were last, and only while they count."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from voiced.errors import StoreError
from voiced.ikept import ICounts
from voiced.store.store import open_store

NOW = 1_700_000_000.0


class CountsTests(SynchronousTestCase):
    def setUp(self):
        self.path = Path(self.mktemp())
        self.store = None
        self.clock = Clock()
        self.clock.advance(NOW)
        self.counts = self.restart()

    def restart(self, in_thread=maybeDeferred):
        """The counts of a daemon that begins when the one before was killed."""
        if self.store is not None:
            self.store.lock.release()
        self.store = open_store(self.path, in_thread, self.clock)
        self.addCleanup(self.store.close)
        return self.store.counts

    def keep(self, **counts):
        """Keep these, each as (seconds from now, how much)."""
        later = {name: (self.clock.seconds() + until, amount) for name, (until, amount) in counts.items()}
        self.assertIsNone(self.successResultOf(self.counts.keep(later)))

    def amounts(self):
        """What a daemon that begins now counts from."""
        return {name: amount for name, (_, amount) in self.restart().load().items()}

    def test_interface(self):
        """It provides what it claims."""
        verifyObject(ICounts, self.counts)

    def test_nothing(self):
        """A new file counts from nothing, and keeping nothing is no trouble."""
        self.keep()
        self.assertEqual(self.counts.load(), {})

    def test_restart(self):
        """A daemon that begins has what the one before it has counted, to the digit."""
        self.keep(calls=(60, 3), spent=(86400, 0.1 + 0.2))
        self.assertEqual(self.restart().load(), {"calls": (NOW + 60, 3), "spent": (NOW + 86400, 0.1 + 0.2)})

    def test_replaced(self):
        """What is kept again replaces what was, and leaves the others."""
        self.keep(a=(60, 1), b=(60, 1))
        self.keep(a=(90, 2))
        self.assertEqual(self.restart().load(), {"a": (NOW + 90, 2), "b": (NOW + 60, 1)})

    def test_over(self):
        """What counts no more is not loaded, and is gone from the file with the next that is kept."""
        self.keep(minute=(60, 1), day=(86400, 1))
        self.clock.advance(60)
        self.assertEqual(self.amounts(), {"day": 1})
        self.keep(day=(86400, 2))
        self.clock.rightNow = 0.0
        self.assertEqual(self.amounts(), {"day": 2})

    def test_as_it_was(self):
        """What is kept is what was given, whatever becomes of it while a thread is waited for."""
        waiting = []

        def in_thread(f, *args):
            waiting.append((done := Deferred(), f, args))
            return done

        counts, given_counts = self.restart(in_thread), {"a": (NOW + 60, 1.0)}
        kept = counts.keep(given_counts)
        given_counts["a"] = (NOW + 60, 2.0)
        done, f, args = waiting.pop()
        maybeDeferred(f, *args).chainDeferred(done)
        self.successResultOf(kept)
        self.assertEqual(self.amounts(), {"a": 1})

    def test_trouble(self):
        """What cannot be kept fails, and nothing of it is there."""
        self.keep(a=(60, 1))
        self.store.database.run(lambda connection: connection.exec_driver_sql("PRAGMA query_only = ON").close())
        self.failureResultOf(self.store.counts.keep({"a": (NOW + 60, 2.0)}), StoreError)
        self.assertEqual(self.amounts(), {"a": 1})

    @given(st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), st.floats(0, 1e12), max_size=20))
    def test_any_names(self, amounts):
        """A count may have any name, and as much as it likes."""
        counts = open_store(None, maybeDeferred, self.clock).counts
        self.successResultOf(counts.keep({name: (NOW + 1, amount) for name, amount in amounts.items()}))
        self.assertEqual({name: amount for name, (_, amount) in counts.load().items()}, amounts)
