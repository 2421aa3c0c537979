"""Where daemons with one data directory reach each other: a UNIX socket beside the database, for each name.

Only the daemons' own user can reach it (the directory's mode, and the socket's).
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import attrs
from twisted.internet.endpoints import UNIXClientEndpoint, UNIXServerEndpoint
from twisted.internet.interfaces import IStreamClientEndpoint, IStreamServerEndpoint
from twisted.web.client import URI, Agent
from twisted.web.iweb import IAgent, IAgentEndpointFactory
from zope.interface import implementer

from voiced.errors import StoreError

CONNECT_SECONDS = 2.0
LONGEST = 107
"""Bytes of a socket's path (unix(7))."""
HOST = ".voiced"
"""What their host names end with, behind their own name."""


def socket(directory: Path, node: str) -> Path:
    """The socket of the daemon of that name."""
    return directory / f"voiced.{node}.sock"


@implementer(IAgentEndpointFactory)
@attrs.frozen
class Sockets:
    """The sockets of daemons, by their host names."""

    _reactor: Any
    _directory: Path

    def endpointForURI(self, uri: URI) -> IStreamClientEndpoint:
        """Named by Twisted."""
        node = uri.host.decode("ascii").removesuffix(HOST)
        return UNIXClientEndpoint(self._reactor, str(socket(self._directory, node)), timeout=CONNECT_SECONDS)


def agent(reactor: Any, directory: Path) -> IAgent:
    """An HTTP client for the daemons with this data directory."""
    reached: IAgent = Agent.usingEndpointFactory(reactor, Sockets(reactor, directory))
    return reached


def door(reactor: Any, directory: Path, node: str) -> IStreamServerEndpoint:
    """Where the daemon of this name is reached by the others. What a killed one has left there goes: the lock of its
    name is ours. Raises StoreError where the directory's name is too long for a socket."""
    path = socket(directory, node)
    if len(os.fsencode(path)) > LONGEST:
        raise StoreError(
            f"{path} is too long for a socket ({LONGEST} bytes are the most): name a directory with a shorter path "
            "at `data:` in voiced.yaml, or take `node:` out"
        )
    path.unlink(missing_ok=True)
    return UNIXServerEndpoint(reactor, str(path), mode=0o600, wantPID=False)
