"""Where calls stand is written a moment later, together, in order, and again where the disk has failed."""

from __future__ import annotations

from typing import Any

import attrs
from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import LogLevel, capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from voiced.call.book import AGAIN, MOST, SOON, TALK, Book
from voiced.errors import StoreError
from voiced.testing.clock import StrictClock


@attrs.define(eq=False)
class FakeCall:
    """A call that stands somewhere."""

    name: str
    place: Any = 0

    def standing(self) -> Any:
        """Where it stands."""
        if isinstance(self.place, Exception):
            raise self.place
        return self.place


class BookTests(SynchronousTestCase):
    """voiced.call.book."""

    def setUp(self) -> None:
        """A disk that takes its time."""
        self.clock = StrictClock()
        self.written: list[tuple[dict[str, Any], set[str]]] = []
        self.writing: list[Deferred[None]] = []
        self.book = Book(self, self.clock)  # type: ignore[arg-type]
        self.a, self.b = FakeCall("a"), FakeCall("b")

    def keep(self, standings: dict[str, Any], over: set[str]) -> Deferred[None]:
        """See IStandings."""
        self.written.append((standings, set(over)))
        self.writing.append(Deferred())
        return self.writing[-1]

    def test_together(self) -> None:
        """What happens within a moment is one write, of where each call stands by then."""
        for place in range(3):
            self.a.place = place
            self.book.changed(self.a)
        self.book.changed(self.b)
        self.assertEqual(self.written, [])
        self.clock.advance(SOON)
        self.assertEqual(self.written, [({"a": 2, "b": 0}, set())])
        self.writing[0].callback(None)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_talk(self) -> None:
        """What has time waits for more, also while something is written, and goes with what has none."""
        self.book.changed(self.a, TALK)
        self.clock.advance(TALK - SOON)
        self.assertEqual(self.written, [])
        self.book.changed(self.a, TALK)
        self.clock.advance(SOON)
        self.book.changed(self.a, TALK)
        self.writing[0].callback(None)
        self.clock.advance(TALK - SOON)
        self.assertEqual(len(self.written), 1)
        self.book.changed(self.b)
        self.clock.advance(SOON)
        self.assertEqual(self.written[1], ({"a": 0, "b": 0}, set()))
        self.writing[1].callback(None)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_many(self) -> None:
        """Of many calls some are written at once, and the others a moment later: nobody waits for all of them."""
        calls = [FakeCall(f"{number}") for number in range(2 * MOST + 1)]
        for call in calls:
            self.book.changed(call, TALK)
        self.clock.advance(TALK)
        for _ in range(2):
            self.writing[-1].callback(None)
            self.clock.advance(SOON)
        self.writing[-1].callback(None)
        self.assertEqual([len(written) for written, _ in self.written], [MOST, MOST, 1])
        self.assertEqual([name for written, _ in self.written for name in written], [call.name for call in calls])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_soon_before_many(self) -> None:
        """What has no time is in the next write, however many there are that have; what has changed so, has none."""
        for number in range(3 * MOST):
            self.book.changed(FakeCall(f"{number}"), TALK)
        last = FakeCall(f"{3 * MOST - 1}")
        self.book.changed(last)
        self.book.changed(last, TALK)
        self.clock.advance(SOON)
        self.assertIn(last.name, self.written[0][0])
        self.assertEqual(len(self.written[0][0]), MOST + 1)

    def test_many_and_somebody_waits(self) -> None:
        """Who waits for what has changed, waits for one write of all of it."""
        for number in range(2 * MOST):
            self.book.changed(FakeCall(f"{number}"), TALK)
        settled = self.book.settled()
        self.clock.advance(0)
        self.assertEqual([len(written) for written, _ in self.written], [2 * MOST])
        self.writing[-1].callback(None)
        self.assertIsNone(self.successResultOf(settled))

    def test_soon_after_talk(self) -> None:
        """What has no time does not wait for what has."""
        self.book.changed(self.a, TALK)
        self.book.changed(self.b)
        self.clock.advance(SOON)
        self.assertEqual(self.written, [({"a": 0, "b": 0}, set())])

    def test_one_after_the_other(self) -> None:
        """What comes while something is written is written after it."""
        self.book.changed(self.a)
        self.clock.advance(SOON)
        self.a.place = 7
        self.book.changed(self.a)
        self.clock.advance(60)
        self.assertEqual(len(self.written), 1)
        self.writing[0].callback(None)
        self.clock.advance(SOON)
        self.assertEqual(self.written[1], ({"a": 7}, set()))

    def test_over(self) -> None:
        """A call that is over is not written any more, and its row goes."""
        self.book.changed(self.a)
        self.book.over("a")
        self.clock.advance(SOON)
        self.assertEqual(self.written, [({}, {"a"})])

    def test_disk_fails(self) -> None:
        """A disk that fails is asked again, with what is true by then; that is said once, and its end, too."""
        self.book.changed(self.a)
        self.book.changed(self.b)
        self.book.over("c")
        self.clock.advance(SOON)
        self.book.over("a")
        with capturedLogs() as logs:
            for _ in range(2):
                self.writing[-1].errback(StoreError("the disk is full"))
                self.clock.advance(SOON)
                self.clock.advance(AGAIN)
            self.writing[-1].callback(None)
        self.assertEqual(self.written[1:], [({"b": 0}, {"a", "c"})] * 2)
        levels = [each["log_level"] for each in logs]
        self.assertEqual(levels, [LogLevel.error, LogLevel.info])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_live_anew(self) -> None:
        """A name that is live anew while its end could not be written, is live."""
        self.book.over("a")
        self.clock.advance(SOON)
        self.book.changed(self.a)
        self.writing[0].errback(StoreError("the disk is full"))
        self.clock.advance(AGAIN)
        self.assertEqual(self.written[1], ({"a": 0}, set()))

    def test_settled(self) -> None:
        """Whoever waits is told when all is written; at once where nothing is to be."""
        self.successResultOf(self.book.settled())
        self.book.changed(self.a)
        settled = self.book.settled()
        self.clock.advance(0)
        self.assertNoResult(settled)
        self.writing[0].callback(None)
        self.successResultOf(settled)

    def test_settled_in_vain(self) -> None:
        """A disk that fails keeps nobody waiting for ever: one try is enough, and the writing goes on by itself."""
        self.book.changed(self.a)
        self.clock.advance(SOON)
        self.writing[0].errback(StoreError("the disk is full"))
        settled = self.book.settled()
        self.clock.advance(0)
        self.assertNoResult(settled)
        self.writing[1].errback(StoreError("the disk is full"))
        self.successResultOf(settled)
        self.clock.advance(AGAIN)
        self.assertEqual(len(self.written), 3)

    def test_settled_while_more_comes(self) -> None:
        """What changes afterwards is not waited for; what changed while another write was on its way, is."""
        self.book.changed(self.a)
        self.clock.advance(SOON)
        first = self.book.settled()
        self.book.changed(self.b)
        second = self.book.settled()
        self.writing[0].callback(None)
        self.successResultOf(first)
        self.assertNoResult(second)
        self.clock.advance(0)
        self.book.changed(self.a)
        self.writing[1].callback(None)
        self.successResultOf(second)
        self.assertEqual(self.written, [({"a": 0}, set()), ({"b": 0}, set())])

    def test_settled_no_more(self) -> None:
        """Who cancels is not told, and the others are."""
        self.book.changed(self.a)
        self.clock.advance(SOON)
        self.book.changed(self.b)
        for waiting in (self.book.settled(), self.book.settled()):
            others = self.book.settled()
            waiting.cancel()
            self.failureResultOf(waiting, CancelledError)
        self.book.over("b")
        self.writing[0].callback(None)
        self.clock.advance(0)
        on_its_way = self.book.settled()
        on_its_way.cancel()
        self.failureResultOf(on_its_way, CancelledError)
        self.writing[1].callback(None)
        self.successResultOf(others)

    def test_broken_call(self) -> None:
        """A call that cannot say where it stands is logged, and the others are written the next time."""
        self.a.place = ValueError("a fault of ours")
        self.book.changed(self.a)
        self.clock.advance(SOON)
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)
        self.book.changed(self.b)
        self.clock.advance(SOON)
        self.assertEqual(self.written, [({"b": 0}, set())])
