"""Whoever opts out is refused from that moment on, however they are called, on every account, over a restart."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
from twisted.internet.defer import Deferred, fail, succeed
from twisted.logger import LogLevel, capturedLogs
from twisted.python.failure import Failure
from zope.interface import implementer
from zope.interface.verify import verifyObject

from tests.test_guard_guard import ANN, BOB, CRM, US, GuardCase, info, order
from voiced.call.records import Direction
from voiced.errors import StoreError
from voiced.guard.guard import Guard
from voiced.guard.leavers import Leavers
from voiced.guard.patterns import Pattern
from voiced.guard.rules import Inbound, Outbound
from voiced.ikept import IOptedOut, OptedOut
from voiced.ivoiced import Dial

FULL = StoreError("the disk is full")


@implementer(IOptedOut)
@attrs.define
class ListedPeople:
    """A list in memory; with `held`, each batch is on the disk when its Deferred is fired; `broken` fails them."""

    people: list[OptedOut] = attrs.field(factory=list)
    held: list[Deferred[None]] | None = None
    broken: StoreError | None = None

    def load(self) -> Sequence[OptedOut]:
        """See IOptedOut."""
        return list(self.people)

    def keep(self, opted_out: Sequence[OptedOut]) -> Deferred[None]:
        """See IOptedOut."""
        if self.broken is not None:
            return fail(self.broken)
        if self.held is None:
            self.people.extend(opted_out)
            return succeed(None)
        done: Deferred[None] = Deferred()
        self.held.append(done)
        return done.addCallback(lambda _: self.people.extend(opted_out))

    def forget(self, number: str) -> Deferred[bool]:
        """See IOptedOut."""
        before, self.people = self.people, [each for each in self.people if each.number != number]
        return succeed(len(before) > len(self.people))


class LeaversCase(GuardCase):
    """A guard that knows who has opted out."""

    def setUp(self) -> None:
        """Nobody has."""
        super().setUp()
        self.people = ListedPeople()
        self.now = self.begins()

    def begins(self) -> Guard:
        """The guard of a daemon that begins."""
        rules = Outbound(allow=(*US, Pattern.parse("sip:*@pbx.example")))
        return Guard(
            rules, Inbound(), self.clock, self.kept, lambda *told: self.told.append(told), opted_out=self.people
        )

    def assert_never(self, guard: Guard, number: str = ANN) -> None:
        """Nobody calls this number, on any account."""
        for account in ("main", "other"):
            self.assert_refused("dnc", None, guard.place, order(number, account=account), CRM)
            self.assert_refused("dnc", None, guard.leg, info(BOB, account=account), Dial(number), False)


class OptOutTests(LeaversCase):
    """Opting out."""

    def test_at_once(self) -> None:
        """They are refused from now on, and after a restart; others are not, and they may still call us."""
        verifyObject(IOptedOut, self.people)
        self.now.place(order(), CRM).over(None)
        self.now.opt_out(info(), "key")
        for guard in (self.now, self.begins()):
            self.assert_never(guard)
            guard.place(order(BOB), CRM).over(None)
            guard.ring(info()).over(None)
        self.assertEqual(self.people.people, [OptedOut(ANN, self.clock.seconds(), "key", "CA1")])

    def test_named(self) -> None:
        """Whom the operator has named is connected all the same: a stranger may show their number as his own."""
        self.now.opt_out(info(ANN), "key")
        self.assert_never(self.now)
        self.now.leg(info(BOB), Dial(ANN), True).over(None)

    def test_called_by_us(self) -> None:
        """On a call that we have placed it is the one whom we have called."""
        called = attrs.evolve(info("+14155550100"), called=BOB, direction=Direction.OUTBOUND)
        self.now.opt_out(called, "tool")
        self.assert_never(self.now, BOB)

    def test_spellings(self) -> None:
        """However the carrier spells a number, it is that number; and so is what a gateway would dial."""
        for spelled in (f"tel:{ANN}", f"sip:{ANN[1:]}@trunk.example;user=phone", f"sip:{ANN}@pbx.example"):
            self.people.people.clear()
            guard = self.begins()
            guard.opt_out(info(spelled), "word")
            self.assertEqual([each.number for each in self.people.people], [ANN], spelled)
            self.assert_never(guard)
            self.assert_refused("dnc", None, guard.place, order(f"sip:{ANN}@pbx.example"), CRM)

    def test_nobody(self) -> None:
        """Whoever has no number is noted, and that is all."""
        for nobody in ("anonymous", "", "client:ann", "sip:ann@pbx.example", "+266696687", "\ud800"):
            with capturedLogs() as logs:
                self.now.opt_out(info(nobody), "key")
            self.assertEqual([event["log_level"] for event in logs], [LogLevel.warn], nobody)
        self.assertEqual(self.people.people, [])

    def test_once(self) -> None:
        """Who has opted out already is not written again."""
        self.now.opt_out(info(), "key")
        self.clock.advance(5)
        self.now.opt_out(info(sid="CA2"), "word")
        self.assertEqual([each.how for each in self.people.people], ["key"])

    def test_kept_nowhere(self) -> None:
        """A guard without a store holds them while it lives."""
        guard = self.guard()
        guard.opt_out(info(), "key")
        self.assert_never(guard)
        self.successResultOf(guard.settled())

    def test_broken(self) -> None:
        """A list that cannot be read stops the start."""

        class Broken(ListedPeople):
            def load(self) -> Sequence[OptedOut]:
                raise FULL

        self.assertRaises(StoreError, Leavers, self.clock, Broken())


class SettledTests(LeaversCase):
    """What is on the disk, and what is not."""

    def test_waits(self) -> None:
        """It is settled when it is on the disk."""
        self.people.held = held = []
        self.now.opt_out(info(), "key")
        settled = self.now.settled()
        self.assertNoResult(settled)
        held.pop().callback(None)
        self.successResultOf(settled)

    def test_full_disk(self) -> None:
        """A full disk is no reason to call them; it is logged once, and whoever asks is told each time."""
        self.people.broken = FULL
        with capturedLogs() as logs:
            self.now.opt_out(info(), "key")
            self.now.opt_out(info(BOB), "key")
            self.failureResultOf(self.now.settled(), StoreError)
        self.assertEqual(len([event for event in logs if event["log_level"] is LogLevel.error]), 1)
        self.assert_never(self.now)

    def test_tried_again(self) -> None:
        """What could not be written is written as soon as it can be, and settled then."""
        self.people.broken = FULL
        self.now.opt_out(info(), "key")
        self.people.broken = None
        self.successResultOf(self.now.settled())
        self.assertEqual([each.number for each in self.people.people], [ANN])

    def test_fails_late(self) -> None:
        """Whoever waits while it fails is told; the next one writes both."""
        self.people.held = held = []
        self.now.opt_out(info(), "key")
        settled = self.now.settled()
        held.pop().errback(Failure(FULL))
        self.failureResultOf(settled, StoreError)
        self.people.held = None
        self.now.opt_out(info(BOB), "key")
        self.assertEqual([each.number for each in self.people.people], [ANN, BOB])
