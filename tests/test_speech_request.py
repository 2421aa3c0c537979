"""Waiting for a response's head: in time, by name when it fails, and nothing left behind when it is given up."""

from OpenSSL import SSL
from twisted.internet import error
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.client import RequestTransmissionFailed, ResponseNeverReceived

from voiced.errors import SynthesisError
from voiced.speech.request import response_to


class Response:
    """A response of which only its connection is looked at."""

    aborted = False

    def deliverBody(self, protocol):
        protocol.makeConnection(self)

    def abortConnection(self):
        self.aborted = True

    loseConnection = None


class ResponseToTests(SynchronousTestCase):
    def setUp(self):
        self.clock = Clock()
        self.request = Deferred()
        self.done = response_to(self.request, "api.example", self.clock, 2)

    def test_in_time(self):
        """The response is handed on, and no timer is left."""
        response = Response()
        self.request.callback(response)
        self.assertIs(self.successResultOf(self.done), response)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_late(self):
        """After the limit it fails, and the request is cancelled."""
        self.clock.advance(2)
        self.assertIn("api.example did not answer within 2 s", str(self.failureResultOf(self.done, SynthesisError)))

    def test_a_response_after_all(self):
        """A response that comes although it was given up is closed."""
        response = Response()
        for give_up in (lambda done: self.clock.advance(2), Deferred.cancel):
            request = Deferred(lambda d: d.callback(response))
            done = response_to(request, "api.example", self.clock, 2)
            give_up(done)
            self.failureResultOf(done, SynthesisError, CancelledError)
            self.assertTrue(response.aborted)
        self.done.addErrback(lambda _: None)

    def test_sentences(self):
        """What the network did is a sentence, however deep Twisted wraps it; only TLS is not tried again."""
        for reason, words, retry in (
            (error.DNSLookupError("x"), "api.example cannot be found", True),
            (error.ConnectionRefusedError(), "api.example refused the connection", True),
            (error.TimeoutError(), "did not take the connection in time", True),
            (error.ConnectionLost(), "was lost (ConnectionLost)", True),
            (SSL.Error([("", "", "certificate verify failed")]), "TLS with api.example failed", False),
            (OSError(101, "Network is unreachable"), "was lost (OSError)", True),
        ):
            for wrapped in (reason, ResponseNeverReceived([Failure(RequestTransmissionFailed([Failure(reason)]))])):
                request = Deferred()
                done = response_to(request, "api.example", self.clock, 2)
                request.errback(wrapped)
                failure = self.failureResultOf(done, SynthesisError)
                self.assertIn(words, str(failure.value))
                self.assertEqual(failure.value.retry, retry)

    def test_a_bug(self):
        """What is no fault of the network stays what it is."""
        self.request.errback(KeyError("oops"))
        self.failureResultOf(self.done, KeyError)
