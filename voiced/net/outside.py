"""HTTP connections that reach the public internet only, whatever a URL says and whatever its name resolves to.

What an agent asks of a tool comes from a language model that listens to a stranger: it must not reach this machine's
own network by it. A name may resolve to another address a moment after it was looked up, so the check stands where
the connection is made: the address that is checked is the one that is connected.
"""

from __future__ import annotations

import ipaddress
import socket
from typing import Any

from twisted.internet.error import ConnectError
from twisted.internet.interfaces import IConnector, IDelayedCall, IReactorPluggableNameResolver
from twisted.python.components import proxyForInterface
from twisted.web.client import Agent, HTTPConnectionPool

CONNECT_SECONDS = 5.0
"""For each address of a name."""
IDLE_SECONDS = 60
"""How long a connection is kept for the next request."""

_INSIDE_4 = tuple(
    map(
        ipaddress.IPv4Network,
        (
            "0.0.0.0/8",
            "10.0.0.0/8",
            "100.64.0.0/10",  # shared by a carrier's customers
            "127.0.0.0/8",
            "169.254.0.0/16",  # link-local; 169.254.169.254 tells cloud machines their secrets
            "172.16.0.0/12",
            "192.0.0.0/24",
            "192.0.2.0/24",
            "192.88.99.0/24",
            "192.168.0.0/16",
            "198.18.0.0/15",
            "198.51.100.0/24",
            "203.0.113.0/24",
            "224.0.0.0/4",  # multicast
            "240.0.0.0/4",  # reserved, and broadcast
        ),
    )
)
"""What is not of the public internet (IANA, IPv4 Special-Purpose Address Registry)."""
_OUTSIDE_6 = ipaddress.IPv6Network("2000::/3")
"""All that is given out of IPv6: what is public is within it (IANA, IPv6 Global Unicast Address Assignments) ..."""
_INSIDE_6 = tuple(
    map(
        ipaddress.IPv6Network,
        (
            "2001::/23",  # Teredo, which holds an IPv4 address, and others
            "2001:db8::/32",
            "2002::/16",  # 6to4, which holds an IPv4 address
            "3fff::/20",
        ),
    )
)
"""... and is none of these (IANA, IPv6 Special-Purpose Address Registry)."""
_HOLDS_4 = (ipaddress.IPv6Network("::ffff:0:0/96"), ipaddress.IPv6Network("64:ff9b::/96"))
"""IPv4 as IPv6, and NAT64 (RFC 6052), as which a network without IPv4 sees all of it: judged by what they hold."""
_INNER_NAMES = (
    ".localhost",
    ".local",
    ".localdomain",
    ".internal",
    ".intranet",
    ".lan",
    ".home",
    ".corp",
    ".home.arpa",
)


class PrivateAddress(ConnectError):
    """A connection to the public internet was about to go elsewhere."""


def is_public(address: str) -> bool:
    """Whether a literal address, as the resolver gives it, is of the public internet."""
    try:
        number = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(number, ipaddress.IPv6Address):
        if not any(number in network for network in _HOLDS_4):
            return number in _OUTSIDE_6 and not any(number in network for network in _INSIDE_6)
        number = ipaddress.IPv4Address(int(number) & 0xFFFFFFFF)
    return not any(number in network for network in _INSIDE_4)


def points_inside(host: str) -> bool:
    """Whether a URL's host is not of the public internet by its spelling alone: nothing is looked up.

    A number is an address in any of the forms that the C library knows: 127.1, 0x7f000001, 017700000001, 2130706433.
    """
    name = host.lower().rstrip(".")
    if ":" in name:
        return not is_public(name)
    try:
        number = socket.inet_aton(name)
    except OSError:
        return "." not in name or name.endswith(_INNER_NAMES)
    return not is_public(socket.inet_ntoa(number))


def web_agent(reactor: Any, *, inside: bool = False) -> Agent:
    """An HTTP client that keeps connections, verifies TLS against the host's name, and follows no redirect.

    It connects to public addresses only, unless `inside`: otherwise a request fails with PrivateAddress.
    """
    pool = HTTPConnectionPool(reactor)
    pool.cachedConnectionTimeout = IDLE_SECONDS
    return Agent(reactor if inside else _OutsideOnly(reactor), connectTimeout=CONNECT_SECONDS, pool=pool)


class _OutsideOnly(proxyForInterface(IReactorPluggableNameResolver, "_reactor")):  # type: ignore[misc]
    """As much of a reactor as twisted's HostnameEndpoint uses: it resolves, then connects to each address."""

    _reactor: Any

    def connectTCP(self, host: str, port: int, *how: Any, **more: Any) -> IConnector:
        """Named by Twisted. `host` is an address."""
        if not is_public(host):
            raise PrivateAddress(string=f"{host} is not of the public internet")
        connector: IConnector = self._reactor.connectTCP(host, port, *how, **more)
        return connector

    def callLater(self, *when: Any) -> IDelayedCall:
        """Named by Twisted."""
        later: IDelayedCall = self._reactor.callLater(*when)
        return later

    def seconds(self) -> float:
        """Named by Twisted."""
        return float(self._reactor.seconds())
