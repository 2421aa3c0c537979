"""The world as a doctor sees it: names by two resolvers, connections to addresses, the vendors' APIs."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any, Protocol, TypeAlias
from urllib.parse import SplitResult, urlsplit

import attrs
from treq.client import HTTPClient
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import HostnameEndpoint, wrapClientTLS
from twisted.internet.interfaces import IResolutionReceiver, IStreamClientEndpoint
from twisted.internet.ssl import optionsForClientTLS
from twisted.names import dns
from twisted.names.client import Resolver
from twisted.names.error import DNSNameError
from twisted.web.client import URI, Agent
from twisted.web.iweb import IAgent, IAgentEndpointFactory
from zope.interface import implementer

from voiced.tools import http_client

PUBLIC_DNS = (("1.1.1.1", 53), ("9.9.9.9", 53), ("8.8.8.8", 53))
"""Resolvers that know what the internet knows of a name."""
DNS_SECONDS = (1, 3)
"""How long each of them may take, in two tries."""
CONNECT_SECONDS = 5.0
PORTS = {"https": 443, "http": 80}

Names: TypeAlias = Callable[[str], Deferred[list[str]]]
"""The addresses of a name, IPv4 first; [] when there is no such name. Fails when nobody could be asked."""


class Visits(Protocol):
    """Gives an HTTP client that reaches a host at an address, whatever its name resolves to here."""

    def __call__(self, host: str, address: str) -> IAgent: ...


@attrs.frozen
class World:
    """All that a check may touch."""

    clock: Any
    """IReactorTime; its seconds are those since the epoch."""
    http: HTTPClient
    """For the vendors."""
    public_names: Names
    """By public DNS."""
    own_names: Names
    """By this machine's resolver."""
    visit: Visits
    endpoint: Callable[[str, int], IStreamClientEndpoint]
    """A plain connection to an address and port."""
    is_own: Callable[[str], bool]
    """Whether an address is one of this machine's."""

    @property
    def now(self) -> float:
        """Seconds since the epoch, by this machine's clock."""
        return float(self.clock.seconds())


def real_world(reactor: Any) -> World:
    """This one."""

    def endpoint(address: str, port: int) -> IStreamClientEndpoint:
        return HostnameEndpoint(reactor, address, port, timeout=CONNECT_SECONDS)

    def visit(host: str, address: str) -> IAgent:
        agent: IAgent = Agent.usingEndpointFactory(reactor, _At(endpoint, host, address))
        return agent

    return World(
        clock=reactor,
        http=http_client(reactor),
        public_names=lambda name: Deferred.fromCoroutine(
            public_addresses(Resolver(None, [*PUBLIC_DNS], DNS_SECONDS, reactor), name)
        ),
        own_names=lambda name: _own(reactor, name),
        visit=visit,
        endpoint=endpoint,
        is_own=is_own,
    )


@implementer(IAgentEndpointFactory)
@attrs.frozen
class _At:
    """Connects to one address; TLS is with the host."""

    endpoint: Callable[[str, int], IStreamClientEndpoint]
    host: str
    address: str

    def endpointForURI(self, uri: URI) -> IStreamClientEndpoint:
        """Named by Twisted."""
        plain = self.endpoint(self.address, uri.port)
        return wrapClientTLS(optionsForClientTLS(self.host), plain) if uri.scheme == b"https" else plain


async def public_addresses(resolver: Any, name: str) -> list[str]:
    """The addresses of a name by this resolver (IResolver of twisted.names); [] when there is no such name."""
    found: list[str] = []
    for look_up, kind in ((resolver.lookupAddress, dns.A), (resolver.lookupIPV6Address, dns.AAAA)):
        try:
            answers, _, _ = await look_up(name)
        except DNSNameError:
            return []
        found += [_text(answer.payload) for answer in answers if answer.type == kind]
    return found


def _text(record: Any) -> str:
    return (
        str(record.dottedQuad())
        if isinstance(record, dns.Record_A)
        else socket.inet_ntop(socket.AF_INET6, record.address)
    )


@implementer(IResolutionReceiver)
class _Receiver:
    def __init__(self) -> None:
        self.done: Deferred[list[str]] = Deferred()
        self._found: list[str] = []

    def resolutionBegan(self, resolutionInProgress: Any) -> None:
        """Named by Twisted."""

    def addressResolved(self, address: Any) -> None:
        """Named by Twisted."""
        if address.host not in self._found:
            self._found.append(address.host)

    def resolutionComplete(self) -> None:
        """Named by Twisted. One that takes longer than it may is not waited for."""
        if not self.done.called:
            self.done.callback(sorted(self._found, key=lambda address: ":" in address))


def _own(reactor: Any, name: str) -> Deferred[list[str]]:
    receiver = _Receiver()
    reactor.nameResolver.resolveHostName(receiver, name)
    return receiver.done


def is_own(address: str) -> bool:
    """Whether this machine has that address: nothing else can be bound to."""
    kind = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(kind, socket.SOCK_DGRAM) as probe:
            probe.bind((address, 0))
    except OSError:
        return False
    return True


def place_of(public_url: str) -> tuple[SplitResult, str, int]:
    """The parts of our own URL, its host and its port."""
    parts = urlsplit(public_url)
    return parts, parts.hostname or "", parts.port or PORTS.get(parts.scheme, 443)
