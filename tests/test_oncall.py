"""When the operator is rung, and when not: at most once in ten minutes, whatever happens."""

from __future__ import annotations

import itertools
from typing import Any

from twisted.internet.defer import Deferred, fail, succeed
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from voiced.call.records import CallInfo, CallRecord, Ending
from voiced.call.wish import Wish
from voiced.errors import CarrierError, Overloaded, Refused
from voiced.iguard import Party
from voiced.ioperator import OnCall
from voiced.oncall import AGAIN, BETWEEN, LOOK_EVERY, MOST_TRIES, PARTY, QUICK_TRIES, Ringing
from voiced.testing.clock import StrictClock
from voiced.watch.trouble import PLACES, Trouble

ANNA, BERT = Trouble("voice", "Anna is dead.", "CA1", "anna"), Trouble("voice", "Bert is dead.", "CA2", "bert")
OPERATOR = OnCall("+14155550100", "oncall")


def over(taken: bool, placed_by: str = PARTY.name) -> CallRecord:
    """A call to the operator that is over."""
    info = CallInfo("CA9", "main", "+14155550123", OPERATOR.number)
    ending = Ending.COMPLETED if taken else Ending.NO_ANSWER
    return CallRecord(info, "oncall", 0.0, 1.0, ending, 0.5 if taken else None, placed_by=placed_by)


class RingingTests(SynchronousTestCase):
    """Trouble, and calls."""

    def setUp(self) -> None:
        """Somebody looks for trouble; calls are placed at once."""
        self.clock = StrictClock()
        self.clock.advance(1_700_000_000)
        self.placed: list[tuple[float, Wish]] = []
        self.answer: Any = succeed
        self.looks = 0
        self.is_over: set[str] = set()
        """Kinds of trouble that do not stand any more."""
        self.ringing = Ringing(OPERATOR, self.place, self.look, self.stands, self.clock)
        self.ringing.begin()
        self.began = self.clock.seconds()
        self.addCleanup(self.ringing.stop)

    def place(self, wish: Wish, party: Party) -> Deferred[str]:
        """See Placing.place."""
        self.assertIs(party, PARTY)
        self.placed.append((self.clock.seconds() - self.began, wish))
        return self.answer("CA9")  # type: ignore[no-any-return]

    def look(self) -> None:
        """Somebody looks."""
        self.looks += 1

    def stands(self, trouble: Trouble) -> bool:
        """See Noticing.stands."""
        return trouble.kind not in self.is_over

    def passes(self, seconds: float) -> None:
        """Time passes."""
        for _ in range(round(seconds / LOOK_EVERY)):
            self.clock.advance(LOOK_EVERY)

    @property
    def moments(self) -> list[float]:
        """When the operator was rung."""
        return [at for at, _ in self.placed]

    def test_rung(self) -> None:
        """At once, with their own flow."""
        self.ringing.notice(ANNA)
        self.assertEqual(self.placed, [(0.0, Wish(OPERATOR.number, flow="oncall"))])

    def test_told(self) -> None:
        """Who has taken the call is not rung for the same within ten minutes, and after that anew."""
        self.ringing.notice(ANNA)
        self.ringing.ended(over(taken=True))
        for _ in range(5):
            self.passes(100)
            self.ringing.notice(ANNA)
        self.assertEqual(self.moments, [0])
        self.passes(300)
        self.assertEqual(self.moments, [0])
        self.ringing.notice(ANNA)
        self.assertEqual(self.moments, [0, 800])

    def test_another(self) -> None:
        """Another trouble waits until the ten minutes are over."""
        self.ringing.notice(ANNA)
        self.ringing.ended(over(taken=True))
        self.passes(60)
        self.ringing.notice(BERT)
        self.passes(2000)
        self.assertEqual(self.moments, [0, BETWEEN])

    def test_another_on_the_phone(self) -> None:
        """So does one that comes while they are told of the first."""
        self.ringing.notice(ANNA)
        self.ringing.notice(BERT)
        self.passes(BETWEEN + 60)
        self.assertEqual(self.moments, [0])
        self.ringing.ended(over(taken=True))
        self.passes(LOOK_EVERY)
        self.assertEqual(self.moments, [0, BETWEEN + 60 + LOOK_EVERY])
        self.ringing.ended(over(taken=True))
        self.passes(2000)
        self.assertEqual(len(self.placed), 2)

    def test_not_taken(self) -> None:
        """Who does not take it is rung again after ten minutes, so many times."""
        self.ringing.notice(PLACES["disk"])
        for _ in range(MOST_TRIES + 2):
            self.ringing.ended(over(taken=False))
            self.passes(BETWEEN)
        self.assertEqual(self.moments, [BETWEEN * n for n in range(MOST_TRIES)])
        self.ringing.notice(ANNA)
        self.assertEqual(len(self.placed), MOST_TRIES + 1)

    def test_machine(self) -> None:
        """A machine on which a flow hangs up has not taken it."""
        self.ringing.notice(ANNA)
        machine = over(taken=True)
        machine.ending = Ending.MACHINE
        self.ringing.ended(machine)
        self.passes(BETWEEN)
        self.assertEqual(self.moments, [0, BETWEEN])

    def test_not_placed(self) -> None:
        """What could not be placed is tried again in a minute, or when the guard says, and for as long as the trouble
        stands."""
        self.answer = lambda sid: fail(Overloaded("200 calls are live"))
        self.ringing.notice(ANNA)
        self.passes(AGAIN)
        self.answer = lambda sid: fail(Refused("oncall_per_ten_minutes", "1 is the most", retry_after=300.0))
        self.passes(AGAIN)
        self.assertEqual(self.moments, [0, AGAIN, 2 * AGAIN])
        self.passes(300)
        self.assertEqual(self.moments[3:], [2 * AGAIN + 300])
        self.placed.clear()
        self.answer = lambda sid: fail(CarrierError("no network"))
        self.passes(10_000)
        self.assertGreater(len(self.placed), 2 * MOST_TRIES)
        self.is_over.add("voice")
        self.placed.clear()
        self.passes(10_000)
        self.assertEqual(self.placed, [])

    def test_spacing(self) -> None:
        """Six tries are a minute apart, all others ten; for another trouble it begins anew."""
        self.answer = lambda sid: fail(CarrierError("no network"))
        self.ringing.notice(ANNA)
        self.passes(5 * AGAIN + 2 * BETWEEN)
        self.assertEqual(self.moments, [*(AGAIN * n for n in range(QUICK_TRIES)), 900, 1500])
        self.ringing.notice(BERT)
        self.passes(BETWEEN + AGAIN)
        self.assertEqual(self.moments[8:], [2100, 2100 + AGAIN])

    def test_placed_at_last(self) -> None:
        """However often it could not be placed, once it can all six calls are left, ten minutes apart."""
        self.answer = lambda sid: fail(CarrierError("no network"))
        self.ringing.notice(ANNA)
        self.passes(5000)
        self.answer = succeed
        self.placed.clear()
        self.passes(BETWEEN)
        self.assertEqual(len(self.placed), 1)
        for _ in range(2 * MOST_TRIES):
            self.ringing.ended(over(taken=False))
            self.passes(BETWEEN)
        gaps = [later - sooner for sooner, later in itertools.pairwise(self.moments)]
        self.assertEqual(gaps, [BETWEEN] * (MOST_TRIES - 1))

    def test_over_meanwhile(self) -> None:
        """Nobody is rung for what is over: not at the next try, nor by the reload that names an operator."""
        self.ringing.on_call = None
        self.ringing.notice(ANNA)
        self.ringing.notice(PLACES["disk"])
        self.is_over.add("disk")
        self.ringing.on_call = OPERATOR
        self.passes(BETWEEN)
        self.assertEqual(self.placed, [])
        self.is_over.clear()
        self.ringing.notice(PLACES["disk"])
        self.assertEqual(len(self.placed), 1)

    def test_fault_of_ours(self) -> None:
        """A fault of ours on the way is logged, and does not keep the operator from being rung later."""
        self.answer = lambda sid: fail(ZeroDivisionError())
        self.ringing.notice(ANNA)
        self.passes(BETWEEN)
        self.assertEqual(self.moments, [0, BETWEEN])
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 2)

    def test_perhaps_placed(self) -> None:
        """What may have been placed counts as a call."""
        self.answer = lambda sid: fail(CarrierError("no answer", unsure=True))
        self.ringing.notice(ANNA)
        self.passes(BETWEEN - LOOK_EVERY)
        self.assertEqual(self.moments, [0])
        self.passes(LOOK_EVERY)
        self.assertEqual(self.moments, [0, BETWEEN])

    def test_placed_though_unsure(self) -> None:
        """If it rings after all, and they take it, they know."""
        self.answer = lambda sid: fail(CarrierError("no answer", unsure=True))
        self.ringing.notice(ANNA)
        self.ringing.ended(over(taken=True))
        self.passes(10 * BETWEEN)
        self.assertEqual(self.moments, [0])

    def test_nobody(self) -> None:
        """Without `oncall` nobody is rung; the log says what broke. With it from a reload on, somebody is."""
        self.ringing.on_call = None
        with capturedLogs() as logged:
            self.ringing.notice(ANNA)
        self.assertEqual([event["text"] for event in logged], [ANNA.text])
        self.passes(60)
        self.assertEqual(self.placed, [])
        self.ringing.on_call = OPERATOR
        self.passes(LOOK_EVERY)
        self.assertEqual(len(self.placed), 1)

    def test_stopped(self) -> None:
        """Nobody is rung before it has begun, nor when it has stopped; nothing waits then."""
        self.ringing.stop()
        self.ringing.stop()
        self.ringing.notice(ANNA)
        self.assertEqual((self.placed, self.clock.getDelayedCalls()), ([], []))
        self.ringing.begin()
        self.ringing.begin()
        self.passes(LOOK_EVERY)
        self.assertEqual((len(self.placed), self.looks), (1, 1))

    def test_ours(self) -> None:
        """Which calls are to the operator."""
        self.assertEqual([self.ringing.is_ours(over(True, by)) for by in (PARTY.name, "crm")], [True, False])

    def test_broken(self) -> None:
        """A fault of ours is logged, and nobody looks any more."""

        def broken() -> None:
            raise ZeroDivisionError

        ringing = Ringing(OPERATOR, self.place, broken, self.stands, self.clock)
        ringing.begin()
        self.passes(LOOK_EVERY)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
