"""Tells Twisted of uvloop: the endpoints `uv:`, `uvtls:`, `uvunix:` and `uvsystemd:` (voiced/net/uvendpoints.py), and
the reactor of `--reactor=uvloop`."""

from __future__ import annotations

from typing import Any

import attrs
from twisted.application.reactors import Reactor
from twisted.internet.interfaces import (
    IStreamClientEndpoint,
    IStreamClientEndpointStringParserWithReactor,
    IStreamServerEndpoint,
    IStreamServerEndpointStringParser,
)
from twisted.plugin import IPlugin
from zope.interface import implementer


@implementer(IPlugin, IStreamServerEndpointStringParser)
@attrs.frozen
class Server:
    """Reads the description of a server; `kind` is what it would be without uvloop."""

    prefix: str
    kind: str

    def parseStreamServer(self, reactor: Any, *arguments: str, **named: str) -> IStreamServerEndpoint:
        """Named by Twisted."""
        from voiced.net import uvendpoints

        if self.kind == "ssl":
            return uvendpoints.parse_tls_server(reactor, *arguments, **named)
        return uvendpoints.parse_server(self.kind, reactor, arguments, named)


@implementer(IPlugin, IStreamClientEndpointStringParserWithReactor)
@attrs.frozen
class Client:
    """Reads the description of a client, likewise."""

    prefix: str
    kind: str

    def parseStreamClient(self, reactor: Any, *arguments: str, **named: str) -> IStreamClientEndpoint:
        """Named by Twisted."""
        from voiced.net import uvendpoints

        if self.kind == "unix":
            return uvendpoints.parse_unix_client(reactor, arguments, named)
        return uvendpoints.parse_client(reactor, *arguments, tls=self.kind == "tls", **named)


tcp_server, tcp_client = Server("uv", "tcp"), Client("uv", "tcp")
tls_server, tls_client = Server("uvtls", "ssl"), Client("uvtls", "tls")
unix_server, unix_client = Server("uvunix", "unix"), Client("uvunix", "unix")
systemd_server = Server("uvsystemd", "systemd")
uvloop = Reactor(
    "uvloop", "voiced.net.uvreactor", "Twisted's asyncio reactor on uvloop, for voiced's endpoints `uv:`."
)
