"""The network in memory: as much like TCP as protocols can tell."""

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionAborted, ConnectionDone, ConnectionLost, DNSLookupError
from twisted.internet.error import ConnectionRefusedError as Refused
from twisted.internet.interfaces import IHalfCloseableProtocol, IListeningPort, ITCPTransport
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.resource import Resource
from twisted.web.server import Site
from zope.interface import implementer
from zope.interface.verify import verifyObject

from voiced.simulator.memory import MemoryNetwork, elapse, settle
from voiced.simulator.wire import HIGH_WATER


class Remembering(Protocol):
    """Keeps what arrives, and why it ended."""

    def __init__(self):
        self.received, self.lost = [], []

    def dataReceived(self, data):
        self.received.append(data)

    def connectionLost(self, reason):
        self.lost.append(reason.type)


@implementer(IHalfCloseableProtocol)
class HalfOpen(Remembering):
    """Goes on writing when the other side writes no more."""

    def readConnectionLost(self):
        self.lost.append("read")

    def writeConnectionLost(self):
        self.lost.append("write")


class Producer:
    """Says whether it was told to pause."""

    def __init__(self):
        self.told = []

    def pauseProducing(self):
        self.told.append("pause")

    def resumeProducing(self):
        self.told.append("resume")

    def stopProducing(self):
        self.told.append("stop")


class WireTests(SynchronousTestCase):
    """Two protocols and the wire between them."""

    protocol = Remembering

    def setUp(self):
        self.clock = Clock()
        self.network = MemoryNetwork(self.clock)
        self.servers = []
        factory = Factory()
        factory.buildProtocol = self._build
        self.port = self.network.listen("server", factory)
        self.client = self.connect()
        self.server = self.servers[0]

    def _build(self, address):
        self.servers.append(self.protocol())
        return self.servers[-1]

    def connect(self, name="server"):
        pending = self.network.endpoint(name).connect(Factory.forProtocol(Remembering))
        settle(self.clock)
        return self.successResultOf(pending)

    def test_interfaces(self):
        """Transports and ports are what they say."""
        verifyObject(ITCPTransport, self.client.transport)
        verifyObject(IListeningPort, self.port)

    def test_addresses(self):
        """Each end's peer is the other end."""
        self.assertEqual(self.client.transport.getPeer(), self.server.transport.getHost())
        self.assertEqual(self.client.transport.getHost(), self.server.transport.getPeer())

    def test_not_inside_write(self):
        """What is written arrives on a later turn, in one piece."""
        self.client.transport.write(b"a")
        self.client.transport.writeSequence([b"b", b"c"])
        self.assertEqual(self.server.received, [])
        settle(self.clock)
        self.assertEqual(self.server.received, [b"abc"])

    def test_lose_flushes(self):
        """loseConnection comes after what was written before it, and both ends hear once that it is done."""
        self.client.transport.write(b"last words")
        self.client.transport.loseConnection()
        self.client.transport.loseConnection()
        settle(self.clock)
        self.assertEqual(self.server.received, [b"last words"])
        self.assertEqual((self.client.lost, self.server.lost), ([ConnectionDone], [ConnectionDone]))

    def test_abort(self):
        """abortConnection throws away what was written; here it is aborted, there lost."""
        self.client.transport.write(b"x")
        self.client.transport.abortConnection()
        settle(self.clock)
        self.assertEqual(self.server.received, [])
        self.assertEqual((self.client.lost, self.server.lost), ([ConnectionAborted], [ConnectionLost]))

    def test_cut(self):
        """A cut cable is a lost connection for both."""
        self.assertEqual(self.network.cut("server"), 1)
        settle(self.clock)
        self.assertEqual((self.client.lost, self.server.lost), ([ConnectionLost], [ConnectionLost]))
        self.assertEqual(self.network.connections("server"), [])

    def test_write_after_close(self):
        """Writing to a closed connection is nothing."""
        self.client.transport.loseConnection()
        settle(self.clock)
        self.client.transport.write(b"x")
        settle(self.clock)
        self.assertEqual(self.server.received, [])

    def test_half_close_of_simple_protocol(self):
        """A protocol that knows no half-open connections closes too."""
        self.client.transport.write(b"x")
        self.client.transport.loseWriteConnection()
        settle(self.clock)
        self.assertEqual((self.server.received, self.server.lost), ([b"x"], [ConnectionDone]))

    def test_paused_reader(self):
        """A paused reader gets nothing until it resumes; a producer is held back meanwhile."""
        producer = Producer()
        self.client.transport.registerProducer(producer, True)
        self.server.transport.pauseProducing()
        self.client.transport.write(b"x" * (HIGH_WATER + 1))
        settle(self.clock)
        self.assertEqual((self.server.received, producer.told), ([], ["pause"]))
        self.server.transport.resumeProducing()
        settle(self.clock)
        self.assertEqual((len(self.server.received), producer.told), (1, ["pause", "resume"]))

    def test_producer_of_lost_connection(self):
        """A producer is stopped when its connection ends."""
        producer = Producer()
        self.client.transport.registerProducer(producer, True)
        self.network.cut("server")
        settle(self.clock)
        self.assertEqual(producer.told, ["stop"])

    def test_new_protocol(self):
        """The transport's protocol may be replaced, as an upgrade to WebSocket does."""
        taken = Remembering()
        self.server.transport.protocol = taken
        self.client.transport.write(b"x")
        self.client.transport.loseConnection()
        settle(self.clock)
        self.assertEqual((taken.received, taken.lost), ([b"x"], [ConnectionDone]))
        self.assertEqual((self.server.received, self.server.lost), ([], []))

    def test_protocol_that_raises(self):
        """A protocol's error is logged and ends the connection, as in a reactor."""
        self.server.dataReceived = lambda data: 1 / 0
        self.client.transport.write(b"x")
        settle(self.clock)
        self.assertEqual((self.client.lost, self.server.lost), ([ConnectionLost], [ZeroDivisionError]))
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)


class HalfOpenTests(WireTests):
    """The same with a server that knows half-open connections."""

    protocol = HalfOpen

    def test_half_close_of_simple_protocol(self):
        """It learns that nothing more comes, and may still write."""
        self.client.transport.loseWriteConnection()
        settle(self.clock)
        self.server.transport.write(b"still here")
        settle(self.clock)
        self.assertEqual((self.server.lost, self.client.received), (["read"], [b"still here"]))


class NetworkTests(SynchronousTestCase):
    """Names, refusals, time, HTTP."""

    def setUp(self):
        self.clock = Clock()
        self.network = MemoryNetwork(self.clock)

    def connect(self, name):
        return self.network.endpoint(name).connect(Factory.forProtocol(Remembering))

    def listen(self):
        endpoint = self.network.server_endpoint("server")
        return self.successResultOf(endpoint.listen(Factory.forProtocol(Remembering)))

    def test_nobody(self):
        """A name that nobody ever had is not found."""
        pending = self.connect("nobody")
        settle(self.clock)
        self.failureResultOf(pending, DNSLookupError)

    def test_stopped(self):
        """A name whose listener has stopped refuses."""
        self.listen().stopListening()
        pending = self.connect("server")
        settle(self.clock)
        self.failureResultOf(pending, Refused)

    def test_refuse(self):
        """So many connections are refused, and the next one is not."""
        self.listen()
        self.network.refuse("server", times=1)
        first, second = self.connect("server"), self.connect("server")
        settle(self.clock)
        self.failureResultOf(first, Refused)
        self.successResultOf(second)

    def test_over(self):
        """A connection that is over is let go when the next one is made, however many there were."""
        port = self.listen()
        for _ in range(3):
            client = self.connect("server")
            settle(self.clock)
            self.successResultOf(client).transport.loseConnection()
            settle(self.clock)
            self.assertEqual(len(port.connections), 1)
        self.assertEqual(self.network.connections("server"), [])
        self.assertEqual(port.connections, [])

    def test_swallow(self):
        """Behind a silent firewall connecting takes for ever, until it is cancelled."""
        self.listen()
        self.network.swallow("server")
        pending = self.connect("server")
        elapse(self.clock, 100)
        self.assertNoResult(pending)
        pending.cancel()
        self.failureResultOf(pending)

    def test_elapse_stops_on_the_way(self):
        """Each delayed call sees its own time."""
        seen = []
        for due in (0.5, 0.25, 1.5):
            self.clock.callLater(due, lambda: seen.append(self.clock.seconds()))
        elapse(self.clock, 1.0)
        self.assertEqual((seen, self.clock.seconds()), ([0.25, 0.5], 1.0))

    def test_round_in_circles(self):
        """What never settles is reported."""

        def again():
            self.clock.callLater(0, again)

        again()
        with self.assertRaises(RuntimeError):
            settle(self.clock)

    def test_http(self):
        """A treq client reaches a twisted.web site by host name, in clear under https."""
        self.network.listen("api.example.com", Site(Echo(), reactor=self.clock))
        pending = self.network.http().post("https://api.example.com/x", data={"a": "b c"})
        settle(self.clock)
        body = self.successResultOf(pending).content()
        settle(self.clock)
        self.assertEqual(self.successResultOf(body), b"/x a=b+c")

    def test_server_gone_mid_answer(self):
        """A request whose connection is cut fails."""
        self.network.listen("api.example.com", Site(Echo(), reactor=self.clock))
        pending = self.network.http().get("https://api.example.com/never")
        settle(self.clock)
        self.network.cut("api.example.com")
        settle(self.clock)
        self.failureResultOf(pending)


class Echo(Resource):
    """Answers with what was asked."""

    isLeaf = True

    def render(self, request):
        if request.path == b"/never":
            return 1  # NOT_DONE_YET
        return request.path + b" " + request.content.read()


class SettledTests(SynchronousTestCase):
    """Deferreds and the clock."""

    def test_settle_runs_what_follows(self):
        """What is scheduled while settling happens too."""
        clock, done = Clock(), Deferred()
        clock.callLater(0, lambda: clock.callLater(0, done.callback, "yes"))
        settle(clock)
        self.assertEqual(self.successResultOf(done), "yes")
