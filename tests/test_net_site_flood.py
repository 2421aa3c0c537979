"""Who sends requests without waiting for their answers, or without reading them, keeps nobody else from theirs."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.interfaces import IPushProducer
from twisted.internet.protocol import Factory
from twisted.internet.ssl import CertificateOptions
from twisted.protocols.tls import TLSMemoryBIOFactory
from zope.interface import implementer

from tests.certificates import certificate
from tests.test_net_site import CLOSING, ECHO, FRAME, GET, POST, UPGRADE, AtTheSite, Client

OTHER = b"GET /other HTTP/1.1\r\n\r\n"
LATER = b"GET /later HTTP/1.1\r\n\r\n"
LARGE = b"GET /large HTTP/1.1\r\n\r\n"
BODY = POST + b"x" * 30
READ = 65536
"""Bytes that a reactor reads from a socket on one of its turns, and that Twisted lets wait to be sent."""


@implementer(IPushProducer)
class Endless:
    """Sends requests, 64 KiB at a time, for as long as the network takes them."""

    def __init__(self, client, request):
        self.transport = client.transport
        self.block = request * (READ // len(request))
        self.held_back = False
        self.transport.registerProducer(self, True)

    def sends(self, test, most):
        """How many blocks it could send, of so many."""
        for sent in range(most):
            if self.held_back:
                return sent
            self.transport.write(self.block)
            test.passes(0)
        return most

    def pauseProducing(self):
        """The network has enough to carry."""
        self.held_back = True

    def resumeProducing(self):
        """It has carried all of it."""
        self.held_back = False

    def stopProducing(self):
        """Its connection is gone."""
        self.held_back = True


class PipelinedTests(AtTheSite):
    """One socket, and many requests at once."""

    def place_of_the_other(self):
        """Which of all requests, in the order of their answers, was the other client's."""
        return [request.path for request in self.root.requests].index(b"/other")

    def test_others_have_their_turn(self):
        """Behind 64 KiB of requests that came first, another client waits for one of them, not for thousands."""
        for flood in (GET, BODY, CLOSING.replace(b"close", b"open"), GET + BODY):
            self.opens_again()
            flooding, other = self.client(), self.client()
            flooding.transport.write(flood * (READ // len(flood)))
            self.sends(other, OTHER)
            self.assertLessEqual(self.place_of_the_other(), 2)
            self.assertEqual(other.statuses, [200])

    def test_all_are_answered(self):
        """Nothing is wrong with it, though: all of them are answered in their order, and the connection stays."""
        many = READ // len(GET)
        client = self.client(GET * many)
        self.assertEqual((len(client.statuses), len(self.root.requests), client.closed), (many, many, False))
        self.assertEqual(client.header("X-Request-Id"), [request.request_id for request in self.root.requests])

    def test_floods_take_turns(self):
        """Of many who do so each is served as often as any other."""
        flood = b"".join(b"GET /%d HTTP/1.1\r\n\r\n" % at for at in range(100))
        clients = [self.client() for _ in range(10)]
        for client in clients:
            client.transport.write(flood)
        self.passes(0)
        paths = [int(request.path[1:]) for request in self.root.requests]
        self.assertEqual(paths, sorted(list(range(100)) * 10))

    def test_in_many_pieces(self):
        """What comes a request at a time, on one turn of the reactor as TLS may bring it, is answered as slowly."""
        flooding, other = self.client(), self.client()
        channel = flooding.transport.other.protocol
        for _ in range(1000):
            channel.dataReceived(GET)
        self.assertEqual(len(self.root.requests), 1)
        self.sends(other, OTHER)
        self.assertLessEqual(self.place_of_the_other(), 3)
        self.assertEqual(len(flooding.statuses), 1000)

    def test_over_tls(self):
        """The same with TLS itself."""
        serving = TLSMemoryBIOFactory(certificate().options(), False, self.site, self.clock)
        self.network.listen("secure", serving)
        calling = TLSMemoryBIOFactory(CertificateOptions(), True, Factory.forProtocol(Client), self.clock)
        connected = self.network.connect("secure", calling)
        self.passes(0)
        flooding, other = self.successResultOf(connected).wrappedProtocol, self.client()
        for _ in range(1000):
            flooding.transport.write(GET)
        self.on_turn(4, other.transport.write, OTHER)
        self.passes(0)
        self.assertIn(self.place_of_the_other(), range(1, 6))
        self.assertEqual(len(flooding.statuses), 1000)
        self.network.cut("secure")

    def test_behind_a_slow_answer(self):
        """What waits for an answer that takes its time is little: the rest is not read, until it is its turn."""
        client = self.client(LATER)
        endless = Endless(client, GET)
        self.assertLess(endless.sends(self, 10), 5)
        self.root.requests[0].finish()
        self.passes(0)
        self.assertEqual((len(client.statuses), endless.held_back), (len(self.root.requests), False))

    def test_behind_the_last(self):
        """Nothing is answered behind the last request that its sender said there would be, or that a route closed."""
        client = self.client(GET + CLOSING + GET)
        self.assertEqual((client.statuses, client.closed), ([200, 200], True))
        client = self.client(LATER + GET)
        request = self.root.requests[-1]
        request.loseConnection()
        request.finish()
        self.passes(0)
        self.assertEqual((client.statuses, client.closed, self.root.requests[-1]), ([200], True, request))

    def test_gone_between_two(self):
        """A client that goes between an answer and its next request leaves nothing behind (see tearDown)."""
        client = self.client()
        channel = client.transport.other.protocol
        channel.dataReceived(GET * 1000)
        client.transport.cut()
        self.passes(0)
        self.assertEqual((self.site.sockets, self.clock.getDelayedCalls()), (0, []))
        self.assertLess(len(self.root.requests), 3)

    def test_websocket_behind(self):
        """A handshake may stand behind a request; when it has been served, the socket is a socket."""
        client = self.client(GET + GET + UPGRADE)
        self.sends(client, FRAME)
        self.assertEqual((client.statuses, client.read[-4:]), ([200, 200, 101], ECHO))

    @given(st.lists(st.sampled_from([GET, BODY, OTHER, LARGE]), min_size=1, max_size=12), st.integers(1, 200))
    def test_any_pieces(self, requests, size):
        """However requests are cut into pieces, each is answered once, and in its order."""
        self.opens_again()
        stream = b"".join(requests)
        client = self.client(*[stream[at : at + size] for at in range(0, len(stream), size)])
        paths = [request.split(b" ")[1] for request in requests]
        self.assertEqual([request.path for request in self.root.requests], paths)
        self.assertEqual((len(client.statuses), client.closed), (len(requests), False))

    def on_turn(self, turn, act, *how):
        """Something happens so many turns of the reactor later."""
        self.clock.callLater(0, *((self.on_turn, turn - 1, act) if turn > 1 else (act,)), *how)

    def opens_again(self):
        """A new site, which nobody has asked anything."""
        self.network.cut("site")
        self.passes(0)
        self.network.forget("site")
        self.opens()


class UnreadTests(AtTheSite):
    """One socket that asks and asks, and reads nothing."""

    def asks(self, request):
        """It sends that as often as it can, which is not often."""
        client = self.client()
        client.transport.pauseProducing()
        self.assertLess(Endless(client, request).sends(self, 10), 5)
        return client

    def test_few_are_answered(self):
        """No answer is begun when 64 KiB of answers wait already: one large one is all, or some small ones."""
        client = self.client()
        client.transport.pauseProducing()
        self.sends(client, LARGE * 20)
        self.assertEqual(len(self.root.requests), 1)
        client = self.asks(GET)
        answers = len(self.root.requests) - 1
        self.passes(10)
        self.assertEqual(len(self.root.requests) - 1, answers)
        client.transport.resumeProducing()
        self.passes(0)
        size = len(client.read) / len(client.statuses)
        self.assertTrue(READ - size <= answers * size <= READ + size, (answers, size))

    def test_not_at_once(self):
        """The same for who sends each request when the one before it is answered."""
        client = self.client()
        client.transport.pauseProducing()
        for _ in range(10):
            self.sends(client, LARGE)
        self.assertEqual(len(self.root.requests), 1)

    def test_in_parts(self):
        """An answer that is written in parts has its time; what waits behind it begins when its end has been read."""
        client = self.client(LATER + GET)
        for _ in range(2):
            client.transport.pauseProducing()
            self.root.requests[0].write(b"x" * 2 * READ)
            self.assertEqual(len(self.root.requests), 1)
            client.transport.resumeProducing()
            self.passes(0)
        self.root.requests[0].finish()
        self.passes(0)
        self.assertEqual((client.statuses, len(self.root.requests)), ([200, 200], 2))

    def test_told_twice(self):
        """A transport may say more than once that it has sent all: one request has its turn."""
        client = self.client()
        channel = client.transport.other.protocol.wrappedProtocol
        channel.dataReceived(GET * 10)
        for _ in range(5):
            channel.resumeProducing()
        self.passes(0)
        self.assertEqual((len(client.statuses), len(self.root.requests)), (10, 10))

    def test_others_are_answered(self):
        """That is no matter for anybody else."""
        for _ in range(5):
            self.asks(GET)
        self.assertEqual(self.client(OTHER).statuses, [200])

    def test_reads_at_last(self):
        """Who reads after all gets all answers, in their order, and may go on."""
        client = self.asks(GET)
        client.transport.resumeProducing()
        self.passes(0)
        self.assertEqual(client.header("X-Request-Id"), [request.request_id for request in self.root.requests])
        self.assertGreater(len(client.statuses), READ // len(GET))
        before = len(client.statuses)
        self.sends(client, OTHER)
        self.assertEqual((len(client.statuses), self.root.requests[-1].path), (before + 1, b"/other"))

    def test_is_cut_off(self):
        """Who does not is gone after the time that a connection may be idle, and 15 s, whatever it has sent."""
        client = self.asks(GET)
        self.passes(74.9)
        self.assertFalse(client.closed)
        self.passes(0.1)
        self.assertEqual((client.closed, self.site.sockets), (True, 0))
