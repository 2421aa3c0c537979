"""A network in memory, on a clock: listeners by name, endpoints that reach them, and an HTTP client.

What is written arrives on a later turn of the clock, never inside `write`; `settle` lets all happen that is due.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import count

import txaio
from attrs import define, field, frozen
from treq.client import HTTPClient
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred, succeed
from twisted.internet.error import CannotListenError, DNSLookupError
from twisted.internet.error import ConnectionRefusedError as Refused
from twisted.internet.interfaces import (
    IConsumer,
    IListeningPort,
    IProtocol,
    IProtocolFactory,
    IReactorTime,
    IStreamClientEndpoint,
    IStreamServerEndpoint,
)
from twisted.internet.protocol import Protocol
from twisted.internet.task import Clock
from twisted.web.client import URI, Agent, HTTPConnectionPool
from twisted.web.iweb import IAgentEndpointFactory, IBodyProducer
from zope.interface import implementer

from voiced.simulator.wire import MemoryTransport, join

TURNS = 100_000
"""How many delayed calls `settle` runs before it says that something goes round in circles."""

CLOSE = 1e-9
"""Seconds within which two sums of floating-point times are the same moment."""


@implementer(IListeningPort)
@define(eq=False)
class MemoryPort:
    """A listener of that network, until `stopListening`."""

    _network: MemoryNetwork
    name: str
    number: int
    factory: IProtocolFactory
    connections: list[MemoryTransport] = field(factory=list)
    """The client ends; those that are over may be among them."""

    def living(self) -> list[MemoryTransport]:
        """Those that are not over, oldest first; the others, and all that they hold, are let go."""
        self.connections[:] = [end for end in self.connections if end.connected]
        return list(self.connections)

    def startListening(self) -> None:
        self.factory.doStart()

    def stopListening(self) -> Deferred[None]:
        self._network.forget(self.name)
        self.factory.doStop()
        return succeed(None)

    def getHost(self) -> IPv4Address:
        return IPv4Address("TCP", "127.0.0.1", self.number)


@implementer(IStreamClientEndpoint, IStreamServerEndpoint)
@frozen
class MemoryEndpoint:
    """A name to listen on, or to connect to whoever listens on it when the time comes."""

    _network: MemoryNetwork
    _name: str

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        return self._network.connect(self._name, protocolFactory)

    def listen(self, protocolFactory: IProtocolFactory) -> Deferred[IListeningPort]:
        return succeed(self._network.listen(self._name, protocolFactory))


@implementer(IAgentEndpointFactory)
@frozen
class _ByHostName:
    _network: MemoryNetwork

    def endpointForURI(self, uri: URI) -> IStreamClientEndpoint:
        return self._network.endpoint(uri.host.decode("ascii"))


@implementer(IBodyProducer)
@frozen
class WholeBody:
    """A request body written at once: Twisted's `FileBodyProducer` writes on turns of the global reactor."""

    _body: bytes
    length: int

    def startProducing(self, consumer: IConsumer) -> Deferred[None]:
        consumer.write(self._body)
        return succeed(None)

    def pauseProducing(self) -> None: ...

    def resumeProducing(self) -> None: ...

    def stopProducing(self) -> None: ...


def whole_body(body: bytes | str) -> WholeBody:
    """The body producer for this text or these bytes."""
    encoded = body.encode("utf-8") if isinstance(body, str) else body
    return WholeBody(encoded, len(encoded))


class MemoryNetwork:
    """Listeners by name. Names are host names for `agent()`; https is accepted in clear."""

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._ports: dict[str, MemoryPort] = {}
        self._known: set[str] = set()
        self._refusals: dict[str, float] = {}
        self._deaf: set[str] = set()
        self._numbers = count(40_000)

    def listen(self, name: str, factory: IProtocolFactory) -> MemoryPort:
        """Serve `factory` under this name until the port's `stopListening`."""
        if name in self._ports:
            raise CannotListenError(name, None, OSError(f"{name} is taken"))
        port = self._ports[name] = MemoryPort(self, name, next(self._numbers), factory)
        self._known.add(name)
        port.startListening()
        return port

    def forget(self, name: str) -> None:
        """Nobody listens on that name any more; its connections live on."""
        self._ports.pop(name, None)

    def server_endpoint(self, name: str) -> MemoryEndpoint:
        return MemoryEndpoint(self, name)

    def endpoint(self, name: str) -> MemoryEndpoint:
        return MemoryEndpoint(self, name)

    def agent(self, pool: HTTPConnectionPool | None = None) -> Agent:
        """An HTTP client that reaches these listeners by host name; `pool` decides on persistent connections."""
        agent: Agent = Agent.usingEndpointFactory(self._clock, _ByHostName(self), pool)
        return agent

    def http(self) -> HTTPClient:
        """The same as a treq client whose request bodies need no global reactor."""
        return HTTPClient(self.agent(), data_to_body_producer=whole_body)

    def refuse(self, name: str, times: float = float("inf")) -> None:
        """The next so many connections to that name are refused, though somebody listens."""
        self._refusals[name] = times

    def swallow(self, name: str) -> None:
        """Connecting to that name never succeeds and never fails, as behind a silent firewall."""
        self._deaf.add(name)

    def accept(self, name: str) -> None:
        """End of `refuse` and `swallow`."""
        self._refusals.pop(name, None)
        self._deaf.discard(name)

    def connections(self, name: str) -> list[MemoryTransport]:
        """The client ends of the living connections to that listener, oldest first."""
        return self._ports[name].living()

    def cut(self, name: str) -> int:
        """Drop every connection to that listener as a broken cable would; says how many there were."""
        ends = self.connections(name)
        for end in ends:
            end.cut()
        return len(ends)

    def connect(self, name: str, factory: IProtocolFactory) -> Deferred[IProtocol]:
        """Connect to the listener of that name on the clock's next turn."""
        pending: Deferred[IProtocol] = Deferred()
        if name not in self._deaf:
            self._clock.callLater(0, self._answer, name, factory, pending)
        return pending

    def _answer(self, name: str, factory: IProtocolFactory, pending: Deferred[IProtocol]) -> None:
        if pending.called:
            return
        port = self._ports.get(name)
        if port is None and name not in self._known:
            pending.errback(DNSLookupError(f"no {name!r} in this network; known are {sorted(self._known)}"))
        elif port is None or self._refused(name):
            pending.errback(Refused(f"{name} refused the connection"))
        else:
            self._establish(port, factory, pending)

    def _refused(self, name: str) -> bool:
        left = self._refusals.get(name, 0)
        self._refusals[name] = max(0, left - 1)
        return left > 0

    def _establish(self, port: MemoryPort, factory: IProtocolFactory, pending: Deferred[IProtocol]) -> None:
        client_port = next(self._numbers)
        client = factory.buildProtocol(port.getHost())
        if client is None:
            pending.errback(Refused("the client's factory built no protocol"))
            return
        server = port.factory.buildProtocol(IPv4Address("TCP", "127.0.0.1", client_port))
        near = join(self._clock, client, server or Protocol(), port.number, client_port)
        port.living()
        port.connections.append(near)
        near.other.protocol.makeConnection(near.other)
        client.makeConnection(near)
        if server is None:
            near.other.loseConnection()
        pending.callback(client)


def settle(clock: Clock) -> None:
    """Let everything happen that is due now, however many turns it takes; no time passes."""
    elapse(clock, 0)


def elapse(clock: Clock, seconds: float) -> None:
    """Let that much time pass; each delayed call on the way sees exactly its own time, as it would in real life.

    `Clock.advance` cannot be used: it shows all of them the end, and never returns from what goes round in circles.
    """
    until = clock.seconds() + seconds
    for _ in range(TURNS + int(seconds * TURNS)):
        clock.calls.sort(key=lambda call: call.getTime())  # a call that was reset stands where it stood (Clock)
        if not clock.calls or clock.calls[0].getTime() > until + CLOSE:
            break
        call = clock.calls.pop(0)
        clock.rightNow = max(clock.rightNow, call.getTime())
        call.called = 1
        call.func(*call.args, **call.kw)
    else:
        raise RuntimeError(f"still not settled; waiting are {clock.getDelayedCalls()!r:.500}")
    clock.rightNow = max(clock.rightNow, until)


def tell_autobahn(clock: IReactorTime) -> Callable[[], None]:
    """Have Autobahn's timers run on this clock; returns what puts back the one before, for `addCleanup`."""
    before, txaio.config.loop = txaio.config.loop, clock

    def restore() -> None:
        txaio.config.loop = before

    return restore
