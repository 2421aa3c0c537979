"""LimitedRequest answers 413 for too large a body, however it comes, and cuts off what has no end."""

import re

from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.resource import Resource
from twisted.web.server import Site

from voiced.net.bodylimit import MOST, MOST_PIECES, PATIENCE, LimitedRequest


class Counter(Resource):
    """Says how long each body was, and remembers it."""

    isLeaf = True

    def __init__(self):
        super().__init__()
        self.bodies = []

    def render_POST(self, request):
        self.bodies.append(len(request.content.read()))
        return str(self.bodies[-1]).encode()


def declared(size, sent=None):
    """A request with that Content-Length, and so much of its body."""
    return b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n" % size + b"x" * (
        size if sent is None else sent
    )


def chunks(*sizes):
    """A chunked request, one chunk for each size; 0 ends it."""
    body = b"".join(b"%x\r\n%b\r\n" % (size, b"x" * size) for size in sizes)
    return b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n" + body


class LimitedRequestTests(SynchronousTestCase):
    def setUp(self):
        self.counter = Counter()
        self.site = Site(self.counter, reactor=Clock())
        self.site.requestFactory = LimitedRequest
        self.site.startFactory()
        self.addCleanup(self.site.stopFactory)
        self.transport = StringTransport()
        self.channel = self.site.buildProtocol(None)
        self.channel.makeConnection(self.transport)

    def send(self, data, piece=8192):
        """Send it piece by piece, as a network would, until the connection is gone."""
        for at in range(0, len(data), piece):
            if not self.transport.disconnected:
                self.channel.dataReceived(data[at : at + piece])

    def statuses(self):
        """The status of every answer."""
        return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d+) ", self.transport.value())]

    def test_just_right(self):
        """A body of exactly the limit is served, declared or chunked, and the connection stays."""
        self.send(declared(MOST) + chunks(MOST - 1, 1, 0) + declared(0))
        self.assertEqual((self.statuses(), self.counter.bodies), ([200] * 3, [MOST, MOST, 0]))
        self.assertFalse(self.transport.disconnecting)

    def test_declared(self):
        """One byte more is refused when it has been read, so that its sender reads the answer."""
        self.send(declared(MOST + 1))
        self.assertEqual((self.statuses(), self.counter.bodies), ([413], []))
        self.assertTrue(self.transport.disconnecting)

    def test_the_answer(self):
        """The answer is empty and says that the connection ends."""
        self.send(declared(MOST + 1))
        headers = self.transport.value().lower()
        self.assertIn(b"connection: close\r\n", headers)
        self.assertIn(b"content-length: 0\r\n", headers)
        self.assertTrue(headers.endswith(b"\r\n\r\n"))

    def test_chunked(self):
        """Chunks are counted together."""
        self.send(chunks(*[1000] * 66, 0))
        self.assertEqual((self.statuses(), self.counter.bodies), ([413], []))
        self.assertTrue(self.transport.disconnecting)

    def test_not_before_its_end(self):
        """Nothing is answered while a body is still coming."""
        self.send(declared(2 * MOST, sent=2 * MOST - 1))
        self.assertEqual(self.statuses(), [])
        self.send(b"x")
        self.assertEqual(self.statuses(), [413])

    def test_far_too_large(self):
        """A body that goes on and on is cut off, declared or chunked."""
        for request in (declared(MOST * PATIENCE * 2), chunks(*[MOST] * PATIENCE * 2)):
            self.setUp()
            self.send(request)
            self.assertTrue(self.transport.disconnected)
            self.assertEqual((self.statuses(), self.counter.bodies), ([], []))

    def test_after_the_cut(self):
        """What was on its way when the connection was cut off does no harm."""
        self.send(declared(MOST * PATIENCE * 2))
        self.channel.dataReceived(b"x" * 1000)
        self.assertEqual((self.statuses(), self.counter.bodies), ([], []))

    def test_pipelined(self):
        """A request behind a refused one is not served: its sender is gone or means no good."""
        self.send(declared(MOST + 1) + declared(5), piece=10**6)
        self.send(declared(5))
        self.assertEqual((self.statuses(), self.counter.bodies), ([413], []))

    def test_pieces(self):
        """A body may come in a thousand pieces, whether chunks or what the network made of it; nobody needs more."""
        self.send(chunks(*[1] * MOST_PIECES, 0))
        self.send(declared(MOST_PIECES), piece=1)
        self.assertEqual((self.statuses(), self.counter.bodies), ([200, 200], [MOST_PIECES] * 2))

    def test_other_methods(self):
        """A body is a body, whatever the method."""
        self.send(declared(MOST + 1).replace(b"POST", b"HEAD"))
        self.assertEqual(self.statuses(), [413])
