"""What protocols may expect of a transport, and callers of an endpoint: of Twisted's own and of uvloop's alike.

Over this machine's own sockets. On Twisted's usual reactor the endpoints `uv:` are Twisted's own in the end; what
they are on uvloop's is seen by tests/test_net_uvloop.py, which runs this file on that reactor.
"""

import os
import socket
from pathlib import Path

from OpenSSL import SSL
from service_identity import VerificationError
from twisted.internet import error, reactor
from twisted.internet.defer import inlineCallbacks
from twisted.internet.endpoints import (
    HostnameEndpoint,
    TCP4ClientEndpoint,
    clientFromString,
    serverFromString,
    wrapClientTLS,
)
from twisted.internet.interfaces import IHalfCloseableProtocol, IPullProducer, IPushProducer
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.ssl import optionsForClientTLS
from twisted.internet.task import deferLater
from twisted.trial.unittest import SkipTest, TestCase
from zope.interface import implementer

from tests.certificates import certificate
from voiced.net import uvendpoints
from voiced.net.uvnetwork import UvNetwork
from voiced.net.uvreactor import UvloopReactor
from voiced.net.uvtransport import RESET

MUCH = 12_000_000
"""Bytes: more than sockets and transports keep together."""
ON_UVLOOP = isinstance(reactor, UvloopReactor)
TLS_ERRORS = (SSL.Error, VerificationError)


class Party(Protocol):
    """One end of a connection; it remembers what happens to it."""

    def __init__(self):
        self.heard, self.ends = bytearray(), []

    def dataReceived(self, data):
        self.heard += data

    def connectionLost(self, reason):
        self.ends.append(reason.value)


@implementer(IHalfCloseableProtocol)
class Half(Party):
    """One that can hear when it cannot speak any more, and speak when it hears nothing."""

    read_lost = write_lost = 0

    def readConnectionLost(self):
        self.read_lost += 1

    def writeConnectionLost(self):
        self.write_lost += 1


class Broken(Party):
    """One that breaks when it hears something."""

    def dataReceived(self, data):
        raise ArithmeticError(data)


class Echo(Party):
    """One that answers while it hears."""

    def dataReceived(self, data):
        super().dataReceived(data)
        self.transport.write(data.upper())


class Made(Factory):
    """Makes these, and remembers them."""

    noisy = False

    def __init__(self, kind=Party):
        self.kind, self.made = kind, []

    def buildProtocol(self, addr):
        protocol = self.kind and self.kind()
        self.made.append(protocol)
        return protocol


@implementer(IPushProducer)
class Push:
    """Produces until it is told to pause, and after it was told to go on."""

    def __init__(self, transport, size=MUCH):
        self.transport, self.left, self.pauses, self.stopped, self.paused = transport, size, 0, 0, False

    def produce(self):
        while self.left and not self.paused:
            self.left -= 50_000
            self.transport.write(b"x" * 50_000)
        if not self.left:
            self.left = None
            self.transport.unregisterProducer()

    def pauseProducing(self):
        self.paused = True
        self.pauses += 1

    def resumeProducing(self):
        self.paused = False
        self.produce()

    def stopProducing(self):
        self.stopped += 1


@implementer(IPullProducer)
class Pull:
    """Produces when it is asked."""

    def __init__(self, transport, size=MUCH):
        self.transport, self.left, self.stopped = transport, size, 0

    def resumeProducing(self):
        self.left -= 50_000
        self.transport.write(b"x" * 50_000)
        if not self.left:
            self.transport.unregisterProducer()

    def stopProducing(self):
        self.stopped += 1


class ContractTests:
    """Whatever the endpoints are."""

    timeout = 30
    resets = True
    of_twisted_tls = False
    """Whether it is Twisted's own TLS, which keeps some promises less well than Twisted's TCP does."""

    def server(self):
        """The endpoint to listen with."""
        raise NotImplementedError

    def client(self, port, **how):
        """An endpoint that reaches that port."""
        raise NotImplementedError

    @inlineCallbacks
    def until(self, happened):
        """Turns of the reactor until it has happened; `timeout` ends a test in which it does not."""
        while not happened():
            yield deferLater(reactor, 0)

    @inlineCallbacks
    def listen(self, kind=Party):
        """Somebody who listens, and what is made for those who connect."""
        self.made = Made(kind)
        self.port = yield self.server().listen(self.made)
        self.addCleanup(self.port.stopListening)

    @inlineCallbacks
    def pair(self, serving=Party, calling=Party):
        """Two who are connected: who serves, and who called."""
        yield self.listen(serving)
        caller = yield self.client(self.port).connect(Made(calling))
        yield self.until(lambda: self.made.made)
        server = self.made.made[-1]
        self.addCleanup(self.part, caller, server)
        if self.of_twisted_tls and serving is not Broken:  # they are connected before they have TLS
            caller.transport.write(b".")
            yield self.until(lambda: server.heard and (caller.heard or serving is not Echo))
            server.heard, caller.heard = bytearray(), bytearray()
        return server, caller

    @inlineCallbacks
    def part(self, *parties):
        """Leave nothing connected."""
        for party in parties:
            if not party.ends and party.transport is not None:
                party.transport.abortConnection()
        yield self.until(lambda: all(party.ends for party in parties))

    # Talking

    @inlineCallbacks
    def test_talks(self):
        """Each hears the other, in order, and answers while it hears."""
        _, caller = yield self.pair(Echo)
        caller.transport.write(b"a")
        caller.transport.writeSequence([b"b", b"c"])
        caller.transport.write(b"")
        yield self.until(lambda: caller.heard == b"ABC")

    @inlineCallbacks
    def test_protocol_replaced(self):
        """Who puts itself in the place of the protocol hears from then on, as WebSockets do after HTTP."""
        server, caller = yield self.pair()
        successor = Party()
        self.replace(server.transport, successor)
        successor.makeConnection(server.transport)
        caller.transport.write(b"hello")
        yield self.until(lambda: successor.heard == b"hello")
        caller.transport.loseConnection()
        yield self.until(lambda: successor.ends and caller.ends)
        self.assertEqual((server.heard, server.ends), (b"", []))
        server.ends.append("replaced")

    def replace(self, transport, protocol):
        """As Autobahn does it."""
        setattr(transport, "wrappedProtocol" if self.of_twisted_tls else "protocol", protocol)

    @inlineCallbacks
    def test_addresses(self):
        """What one calls itself the other calls its peer."""
        server, caller = yield self.pair()
        self.assertEqual(caller.transport.getPeer(), self.port.getHost())
        self.assertEqual(server.transport.getHost(), self.port.getHost())
        self.assertEqual(*self.both_names(server.transport.getPeer(), caller.transport.getHost()))

    def both_names(self, peer, host):
        """The caller, as the server and as itself sees it."""
        return peer, host

    @inlineCallbacks
    def test_options(self):
        """Nagle's delay and keeping alive can be asked for, and set."""
        _, caller = yield self.pair()
        transport = caller.transport
        for enabled in (True, False, True):
            transport.setTcpNoDelay(enabled)
            transport.setTcpKeepAlive(enabled)
            self.assertEqual((bool(transport.getTcpNoDelay()), bool(transport.getTcpKeepAlive())), (enabled, enabled))

    # Ending

    @inlineCallbacks
    def test_flushes(self):
        """Losing the connection sends all that was written first; each learns of it once."""
        server, caller = yield self.pair()
        caller.transport.write(b"x" * MUCH)
        caller.transport.loseConnection()
        self.assertEqual(caller.ends, [])
        yield self.until(lambda: server.ends and caller.ends)
        self.assertEqual(len(server.heard), MUCH)
        self.assertEqual([list(map(type, party.ends)) for party in (server, caller)], [[error.ConnectionDone]] * 2)

    @inlineCallbacks
    def test_aborts(self):
        """Aborting waits for nothing, is told later, and to the other one, too."""
        server, caller = yield self.pair()
        caller.transport.write(b"x" * MUCH)
        caller.transport.abortConnection()
        caller.transport.abortConnection()
        caller.transport.loseConnection()
        self.assertEqual(caller.ends, [])
        yield self.until(lambda: server.ends and caller.ends)
        self.assertLess(len(server.heard), MUCH)
        self.assert_aborted(caller)
        if self.resets:
            self.assertEqual(list(map(type, server.ends)), [error.ConnectionLost])

    def assert_aborted(self, party):
        """It was cut off, by itself, and has learned of it once."""
        kind = error.ConnectionLost if self.of_twisted_tls else error.ConnectionAborted
        self.assertEqual(list(map(type, party.ends)), [kind])

    @inlineCallbacks
    def test_aborts_after_losing(self):
        """Who closes, and is not read, can still be cut off."""
        server, caller = yield self.pair()
        server.transport.pauseProducing()
        caller.transport.write(b"x" * MUCH)
        caller.transport.loseConnection()
        caller.transport.abortConnection()
        yield self.until(lambda: caller.ends)
        self.assert_aborted(caller)

    @inlineCallbacks
    def test_aborts_at_the_end(self):
        """Who has closed, and was heard to the end, can still be cut off, in whatever turn that is."""
        for turns in range(4):
            server, caller = yield self.pair()
            caller.transport.write(b"x" * MUCH)
            caller.transport.loseConnection()
            yield self.until(lambda server=server: server.ends)
            for _ in range(turns):
                yield deferLater(reactor, 0)
            if not caller.ends:
                caller.transport.abortConnection()
            yield self.until(lambda caller=caller: caller.ends)
            self.assertEqual((len(server.heard), len(server.ends), len(caller.ends)), (MUCH, 1, 1))
            yield self.port.stopListening()

    @inlineCallbacks
    def test_over(self):
        """What is asked of a connection that is gone is ignored."""
        server, caller = yield self.pair()
        transport = caller.transport
        transport.loseConnection()
        yield self.until(lambda: server.ends and caller.ends)
        transport.write(b"late")
        transport.writeSequence([b"later"])
        transport.loseConnection()
        if not self.of_twisted_tls:  # which raises an AttributeError
            transport.abortConnection()
            transport.unregisterProducer()
        yield deferLater(reactor, 0)
        self.assertEqual((len(caller.ends), server.heard), (1, b""))

    @inlineCallbacks
    def test_breaks(self):
        """A protocol that breaks is logged, and ends its connection: no other one."""
        server, caller = yield self.pair(Broken)
        self.made.kind = Echo
        other = yield self.client(self.port).connect(Made())
        yield self.until(lambda: len(self.made.made) == 2)
        self.addCleanup(self.part, other, self.made.made[1])
        caller.transport.write(b"hello")
        yield self.until(lambda: server.ends and caller.ends)
        self.assertEqual(len(self.flushLoggedErrors(ArithmeticError)), 1)
        self.assertIsInstance(server.ends[0], error.ConnectionLost if self.of_twisted_tls else ArithmeticError)
        other.transport.write(b"hello")
        yield self.until(lambda: other.heard == b"HELLO")

    # Much at once

    @inlineCallbacks
    def produced(self, producer, streaming):
        """What somebody hears who does not read at first."""
        server, caller = yield self.pair()
        server.transport.pauseProducing()
        producing = producer(caller.transport)
        caller.transport.registerProducer(producing, streaming)
        self.assertRaises(RuntimeError, caller.transport.registerProducer, producing, streaming)
        if streaming:
            producing.produce()
        if not self.of_twisted_tls:  # which would forget the last of what is produced
            caller.transport.loseConnection()
        for _ in range(100):
            yield deferLater(reactor, 0)
        self.assertGreater(producing.left, 0)
        server.transport.resumeProducing()
        yield self.until(lambda: len(server.heard) == MUCH)
        caller.transport.loseConnection()
        yield self.until(lambda: server.ends and caller.ends)
        self.assertEqual((len(server.heard), producing.stopped), (MUCH, 0))
        return producing

    @inlineCallbacks
    def test_push_producer(self):
        """It pauses while nobody reads, and the connection is not closed before it has finished."""
        producing = yield self.produced(Push, True)
        self.assertGreater(producing.pauses, 0)

    def test_pull_producer(self):
        """Likewise; it is asked for no more than is taken."""
        return self.produced(Pull, False)

    @inlineCallbacks
    def test_producer_stopped(self):
        """It is told when nobody takes what it produces any more, also when it comes too late."""
        server, caller = yield self.pair()
        server.transport.pauseProducing()
        transport, pushing = caller.transport, Push(caller.transport)
        transport.registerProducer(pushing, True)
        pushing.produce()
        server.transport.abortConnection()
        yield self.until(lambda: server.ends and caller.ends)
        self.assertEqual(pushing.stopped, 1)
        late = Push(transport)
        transport.registerProducer(late, True)
        self.assertEqual(late.stopped, 1)

    @inlineCallbacks
    def test_pull_producer_stopped(self):
        """So is one that is asked."""
        server, caller = yield self.pair()
        server.transport.pauseProducing()
        caller.transport.registerProducer(pulled := Pull(caller.transport, 10 * MUCH), False)
        server.transport.abortConnection()
        yield self.until(lambda: server.ends and caller.ends)
        self.assertEqual(pulled.stopped, 1)

    @inlineCallbacks
    def test_pauses(self):
        """Who pauses a transport hears nothing until it goes on."""
        server, caller = yield self.pair()
        server.transport.pauseProducing()
        server.transport.pauseProducing()
        caller.transport.write(b"hello")
        for _ in range(50):
            yield deferLater(reactor, 0)
        self.assertEqual(server.heard, b"")
        server.transport.resumeProducing()
        server.transport.resumeProducing()
        yield self.until(lambda: server.heard == b"hello")
        server.transport.stopProducing()
        yield self.until(lambda: server.ends and caller.ends)
        server.transport.pauseProducing()
        server.transport.resumeProducing()

    # Listening and connecting

    @inlineCallbacks
    def test_taken(self):
        """What somebody listens on already cannot be listened on: it is said at once."""
        yield self.listen()
        self.failureResultOf(self.again().listen(Made()), error.CannotListenError)

    def again(self):
        """An endpoint for what is listened on already."""
        return serverFromString(reactor, self.listening.replace("0", str(self.port.getHost().port), 1))

    @inlineCallbacks
    def test_listens_no_more(self):
        """Who has connected stays; nobody else comes in, and another may listen."""
        _, caller = yield self.pair(Echo)
        again = self.again()
        yield self.port.stopListening()
        caller.transport.write(b"hello")
        yield self.until(lambda: caller.heard == b"HELLO")
        port = yield again.listen(Made())
        yield port.stopListening()

    @inlineCallbacks
    def test_not_wanted(self):
        """Whom the factory has no protocol for is not connected for long."""
        if self.of_twisted_tls:
            raise SkipTest("Twisted's TLS breaks without a protocol")
        yield self.listen(None)
        caller = yield self.client(self.port).connect(Made())
        yield self.until(lambda: caller.ends)

    @inlineCallbacks
    def test_wants_nobody(self):
        """A factory without a protocol for its own connection makes connecting fail."""
        if self.of_twisted_tls:
            raise SkipTest("Twisted's TLS breaks without a protocol")
        yield self.listen()
        yield self.assertFailure(self.client(self.port).connect(Made(None)), error.NoProtocol)
        yield self.until(lambda: all(party.ends for party in self.made.made))


class HalfTests:
    """Where one side may stop to speak, and hear on: not in TLS."""

    @inlineCallbacks
    def test_half_closed(self):
        """Who says nothing more still hears the answer."""
        server, caller = yield self.pair(Half, Half)
        caller.transport.write(b"x" * MUCH)
        caller.transport.loseWriteConnection()
        caller.transport.loseWriteConnection()
        yield self.until(lambda: server.read_lost and caller.write_lost)
        self.assertEqual((len(server.heard), server.ends, caller.ends), (MUCH, [], []))
        server.transport.write(b"answer")
        server.transport.loseConnection()
        yield self.until(lambda: caller.read_lost)
        self.assertEqual((caller.heard, server.read_lost, caller.write_lost), (b"answer", 1, 1))
        caller.transport.loseConnection()
        yield self.until(lambda: server.ends and caller.ends)

    @inlineCallbacks
    def test_half_closed_to_whom_it_is_the_end(self):
        """Who knows of no halves loses the whole connection."""
        server, caller = yield self.pair(Party, Party)
        caller.transport.loseWriteConnection()
        yield self.until(lambda: server.ends and caller.ends)
        self.assertEqual(list(map(type, server.ends)), [error.ConnectionDone])


class ByPortTests(ContractTests):
    """Where it is a host and a port."""

    listening = "tcp:0:interface=127.0.0.1"

    def server(self):
        return serverFromString(reactor, self.listening)

    def client(self, port, **how):
        return self.reaching("localhost" if self.listening.count(".") else "::1", port.getHost().port, **how)

    def reaching(self, host, port, timeout=10):
        """An endpoint for that host."""
        return HostnameEndpoint(reactor, host, port, timeout)

    @inlineCallbacks
    def test_refused(self):
        """Nobody listens there."""
        yield self.listen()
        client = self.client(self.port)
        yield self.port.stopListening()
        yield self.assertFailure(client.connect(Made()), error.ConnectionRefusedError)

    @inlineCallbacks
    def test_unknown(self):
        """Nobody has that name, which no resolver is asked for here."""
        before = reactor.installNameResolver(Nobody())
        self.addCleanup(reactor.installNameResolver, before)
        yield self.assertFailure(self.reaching("nobody.test", 80).connect(Made()), error.DNSLookupError)

    def test_no_name(self):
        """What is no name is not looked up."""
        self.failureResultOf(self.reaching("no..name", 80).connect(Made()), ValueError)

    def deaf(self):
        """A port at which connections wait for ever to be taken."""
        listening = socket.socket()
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        waiting = [socket.socket() for _ in range(3)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(listening.getsockname())
        for one in (listening, *waiting):
            self.addCleanup(one.close)
        return listening.getsockname()[1]

    @inlineCallbacks
    def test_timed_out(self):
        """Who does not take the connection has its time."""
        connecting = self.reaching("127.0.0.1", self.deaf(), timeout=0.01).connect(Made())
        yield self.assertFailure(connecting, error.TimeoutError)

    @inlineCallbacks
    def test_cancelled(self):
        """Connecting can be given up, also while the name is looked up."""
        port = self.deaf()
        straight = TCP4ClientEndpoint(self.network(), "127.0.0.1", port).connect(Made())
        by_name = self.reaching("localhost", port).connect(Made())
        yield deferLater(reactor, 0)
        straight.cancel()
        by_name.cancel()
        yield self.assertFailure(straight, error.ConnectingCancelledError)
        yield self.assertFailure(by_name, error.DNSLookupError)  # Twisted's word for it, then

    @inlineCallbacks
    def test_reset(self):
        """Who says something and breaks off is heard, and is gone then: nothing of it stays open."""
        yield self.listen()
        opened = yield self.settled(open_files)
        for _ in range(3):
            raw = socket.create_connection((self.port.getHost().host, self.port.getHost().port))
            raw.sendall(b"hello")
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            raw.close()
        yield deferLater(reactor, 0)
        yield self.until(lambda: open_files() <= opened and all(party.ends for party in self.made.made))

    @inlineCallbacks
    def test_cancelled_in_any_turn(self):
        """Whoever gives up is not connected afterwards, whenever that is, and nothing stays open on either side."""
        yield self.listen()
        before = reactor.installNameResolver(Here(self.port.getHost()))
        self.addCleanup(reactor.installNameResolver, before)
        yield self.connected_for(30)  # what is opened once and kept is open
        opened = yield self.settled(open_files)
        too_late = 0
        for turns in range(25):
            too_late += yield self.connected_for(turns)
        self.assertGreater(too_late, 0)
        self.assertLess(too_late, 25)
        yield self.until(lambda: open_files() <= opened)

    @inlineCallbacks
    def connected_for(self, turns):
        """Connect, and give up after so many turns of the reactor; whether that was too late."""
        made, outcome = Made(), []
        connecting = self.reaching("localhost", self.port.getHost().port).connect(made)
        connecting.addBoth(outcome.append)
        for _ in range(turns):
            yield deferLater(reactor, 0)
        connected = bool(outcome)
        connecting.cancel()
        yield self.until(lambda: outcome)
        self.assertEqual(isinstance(outcome[0], Party), connected, outcome)
        for party in made.made:
            if party.transport is not None:
                party.transport.abortConnection()
        return connected

    @inlineCallbacks
    def settled(self, count):
        """What that counts, when it has been the same for a while."""
        seen = []
        while len(seen) < 50 or len(set(seen[-50:])) > 1:
            seen.append(count())
            yield deferLater(reactor, 0)
        return seen[-1]

    def network(self):
        """What endpoints take for a reactor."""
        return reactor


class TcpTests(HalfTests, ByPortTests, TestCase):
    """Twisted's own TCP."""


class UvTests(HalfTests, ByPortTests, TestCase):
    """uvloop's TCP."""

    listening = "uv:0:interface=127.0.0.1"

    @inlineCallbacks
    def test_many_at_once(self):
        """After a restart all calls come back at once: there is room for them before any is let in."""
        yield self.listen()
        yield deferLater(reactor, 0)
        address = (self.port.getHost().host, self.port.getHost().port)
        for _ in range(100):
            calling = socket.socket(socket.AF_INET6 if ":" in address[0] else socket.AF_INET)
            self.addCleanup(calling.close)
            calling.settimeout(0.5)
            calling.connect(address)
        yield self.until(lambda: len(self.made.made) == 100)
        for server in self.made.made:
            server.transport.abortConnection()
        yield self.until(lambda: all(server.ends for server in self.made.made))

    def network(self):
        return UvNetwork(reactor) if ON_UVLOOP else reactor

    def reaching(self, host, port, timeout=10):
        return clientFromString(reactor, f"uv:{host.replace(':', chr(92) + ':')}:{port}:timeout={timeout}")


class Tcp6Tests(TcpTests):
    """Likewise over IPv6."""

    listening = r"tcp:0:interface=\:\:1"


class Uv6Tests(UvTests):
    """Likewise over IPv6."""

    listening = r"uv:0:interface=\:\:1"


class TlsTests(ByPortTests, TestCase):
    """Twisted's own TLS."""

    of_twisted_tls = True
    scheme = "ssl"

    def setUp(self):
        """A certificate that this machine trusts."""
        identity = certificate()
        self.directory = Path(self.mktemp())
        self.directory.mkdir()
        self.pem = self.directory / "both.pem"
        self.pem.write_bytes(identity.privateKey.dump(SSL.FILETYPE_PEM) + identity.dumpPEM())
        self.listening = f"{self.scheme}:0:privateKey={self.pem}:certKey={self.pem}:interface=127.0.0.1"
        self.trust(self.pem)

    def trust(self, file):
        """Have this machine's trust store be that file until the end of the test."""
        before = os.environ.get("SSL_CERT_FILE")
        os.environ["SSL_CERT_FILE"] = str(file)
        uvendpoints.trusted.cache_clear()

        def restore():
            del os.environ["SSL_CERT_FILE"]
            if before is not None:
                os.environ["SSL_CERT_FILE"] = before
            uvendpoints.trusted.cache_clear()

        self.addCleanup(restore)

    def reaching(self, host, port, timeout=10):
        return wrapClientTLS(optionsForClientTLS(host), HostnameEndpoint(reactor, host, port, timeout))

    def test_no_name(self):
        """What is no name has no certificate, either."""
        raise SkipTest("Twisted's own TLS says so with an error of its own")

    @inlineCallbacks
    def refused(self, host="localhost"):
        """What somebody who connects gets to know: at once, or when the connection is lost."""
        yield self.listen()
        try:
            caller = yield self.reaching(host, self.port.getHost().port).connect(Made())
            yield self.until(lambda: caller.ends)
        except TLS_ERRORS as trouble:
            return trouble
        finally:
            yield self.until(lambda: all(party.ends for party in self.made.made))
        return caller.ends[0]

    @inlineCallbacks
    def test_not_trusted(self):
        """Nothing is said to somebody whom nobody vouches for."""
        self.trust(os.devnull)
        trouble = yield self.refused()
        self.assertIsInstance(trouble, TLS_ERRORS)

    @inlineCallbacks
    def test_another_name(self):
        """Nor to somebody whose certificate is another's."""
        trouble = yield self.refused("127.0.0.1")
        self.assertIsInstance(trouble, TLS_ERRORS)

    @inlineCallbacks
    def test_no_tls(self):
        """Nor to somebody who does not speak TLS."""
        self.listening = "tcp:0:interface=127.0.0.1"
        yield self.listen(Chatty)
        try:
            caller = yield self.client(self.port).connect(Made())
            yield self.until(lambda: caller.ends)
        except TLS_ERRORS as trouble:
            self.assertIsInstance(trouble, TLS_ERRORS)
        else:
            self.assertIsInstance(caller.ends[0], TLS_ERRORS)
        yield self.until(lambda: self.made.made[0].ends)


class UvTlsTests(TlsTests):
    """TLS on uvloop's TCP."""

    of_twisted_tls = not ON_UVLOOP
    scheme = "uvtls"

    def reaching(self, host, port, timeout=10):
        return clientFromString(reactor, f"uvtls:{host}:{port}:timeout={timeout}")


class UnixTests(HalfTests, ContractTests, TestCase):
    """Twisted's own sockets with a path."""

    prefix = "unix"
    resets = False

    def setUp(self):
        self.directory = Path(self.mktemp()).absolute()
        self.path = os.path.relpath(self.directory)  # an absolute one may be too long for a socket
        self.directory.mkdir()
        self.listening = f"{self.prefix}:{self.path}/s:mode=600"

    def server(self):
        return serverFromString(reactor, self.listening)

    def client(self, port, **how):
        return clientFromString(reactor, f"{self.prefix}:{self.path}/s")

    def again(self):
        return self.server()

    def both_names(self, peer, host):
        """Who calls has no path: each says so in its way."""
        return peer.name or b"", host.name or b""

    @inlineCallbacks
    def test_options(self):
        """There is no Nagle to be switched off; who asks for it is not in the way."""
        _, caller = yield self.pair()
        caller.transport.setTcpNoDelay(True)
        self.assertFalse(caller.transport.getTcpNoDelay())

    @inlineCallbacks
    def test_mode(self):
        """Who may come in is as the description says, and nothing stays behind."""
        yield self.listen()
        self.assertEqual((self.directory / "s").stat().st_mode & 0o777, 0o600)
        yield self.port.stopListening()
        self.assertEqual(list(self.directory.glob("s")), [])

    @inlineCallbacks
    def test_refused(self):
        """There is no such path."""
        yield self.assertFailure(self.client(None).connect(Made()), error.ConnectError)


class UvUnixTests(UnixTests):
    """uvloop's sockets with a path."""

    prefix = "uvunix"


class Chatty(Party):
    """Speaks first, and in clear."""

    def connectionMade(self):
        self.transport.write(b"220 mail.test ESMTP, and more than a TLS record's head\r\n")


class Here:
    """A resolver that knows one address, at once: whatever is asked for is there."""

    def __init__(self, address):
        self.address = address

    def resolveHostName(self, receiver, name, *arguments, **named):
        receiver.resolutionBegan(self)
        receiver.addressResolved(self.address)
        receiver.resolutionComplete()


def open_files():
    """How many there are; none where nobody says."""
    files = Path("/proc/self/fd")
    return sum(1 for _ in files.iterdir()) if files.is_dir() else 0


class Nobody:
    """A resolver that finds nobody."""

    def resolveHostName(self, receiver, name, *arguments, **named):
        receiver.resolutionBegan(self)
        receiver.resolutionComplete()
