"""Ending a call goes on until it is ended, whoever leaves meanwhile; all else is asked of the carrier once."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import CancelledError, Deferred, fail, succeed
from twisted.internet.task import Clock
from twisted.logger import LogLevel, capturedLogs, formatEvent
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from voiced.call.persevering import WAITS, Persevering
from voiced.errors import CarrierError
from voiced.icarrier import CallOrder, CallState, ICarrier

NUMBER = "+14155550177"
ORDER = CallOrder("main", NUMBER, "+14155550123", "r1")
STATE = CallState("CA1", None, True)
TROUBLES = [
    CarrierError("No answer.", unsure=True, answer=504),
    CarrierError("Not reached."),
    CarrierError("Too many requests.", code=20429, status=429),
    CarrierError("Broken.", status=500, unsure=True),
    CarrierError("Wrong token.", code=20003, status=401),
    CarrierError("Not JSON.", status=200, unsure=True),
]
"""What may keep a call from being ended; any of it may be otherwise a little later."""


@implementer(ICarrier)
class Carrier:
    """A carrier that notes what it is asked; each `complete` is the test's to answer, unless `trouble` answers it."""

    def __init__(self) -> None:
        self.asked: list[object] = []
        self.ending: list[Deferred[None]] = []
        self.trouble: Exception | None = None

    def create(self, order: CallOrder) -> Deferred[str]:
        """See ICarrier."""
        self.asked.append(order)
        return succeed("CA1")

    def send_text(self, account: str, to: str, from_: str, text: str) -> Deferred[str]:
        """See ICarrier."""
        self.asked.append((account, to, from_, text))
        return succeed("SM1")

    def complete(self, call_sid: str, account: str) -> Deferred[None]:
        """See ICarrier."""
        self.asked.append((call_sid, account))
        self.ending.append(Deferred() if self.trouble is None else fail(self.trouble))
        return self.ending[-1]

    def fetch(self, call_sid: str, account: str) -> Deferred[CallState]:
        """See ICarrier."""
        self.asked.append((call_sid, account))
        return succeed(STATE)

    def find(self, order: CallOrder, since: float, until: float) -> Deferred[Sequence[str]]:
        """See ICarrier."""
        self.asked.append((order, since, until))
        return succeed(["CA2", "CA1"])


class PerseveringCase(SynchronousTestCase):
    """Test cases with a carrier, and one that perseveres with it."""

    def setUp(self) -> None:
        """Nothing is asked yet."""
        self.clock, self.carrier = Clock(), Carrier()
        self.persevering = Persevering(self.carrier, self.clock)

    def complete(self, call_sid: str = "CA1") -> Deferred[None]:
        """Ask for the end of a call."""
        return self.persevering.complete(call_sid, "main")

    def ends(self) -> None:
        """The carrier ends the call that it was last asked about."""
        self.carrier.ending[-1].callback(None)

    def waits(self) -> list[float]:
        """Let all its time pass; how long it waited, each time."""
        waits = []
        while timers := self.clock.getDelayedCalls():
            waits.append(timers[0].getTime() - self.clock.seconds())
            self.clock.advance(waits[-1])
        return waits

    def assert_idle(self) -> None:
        """Nothing is on its way, and no timer is left."""
        self.assertIsNone(self.successResultOf(self.persevering.settled()))
        self.assertEqual(self.clock.getDelayedCalls(), [])


class PassedOnTests(PerseveringCase):
    """What is the carrier's own."""

    def test_interface(self) -> None:
        """It is a carrier, and so is the one of these tests."""
        for carrier in (self.persevering, self.carrier):
            self.assertTrue(verifyObject(ICarrier, carrier))

    def test_passed_on(self) -> None:
        """`create`, `send_text`, `fetch` and `find` are the carrier's, with its answers."""
        self.assertEqual(self.successResultOf(self.persevering.send_text("main", NUMBER, "+1", "Hi.")), "SM1")
        self.assertEqual(self.carrier.asked.pop(), ("main", NUMBER, "+1", "Hi."))
        self.assertEqual(self.successResultOf(self.persevering.create(ORDER)), "CA1")
        self.assertEqual(self.successResultOf(self.persevering.fetch("CA9", "main")), STATE)
        self.assertEqual(self.successResultOf(self.persevering.find(ORDER, 1.0, 2.0)), ["CA2", "CA1"])
        self.assertEqual(self.carrier.asked, [ORDER, ("CA9", "main"), (ORDER, 1.0, 2.0)])
        self.assert_idle()


class CompleteTests(PerseveringCase):
    """Ending a call."""

    def test_at_once(self) -> None:
        """A carrier that ends it is asked once, and nobody waits longer than it takes."""
        done = self.complete()
        self.assertNoResult(done)
        self.ends()
        self.assertIsNone(self.successResultOf(done))
        self.assertEqual(self.carrier.asked, [("CA1", "main")])
        self.assert_idle()

    def test_again(self) -> None:
        """Whatever the trouble is, it is asked again a little later, and the first success ends it."""
        for trouble in TROUBLES:
            self.setUp()
            done = self.complete()
            self.carrier.ending[-1].errback(trouble)
            self.clock.advance(WAITS[0] - 0.01)
            self.assertEqual(len(self.carrier.asked), 1)
            self.clock.advance(0.01)
            self.assertNoResult(done)
            self.ends()
            self.assertIsNone(self.successResultOf(done))
            self.assertEqual(self.carrier.asked, [("CA1", "main")] * 2)
            self.assert_idle()

    def test_gives_up(self) -> None:
        """After nine minutes, each wait longer than the one before, it fails with the last trouble."""
        self.carrier.trouble = TROUBLES[0]
        done = self.complete()
        waits = self.waits()
        self.assertEqual((waits, sum(waits)), (list(WAITS), 540.0))
        self.assertEqual(waits, sorted(waits))
        self.assertIs(self.failureResultOf(done, CarrierError).value, TROUBLES[0])
        self.assertEqual(len(self.carrier.asked), len(WAITS) + 1)
        self.assert_idle()

    def test_once_more(self) -> None:
        """A call that was given up, or is ended, may be ended anew, all from the beginning."""
        self.carrier.trouble = TROUBLES[0]
        first = self.complete()
        self.waits()
        self.failureResultOf(first, CarrierError)
        self.carrier.trouble = None
        for _ in range(2):
            done = self.complete()
            self.ends()
            self.assertIsNone(self.successResultOf(done))
        self.assertEqual(len(self.carrier.asked), len(WAITS) + 3)

    def test_who_waits_may_leave(self) -> None:
        """Cancelling leaves, while the carrier thinks and between two tries; the asking goes on to its end."""
        for busy in (True, False):
            self.setUp()
            done = self.complete()
            if not busy:
                self.carrier.ending[-1].errback(TROUBLES[0])
            done.cancel()
            self.failureResultOf(done, CancelledError)
            if busy:
                self.carrier.ending[-1].errback(TROUBLES[0])
            self.clock.advance(WAITS[0])
            self.assertEqual(len(self.carrier.asked), 2)
            settled = self.persevering.settled()
            self.assertNoResult(settled)
            self.ends()
            self.assertIsNone(self.successResultOf(settled))
            self.assert_idle()

    def test_nobody_waits_when_it_gives_up(self) -> None:
        """A failure that nobody waits for is said once in the log, and is no unhandled one."""
        self.carrier.trouble = TROUBLES[0]
        done = self.complete()
        done.cancel()
        self.failureResultOf(done, CancelledError)
        with capturedLogs() as events:
            self.waits()
        errors = [formatEvent(event) for event in events if event["log_level"] is LogLevel.error]
        self.assertEqual(errors, ["CA1: it could not be ended; its own time limit has to"])
        self.assertEqual(self.flushLoggedErrors(), [])
        self.assert_idle()

    def test_two_who_wait(self) -> None:
        """Two who want the end of one call wait for one asking, for good or ill; one may leave without the other."""
        self.carrier.trouble = TROUBLES[0]
        first, second, third = self.complete(), self.complete(), self.complete()
        second.cancel()
        self.failureResultOf(second, CancelledError)
        self.assertEqual(len(self.carrier.asked), 1)
        self.waits()
        for waiting in (first, third):
            self.assertIs(self.failureResultOf(waiting, CarrierError).value, TROUBLES[0])
        self.carrier.trouble = None
        both = [self.complete(), self.complete()]
        self.ends()
        self.assertEqual([self.successResultOf(each) for each in both], [None, None])
        self.assertEqual(len(self.carrier.asked), len(WAITS) + 2)

    def test_joins_later(self) -> None:
        """Who comes while it waits to ask again waits for the same asking, and does not hasten it."""
        first = self.complete()
        self.carrier.ending[-1].errback(TROUBLES[0])
        self.clock.advance(WAITS[0] / 2)
        second = self.complete()
        self.assertEqual(len(self.carrier.asked), 1)
        self.clock.advance(WAITS[0] / 2)
        self.ends()
        self.assertEqual([self.successResultOf(each) for each in (first, second)], [None, None])

    def test_two_calls(self) -> None:
        """Each call has its own asking: one that cannot be ended does not keep another waiting."""
        first = self.complete("CA1")
        self.carrier.ending[-1].errback(TROUBLES[0])
        second = self.complete("CA2")
        self.ends()
        self.assertIsNone(self.successResultOf(second))
        self.assertNoResult(first)
        self.assertEqual(self.carrier.asked, [("CA1", "main"), ("CA2", "main")])
        self.clock.advance(WAITS[0])
        self.ends()
        self.assertIsNone(self.successResultOf(first))

    def test_our_own_fault(self) -> None:
        """What is no trouble of the carrier's is not tried again: whoever waits hears of it."""
        self.carrier.trouble = ZeroDivisionError()
        self.failureResultOf(self.complete(), ZeroDivisionError)
        self.assertEqual(len(self.carrier.asked), 1)
        self.assert_idle()

    def test_our_own_fault_that_nobody_hears_of(self) -> None:
        """It is logged where whoever waited has left."""
        waiting = self.complete()
        waiting.addErrback(lambda left: None)
        waiting.cancel()
        self.carrier.ending[-1].errback(ZeroDivisionError())
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.assert_idle()

    def test_log(self) -> None:
        """Each try that fails is a line with the carrier's code, or its status, and never its words."""
        for code in (20429, 500):
            words = f"The call to {NUMBER} is not ended."
            trouble = CarrierError(words, code=code if code > 600 else 0, status=code if code < 600 else 429)
            with capturedLogs() as events:
                done = self.complete()
                self.carrier.ending[-1].errback(trouble)
            self.assertEqual(
                [formatEvent(event) for event in events], [f"CA1: ending it: error {code}; again in 1 s"]
            )
            self.assertNotIn(NUMBER, str(events))
            self.clock.advance(WAITS[0])
            self.ends()
            self.successResultOf(done)


class SettledTests(PerseveringCase):
    """When nothing is on its way."""

    def test_idle(self) -> None:
        """At once, where nothing is."""
        self.assertIsNone(self.successResultOf(self.persevering.settled()))

    def test_the_last_one(self) -> None:
        """When the last call is ended, for everyone who waits."""
        calls = [self.complete(sid) for sid in ("CA1", "CA2")]
        waiting = [self.persevering.settled() for _ in range(2)]
        for ending in self.carrier.ending:
            for each in waiting:
                self.assertNoResult(each)
            ending.callback(None)
        self.assertEqual([self.successResultOf(each) for each in [*waiting, *calls]], [None] * 4)

    def test_given_up(self) -> None:
        """A call that cannot be ended is not waited for any longer than it is tried."""
        self.carrier.trouble = TROUBLES[0]
        done, settled = self.complete(), self.persevering.settled()
        self.waits()
        self.assertIsNone(self.successResultOf(settled))
        self.failureResultOf(done, CarrierError)

    def test_another_one_meanwhile(self) -> None:
        """A call that whoever waited for another wants ended is waited for, too."""
        self.complete("CA1").addCallback(lambda _: self.complete("CA2"))
        settled = self.persevering.settled()
        self.ends()
        self.assertNoResult(settled)
        self.ends()
        self.assertIsNone(self.successResultOf(settled))

    def test_cancelled(self) -> None:
        """One who does not wait any longer leaves the others, and the asking, alone."""
        done, gone, waits = self.complete(), self.persevering.settled(), self.persevering.settled()
        gone.cancel()
        self.failureResultOf(gone, CancelledError)
        self.assertNoResult(waits)
        self.ends()
        self.assertEqual([self.successResultOf(each) for each in (waits, done)], [None, None])

    def test_too_long(self) -> None:
        """A daemon that stops waits so long and no longer."""
        self.complete()
        settled = self.persevering.settled().addTimeout(3, self.clock, lambda *_: None)
        self.clock.advance(3)
        self.assertIsNone(self.successResultOf(settled))
        self.ends()
        self.assert_idle()


ACTS = ["complete", "cancel", "settled", "leave", "good", "bad", "time"]


class AnyOrderTests(PerseveringCase):
    """Whatever happens, in whatever order."""

    @given(st.lists(st.tuples(st.sampled_from(ACTS), st.sampled_from(["CA1", "CA2"])), max_size=30))
    def test_any_order(self, acts: list[tuple[str, str]]) -> None:
        """No call is asked about twice at once, everybody hears once how it ended, and nothing is left."""
        self.setUp()
        ends: list[Deferred[None]] = []
        idles: list[Deferred[None]] = []
        heard: list[Failure | None] = []
        for act, sid in acts:
            match act:
                case "complete":
                    ends.append(self.complete(sid).addBoth(heard.append))
                case "settled":
                    idles.append(self.persevering.settled().addBoth(heard.append))
                case "cancel" | "leave" if which := ends if act == "cancel" else idles:
                    which[-1].cancel()
                case "good" | "bad":
                    for ending in self.open(sid):
                        ending.callback(None if act == "good" else Failure(TROUBLES[0]))
                case _:
                    self.clock.advance(WAITS[0])
            for each in ("CA1", "CA2"):
                self.assertLessEqual(len(self.open(each)), 1)
        self.carrier.trouble = TROUBLES[0]
        for ending in self.open("CA1") + self.open("CA2"):
            ending.callback(None)
        self.waits()
        self.assertEqual(len(heard), len(ends) + len(idles))
        self.assert_idle()

    def open(self, sid: str) -> list[Deferred[None]]:
        """What the carrier has been asked about this call, and has not answered."""
        asked = zip(self.carrier.asked, self.carrier.ending, strict=True)
        return [ending for call, ending in asked if call == (sid, "main") and not ending.called]
