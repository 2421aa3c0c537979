"""Calls that are over are found by their SID and read page by page, for 30 days, whatever is asked for."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import maybeDeferred
from twisted.internet.task import Clock
from twisted.logger import LogLevel, capturedLogs
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from voiced.errors import StoreError
from voiced.ikept import IKeptCalls
from voiced.store.kept import KeptCalls
from voiced.store.store import open_store

DAY = 24 * 3600


def line(number, flow="sales", **more):
    """A line of the journal."""
    return {"event": "ended", "call": f"CA{number:032x}", "flow": flow, "number": number} | more


class KeptCallsTests(SynchronousTestCase):
    def setUp(self):
        self.path = Path(self.mktemp())
        self.store = None
        self.clock = Clock()
        self.clock.advance(1_700_000_000)
        self.kept = self.restart()

    def restart(self):
        """What a daemon that begins has when the one before was killed."""
        if self.store is not None:
            self.store.lock.release()
        self.store = open_store(self.path, maybeDeferred, self.clock)
        self.addCleanup(self.store.close)
        return self.store.kept

    def keep(self, *lines):
        """So many calls end, one after the other."""
        for each in lines:
            self.assertIsNone(self.successResultOf(self.kept.keep(each)))

    def page(self, limit=100, before=None, flows=None):
        """A page: the numbers of its calls, and where the next one begins."""
        page = self.successResultOf(self.kept.page(limit, before, flows))
        return [each["number"] for each in page.lines], page.before

    def sql(self, statement):
        """Have SQLite do it."""
        self.successResultOf(
            self.store.database.run(lambda connection: connection.exec_driver_sql(statement).close())
        )

    def test_interface(self):
        """It provides what it claims."""
        verifyObject(IKeptCalls, self.kept)

    def test_find(self):
        """A call is found by its SID, whole, also after a restart; another is not."""
        whole = line(1, steps=[{"node": "a", "ended": None}], caller="Zoë \ud83d", seconds=1.5, first_audio_ms=None)
        self.keep(whole, line(2))
        for kept in (self.kept, self.restart()):
            self.assertEqual(self.successResultOf(kept.find(whole["call"])), whole)
            for nobody in ("CA" + "f" * 32, "", "%", "\ud83d", "' OR 1=1 --"):
                self.assertIsNone(self.successResultOf(kept.find(nobody)))

    def test_twice(self):
        """A call that ends again, as it does when a daemon died under it, is kept as it ended last."""
        self.keep(line(1), line(2), line(1, ending="completed"))
        self.assertEqual(self.page(), ([1, 2], None))
        self.assertEqual(self.successResultOf(self.kept.find(line(1)["call"])), line(1, ending="completed"))

    def test_pages(self):
        """Pages follow each other, newest first, and the last one says that it is the last."""
        self.assertEqual(self.page(), ([], None))
        self.keep(*map(line, range(1, 6)))
        first, before = self.page(2)
        second, then = self.page(2, before)
        self.assertEqual((first, second, self.page(2, then)), ([5, 4], [3, 2], ([1], None)))
        self.assertEqual(self.page(5), ([5, 4, 3, 2, 1], None))

    def test_calls_that_end_between_pages(self):
        """A page is where it was, whatever has ended since, and whatever was swept."""
        self.keep(*map(line, range(1, 6)))
        _, before = self.page(2)
        self.keep(line(6), line(4, ending="again"))
        self.assertEqual(self.page(2, before), ([3, 2], self.page(2, before)[1]))
        self.sql("DELETE FROM kept")
        self.assertEqual(self.page(2, before), ([], None))
        self.keep(line(7))
        self.assertEqual(self.page(2, before), ([], None))

    def test_flows(self):
        """Calls of other flows are left out, and pages are full all the same."""
        self.keep(*(line(number, "sales" if number % 3 else "secret") for number in range(1, 8)))
        self.assertEqual(
            self.page(3, None, frozenset({"sales"})), ([7, 5, 4], self.page(3, None, None)[1][:-1] + "4")
        )
        self.assertEqual(self.page(9, None, frozenset({"secret"})), ([6, 3], None))
        self.assertEqual(self.page(9, None, frozenset({"secret", "sales"})), ([7, 6, 5, 4, 3, 2, 1], None))
        for nobody in (frozenset(), frozenset({"other"}), frozenset({"\ud83d"})):
            self.assertEqual(self.page(9, None, nobody), ([], None))

    def test_wrong_place(self):
        """What no page has said is refused at once."""
        for wrong in ("", "0", "-1", "x", "1 ", "\uff11", "1\n", "f" * 16, "1;--", "\ud83d", "01", "A"):
            self.assertRaises(ValueError, self.kept.page, 10, wrong, None)

    def test_no_limit(self):
        """A page of nothing is refused: there would be no end of them."""
        for wrong in (0, -1):
            self.assertRaises(ValueError, self.kept.page, wrong, None, None)

    @given(st.text(max_size=20))
    def test_any_place(self, place):
        """Whatever comes for a place is refused, or is one."""
        try:
            page = self.kept.page(1, place, None)
        except ValueError:
            return
        self.assertEqual(self.successResultOf(page).before, None)

    @given(st.lists(st.sampled_from(["sales", "support"]), max_size=12), st.integers(1, 5), st.booleans())
    def test_all_pages(self, flows, limit, filtered):
        """Page after page is every call once, newest first, and no other."""
        self.kept = open_store(None, maybeDeferred, self.clock).kept
        self.keep(*(line(number, flow) for number, flow in enumerate(flows)))
        chosen, before, read = frozenset({"sales"}) if filtered else None, None, []
        for _ in range(len(flows) + 1):
            numbers, before = self.page(limit, before, chosen)
            read += numbers
            if before is None:
                break
        expected = [number for number, flow in enumerate(flows) if not filtered or flow == "sales"]
        self.assertEqual(read, expected[::-1])

    def test_thirty_days(self):
        """A call is kept for 30 days; nobody sees it then, and the next that ends sweeps it out."""
        self.keep(line(1))
        self.clock.advance(30 * DAY - 1)
        self.keep(line(2))
        self.assertEqual(self.page(), ([2, 1], None))
        self.clock.advance(1)
        self.assertEqual(self.page(), ([2], None))
        self.assertIsNone(self.successResultOf(self.kept.find(line(1)["call"])))
        self.keep(line(3))
        self.clock.rightNow -= 5
        self.assertEqual(self.page(), ([3, 2], None))

    def test_most(self):
        """The oldest make room for the newest."""
        self.kept = KeptCalls(self.store.database, self.clock, most=3)
        self.keep(*map(line, range(10)))
        self.assertEqual(self.page(), ([9, 8, 7], None))

    def test_trouble(self):
        """What cannot be kept is logged when that begins and when it is over; reading it fails by name."""
        with capturedLogs() as logs:
            self.sql("ALTER TABLE kept RENAME TO away")
            self.keep(line(1), line(2))
            for asked in (self.kept.find(line(1)["call"]), self.kept.page(1, None, None)):
                self.failureResultOf(asked, StoreError)
            self.sql("ALTER TABLE away RENAME TO kept")
            self.keep(line(3), line(4))
        self.assertEqual([event["log_level"] for event in logs], [LogLevel.error, LogLevel.info])
        self.assertEqual(self.page(), ([4, 3], None))

    def test_unreadable(self):
        """A line that somebody spoilt is named, and not half of an answer."""
        self.keep(line(1))
        self.sql("UPDATE kept SET line = '{'")
        self.failureResultOf(self.kept.find(line(1)["call"]), StoreError)
        self.failureResultOf(self.kept.page(1, None, None), StoreError)

    def test_our_own_fault(self):
        """A line that is no JSON is a fault of ours, and is not taken for one of the disk's."""
        self.assertRaises(TypeError, self.kept.keep, line(1, when=object()))
