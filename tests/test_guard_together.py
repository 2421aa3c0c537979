"""The guards of several daemons with one database: they keep each cap together, and learn from one another."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.task import Clock
from twisted.logger import LogLevel, capturedLogs
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from tests.test_guard_counters import NOW
from tests.test_guard_guard import ANN, BOB, CRM, US, info, order
from tests.worker_threads import Threads
from voiced.call.records import Direction
from voiced.errors import Refused, StoreError
from voiced.guard.guard import Guard
from voiced.guard.others import GONE_SECONDS
from voiced.guard.prices import Prices
from voiced.guard.rules import Cap, Inbound, Outbound
from voiced.iguard import IPermit
from voiced.ikept import ISharedCounts
from voiced.ivoiced import Dial
from voiced.store import database
from voiced.store.store import Store, open_store


class GuardsCase(SynchronousTestCase):
    """Test cases with daemons `one` and `two`, and perhaps more."""

    def setUp(self) -> None:
        """They begin."""
        self.clock = Clock()
        self.clock.advance(NOW)
        self.path = Path(self.mktemp())
        self.stores: dict[str, Store] = {}
        self.rules = Outbound(allow=US)
        self.one, self.two = self.begin("one"), self.begin("two")

    def begin(self, node: str, in_thread: Callable[..., Deferred[Any]] = maybeDeferred, **inbound: Any) -> Guard:
        """The guard of a daemon of that name, which begins."""
        store = self.stores[node] = open_store(self.path, in_thread, self.clock, b"pepper", node)
        self.addCleanup(store.lock.release)  # type: ignore[union-attr]
        return Guard(
            self.rules,
            Inbound(**inbound),
            self.clock,
            store.counts,
            lambda refused, attempt: None,
            opted_out=store.opted_out,
            shared=store.shared,
        )

    def kill(self, node: str) -> None:
        """kill -9."""
        self.stores[node].lock.release()  # type: ignore[union-attr]

    def follow(self, **rules: Any) -> None:
        """These are the rules for both."""
        self.rules = Outbound(allow=US, **rules)
        for guard in (self.one, self.two):
            guard.follow(self.rules, Inbound())

    def place(self, guard: Guard, to: str = ANN, **more: Any) -> IPermit:
        """A call that is placed."""
        permit: IPermit = self.successResultOf(guard.whole(lambda: guard.place(order(to, **more), CRM)))
        self.successResultOf(guard.settled())
        return permit

    def assert_refused(self, rule: str, guard: Guard, ask: Callable[[], object]) -> None:
        """It is refused by this rule."""
        self.assertEqual(self.failureResultOf(guard.whole(ask), Refused).value.rule, rule)


class CapTests(GuardsCase):
    """Each cap holds for all of them."""

    def test_interface(self) -> None:
        """The contract is kept."""
        verifyObject(ISharedCounts, self.stores["one"].shared)

    def test_a_day(self) -> None:
        """What one has counted, the others count with; what never came to be is free for them, too."""
        self.follow(per_destination_per_day=1)
        permit = self.place(self.one)
        self.assert_refused("per_destination_per_day", self.two, lambda: self.two.place(order(), CRM))
        permit.over(None)
        self.place(self.two)
        self.assert_refused("per_destination_per_day", self.one, lambda: self.one.place(order(), CRM))

    def test_a_minute(self) -> None:
        """A window that is over is over for all."""
        self.follow(calls_per_minute=2)
        self.place(self.one)
        self.place(self.two, BOB)
        for guard in (self.one, self.two):
            self.assert_refused("calls_per_minute", guard, lambda guard=guard: guard.place(order(), CRM))
        self.clock.advance(60)
        self.place(self.one)

    def test_at_once(self) -> None:
        """Places are free when a call is over, wherever it was."""
        self.follow(calls_at_once=1)
        permit = self.place(self.one)
        self.assert_refused("calls_at_once", self.two, lambda: self.two.place(order(), CRM))
        permit.over(10.0)
        self.place(self.two).over(1.0)
        self.place(self.one, BOB)

    def test_money(self) -> None:
        """What is set aside at one is not there for the other; what it was not, is."""
        self.follow(spend_per_day=20.0, prices=Prices((), 1.0))
        permit = self.place(self.one)  # 15 minutes
        self.assert_refused("spend_per_day", self.two, lambda: self.two.place(order(BOB), CRM))
        permit.over(60.0)
        self.place(self.two, BOB)

    def test_legs_and_texts(self) -> None:
        """Transfers and texts are counted so, too."""
        self.follow(transfers_per_minute=1, texts_per_day=1)
        for guard in (self.one, self.two):
            dialling = guard.whole(lambda guard=guard: guard.leg(info(), Dial(BOB), True))
            texting = guard.whole(lambda guard=guard: guard.text(info(), ANN))
            if guard is self.one:
                self.successResultOf(dialling).over(1.0)
                self.successResultOf(texting)
            else:
                self.assertEqual(self.failureResultOf(dialling, Refused).value.rule, "transfers_per_minute")
                self.assertEqual(self.failureResultOf(texting, Refused).value.rule, "texts_per_day")

    def test_callers(self) -> None:
        """A caller who has all their lines at one has none at the other."""
        for guard in (self.one, self.two):
            guard.follow(self.rules, Inbound(calls_at_once=Cap(1)))
        permit = self.successResultOf(self.one.whole(lambda: self.one.ring(info())))
        self.assert_refused("calls_at_once", self.two, lambda: self.two.ring(info(sid="CA2")))
        permit.over(5.0)
        self.successResultOf(self.two.whole(lambda: self.two.ring(info(sid="CA2"))))

    def test_agents(self) -> None:
        """The minutes of agents are those of all."""
        for guard in (self.one, self.two):
            guard.follow(self.rules, Inbound(agent_minutes_per_day=Cap(5)))
        permit = self.successResultOf(self.one.whole(lambda: self.one.converse(info())))
        self.assertEqual(permit.seconds, 300)
        self.assert_refused("agent_minutes_per_day", self.two, lambda: self.two.converse(info(sid="CA2")))
        permit.over(60.0)
        self.assertEqual(self.successResultOf(self.two.whole(lambda: self.two.converse(info()))).seconds, 240)

    @settings(max_examples=20)
    @given(st.lists(st.tuples(st.booleans(), st.booleans(), st.sampled_from((None, 0.0, 30.0))), max_size=30))
    def test_any_order(self, asks: list[tuple[bool, bool, float | None]]) -> None:
        """Whoever is asked, whatever ends: never more than the caps, and never less where there is room."""
        self.setUp()
        self.follow(calls_at_once=2, per_destination_per_day=4)
        live: list[IPermit] = []
        counted = 0
        for first, ends, talked in asks:
            guard = self.one if first else self.two
            if ends and live:
                live.pop(0).over(talked)
                counted -= talked is None
                continue
            asked = guard.whole(lambda guard=guard: guard.place(order(), CRM))
            if len(live) < 2 and counted < 4:
                live.append(self.successResultOf(asked))
                counted += 1
            else:
                self.failureResultOf(asked, Refused)
        for permit in live:
            permit.over(None)
        self.assertEqual((len(self.one), len(self.two)), (0, 0))


class NewsTests(GuardsCase):
    """What is said to one."""

    def test_opted_out(self) -> None:
        """Who opts out at one is not called by the other, from that moment on."""
        self.one.opt_out(info(), "key")
        self.assert_refused("dnc", self.two, lambda: self.two.place(order(), CRM))
        self.two.opt_out(info(BOB), "key")
        self.assert_refused("dnc", self.one, lambda: self.one.place(order(BOB), CRM))

    def test_before(self) -> None:
        """Whoever begins later knows all that was counted, and who has opted out."""
        self.follow(per_destination_per_day=1)
        self.place(self.one)
        self.two.opt_out(info(BOB), "key")
        three = self.begin("three")
        self.assert_refused("per_destination_per_day", three, lambda: three.place(order(), CRM))
        self.assert_refused("dnc", three, lambda: three.place(order(BOB), CRM))


class KilledTests(GuardsCase):
    """One of them is killed."""

    def test_places(self) -> None:
        """Its places are taken for as long as its calls may go on elsewhere, and no longer."""
        self.follow(calls_at_once=1)
        self.place(self.one)
        self.kill("one")
        self.assert_refused("calls_at_once", self.two, lambda: self.two.place(order(), CRM))
        self.clock.advance(GONE_SECONDS - 1)
        self.assert_refused("calls_at_once", self.two, lambda: self.two.place(order(), CRM))
        self.clock.advance(1)
        self.place(self.two)

    def test_next_one(self) -> None:
        """The next of its name has counted what it has, and no place but those that it takes again."""
        self.follow(calls_at_once=1, per_destination_per_day=1)
        self.place(self.one)
        self.kill("one")
        again = self.begin("one")
        self.assert_refused("per_destination_per_day", again, lambda: again.place(order(), CRM))
        self.assertEqual(self.place(self.two, BOB).seconds, 900)

    def test_goes_on_elsewhere(self) -> None:
        """A call that another one goes on with holds its place there; what it has cost is known in the end."""
        self.follow(calls_at_once=1, spend_per_day=20.0, prices=Prices((), 1.0))
        permit = self.place(self.one)
        again = self.two.carry_on(info(direction=Direction.OUTBOUND), 900, charged=permit.charged)
        permit.leave()
        permit.over(900.0)
        self.assert_refused("calls_at_once", self.one, lambda: self.one.place(order(BOB), CRM))
        again.over(60.0)
        self.place(self.one, BOB)
        self.assert_refused("calls_at_once", self.two, lambda: self.two.place(order(), CRM))

    def test_unnamed(self) -> None:
        """One without a name, when they are all gone, has counted what they have, and nobody has a place."""
        self.follow(calls_at_once=1, per_destination_per_day=2)
        for guard in (self.one, self.two):
            self.place(guard).leave()
        self.place(self.one, BOB)
        for node in ("one", "two"):
            self.kill(node)
        alone = self.begin("")
        with self.assertRaises(Refused) as refused:
            alone.place(order(), CRM)
        self.assertEqual((refused.exception.rule, len(alone)), ("per_destination_per_day", 0))
        alone.place(order(BOB), CRM)
        self.kill("")
        again = self.begin("one")
        self.assert_refused("per_destination_per_day", again, lambda: again.place(order(), CRM))


class TurnTests(GuardsCase):
    """One after the other."""

    def setUp(self) -> None:
        """A third one, whose threads wait; nobody waits for a lock."""
        super().setUp()
        self.patch(database, "BUSY_SECONDS", 0.0)
        self.threads = Threads()
        self.slow = self.begin("slow", lambda *work: self.threads(*work))

    def ask(self, to: str = ANN) -> Deferred[IPermit]:
        """The third one is asked."""
        return self.slow.whole(lambda: self.slow.place(order(to), CRM))

    def test_alone(self) -> None:
        """While one is answered no other is: it sees what was counted meanwhile, or is not answered."""
        self.rules = Outbound(allow=US, per_destination_per_day=1)
        self.slow.follow(self.rules, Inbound())
        fast = self.begin("fast")
        asked = self.ask()
        self.threads.run()  # it has looked, and was answered; what it has counted is not written yet
        self.successResultOf(asked)
        with capturedLogs() as logs:
            doubtful = self.successResultOf(fast.whole(lambda: fast.place(order(), CRM)))
        self.assertEqual([event["log_level"] for event in logs], [LogLevel.error] * 2)
        self.failureResultOf(fast.settled(), StoreError)  # and so it is not placed
        doubtful.over(None)
        self.threads.run()
        with capturedLogs() as logs:
            self.assert_refused("per_destination_per_day", fast, lambda: fast.place(order(), CRM))
        self.assertEqual([event["log_level"] for event in logs], [LogLevel.info] * 2)

    def test_together(self) -> None:
        """Whoever asks while it looks is answered with the others; later ones in the next turn."""
        first, second = self.ask(), self.ask(BOB)
        self.assertEqual(len(self.threads.work), 1)
        self.threads.run()
        self.successResultOf(first)
        self.successResultOf(second)
        third = self.ask()
        self.assertNoResult(third)
        while self.threads.work:
            self.threads.run()
        self.successResultOf(third)

    def test_gone(self) -> None:
        """Who does not wait any more is not asked for."""
        asked = self.ask()
        asked.cancel()
        while self.threads.work:
            self.threads.run()
        self.failureResultOf(asked)
        self.assertEqual(len(self.slow), 0)

    def test_disk(self) -> None:
        """What cannot be written is known to whoever waits for it, and written with the next."""
        asked, real = self.ask(), self.stores["slow"].counts.write  # type: ignore[attr-defined]

        def full(*_: Any) -> None:
            raise StoreError("the disk is full")

        self.patch(self.stores["slow"].counts, "write", full)
        self.threads.run()
        settled = self.slow.settled()
        with capturedLogs():
            self.threads.run()
            self.failureResultOf(settled, StoreError)
            self.patch(self.stores["slow"].counts, "write", real)
            self.successResultOf(asked)
            settled = self.slow.settled()
            while self.threads.work:
                self.threads.run()
        self.successResultOf(settled)
        self.one.follow(Outbound(allow=US, per_destination_per_day=1), Inbound())
        self.assert_refused("per_destination_per_day", self.one, lambda: self.one.place(order(), CRM))

    def test_fault(self) -> None:
        """A fault of ours is logged, and nobody waits for ever because of it."""
        self.patch(self.stores["slow"].counts, "write", lambda *_: 1 / 0)
        asked = self.ask()
        self.threads.run()
        settled = self.slow.settled()
        with capturedLogs():
            self.threads.run()
        self.successResultOf(asked)
        self.failureResultOf(settled, StoreError)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        again = self.ask(BOB)
        self.threads.run()
        self.successResultOf(again)
        with capturedLogs():
            while self.threads.work:
                self.threads.run()
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_closed(self) -> None:
        """A daemon that stops is asked no more; it answers by what was seen last."""
        closing = self.stores["slow"].close()
        self.threads.run()
        self.successResultOf(closing)
        with capturedLogs():
            self.successResultOf(self.ask())
            self.failureResultOf(self.slow.settled(), StoreError)
