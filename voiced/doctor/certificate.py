"""The certificate that a host shows: who it is for, until when, and what the system's trust store says of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import attrs
from cryptography.x509 import DNSName, ExtensionNotFound, IPAddress, SubjectAlternativeName
from OpenSSL import SSL
from service_identity import VerificationError
from service_identity.pyopenssl import verify_hostname, verify_ip_address
from twisted.internet.abstract import isIPAddress, isIPv6Address
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IHandshakeListener, IOpenSSLClientConnectionCreator, IStreamClientEndpoint
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.python.failure import Failure
from zope.interface import implementer

WHY = {
    9: "its certificate is not valid yet",
    10: "its certificate has expired",
    18: "its certificate is signed by itself",
    19: "its chain ends in a root that nobody trusts",
    20: "its chain is not whole: an intermediate certificate is missing",
    21: "its chain is not whole: an intermediate certificate is missing",
}
"""X509_V_ERR_… of OpenSSL -> what it means here."""


@attrs.frozen
class Shown:
    """A certificate, and what is wrong with it."""

    names: Sequence[str]
    until: float
    """Seconds since the epoch."""
    faults: Sequence[str]
    """Of the chain, as sentences; [] when it is trusted."""
    for_host: bool
    """Whether it is for the host that was asked."""


def look(endpoint: IStreamClientEndpoint, host: str, clock: Any) -> Deferred[Shown]:
    """Connect, shake hands whatever is wrong, and hang up. Fails with what is in voiced.net.trouble.NETWORK."""
    creator = _Looking(host)
    looked: Deferred[Shown] = Deferred(lambda _: connecting.cancel())

    connecting = endpoint.connect(TLSMemoryBIOFactory(creator, True, _Lookers(creator, looked), clock=clock))
    connecting.addErrback(lambda failure: None if looked.called else looked.errback(failure))
    return looked


@implementer(IOpenSSLClientConnectionCreator)
class _Looking:
    """Notes what is wrong with the chain, and goes on."""

    def __init__(self, host: str) -> None:
        self.host = host
        self.faults: list[str] = []
        self._context = SSL.Context(SSL.TLS_CLIENT_METHOD)
        self._context.set_default_verify_paths()
        self._context.set_verify(SSL.VERIFY_PEER, self._note)

    def clientConnectionForTLS(self, tlsProtocol: Any) -> SSL.Connection:
        """Named by Twisted."""
        connection = SSL.Connection(self._context, None)
        if not _literal(self.host):
            connection.set_tlsext_host_name(self.host.encode("idna"))
        return connection

    def _note(self, connection: Any, certificate: Any, error: int, depth: int, fine: int) -> bool:
        if not fine:
            says = WHY.get(error, f"its chain is not trusted (OpenSSL error {error})")
            if depth == 0 or error not in (9, 10):
                self.faults.append(says)
            else:
                self.faults.append(says.replace("its certificate", "a certificate of its chain"))
        return True


@implementer(IHandshakeListener)
class _Looker(Protocol):
    """Waits for the handshake."""

    transport: Any

    def __init__(self, creator: _Looking, looked: Deferred[Shown]) -> None:
        self._creator = creator
        self._looked = looked

    def handshakeCompleted(self) -> None:
        """Named by Twisted."""
        shown = _shown(self.transport.getHandle(), self._creator)
        self.transport.abortConnection()
        if not self._looked.called:
            self._looked.callback(shown)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Named by Twisted."""
        if not self._looked.called:
            self._looked.errback(reason)


@attrs.define(eq=False)
class _Lookers(Factory):
    """Makes one."""

    _creator: _Looking
    _looked: Deferred[Shown]
    noisy = False

    def buildProtocol(self, address: Any) -> _Looker:
        """Named by Twisted."""
        return _Looker(self._creator, self._looked)


def _shown(connection: SSL.Connection, creator: _Looking) -> Shown:
    certificate: Any = connection.get_peer_certificate(as_cryptography=True)
    until = certificate.not_valid_after_utc.timestamp()
    return Shown(_names(certificate), until, list(dict.fromkeys(creator.faults)), _is_for(connection, creator.host))


def _is_for(connection: SSL.Connection, host: str) -> bool:
    try:
        verify_ip_address(connection, host) if _literal(host) else verify_hostname(connection, host)
    except VerificationError:
        return False
    except Exception:  # noqa: BLE001 - a certificate that service_identity cannot read is for nobody
        return False
    return True


def _names(certificate: Any) -> list[str]:
    try:
        names = certificate.extensions.get_extension_for_class(SubjectAlternativeName).value
    except ExtensionNotFound:
        return []
    return [*names.get_values_for_type(DNSName), *map(str, names.get_values_for_type(IPAddress))]


def _literal(host: str) -> bool:
    return isIPAddress(host) or isIPv6Address(host)


def day(seconds: float) -> str:
    """A date, for people."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d")
