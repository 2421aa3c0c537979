"""Where live calls stand is on the disk, sealed, and gone when they are over."""

from pathlib import Path

import attrs
import msgspec
from twisted.internet.defer import maybeDeferred
from twisted.internet.task import Clock
from twisted.logger import LogLevel, capturedLogs
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from voiced.call.records import (
    AgentRecord,
    CallInfo,
    CallRecord,
    DisclosureRecord,
    Ending,
    LegRecord,
    OptOutRecord,
    RecordingRecord,
    Said,
    Stage,
    StepRecord,
    TextRecord,
    ToolRecord,
)
from voiced.icarrier import CallOrder
from voiced.iguard import Charged
from voiced.istanding import ISharedStandings, IStandings, Keeper, LeftOff, LegStanding, OrderStanding, Standing
from voiced.ivoiced import Dial, Dialled
from voiced.store.store import open_store

NOW = 1_700_000_000.0
INFO = CallInfo("CA" + "1" * 32, "main", "+14155550100", "+14155550123", attestation="A")
RECORD = CallRecord(
    INFO,
    "reception",
    NOW,
    answered=NOW + 1,
    reason="secret reason",
    steps=[StepRecord("a", 1, "say", NOW, NOW + 1, "done"), StepRecord("a", 2, "gather", NOW + 1)],
    agents=[AgentRecord("sales", NOW, tools=[ToolRecord("t", 1.0, False)], transcript=[Said("caller", "Hi", NOW)])],
    legs=[LegRecord("+14155550111", NOW)],
    recordings=[RecordingRecord("recordings/x.wav", 3.0, "key")],
    disclosures=[DisclosureRecord("An AI.", "en", NOW, 1.0, True)],
    opted_out=OptOutRecord("key", NOW),
    facts={"a": "b"},
    texts=[TextRecord("+14155550100", NOW, "SM1")],
    wire=[],
    faults=["one"],
)
STANDING = Standing(
    at=NOW,
    stage=Stage.DIALLED,
    flow="reception",
    seconds=600,
    record=RECORD,
    facts={"order.pin": "4711"},
    private=["order.pin"],
    secrets=["4711"],
    position=[("reception", "a", 1), ("inner", "b", 0)],
    entered=[{"argument.x": None}],
    rescued=True,
    order=OrderStanding(CallOrder("main", "+14155550100", "+14155550123", "ref"), "crm", "p", None, {"n": "v"}, "k"),
    told_at=("reception", "a", 1),
    verdict=Ending.TRANSFERRED,
    sorry="Sorry.",
    gone=Ending.CALLER_HUNG_UP,
    leg=LegStanding(Dial("+14155550111"), 0, ("reception", "a", 1), True, True),
    returned=(("reception", "a", 1), Dialled("busy")),
    parts={"desk": NOW},
    leaving={"desk": NOW + 5},
    left_off=LeftOff("Hello.", 1600),
    charged=(Charged("spend_per_day", "spend_per_day 'main'", 86400, NOW + 6400, 3.5, 0.25),),
    ticket="ticket",
)


class StandingsTests(SynchronousTestCase):
    """voiced.store.standings, on a real file."""

    def setUp(self):
        """A daemon that begins."""
        self.path, self.store = Path(self.mktemp()), None
        self.standings = self.restart()

    def restart(self, pepper=b"token"):
        """What a daemon has that begins when the one before was killed."""
        if self.store is not None:
            self.store.lock.release()
        clock = Clock()
        clock.advance(NOW)
        self.store = open_store(self.path, maybeDeferred, clock, pepper)
        self.addCleanup(self.store.close)
        return self.store.standings

    def keep(self, *standings, over=()):
        """Keep these."""
        self.successResultOf(self.standings.keep({each.name: each for each in standings}, over))

    def on_the_disk(self):
        """All bytes of the database."""
        return b"".join(path.read_bytes() for path in self.path.parent.glob(self.path.name + "*"))

    def other(self, number, **more):
        """Another call."""
        info = attrs.evolve(INFO, sid=f"CA{number:032x}")
        return msgspec.structs.replace(STANDING, record=attrs.evolve(RECORD, info=info, **more))

    def test_interface(self):
        """It provides what it claims."""
        verifyObject(IStandings, self.standings)

    def test_restart(self):
        """All of it is there again, as it was."""
        self.keep(STANDING)
        self.assertEqual(self.restart().load().standings, (STANDING,))

    def test_newest(self):
        """Of each call the newest; calls in the order in which they began; a call that is over is gone."""
        late, soon, over = self.other(1, began=NOW + 9), self.other(2, began=NOW - 9), self.other(3)
        self.keep(late, over, soon)
        self.keep(msgspec.structs.replace(late, rescued=False), over=[over.name])
        left = self.restart().load().standings
        self.assertEqual([each.name for each in left], [soon.name, late.name])
        self.assertFalse(left[1].rescued)
        self.keep(over=[soon.name, late.name])
        self.assertEqual(self.restart().load().standings, ())

    def test_nothing_to_read(self):
        """Nobody reads a number, a key or a word in the file, and nobody else may open it."""
        self.keep(STANDING)
        for text in (b"4711", b"+14155550100", b"secret reason", b"Hello."):
            self.assertNotIn(text, self.on_the_disk())
        self.assertEqual(self.path.stat().st_mode & 0o777, 0o600)

    def test_another_token(self):
        """With another Twilio token it cannot be read: that is said, and the row is deleted."""
        self.keep(STANDING)
        with capturedLogs() as logs:
            self.assertEqual(self.restart(b"another").load().standings, ())
        self.assertIn("another Twilio token", logs[0]["why"])
        self.assertEqual((logs[0]["log_level"], self.restart().load().standings), (LogLevel.error, ()))

    def test_another_version(self):
        """A row that another version has written, or somebody else, is left."""
        seal = self.standings._sealed(STANDING.name, {"no": "standing"})
        self.store.database.now(
            lambda connection: connection.exec_driver_sql(
                "INSERT INTO live (call, standing) VALUES (?, ?), (?, ?), (?, ?)",
                (STANDING.name, seal, "CA2", b"", "CA3", self.standings._sealed("other", STANDING)),
            )
        )
        self.assertEqual(self.restart().load().standings, ())

    def test_hostile(self):
        """A caller whose texts have no bytes is kept with others in their place, and keeps nobody else from it."""
        info = attrs.evolve(INFO, caller="\ud800x", sid="CA\udfff")
        hostile = msgspec.structs.replace(
            STANDING, record=attrs.evolve(RECORD, info=info), facts={"\ud800": "\udfff"}
        )
        self.keep(hostile, self.other(1))
        left = {each.name: each for each in self.restart().load().standings}
        self.assertEqual((left["CA?"].info.caller, left["CA?"].facts), ("?x", {"?": "?"}))
        self.assertEqual(len(left), 2)
        self.keep(over=[hostile.name])
        self.assertEqual(len(self.restart().load().standings), 1)

    def test_over(self):
        """A call whose end is among the calls that are over is not live, whatever its row says."""
        self.keep(STANDING)
        self.successResultOf(self.store.kept.keep({"call": STANDING.name, "flow": "reception"}))
        left = self.restart().load()
        self.assertEqual((left.standings, left.over), ((), (STANDING.name,)))


class SharedTests(SynchronousTestCase):
    """Several daemons with one file."""

    def setUp(self):
        """Two of them, and a call that is the first one's."""
        self.path = Path(self.mktemp())
        self.clock = Clock()
        self.clock.advance(NOW)
        self.one, self.two = self.begin("one"), self.begin("two")
        self.successResultOf(self.one.standings.keep({STANDING.name: STANDING}, ()))

    def begin(self, node):
        """A daemon of that name."""
        store = open_store(self.path, maybeDeferred, self.clock, b"pepper", node)
        self.addCleanup(store.close)
        return store

    def where(self, store, name=STANDING.name):
        """Where that one finds the call."""
        return self.successResultOf(store.standings.where([name, "other"]))

    def take(self, store, keeper):
        """What it is given of the call."""
        return self.successResultOf(store.standings.take([STANDING.name], keeper))

    def test_interface(self):
        """The contract is kept."""
        verifyObject(ISharedStandings, self.one.standings)

    def test_where(self):
        """Each sees who has it, and whether that one runs."""
        one = self.one.standings.me
        self.assertEqual(self.where(self.two).keeper, one)
        self.assertEqual(self.where(self.one).keeper, one)
        self.one.lock.release()
        self.assertTrue(self.where(self.two).keeper.gone)
        self.assertIsNone(self.where(self.two, "CA2").keeper)

    def test_over(self):
        """A call that has ended is known as such, also while its row is there."""
        self.successResultOf(self.one.kept.keep({"call": STANDING.name, "flow": "a"}))
        self.assertTrue(self.where(self.two).over)

    def test_taken_once(self):
        """Of two who take it one has it, and whoever had it does not write it any more."""
        was = self.where(self.two).keeper
        three = self.begin("three")
        self.assertEqual(self.take(self.two, was), STANDING)
        self.assertIsNone(self.take(three, was))
        changed = msgspec.structs.replace(STANDING, ticket="late")
        self.successResultOf(self.one.standings.keep({STANDING.name: changed}, [STANDING.name]))
        self.assertEqual(self.where(three).keeper, self.two.standings.me)
        self.assertEqual(self.take(three, self.two.standings.me), STANDING)

    def test_next_of_its_name(self):
        """It takes up what the one before has left; who had seen that one before cannot take it any more."""
        was = self.where(self.two).keeper
        self.one.lock.release()
        again = self.begin("one")
        self.assertEqual(again.standings.load().standings, (STANDING,))
        self.assertIsNone(self.take(self.two, was))
        self.assertEqual(self.where(self.two).keeper, again.standings.me)

    def test_taken_before_that(self):
        """What was taken meanwhile is not taken up again."""
        self.one.lock.release()
        self.take(self.two, self.where(self.two).keeper)
        self.assertEqual(self.begin("one").standings.load().standings, ())

    def test_handed_over(self):
        """It is the other one's, as it stands by then; also a call that was never written."""
        changed = msgspec.structs.replace(STANDING, ticket="new")
        self.successResultOf(self.one.standings.hand_over(changed, self.two.standings.me))
        self.assertEqual(self.take(self.two, self.two.standings.me), changed)
        self.successResultOf(self.one.standings.keep({}, [STANDING.name]))
        self.assertEqual(self.where(self.one).keeper.node, "two")
        new = msgspec.structs.replace(STANDING, record=attrs.evolve(RECORD, info=attrs.evolve(INFO, sid="CA9")))
        self.successResultOf(self.one.standings.hand_over(new, Keeper("two", "boot")))
        self.assertEqual(self.where(self.one, "CA9").keeper, Keeper("two", "boot"))

    def test_alone(self):
        """One without a name takes up whatever is left, whoever had it."""
        self.one.lock.release()
        self.two.lock.release()
        self.assertEqual(self.begin("").standings.load().standings, (STANDING,))
