"""One HTTP connection, which may not be slow: for what it sends of a request, and for what it reads of an answer.

Nor may it keep us from others, who have calls: of the requests that it sends without waiting for their answers
(pipelined: RFC 9112, 9.3.2) one is answered on a turn of the reactor, and none before the answers to those before it
are on their way. What cannot become a request is answered here, with the headers that every answer has.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from twisted.internet.interfaces import IDelayedCall
from twisted.python.failure import Failure
from twisted.web.http import RESPONSES, HTTPChannel
from twisted.web.http_headers import Headers

from voiced.net import accesslog
from voiced.net.request import ID_HEADER, new_id

REQUEST_SECONDS = 15.0
"""From a request's first byte to its last, however often some of it arrives."""
CLOSE_SECONDS = 15
"""How long a client may take to read the last answer before it is cut off."""
SERVER = b"voiced"


class LimitedChannel(HTTPChannel):
    """Twisted's channel with limits: of time, of headers (number, and bytes with the request line) and of patience.

    A WebSocket takes the transport away while its request is being answered, when no timer of this channel runs.

    Between an answer and the next request the channel rests: Twisted's `_handlingRequest` stays, so that what arrives
    is kept (and above 16 KiB is not read any more), but there is none in `requests`.
    """

    maxHeaders = 100
    totalHeadersSize = 16 * 1024
    abortTimeout = CLOSE_SECONDS
    site: Any

    def __init__(self) -> None:
        super().__init__()
        self._late: IDelayedCall | None = None
        self._next: IDelayedCall | None = None

    # What Twisted tells us

    def dataReceived(self, data: bytes) -> None:
        """Named by Twisted. What arrives while a request is being answered waits; its own time begins when it is
        looked at."""
        if not self._handlingRequest:
            self._hurry()
        super().dataReceived(data)

    def lineReceived(self, line: bytes) -> None:
        """Named by Twisted: a line of a request, which may have come together with the end of the one before."""
        self._hurry()
        super().lineReceived(line)

    def lineLengthExceeded(self, line: bytes) -> None:
        """Named by Twisted: this is longer than all headers together may be."""
        self._turn_down(400)

    def allContentReceived(self) -> None:
        """Named by twisted.web: the request is complete."""
        self._enough()
        super().allContentReceived()

    def requestDone(self, request: Any) -> None:
        """Named by twisted.web: a request is answered.

        Twisted would answer all that wait, within this turn of the reactor, and while nobody reads its answers.
        """
        if not self.persistent:
            super().requestDone(request)
            return
        self.requests.remove(request)
        self.setTimeout(self._savedTimeOut)
        if self._waitingForTransport:
            self._networkProducer.pauseProducing()
        else:
            self._rest()

    def resumeProducing(self) -> None:
        """Named by Twisted: what was written is on its way."""
        super().resumeProducing()
        if self._handlingRequest and not self.requests:
            self._rest()

    def timeoutConnection(self) -> None:
        """Named by Twisted: nothing has come for the time that a connection may be idle."""
        self.loseConnection()

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]
        """Named by Twisted."""
        self._enough()
        if self._next is not None:
            self._next.cancel()
            self._next = None
        super().connectionLost(reason)

    def loseConnection(self) -> None:
        """Named by Twisted: close when all is sent, and begin nothing more; cut off who does not read it."""
        self.persistent = 0
        super().loseConnection()
        if self._abortingCall is None:
            self._abortingCall = self.callLater(self.abortTimeout, self.forceAbortClient)

    def forceAbortClient(self) -> None:
        """Named by twisted.web."""
        self._abortingCall = None
        transport: Any = self.transport
        transport.abortConnection()

    def writeHeaders(self, version: bytes, code: bytes, reason: bytes, headers: Headers) -> None:
        """Named by twisted.web: an answer begins. A route's own headers stand; who we are is nobody's business."""
        every: Mapping[bytes, bytes] = self.site.headers
        for name, value in every.items():
            if not headers.hasHeader(name):
                headers.setRawHeaders(name, [value])
        headers.setRawHeaders(b"Server", [SERVER])
        super().writeHeaders(version, code, reason, headers)

    def _respondToBadRequestAndDisconnect(self) -> None:
        """Named by twisted.web: this is no HTTP, or has too many headers."""
        self._turn_down(400)

    # Within

    def _rest(self) -> None:
        """Let everybody else have a turn."""
        if self._next is None:
            self._next = self.callLater(0, self._go_on)

    def _go_on(self) -> None:
        """The next request may begin, with what has come of it already."""
        self._next = None
        self._handlingRequest = False
        waiting, self._dataBuffer = b"".join(self._dataBuffer), []
        self._networkProducer.resumeProducing()
        self.setLineMode(waiting)

    def _hurry(self) -> None:
        if self._late is None:
            self._late = self.callLater(REQUEST_SECONDS, self._is_late)

    def _enough(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _is_late(self) -> None:
        self._late = None
        self._turn_down(408)

    def _turn_down(self, status: int) -> None:
        """Answer, close, and listen to nothing more: what follows would be taken for another request."""
        self._enough()
        self.dataReceived = self.lineReceived = self.rawDataReceived = _ignore  # type: ignore[assignment, method-assign]
        request_id = self.requests[-1].request_id if self.requests else new_id()
        headers = Headers()
        headers.setRawHeaders(ID_HEADER, [request_id.encode()])
        headers.setRawHeaders(b"Content-Length", [b"0"])
        headers.setRawHeaders(b"Connection", [b"close"])
        self.writeHeaders(b"HTTP/1.1", b"%d" % status, RESPONSES[status], headers)
        self.loseConnection()
        self.site.refused[str(status)] += 1
        # Twisted's own names for the request line, until the request is complete.
        method, uri = getattr(self, "_command", b"-"), getattr(self, "_path", b"-")
        accesslog.note(method, uri, status, 0, 0.0, request_id)


def _ignore(data: bytes) -> None:
    """The other side goes on sending."""
