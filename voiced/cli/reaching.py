"""The options of every tool that talks to the running daemon's API: where it is, and the key that opens it."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import attrs
import click
from treq.client import HTTPClient
from twisted.internet.endpoints import clientFromString
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.web.client import URI, Agent, HTTPConnectionPool
from twisted.web.iweb import IAgentEndpointFactory
from zope.interface import implementer

from voiced.cli.apiclient import Api
from voiced.secret import Secret
from voiced.settings import plainyaml
from voiced.settings.address import held_by_systemd, local
from voiced.settings.expand import expand
from voiced.settings.load import Configuration
from voiced.settings.part import Part
from voiced.tools import http_client

HERE = "http://localhost"
"""What the daemon of this machine is called where its socket is known: nothing looks this name up."""
IDLE_SECONDS = 30
"""How long a connection is kept for the next request: less than the daemon keeps it."""

url_option: Callable[[Any], Any] = click.option(
    "--url", metavar="URL", help="Where the daemon is, https://… (where `listen:` of the settings says)."
)
key_option: Callable[[Any], Any] = click.option(
    "--key",
    envvar="VOICED_API_KEY",
    metavar="KEY",
    help="A key of its API; better as VOICED_API_KEY, which other users of this machine do not see (the first of "
    "`api.keys` in the settings).",
)


@attrs.frozen
class Address:
    """Where the daemon is, and the key."""

    key: Secret
    url: str | None
    """None: on this machine."""
    listen: str
    """The endpoint it listens on then."""

    def api(self, reactor: Any) -> Api:
        """Its API."""
        if self.url is not None:
            return Api(http_client(reactor), self.url, self.key, reactor)
        return Api(local_http(reactor, self.listen), HERE, self.key, reactor, listening_at(self.listen))


def address(
    settings: tuple[Path, Configuration] | None,
    url: str | None,
    key: str | None,
    environ: Mapping[str, str] = os.environ,
) -> Address:
    """The daemon at this URL, or else the one that runs on this machine with these settings.

    Raises UsageError where the key or the address is not to be had, or the key would be sent for all to read.
    """
    where = checked_url(url) if url is not None else None
    secret = Secret(key) if key else None
    listen = ""
    if settings is not None:
        path, configuration = settings
        listen = configuration.settings.listen
        secret = secret or first_key(path, environ)
    if secret is None:
        why = "" if settings is None else "these settings have no `api.keys`, so the daemon's API is off; "
        raise click.UsageError(f"no API key: {why}give VOICED_API_KEY")
    if where is None and (not listen or held_by_systemd(listen)):
        raise click.UsageError("nobody but systemd knows where this daemon listens: give --url")
    return Address(secret, where, listen)


def first_key(path: Path, environ: Mapping[str, str]) -> Secret | None:
    """The first API key that is set in these settings, which are good; None: there is none.

    It is read here once more, for what was read already keeps hashes only.
    """
    for part in Part(expand(plainyaml.read(path), environ, []))["api"]["keys"].elements():
        key = part["key"].value if isinstance(part.value, dict) else part.value
        if isinstance(key, str):
            return Secret(key)
    return None


def checked_url(url: str) -> str:
    """This URL without its last slash; over the network it has to be https."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise click.UsageError(f"{url!r} is no address of a daemon; one is https://voice.example.com")
    if parts.username is not None:
        raise click.UsageError("a daemon's address has no user or password; the key goes into VOICED_API_KEY")
    if parts.scheme == "http" and not local(parts.hostname):
        raise click.UsageError(f"{url} would send the key for everybody on the way to read: https, please")
    return url.rstrip("/")


@implementer(IAgentEndpointFactory)
@attrs.frozen
class _Always:
    """One endpoint, whatever the URL."""

    endpoint: IStreamClientEndpoint

    def endpointForURI(self, uri: URI) -> IStreamClientEndpoint:
        """Named by Twisted."""
        return self.endpoint


def local_http(reactor: Any, listen: str) -> HTTPClient:
    """An HTTP client that reaches whoever listens so, and nobody else."""
    pool = HTTPConnectionPool(reactor)
    pool.cachedConnectionTimeout = IDLE_SECONDS
    endpoint = clientFromString(reactor, listening_at(listen))
    return HTTPClient(Agent.usingEndpointFactory(reactor, _Always(endpoint), pool))


def listening_at(listen: str) -> str:
    """The client endpoint for a server endpoint's description."""
    kind, *arguments = re.split(r"(?<!\\):", listen)
    named = dict(argument.split("=", 1) for argument in arguments if "=" in argument)
    if kind in ("unix", "uvunix"):
        return f"unix:{arguments[0]}"
    port = named.get("port") or arguments[0]
    here = "\\:\\:1" if kind == "tcp6" else "127.0.0.1"
    return f"tcp:{named.get('interface') or here}:{port}"
