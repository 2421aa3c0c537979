"""A reactor in memory: a clock, names that resolve as the test says, and connections over a MemoryNetwork."""

from __future__ import annotations

from typing import Any

import attrs
from twisted.internet.abstract import isIPAddress, isIPv6Address
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IHostnameResolver, IReactorPluggableNameResolver
from twisted.internet.task import Clock
from zope.interface import implementer

from voiced.simulator.memory import MemoryNetwork


@attrs.define
class Connector:
    """A connection on its way."""

    address: IPv4Address
    pending: Deferred[Any]

    def getDestination(self) -> IPv4Address:
        """Named by Twisted."""
        return self.address

    def stopConnecting(self) -> None:
        """Named by Twisted."""
        self.pending.cancel()


@implementer(IReactorPluggableNameResolver, IHostnameResolver)
class MemoryReactor(Clock):
    """Listeners of `network` are called by their addresses; `names` has each name's addresses."""

    def __init__(self) -> None:
        super().__init__()
        self.network = MemoryNetwork(self)
        self.names: dict[str, list[str]] = {}
        self.connected: list[str] = []
        """The addresses that were to be connected."""
        self.nameResolver = self

    @property
    def waiting(self) -> list[Any]:
        """What is to be done later, but for the clock of every twisted.web server."""
        return [call for call in self.getDelayedCalls() if "_updateLogDateTime" not in repr(call.func)]

    def installNameResolver(self, resolver: IHostnameResolver) -> IHostnameResolver:
        """Named by Twisted."""
        raise NotImplementedError

    def resolveHostName(self, receiver: Any, hostName: str, portNumber: int = 0, *_: Any) -> None:
        """Named by Twisted: an address is its own name."""
        receiver.resolutionBegan(self)
        literal = [hostName] if isIPAddress(hostName) or isIPv6Address(hostName) else []
        for address in self.names.get(hostName, literal):
            kind = IPv6Address if ":" in address else IPv4Address
            receiver.addressResolved(kind("TCP", address, portNumber))
        receiver.resolutionComplete()

    def connectTCP(self, host: str, port: int, factory: Any, *_: Any, **more: Any) -> Connector:
        """Named by Twisted."""
        self.connected.append(host)
        connector = Connector(IPv4Address("TCP", host, port), self.network.connect(host, factory))
        factory.startedConnecting(connector)
        connector.pending.addErrback(lambda failure: factory.clientConnectionFailed(connector, failure))
        return connector
