"""When a daemon listens, and that it says when it cannot."""

from __future__ import annotations

from typing import Any

import attrs
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IListeningPort, IStreamServerEndpoint
from twisted.internet.protocol import ServerFactory
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from voiced.net.listening import Listening


@implementer(IListeningPort)
@attrs.define
class Port:
    """A port that takes until `closed` to close."""

    closed: Deferred[None] = attrs.field(factory=Deferred)

    def startListening(self) -> None:
        """See IListeningPort."""

    def stopListening(self) -> Deferred[None]:
        """See IListeningPort."""
        return self.closed

    def getHost(self) -> None:
        """See IListeningPort."""


@implementer(IStreamServerEndpoint)
@attrs.define
class Endpoint:
    """An endpoint that answers so."""

    answer: Any

    def listen(self, protocolFactory: Any) -> Any:
        """See IStreamServerEndpoint."""
        return self.answer


class ListeningTests(SynchronousTestCase):
    """A service round an endpoint."""

    def listening(self, answer: Any) -> Listening:
        """A service that has been started."""
        verifyObject(IStreamServerEndpoint, endpoint := Endpoint(answer))
        service = Listening(endpoint, ServerFactory())
        service.privilegedStartService()
        service.startService()
        return service

    def test_at_once(self) -> None:
        """A port that is there at once; stopping waits until it is closed."""
        verifyObject(IListeningPort, port := Port())
        service = self.listening(succeed(port))
        self.successResultOf(service.when_listening)
        stopped = service.stopService()
        self.assertNoResult(stopped)
        port.closed.callback(None)
        self.successResultOf(stopped)

    def test_later(self) -> None:
        """Nobody is told before it is so."""
        service = self.listening(answer := Deferred())
        self.assertNoResult(service.when_listening)
        answer.callback(Port())
        self.successResultOf(service.when_listening)

    def test_taken(self) -> None:
        """A port that somebody else has, whenever it says so."""
        taken = CannotListenError("127.0.0.1", 80, OSError("in use"))
        self.assertRaises(CannotListenError, self.listening, fail(taken))
        plain: Deferred[Any] = Deferred()
        chained: Deferred[Any] = Deferred()
        for answer, failing in ((plain, plain), (succeed(None).addCallback(lambda _: chained), chained)):
            service = self.listening(answer)
            failing.errback(taken)
            self.failureResultOf(service.when_listening, CannotListenError)
            self.successResultOf(service.stopService())

    def test_stopped_before(self) -> None:
        """Stopped before there is a port, it takes none."""
        service = self.listening(answer := Deferred())
        self.successResultOf(service.stopService())
        self.assertTrue(answer.called)
        self.assertNoResult(service.when_listening)
