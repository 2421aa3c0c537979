"""The database opens, upgrades and refuses files, and does one thing after the other, in threads, whatever fails."""

import queue
import shutil
import sqlite3
import threading
from functools import partial
from pathlib import Path

from sqlalchemy import inspect
from sqlalchemy.exc import OperationalError
from twisted.internet.defer import CancelledError, Deferred, maybeDeferred
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from tests.worker_threads import Threads
from voiced.errors import StoreError
from voiced.store.database import Database
from voiced.store.schema import COUNTS, KEPT, LIVE, OPTED_OUT, PLACED, TURNS, VERSIONS
from voiced.store.store import FILE, open_store


class RealThreads:
    """Real ones, a new one for each piece of work; `collect` brings a result back, as the reactor would."""

    def __init__(self):
        self.results = queue.SimpleQueue()
        self.names = []

    def __call__(self, f, *args):
        done = Deferred()
        threading.Thread(target=self.work, args=(done, f, args), name=f"worker {len(self.names)}").start()
        return done

    def work(self, done, f, args):
        self.names.append(threading.current_thread().name)
        try:
            self.results.put((done.callback, f(*args)))
        except Exception:  # noqa: BLE001 - whatever it is, it comes back as a failure
            self.results.put((done.errback, Failure()))

    def collect(self):
        fire, result = self.results.get(timeout=10)
        fire(result)


def insert(name):
    """Work that writes a count of that name, and says how many there are."""

    def work(connection):
        connection.execute(COUNTS.insert(), {"name": name, "until": 1.0, "amount": 1.0})
        return connection.exec_driver_sql("SELECT count(*) FROM counts").scalar()

    return work


def fail(error, connection):
    """Work that meets this error."""
    raise error


def names(connection):
    """Work that reads all names."""
    return [name for (name,) in connection.exec_driver_sql("SELECT name FROM counts ORDER BY name")]


def settings(connection):
    """Work that says how the connection is set up."""
    return {
        pragma: connection.exec_driver_sql(f"PRAGMA {pragma}").scalar()
        for pragma in ("journal_mode", "synchronous", "secure_delete")
    }


class InDirectory(SynchronousTestCase):
    """Has a data directory, and closes what it opened there."""

    def setUp(self):
        self.directory = Path(self.mktemp())
        self.directory.mkdir()
        self.path = self.directory / FILE

    def open(self, in_thread=maybeDeferred, path=None):
        database = Database(path or self.path, in_thread)
        self.addCleanup(database.close)
        return database

    def do(self, database, statement):
        """Have SQLite do it, on the connection that is used from then on; gives the first thing it answers."""

        def work(connection):
            result = connection.exec_driver_sql(statement)
            return result.scalar() if result.returns_rows else None

        return self.successResultOf(database.run(work))

    def refusal(self):
        """What is said of a file that cannot be opened: all that an operator reads."""
        return str(self.assertRaises(StoreError, Database, self.path, maybeDeferred))


class OpeningTests(InDirectory):
    def test_settings(self):
        """What is committed is on the disk, and what is deleted is gone from it."""
        self.assertEqual(
            self.successResultOf(self.open().run(settings)),
            {"journal_mode": "wal", "synchronous": 2, "secure_delete": 1},
        )

    def test_private(self):
        """Nobody else may read any of its files, not even where an older one could be read."""
        self.path.touch(mode=0o644)
        self.successResultOf(self.open().run(insert("a")))
        modes = {file.name: file.stat().st_mode & 0o777 for file in self.directory.iterdir()}
        self.assertEqual(modes, {FILE: 0o600, f"{FILE}-wal": 0o600, f"{FILE}-shm": 0o600})

    def test_close(self):
        """Closing puts everything into the one file, and it opens again with all of it."""
        database = self.open()
        database.now(insert("a"))
        self.successResultOf(database.close())
        self.assertEqual([file.name for file in self.directory.iterdir()], [FILE])
        self.assertEqual(self.open().now(names), ["a"])

    def test_awkward_path(self):
        """A path is a path, whatever is in it that a URL would take for its own."""
        self.path = self.directory / "a?b=c#d %20é.sqlite"
        self.open().now(insert("a"))
        self.assertTrue(self.path.exists())

    def test_killed(self):
        """What was committed is there for the next daemon, where the last one closed nothing."""
        database = self.open()
        self.successResultOf(database.run(insert("a")))
        copies = Path(self.mktemp())
        shutil.copytree(self.directory, copies)
        self.assertEqual(self.open(path=copies / FILE).now(names), ["a"])
        self.assertEqual(self.open().now(names), ["a"])

    def test_killed_in_the_middle(self):
        """Of what was not committed nothing is there."""
        copies = Path(self.mktemp())

        def die(connection):
            insert("half")(connection)
            shutil.copytree(self.directory, copies)

        self.successResultOf(self.open().run(die))
        self.assertEqual(self.open(path=copies / FILE).now(names), [])

    def test_forked(self):
        """At the start no connection is left open that twistd's fork would carry over: nothing is beside the file."""
        database = self.open()
        database.now(insert("a"))
        self.assertEqual([file.name for file in self.directory.iterdir()], [FILE])
        self.assertEqual(self.successResultOf(database.run(insert("b"))), 2)

    def test_in_memory(self):
        """Without a path nothing is written anywhere."""
        database = Database(None, maybeDeferred)
        self.assertEqual(self.successResultOf(database.run(insert("a"))), 1)
        self.successResultOf(database.close())
        self.assertEqual(list(self.directory.iterdir()), [])

    def test_store(self):
        """A store is its three parts on one file, and closes with them."""
        store = open_store(self.path, maybeDeferred, Clock())
        self.successResultOf(store.counts.keep({"a": (1.0, 1.0)}))
        self.successResultOf(store.close())
        self.failureResultOf(store.placed.forget("k"), StoreError)
        self.assertEqual(open_store(self.path, maybeDeferred, Clock()).counts.load(), {"a": (1.0, 1.0)})


class VersionTests(InDirectory):
    def test_tables(self):
        """What statements are made of is what the versions have made."""

        def made(connection):
            look = inspect(connection)
            return {name: {column["name"] for column in look.get_columns(name)} for name in look.get_table_names()}

        expected = {
            table.name: {column.name for column in table.columns}
            for table in (COUNTS, PLACED, KEPT, OPTED_OUT, LIVE, TURNS)
        }
        self.assertEqual(self.open().now(made), expected)

    def test_version(self):
        """The file says which version it has, and opening it again changes nothing."""
        for _ in range(2):
            database = self.open()
            self.assertEqual(self.do(database, "PRAGMA user_version"), len(VERSIONS))

    def test_next_version(self):
        """A file of the version before is brought up to date and keeps what it holds."""
        self.open().now(insert("a"))
        database = Database(self.path, maybeDeferred, (*VERSIONS, ("ALTER TABLE counts ADD COLUMN note TEXT",)))
        self.addCleanup(database.close)
        self.assertEqual(database.now(names), ["a"])
        self.assertIsNone(self.do(database, "SELECT note FROM counts"))

    def test_failed_upgrade(self):
        """An upgrade that fails halfway leaves the file as it was."""
        self.open().now(insert("a"))
        versions = (*VERSIONS, ("ALTER TABLE counts ADD COLUMN note TEXT", "CREATE TABLE counts (a TEXT)"))
        with self.assertRaisesRegex(StoreError, "already exists"):
            Database(self.path, maybeDeferred, versions)
        database = self.open()
        self.assertEqual(self.do(database, "PRAGMA user_version"), len(VERSIONS))
        self.assertNotIn("note", self.do(database, "SELECT group_concat(sql) FROM sqlite_master"))

    def test_newer(self):
        """A file of a newer voiced is left alone, and the sentence says what to do."""
        self.do(self.open(), "PRAGMA user_version = 1000")
        said = self.refusal()
        for part in (str(self.path), "version 1000", "install that one again"):
            self.assertIn(part, said)


class TroubleTests(InDirectory):
    def test_not_a_database(self):
        """A file of something else is not touched, and the sentence says what to do."""
        self.path.write_bytes(b"not a database, but a diary\n" * 100)
        said = self.refusal()
        for part in (str(self.path), "is broken", "move it away"):
            self.assertIn(part, said)
        self.assertTrue(self.path.read_bytes().startswith(b"not a database"))

    def test_broken_page(self):
        """A page that a disk has spoilt is found before anything is counted by it."""
        database = self.open()
        for number in range(300):
            database.now(insert(f"a count with quite a long name, so that it fills pages: {number:04}"))
        self.successResultOf(database.close())
        content = bytearray(self.path.read_bytes())
        at = content.index(b"fills pages: 0100") // 4096 * 4096
        content[at : at + 2000] = b"\xa5" * 2000
        self.path.write_bytes(content)
        self.assertIn("is broken", self.refusal())

    def test_broken_order(self):
        """A bit that has turned over in a name is found, too: what is looked up would not be found."""
        database = self.open()
        for number in range(300):
            database.now(insert(f"a count: {number:04}"))
        self.successResultOf(database.close())
        self.path.write_bytes(self.path.read_bytes().replace(b"a count: 0150", b"a count: 9150"))
        self.assertIn("is broken", self.refusal())

    def test_truncated(self):
        """Half a file is a broken one."""
        self.successResultOf(self.open().close())
        content = self.path.read_bytes()
        self.path.write_bytes(content[: len(content) // 2])
        self.assertIn("is broken", self.refusal())

    def test_no_directory(self):
        """Where no file can be made, the sentence names it and what must be."""
        self.path = self.directory / "file" / FILE
        self.path.parent.touch()
        said = self.refusal()
        for part in (str(self.path), "Not a directory", "`data:`"):
            self.assertIn(part, said)

    def test_a_directory(self):
        """A directory in its place is said to be what is wrong."""
        self.path.mkdir()
        self.assertIn("cannot be written (unable to open database file)", self.refusal())

    def test_full_disk(self):
        """A full disk fails what is written then, wholly; there is room again, and it goes on."""
        database = self.open()
        database.now(insert("a"))
        self.do(database, "PRAGMA max_page_count = 1")  # as many as there are
        for number in range(200):
            last = database.run(insert(f"{number:0100}"))
            if isinstance(getattr(last, "result", None), Failure):
                break
        self.assertIn("the disk is full", str(self.failureResultOf(last, StoreError).value))
        self.assertEqual(len(self.successResultOf(database.run(names))), number + 1)
        self.do(database, "PRAGMA max_page_count = 100000")
        self.assertEqual(self.successResultOf(database.run(insert("b"))), number + 2)

    def test_read_only(self):
        """What may not be written is said to be so, and can still be read."""
        database = self.open()
        self.do(database, "PRAGMA query_only = ON")
        said = str(self.failureResultOf(database.run(insert("a")), StoreError).value)
        self.assertIn(f"{self.path} cannot be written", said)
        self.assertEqual(self.successResultOf(database.run(names)), [])

    def test_locked(self):
        """A process that keeps the file locked is said to be what is wrong."""
        database = self.open()
        self.do(database, "PRAGMA busy_timeout = 1")
        other = sqlite3.connect(self.path, isolation_level=None)
        self.addCleanup(other.close)
        other.execute("BEGIN IMMEDIATE")
        self.assertIn("second voiced", str(self.failureResultOf(database.run(insert("a")), StoreError).value))
        other.execute("ROLLBACK")
        self.assertEqual(self.successResultOf(database.run(insert("a"))), 1)

    def test_other_troubles(self):
        """What a test cannot make a disk do is named as well, and so is what nobody has thought of."""
        for code, said in (
            (sqlite3.SQLITE_IOERR_FSYNC, "is the disk full? If not, look for a failing one"),
            (sqlite3.SQLITE_CORRUPT_INDEX, "is broken"),
            (sqlite3.SQLITE_BUSY_SNAPSHOT, "is locked by another process"),
            (sqlite3.SQLITE_PROTOCOL, "cannot be used (the reason)"),
        ):
            error = sqlite3.OperationalError("the reason")
            error.sqlite_errorcode = code
            failure = self.failureResultOf(
                self.open().run(partial(fail, OperationalError("", {}, error))), StoreError
            )
            self.assertIn(f"{self.path} ", str(failure.value))
            self.assertIn(said, str(failure.value))

    def test_shows_no_values(self):
        """Nothing of what was to be written is in the error, nor in what it came from."""
        database = self.open()
        database.now(insert("+14155550101"))
        failure = self.failureResultOf(database.run(insert("+14155550101")), StoreError)
        self.assertNotIn("5550101", failure.getTraceback() + str(failure.value.__cause__))

    def test_our_own_fault(self):
        """What is no fault of the file is not taken for one, and leaves nothing behind."""
        database = self.open()

        def broken(connection):
            insert("a")(connection)
            return 1 / 0

        self.failureResultOf(database.run(broken), ZeroDivisionError)
        self.assertEqual(database.now(names), [])


class ThreadTests(InDirectory):
    def names(self):
        """What somebody else reads in the file."""
        return self.open().now(names)

    def test_nothing_in_the_reactor(self):
        """Nothing is done before a thread takes it, and one at a time does."""
        threads = Threads()
        database = self.open(threads)
        results = [database.run(insert(name)) for name in "abc"]
        for number, result in enumerate(results):
            self.assertEqual((len(threads.work), self.names()), (1, list("abc"[:number])))
            self.assertNoResult(result)
            threads.run()
            self.assertEqual(self.successResultOf(result), number + 1)

    def test_real_threads(self):
        """In real threads, each time another one, work is done in the order it was given."""
        threads = RealThreads()
        database = self.open(threads)
        results = [database.run(insert(f"{number:02}")) for number in range(20)]
        for _ in results:
            threads.collect()
        self.assertEqual([self.successResultOf(result) for result in results], list(range(1, 21)))
        self.assertEqual(threads.names, [f"worker {number}" for number in range(20)])
        closed = database.close()
        threads.collect()
        self.successResultOf(closed)

    def test_a_failure_holds_up_nobody(self):
        """What comes after work that failed is done."""
        threads = Threads()
        database = self.open(threads)
        first, second, third = (database.run(insert(name)) for name in "aab")
        for _ in range(3):
            threads.run()
        self.failureResultOf(second, StoreError)
        self.assertEqual((self.successResultOf(first), self.successResultOf(third)), (1, 2))

    def test_cancel_before_its_turn(self):
        """What is cancelled while it waits is never done."""
        threads = Threads()
        database = self.open(threads)
        first, second, third = (database.run(insert(name)) for name in "abc")
        second.cancel()
        self.failureResultOf(second, CancelledError)
        threads.run()
        threads.run()
        self.assertEqual((self.successResultOf(first), self.successResultOf(third)), (1, 2))
        self.assertEqual(self.names(), ["a", "c"])

    def test_cancel_in_the_thread(self):
        """What a thread has taken is done to its end, and nothing else is begun before that."""
        threads = Threads()
        database = self.open(threads)
        first, second = (database.run(insert(name)) for name in "ab")
        first.cancel()
        self.failureResultOf(first, CancelledError)
        self.assertEqual(len(threads.work), 1)
        threads.run()
        threads.run()
        self.assertEqual(self.successResultOf(second), 2)

    def test_close_waits(self):
        """Closing lets all be done that was given before, and nothing after."""
        threads = Threads()
        database = self.open(threads)
        before, closed, after = database.run(insert("a")), database.close(), database.run(insert("b"))
        threads.run()
        self.assertEqual(self.successResultOf(before), 1)
        self.assertNoResult(closed)
        threads.run()
        self.assertIsNone(self.successResultOf(closed))
        self.assertIn("is closed", str(self.failureResultOf(after, StoreError).value))
        self.assertIsNone(self.successResultOf(database.close()))
        self.assertEqual(self.open().now(names), ["a"])
