"""The guard as a whole: every rule, what it costs to be refused, and that nothing stays taken."""

from __future__ import annotations

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from tests.test_guard_counters import NOW, DictCounts
from voiced.call.records import CallInfo, Direction
from voiced.errors import Refused
from voiced.guard.guard import Attempt, Guard
from voiced.guard.ledger import SOON
from voiced.guard.patterns import Pattern
from voiced.guard.prices import Prices
from voiced.guard.refusals import MOST
from voiced.guard.rules import Cap, Denied, Inbound, Outbound, Outcome, Unattested
from voiced.icarrier import CallOrder
from voiced.iguard import IGuard, IPermit, Party
from voiced.ivoiced import Dial

ANN, BOB, JAMAICA = "+14155552671", "+12125551234", "+18765551234"
CRM = Party("crm")
US = (Pattern.parse("US"),)
DAY_LEFT, MINUTE_LEFT = 6400.0, 40.0


def order(to: str = ANN, seconds: int = 900, account: str = "main") -> CallOrder:
    """A call to be placed."""
    return CallOrder(account, to, "+14155550100", "reference", seconds=seconds)


def info(caller: str = ANN, sid: str = "CA1", **more: Any) -> CallInfo:
    """A call that is there."""
    return CallInfo(sid, more.pop("account", "main"), caller, "+14155550100", **more)


class GuardCase(SynchronousTestCase):
    """Test cases with a guard that tells whom it refused."""

    def setUp(self) -> None:
        """A clock and an empty store."""
        self.clock = Clock()
        self.clock.advance(NOW)
        self.kept = DictCounts()
        self.told: list[tuple[Refused, Attempt]] = []

    def guard(self, *, outbound: Outbound | None = None, inbound: Inbound | None = None, **more: Any) -> Guard:
        """A guard with these rules; unless told otherwise, all of the United States may be called."""
        return Guard(
            outbound or Outbound(allow=US, **more),
            inbound or Inbound(),
            self.clock,
            self.kept,
            lambda refused, attempt: self.told.append((refused, attempt)),
        )

    def assert_refused(self, rule: str, wait: float | None, ask: Any, *args: Any) -> Refused:
        """It is refused by this rule, for so long, and the journal is told."""
        before = len(self.told)
        refused: Refused = self.assertRaises(Refused, ask, *args)
        self.assertEqual((refused.rule, refused.retry_after), (rule, wait))
        self.assertEqual([each for each, _ in self.told[before:]], [refused])
        return refused


class PlaceTests(GuardCase):
    """Calls to be placed."""

    def test_interfaces(self) -> None:
        """The contracts are kept."""
        guard = self.guard()
        self.assertTrue(verifyObject(IGuard, guard))
        self.assertTrue(verifyObject(IPermit, guard.place(order(), CRM)))

    def test_seconds(self) -> None:
        """What is granted is what was asked for, and no more than there is."""
        guard = self.guard(max_seconds=600, per_destination_per_day=10)
        self.assertEqual([guard.place(order(seconds=asked), CRM).seconds for asked in (60, 900, -5)], [60, 600, 1])

    def test_destinations(self) -> None:
        """Where one may not call is refused, costs no count, and the journal hears who wanted it."""
        guard = self.guard()
        for to, name in [("911", "number"), (JAMAICA, "allow"), ("+19002345678", "risky")]:
            self.assert_refused(name, None, guard.place, order(to), CRM)
        self.assertEqual(self.told[1][1], Attempt("call", Direction.OUTBOUND, "main", JAMAICA, key="crm"))
        self.assertEqual((self.kept.counts, len(guard)), ({}, 0))

    def test_locked_by_default(self) -> None:
        """Without `allow` nobody is called."""
        self.assert_refused("allow", None, self.guard(outbound=Outbound()).place, order(), CRM)

    def test_per_destination(self) -> None:
        """Nobody is rung all day, whoever asks; others still are."""
        guard = self.guard(per_destination_per_day=2)
        guard.place(order(), CRM)
        guard.place(order(), Party("web"))
        self.assert_refused("per_destination_per_day", DAY_LEFT, guard.place, order(), CRM)
        self.assertEqual(guard.place(order(BOB), CRM).seconds, 900)

    def test_per_minute(self) -> None:
        """The daemon's calls of a minute."""
        guard = self.guard(calls_per_minute=1)
        guard.place(order(), CRM)
        self.assert_refused("calls_per_minute", MINUTE_LEFT, guard.place, order(BOB), CRM)
        self.clock.advance(MINUTE_LEFT)
        self.assertEqual(guard.place(order(BOB), CRM).seconds, 900)

    def test_per_day(self) -> None:
        """The daemon's calls of a day."""
        guard = self.guard(calls_per_day=1)
        guard.place(order(), CRM)
        self.assert_refused("calls_per_day", DAY_LEFT, guard.place, order(BOB), CRM)

    def test_follow(self) -> None:
        """New rules hold at once; what was counted counts on, and places stay taken until they are left."""
        guard = self.guard(calls_at_once=1, per_destination_per_day=2)
        permit = guard.place(order(), CRM)
        guard.follow(Outbound(allow=US, calls_at_once=1, per_destination_per_day=1), Inbound(max_seconds=60))
        self.assert_refused("calls_at_once", SOON, guard.place, order(BOB), CRM)
        permit.over(10.0)
        self.assert_refused("per_destination_per_day", DAY_LEFT, guard.place, order(), CRM)
        self.assertEqual((guard.place(order(BOB), CRM).seconds, guard.ring(info()).seconds), (900, 60))
        guard.follow(Outbound(), Inbound(deny=Denied((Pattern.parse(ANN),))))
        self.assert_refused("allow", None, guard.place, order(BOB), CRM)
        self.assert_refused("deny", None, guard.ring, info())

    def test_per_key(self) -> None:
        """A key has caps of its own, which are nobody else's."""
        guard = self.guard(per_destination_per_day=9)
        slow, few = Party("slow", per_minute=1), Party("few", per_day=1)
        for party in (slow, few):
            guard.place(order(), party)
        self.assert_refused("keys.calls_per_minute", MINUTE_LEFT, guard.place, order(), slow)
        self.assert_refused("keys.calls_per_day", DAY_LEFT, guard.place, order(), few)
        self.assertEqual(guard.place(order(), CRM).seconds, 900)

    def test_at_once(self) -> None:
        """A place is free again when its call is over, and only once however often that is said."""
        guard = self.guard(calls_at_once=2)
        first = guard.place(order(), CRM)
        guard.place(order(), CRM)
        self.assert_refused("calls_at_once", SOON, guard.place, order(BOB), CRM)
        first.over(10.0)
        first.over(10.0)
        guard.place(order(BOB), CRM)
        self.assert_refused("calls_at_once", SOON, guard.place, order(BOB), CRM)
        self.assertEqual(len(guard), 2)

    def test_refused_is_not_counted(self) -> None:
        """A call that one cap refuses counts for none of the others."""
        guard = self.guard(calls_per_minute=1, calls_per_day=2)
        guard.place(order(), CRM)
        self.assert_refused("calls_per_minute", MINUTE_LEFT, guard.place, order(BOB), CRM)
        self.clock.advance(MINUTE_LEFT)
        guard.place(order(BOB), CRM)

    def test_never_placed(self) -> None:
        """A call that never came to be is not held against anybody's day; the minute it took part of it keeps."""
        guard = self.guard(per_destination_per_day=1, calls_per_day=1, calls_per_minute=2)
        party = Party("few", per_day=1)
        guard.place(order(), party).over(None)
        guard.place(order(), party).over(None)
        self.assert_refused("calls_per_minute", MINUTE_LEFT, guard.place, order(), party)

    def test_accounts(self) -> None:
        """Each carrier account has its own counts and places."""
        guard = self.guard(calls_per_day=1, calls_at_once=1, per_destination_per_day=1)
        guard.place(order(), CRM)
        self.assertEqual(guard.place(order(account="other"), CRM).seconds, 900)
        self.assert_refused("calls_at_once", SOON, guard.place, order(account="other"), CRM)

    def test_names_do_not_run_together(self) -> None:
        """An account and a key cannot be named so that they share another one's count."""
        guard = self.guard(per_destination_per_day=9)
        guard.place(order(account="a' 'b"), Party("c", per_day=1))
        self.assertEqual(guard.place(order(account="a"), Party("b' 'c", per_day=1)).seconds, 900)

    def test_restart(self) -> None:
        """Counts survive a restart; places do not, since nobody holds them any more."""
        self.guard(per_destination_per_day=1, calls_at_once=1).place(order(), CRM)
        again = self.guard(per_destination_per_day=1, calls_at_once=1)
        self.assert_refused("per_destination_per_day", DAY_LEFT, again.place, order(), CRM)
        self.assertEqual(again.place(order(BOB), CRM).seconds, 900)
        self.assertIsNone(self.successResultOf(again.settled()))

    def test_no_number_on_the_disk(self) -> None:
        """No number is part of a count's name, and with another pepper the names are others."""
        names = []
        for pepper in (b"one", b"one", b"two"):
            self.kept = DictCounts()
            guard = Guard(Outbound(allow=US), Inbound(), self.clock, self.kept, lambda *_: None, pepper)
            guard.place(order(), CRM)
            guard.ring(info(BOB))
            names.append(set(self.kept.counts))
        self.assertEqual(names[0], names[1])
        self.assertEqual(len(names[0] & names[2]), 2)  # per minute and per day: nobody's number
        for number in (ANN, BOB):
            self.assertNotIn(number[1:], " ".join(names[0]))


class OnCallTests(GuardCase):
    """The daemon's own call to its operator."""

    party = Party("(on call)", on_call=True)

    def test_named(self) -> None:
        """The operator may be called wherever they are, at any hour and price, whatever the others have used up."""
        guard = self.guard(
            outbound=Outbound(
                allow=US,
                calls_at_once=1,
                calls_per_minute=1,
                calls_per_day=1,
                max_seconds=60,
                spend_per_day=0.01,
                prices=Prices({Pattern.parse("US"): 0.005}),
            )
        )
        guard.place(order(), CRM)
        self.assertEqual(guard.place(order(JAMAICA), self.party).seconds, 60)
        self.assert_refused("allow", None, guard.place, order(JAMAICA), CRM)

    def test_not_named(self) -> None:
        """What is no number is refused, and who is on the do-not-call list."""
        guard = self.guard(outbound=Outbound(dnc=frozenset({ANN})))
        self.assert_refused("number", None, guard.place, order("911"), self.party)
        self.assert_refused("dnc", None, guard.place, order(ANN), self.party)

    def test_one_at_once(self) -> None:
        """There is one such call at a time, however long it is, and its place is free when it is over."""
        guard = self.guard()
        permit = guard.place(order(BOB), self.party)
        self.clock.advance(700)
        self.assert_refused("oncall_at_once", SOON, guard.place, order(BOB), self.party)
        permit.over(12.0)
        self.assertEqual(len(guard), 0)
        guard.place(order(BOB), self.party)

    def test_one_in_ten_minutes(self) -> None:
        """And one in each ten minutes of the clock, also over a restart, and if it never came to be."""
        self.guard().place(order(BOB), self.party).over(None)
        again = self.guard()
        left = 600 - NOW % 600
        refused = self.assert_refused("oncall_per_ten_minutes", left, again.place, order(BOB), self.party)
        self.assertEqual(str(refused), "1 in ten minutes is the most")
        self.clock.advance(left)
        again.place(order(BOB), self.party)


class SpendTests(GuardCase):
    """Money."""

    prices = Prices({Pattern.parse("US"): 0.5})

    def priced(self, **more: Any) -> Guard:
        """A guard that may spend ten a day."""
        return self.guard(spend_per_day=10.0, prices=self.prices, per_destination_per_day=99, **more)

    def test_set_aside(self) -> None:
        """What a call might cost at most is set aside until it is over, and then what it has cost is spent."""
        guard = self.priced()
        permit = guard.place(order(seconds=600), CRM)
        guard.place(order(seconds=590), CRM)
        self.assert_refused("spend_per_day", DAY_LEFT, guard.place, order(seconds=60), CRM)
        permit.over(61.0)
        guard.place(order(seconds=480), CRM)
        self.assert_refused("spend_per_day", DAY_LEFT, guard.place, order(seconds=60), CRM)

    def test_nobody_answered(self) -> None:
        """A call nobody answers, and one that never was, cost nothing."""
        guard = self.priced(calls_per_minute=99)
        for talked in (0.0, None) * 10:
            guard.place(order(seconds=900), CRM).over(talked)
        self.assertEqual(guard.place(order(seconds=900), CRM).seconds, 900)

    def test_more_than_a_day(self) -> None:
        """A call that alone might cost more than a day's is refused, and waiting does not help."""
        guard = self.guard(spend_per_day=1.0, prices=self.prices)
        self.assertIn("7.5", str(self.assert_refused("spend_per_day", None, guard.place, order(seconds=900), CRM)))

    def test_no_price(self) -> None:
        """Where a minute has no price nothing can be capped: it is refused, with the line to write."""
        allow = (*US, Pattern.parse("JM"), Pattern.parse("+800"), Pattern.parse("sip:*@x.example"))
        guard = self.guard(outbound=Outbound(allow=allow, spend_per_day=1.0, prices=self.prices))
        for to, line in [(JAMAICA, "JM:"), ("+80012345678", "001:"), ("sip:a@x.example", '"sip:*@x.example":')]:
            self.assertIn(f"`{line}", str(self.assert_refused("prices", None, guard.place, order(to), CRM)))

    def test_over_midnight(self) -> None:
        """What is set aside today is not given back tomorrow."""
        guard = self.priced()
        permit = guard.place(order(seconds=600), CRM)
        self.clock.advance(DAY_LEFT)
        guard.place(order(seconds=600), CRM)
        permit.over(1.0)
        guard.place(order(seconds=600), CRM)
        self.assert_refused("spend_per_day", 86400.0, guard.place, order(seconds=60), CRM)


class LegTests(GuardCase):
    """Somebody to be connected with the human of a call."""

    def test_named(self) -> None:
        """A target that the operator has named needs no leave; one that came from elsewhere does."""
        guard = self.guard(outbound=Outbound())
        self.assertEqual(guard.leg(info(BOB), Dial(ANN), named=True).seconds, 14400)
        self.assert_refused("allow", None, guard.leg, info(BOB, "CA2"), Dial(ANN), False)
        self.assertEqual(self.told[0][1], Attempt("leg", Direction.OUTBOUND, "main", ANN, call="CA2"))

    def test_seconds(self) -> None:
        """As long as asked, and no longer than its call."""
        guard = self.guard(max_seconds=600)
        outbound = Direction.OUTBOUND
        self.assertEqual(guard.leg(info(sid="CA1", direction=outbound), Dial(BOB), True).seconds, 600)
        self.assertEqual(guard.leg(info(sid="CA2", direction=outbound), Dial(BOB, seconds=900), True).seconds, 600)
        self.assertEqual(guard.leg(info(sid="CA3"), Dial(BOB, seconds=900), True).seconds, 900)

    def test_one_at_a_time(self) -> None:
        """A call has one leg at once; when that is over it may have another."""
        guard = self.guard()
        permit = guard.leg(info(), Dial(BOB), True)
        self.assert_refused("legs_at_once", SOON, guard.leg, info(), Dial(BOB), True)
        permit.over(None)
        permit = guard.leg(info(), Dial(BOB), True)
        guard.leg(info(sid="CA2"), Dial(BOB), True)
        permit.over(5.0)
        self.assertEqual(len(guard), 2)

    def test_counts_as_a_call(self) -> None:
        """Whoever is dialled counts among the calls of the minute, the day, and at once."""
        guard = self.guard(calls_at_once=2, calls_per_minute=3)
        guard.leg(info(), Dial(BOB), False)
        permit = guard.place(order(), CRM)
        self.assert_refused("calls_at_once", SOON, guard.leg, info(sid="CA2"), Dial(BOB), False)
        permit.over(1.0)
        guard.leg(info(sid="CA2"), Dial(BOB), False).over(1.0)
        self.assert_refused("calls_per_minute", MINUTE_LEFT, guard.place, order(), CRM)

    def test_named_are_apart(self) -> None:
        """Keys that use up all calls leave the callers their reception, and the other way round."""
        guard = self.guard(calls_at_once=1, calls_per_minute=1, calls_per_day=1, transfers_per_minute=9)
        guard.place(order(), CRM)
        for sid in ("CA1", "CA2"):
            guard.leg(info(sid=sid), Dial(BOB), True)
        self.kept = DictCounts()
        guard = self.guard(transfers_at_once=1, transfers_per_minute=1)
        permit = guard.leg(info(sid="CA1"), Dial(BOB), True)
        self.assert_refused("transfers_at_once", SOON, guard.leg, info(sid="CA2"), Dial(BOB), True)
        permit.over(1.0)
        self.assert_refused("transfers_per_minute", MINUTE_LEFT, guard.leg, info(sid="CA2"), Dial(BOB), True)
        self.clock.advance(MINUTE_LEFT)
        guard.leg(info(sid="CA2"), Dial(BOB), True).over(1.0)
        self.assertEqual(guard.leg(info(account="other"), Dial(BOB), True).seconds, 14400)

    def test_named_spend_the_same_money(self) -> None:
        """Of money there is one purse."""
        guard = self.guard(spend_per_day=7.5, prices=Prices({Pattern.parse("US"): 0.5}), max_seconds=900)
        guard.leg(info(), Dial(BOB, seconds=900), True)
        self.assert_refused("spend_per_day", DAY_LEFT, guard.place, order(seconds=60), CRM)

    def test_of_a_key(self) -> None:
        """Whoever an API key has connected counts as a call of that key, and lasts no longer than one."""
        guard = self.guard(max_seconds=600, calls_at_once=1, per_destination_per_day=9)
        slow, few = Party("slow", per_minute=1), Party("few", per_day=1)
        permit = guard.leg(info(), Dial(BOB, seconds=900), True, slow)
        self.assertEqual(permit.seconds, 600)
        self.assert_refused("calls_at_once", SOON, guard.place, order(), CRM)
        permit.over(1.0)
        self.assert_refused("keys.calls_per_minute", MINUTE_LEFT, guard.leg, info(), Dial(BOB), True, slow)
        self.assertEqual(self.told[-1][1], Attempt("leg", Direction.OUTBOUND, "main", BOB, key="slow", call="CA1"))
        guard.place(order(), few).over(1.0)
        self.assert_refused("keys.calls_per_day", DAY_LEFT, guard.leg, info(), Dial(BOB), False, few)
        self.assertEqual(guard.leg(info(), Dial(BOB), True).seconds, 14400)

    def test_per_destination(self) -> None:
        """The operator's own telephone may ring more often than a stranger's, and not for ever."""
        guard = self.guard(per_destination_per_day=1, transfers_per_destination_per_day=2)
        for _ in range(2):
            guard.leg(info(), Dial(ANN), True).over(9.0)
        self.assert_refused("transfers_per_destination_per_day", DAY_LEFT, guard.leg, info(), Dial(ANN), True)
        guard.leg(info(), Dial(ANN), False).over(9.0)
        self.assert_refused("per_destination_per_day", DAY_LEFT, guard.leg, info(), Dial(ANN), False)
        self.assert_refused("per_destination_per_day", DAY_LEFT, guard.place, order(ANN), CRM)

    def test_money_and_do_not_call(self) -> None:
        """The operator's name for it opens neither the purse nor the do-not-call list."""
        guard = self.guard(dnc=frozenset({BOB}), spend_per_day=1.0, prices=Prices({Pattern.parse("GB"): 1.0}))
        self.assert_refused("dnc", None, guard.leg, info(), Dial(BOB), True)
        self.assert_refused("prices", None, guard.leg, info(), Dial(ANN), True)
        self.assert_refused("number", None, guard.leg, info(), Dial("911"), True)

    def test_sip(self) -> None:
        """SIP targets are legs like others; their user is counted with its host."""
        guard = self.guard(outbound=Outbound(allow=(Pattern.parse("sip:*@x.example"),), per_destination_per_day=1))
        guard.leg(info(), Dial("sip:ann@x.example"), False).over(1.0)
        self.assert_refused(
            "per_destination_per_day", DAY_LEFT, guard.leg, info(), Dial("sip:ann@X.example:5061"), False
        )
        self.assertEqual(guard.leg(info(), Dial("sip:bob@x.example"), False).seconds, 14400)

    def test_one_number(self) -> None:
        """A number counts as one, whether it is dialled itself or through a gateway, and however that is spelled."""
        guard = self.guard(outbound=Outbound(allow=(*US, Pattern.parse("sip:*@x.example"))))
        for to in (ANN, f"sip:{ANN}@x.example", f"sips:{ANN[1:]}@x.example"):
            guard.leg(info(), Dial(to), False).over(1.0)
        to = "sip:001-415-555-2671@x.example"
        self.assert_refused("per_destination_per_day", DAY_LEFT, guard.leg, info(), Dial(to), False)
        self.assert_refused("per_destination_per_day", DAY_LEFT, guard.place, order(ANN), CRM)


class TooManyRefusalsTests(GuardCase):
    """A client that is refused all the time."""

    def refused(self, guard: Guard, times: int, party: Party = CRM) -> list[tuple[str, float | None]]:
        """So many calls to where nobody may call, and what each of them was told."""
        answers = []
        for _ in range(times):
            refusal: Refused = self.assertRaises(Refused, guard.place, order(JAMAICA), party)
            answers.append((refusal.rule, refusal.retry_after))
        return answers

    def test_told_once(self) -> None:
        """Beyond sixty a minute it is told to wait, and the journal hears of it once."""
        guard = self.guard()
        answers = self.refused(guard, 3000)
        self.assertEqual(answers, [("allow", None)] * MOST + [("refusals_per_minute", MINUTE_LEFT)] * (3000 - MOST))
        self.assertEqual([refusal.rule for refusal, _ in self.told], ["allow"] * MOST + ["refusals_per_minute"])
        self.assertEqual(self.told[-1][1].key, "crm")

    def test_each_key_and_minute(self) -> None:
        """Another key is told as ever, and so is this one in the next minute."""
        guard = self.guard()
        self.refused(guard, MOST + 5)
        self.assertEqual(self.refused(guard, 1, Party("web")), [("allow", None)])
        self.clock.advance(MINUTE_LEFT)
        self.told.clear()
        self.assertEqual(
            self.refused(guard, MOST + 5)[MOST - 1 :][:2], [("allow", None), ("refusals_per_minute", 60.0)]
        )
        self.assertEqual(len(self.told), MOST + 1)

    def test_good_ones(self) -> None:
        """Whom it may call it may call all the same."""
        guard = self.guard()
        self.refused(guard, MOST + 5)
        self.assertEqual(guard.place(order(), CRM).seconds, 900)

    def test_legs_and_what_others_refuse(self) -> None:
        """Legs that a key asks for, and refusals of others, count with its calls; a flow's legs do not."""
        guard = self.guard()
        for _ in range(MOST // 2):
            self.assertRaises(Refused, guard.leg, info(), Dial(JAMAICA), False, CRM)
            guard.refuse(Refused("flows", "not this flow"), account="main", party=ANN, key="crm")
        self.assertEqual(self.told[-1][1], Attempt("call", Direction.OUTBOUND, "main", ANN, key="crm"))
        guard.refuse(Refused("flows", "not this flow"), account="main", party=ANN, key="crm")
        guard.refuse(Refused("flows", "not this flow"), account="main", party=ANN, key="crm")
        self.assertEqual([refusal.rule for refusal, _ in self.told[MOST:]], ["refusals_per_minute"])
        for _ in range(MOST + 5):
            self.assert_refused("allow", None, guard.leg, info(), Dial(JAMAICA), False)


SORRY = Outcome(say="Sorry.")
AWAY = Outcome(flow="away")
DENY = (Pattern.parse("+1900*"), Pattern.parse("JM"), Pattern.parse(BOB), Pattern.parse("sip:*@evil.example"))


class CarryOnTests(GuardCase):
    """Calls of a daemon before us."""

    def test_callers(self) -> None:
        """Each holds its place again, though there is none left, and is not counted again."""
        guard = self.guard(inbound=Inbound(calls_at_once=Cap(1, SORRY), calls_per_day=Cap(1, SORRY)))
        permits = [guard.carry_on(info(), 60) for _ in range(2)]
        self.assertEqual(([permit.seconds for permit in permits], len(guard)), ([60, 60], 2))
        self.assertRaises(Refused, guard.ring, info())
        for permit in permits:
            permit.over(1.0)
        self.assertEqual(len(guard), 0)
        guard.ring(info()).over(1.0)
        self.assertEqual(len(guard), 0)

    def test_placed(self) -> None:
        """So do calls that were placed, and whom a call was connected with."""
        guard = self.guard(calls_at_once=2)
        called = info(direction=Direction.OUTBOUND)
        permits = [guard.carry_on(called, 60), guard.carry_on(info(), 60, Dial(ANN))]
        self.assertRaises(Refused, guard.place, order(BOB), CRM)
        for permit in permits:
            permit.over(None)
        guard.place(order(BOB), CRM).over(None)
        self.assertEqual(len(guard), 0)


class RingTests(GuardCase):
    """Inbound calls."""

    def ringing(self, **rules: Any) -> Guard:
        """A guard with these rules for callers."""
        return self.guard(inbound=Inbound(**rules))

    def assert_told(self, rule: str, outcome: Outcome, guard: Guard, call: CallInfo) -> Refused:
        """The caller is refused by this rule and gets this outcome."""
        refused: Refused = self.assertRaises(Refused, guard.ring, call)
        self.assertEqual((refused.rule, refused.say, refused.flow), (rule, outcome.say, outcome.flow))
        return refused

    def test_welcome(self) -> None:
        """Unless told everybody may call, also without a number, for as long as a call lasts."""
        guard = self.ringing(max_seconds=600)
        for caller in (ANN, "", "anonymous", "sip:ann@x.example", "client:ann", "\ud800", "+15550123"):
            self.assertEqual(guard.ring(info(caller)).seconds, 600, caller)

    def test_deny(self) -> None:
        """Numbers, prefixes, regions and SIP hosts."""
        guard = self.ringing(deny=Denied(DENY, SORRY))
        for caller in ("+19005551234", JAMAICA, BOB, "sip:x@evil.example"):
            self.assert_told("deny", SORRY, guard, info(caller))
        self.assertEqual(guard.ring(info(ANN)).seconds, 14400)

    def test_anonymous(self) -> None:
        """Who hides their number gets what is chosen for them, and the journal hears of it."""
        guard = self.ringing(anonymous=AWAY)
        self.assert_told("anonymous", AWAY, guard, info("+266696687"))
        self.assertEqual(self.told[0][1], Attempt("ring", Direction.INBOUND, "main", "+266696687", call="CA1"))

    def test_unattested(self) -> None:
        """Who nobody vouches for enough."""
        guard = self.ringing(unattested=Unattested("B", SORRY))
        self.assert_told("unattested", SORRY, guard, info(attestation="TN-Validation-Passed-C"))
        self.assertEqual(guard.ring(info(attestation="TN-Validation-Passed-A")).seconds, 14400)

    def test_at_once(self) -> None:
        """A caller has so many calls at once; another one has theirs, and so has the other account."""
        guard = self.ringing(calls_at_once=Cap(1, SORRY))
        permit = guard.ring(info())
        self.assertEqual(self.assert_told("calls_at_once", SORRY, guard, info(sid="CA2")).retry_after, SOON)
        guard.ring(info(BOB)).over(1.0)
        guard.ring(info(account="other")).over(1.0)
        permit.over(1.0)
        permit.over(1.0)
        guard.ring(info(sid="CA2"))
        self.assert_told("calls_at_once", SORRY, guard, info(sid="CA3"))

    def test_a_day(self) -> None:
        """A caller has so many calls a day; none of them is given back."""
        guard = self.ringing(calls_per_day=Cap(2, SORRY))
        guard.ring(info()).over(1.0)
        guard.ring(info()).over(None)
        self.assertEqual(self.assert_told("calls_per_day", SORRY, guard, info()).retry_after, DAY_LEFT)
        guard.ring(info(BOB))

    def test_a_flow_over_the_cap_at_once(self) -> None:
        """The flow that takes a caller over a cap takes as many again, for ten minutes; then nobody takes them."""
        guard = self.ringing(calls_at_once=Cap(2, AWAY))
        permits = [guard.ring(info()) for _ in range(2)]
        instead = [self.assert_told("calls_at_once", AWAY, guard, info()).permit for _ in range(2)]
        self.assertEqual([permit.seconds for permit in instead], [600, 600])
        nobody = self.assert_told("calls_at_once", Outcome(), guard, info())
        self.assertEqual((nobody.permit, nobody.retry_after, len(guard)), (None, SOON, 4))
        self.assertEqual(
            self.assert_told("calls_at_once", AWAY, guard, self.another_with_two(guard)).permit.seconds, 600
        )
        instead[0].over(1.0)
        self.assert_told("calls_at_once", AWAY, guard, info())
        permits[0].over(1.0)
        self.assertEqual(guard.ring(info()).seconds, 14400)

    def another_with_two(self, guard: Guard) -> CallInfo:
        """Another caller, who has two calls already."""
        for _ in range(2):
            guard.ring(info(BOB))
        return info(BOB)

    def test_a_flow_over_the_cap_a_day(self) -> None:
        """A caller over the day's cap has as many calls again in the flow that takes them, and no more that day."""
        guard = self.ringing(calls_per_day=Cap(2, AWAY), max_seconds=300)
        for _ in range(2):
            guard.ring(info()).over(1.0)
        for _ in range(2):
            permit = self.assert_told("calls_per_day", AWAY, guard, info()).permit
            self.assertEqual(permit.seconds, 300)
            permit.over(1.0)
        nobody = self.assert_told("calls_per_day", Outcome(), guard, info())
        self.assertEqual((nobody.permit, nobody.retry_after, len(guard)), (None, DAY_LEFT, 0))

    def test_a_flow_for_the_unwelcome(self) -> None:
        """Who is sent to a flow by a rule is on the line like anybody: with a permit, and under the same caps."""
        guard = self.ringing(anonymous=AWAY, calls_at_once=Cap(1, SORRY))
        permit = self.assert_told("anonymous", AWAY, guard, info("")).permit
        self.assertEqual(permit.seconds, 14400)
        self.assert_told("calls_at_once", SORRY, guard, info(""))
        permit.over(1.0)
        self.assert_told("anonymous", AWAY, guard, info(""))

    def test_one_caller(self) -> None:
        """A caller is one, however their carrier spells the number."""
        guard = self.ringing(calls_per_day=Cap(2, SORRY), deny=Denied(DENY, SORRY))
        guard.ring(info(ANN))
        guard.ring(info(f"sip:{ANN}@trunk.example;user=phone"))
        for same in (f"tel:{ANN}", ANN[1:], f"00{ANN[1:]}", f"sips:{ANN[1:]}@other.example:5061"):
            self.assert_told("calls_per_day", SORRY, guard, info(same))
        for denied in (f"sip:{BOB}@trunk.example", f"tel:{BOB}", "sip:18765551234@trunk.example", "0019005551234"):
            self.assert_told("deny", SORRY, guard, info(denied))

    def test_the_nameless_are_one(self) -> None:
        """Who hides their number has no more calls by hiding it in another way."""
        guard = self.ringing(calls_per_day=Cap(2, SORRY))
        guard.ring(info("anonymous"))
        guard.ring(info("+266696687"))
        self.assert_told("calls_per_day", SORRY, guard, info(""))

    def test_calls_in_and_out_are_apart(self) -> None:
        """Callers take no place from the calls that are placed, nor the other way round."""
        guard = self.guard(inbound=Inbound(calls_at_once=Cap(1)), calls_at_once=1, calls_per_day=1)
        guard.ring(info())
        guard.place(order(), CRM)
        self.assertEqual(len(guard), 2)


class ConverseTests(GuardCase):
    """Agents."""

    def conversing(self, minutes: int) -> Guard:
        """A guard that lets agents talk for so many minutes a day."""
        return self.guard(inbound=Inbound(agent_minutes_per_day=Cap(minutes, SORRY)))

    def test_counted(self) -> None:
        """What an agent has talked is counted, to the second; what it has not is there for the next."""
        guard = self.conversing(10)
        guard.converse(info()).over(400.0)
        self.assertEqual(guard.converse(info(BOB)).seconds, 200)
        refused = self.assert_refused("agent_minutes_per_day", DAY_LEFT, guard.converse, info())
        self.assertEqual((refused.say, str(refused)), ("Sorry.", "10 minutes a day (UTC) are the most"))
        self.assertEqual(self.told[0][1], Attempt("agent", Direction.INBOUND, "main", ANN, call="CA1"))
        self.assertEqual(guard.converse(info(account="other")).seconds, 300)

    def test_no_flow(self) -> None:
        """The caller is in a flow already: none takes them instead."""
        guard = self.guard(inbound=Inbound(agent_minutes_per_day=Cap(1, AWAY)))
        guard.converse(info())
        refused = self.assert_refused("agent_minutes_per_day", DAY_LEFT, guard.converse, info())
        self.assertEqual((refused.flow, refused.permit), (None, None))

    def test_never_talked(self) -> None:
        """An agent that never came costs nothing."""
        guard = self.conversing(5)
        guard.converse(info()).over(None)
        self.assertEqual(guard.converse(info()).seconds, 300)

    def test_all_at_once(self) -> None:
        """However many begin at once, what they are granted together is no more than there is."""
        guard = self.conversing(600)
        granted = []
        while True:
            try:
                granted.append(guard.converse(info()).seconds)
            except Refused:
                break
        self.assertEqual((granted[0], sum(granted)), (3600, 36000))
        self.assertGreater(len(granted), 30)

    def test_a_crowd(self) -> None:
        """Of a large cap nobody gets more than their call has left: hundreds talk at once."""
        guard = self.conversing(80_000)
        granted = [guard.converse(info(), 7200).seconds for _ in range(500)]
        self.assertEqual((granted[0], min(granted), sum(granted) < 80_000 * 60), (7200, 7200, True))

    def test_daemon_before(self) -> None:
        """What was granted by a daemon before us, and not talked, is there again; talked is talked, and no more."""
        for ended, left in ((NOW + 100.0, 500), (NOW - 5.0, 600), (NOW + 9000.0, 300)):
            self.kept = DictCounts()
            guard = self.conversing(10)
            self.assertEqual(guard.converse(info()).seconds, 300)
            guard.conversed(info(), 300, NOW, ended)
            self.assertEqual(guard._ledger.amount("agent_minutes_per_day 'main'"), 600 - left)

    def test_daemon_of_yesterday(self) -> None:
        """What was granted on another day is no minute of this one."""
        guard = self.conversing(10)
        guard.converse(info())
        guard.conversed(info(), 300, NOW - 86400.0, NOW)
        self.assertEqual(guard._ledger.amount("agent_minutes_per_day 'main'"), 300)

    def test_a_fraction_of_a_second(self) -> None:
        """What is left is whole seconds, or nothing."""
        guard = self.conversing(1)
        guard.converse(info()).over(59.5)
        self.assert_refused("agent_minutes_per_day", DAY_LEFT, guard.converse, info())


class GuardMachine(RuleBasedStateMachine):
    """Anything may be asked, ended, waited for, and restarted, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.clock.advance(NOW)
        self.kept = DictCounts()
        self.live: list[IPermit] = []
        self.guard = self.new()

    def new(self) -> Guard:
        """A guard with narrow rules."""
        prices = Prices({Pattern.parse("US"): 0.1})
        outbound = Outbound(allow=US, calls_at_once=3, calls_per_day=8, spend_per_day=5.0, prices=prices)
        inbound = Inbound(calls_at_once=Cap(2, AWAY), calls_per_day=Cap(6), agent_minutes_per_day=Cap(20))
        return Guard(outbound, inbound, self.clock, self.kept, lambda *_: None)

    def keep(self, ask: Any, *args: Any) -> None:
        """Ask for a permit, and keep it."""
        try:
            self.live.append(ask(*args))
        except Refused as refused:
            assert (refused.flow is None) is (refused.permit is None)
            if refused.permit is not None:
                self.live.append(refused.permit)

    @rule(to=st.sampled_from([ANN, BOB, JAMAICA]), seconds=st.integers(-10, 2000))
    def place(self, to: str, seconds: int) -> None:
        """A call is asked for."""
        self.keep(self.guard.place, order(to, seconds), CRM)

    @rule(caller=st.sampled_from([ANN, "anonymous"]))
    def ring(self, caller: str) -> None:
        """Somebody calls."""
        self.keep(self.guard.ring, info(caller))

    @rule(sid=st.sampled_from(["CA1", "CA2"]), named=st.booleans(), party=st.none() | st.just(CRM))
    def leg(self, sid: str, named: bool, party: Party | None) -> None:
        """Somebody is to be connected."""
        self.keep(self.guard.leg, info(sid=sid), Dial(BOB), named, party)

    @rule()
    def converse(self) -> None:
        """An agent takes the line."""
        self.keep(self.guard.converse, info())

    @precondition(lambda self: self.live)
    @rule(pick=st.integers(0, 99), talked=st.none() | st.floats(0, 1), again=st.booleans())
    def over(self, pick: int, talked: float | None, again: bool) -> None:
        """Something is over; maybe it is said twice."""
        permit = self.live.pop(pick % len(self.live))
        for _ in range(1 + again):
            permit.over(None if talked is None else talked * permit.seconds)

    @rule(seconds=st.floats(0, 100_000))
    def wait(self, seconds: float) -> None:
        """Time passes."""
        self.clock.advance(seconds)

    @rule()
    def restart(self) -> None:
        """The daemon is started anew: its calls are gone."""
        self.live, self.guard = [], self.new()

    @invariant()
    def caps_hold(self) -> None:
        """No count is over its cap, neither in the memory nor on the disk."""
        caps = {"calls_per_day": 8, "~calls_per_day": 6, "spend_per_day": 5, "agent_minutes_per_day": 1200}
        for name, (until, amount) in self.kept.counts.items():
            if until > self.clock.seconds():
                assert 0 <= amount <= caps.get(name.partition(" ")[0], 200) + 1e-6, name

    def teardown(self) -> None:
        """When all is over no place is taken."""
        for permit in self.live:
            permit.over(1.0)
        assert len(self.guard) == 0


class AnyOrderTests(SynchronousTestCase):
    """Whatever happens, in whatever order."""

    def test_any_order(self) -> None:
        """No cap is exceeded, and nothing stays taken."""
        run_state_machine_as_test(GuardMachine, settings=settings(max_examples=30, deadline=None))
