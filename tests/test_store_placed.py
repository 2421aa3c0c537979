"""An idempotency key stands for one call, for 24 hours, over restarts, and however many ask at once."""

from pathlib import Path

import attrs
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from voiced.errors import StoreError
from voiced.icarrier import CallOrder
from voiced.ikept import IPlacedCalls, Others, Placed
from voiced.store.store import open_store

NOW = 1_700_000_000.0
DAY = 24 * 3600
SID = "CA" + "0" * 32
ORDER = CallOrder("main", "+14155550101", "+14155550123", "a reference", timeout=20, seconds=60, detect="enable")
PLACED = Placed("a fingerprint", ORDER, NOW)
NOBODY = Others(frozenset(), waiting=False)
ELSEWHERE = attrs.evolve(ORDER, to="+14155550199")
HOSTILE_SIDS = [
    "CA",
    SID.lower(),
    SID[:-1],
    SID + " ",
    SID + "\0",
    "\0",
    "%",
    "_",
    "C%",
    "CA*",
    "*",
    "' OR 1=1 --",
    "é",
]
"""None of these is the SID of a call, however a database might compare them."""


class PlacedCallsTests(SynchronousTestCase):
    def setUp(self):
        self.path = Path(self.mktemp())
        self.store = None
        self.clock = Clock()
        self.clock.advance(NOW)
        self.placed = self.restart()

    def restart(self, in_thread=maybeDeferred):
        """The keys of a daemon that begins when the one before was killed."""
        if self.store is not None:
            self.store.lock.release()
        self.store = open_store(self.path, in_thread, self.clock)
        self.addCleanup(self.store.close)
        return self.store.placed

    def begin(self, key="key", placed=PLACED):
        """What is known of a key when somebody uses it."""
        return self.successResultOf(self.placed.begin(key, placed))

    def test_interface(self):
        """It provides what it claims."""
        verifyObject(IPlacedCalls, self.placed)

    def test_new(self):
        """A key that nobody has used is nobody's; then it stands for what it was first used for."""
        self.assertIsNone(self.begin())
        self.assertEqual(self.begin(placed=Placed("another", ORDER, NOW + 1)), PLACED)
        self.assertIsNone(self.begin("another key"))

    def test_named(self):
        """The SID that the carrier gave stands under its key, and under no other."""
        self.begin()
        self.begin("other")
        self.assertIsNone(self.successResultOf(self.placed.named("key", SID)))
        self.assertEqual(self.begin(), attrs.evolve(PLACED, sid=SID))
        self.assertEqual(self.begin("other"), PLACED)

    def test_forget(self):
        """A key whose call was not placed is free again, and no other."""
        self.begin()
        self.begin("other")
        self.assertIsNone(self.successResultOf(self.placed.forget("key")))
        self.assertIsNone(self.begin())
        self.assertEqual(self.begin("other"), PLACED)

    def test_unknown(self):
        """A name for a key that is forgotten makes nothing known."""
        self.successResultOf(self.placed.named("key", SID))
        self.successResultOf(self.placed.forget("key"))
        self.assertIsNone(self.begin())

    def test_restart(self):
        """A daemon that begins knows every key, with the whole order, named or not."""
        self.begin("asked")
        self.begin("named")
        self.placed.named("named", SID)
        self.placed = self.restart()
        self.assertEqual((self.begin("asked"), self.begin("named")), (PLACED, attrs.evolve(PLACED, sid=SID)))

    def test_a_day(self):
        """A key stands for its call for 24 hours, and then is free, and gone."""
        self.begin()
        self.clock.advance(DAY - 1)
        self.assertEqual(self.begin(), PLACED)
        self.clock.advance(1)
        late = attrs.evolve(PLACED, asked=self.clock.seconds())
        self.assertIsNone(self.begin("other", late))
        self.assertEqual(self.rows("SELECT count(*) FROM placed"), [(1,)])
        self.assertIsNone(self.begin(placed=late))
        self.assertEqual(self.begin(), late)

    def test_two_at_once(self):
        """Of two that come together only one is the first, also when one was on its way as its daemon was killed."""
        waiting = []

        def in_thread(f, *args):
            waiting.append((done := Deferred(), f, args))
            return done

        daemons = [self.restart(in_thread), self.restart(in_thread)]
        begun = [daemon.begin("key", PLACED) for _ in range(2) for daemon in daemons]
        while waiting:
            done, f, args = waiting.pop()
            maybeDeferred(f, *args).chainDeferred(done)
        results = [self.successResultOf(each) for each in begun]
        self.assertEqual(sorted(results, key=bool), [None, PLACED, PLACED, PLACED])

    def test_hashed(self):
        """A key does not stand in the file; whatever a client calls a call is not ours to keep."""
        self.begin("a customer's name")
        self.assertNotIn("customer", str(self.rows("SELECT * FROM placed")))

    def test_any_key(self):
        """A key may be anything, and is another one for any difference."""
        keys = ["", " ", "é", "e\u0301", "\0", "\ud83d", "KEY", "key ", "k" * 100_000, "' OR 1=1 --"]
        self.assertEqual([self.begin(key) for key in keys], [None] * len(keys))
        self.assertEqual([self.begin(key) for key in keys], [PLACED] * len(keys))

    def others(self, key="key", sids=(), to=ORDER.to):
        """What is known of the calls of other keys than this one."""
        return self.successResultOf(self.placed.others(key, sids, to))

    def called(self, sid=SID):
        """The call of that SID."""
        return self.successResultOf(self.placed.called(sid))

    def test_others(self):
        """Of some SIDs, those that belong to another key; never this key's own, and none that was not asked about."""
        for key, sid in [("key", "CA1"), ("other", "CA2"), ("third", "CA3")]:
            self.begin(key)
            self.successResultOf(self.placed.named(key, sid))
        self.assertEqual(self.others(sids=["CA1", "CA2", "CA9"]), Others(frozenset({"CA2"}), waiting=False))
        self.assertEqual(self.others("other", ["CA1", "CA2", "CA3"]).sids, {"CA1", "CA3"})
        self.assertEqual(self.others("a call without a key", ["CA1", "CA2", "CA3"]).sids, {"CA1", "CA2", "CA3"})
        self.assertEqual(self.others("", []), NOBODY)

    def test_others_wait(self):
        """Whether another key, and not this one, waits for the SID of a call to the same number, and not another."""
        self.begin()
        self.assertEqual(self.others(), NOBODY)
        self.begin("elsewhere", attrs.evolve(PLACED, order=ELSEWHERE))
        self.assertEqual(self.others(), NOBODY)
        self.assertTrue(self.others(to=ELSEWHERE.to).waiting)
        self.assertTrue(self.others("other").waiting)
        self.assertTrue(self.others("").waiting)
        self.begin("other")
        self.assertTrue(self.others().waiting)
        for done in (self.placed.named("other", SID), self.placed.forget("elsewhere")):
            self.successResultOf(done)
        self.assertEqual(self.others(), NOBODY)
        self.assertEqual(self.others(to=ELSEWHERE.to), NOBODY)

    def test_called(self):
        """A SID leads to what was asked for; one that no key stands for leads nowhere."""
        self.begin()
        self.assertEqual((self.called(), self.called("")), (None, None))
        self.successResultOf(self.placed.named("key", SID))
        self.begin("other", attrs.evolve(PLACED, order=ELSEWHERE))
        self.successResultOf(self.placed.named("other", "CA2"))
        self.assertEqual(self.called(), attrs.evolve(PLACED, sid=SID))
        self.assertEqual(self.called("CA2"), attrs.evolve(PLACED, order=ELSEWHERE, sid="CA2"))
        self.assertIsNone(self.called("CA3"))
        self.successResultOf(self.placed.forget("key"))
        self.assertIsNone(self.called())

    def test_hostile_sids(self):
        """A SID is data, and compared as it is; one that is empty is no call's, though a key waits for its own."""
        self.begin()
        self.begin("other")
        self.successResultOf(self.placed.named("other", SID))
        for sid in [*HOSTILE_SIDS, "", "C" * 100_000]:
            self.assertIsNone(self.called(sid), sid[:50])
        asked = [*HOSTILE_SIDS, SID]
        self.assertEqual(self.others(sids=asked), Others(frozenset({SID}), waiting=False))
        self.assertEqual(self.others("third", HOSTILE_SIDS, "' OR 1=1 --"), NOBODY)
        for sid in HOSTILE_SIDS:
            self.successResultOf(self.placed.named("other", sid))
            self.assertEqual(self.called(sid), attrs.evolve(PLACED, sid=sid))
            self.assertEqual(self.others(sids=asked).sids, {sid})

    def test_others_after_a_restart(self):
        """A daemon that begins knows whose calls are whose, and which wait."""
        self.begin()
        self.begin("other")
        self.successResultOf(self.placed.named("other", SID))
        self.placed = self.restart()
        self.assertEqual(self.called(), attrs.evolve(PLACED, sid=SID))
        self.assertEqual(self.others("third", [SID]), Others(frozenset({SID}), waiting=True))

    def test_others_after_a_day(self):
        """When 24 hours are over a key has no call any more, and waits for none."""
        self.begin("named")
        self.begin("waits")
        self.successResultOf(self.placed.named("named", SID))
        self.clock.advance(DAY - 1)
        self.begin("key", attrs.evolve(PLACED, asked=self.clock.seconds()))
        self.assertEqual(self.others(sids=[SID]), Others(frozenset({SID}), waiting=True))
        self.assertEqual(self.called(), attrs.evolve(PLACED, sid=SID))
        self.clock.advance(1)
        self.begin("key", attrs.evolve(PLACED, asked=self.clock.seconds()))
        self.assertEqual((self.others(sids=[SID]), self.called()), (NOBODY, None))
        self.assertTrue(self.others("other").waiting)

    def test_unreadable_others(self):
        """An order that somebody spoilt is not taken for one to another number, nor its call for one of nobody."""
        self.begin()
        self.rows("UPDATE placed SET \"order\" = '[]'")
        self.failureResultOf(self.placed.others("other", [], ORDER.to), StoreError)
        self.successResultOf(self.placed.named("key", SID))
        self.failureResultOf(self.placed.called(SID), StoreError)
        self.assertEqual(self.others("other", [SID]).sids, {SID})

    def test_closed(self):
        """A store that is closed says so, rather than that nobody has that call."""
        self.successResultOf(self.store.close())
        for failed in (self.placed.others("key", [SID], ORDER.to), self.placed.called(SID)):
            self.failureResultOf(failed, StoreError)

    def test_trouble(self):
        """What cannot be written fails: nobody may ask the carrier then."""
        self.store.database.run(lambda connection: connection.exec_driver_sql("PRAGMA query_only = ON").close())
        for failed in (self.placed.begin("key", PLACED), self.placed.named("key", SID), self.placed.forget("key")):
            self.failureResultOf(failed, StoreError)

    def test_unreadable_order(self):
        """An order that somebody spoilt is not taken for none."""
        self.begin()
        self.rows("UPDATE placed SET \"order\" = '[]'")
        self.failureResultOf(self.placed.begin("key", PLACED), StoreError)

    def test_order_of_another_version(self):
        """An order of a version that knew less, or more, is read."""
        self.begin()
        self.rows("UPDATE placed SET \"order\" = json_remove(json_set(\"order\", '$.new', 1), '$.detect')")
        self.assertEqual(self.begin().order, attrs.evolve(ORDER, detect=""))

    def rows(self, statement):
        """What SQLite itself says."""

        def work(connection):
            result = connection.exec_driver_sql(statement)
            return result.all() if result.returns_rows else None

        return self.successResultOf(self.store.database.run(work))

    @given(
        st.lists(
            st.tuples(st.sampled_from(["begin", "named", "forget", "restart"]), st.sampled_from("ab")), max_size=12
        )
    )
    def test_never_two_calls(self, acts):
        """Whatever happens in whatever order, a key is free if and only if nobody holds it."""
        self.path.unlink(missing_ok=True)
        self.placed, held = self.restart(), {}
        for act, key in acts:
            match act:
                case "begin":
                    known = self.begin(key)
                    self.assertEqual(known and known.sid, held.get(key))
                    held.setdefault(key, "")
                case "named":
                    self.successResultOf(self.placed.named(key, SID))
                    held.update({key: SID} if key in held else {})
                case "forget":
                    self.successResultOf(self.placed.forget(key))
                    held.pop(key, None)
                case "restart":
                    self.placed = self.restart()
