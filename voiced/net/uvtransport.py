"""A connection that uvloop carries, under a protocol of Twisted's.

uvloop sends at once what is written, when nothing waits before it: there is no turn of the reactor, no timer and no
log context between a frame and its socket. To uvloop this is a protocol, to Twisted a transport; TLS goes in between
(voiced.net.uvtls). What protocols may expect of it is tests/test_net_transport.py, which Twisted's own have to pass.
"""

from __future__ import annotations

import asyncio
import ssl
import struct
from collections.abc import Callable, Iterable
from contextlib import suppress
from socket import AF_INET6, AF_UNIX, IPPROTO_TCP, SO_KEEPALIVE, SO_LINGER, SOL_SOCKET, TCP_NODELAY
from typing import Any

from OpenSSL import SSL
from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.error import ConnectionAborted, ConnectionDone, ConnectionLost
from twisted.internet.interfaces import (
    IAddress,
    IConsumer,
    IHalfCloseableProtocol,
    IProtocol,
    IPullProducer,
    IPushProducer,
    ISystemHandle,
    ITCPTransport,
)
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from voiced.net.uvtls import UvTls

RESET = struct.pack("ii", 1, 0)
"""SO_LINGER for a connection that is cut off: nothing is waited for, and the other side learns of it (RST)."""

log = Logger()


@implementer(ITCPTransport, IConsumer, IPushProducer, ISystemHandle)
class UvTransport(asyncio.Protocol):
    """One connection. `build(peer)` makes its protocol, None for one that is not wanted; `lost(reason)` is called
    when it is gone, after its protocol was told.

    It does not say that it is an ISSLTransport, even where it is TLS: Autobahn asks those for what pyOpenSSL has.
    """

    protocol: Any
    """Who hears what arrives; a WebSocket puts itself in the place of HTTP."""
    write: Callable[[bytes], None]
    """Send this, now if nothing waits before it. It *is* uvloop's own method, or that of TLS, while the connection
    takes anything."""
    writeSequence: Callable[[Iterable[bytes]], None]
    """Send these, likewise."""

    def __init__(
        self,
        build: Callable[[IAddress], IProtocol | None],
        lost: Callable[[Failure], None] | None = None,
    ) -> None:
        self.connected = self.disconnecting = self.disconnected = False
        self.protocol = None
        self.producer: Any = None
        self._build: Callable[[IAddress], IProtocol | None] | None = build
        self._lost = lost
        self._full = self._half = False
        self._reason: Failure | None = None
        self._then: Callable[[], None] | None = None
        """What is done when the producer has produced all."""
        self._deafen()

    # What uvloop tells us

    def connection_made(self, transport: Any) -> None:
        """Named by asyncio: it is there, with its TLS."""
        self._uv = transport
        socket = transport.get_extra_info("socket")
        host = socket.getsockname()
        peer = transport.get_extra_info("peername", host)  # who is gone already has none
        self._host = address(socket.family, host)
        self._peer = address(socket.family, peer or None)
        build, self._build = self._build, None  # what it took to connect goes with it
        assert build is not None  # noqa: S101 - there is one connection
        try:
            protocol = build(self._peer)
        except Exception:  # noqa: BLE001 - as Twisted: whatever it is, it ends this connection only
            log.failure("a protocol could not be made for a connection, which is closed")
            protocol = None
        if protocol is None:
            transport.abort()
        else:
            self.carry(protocol)

    def data_received(self, data: bytes) -> None:
        """Named by asyncio."""
        try:
            self.protocol.dataReceived(data)
        except Exception:  # noqa: BLE001 - likewise
            self._broken()

    def eof_received(self) -> bool:
        """Named by asyncio: the other side sends nothing more. True: it may still be sent to."""
        if self._encrypted:
            return False  # UvTls answers the other side's goodbye
        half = IHalfCloseableProtocol(self.protocol, None)
        if half is None:
            self._end(Failure(ConnectionDone()))
            return False
        self._guarded(half.readConnectionLost)
        return True

    def pause_writing(self) -> None:
        """Named by asyncio: what is written is taken more slowly than it comes."""
        self._full = True
        if self.producer is not None:
            self._guarded(self.producer.pauseProducing)

    def resume_writing(self) -> None:
        """Named by asyncio: most of it has been taken."""
        self._full = False
        if self.producer is not None:
            self._guarded(self.producer.resumeProducing)

    def connection_lost(self, error: BaseException | None) -> None:
        """Named by asyncio: it is gone."""
        self.connected, self.disconnected = False, True
        self._deafen()
        producer, self.producer = self.producer, None
        protocol, self.protocol = self.protocol, None
        reason = self._reason or Failure(reason_for(error))
        if producer is not None:
            self._guarded(producer.stopProducing)
        if protocol is not None:
            self._guarded(protocol.connectionLost, reason)
        if self._lost is not None:
            self._lost(reason)

    # What protocols ask for

    def carry(self, protocol: IProtocol) -> None:
        """From now on the connection is this protocol's."""
        self.protocol = protocol
        self.connected = True
        self.write, self.writeSequence = self._uv.write, self._uv.writelines
        self._guarded(protocol.makeConnection, self)

    def encrypt(
        self,
        loop: asyncio.AbstractEventLoop,
        context: ssl.SSLContext,
        name: str,
        patience: float,
        told: Callable[[BaseException | None], None],
    ) -> None:
        """Begin TLS with the host of that name, within `patience` seconds, and have it `told`; `carry` comes then.

        It is told None, or ssl.SSLError, ConnectionAbortedError when it takes too long, another OSError when the
        connection is lost: it is closed then. Cutting it off ends the handshake, too.
        """

        def ready(tls: UvTls) -> None:
            self._uv = tls
            told(None)

        def refused(error: BaseException) -> None:
            self.connection_lost(error)
            told(error)

        tls = UvTls(loop, self, context, name, patience, ready, refused)
        self._uv.set_protocol(tls)
        tls.connection_made(self._uv)

    def loseConnection(self) -> None:
        """See ITransport: closed when all that was written is sent, and no producer is at work any more."""
        if self.connected and not self.disconnecting:
            self.disconnecting = True
            self._uv.pause_reading()
            self._when_produced(self._close)

    def abortConnection(self) -> None:
        """See ITCPTransport: cut off at once; `connectionLost` comes later."""
        if self.connected and self._reason is None:
            with suppress(OSError, ValueError):  # it may be gone, and we not told yet
                self._option(SOL_SOCKET, SO_LINGER, RESET)
            self._end(Failure(ConnectionAborted()))

    def loseWriteConnection(self) -> None:
        """See ITCPTransport: tell the other side that nothing more comes. TLS has no such thing, and closes."""
        if self._encrypted:
            self.loseConnection()
        elif self.connected and not self.disconnecting and not self._half:
            self._half = True
            self._when_produced(self._close_half)

    def getPeer(self) -> Any:
        """See ITransport."""
        return self._peer

    def getHost(self) -> Any:
        """See ITransport."""
        return self._host

    def getHandle(self) -> Any:
        """See ISystemHandle: what asyncio calls a TransportSocket."""
        return self._uv.get_extra_info("socket")

    def getTcpNoDelay(self) -> bool:
        """See ITCPTransport."""
        return self._tcp and bool(self.getHandle().getsockopt(IPPROTO_TCP, TCP_NODELAY))

    def setTcpNoDelay(self, enabled: bool) -> None:
        """See ITCPTransport; uvloop has set it already."""
        if self._tcp:
            self._option(IPPROTO_TCP, TCP_NODELAY, int(enabled))

    def getTcpKeepAlive(self) -> bool:
        """See ITCPTransport."""
        return self._tcp and bool(self.getHandle().getsockopt(SOL_SOCKET, SO_KEEPALIVE))

    def setTcpKeepAlive(self, enabled: bool) -> None:
        """See ITCPTransport."""
        if self._tcp:
            self._option(SOL_SOCKET, SO_KEEPALIVE, int(enabled))

    # What producers, and those who consume what arrives, ask for

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        """See IConsumer."""
        if self.producer is not None:
            raise RuntimeError(f"{self.producer!r} is at work already: unregister it before another one")
        if not self.connected or self._reason is not None:
            producer.stopProducing()
            return
        self.producer = producer if streaming else _Pulled(producer, self._guarded)
        if self._full:
            self.producer.pauseProducing()
        elif not streaming:
            self.producer.resumeProducing()

    def unregisterProducer(self) -> None:
        """See IConsumer."""
        producer, self.producer = self.producer, None
        if isinstance(producer, _Pulled):
            producer.pauseProducing()
        then, self._then = self._then, None
        if then is not None:
            then()

    def pauseProducing(self) -> None:
        """See IPushProducer: read nothing for now."""
        if self.connected:
            self._uv.pause_reading()

    def resumeProducing(self) -> None:
        """See IPushProducer: read again."""
        if self.connected and not self.disconnecting:
            self._uv.resume_reading()

    def stopProducing(self) -> None:
        """See IPushProducer."""
        self.loseConnection()

    # Within

    @property
    def _encrypted(self) -> bool:
        return self._uv.get_extra_info("ssl_object") is not None

    @property
    def _tcp(self) -> bool:
        """Whether it has TCP's options, and is there still."""
        return self.connected and not self._uv.is_closing() and not isinstance(self._peer, UNIXAddress)

    def _option(self, level: int, option: int, value: int | bytes) -> None:
        socket = self.getHandle()
        if socket is not None:  # it may be gone, and we not told yet
            socket.setsockopt(level, option, value)

    def _guarded(self, method: Callable[..., Any], *arguments: Any) -> None:
        """Call a protocol's or a producer's method; if it breaks, that ends this connection, and nothing else."""
        try:
            method(*arguments)
        except Exception:  # noqa: BLE001 - likewise
            self._broken()

    def _broken(self) -> None:
        reason = Failure()
        log.failure("an error in a protocol ends its connection", reason)
        if self.connected:
            self._end(reason)

    def _when_produced(self, then: Callable[[], None]) -> None:
        if self.producer is None:
            then()
        else:
            self._then = then

    def _close(self) -> None:
        self._deafen()
        self._uv.close()

    def _close_half(self) -> None:
        self._deafen()
        self._uv.write_eof()
        asyncio.get_running_loop().call_soon(self._half_closed)

    def _half_closed(self) -> None:
        half = IHalfCloseableProtocol(self.protocol, None)
        if half is not None:
            self._guarded(half.writeConnectionLost)

    def _end(self, reason: Failure) -> None:
        """Close at once, and say why."""
        self.disconnecting = True
        self._reason = self._reason or reason
        self._deafen()
        self._uv.abort()

    def _deafen(self) -> None:
        """Nothing more is taken: Twisted ignores it, uvloop would raise errors."""
        self.write = self.writeSequence = _ignore


class _Pulled:
    """Asks a pull producer for more, a turn of the loop each time, until told to pause."""

    def __init__(self, producer: IPullProducer, guarded: Callable[..., None]) -> None:
        self._producer = producer
        self._guarded = guarded
        self._next: asyncio.Handle | None = None

    def resumeProducing(self) -> None:
        """Ask, and again on the next turn."""
        self.pauseProducing()
        self._next = asyncio.get_running_loop().call_soon(self.resumeProducing)
        self._guarded(self._producer.resumeProducing)

    def pauseProducing(self) -> None:
        """Ask no more for now."""
        if self._next is not None:
            self._next.cancel()
            self._next = None

    def stopProducing(self) -> None:
        """Never ask again."""
        self.pauseProducing()
        self._producer.stopProducing()


def address(family: int, name: Any) -> IAddress:
    """What a socket calls itself, as Twisted calls it."""
    if family == AF_UNIX:
        return UNIXAddress(name)
    kind = IPv6Address if family == AF_INET6 else IPv4Address
    return kind("TCP", *name)


def reason_for(error: BaseException | None) -> Exception:
    """What ended a connection, as Twisted's own transports say it."""
    if error is None:
        return ConnectionDone()
    if isinstance(error, ssl.SSLError):
        return tls_error(error)
    return ConnectionLost(str(error))


def tls_error(error: ssl.SSLError) -> SSL.Error:
    """Python's error as pyOpenSSL's, which voiced.net.trouble knows."""
    what = (getattr(error, name, None) for name in ("verify_message", "reason"))
    problem = SSL.Error([(getattr(error, "library", None) or "SSL", "", next(filter(None, what), str(error)))])
    problem.__cause__ = error
    return problem


def _ignore(data: Any) -> None:
    """The connection takes nothing more."""
