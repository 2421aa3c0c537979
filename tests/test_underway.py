"""What is under way, and who waits for the last of it."""

from twisted.internet.defer import CancelledError
from twisted.trial.unittest import SynchronousTestCase

from voiced.call.underway import UnderWay


class UnderWayTests(SynchronousTestCase):
    """A count, and those who wait."""

    def setUp(self) -> None:
        """Nothing is under way."""
        self.things = UnderWay()

    def test_nothing(self) -> None:
        """Where nothing is under way, nobody waits."""
        self.successResultOf(self.things.settled())

    def test_last_of_them(self) -> None:
        """All who wait are told with the last one, once."""
        self.things.begin()
        self.things.begin()
        waiting = [self.things.settled(), self.things.settled()]
        self.things.end()
        for each in waiting:
            self.assertNoResult(each)
        self.things.end()
        for each in waiting:
            self.successResultOf(each)
        self.things.begin()
        self.assertNoResult(self.things.settled())
        self.things.end()

    def test_told_while_it_begins_again(self) -> None:
        """Who is told may begin another thing, and wait for that."""
        self.things.begin()
        later = []

        def again(_: None) -> None:
            self.things.begin()
            later.append(self.things.settled())

        self.things.settled().addCallback(again)
        self.things.end()
        self.assertNoResult(later[0])
        self.things.end()
        self.successResultOf(later[0])

    def test_leaves(self) -> None:
        """Who is cancelled leaves; the others wait on."""
        self.things.begin()
        leaves, stays = self.things.settled(), self.things.settled()
        leaves.cancel()
        self.failureResultOf(leaves, CancelledError)
        self.things.end()
        self.successResultOf(stays)
