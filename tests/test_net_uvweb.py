"""HTTP and a WebSocket over the endpoints `uv:` on one port, as the daemon has them, and what is too much at once."""

from pathlib import Path

import treq.client
from autobahn.twisted.resource import WebSocketResource
from autobahn.twisted.websocket import (
    WebSocketClientFactory,
    WebSocketClientProtocol,
    WebSocketServerFactory,
    WebSocketServerProtocol,
)
from twisted.internet import reactor
from twisted.internet.defer import Deferred, inlineCallbacks
from twisted.internet.endpoints import serverFromString
from twisted.internet.task import Clock, deferLater
from twisted.trial.unittest import TestCase
from twisted.web.client import Agent, HTTPConnectionPool
from twisted.web.resource import Resource
from twisted.web.static import File

from voiced.net.site import LimitedSite
from voiced.net.uvendpoints import client
from voiced.simulator.memory import tell_autobahn

LARGE = 50_000_000


class Page(Resource):
    isLeaf = True

    def render_POST(self, request):
        return request.content.read().upper()


class Server(WebSocketServerProtocol):
    def onMessage(self, payload, isBinary):
        self.sendMessage(payload.upper())

    def onClose(self, clean, code, reason):
        self.factory.closed.append((clean, code))


class Client(WebSocketClientProtocol):
    def onMessage(self, payload, isBinary):
        self.factory.heard.append(payload)

    def onClose(self, clean, code, reason):
        self.factory.closed.callback(clean)


class WebTests(TestCase):
    timeout = 60

    @inlineCallbacks
    def setUp(self):
        """A site with a page, a large file and a WebSocket."""
        self.addCleanup(tell_autobahn(Clock()))
        self.closed = []
        root = Resource()
        root.putChild(b"page", Page())
        with Path(large := self.mktemp()).open("wb") as file:
            file.truncate(LARGE)
        root.putChild(b"large", File(large))
        sockets = WebSocketServerFactory("ws://voiced.test")
        sockets.protocol, sockets.closed = Server, self.closed
        root.putChild(b"socket", WebSocketResource(sockets))
        self.site = LimitedSite(root, reactor)
        port = yield serverFromString(reactor, "uv:0:interface=127.0.0.1").listen(self.site)
        self.addCleanup(port.stopListening)
        self.port = port.getHost().port
        self.pool = HTTPConnectionPool(reactor)
        self.http = treq.client.HTTPClient(Agent(reactor, pool=self.pool))
        self.addCleanup(self.empty)

    @inlineCallbacks
    def empty(self):
        """Wait until the last socket is closed."""
        yield self.pool.closeCachedConnections()
        while self.site.sockets:
            yield deferLater(reactor, 0)

    @inlineCallbacks
    def test_page(self):
        """Requests and answers, one after the other on one connection."""
        for text in (b"one", b"two"):
            answer = yield self.http.post(f"http://127.0.0.1:{self.port}/page", data=text)
            self.assertEqual((yield answer.content()), text.upper())
        self.assertEqual(self.site.sockets, 1)

    @inlineCallbacks
    def test_large(self):
        """A large answer goes out as fast as it is read."""
        answer = yield self.http.get(f"http://127.0.0.1:{self.port}/large", unbuffered=True)
        sizes = []
        yield answer.collect(lambda piece: sizes.append(len(piece)))
        self.assertEqual(sum(sizes), LARGE)

    @inlineCallbacks
    def test_socket(self):
        """A WebSocket on the same port, small and large messages, and the code that it is closed with."""
        factory = WebSocketClientFactory(f"ws://127.0.0.1:{self.port}/socket")
        factory.protocol = Client
        factory.heard, factory.closed = [], Deferred()
        endpoint = client(reactor, "127.0.0.1", self.port, tls=False, timeout=5)
        protocol = yield endpoint.connect(factory)
        yield protocol.is_open
        messages = [b"hello", b"x" * 300_000, b"goodbye"]
        for message in messages:
            protocol.sendMessage(message)
        while len(factory.heard) < len(messages):
            yield deferLater(reactor, 0)
        self.assertEqual(factory.heard, [message.upper() for message in messages])
        protocol.sendClose(3000)
        self.assertTrue((yield factory.closed))
        self.assertEqual(self.closed, [(True, 3000)])
        yield protocol.is_closed
