"""The real Tools: what the daemon gives its plugins, on a running reactor."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import treq.client
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import HostnameEndpoint, wrapClientTLS
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.ssl import optionsForClientTLS
from twisted.internet.threads import deferToThreadPool
from twisted.web.client import Agent, HTTPConnectionPool

from voiced.errors import ConfigError, Fault
from voiced.icarrier import ICarrier
from voiced.ivoiced import IHearing, Tools
from voiced.iwatch import IWatch, Unwatched

CONNECT_SECONDS = 5.0
"""For name, TCP and TLS to any vendor."""
IDLE_SECONDS = 60
"""How long a connection to a vendor is kept for the next request: a handshake costs the caller 100 ms."""
MOST_KEPT = 20
"""Idle connections kept for one vendor: as many as its plans let speak at once."""
_PORTS = {"http": 80, "ws": 80, "https": 443, "wss": 443}


class QuietPool(HTTPConnectionPool):
    """A pool whose connections come and go without two lines each in the log."""

    class _factory(HTTPConnectionPool._factory):  # type: ignore[misc,valid-type]  # noqa: N801 - Twisted's name for it
        noisy = False


def http_client(reactor: Any) -> treq.client.HTTPClient:
    """An HTTP client that keeps connections, verifies TLS and gives up connecting after 5 s."""
    pool = QuietPool(reactor, persistent=True)
    pool.cachedConnectionTimeout = IDLE_SECONDS
    pool.maxPersistentPerHost = MOST_KEPT
    return treq.client.HTTPClient(Agent(reactor, connectTimeout=CONNECT_SECONDS, pool=pool))


def real_tools(
    reactor: Any,
    http: treq.client.HTTPClient,
    carrier: ICarrier,
    directory: Path,
    hearing: Callable[[], IHearing],
    watch: IWatch | None = None,
) -> Tools:
    """Tools of this reactor; the data directory is made where it is not there.

    Raises ConfigError when it cannot be.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        fault = f"the data directory cannot be made ({error.strerror}): `data:` in voiced.yaml names another"
        raise ConfigError([Fault(str(directory), 1, 1, fault)]) from error

    def endpoint(url: str) -> IStreamClientEndpoint:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or _PORTS[parts.scheme]
        plain = HostnameEndpoint(reactor, host, port, timeout=CONNECT_SECONDS)
        return wrapClientTLS(optionsForClientTLS(host), plain) if parts.scheme in ("https", "wss") else plain

    def in_thread(function: Any, *arguments: Any) -> Deferred[Any]:
        return deferToThreadPool(reactor, reactor.getThreadPool(), function, *arguments)

    return Tools(
        reactor, http, endpoint, carrier, directory, hearing, in_thread, reactor.callFromThread, watch or Unwatched()
    )
