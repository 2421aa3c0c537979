"""What Autobahn keeps is kept once for a kind of sockets, and they do as any of Autobahn's."""

from __future__ import annotations

import sys
from typing import Any

from autobahn.twisted.websocket import (
    WebSocketClientFactory,
    WebSocketClientProtocol,
    WebSocketServerFactory,
    WebSocketServerProtocol,
)
from hypothesis import given
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests import test_net_frames as frames
from voiced.agents.socket import AgentFactory, AgentProtocol
from voiced.ivoiced import Door
from voiced.net.frames import FastLane
from voiced.net.kind import _OF_HANDSHAKE, Settled, let_go, settle
from voiced.simulator.memory import tell_autobahn
from voiced.twilio.media import CallFactory, CallProtocol

LIMITS = {"maxMessagePayloadSize": frames.MOST, "maxFramePayloadSize": frames.MOST, "failByDrop": False}


class ServerFactory(Settled, WebSocketServerFactory):  # type: ignore[misc]
    """Without options of its own."""


class ClientFactory(Settled, WebSocketClientFactory):  # type: ignore[misc]
    """Likewise."""


class Server(frames.LanedServer):
    """One that lets go."""

    def onOpen(self) -> None:
        """Open."""
        super().onOpen()
        let_go(self)


class Client(frames.LanedClient):
    """One that lets go."""

    def onOpen(self) -> None:
        """Open."""
        super().onOpen()
        let_go(self)


settle(ServerFactory, Server, **LIMITS)
settle(ClientFactory, Client, **LIMITS)


class KindTests(SynchronousTestCase):
    """Two classes, and what stands on them."""

    def setUp(self) -> None:
        """Autobahn's time is ours."""
        self.clock = Clock()
        self.addCleanup(tell_autobahn(self.clock))

    def check_options(self, factory: Any, plain: Any, protocol: Any) -> None:
        """Autobahn's own factory with the same limits has the same options; an instance of ours has none."""
        plain.setProtocolOptions(**LIMITS)
        options = {*plain.resetProtocolOptions.__code__.co_names} & {*vars(plain)} - {"log"}
        self.assertGreaterEqual(len(options), 20)
        self.assertEqual(options & {*vars(factory)}, set())
        for name in options - {"perMessageCompressionAccept"}:
            self.assertEqual(getattr(factory, name), getattr(plain, name), name)
            self.assertEqual(getattr(protocol, name), getattr(plain, name), name)

    def test_server(self) -> None:
        """Its options are Autobahn's."""
        self.check_options(ServerFactory(reactor=self.clock), WebSocketServerFactory(reactor=self.clock), Server)

    def test_client(self) -> None:
        """Its options are Autobahn's."""
        url = "ws://there.test/"
        self.check_options(
            ClientFactory(url, reactor=self.clock), WebSocketClientFactory(url, reactor=self.clock), Client
        )

    def test_function(self) -> None:
        """An option that is a function is called as Autobahn does: no compression is taken."""
        self.assertIsNone(Server().perMessageCompressionAccept([]))
        self.assertIsNone(ServerFactory(reactor=self.clock).perMessageCompressionAccept([]))

    def test_ours(self) -> None:
        """A call's factories have no options of their own, and its sockets are of the limits that they had."""
        call: Any = CallFactory(None, None, self.clock)  # type: ignore[arg-type]
        agent: Any = AgentFactory(Door("ws://there.test/"), None, "", self.clock)  # type: ignore[arg-type]
        for factory, protocol in ((call, CallProtocol), (agent, AgentProtocol)):
            self.assertLess(len(vars(factory)), 25)
            self.assertIs(factory.failByDrop, False)
            self.assertEqual(protocol.maxMessagePayloadSize, factory.maxMessagePayloadSize)  # type: ignore[attr-defined]
        self.assertEqual((CallProtocol.maxMessagePayloadSize, CallProtocol.closeHandshakeTimeout), (65536, 5.0))  # type: ignore[attr-defined]
        self.assertEqual((AgentProtocol.maxMessagePayloadSize, AgentProtocol.autoPingInterval), (2**24, 20.0))  # type: ignore[attr-defined]

    def test_set_late(self) -> None:
        """A factory with options of its own would have sockets that do not see them: it is told so."""
        with self.assertRaisesRegex(TypeError, "settle"):
            ServerFactory(reactor=self.clock).setProtocolOptions(failByDrop=True)

    def test_let_go(self) -> None:
        """What the handshake needed is what Autobahn keeps: all of it goes, and nothing else."""
        for plain, ours in ((frames.PlainServer, Server), (frames.PlainClient, Client)):
            kept, left = (vars(frames.opened(cls, self.clock).protocol) for cls in (plain, ours))
            gone = {name for name in _OF_HANDSHAKE if name in kept}
            self.assertGreater(len(gone), 4)
            self.assertEqual(gone & {*left}, set())
            options = {*ours.CONFIG_ATTRS}  # type: ignore[attr-defined]
            self.assertEqual({*kept} - {*left} - gone - options - {*FastLane.__slots__}, set())
        names = {*dir(WebSocketServerProtocol), *dir(WebSocketClientProtocol)}
        self.assertEqual(names & {*_OF_HANDSHAKE}, set())

    def test_queue(self) -> None:
        """What is to go out in pieces waits in its order, and what comes after it waits behind it."""
        wires = []
        for cls in (frames.PlainServer, Server):
            socket = frames.opened(cls, self.clock)
            before = len(socket.transport.value())
            socket.protocol.sendFrame(opcode=1, payload=b"in pieces of eight octets, and no more", chopsize=8)
            socket.protocol.sendMessage(b"after it")
            self.assertEqual(len(socket.protocol.send_queue), 5)
            for _ in range(10):
                self.clock.advance(0.001)
            self.assertEqual(len(socket.protocol.send_queue), 0)
            wires.append(socket.transport.value()[before:])
        self.assertEqual(wires[0], wires[1])
        self.assertTrue(wires[1].endswith(b"after it"), wires[1])

    def test_queue_is_small(self) -> None:
        """It takes no memory to speak of while nothing waits."""
        self.assertLess(sys.getsizeof(frames.opened(Server, self.clock).protocol.send_queue), 100)


class LetGoTests(SynchronousTestCase):
    """The same bytes, in any pieces: the same messages, pongs, errors, close codes and bytes out."""

    same = frames.EquivalenceTests.same

    @given(frames.streams(masked=True))
    def test_server(self, pieces: list[bytes]) -> None:
        """A client's frames."""
        self.same(frames.PlainServer, Server, pieces)  # type: ignore[misc]

    @given(frames.streams(masked=False))
    def test_client(self, pieces: list[bytes]) -> None:
        """A server's frames."""
        self.same(frames.PlainClient, Client, pieces)  # type: ignore[misc]
