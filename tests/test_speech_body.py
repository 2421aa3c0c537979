"""The body of a response is a stream, and stopping it really closes the vendor's connection."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import CancelledError
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.client import HTTPConnectionPool
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Site

from voiced.errors import SynthesisError
from voiced.simulator.memory import MemoryNetwork, settle, whole_body
from voiced.speech.body import deliver_body, drop_body


class Streaming(Resource):
    """Begins a response and leaves it to the test; counts the connections that were closed on it."""

    isLeaf = True

    def __init__(self):
        super().__init__()
        self.requests = []
        self.lost = 0

    def render(self, request):
        self.requests.append(request)
        request.notifyFinish().addErrback(self._lost)
        request.write(b"first")
        return NOT_DONE_YET

    def _lost(self, _):
        self.lost += 1


class BodyCase(SynchronousTestCase):
    def setUp(self):
        self.clock = Clock()
        self.network = MemoryNetwork(self.clock)
        self.resource = Streaming()
        self.network.listen("vendor", Site(self.resource, reactor=self.clock, timeout=None))
        self.pool = HTTPConnectionPool(self.clock, persistent=True)
        self.agent = self.network.agent(self.pool)
        self.heard = []

    def response(self, method=b"POST"):
        response = self.agent.request(method, b"http://vendor/", bodyProducer=whole_body(b"{}"))
        settle(self.clock)
        return self.successResultOf(response)

    def stream(self, response=None, **options):
        done = deliver_body(response or self.response(), self.heard.append, self.clock, **options)
        settle(self.clock)
        return done

    def write(self, piece):
        self.resource.requests[-1].write(piece)
        settle(self.clock)

    def finish(self):
        self.resource.requests[-1].finish()
        settle(self.clock)


class DeliverBodyTests(BodyCase):
    def test_as_it_arrives(self):
        """Each piece is delivered when it arrives; the end fires, and the connection is used again."""
        done = self.stream()
        self.assertEqual(self.heard, [b"first"])
        self.write(b"second")
        self.assertEqual(self.heard, [b"first", b"second"])
        self.finish()
        self.successResultOf(done)
        self.response()
        self.assertEqual(len(self.network.connections("vendor")), 1)

    def test_cancel_closes_the_connection(self):
        """Cancelled between pieces, it closes the connection at once and delivers nothing more."""
        done = self.stream()
        done.cancel()
        self.failureResultOf(done, CancelledError)
        settle(self.clock)
        self.assertEqual((self.resource.lost, self.network.connections("vendor"), self.heard), (1, [], [b"first"]))

    def test_cancel_after_the_end(self):
        """Cancelled after its end, it leaves the connection to whoever uses it now."""
        done = self.stream()
        self.finish()
        self.response()
        done.cancel()
        settle(self.clock)
        self.assertEqual((self.resource.lost, len(self.network.connections("vendor"))), (0, 1))

    def test_broken_off(self):
        """A body that breaks off is an error, and may be asked for again."""
        done = self.stream()
        self.network.cut("vendor")
        settle(self.clock)
        error = self.failureResultOf(done, SynthesisError).value
        self.assertEqual((str(error), error.retry), ("the vendor's audio broke off in the middle", True))

    def test_idle(self):
        """When nothing comes for 5 s it fails and closes the connection; each piece starts the time anew."""
        done = self.stream()
        for _ in range(3):
            self.clock.advance(4.9)
            self.write(b"more")
        self.assertNoResult(done)
        self.clock.advance(5)
        self.assertIn("no audio for 5 s", str(self.failureResultOf(done, SynthesisError).value))
        settle(self.clock)
        self.assertEqual(self.resource.lost, 1)

    def test_a_listener_that_raises(self):
        """What `deliver` raises is what it fails with, and the connection is closed."""
        done = deliver_body(self.response(), lambda piece: 1 / 0, self.clock)
        settle(self.clock)
        self.failureResultOf(done, ZeroDivisionError)
        self.assertEqual(self.resource.lost, 1)

    def test_a_listener_that_cancels(self):
        """A listener that cancels at what it hears is obeyed."""
        done = deliver_body(self.response(), lambda piece: piece == b"second" and done.cancel(), self.clock)
        self.write(b"second")
        settle(self.clock)
        self.failureResultOf(done, CancelledError)
        self.assertEqual(self.resource.lost, 1)

    def test_no_timer_is_left(self):
        """Whatever ends it, no timer is left."""
        for end in (self.finish, lambda: self.network.cut("vendor")):
            done = self.stream()
            end()
            settle(self.clock)
            done.addErrback(lambda _: None)
            self.assertFalse([call for call in self.clock.getDelayedCalls() if "_starved" in str(call)])

    def test_drop(self):
        """A body that nobody wants is not read: the connection is closed."""
        drop_body(self.response())
        settle(self.clock)
        self.assertEqual((self.resource.lost, self.network.connections("vendor")), (1, []))

    @given(st.lists(st.binary(min_size=1, max_size=50), max_size=10))
    def test_any_pieces(self, pieces):
        """However it is cut, what arrives is what was sent, in order."""
        self.setUp()
        done = self.stream()
        for piece in pieces:
            self.write(piece)
        self.finish()
        self.successResultOf(done)
        self.assertEqual(b"".join(self.heard), b"first" + b"".join(pieces))
