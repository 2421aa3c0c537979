"""LimitedSite lets nobody be slow, large or many, and leaves a WebSocket alone."""

import re

from autobahn.twisted.resource import WebSocketResource
from autobahn.twisted.websocket import WebSocketServerFactory, WebSocketServerProtocol
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.ssl import CertificateOptions
from twisted.internet.task import Clock
from twisted.logger import LogLevel, capturedLogs
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET

from tests.certificates import certificate
from voiced.net.bodylimit import MOST, MOST_PIECES, PATIENCE
from voiced.net.site import MOST_SOCKETS, LimitedSite
from voiced.simulator.memory import MemoryNetwork, elapse, tell_autobahn

GET = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n"
CLOSING = b"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 30\r\n\r\n"
UPGRADE = (
    b"GET /socket HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)
FRAME = b"\x82\x82\0\0\0\0hi"
"""A binary message of a client, masked with zeros, and what its echo is:"""
ECHO = b"\x82\x02hi"


class Client(Protocol):
    """The other side: what it has read, and whether it is connected still."""

    def __init__(self):
        self.read = b""
        self.closed = False

    def dataReceived(self, data):
        self.read += data

    def connectionLost(self, reason):
        self.closed = True

    @property
    def statuses(self):
        """The status of every answer."""
        return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d+) ", self.read)]

    def header(self, name):
        """Every value that a header has had in all answers."""
        return [value.decode() for value in re.findall(rb"\r\n%b: (.*?)\r\n" % name.encode(), self.read)]


class Root(Resource):
    """Answers at once, or when the test does (/later); at /large so much that no buffer takes it."""

    isLeaf = True

    def __init__(self, socket):
        super().__init__()
        self.socket = WebSocketResource(socket)
        self.requests = []

    def render(self, request):
        self.requests.append(request)
        match request.path:
            case b"/later":
                return NOT_DONE_YET
            case b"/socket":
                return self.socket.render(request)
            case b"/large":
                return b"x" * 10**6
            case b"/page":
                request.setHeader(b"Content-Security-Policy", b"default-src 'self'")
                request.setHeader(b"Server", b"TwistedWeb")
            case b"/key":
                request.party = "crm"
            case b"/broken":
                raise ZeroDivisionError
        return b"done"


class Echo(WebSocketServerProtocol):
    """Sends every message back."""

    def onMessage(self, payload, isBinary):
        self.sendMessage(payload, isBinary)


class AtTheSite(SynchronousTestCase):
    """Has a site to connect to, and leaves no socket and no timer behind."""

    def setUp(self):
        self.clock = Clock()
        self.clock.advance(1000)
        self.addCleanup(tell_autobahn(self.clock))
        self.network = MemoryNetwork(self.clock)
        self.opens()

    def opens(self, **how):
        """The site begins to listen, in the place of one that was there."""
        factory = WebSocketServerFactory(reactor=self.clock)
        factory.protocol = Echo
        self.root = Root(factory)
        self.site = LimitedSite(self.root, self.clock, **how)
        self.network.forget("site")
        self.network.listen("site", self.site)

    def tearDown(self):
        """Whatever happened: when the clients are gone, nothing of them is left."""
        self.network.cut("site")
        self.passes(0)
        self.assertEqual((self.site.sockets, self.clock.getDelayedCalls()), (0, []))

    def passes(self, seconds):
        """Time passes."""
        elapse(self.clock, seconds)

    def client(self, *sent):
        """Somebody connects and sends this."""
        connected = self.network.connect("site", Factory.forProtocol(Client))
        self.passes(0)
        client = self.successResultOf(connected)
        for each in sent:
            self.sends(client, each)
        return client

    def sends(self, client, data):
        """It sends that, in one piece."""
        client.transport.write(data)
        self.passes(0)

    def trickle(self, client, data, seconds=1.0):
        """It sends a byte, and so many seconds later the next, as long as it is connected; says how long it took."""
        began = self.clock.seconds()
        for at in range(len(data)):
            if client.closed:
                break
            client.transport.write(data[at : at + 1])
            self.passes(seconds)
        return self.clock.seconds() - began


class SlowTests(AtTheSite):
    def test_trickled_headers(self):
        """A request has 15 s, and each byte gives it no more."""
        client = self.client()
        took = self.trickle(client, b"GET / HTTP/1.1\r\nX-Slow: " + b"x" * 100)
        self.assertEqual((client.statuses, took), ([408], 15))
        self.assertEqual((self.root.requests, self.site.refused), ([], {"408": 1}))

    def test_trickled_request_line(self):
        """The same where not even a line has come."""
        client = self.client()
        self.assertEqual((self.trickle(client, b"GET /" + b"x" * 100), client.statuses), (15, [408]))

    def test_trickled_body(self):
        """The same for a body, declared or chunked."""
        for head in (POST, b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1E\r\n"):
            client = self.client(head)
            self.assertEqual((self.trickle(client, b"x" * 30), client.statuses), (15, [408]))
        self.assertEqual(self.root.requests, [])

    def test_half_a_request(self):
        """The same where nothing more comes at all."""
        client = self.client(POST + b"half")
        self.passes(14.9)
        self.assertEqual((client.statuses, client.closed), ([], False))
        self.passes(0.1)
        self.assertEqual((client.statuses, client.closed), ([408], True))

    def test_just_in_time(self):
        """Slow, but not too slow, is served, and the connection stays."""
        client = self.client()
        self.trickle(client, GET, 14.9 / len(GET))
        self.trickle(client, GET, 14.9 / len(GET))
        self.assertEqual((client.statuses, client.closed), ([200, 200], False))

    def test_next_request(self):
        """A connection that is kept has 15 s again for each request, from its first byte."""
        client = self.client(GET)
        self.passes(50)
        self.sends(client, POST)
        self.passes(14.9)
        self.assertEqual(client.statuses, [200])
        self.passes(0.1)
        self.assertEqual((client.statuses, client.closed), ([200, 408], True))

    def test_pipelined(self):
        """What comes together with the end of another request has its own 15 s, too."""
        client = self.client(POST + b"x" * 30 + GET + POST + b"half")
        self.assertEqual(client.statuses, [200, 200])
        self.passes(15)
        self.assertEqual((client.statuses, client.closed), ([200, 200, 408], True))

    def test_pipelined_behind_a_slow_answer(self):
        """While one is being answered nobody is late; then the time of the next one begins."""
        client = self.client(b"GET /later HTTP/1.1\r\n\r\n")
        self.sends(client, POST)
        self.passes(100)
        self.assertEqual((client.statuses, client.closed), ([], False))
        self.root.requests[0].finish()
        self.passes(14.9)
        self.assertEqual((client.statuses, client.closed), ([200], False))
        self.passes(0.1)
        self.assertEqual((client.statuses, client.closed), ([200, 408], True))

    def test_closed_by_a_route(self):
        """A route may close the connection itself; it is cut off once all the same."""
        client = self.client(b"GET /later HTTP/1.1\r\nConnection: close\r\n\r\n")
        client.transport.pauseProducing()
        (request,) = self.root.requests
        request.write(b"x" * 10**6)
        request.loseConnection()
        request.finish()
        self.passes(14.9)
        self.assertFalse(client.closed)
        self.passes(0.1)
        self.assertTrue(client.closed)

    def test_our_own_slowness(self):
        """An answer that takes its time is waited for."""
        client = self.client(b"GET /later HTTP/1.1\r\n\r\n")
        self.passes(3600)
        self.root.requests[0].finish()
        self.passes(0)
        self.assertEqual((client.statuses, client.closed), ([200], False))

    def test_idle(self):
        """A connection may say nothing for 60 s, before a request and after one; then it is closed without a word."""
        for sent, statuses in ((b"", []), (GET, [200])):
            client = self.client(sent)
            self.passes(59.9)
            self.assertFalse(client.closed)
            self.passes(0.1)
            self.assertEqual((client.statuses, client.closed), (statuses, True))

    def test_reads_nothing(self):
        """Who does not read the last answer, or the word that it is late, is cut off 15 s later."""
        large = b"GET /large HTTP/1.1\r\nConnection: close\r\n\r\n"
        for request, seconds in ((large, 15), (POST, 30), (b"GET /large HTTP/1.1\r\n\r\n", 75)):
            client = self.client()
            client.transport.pauseProducing()
            self.sends(client, request)
            self.passes(seconds - 0.1)
            self.assertEqual((client.closed, self.site.sockets), (False, 1))
            self.passes(0.1)
            self.assertEqual((client.closed, self.site.sockets), (True, 0))

    def test_gone(self):
        """A client that goes in the middle of a request, or of our answer, leaves nothing behind (see tearDown)."""
        for sent in (b"", b"G", POST, b"GET /later HTTP/1.1\r\n\r\n" + GET, CLOSING):
            self.client(sent).transport.abortConnection()
            self.passes(0)
            self.assertEqual((self.site.sockets, self.clock.getDelayedCalls()), (0, []))


class LargeTests(AtTheSite):
    def headers(self, *lines):
        """A request with these header lines."""
        return b"GET / HTTP/1.1\r\n" + b"".join(line + b"\r\n" for line in lines) + b"\r\n"

    def test_too_many_headers(self):
        """A hundred headers are served, one more is not."""
        client = self.client(self.headers(*[b"X: y"] * 100))
        self.assertEqual((client.statuses, client.closed), ([200], False))
        client = self.client(self.headers(*[b"X: y"] * 101))
        self.assertEqual((client.statuses, client.closed), ([400], True))

    def test_too_long_headers(self):
        """16 KiB of them are served, a byte more is not, in one line or in many, or without end."""
        line = len(b"GET / HTTP/1.1") + len(b"X: ")
        client = self.client(self.headers(b"X: " + b"y" * (16384 - line)))
        self.assertEqual((client.statuses, client.closed), ([200], False))
        for large in (
            self.headers(b"X: " + b"y" * (16385 - line)),
            self.headers(*[b"X: " + b"y" * 997] * 17),
            b"GET / HTTP/1.1\r\nX: " + b"y" * 17000,
            b"GET /" + b"y" * 17000,
        ):
            client = self.client(large)
            self.assertEqual((client.statuses, client.closed), ([400], True))
        self.assertEqual(self.site.refused, {"400": 4})

    def test_nothing_after_a_bad_header(self):
        """Nothing that stands behind what is no HTTP is taken for a request, nor answered."""
        for bad in (
            self.headers(b"no colon", b"X: y") + GET,
            self.headers(*[b"X: y"] * 200) + GET,
            b"nonsense\r\n\r\n" + GET,
            b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nno size\r\n" + GET,
            b"POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n" + GET,
        ):
            client = self.client(bad)
            self.assertEqual((client.statuses, client.closed), ([400], True))
        self.assertEqual(self.root.requests, [])

    def test_after_it_was_turned_down(self):
        """What goes on coming while we close is not looked at."""
        client = self.client()
        client.transport.pauseProducing()
        channel = client.transport.other.protocol
        channel.dataReceived(b"nonsense\r\n\r\n")
        channel.dataReceived(GET)
        client.transport.resumeProducing()
        self.passes(0)
        self.assertEqual((client.statuses, self.root.requests), ([400], []))

    def test_body(self):
        """A body over the limit is answered 413, one without end is cut off, and both are counted."""
        head = b"POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n"
        client = self.client(head % (MOST + 1) + b"x" * (MOST + 1))
        self.assertEqual((client.statuses, client.closed), ([413], True))
        endless = head % (MOST * PATIENCE * 2)
        client = self.client(endless, *[b"x" * MOST] * (PATIENCE + 1))
        self.assertEqual((client.statuses, client.closed), ([], True))
        self.assertEqual((self.root.requests, self.site.refused), ([], {"413": 2}))

    def test_body_in_too_many_pieces(self):
        """A body may come in a thousand pieces; one more is answered 400, and what follows is not even decoded."""
        head, chunk = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"
        client = self.client(head + chunk * MOST_PIECES + b"0\r\n\r\n")
        self.assertEqual((client.statuses, client.closed), ([200], False))
        for body in (chunk * (MOST_PIECES + 1), chunk * MOST_PIECES * 10 + b"0\r\n\r\n" + GET):
            client = self.client(head + body)
            self.assertEqual((client.statuses, client.closed), ([400], True))
        client = self.client(b"POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % MOST)
        for _ in range(MOST_PIECES * 2):
            client.transport.other.protocol.dataReceived(b"x")
        self.passes(0)
        self.assertEqual((client.statuses, client.closed), ([400], True))
        self.assertEqual((len(self.root.requests), self.site.refused), (1, {"400": 3}))

    def test_no_temporary_file(self):
        """A body is in memory, also where its length is not said: a full disk keeps nobody from calling."""
        self.client(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n")
        self.client(b"POST /later HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n")
        self.assertEqual(self.root.requests[1].content.getvalue(), b"hi")

    def test_no_forms(self):
        """A stranger's form is not taken apart before a route wants it, well formed or not; its query is."""
        for kind in (
            b"multipart/form-data; boundary=x",
            b"application/x-www-form-urlencoded",
            b"multipart/form-data",
        ):
            self.client(b"POST /?a=b HTTP/1.1\r\nContent-Type: %b\r\nContent-Length: 3\r\n\r\nc=d" % kind)
        self.assertEqual([request.args for request in self.root.requests], [{b"a": [b"b"]}] * 3)

    @given(st.lists(st.one_of(st.binary(), st.sampled_from([GET, POST, CLOSING, b"\r\n", b"0\r\n\r\n"])), max_size=6))
    def test_anything(self, pieces):
        """Whatever somebody sends, nothing of it breaks anything, and a minute later they are gone."""
        client = self.client()
        for piece in pieces:
            if piece and not client.closed:
                self.sends(client, piece)
        self.passes(90)
        self.assertEqual((client.closed, self.site.sockets, self.clock.getDelayedCalls()), (True, 0, []))
        self.assertLessEqual(set(client.statuses), {200, 400, 408})


class ManyTests(AtTheSite):
    def test_one_too_many(self):
        """The thousand and first connection is closed at once, unread; when one has gone, the next is served."""
        clients = [self.client() for _ in range(MOST_SOCKETS)]
        late = self.client(GET)
        self.assertEqual((late.statuses, late.closed), ([], True))
        self.assertEqual((self.site.sockets, self.site.refused), (1000, {"sockets": 1}))
        clients[500].transport.loseConnection()
        self.passes(0)
        self.assertEqual((self.client(GET).statuses, self.client(GET).statuses), ([200], []))

    def test_a_flood_in_the_log(self):
        """A flood is in the log once a minute."""
        self.opens(most_sockets=1)
        self.client(UPGRADE)
        with capturedLogs() as logs:
            for _ in range(30):
                self.client()
                self.passes(5)
        warnings = [event for event in logs if event["log_level"] is LogLevel.warn]
        self.assertEqual((len(warnings), self.site.refused["sockets"]), (3, 30))

    def test_nothing_of_its_own(self):
        """A site that nobody is connected to has no timer; over TLS it speaks the only protocol it bounds."""
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertEqual(self.site.acceptableProtocols(), [b"http/1.1"])
        self.network.listen("again", self.site).stopListening()


class WebSocketTests(AtTheSite):
    def test_an_hour(self):
        """A WebSocket that says nothing for an hour lives, and is not our business any more."""
        client = self.client(UPGRADE)
        self.assertEqual((client.statuses, self.clock.getDelayedCalls()), ([101], []))
        self.passes(3600)
        self.sends(client, FRAME)
        self.assertEqual((client.closed, client.read[-4:]), (False, ECHO))

    def test_upgraded_slowly(self):
        """The handshake is a request and has its 15 s; after that a message may come as slowly as it likes."""
        client = self.client()
        self.trickle(client, UPGRADE, 14 / len(UPGRADE))
        self.trickle(client, FRAME, 60)
        self.assertEqual((client.statuses, client.read[-4:]), ([101], ECHO))
        client = self.client()
        self.assertEqual((self.trickle(client, UPGRADE), client.statuses), (15, [408]))

    def test_on_a_kept_connection(self):
        """A connection that served a request before can become a WebSocket."""
        client = self.client(GET, UPGRADE)
        self.passes(3600)
        self.sends(client, FRAME)
        self.assertEqual((client.statuses, client.read[-4:]), ([200, 101], ECHO))

    def test_counts(self):
        """It is one of the sockets until it is closed, by whomever."""
        self.opens(most_sockets=2)
        first, second = self.client(UPGRADE), self.client(UPGRADE)
        self.assertTrue(self.client().closed)
        first.transport.loseConnection()
        self.passes(0)
        self.assertEqual(self.site.sockets, 1)
        self.sends(second, b"\x88\x82\0\0\0\0\x03\xe8")
        self.assertEqual((self.site.sockets, second.closed), (0, True))

    def test_over_tls(self):
        """The same where Twisted itself speaks TLS, as an `ssl:` endpoint has it."""
        serving = TLSMemoryBIOFactory(certificate().options(), False, self.site, self.clock)
        self.network.listen("secure", serving)
        calling = TLSMemoryBIOFactory(CertificateOptions(), True, Factory.forProtocol(Client), self.clock)
        connected = self.network.connect("secure", calling)
        self.passes(0)
        client = self.successResultOf(connected).wrappedProtocol
        self.sends(client, GET + UPGRADE)
        self.passes(3600)
        self.sends(client, FRAME)
        self.assertEqual((client.statuses, client.read[-4:], self.site.sockets), ([200, 101], ECHO, 1))
        self.network.cut("secure")

    def test_no_delay(self):
        """Its transport is a real one, for all that Autobahn asks of it."""
        client = self.client(UPGRADE)
        self.assertTrue(client.transport.other.getTcpNoDelay())
