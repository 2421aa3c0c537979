"""Endpoints whose connections uvloop carries, and their descriptions.

    uv:8080:interface=127.0.0.1                     uv:host.example:8080
    uvtls:443:privateKey=key.pem:certKey=full.pem   uvtls:host.example:443
    uvunix:/run/voiced/voiced.sock:mode=660         uvunix:/run/voiced/voiced.sock
    uvsystemd:domain=INET:index=0

They are as Twisted's `tcp:`, `ssl:`, `unix:` and `systemd:` are, with the same arguments. On a reactor that is not
uvloop's they are these, and say so in the log: the calls are carried, for more of the machine's time.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from functools import cache
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import attrs
import idna
from cryptography import x509
from OpenSSL import crypto
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import (
    HostnameEndpoint,
    clientFromString,
    quoteStringArgument,
    serverFromString,
    wrapClientTLS,
)
from twisted.internet.error import ConnectingCancelledError, ConnectionLost, NoProtocol, TimeoutError  # noqa: A004
from twisted.internet.interfaces import IProtocol, IProtocolFactory, IStreamClientEndpoint, IStreamServerEndpoint
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.internet.ssl import optionsForClientTLS
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from voiced.net.uvnetwork import BACKLOG, UvNetwork
from voiced.net.uvreactor import UvloopReactor
from voiced.net.uvtls import client_context, server_context
from voiced.net.uvtransport import UvTransport, tls_error

PATIENCE = 30
"""Seconds for a connection to be made where nobody says: Twisted's own."""

log = Logger()


def client(reactor: Any, host: str, port: int, *, tls: bool, timeout: float) -> IStreamClientEndpoint:
    """A client endpoint for that host, with TLS that this machine's trust store has to vouch for.

    On a reactor that is not uvloop's it is Twisted's own. Connecting fails with what voiced.net.trouble.NETWORK has.
    """
    if isinstance(reactor, UvloopReactor):
        reach = HostnameEndpoint(UvNetwork(reactor), host, port, timeout)
        return UvClient(reactor, reach, host if tls else None, timeout)
    plain = HostnameEndpoint(reactor, host, port, timeout)
    return wrapClientTLS(optionsForClientTLS(host), plain) if tls else plain


def warm_up(reactor: Any) -> None:
    """Read the trust store now, where the first call would wait for it."""
    if isinstance(reactor, UvloopReactor):
        trusted()


@cache
def trusted() -> ssl.SSLContext:
    """What says who is who: this machine's trust store. Read once: it takes a while."""
    return client_context()


# Descriptions


def parse_server(
    kind: str, reactor: Any, arguments: tuple[str, ...], named: Mapping[str, str]
) -> IStreamServerEndpoint:
    """The endpoint for a description of Twisted's `kind`. `reactor` may be None, for one that is only looked at."""
    network = UvNetwork(reactor) if isinstance(reactor, UvloopReactor) else _instead(kind, reactor)
    waiting = {} if kind == "systemd" else {"backlog": str(BACKLOG)}  # systemd has it in the socket's unit
    endpoint: IStreamServerEndpoint = serverFromString(network, _described(kind, arguments, {**waiting, **named}))
    return endpoint


def parse_tls_server(
    reactor: Any, port: str, privateKey: str = "server.pem", certKey: str = "", **named: str
) -> IStreamServerEndpoint:
    """The same with TLS. `privateKey` and `certKey` are PEM files, the latter with the whole chain.

    Raises OSError and ssl.SSLError for files that are not there, or are no such things.
    """
    tls = server_context(certKey or privateKey, privateKey)
    if isinstance(reactor, UvloopReactor):
        described = _described("tcp", (port,), {"backlog": str(BACKLOG), **named})
        endpoint: IStreamServerEndpoint = serverFromString(UvNetwork(reactor, tls), described)
        return endpoint
    return _twisted_tls_server(_instead("ssl", reactor), port, privateKey, certKey or privateKey, named)


def parse_client(
    reactor: Any, host: str, port: str, timeout: str = str(PATIENCE), *, tls: bool
) -> IStreamClientEndpoint:
    """The client endpoint of a host, as `client` has it; `timeout` in seconds."""
    if not isinstance(reactor, UvloopReactor):
        _instead("tls" if tls else "tcp", reactor)
    return client(reactor, host, int(port), tls=tls, timeout=float(timeout))


def parse_unix_client(reactor: Any, arguments: tuple[str, ...], named: Mapping[str, str]) -> IStreamClientEndpoint:
    """The client endpoint of a path."""
    described = _described("unix", arguments, named)
    if isinstance(reactor, UvloopReactor):
        return UvClient(reactor, clientFromString(UvNetwork(reactor), described), None, PATIENCE)
    endpoint: IStreamClientEndpoint = clientFromString(_instead("unix", reactor), described)
    return endpoint


def _described(kind: str, arguments: tuple[str, ...], named: Mapping[str, str]) -> str:
    fields = [quoteStringArgument(argument) for argument in arguments]
    fields += [f"{name}={quoteStringArgument(argument)}" for name, argument in named.items()]
    return ":".join([kind, *fields])


def _instead(kind: str, reactor: Any) -> Any:
    """This reactor, and a word to the operator of why it will be Twisted's own connections."""
    if reactor is not None:
        log.info(
            "{reactor} is not uvloop's reactor: `{kind}:` is used, and calls take more of the machine's time; "
            "see to it that uvloop is installed, and that no --reactor is asked for",
            reactor=type(reactor).__name__,
            kind=kind,
        )
    return reactor


def _twisted_tls_server(
    reactor: Any, port: str, key: str, chain: str, named: Mapping[str, str]
) -> IStreamServerEndpoint:
    from twisted.internet.endpoints import SSL4ServerEndpoint
    from twisted.internet.ssl import CertificateOptions

    private = crypto.load_privatekey(crypto.FILETYPE_PEM, Path(key).read_bytes())
    first, *rest = map(crypto.X509.from_cryptography, x509.load_pem_x509_certificates(Path(chain).read_bytes()))
    options = CertificateOptions(private, first, extraCertChain=rest)
    return SSL4ServerEndpoint(
        reactor, int(port), options, int(named.get("backlog", BACKLOG)), named.get("interface", "")
    )


# Connecting


class _Reached(Protocol):
    """Has the connection until it is known to be good; keeps what comes early, with the end of the TLS handshake."""

    def __init__(self) -> None:
        self.early = b""
        self.reason: Failure | None = None

    def dataReceived(self, data: bytes) -> None:
        """Named by Twisted."""
        self.early += data

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Named by Twisted."""
        self.reason = reason


class _Reaching(Factory):
    """Makes them, without a word in the log."""

    noisy = False
    protocol = _Reached


@implementer(IStreamClientEndpoint)
@attrs.frozen
class UvClient:
    """Reaches somebody by an endpoint on a UvNetwork, and then has TLS with `name` unless that is None.

    The protocol is told when TLS is there and the certificate is good; nothing stands between it and the transport.
    """

    reactor: UvloopReactor
    reach: IStreamClientEndpoint
    name: str | None
    timeout: float

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        """See IStreamClientEndpoint. Fails with Twisted's errors of connecting, ConnectionLost or SSL.Error (TLS)."""
        reaching: Deferred[Any] = self.reach.connect(_Reaching())
        if self.name is not None:
            reaching.addCallback(self._secure, server_name(self.name))
        return reaching.addCallback(self._carry, protocolFactory)

    def _secure(self, reached: _Reached, name: str) -> Deferred[_Reached]:
        transport: Any = reached.transport
        uv: UvTransport = transport

        def give_up(secured: Deferred[_Reached]) -> None:
            uv.abortConnection()
            secured.errback(ConnectingCancelledError(uv.getPeer()))

        def tell(error: BaseException | None) -> None:
            if not secured.called:
                secured.callback(reached if error is None else Failure(_connect_error(error)))

        secured: Deferred[_Reached] = Deferred(give_up)
        uv.encrypt(self.reactor.loop, trusted(), name, self.timeout, tell)
        return secured

    def _carry(self, reached: _Reached, factory: IProtocolFactory) -> IProtocol:
        transport: Any = reached.transport
        uv: UvTransport = transport
        if reached.reason is not None:
            reached.reason.raiseException()
        try:
            protocol = factory.buildProtocol(uv.getPeer())
            if protocol is None:
                raise NoProtocol
        except BaseException:
            uv.abortConnection()
            raise
        uv.carry(protocol)
        if reached.early:
            uv.data_received(reached.early)
        return protocol


def server_name(host: str) -> str:
    """A host as a certificate has it: its address, or its name in ASCII (IDNA 2008)."""
    try:
        return str(ip_address(host))
    except ValueError:
        return idna.encode(host.removesuffix(".")).decode("ascii")


def _connect_error(error: BaseException) -> Exception:
    """What ended a handshake, as connecting fails for it."""
    match error:
        case ssl.SSLError():
            return tls_error(error)
        case ConnectionAbortedError():
            return TimeoutError(string="TLS took too long")
        case _:
            return ConnectionLost(str(error))
