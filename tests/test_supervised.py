"""Signs of life on a clock in memory, and a service manager that writes down what it is told."""

from __future__ import annotations

from typing import Any

import attrs
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from voiced.net.notify import ServiceManager
from voiced.supervised import NEWS_SECONDS, Supervised


@attrs.define
class Listener(ServiceManager):
    """Whoever is told."""

    told: list[dict[str, Any]] = attrs.field(factory=list)

    def tell(self, **news: Any) -> None:
        """See ServiceManager."""
        self.told.append(news)


class SupervisedTests(SynchronousTestCase):
    """One daemon's life, as it is told."""

    def supervised(self, address: str = "/run/notify", silence: float | None = None) -> Supervised:
        """One who has just become ready."""
        self.clock, self.manager = Clock(), Listener(address, silence)
        supervised = Supervised(self.manager, self.clock, lambda: "3 calls")
        supervised.ready()
        self.addCleanup(lambda: self.assertEqual(self.clock.getDelayedCalls(), []))
        self.addCleanup(supervised.stop)
        return supervised

    def signs(self) -> int:
        """How many signs of life there were so far."""
        return sum("WATCHDOG" in news for news in self.manager.told)

    def test_watched(self) -> None:
        """Signs of life come twice as often as they must, as long as the reactor turns."""
        self.supervised(silence=4.0)
        self.assertEqual(self.manager.told[0], {"READY": 1, "STATUS": "3 calls"})
        self.assertEqual(self.signs(), 1)
        self.clock.pump([1.0] * 6)
        self.assertEqual(self.signs(), 4)

    def test_standing_still(self) -> None:
        """A reactor that stands still gives no sign, and makes up for none afterwards."""
        self.supervised(silence=4.0)
        self.clock.advance(40.0)
        self.assertEqual(self.signs(), 2)

    def test_rarely_watched(self) -> None:
        """Where signs are wanted seldom, the status is told all the same; more than that nobody needs."""
        for silence in (None, 3600.0):
            self.supervised(silence=silence)
            self.manager.told.clear()
            self.clock.advance(NEWS_SECONDS)
            alive = {} if silence is None else {"WATCHDOG": 1}
            self.assertEqual(self.manager.told, [{**alive, "STATUS": "3 calls"}])

    def test_stopping(self) -> None:
        """It says how long it may take, and gives signs of life until it is done."""
        supervised = self.supervised(silence=4.0)
        supervised.stopping(150.5)
        news = {"STOPPING": 1, "STATUS": "3 calls", "EXTEND_TIMEOUT_USEC": 150_500_000}
        self.assertEqual(self.manager.told[-1], news)
        before = self.signs()
        self.clock.advance(2.0)
        self.assertEqual(self.signs(), before + 1)
        supervised.stop()
        self.clock.advance(60.0)
        self.assertEqual(self.signs(), before + 1)

    def test_nobody(self) -> None:
        """With nobody to tell there is no timer."""
        self.supervised(address="")
        self.assertEqual(self.clock.getDelayedCalls(), [])
