"""Connections that reach the public internet only: by spelling, by address, by name, and over a real socket."""

from hypothesis import given
from hypothesis import strategies as st
from OpenSSL import SSL
from twisted.internet.defer import CancelledError, inlineCallbacks
from twisted.internet.error import ConnectionRefusedError as Refused
from twisted.internet.error import DNSLookupError
from twisted.internet.protocol import Factory, Protocol
from twisted.trial.unittest import SynchronousTestCase, TestCase
from twisted.web.client import ResponseFailed, ResponseNeverReceived
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Site

from tests.certificates import certificate
from tests.memory_reactor import MemoryReactor
from voiced.net.exchange import Answer, exchange
from voiced.net.outside import PrivateAddress, is_public, points_inside, web_agent
from voiced.simulator.memory import elapse, settle

PUBLIC = "93.184.216.34"
MOST = 1000

INSIDE = """
127.0.0.1 127.255.255.254 10.1.2.3 172.16.0.1 172.31.255.255 192.168.1.1 169.254.169.254 0.0.0.0 0.1.2.3 100.64.0.1
100.127.255.255 192.0.0.8 192.0.2.1 198.18.0.1 198.19.255.255 198.51.100.7 203.0.113.7 192.88.99.1 224.0.0.1
239.255.255.255 240.0.0.1 255.255.255.255
::1 :: ::127.0.0.1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:a9fe:a9fe 64:ff9b::10.0.0.1 64:ff9b:1::1 100::1 fc00::1
fd12:3456:789a::1 fe80::1 fe80::1%eth0 fec0::1 ff02::1 2001::1 2001:db8::1 2002:7f00:1:: 3fff::1 4000::1
fd00:ec2::254
"""
OUTSIDE = """
8.8.8.8 93.184.216.34 172.15.0.1 172.32.0.1 100.63.0.1 100.128.0.1 169.253.0.1 223.255.255.255 1.1.1.1
2606:4700:4700::1111 2a00:1450:4001:81b::200e ::ffff:8.8.8.8 64:ff9b::8.8.8.8 2001:4860:4860::8888
"""
INSIDE_BY_SPELLING = """
localhost LOCALHOST localhost. foo.localhost printer.local db.internal metadata.google.internal crm router.lan
nas.home.arpa x.home x.corp x.intranet x.localdomain
2130706433 0x7f000001 017700000001 0x7f.1 127.1 127.0.1 0177.0.0.1 0x7f.0x0.0x0.0x1 127.0.0.1. 10.1 192.168.257 0
0xA9FEA9FE 2852039166 0251.0376.0251.0376 [::1] ::1%lo
"""


class AddressTests(SynchronousTestCase):
    def test_addresses(self):
        """Every special range of the registries is inside, and what borders on them is not."""
        for address in INSIDE.split():
            self.assertFalse(is_public(address), address)
            self.assertTrue(points_inside(address), address)
        for address in OUTSIDE.split():
            self.assertTrue(is_public(address), address)
            self.assertFalse(points_inside(address), address)

    def test_what_is_no_address(self):
        """It is not public either."""
        for text in ("", "example.com", "127.1", "8.8.8.8 ", "[2606:4700::1]"):
            self.assertFalse(is_public(text), text)

    def test_spellings(self):
        """Names of this network, and numbers in every form that the C library reads."""
        for host in INSIDE_BY_SPELLING.split():
            self.assertTrue(points_inside(host), host)
        for host in ("example.com", "localhost.example.com", "local.example", "x.locals", "134744072", "0x8080808"):
            self.assertFalse(points_inside(host), host)

    @given(st.ip_addresses())
    def test_against_the_library(self, address):
        """What Python's own table calls private is inside."""
        if address.is_private or address.is_loopback or address.is_link_local or address.is_multicast:
            held = getattr(address, "ipv4_mapped", None)
            self.assertEqual(is_public(str(address)), held is not None and is_public(str(held)))


class Server(Resource):
    """Answers with `body`; None leaves the response open."""

    isLeaf = True

    def __init__(self):
        super().__init__()
        self.status, self.body = 200, b"hello"
        self.keeps = True
        """Whether a connection may be used again."""
        self.requests = []
        self.lost = 0

    def render(self, request):
        self.requests.append((request.method, request.uri, request.content.read()))
        request.setResponseCode(self.status)
        request.setHeader(b"connection", b"keep-alive" if self.keeps else b"close")
        request.notifyFinish().addErrback(self._lost)
        self.open = request
        if self.body is not None:
            return self.body
        request.write(b"")
        return NOT_DONE_YET

    def _lost(self, _):
        self.lost += 1


class ExchangeCase(SynchronousTestCase):
    def setUp(self):
        self.reactor = MemoryReactor()
        self.reactor.names["example.com"] = [PUBLIC]
        self.server = Server()
        self.site = Site(self.server, reactor=self.reactor, timeout=None)
        self.reactor.network.listen(PUBLIC, self.site)
        self.agent = web_agent(self.reactor)

    def ask(self, url="http://example.com/x", method="GET", body=None):
        done = exchange(self.agent, method, url, {"x-key": "k"}, body, MOST)
        elapse(self.reactor, 1)
        return done


class OutsideTests(ExchangeCase):
    def test_public(self):
        """A public address is reached, and the connection kept."""
        for _ in range(2):
            self.assertEqual(self.successResultOf(self.ask()), Answer(200, b"hello"))
        self.assertEqual(self.reactor.connected, [PUBLIC])

    def test_private(self):
        """A name that resolves to an address inside is not connected, whatever listens there."""
        for address in ("127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "::ffff:127.0.0.1", "fd00::1"):
            self.reactor.names["evil.example"] = [address]
            self.reactor.network.listen(address, self.site)
            self.failureResultOf(self.ask("http://evil.example/"), PrivateAddress)
        self.assertEqual((self.reactor.connected, self.server.requests), ([], []))

    def test_literal(self):
        """So is a URL that has the address itself."""
        self.failureResultOf(self.ask("http://127.0.0.1/"), PrivateAddress)
        self.failureResultOf(self.ask("http://[::1]/"), PrivateAddress)

    def test_both(self):
        """Of several addresses only the public ones are connected."""
        self.reactor.names["evil.example"] = ["10.0.0.1", PUBLIC]
        self.assertEqual(self.successResultOf(self.ask("http://evil.example/")).status, 200)
        self.assertEqual(self.reactor.connected, [PUBLIC])

    def test_rebinding(self):
        """A name whose address changes is checked at each connection."""
        self.assertEqual(self.successResultOf(self.ask()).status, 200)
        self.reactor.network.cut(PUBLIC)
        self.reactor.names["example.com"] = ["127.0.0.1"]
        elapse(self.reactor, 1)
        self.failureResultOf(self.ask(), PrivateAddress)

    def test_redirect(self):
        """A redirect is an answer like any other."""
        self.server.status = 302
        self.assertEqual(self.successResultOf(self.ask()).status, 302)
        self.assertEqual(len(self.server.requests), 1)

    def test_inside(self):
        """Where it is allowed, every address is reached."""
        self.agent = web_agent(self.reactor, inside=True)
        self.reactor.network.listen("127.0.0.1", self.site)
        self.assertEqual(self.successResultOf(self.ask("http://127.0.0.1/")).status, 200)

    def test_other_trouble(self):
        """What a network does otherwise is called by its name."""
        self.failureResultOf(self.ask("http://nobody.example/"), DNSLookupError)
        self.reactor.network.refuse(PUBLIC)
        self.failureResultOf(self.ask(), Refused)


class ExchangeTests(ExchangeCase):
    def test_request(self):
        """Method, URL, headers and body arrive as they were given."""
        self.successResultOf(self.ask("http://example.com/a%2Fb?c=d", "POST", b"body"))
        self.assertEqual(self.server.requests, [(b"POST", b"/a%2Fb?c=d", b"body")])
        self.assertEqual(self.server.open.requestHeaders.getRawHeaders("x-key"), ["k"])

    def test_long(self):
        """Only the beginning of a long body is read, and the connection is closed."""
        self.server.body = None
        done = self.ask()
        self.server.open.write(b"x" * (MOST + 1))
        settle(self.reactor)
        self.assertEqual(self.successResultOf(done), Answer(200, b"x" * MOST, whole=False))
        self.assertEqual(self.server.lost, 1)

    def test_long_all_at_once(self):
        """The same where all of it came in one piece."""
        self.server.body = b"x" * (MOST * 50)
        self.assertEqual(self.successResultOf(self.ask()), Answer(200, b"x" * MOST, whole=False))

    def test_broken_off(self):
        """A body that breaks off is a failure."""
        self.server.body = None
        done = self.ask()
        self.reactor.network.cut(PUBLIC)
        settle(self.reactor)
        self.failureResultOf(done, ResponseFailed)

    def test_no_length(self):
        """A body without a length ends with its connection."""
        port = self.reactor.network.listen("8.8.8.8", Factory.forProtocol(Shouter))
        self.assertEqual(self.successResultOf(self.ask("http://8.8.8.8/")), Answer(200, b"all"))
        port.stopListening()

    def test_cancelled(self):
        """Cancelled at any stage, it fails with CancelledError at once, and the connection is closed."""
        for steps in range(12):
            self.setUp()
            self.server.body = None
            done = exchange(self.agent, "POST", "http://example.com/x", {}, b"body", MOST)
            for _ in range(steps):
                self.reactor.advance(0)
            done.cancel()
            self.failureResultOf(done, CancelledError)
            settle(self.reactor)
            self.assertEqual(self.server.lost, len(self.server.requests))
            self.assertEqual(self.reactor.waiting, [])

    def test_cancelled_while_it_connects(self):
        """The same behind a firewall that swallows everything."""
        self.reactor.network.swallow(PUBLIC)
        done = self.ask()
        done.cancel()
        self.failureResultOf(done, CancelledError)
        self.assertEqual(self.reactor.waiting, [])


class Shouter(Protocol):
    """A server of HTTP/1.0: the end of the connection is the end of the body."""

    def dataReceived(self, data):
        self.transport.write(b"HTTP/1.0 200 OK\r\n\r\nall")
        self.transport.loseConnection()


class RealTests(TestCase):
    """Over this machine's own sockets and resolver."""

    def setUp(self):
        from twisted.internet import reactor

        self.reactor = reactor
        self.server = Server()
        self.site = Site(self.server)

    def ask(self, scheme, port, inside):
        agent = web_agent(self.reactor, inside=inside)
        return exchange(agent, "GET", f"{scheme}://localhost:{port.getHost().port}/", {}, None, MOST)

    @inlineCallbacks
    def test_localhost(self):
        """The name of this machine is resolved, and then not connected, unless that is allowed."""
        port = self.reactor.listenTCP(0, self.site, interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        yield self.assertFailure(self.ask("http", port, inside=False), PrivateAddress)
        self.assertEqual(self.server.requests, [])
        self.server.keeps = False
        answer = yield self.ask("http", port, inside=True)
        self.assertEqual(answer.status, 200)

    @inlineCallbacks
    def test_tls(self):
        """A certificate that nobody vouches for is refused."""
        port = self.reactor.listenSSL(0, self.site, certificate().options(), interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        error = yield self.assertFailure(self.ask("https", port, inside=True), ResponseNeverReceived)
        self.assertTrue(any(failure.check(SSL.Error) for failure in error.reasons))
        self.assertEqual(self.server.requests, [])
