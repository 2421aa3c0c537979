"""Who has opted out stays so over a restart, and can be read beside a daemon that runs."""

from pathlib import Path

from twisted.internet.defer import maybeDeferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from voiced.errors import StoreError
from voiced.ikept import IOptedOut, OptedOut
from voiced.store.database import Database
from voiced.store.optedout import listed
from voiced.store.schema import VERSIONS
from voiced.store.store import open_store

ANN = OptedOut("+14155550100", 1_700_000_000.5, "key", "CA" + "0" * 32)
BOB = OptedOut("+14155550101", 1_700_000_001.0, "word", "CA" + "1" * 32)


class OptedOutTests(SynchronousTestCase):
    def setUp(self):
        self.path = Path(self.mktemp())
        self.store = None
        self.people = self.restart()

    def restart(self):
        """The list of a daemon that begins when the one before was killed."""
        if self.store is not None:
            self.store.lock.release()
        self.store = open_store(self.path, maybeDeferred, Clock())
        self.addCleanup(self.store.close)
        return self.store.opted_out

    def keep(self, *people):
        """Put these on the list."""
        self.assertIsNone(self.successResultOf(self.people.keep(people)))

    def test_interface(self):
        """It provides what it claims."""
        verifyObject(IOptedOut, self.people)

    def test_restart(self):
        """A daemon that begins has the list of the one before it, the oldest first."""
        self.keep(BOB, ANN)
        self.assertEqual(self.restart().load(), [ANN, BOB])

    def test_twice(self):
        """Who is on it stays as they were first."""
        self.keep(ANN)
        self.keep(OptedOut(ANN.number, ANN.at + 5, "tool"), BOB)
        self.assertEqual(self.restart().load(), [ANN, BOB])

    def test_forget(self):
        """A number can be taken off it, once."""
        self.keep(ANN, BOB)
        self.assertTrue(self.successResultOf(self.people.forget(ANN.number)))
        self.assertFalse(self.successResultOf(self.people.forget(ANN.number)))
        self.assertEqual(self.restart().load(), [BOB])

    def test_trouble(self):
        """What cannot be kept fails, and nothing of it is there."""
        self.store.database.run(lambda connection: connection.exec_driver_sql("PRAGMA query_only = ON").close())
        self.failureResultOf(self.people.keep([ANN]), StoreError)
        self.assertEqual(self.restart().load(), [])

    def test_an_older_file(self):
        """A file of the version before has nobody on it, and is brought up to date with the next start."""
        older = Path(self.mktemp())
        self.successResultOf(Database(older, maybeDeferred, VERSIONS[:1]).close())
        self.assertEqual(listed(older), [])
        store = open_store(older, maybeDeferred, Clock())
        self.addCleanup(store.close)
        self.assertEqual(store.opted_out.load(), [])

    def test_listed(self):
        """It is read beside a daemon that has the file open, and its file may have any name."""
        self.keep(ANN, BOB)
        self.assertEqual(listed(self.path), [ANN, BOB])
        self.assertEqual(listed(Path("no ?such %20 file")), [])

    def test_listed_badly(self):
        """What is no database is said to be none."""
        bad = Path(self.mktemp())
        bad.write_text("no database" * 100)
        self.assertIn(str(bad), str(self.assertRaises(StoreError, listed, bad)))
