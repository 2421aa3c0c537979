"""The agent's socket over this machine's own sockets: without delay, and with nobody whose certificate is bad."""

from pathlib import Path

import attrs
from twisted.internet.defer import Deferred, inlineCallbacks
from twisted.internet.task import Clock, deferLater
from twisted.trial.unittest import TestCase

from tests.certificates import certificate
from voiced.agents.elevenlabs import Settings, make
from voiced.errors import AgentError
from voiced.ivoiced import Brief
from voiced.secret import Secret
from voiced.simulator.elevenlabs import AGENT_ID, API_KEY, ElevenLabs
from voiced.simulator.memory import tell_autobahn
from voiced.simulator.vendors.elevenlabs_script import Says
from voiced.testing.fake_call import FakeCall
from voiced.testing.fake_line import FakeLine
from voiced.tools import http_client, real_tools


class SocketTests(TestCase):
    timeout = 20

    def setUp(self):
        from twisted.internet import reactor

        self.reactor = reactor
        # Autobahn's time limits on a clock that stands still: cancelled ones stay on the reactor for a while.
        self.addCleanup(tell_autobahn(Clock()))
        self.vendor = ElevenLabs(reactor)
        self.vendor.expect(Says("Hello."))
        self.connected = []
        http = http_client(reactor)
        self.addCleanup(http._agent._pool.closeCachedConnections)
        tools = real_tools(reactor, http, None, Path(self.mktemp()), None)
        self.tools = attrs.evolve(tools, endpoint=lambda url: Watched(tools.endpoint(url), self.connected))

    def converse(self, **settings):
        """A conversation with the double."""
        settings = {"agent_id": AGENT_ID, "api_key": Secret(API_KEY)} | settings
        self.line = FakeLine(Clock())
        return make(Settings(**settings), self.tools).converse(self.line, FakeCall(), Brief())

    @inlineCallbacks
    def test_without_delay(self):
        """Each frame goes at once: TCP_NODELAY is really set."""
        port = self.reactor.listenTCP(0, self.vendor.site(), interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        talking = self.converse(base_url=f"http://127.0.0.1:{port.getHost().port}")
        yield self.until(lambda: self.line.is_ready)
        self.assertTrue(self.connected[0].transport.getTcpNoDelay())
        self.line.hang_up()
        talking.addErrback(lambda cancelled: None)
        talking.cancel()
        yield self.until(lambda: self.vendor.conversations[0].closed is not None)
        self.assertEqual(self.vendor.conversations[0].closed.code, 1000)
        yield self.until(lambda: self.connected[0].state == self.connected[0].STATE_CLOSED)

    @inlineCallbacks
    def test_bad_certificate(self):
        """Nothing is said to a vendor whose certificate is not good, and the operator reads what to look at."""
        port = self.reactor.listenSSL(0, self.vendor.site(), certificate().options(), interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        url = f"https://localhost:{port.getHost().port}"
        for key in (Secret(API_KEY), None):  # the request for a signed URL, and the socket itself
            error = yield self.assertFailure(self.converse(base_url=url, api_key=key), AgentError)
            self.assertIn("TLS with localhost", str(error))
        self.assertEqual(self.vendor.requests, [])

    @inlineCallbacks
    def until(self, happened):
        """Turns of the reactor until it has happened; `timeout` ends a test in which it does not."""
        while not happened():
            yield deferLater(self.reactor, 0)


@attrs.define
class Watched:
    """An endpoint that remembers whom it connected."""

    endpoint: object
    connected: list

    def connect(self, factory):
        """See IStreamClientEndpoint."""

        def remember(protocol):
            self.connected.append(protocol)
            return protocol

        connecting: Deferred = self.endpoint.connect(factory)
        return connecting.addCallback(remember)
