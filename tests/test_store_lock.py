"""One daemon at a time uses a data directory."""

import os
from pathlib import Path

from twisted.internet.defer import maybeDeferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from voiced.errors import StoreError
from voiced.store.lock import SUFFIX, InUse, Lock, is_gone
from voiced.store.store import FILE, open_store


class LockTests(SynchronousTestCase):
    def setUp(self):
        self.directory = Path(self.mktemp())
        self.directory.mkdir()
        self.path = self.directory / FILE

    def open(self):
        """A daemon begins here."""
        store = open_store(self.path, maybeDeferred, Clock())
        self.addCleanup(store.close)
        return store

    def test_second_daemon(self):
        """A second one is told what to do, and the first goes on."""
        first = self.open()
        refused = str(self.assertRaises(StoreError, self.open))
        self.assertIn(f"another voiced uses {self.directory} already", refused)
        self.assertIn("stop that one, or give this one a directory of its own at `data:`", refused)
        self.successResultOf(first.counts.keep({"a": (1.0, 1.0)}))

    def test_next_daemon(self):
        """When it has ended the next may begin; what ends twice does not open what others have by then."""
        first = self.open()
        self.successResultOf(first.close())
        second = self.open()
        self.successResultOf(first.close())
        self.assertRaises(StoreError, self.open)
        self.successResultOf(second.close())
        self.assertEqual(self.open().counts.load(), {})

    def test_fork(self):
        """The lock is held as long as any process has it that came of the first: twistd forks, its parent ends."""
        lock = Lock(self.path)
        # A fork gives the child a descriptor of the same open file, and that is what a duplicate is.
        childs = os.dup(lock._file)
        lock.release()
        self.assertRaises(StoreError, Lock, self.path)
        os.close(childs)
        Lock(self.path).release()

    def test_not_opened(self):
        """A database that cannot be opened locks nobody out."""
        self.path.write_bytes(b"no database" * 1000)
        for _ in range(2):
            self.assertIn("is broken", str(self.assertRaises(StoreError, self.open)))
        self.path.unlink()
        self.assertEqual(self.open().counts.load(), {})

    def test_nowhere(self):
        """Where no file can be made, that is what is said."""
        refused = self.assertRaises(StoreError, Lock, self.directory / "none" / FILE)
        self.assertIn(f"{FILE}{SUFFIX} cannot be made or written (No such file or directory)", str(refused))

    def test_private(self):
        """The lock's file is the daemon's own."""
        self.open()
        self.assertEqual((self.directory / (FILE + SUFFIX)).stat().st_mode & 0o777, 0o600)

    def test_in_memory(self):
        """In memory any number may be open."""
        for _ in range(2):
            self.assertIsNone(open_store(None, maybeDeferred, Clock()).lock)


class NodesTests(SynchronousTestCase):
    """Daemons with names."""

    def setUp(self):
        self.directory = Path(self.mktemp())
        self.directory.mkdir()
        self.path = self.directory / FILE

    def lock(self, node=""):
        """A daemon of that name begins."""
        lock = Lock(self.path, node)
        self.addCleanup(lock.release)
        return lock

    def test_names(self):
        """Each name once, any number of names; what to do is said."""
        first, _ = self.lock("one"), self.lock("two")
        refused = str(self.assertRaises(InUse, self.lock, "one"))
        self.assertIn(f"another voiced uses {self.directory} already, and both would count apart", refused)
        self.assertIn("a name of its own, other than 'one' at `node:`", refused)
        first.release()
        self.lock("one")

    def test_unnamed(self):
        """One without a name beside any other is refused, and so is any other beside it."""
        named = self.lock("one")
        self.assertIn("or a name at `node:`", str(self.assertRaises(InUse, self.lock)))
        named.release()
        alone = self.lock()
        self.assertIn("or that one a name at `node:`", str(self.assertRaises(InUse, self.lock, "one")))
        alone.release()
        self.lock("one")

    def test_refused_holds_nothing(self):
        """Who was refused is in nobody's way."""
        first = self.lock("one")
        self.assertRaises(InUse, self.lock, "one")
        first.release()
        self.lock()

    def test_is_gone(self):
        """Whether one runs can be seen, and looking is in nobody's way."""
        self.assertTrue(is_gone(self.path, "one"))
        lock = self.lock("one")
        self.assertFalse(is_gone(self.path, "one"))
        lock.release()
        self.assertTrue(is_gone(self.path, "one"))
        self.lock("one")
