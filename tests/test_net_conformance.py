"""Our sockets against the Autobahn conformance cases: over real connections, with the cases in their own process."""

from __future__ import annotations

import json
import os
import sys
from typing import Any

from autobahn.exception import Disconnected
from autobahn.twisted.resource import WebSocketResource
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import HostnameEndpoint
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure
from twisted.trial.unittest import TestCase
from twisted.web.server import Site

from voiced.agents.socket import AgentFactory, AgentProtocol
from voiced.ivoiced import Door
from voiced.net.frames import FastLane
from voiced.twilio.media import CallFactory, CallProtocol

LARGEST = 32 * 1024 * 1024
"""Bytes: the cases have messages of 16 MB, which no call has."""
FINE = {"OK", "INFORMATIONAL"}


class Echo:
    """In place of a call, or of an agent: gives back what comes."""

    lost: Failure | None = None

    def __init__(self, protocol: Any) -> None:
        self.owner = self
        self.done: Deferred[None] = Deferred()
        self.told = b""
        self._protocol = protocol

    def guarded(self, act: Any, *arguments: Any) -> None:
        """What Autobahn tells."""
        act(*arguments)

    def opened(self) -> None:
        """The handshake is done."""

    def received(self, payload: bytes, binary: bool = False) -> None:
        """A message."""
        self.told = payload
        try:
            self._protocol.sendMessage(payload, binary)
        except Disconnected:  # the other side's close came with it
            pass

    def closed(self, *_: Any) -> None:
        """The socket is gone."""
        self.done.callback(None)


class EchoingCall(CallProtocol):
    """As large as the cases need it."""

    maxMessagePayloadSize = maxFramePayloadSize = LARGEST


class EchoingAgent(AgentProtocol):
    """Vendors' binary messages mean what text means; here they are given back as they came."""

    maxMessagePayloadSize = maxFramePayloadSize = LARGEST

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        """Named by Autobahn."""
        self._call.guarded(self._call.received, payload, isBinary)  # type: ignore[attr-defined]


class Calls(CallFactory):
    """Sockets as a call's."""

    def __init__(self, clock: Any) -> None:
        super().__init__(None, None, clock)  # type: ignore[arg-type]

    def buildProtocol(self, addr: Any) -> EchoingCall:
        """Named by Twisted."""
        protocol = EchoingCall()
        protocol.factory = self
        echo = Echo(protocol)
        protocol._call = echo  # type: ignore[assignment]
        protocol.onMessage = echo.received
        return protocol


class Agents(AgentFactory):
    """Sockets as an agent's."""

    def __init__(self, url: str, clock: Any) -> None:
        super().__init__(Door(url), None, "CA1", clock)  # type: ignore[arg-type]

    def buildProtocol(self, addr: Any) -> EchoingAgent:
        """Named by Twisted."""
        protocol = EchoingAgent()
        protocol.factory = self
        self.echo = Echo(protocol)
        protocol._call = self.echo  # type: ignore[assignment]
        return protocol


class Cases(ProcessProtocol):
    """The process with the cases: `url` fires with its first line, `done` with all that it printed."""

    def __init__(self) -> None:
        self.url: Deferred[str] = Deferred()
        self.done: Deferred[str] = Deferred()
        self._out = b""

    def outReceived(self, data: bytes) -> None:
        """Named by Twisted."""
        self._out += data
        if b"\n" in self._out and not self.url.called:
            self.url.callback(self._out.split(b"\n")[0].decode())

    def errReceived(self, data: bytes) -> None:
        """Named by Twisted: a traceback, for whoever reads why the test failed."""
        self._out += data

    def processEnded(self, reason: Failure) -> None:
        """Named by Twisted."""
        self.done.callback(self._out.decode())


class ConformanceTests(TestCase):
    """Each case is passed strictly."""

    timeout = 240

    def setUp(self) -> None:
        """On the reactor that runs."""
        from twisted.internet import reactor

        self.reactor: Any = reactor

    def cases(self, *arguments: str) -> Cases:
        """The process, begun."""
        cases = Cases()
        program = [sys.executable, "-m", "tests.conformance", *arguments]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        process = self.reactor.spawnProcess(cases, sys.executable, program, environment)
        self.addCleanup(lambda: process.pid and process.signalProcess("KILL"))
        return cases

    def assert_strict(self, printed: str) -> None:
        """All cases ran, and none is worse than it may be."""
        try:
            results = json.loads(printed.splitlines()[-1])
        except ValueError:
            self.fail(printed)
        self.assertGreater(len(results), 240)
        self.assertEqual([case for case in results if not {case["verdict"], case["closing"]} <= FINE], [])

    async def test_server(self) -> None:
        """As the carrier meets us."""
        self.assertTrue(issubclass(CallProtocol, FastLane))
        site = Site(WebSocketResource(Calls(self.reactor)))
        port = self.reactor.listenTCP(0, site, interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        self.assert_strict(await self.cases("server", f"ws://127.0.0.1:{port.getHost().port}").done)

    async def test_client(self) -> None:
        """As an agent's vendor meets us."""
        self.assertTrue(issubclass(AgentProtocol, FastLane))
        cases = self.cases("client")
        url = await cases.url
        count = await self._connected(f"{url}/getCaseCount")
        for case in range(1, int(count) + 1):
            await self._connected(f"{url}/runCase?case={case}&agent=voiced")
        await self._connected(f"{url}/updateReports?agent=voiced")
        self.assert_strict(await cases.done)

    async def _connected(self, url: str) -> bytes:
        """One connection, from its beginning to its end; the last message that came."""
        factory = Agents(url, self.reactor)
        endpoint = HostnameEndpoint(self.reactor, factory.host, factory.port)
        await endpoint.connect(factory)
        await factory.echo.done
        return factory.echo.told
