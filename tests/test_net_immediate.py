"""Writes that do not wait: they are on the wire at once, and the order stays, whatever the socket does."""

from __future__ import annotations

import socket
import ssl
from typing import Any

from twisted.internet.error import ConnectionDone
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import Clock
from twisted.internet.tcp import Connection
from twisted.internet.testing import StringTransport
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory
from twisted.protocols.tls import BufferingTLSTransport, TLSMemoryBIOFactory
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from tests.certificates import certificate
from voiced.net.immediate import outlet


class Reactor(Clock):
    """Keeps whom the reactor would ask to read and to write."""

    def __init__(self) -> None:
        """Nobody waits."""
        super().__init__()
        self.readers: set[Any] = set()
        self.writers: set[Any] = set()
        self.addReader, self.removeReader = self.readers.add, self.readers.discard
        self.addWriter, self.removeWriter = self.writers.add, self.writers.discard

    def turn(self) -> None:
        """One turn: whoever waits to write, writes; an error ends the connection, as the reactor has it."""
        for waiting in list(self.writers):
            error = waiting.doWrite()
            if error:
                self.readers.discard(waiting)
                self.writers.discard(waiting)
                waiting.connectionLost(Failure(error if isinstance(error, Exception) else ConnectionDone()))


class SocketTests(SynchronousTestCase):
    """On a pair of real sockets."""

    def setUp(self) -> None:
        """One end is Twisted's, the other is read by hand."""
        self.reactor = Reactor()
        ours, self.peer = socket.socketpair()
        for end in (ours, self.peer):
            end.setblocking(False)
            self.addCleanup(end.close)
        self.lost: list[Failure] = []
        protocol = Protocol()
        protocol.connectionLost = self.lost.append  # type: ignore[method-assign,assignment]
        self.transport = Connection(ours, protocol, self.reactor)
        self.transport.connected = 1
        protocol.makeConnection(self.transport)

    def read(self) -> bytes:
        """What has come at the other end."""
        pieces = []
        while True:
            try:
                piece = self.peer.recv(1 << 20)
            except BlockingIOError:
                break
            if not piece:
                break
            pieces.append(piece)
        return b"".join(pieces)

    def fill(self) -> bytes:
        """More than the socket takes is written; gives it."""
        data = bytes(range(256)) * 40_000
        outlet(self.transport).write(data)
        return data

    def drain(self) -> bytes:
        """All that comes, in as many turns as it needs."""
        pieces = [self.read()]
        while self.reactor.writers:
            self.reactor.turn()
            pieces.append(self.read())
        return b"".join(pieces)

    def test_at_once(self) -> None:
        """Without a turn of the reactor, which has nothing to do for it afterwards."""
        outlet(self.transport).write(b"frame")
        self.assertEqual((self.read(), self.reactor.writers), (b"frame", set()))

    def test_socket_full(self) -> None:
        """What the socket does not take waits in the queue, and what is written then waits behind it."""
        data = self.fill()
        self.assertEqual(self.reactor.writers, {self.transport})
        outlet(self.transport).write(b"frame")
        self.assertEqual(self.drain(), data + b"frame")
        outlet(self.transport).write(b"next")
        self.assertEqual(self.read(), b"next")

    def test_queue(self) -> None:
        """What was written the usual way goes first."""
        self.transport.write(b"one ")
        outlet(self.transport).write(b"two")
        self.assertEqual(self.read(), b"")
        self.assertEqual(self.drain(), b"one two")

    def test_peer_gone(self) -> None:
        """Nothing is raised: the reactor finds it, and the connection ends once."""
        self.peer.close()
        outlet(self.transport).write(b"frame")
        self.assertEqual(self.lost, [])
        self.reactor.turn()
        self.assertEqual(len(self.lost), 1)
        outlet(self.transport).write(b"frame")
        self.reactor.turn()
        self.assertEqual(len(self.lost), 1)

    def test_closing(self) -> None:
        """What waits is sent before the connection ends; what is written after is not: as Twisted has it."""
        data = self.fill()
        self.transport.loseConnection()
        outlet(self.transport).write(b"late")
        plain = self.drain()
        self.assertEqual(plain[: len(data)], data)
        self.assertEqual(len(self.lost), 1)

    def test_wrapped(self) -> None:
        """One that only counts connections is no reason to wait."""
        wrapper = ProtocolWrapper(WrappingFactory(Factory()), Protocol())
        wrapper.makeConnection(self.transport)
        outlet(wrapper).write(b"frame")
        self.assertEqual(self.read(), b"frame")

    def test_other_transport(self) -> None:
        """Of which nothing is known."""
        transport = StringTransport()
        outlet(transport).write(b"frame")
        self.assertEqual(transport.value(), b"frame")


class TLSTests(SocketTests):
    """Over TLS, with Python's own TLS at the other end: nothing goes out in clear."""

    def setUp(self) -> None:
        """The handshake is done."""
        super().setUp()
        ours = certificate()
        protocol = Protocol()
        protocol.connectionLost = self.lost.append  # type: ignore[method-assign,assignment]
        factory = Factory.forProtocol(lambda: protocol)  # type: ignore[arg-type]
        tls = TLSMemoryBIOFactory(ours.options(), False, factory, clock=self.reactor)  # type: ignore[arg-type]
        self.below = self.transport
        wrapper = tls.buildProtocol(None)
        self.below.protocol = wrapper
        wrapper.makeConnection(self.below)
        self.transport = protocol.transport  # type: ignore[assignment]
        self.assertIsInstance(self.transport, BufferingTLSTransport)
        client = ssl.create_default_context(cadata=ours.dumpPEM().decode())
        self.incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = client.wrap_bio(self.incoming, outgoing, server_hostname="localhost")
        for _ in range(6):
            self.incoming.write(super().read())
            try:
                self.tls.do_handshake()
            except ssl.SSLWantReadError:
                pass
            if said := outgoing.read():
                wrapper.dataReceived(said)
            self.reactor.advance(0)
            self.reactor.turn()

    def read(self) -> bytes:
        """What has come at the other end, decrypted."""
        self.incoming.write(super().read())
        pieces = []
        while True:
            try:
                piece = self.tls.read(1 << 20)
            except (ssl.SSLWantReadError, ssl.SSLZeroReturnError):
                break
            if not piece:
                break
            pieces.append(piece)
        return b"".join(pieces)

    def drain(self) -> bytes:
        """All that comes; Twisted's timer for small writes rings as well."""
        pieces = [self.read()]
        self.reactor.advance(0)
        while self.reactor.writers:
            self.reactor.turn()
            self.reactor.advance(0)
            pieces.append(self.read())
        return b"".join(pieces)

    def test_socket_full(self) -> None:
        """What the socket does not take waits in the queue, and what is written then waits behind it."""
        data = self.fill()
        outlet(self.transport).write(b"frame")
        self.assertEqual(self.drain(), data + b"frame")
        outlet(self.transport).write(b"next")
        self.assertEqual(self.read(), b"next")

    def test_closing(self) -> None:
        """What waits is sent before the connection ends; what is written after is not."""
        data = self.fill()
        self.transport.loseConnection()
        outlet(self.transport).write(b"late")
        self.assertEqual(self.drain(), data)

    def test_peer_gone(self) -> None:
        """Nothing is raised: the reactor finds it, and the connection ends once."""
        self.peer.close()
        outlet(self.transport).write(b"frame")
        self.assertEqual(self.lost, [])
        self.reactor.turn()
        self.assertEqual(len(self.lost), 1)
        outlet(self.transport).write(b"frame")
        self.assertEqual(self.reactor.writers, set())
