"""Listens at an endpoint, and says when it really does."""

from __future__ import annotations

from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.internet.interfaces import IListeningPort, IProtocolFactory, IStreamServerEndpoint
from twisted.python.failure import Failure


class Listening(Service):
    """Twisted's own service only logs it when an endpoint cannot bind and says so later: that is a daemon which
    nobody can reach. This one tells.

    `when_listening` fires when whoever connects is heard; it fails with why that cannot be, where that turns out
    later than at once.
    """

    def __init__(self, endpoint: IStreamServerEndpoint, factory: IProtocolFactory) -> None:
        self._endpoint = endpoint
        self._factory = factory
        self._port: Deferred[IListeningPort | None] = succeed(None)
        self.when_listening: Deferred[None] = Deferred()

    def privilegedStartService(self) -> None:
        """Named by Twisted: take the port while we may. Raises what the endpoint fails with, if that is at once."""
        listening: Deferred[Any] = self._endpoint.listen(self._factory)
        at_once = getattr(listening, "result", None)
        if isinstance(at_once, Failure):
            listening.addErrback(lambda _: None)
            at_once.raiseException()
        self._port = listening
        self._port.addCallbacks(self._bound, self._not_bound)

    def stopService(self) -> Deferred[Any]:
        """Named by Twisted; fires when the port is closed."""
        super().stopService()
        self._port.cancel()
        return self._port.addCallback(lambda port: None if port is None else port.stopListening())

    def _bound(self, port: IListeningPort) -> IListeningPort:
        self.when_listening.callback(None)
        return port

    def _not_bound(self, failure: Failure) -> None:
        if not failure.check(CancelledError):
            self.when_listening.errback(failure)
