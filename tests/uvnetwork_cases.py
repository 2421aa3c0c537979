"""What only uvloop's network has: TLS that is broken off, sockets that somebody else opened.

tests/test_net_uvloop.py runs it, on uvloop's reactor.
"""

import socket

from twisted.internet import error, reactor
from twisted.internet.defer import inlineCallbacks
from twisted.internet.endpoints import AdoptedStreamServerEndpoint, UNIXClientEndpoint, serverFromString
from twisted.internet.interfaces import IReactorPluggableNameResolver, IReactorTCP, IReactorUNIX
from twisted.internet.protocol import Factory
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase
from zope.interface.verify import verifyObject

from tests.test_net_transport import Made, Nobody, Party
from voiced.net.uvendpoints import client
from voiced.net.uvnetwork import UvNetwork


class Leaving(Party):
    """Goes as soon as it is spoken to."""

    def dataReceived(self, data):
        super().dataReceived(data)
        self.transport.abortConnection()


class UvNetworkTests(TestCase):
    timeout = 20

    @inlineCallbacks
    def listens(self, kind):
        """A port of somebody who does not speak TLS, and what is made for those who connect."""
        self.made = Made(kind)
        port = yield serverFromString(reactor, "uv:0:interface=127.0.0.1").listen(self.made)
        self.addCleanup(port.stopListening)
        return port.getHost().port

    @inlineCallbacks
    def until(self, happened):
        """Turns of the reactor until it has happened."""
        while not happened():
            yield deferLater(reactor, 0)

    @inlineCallbacks
    def handshake(self, kind, timeout=10, cancelled=False):
        """A handshake with somebody who does not answer it; fires when both have parted, with what became of it."""
        port = yield self.listens(kind)
        connecting = client(reactor, "localhost", port, tls=True, timeout=timeout).connect(Made())
        outcome = []
        connecting.addErrback(lambda failure: outcome.append(failure.value))
        yield self.until(lambda: self.made.made and self.made.made[0].heard)
        if cancelled:
            connecting.cancel()
        yield self.until(lambda: outcome and self.made.made[0].ends)
        return outcome[0]

    @inlineCallbacks
    def test_cancelled(self):
        """A handshake that is given up ends the connection."""
        outcome = yield self.handshake(Party, cancelled=True)
        self.assertIsInstance(outcome, error.ConnectingCancelledError)

    @inlineCallbacks
    def test_timed_out(self):
        """So does one that takes too long."""
        outcome = yield self.handshake(Party, timeout=0.05)
        self.assertIsInstance(outcome, error.TimeoutError)

    @inlineCallbacks
    def test_left(self):
        """Who goes during the handshake is lost."""
        outcome = yield self.handshake(Leaving)
        self.assertIsInstance(outcome, error.ConnectionLost)

    def test_interfaces(self):
        """It is what endpoints take for a reactor."""
        network = UvNetwork(reactor)
        for interface in (IReactorTCP, IReactorUNIX, IReactorPluggableNameResolver):
            verifyObject(interface, network)
        before = network.installNameResolver(nobody := Nobody())
        self.assertIs(network.nameResolver, nobody)
        network.installNameResolver(before)

    @inlineCallbacks
    def adopted(self, listening, endpoint):
        """Somebody connects to a socket that somebody else has opened, as systemd does."""
        listening.listen(1024)
        listening.setblocking(False)
        made = Made()
        adopting = AdoptedStreamServerEndpoint(UvNetwork(reactor), listening.fileno(), listening.family)
        port = yield adopting.listen(made)
        listening.detach()  # which Twisted has closed
        yield deferLater(reactor, 0)
        caller = yield endpoint(port.getHost()).connect(Factory.forProtocol(Party))
        caller.transport.write(b"hello")
        yield self.until(lambda: any(party.heard == b"hello" for party in made.made))
        caller.transport.loseConnection()
        for party in made.made:
            party.transport.loseConnection()
        yield self.until(lambda: caller.ends and all(party.ends for party in made.made))
        yield port.stopListening()

    @inlineCallbacks
    def test_adopted(self):
        """A port."""
        listening = socket.socket()
        listening.bind(("127.0.0.1", 0))
        yield self.adopted(listening, self.crowded)

    def crowded(self, at):
        """An endpoint for that address, to which many connect who are not let in yet: systemd's backlog stays."""
        for _ in range(100):
            waiting = socket.socket()
            self.addCleanup(waiting.close)
            waiting.settimeout(0.5)
            waiting.connect((at.host, at.port))
        return client(reactor, at.host, at.port, tls=False, timeout=5)

    @inlineCallbacks
    def test_adopted_path(self):
        """A path."""
        listening = socket.socket(socket.AF_UNIX)
        listening.bind("s")
        yield self.adopted(listening, lambda at: UNIXClientEndpoint(UvNetwork(reactor), "s"))
