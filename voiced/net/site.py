"""The site that everything listens with: bounded in sockets, time and bytes, with headers and a log of its own."""

from __future__ import annotations

from collections import Counter
from io import BytesIO
from typing import Any

from twisted.internet.interfaces import IReactorTime, ISSLTransport, ITCPTransport
from twisted.internet.protocol import Protocol
from twisted.logger import Logger
from twisted.protocols.policies import ProtocolWrapper
from twisted.web.resource import IResource
from twisted.web.server import Site
from zope.interface import directlyProvidedBy, directlyProvides

from voiced.net import accesslog
from voiced.net.channel import LimitedChannel
from voiced.net.request import SiteRequest

MOST_SOCKETS = 1000
IDLE_SECONDS = 60.0
"""How long an HTTP connection may be idle. A WebSocket has left HTTP by then."""
WARNING_SECONDS = 60.0
"""How often it is logged, at most, that there are too many sockets."""
SECURITY_HEADERS = {
    b"X-Content-Type-Options": b"nosniff",
    b"Cache-Control": b"no-store",
    b"Content-Security-Policy": b"default-src 'none'; frame-ancestors 'none'",
    b"Referrer-Policy": b"no-referrer",
}
"""What every answer says, unless its route says otherwise: it is no page, and nobody's to keep."""
TRANSPORT_SECURITY = {b"Strict-Transport-Security": b"max-age=31536000"}
"""What it says besides where we are reached by https: for a year by nothing else (RFC 6797)."""

log = Logger()


class LimitedSite(Site):
    """Serves a resource to at most `most_sockets` connections; `secure` says that clients reach it by https.

    A socket counts from its first moment to its last, as a WebSocket, too. `refused` counts what never came to a
    route: by status, and `sockets` for those that were closed at once.
    """

    noisy = False
    protocol = LimitedChannel  # type: ignore[assignment]

    def __init__(
        self, resource: IResource, clock: IReactorTime, *, secure: bool = False, most_sockets: int = MOST_SOCKETS
    ) -> None:
        # Nobody here uses the forms that twisted.web would parse, multipart ones, too, before anybody knows who asks.
        super().__init__(resource, SiteRequest, reactor=clock, timeout=IDLE_SECONDS, parsePOSTFormSubmission=False)
        self.headers = SECURITY_HEADERS | (TRANSPORT_SECURITY if secure else {})
        self.most_sockets = most_sockets
        self.sockets = 0
        self.refused: Counter[str] = Counter()
        self._next_warning = clock.seconds()

    def buildProtocol(self, addr: Any) -> Any:
        """Named by Twisted: somebody has connected."""
        if self.sockets >= self.most_sockets:
            self._turn_away()
            return _TurnedAway()
        # A WebSocket puts itself in the channel's place; the wrapper, which Autobahn looks for, stays and counts.
        channel: Any = super().buildProtocol(addr)
        return ProtocolWrapper(self, channel)  # type: ignore[arg-type]

    def registerProtocol(self, socket: ProtocolWrapper) -> None:
        """Named by Twisted's ProtocolWrapper: it is connected."""
        self.sockets += 1
        if ISSLTransport.providedBy(socket):
            # Autobahn asks what says that it is TLS for what only Twisted's own TLS transport has, or fails.
            directlyProvides(socket, directlyProvidedBy(socket) - ISSLTransport, ITCPTransport)

    def unregisterProtocol(self, socket: ProtocolWrapper) -> None:
        """Named by Twisted's ProtocolWrapper: its connection is gone."""
        self.sockets -= 1

    def acceptableProtocols(self) -> list[bytes]:
        """Named by Twisted, for TLS: HTTP/2 would go past everything here."""
        return [b"http/1.1"]

    def getContentFile(self, length: int | None) -> BytesIO:
        """Named by twisted.web, which makes a temporary file for what a stranger says is large, or does not say."""
        return BytesIO()

    def startFactory(self) -> None:
        """Named by Twisted: there is no log file to open, and no clock to keep for it."""

    def stopFactory(self) -> None:
        """Named by Twisted."""

    def log(self, request: SiteRequest) -> None:  # type: ignore[override]
        """Named by twisted.web: a request has been answered."""
        seconds = self.reactor.seconds() - request.received
        accesslog.note(
            request.method,
            request.uri,
            request.code,
            request.sentLength,
            seconds,
            request.request_id,
            request.party,
        )

    def _turn_away(self) -> None:
        self.refused["sockets"] += 1
        if self.reactor.seconds() >= self._next_warning:
            self._next_warning = self.reactor.seconds() + WARNING_SECONDS
            log.warn("{n} connections are open, more are closed at once: is somebody flooding us?", n=self.sockets)


class _TurnedAway(Protocol):
    """A connection too many: closed before anything is read of it."""

    def connectionMade(self) -> None:
        """Named by Twisted."""
        transport: Any = self.transport
        transport.abortConnection()
