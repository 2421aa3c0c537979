"""Texts that are on their way: sent once, whoever leaves meanwhile."""

from __future__ import annotations

from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from voiced.call.texting import Texting
from voiced.errors import CarrierError, Refused


class TextingTests(SynchronousTestCase):
    """One room of texts."""

    def setUp(self) -> None:
        """Nothing is on its way."""
        self.texting = Texting()
        self.sending: list[Deferred[str]] = []

    def send(self, name: str = "a") -> Deferred[str]:
        """Send this one."""
        return self.texting.send(name, self.begin)

    def begin(self) -> Deferred[str]:
        """The carrier is asked."""
        self.sending.append(Deferred())
        return self.sending[-1]

    def test_sent(self) -> None:
        """Who waits is told; the same once more is another one."""
        for sid in ("SM1", "SM2"):
            sent = self.send()
            self.assertNoResult(sent)
            self.sending[-1].callback(sid)
            self.assertEqual(self.successResultOf(sent), sid)
        self.assertEqual(len(self.sending), 2)

    def test_failed(self) -> None:
        """So is who waits for what fails."""
        sent = self.send()
        self.sending[0].errback(CarrierError("no"))
        self.failureResultOf(sent, CarrierError)
        self.send()
        self.assertEqual(len(self.sending), 2)

    def test_left_and_come_back(self) -> None:
        """Who leaves and asks again gets what came of it, before it is over and after; others send their own."""
        for early in (True, False):
            left = self.send()
            left.cancel()
            self.failureResultOf(left, CancelledError)
            count = len(self.sending)
            if early:
                again = self.send()
                self.sending[-1].callback("SM1")
            else:
                self.sending[-1].callback("SM1")
                again = self.send()
            self.assertEqual((self.successResultOf(again), len(self.sending)), ("SM1", count))
        self.send("b")
        self.assertEqual(len(self.sending), 3)

    def test_left_for_good(self) -> None:
        """What fails when nobody is there is nobody's error; until then it is waited for."""
        self.send().addErrback(lambda failure: failure.trap(CancelledError)).cancel()
        settled = self.texting.settled()
        self.assertNoResult(settled)
        with capturedLogs() as events:
            self.sending[0].errback(CarrierError("no"))
        self.assertEqual([event["error"] for event in events], ["no"])
        self.successResultOf(settled)
        self.flushLoggedErrors()
        self.failureResultOf(self.send(), CarrierError)

    def test_refused(self) -> None:
        """What is not begun is not kept."""

        def refuse() -> Deferred[str]:
            raise Refused("dnc", "no")

        self.assertRaises(Refused, self.texting.send, "a", refuse)
        self.successResultOf(self.texting.settled())
        self.send()
        self.assertEqual(len(self.sending), 1)
