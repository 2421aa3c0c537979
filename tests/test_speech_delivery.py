"""`delivering` runs a synthesis that is a coroutine, and can be cancelled at any moment."""

from functools import partial

from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import SynchronousTestCase

from voiced.errors import SynthesisError
from voiced.speech.delivery import delivering


async def two_pieces(waiting, ended, deliver):
    """Wait; deliver twice; wait; deliver once."""
    try:
        await waiting[0]
        deliver(b"a")
        deliver(b"b")
        await waiting[1]
        deliver(b"c")
    finally:
        ended.append(True)


class DeliveringTests(SynchronousTestCase):
    def setUp(self):
        self.waiting = [Deferred(), Deferred()]
        self.ended, self.heard, self.stop_at = [], [], None
        self.done = delivering(partial(two_pieces, self.waiting, self.ended), self.hear)

    def hear(self, piece):
        self.heard.append(piece)
        if piece == self.stop_at:
            self.done.cancel()

    def test_fires(self):
        """It delivers, and fires at the end."""
        for waiting in self.waiting:
            waiting.callback(None)
        self.successResultOf(self.done)
        self.assertEqual(self.heard, [b"a", b"b", b"c"])

    def test_fails(self):
        """It fails as the coroutine does."""
        self.waiting[0].errback(SynthesisError("no"))
        self.failureResultOf(self.done, SynthesisError)

    def test_cancelled_while_it_waits(self):
        """Cancelled while it awaits, the coroutine ends there."""
        self.waiting[0].callback(None)
        self.done.cancel()
        self.failureResultOf(self.done, CancelledError)
        self.assertEqual((self.heard, self.ended), ([b"a", b"b"], [True]))

    def test_cancelled_while_it_delivers(self):
        """Cancelled by what it delivers to, it delivers no more and ends; nothing is logged."""
        self.stop_at = b"a"
        self.waiting[0].callback(None)
        self.failureResultOf(self.done, CancelledError)
        self.assertEqual((self.heard, self.ended), ([b"a"], [True]))
