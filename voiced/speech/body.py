"""Body: reads the body of a vendor's HTTP response as a stream, and really stops it when nobody wants it any more.

Cancelling treq's `collect` leaves the vendor streaming, and closing a TLS connection in order waits for the vendor's
consent: so the connection is aborted. An aborted connection does not go back into the client's pool.
"""

from __future__ import annotations

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.protocol import Protocol, connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.client import ResponseDone
from twisted.web.http import PotentialDataLoss
from twisted.web.iweb import IResponse

from voiced.errors import SynthesisError
from voiced.ivoiced import Deliver
from voiced.net.exchange import abort

_log = Logger()

IDLE = 5.0
"""Seconds between two pieces after which a body is given up."""


def deliver_body(response: IResponse, deliver: Deliver, clock: IReactorTime, idle: float = IDLE) -> Deferred[None]:
    """Call `deliver` with the body's bytes as they arrive; fires at its end.

    Cancelling closes the connection. Fails with SynthesisError when the body breaks off or nothing came for `idle`
    seconds, and with whatever `deliver` raised. A body of no stated length ends when the vendor closes the connection
    (HTTP/1.0): that is an end like any other, since nothing tells it from a loss.

    Ask treq for the response with `unbuffered=True`, or treq keeps a copy of it all.
    """
    body = _Body(deliver, clock, idle)
    response.deliverBody(body)
    return body.done


def drop_body(response: IResponse) -> None:
    """Close the connection of a response whose body nobody reads."""
    body = _Body(lambda _: None, None, 0)
    body.done.addErrback(lambda _: None)
    response.deliverBody(body)
    body.done.cancel()


class _Body(Protocol):
    """Where Twisted delivers the body. Over when `done` has fired, whatever arrives then."""

    def __init__(self, deliver: Deliver, clock: IReactorTime | None, idle: float) -> None:
        self.done: Deferred[None] = Deferred(lambda _: self._stop(Failure(CancelledError())))
        self._deliver: Deliver | None = deliver
        self._idle = idle
        self._limit = clock.callLater(idle, self._starved) if clock is not None else None

    def dataReceived(self, data: bytes) -> None:
        if self._deliver is None:
            return
        if self._limit is not None:
            self._limit.reset(self._idle)
        try:
            self._deliver(data)
        except Exception:  # noqa: BLE001 - nothing is awaited here; Twisted would hide it in a ResponseFailed
            self._stop(Failure())

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if reason.check(ResponseDone, PotentialDataLoss):
            self._end(None)
        else:
            _log.debug("A vendor's response broke off: {reason}", reason=reason.getErrorMessage())
            self._end(
                Failure(SynthesisError("the vendor's audio broke off in the middle", retry=True, kind="stalled"))
            )

    def _starved(self) -> None:
        self._stop(
            Failure(SynthesisError(f"the vendor sent no audio for {self._idle:g} s", retry=True, kind="stalled"))
        )

    def _stop(self, reason: Failure) -> None:
        """End with this, and close the connection."""
        self._end(reason)
        if self.transport is not None:
            abort(self.transport)

    def _end(self, result: Failure | None) -> None:
        if self._deliver is None:
            return
        self._deliver = None
        if self._limit is not None and self._limit.active():
            self._limit.cancel()
        self.done.callback(result)
