"""The fast lane is equivalent: fed the same bytes, it does as Autobahn alone does."""

from __future__ import annotations

import base64
import hashlib
import random
import re
from typing import Any
from unittest.mock import patch

import attrs
from autobahn.exception import Disconnected
from autobahn.twisted.websocket import (
    WebSocketClientFactory,
    WebSocketClientProtocol,
    WebSocketServerFactory,
    WebSocketServerProtocol,
)
from hypothesis import example, given
from hypothesis import strategies as st
from twisted.internet.error import ConnectionDone
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from voiced.net.frames import LONGEST, FastLane, frame, xor
from voiced.simulator.memory import tell_autobahn

MOST = 70_000
"""Bytes of a message that these sockets take."""


class Kept:
    """What a protocol is told; some messages make it do something."""

    def onOpen(self) -> None:
        """Open."""
        self.told: list[Any] = ["open"]

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        """A message: one that says so is answered, closes, or drops the connection."""
        here: Any = self
        self.told.append((payload, isBinary))
        if payload.startswith(b"echo"):
            try:
                here.sendMessage(payload, isBinary)
            except Disconnected:
                self.told.append("disconnected")
        elif payload.startswith(b"close"):
            here.sendClose(3000, "enough")
        elif payload.startswith(b"drop"):
            here.transport.abortConnection()
            here.connectionLost(Failure(ConnectionDone()))
        elif payload.startswith(b"raise"):
            raise ValueError("a fault")

    def onPing(self, payload: bytes) -> None:
        """A ping."""
        self.told.append(("ping", payload))
        super().onPing(payload)  # type: ignore[misc]

    def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:
        """Over."""
        self.told.append(("closed", wasClean, code, reason))


class PlainServer(Kept, WebSocketServerProtocol):  # type: ignore[misc]
    """Autobahn alone."""


class LanedServer(Kept, FastLane, WebSocketServerProtocol):  # type: ignore[misc]
    """With the lane."""


class PlainClient(Kept, WebSocketClientProtocol):  # type: ignore[misc]
    """Autobahn alone."""


class LanedClient(Kept, FastLane, WebSocketClientProtocol):  # type: ignore[misc]
    """With the lane."""


class Wire(StringTransport):
    """A transport as forgiving as a socket's."""

    def unregisterProducer(self) -> None:
        """There may be none."""
        self.producer = None

    def setTcpNoDelay(self, enabled: bool) -> None:
        """Nothing waits here."""


@attrs.define
class Socket:
    """One protocol, its handshake done."""

    protocol: Any
    transport: StringTransport
    raised: list[str]

    def feed(self, data: bytes) -> None:
        """The network gives this; what is raised ends the connection, as Twisted has it."""
        if self.raised or self.transport.disconnected:
            return
        try:
            self.protocol.dataReceived(data)
        except ValueError as error:
            self.raised.append(str(error))

    def outcome(self) -> dict[str, Any]:
        """All that can be seen from outside."""
        names = ("state", "failedByMe", "droppedByMe", "closedByMe", "wasClean", "wasNotCleanReason")
        names += ("localCloseCode", "localCloseReason", "remoteCloseCode", "remoteCloseReason")
        return {
            "told": self.protocol.told,
            "written": self.transport.value(),
            "over": (self.transport.disconnecting, self.transport.disconnected),
            "raised": self.raised,
            **{name: getattr(self.protocol, name) for name in names},
        }


def opened(cls: type, clock: Clock, **options: Any) -> Socket:
    """A socket of this class, open."""
    server = issubclass(cls, WebSocketServerProtocol)
    factory: Any = (
        WebSocketServerFactory(reactor=clock) if server else WebSocketClientFactory("ws://there.test/", reactor=clock)
    )
    factory.protocol = cls
    limits = {"maxMessagePayloadSize": MOST, "maxFramePayloadSize": MOST, "failByDrop": False}
    factory.setProtocolOptions(**{**limits, **options})
    protocol, transport = factory.buildProtocol(None), Wire()
    protocol.makeConnection(transport)
    protocol.dataReceived(ASKS if server else ANSWERS % accepted(transport.value()))
    transport.clear()
    assert protocol.state == protocol.STATE_OPEN
    return Socket(protocol, transport, [])


ASKS = (
    b"GET / HTTP/1.1\r\nHost: here.test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
ANSWERS = (
    b"HTTP/1.1 101 Switching Protocols\r\n"
    b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %b\r\n\r\n"
)


def accepted(request: bytes) -> bytes:
    """The key of the answer (RFC 6455, 4.2.2)."""
    key = re.search(rb"Sec-WebSocket-Key: (\S+)", request)
    assert key is not None
    return base64.b64encode(hashlib.sha1(key[1] + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())  # noqa: S324


PAYLOADS = st.one_of(
    st.sampled_from(
        [b"", b"echo", b"echo " + b"x" * 121, b"close", b"drop", b"raise", b"\xc3", b"\xff", "né".encode()]
    ),
    st.sampled_from([125, 126, 127, 65535, 65536, MOST, MOST + 1]).map(lambda size: b"echo" + b"." * (size - 4)),
    st.text(st.characters(max_codepoint=127), max_size=200).map(str.encode),
    st.binary(max_size=200),
)
FIRST = st.one_of(
    st.just(0x81), st.sampled_from([0x81, 0x01, 0x80, 0x00, 0x82, 0x89, 0x8A, 0x88, 0xC1, 0x91, 0x83, 0x8B])
)
LENGTHS = st.sampled_from(["least", "least", "least", "two", "eight"])


def on_wire(first: int, payload: bytes, length: str, mask: bytes) -> bytes:
    """A frame, as wrong as it is drawn."""
    size = len(payload)
    bit = 0x80 if mask else 0
    if length == "eight" or size > LONGEST:
        head = bytes((first, bit | 127)) + size.to_bytes(8, "big")
    elif length == "two" or size > 125:
        head = bytes((first, bit | 126)) + size.to_bytes(2, "big")
    else:
        head = bytes((first, bit | size))
    return head + mask + (xor(payload, mask) if mask else payload)


@st.composite
def streams(draw: st.DrawFn, masked: bool) -> list[bytes]:
    """Frames, most of them good, in pieces that have nothing to do with them."""
    frames = []
    for _ in range(draw(st.integers(1, 6))):
        good = draw(st.integers(0, 9)) < 7
        first, length = (0x81, "least") if good else (draw(FIRST), draw(LENGTHS))
        mask = draw(st.binary(min_size=4, max_size=4)) if masked == (good or draw(st.integers(0, 4)) > 0) else b""
        frames.append(on_wire(first, draw(PAYLOADS), length, mask))
    whole = b"".join(frames)
    if draw(st.booleans()):
        return frames
    cuts = sorted(draw(st.lists(st.integers(0, min(len(whole), 400)), max_size=6)))
    return [whole[begin:end] for begin, end in zip([0, *cuts], [*cuts, len(whole)], strict=True)]


class EquivalenceTests(SynchronousTestCase):
    """The same bytes, in any pieces: the same messages, errors, close codes and bytes out."""

    maxDiff = None

    def same(self, plain: type, laned: type, pieces: list[bytes], **options: Any) -> None:
        """Both do the same after each piece, and when time has passed."""
        both = []
        for cls in (plain, laned):
            clock = Clock()
            put_back = tell_autobahn(clock)
            random.seed(7)  # for the masks
            try:
                socket = opened(cls, clock, **options)
                random.seed(8)
                seen = []
                for piece in pieces:
                    socket.feed(piece)
                    seen.append(repr(socket.outcome()))
                clock.advance(100)
                seen.append(repr(socket.outcome()))
                both.append(seen)
            finally:
                put_back()
        self.assertEqual(*both)

    @given(streams(masked=True))
    def test_server(self, pieces: list[bytes]) -> None:
        """A client's frames."""
        self.same(PlainServer, LanedServer, pieces)

    @given(streams(masked=False))
    def test_client(self, pieces: list[bytes]) -> None:
        """A server's frames."""
        self.same(PlainClient, LanedClient, pieces)

    @given(
        streams(masked=True),
        st.sampled_from(
            [
                {"failByDrop": True},
                {"maxFramePayloadSize": 100},
                {"maxMessagePayloadSize": 100},
                {"autoFragmentSize": 3},
                {"requireMaskedClientFrames": False},
                {"maskServerFrames": True},
                {"utf8validateIncoming": False},
                {"applyMask": False},
            ]
        ),
    )
    def test_options(self, pieces: list[bytes], options: dict[str, Any]) -> None:
        """Whatever a socket is told to do otherwise."""
        self.same(PlainServer, LanedServer, pieces, **options)

    @given(st.lists(PAYLOADS, max_size=4), st.booleans())
    def test_sent(self, payloads: list[bytes], server: bool) -> None:
        """What is sent is the same on the wire, and refused by the same errors."""
        written = []
        for cls in (PlainServer, LanedServer) if server else (PlainClient, LanedClient):
            clock = Clock()
            self.addCleanup(tell_autobahn(clock))
            socket = opened(cls, clock)
            random.seed(9)
            errors = []
            for payload in payloads:
                try:
                    socket.protocol.sendMessage(payload)
                except Exception as error:  # noqa: BLE001 - whichever it is
                    errors.append(repr(error))
            written.append((socket.transport.value(), errors))
        self.assertEqual(*written)

    @given(
        st.lists(st.tuples(*[st.integers(0, 400) | st.integers(LONGEST - 1, LONGEST + 1)] * 2), max_size=3),
        st.booleans(),
        st.booleans(),
    )
    @example([(200, LONGEST + 1)], True, True)
    def test_said(self, sizes: list[tuple[int, int]], server: bool, laned: bool) -> None:
        """One text, or two, with the lane and without: what Autobahn would send; nothing more once it is closing."""
        written = []
        for cls in (PlainServer, LanedServer) if server else (PlainClient, LanedClient):
            clock = Clock()
            self.addCleanup(tell_autobahn(clock))
            socket = opened(cls, clock, **({} if laned else {"autoFragmentSize": 100}))
            random.seed(9)
            for size, more in sizes:
                text, then = b"a" * size, b"b" * more
                if hasattr(cls, "say"):
                    socket.protocol.say(text, then)
                else:
                    for each in filter(None, (text, then)):
                        socket.protocol.sendMessage(each)
            socket.protocol.sendClose(1000)
            if hasattr(cls, "say"):
                socket.protocol.say(b"a" * 200, b"late")
            written.append(socket.transport.value())
        self.assertEqual(*written)


class LaneTests(SynchronousTestCase):
    """The lane is taken."""

    def setUp(self) -> None:
        """Time stands still."""
        self.clock = Clock()
        self.addCleanup(tell_autobahn(self.clock))

    def test_taken(self) -> None:
        """Autobahn sees nothing of the usual frame, in or out; of another it does."""
        for cls, masked in ((LanedServer, True), (LanedClient, False)):
            socket = opened(cls, self.clock)
            before = socket.protocol.trafficStats.__json__()
            for size in (2, 125, 126, 300, LONGEST):
                socket.feed(frame(b"x" * size, masked=masked))
                socket.protocol.sendMessage(b"x" * size)
            self.assertEqual(socket.protocol.trafficStats.__json__(), before, cls)
            self.assertEqual(len(socket.protocol.told), 6)
            for text in ("é", 100 * "é"):
                socket.feed(frame(text.encode(), masked=masked))
                self.assertNotEqual(socket.protocol.trafficStats.__json__(), before, cls)
                self.assertEqual(socket.protocol.told[-1], (text.encode(), False))
                before = socket.protocol.trafficStats.__json__()

    def test_said_to_nobody(self) -> None:
        """Autobahn may find out only then that the socket is closing: whoever says something need not know."""
        socket = opened(LanedServer, self.clock)
        with patch.object(WebSocketServerProtocol, "sendMessage", side_effect=Disconnected("closing")):
            socket.protocol.say(b"a" * (LONGEST + 1))
        self.assertEqual(socket.transport.value(), b"")

    def test_longer_length_than_needed(self) -> None:
        """A length in two bytes where one would do is an error, and Autobahn's to tell."""
        socket = opened(LanedServer, self.clock)
        socket.feed(on_wire(0x81, b"short", "two", b"mask"))
        self.assertEqual((socket.protocol.told, socket.protocol.failedByMe), (["open"], True))

    def test_several_at_once(self) -> None:
        """All that a piece of the stream has, and the beginning of the next one."""
        socket = opened(LanedServer, self.clock)
        one, two, three = (frame(word, masked=True) for word in (b"one", b"two", b"three"))
        socket.feed(one + two + three[:5])
        self.assertEqual(socket.protocol.told, ["open", (b"one", False), (b"two", False)])
        socket.feed(three[5:])
        self.assertEqual(socket.protocol.told[-1], (b"three", False))

    def test_ping_is_open(self) -> None:
        """While Autobahn waits for a pong, what comes goes by it: any traffic is an answer."""
        socket = opened(LanedServer, self.clock, autoPingInterval=10, autoPingTimeout=5)
        self.clock.advance(10)
        self.clock.advance(1)
        socket.feed(frame(b"here", masked=True))
        self.clock.advance(6)
        self.assertEqual(socket.protocol.told, ["open", (b"here", False)])
        self.assertEqual(socket.protocol.state, socket.protocol.STATE_OPEN)

    @given(st.binary(max_size=300), st.binary(min_size=4, max_size=4))
    def test_masks(self, payload: bytes, mask: bytes) -> None:
        """Byte by byte it is the same, and twice it is nothing."""
        self.assertEqual(xor(payload, mask), bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload)))
        self.assertEqual(xor(xor(payload, mask), mask), payload)
