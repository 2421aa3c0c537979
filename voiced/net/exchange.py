"""One HTTP exchange: a request, and the beginning of its answer. Cancelling it really ends it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.internet.interfaces import IConsumer
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.web.client import ResponseDone
from twisted.web.http import PotentialDataLoss
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgent, IBodyProducer, IResponse
from zope.interface import implementer


@attrs.frozen
class Answer:
    """What a server answered. `whole` is False when its body was longer than what was read of it."""

    status: int
    body: bytes = attrs.field(repr=False)
    whole: bool = True


@implementer(IBodyProducer)
@attrs.frozen
class _Body:
    """A request's body, written at once: Twisted's FileBodyProducer writes on turns of the global reactor."""

    text: bytes
    length: int

    def startProducing(self, consumer: IConsumer) -> Deferred[None]:
        """Named by Twisted."""
        consumer.write(self.text)
        return succeed(None)

    def pauseProducing(self) -> None:
        """Named by Twisted; it is all written already."""

    def resumeProducing(self) -> None:
        """Named by Twisted; it is all written already."""

    def stopProducing(self) -> None:
        """Named by Twisted; it is all written already."""


def exchange(
    agent: IAgent, method: str, url: str, headers: Mapping[str, str], body: bytes | None, most: int
) -> Deferred[Answer]:
    """Ask, and read the answer as `read_answer` does."""
    wire = Headers({name.encode(): [value.encode()] for name, value in headers.items()})
    producer = None if body is None else _Body(body, len(body))
    return read_answer(agent.request(method.encode(), url.encode("ascii"), wire, producer), most)


def read_answer(asked: Deferred[Any], most: int) -> Deferred[Answer]:
    """Read at most `most` bytes of the body of the answer to a request that was sent; the rest is not waited for.

    With treq: `http.get(url, unbuffered=True)`. Cancelling closes the connection. Fails with what is in
    voiced.net.trouble.NETWORK (CancelledError when cancelled: Twisted itself fails with one of five errors then, each
    for a stage of the connection).
    """

    def read(response: IResponse) -> Deferred[Answer]:
        reader = _Reader(response.code, most)
        response.deliverBody(reader)
        return reader.done

    def stop(_: Deferred[Answer]) -> None:
        done.errback(CancelledError())
        asked.cancel()

    def ended(result: Answer | Failure) -> None:
        if not done.called:
            done.callback(result)

    done: Deferred[Answer] = Deferred(stop)
    asked.addCallback(read).addBoth(ended)
    return done


class _Reader(Protocol):
    """Where Twisted delivers a body. Over when `done` has fired, whatever arrives then."""

    def __init__(self, status: int, most: int) -> None:
        self.done: Deferred[Answer] = Deferred(lambda _: abort(self.transport))
        self._status = status
        self._most = most
        self._read = b""

    def dataReceived(self, data: bytes) -> None:
        """Named by Twisted."""
        if self.done.called:
            return
        self._read += data
        if len(self._read) > self._most:
            self.done.callback(Answer(self._status, self._read[: self._most], whole=False))
            abort(self.transport)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Named by Twisted. A body without a stated length ends when the server closes (HTTP/1.0)."""
        if self.done.called:
            return
        if reason.check(ResponseDone, PotentialDataLoss):
            self.done.callback(Answer(self._status, self._read))
        else:
            self.done.errback(reason)


def abort(transport: Any) -> None:
    """Close the connection that a response came over, now: closing in order would wait for the server's consent."""
    # A response shows a proxy without abortConnection as its transport (twisted.web._newclient); it loses its
    # producer when the response is complete and the connection belongs to the pool again.
    real = getattr(transport, "_producer", transport)
    if real is not None:
        getattr(real, "abortConnection", real.loseConnection)()
