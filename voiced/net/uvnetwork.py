"""What endpoints use of a reactor, with connections that uvloop carries.

Twisted's own endpoints work on it unchanged: its ports bind and close, its connectors time out and are cancelled, its
HostnameEndpoint looks names up and tries one address after the other. Only what accepts, connects and carries is
uvloop's.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from typing import Any

from twisted.internet import tcp, unix
from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.base import BaseConnector
from twisted.internet.defer import Deferred
from twisted.internet.error import getConnectError
from twisted.internet.interfaces import (
    IAddress,
    IConnector,
    IDelayedCall,
    IHostnameResolver,
    IListeningPort,
    IProtocol,
    IReactorPluggableNameResolver,
    IReactorTCP,
    IReactorUNIX,
)
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from voiced.net.uvreactor import UvloopReactor
from voiced.net.uvtls import UvTls
from voiced.net.uvtransport import UvTransport

HANDSHAKE_SECONDS = 15.0
"""How long a client may take for TLS: as long as for the request that follows it (voiced.net.channel)."""

BACKLOG = 1024
"""How many connections may wait to be let in, where nobody says, as config/voiced.socket has it: after a restart all
live calls come at once, and one that finds no room tries again a second later."""

Open = Callable[[Callable[[], UvTransport]], Awaitable[Any]]
"""Opens a connection whose asyncio protocol this makes. Raises OSError."""

log = Logger()


@implementer(IReactorTCP, IReactorUNIX, IReactorPluggableNameResolver)
class UvNetwork:
    """The network as endpoints see it. With `tls` whoever connects to us has to speak it."""

    def __init__(self, reactor: UvloopReactor, tls: ssl.SSLContext | None = None) -> None:
        self._reactor = reactor
        self._loop = reactor.loop
        self._tls = tls

    def connectTCP(
        self, host: str, port: int, factory: Any, timeout: float = 30, bindAddress: tuple[str, int] | None = None
    ) -> IConnector:
        """See IReactorTCP; `host` is an address."""

        def connect(make: Callable[[], UvTransport]) -> Awaitable[Any]:
            return self._loop.create_connection(make, host, port, local_addr=bindAddress)

        kind = IPv6Address if ":" in host else IPv4Address
        return self._connect(connect, kind("TCP", host, port), factory, timeout)

    def listenTCP(self, port: int, factory: Any, backlog: int = BACKLOG, interface: str = "") -> IListeningPort:
        """See IReactorTCP."""
        return self._listen(TcpPort(port, factory, backlog, interface, self._reactor))

    def connectUNIX(self, address: str, factory: Any, timeout: float = 30, checkPID: bool = False) -> IConnector:
        """See IReactorUNIX; `checkPID` is not asked for: whoever listens there, or does not, shows it."""

        def connect(make: Callable[[], UvTransport]) -> Awaitable[Any]:
            return self._loop.create_unix_connection(make, address)

        return self._connect(connect, UNIXAddress(address), factory, timeout)

    def listenUNIX(
        self, address: Any, factory: Any, backlog: int = BACKLOG, mode: int = 0o666, wantPID: bool = False
    ) -> IListeningPort:
        """See IReactorUNIX."""
        return self._listen(UnixPort(address, factory, backlog, mode, self._reactor, wantPID))

    def adoptStreamPort(self, fileDescriptor: int, addressFamily: int, factory: Any) -> IListeningPort:
        """See IReactorSocket: a socket that listens already, of systemd's for one."""
        if addressFamily == UnixPort.addressFamily:
            return self._listen(UnixPort._fromListeningDescriptor(self._reactor, fileDescriptor, factory))
        port = TcpPort._fromListeningDescriptor(self._reactor, fileDescriptor, addressFamily, factory)
        return self._listen(port)

    @property
    def nameResolver(self) -> IHostnameResolver:
        """See IReactorPluggableNameResolver: the reactor's."""
        resolver: IHostnameResolver = self._reactor.nameResolver
        return resolver

    def installNameResolver(self, resolver: IHostnameResolver) -> IHostnameResolver:
        """See IReactorPluggableNameResolver: for the reactor."""
        before: IHostnameResolver = self._reactor.installNameResolver(resolver)
        return before

    def callLater(self, delay: float, callable: Any, *arguments: Any, **named: Any) -> IDelayedCall:  # noqa: A002
        """See IReactorTime: HostnameEndpoint waits before it tries the next address."""
        call: IDelayedCall = self._reactor.callLater(delay, callable, *arguments, **named)
        return call

    def seconds(self) -> float:
        """See IReactorTime."""
        return self._reactor.seconds()

    def _connect(self, connect: Open, destination: IAddress, factory: Any, timeout: float) -> IConnector:
        connector = _Connector(connect, destination, factory, timeout, self._reactor)
        connector.connect()
        result: Any = connector
        return result  # type: ignore[no-any-return]

    def _listen(self, port: Any) -> IListeningPort:
        port.tls = self._tls
        port.startListening()
        listening: IListeningPort = port
        return listening


class _Serving:
    """What Twisted's ports become when uvloop accepts for them: bound and listening when they are made, as ever."""

    reactor: UvloopReactor
    socket: Any
    factory: Any
    backlog: int | None
    tls: ssl.SSLContext | None = None
    _server: asyncio.AbstractServer | None = None
    _serving: Deferred[Any] | None = None

    def startReading(self) -> None:
        """Named by Twisted: it is bound, accept."""
        self._serving = Deferred.fromFuture(asyncio.ensure_future(self._serve(), loop=self.reactor.loop))
        self._serving.addErrback(_not_serving)

    def stopReading(self) -> None:
        """Named by Twisted: accept no more."""
        if self._serving is not None:
            self._serving.cancel()
            self._serving = None
        if self._server is not None:
            self._server.close()
            self._server = None

    async def _serve(self) -> None:
        self._server = await self.reactor.loop.create_server(
            self._let_in,
            sock=self.socket.dup(),  # each closes its own
            backlog=self.backlog or BACKLOG,  # a socket of systemd's gets this, too
        )

    def _let_in(self) -> Any:
        """The asyncio protocol of somebody who connects."""
        transport = UvTransport(self.factory.buildProtocol)
        if self.tls is None:
            return transport
        loop = self.reactor.loop
        return UvTls(loop, transport, self.tls, None, HANDSHAKE_SECONDS, transport.connection_made, _not_greeted)


class TcpPort(_Serving, tcp.Port):  # type: ignore[misc]
    """Twisted's port, at which uvloop accepts."""


class UnixPort(_Serving, unix.Port):  # type: ignore[misc]
    """The same of a path."""


def _not_greeted(error: BaseException) -> None:
    """Who calls and does not speak TLS, or trusts nobody, is gone; port scanners are, too: nobody is told."""


def _not_serving(failure: Failure) -> None:
    if not failure.check(asyncio.CancelledError):
        log.failure("nobody is let in any more: restart voiced", failure)


class _Connector(BaseConnector):
    """Twisted's connector, with its time limit and its cancelling; `connect` opens."""

    def __init__(self, connect: Open, destination: IAddress, factory: Any, timeout: float, reactor: Any) -> None:
        super().__init__(factory, timeout, reactor)
        self._connect = connect
        self._destination = destination

    def getDestination(self) -> IAddress:
        """Named by Twisted."""
        return self._destination

    def connected_by(self, transport: UvTransport, peer: IAddress) -> IProtocol | None:
        """It is connected: the factory's protocol."""
        self.transport: Any = transport
        return self.buildProtocol(peer)

    def _makeTransport(self) -> Any:
        return _Attempt(self, self._connect)


class _Attempt:
    """One attempt to connect, in the place of the transport that it may become."""

    def __init__(self, connector: _Connector, connect: Open) -> None:
        self._connector = connector
        reactor: Any = connector.reactor
        self._opening = asyncio.ensure_future(self._open(connect), loop=reactor.loop)

    def failIfNotConnected(self, error: Exception) -> None:
        """Named by Twisted: give it up, for this reason."""
        self._opening.cancel()
        self._connector.connectionFailed(Failure(error))

    async def _open(self, connect: Open) -> None:
        try:
            await connect(self._transport)
        except OSError as error:
            self._connector.connectionFailed(Failure(getConnectError(error)))

    def _transport(self) -> UvTransport:
        transport = UvTransport(lambda peer: self._reached(transport, peer), self._connector.connectionLost)
        return transport

    def _reached(self, transport: UvTransport, peer: IAddress) -> IProtocol | None:
        if self._opening.cancelling():  # given up in the turn in which somebody answered
            return None
        return self._connector.connected_by(transport, peer)
