"""Whom flows ask over HTTP: what is sent, to whom, and what every answer and trouble becomes."""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import Any

from OpenSSL import SSL
from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.http_headers import Headers
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request, Site
from zope.interface.verify import verifyObject

from tests.memory_reactor import MemoryReactor
from voiced.errors import HttpFailed
from voiced.ivoiced import HttpAnswer, HttpRequest
from voiced.iweb import IWebServices
from voiced.net.signature import Signature
from voiced.secret import Secret
from voiced.simulator.memory import elapse
from voiced.webservices import MOST_BYTES, WebRules, WebServices, _sentence

PUBLIC, INSIDE = "93.184.216.34", "10.0.0.5"
URL = "http://crm.example/calls/CA1?who=%2B14155550100"
KEY = "a-secret-that-nobody-may-see"
TOKEN = "k-123456"


class Service(Resource):
    """A web service that keeps what it was asked; a body of None is no answer."""

    isLeaf = True

    def __init__(self) -> None:
        super().__init__()
        self.status, self.body = 200, b"{}"
        self.fields: dict[str, str] = {}
        self.asked: list[tuple[str, str, bytes, Headers]] = []
        self.lost = 0

    def render(self, request: Request) -> Any:
        """Named by Twisted."""
        content: Any = request.content
        self.asked.append(
            (request.method.decode(), request.uri.decode(), content.read(), request.requestHeaders.copy())
        )
        request.setResponseCode(self.status)
        for name, value in self.fields.items():
            request.setHeader(name, value)
        request.notifyFinish().addErrback(self._lost)
        return NOT_DONE_YET if self.body is None else self.body

    def header(self, name: str) -> str | None:
        """Of the last request."""
        return self.asked[-1][3].getRawHeaders(name, [None])[0]

    def _lost(self, _: object) -> None:
        self.lost += 1


class WebCase(SynchronousTestCase):
    """Test cases with a service in public, and one inside."""

    def setUp(self) -> None:
        """Names, and who listens there."""
        self.reactor = MemoryReactor()
        self.reactor.advance(1_700_000_000.9)
        self.service, self.inner = Service(), Service()
        self.reactor.names |= {"crm.example": [PUBLIC], "other.example": [PUBLIC], "crm.internal": [INSIDE]}
        for address, service in ((PUBLIC, self.service), (INSIDE, self.inner)):
            self.reactor.network.listen(address, Site(service, reactor=self.reactor, timeout=None))
        self.events = self.enterContext(capturedLogs())

    def web(self, **rules: Any) -> WebServices:
        """With these rules."""
        return WebServices.real(WebRules(**rules), self.reactor)

    def asks(
        self, url: str = URL, body: bytes | None = None, method: str = "GET", **rules: Any
    ) -> Deferred[HttpAnswer]:
        """Ask, and wait a second."""
        asking = self.web(**rules).ask(HttpRequest(method, url, body, 3.0), "CA1")
        elapse(self.reactor, 1)
        return asking

    def fails(self, asking: Deferred[HttpAnswer]) -> str:
        """What it fails with: a sentence, in the log too, which tells nothing of what was asked."""
        sentence = str(self.failureResultOf(asking, HttpFailed).value)
        self.assertIn(f"CA1: {sentence}", self.logged())
        return sentence

    def logged(self) -> list[str]:
        """All that was logged, with nothing of URL or answer in it."""
        events = [event for event in self.events if event.get("log_namespace") == "voiced.webservices"]
        lines = [event["log_format"].format(**event) for event in events]
        self.assertNotIn("14155550100", str(events))
        self.assertNotIn("secret", str(events))
        return lines


class RequestTests(WebCase):
    """What is sent."""

    def test_interface(self) -> None:
        """It is what calls ask."""
        verifyObject(IWebServices, self.web())

    def test_get(self) -> None:
        """The URL as it is, and who we are; unsigned, where there is no secret."""
        answer = self.successResultOf(self.asks())
        self.assertEqual((answer, self.logged()), (HttpAnswer(200, b"{}"), []))
        self.assertEqual(self.service.asked[0][:3], ("GET", "/calls/CA1?who=%2B14155550100", b""))
        self.assertEqual((self.service.header("user-agent"), self.service.header("webhook-id")), ("voiced", None))
        self.assertIsNone(self.service.header("content-type"))

    def test_body(self) -> None:
        """A body is JSON, byte for byte."""
        self.successResultOf(self.asks(body=b'{"a": "b"}', method="POST"))
        self.assertEqual(self.service.asked[0][2], b'{"a": "b"}')
        self.assertEqual(self.service.header("content-type"), "application/json")

    def test_signed(self) -> None:
        """Every request has its own name, the time, and the HMAC of both and the body."""
        signature = Signature.parse(Secret(KEY))
        names = []
        for method, body in [("POST", b'{"a": "b"}'), ("PUT", b"{}"), ("GET", None)]:
            self.successResultOf(self.asks(body=body, method=method, signature=signature))
            name, timestamp = self.service.header("webhook-id"), self.service.header("webhook-timestamp")
            signed = hmac.new(KEY.encode(), f"{name}.{timestamp}.".encode() + (body or b""), hashlib.sha256)
            expected = "v1," + base64.b64encode(signed.digest()).decode()
            self.assertEqual(self.service.header("webhook-signature"), expected)
            self.assertEqual(timestamp, str(1_700_000_000 + len(names)))
            names.append(name)
        self.assertEqual(len(set(names)), 3)

    def test_headers(self) -> None:
        """A host's headers are sent to that host, and never in clear over the internet."""
        headers = {host: {"Authorization": Secret(f"Bearer {TOKEN}")} for host in ("crm.example", "crm.internal")}
        self.successResultOf(self.asks(headers=headers))
        self.assertIsNone(self.service.header("authorization"))
        rules = {"headers": headers, "private": frozenset({"crm.internal"})}
        self.successResultOf(self.asks("http://crm.internal/", **rules))
        self.assertEqual(self.inner.header("authorization"), f"Bearer {TOKEN}")
        self.assertNotIn(TOKEN, repr(WebRules(headers=headers)))

    def test_headers_over_tls(self) -> None:
        """Over TLS they are sent."""
        web = self.web(headers={"crm.example": {"X-Key": Secret(TOKEN)}})
        self.assertEqual(web._headers("crm.example", None, trusted=True)["x-key"], TOKEN)
        self.assertNotIn("x-key", web._headers("other.example", None, trusted=True))

    def test_odd_urls(self) -> None:
        """A plugin's step may ask for anything; what is no URL of a web service is not asked."""
        for url in ("file:///etc/passwd", "https://x.example/ü", "/calls", ""):
            asking = self.web().ask(HttpRequest("GET", url))
            self.assertIn("`url`", str(self.failureResultOf(asking, HttpFailed).value))


class PrivateTests(WebCase):
    """Our own network."""

    def test_refused(self) -> None:
        """A name that turns out to be inside is not asked, nor is an address, however it is spelled."""
        for host in ("crm.internal", INSIDE, "10.0.0.5:80"):
            sentence = self.fails(self.asks(f"http://{host}/?who=14155550100"))
            self.assertIn("is in our own network", sentence)
            self.assertIn("`http.private`", sentence)
        self.assertEqual((self.reactor.connected, self.inner.asked), ([], []))

    def test_allowed_by_name(self) -> None:
        """What is named may be asked, and nothing else by it."""
        private = frozenset({"crm.internal"})
        self.assertEqual(self.successResultOf(self.asks("http://crm.internal/", private=private)).status, 200)
        self.fails(self.asks(f"http://{INSIDE}/", private=private))
        self.reactor.names["crm.example"] = [INSIDE]
        self.fails(self.asks(private=private))
        self.assertEqual(len(self.inner.asked), 1)

    def test_redirect(self) -> None:
        """Who redirects us inside, or anywhere, is not followed."""
        self.service.status, self.service.fields = 302, {"Location": f"http://{INSIDE}/"}
        self.assertEqual(self.successResultOf(self.asks(private=frozenset({INSIDE}))).status, 302)
        self.assertEqual((len(self.service.asked), self.inner.asked), (1, []))
        self.assertEqual(self.logged(), ["CA1: crm.example answered 302"])


class AnswerTests(WebCase):
    """What comes back."""

    def test_statuses(self) -> None:
        """Any status is an answer; one that is not good is logged, with the host."""
        for status in (201, 404, 500):
            self.service.status, self.service.body = status, b"no secret"
            answer = self.successResultOf(self.asks())
            self.assertEqual((answer.status, answer.body), (status, b"no secret"))
        self.assertEqual(self.logged(), [f"CA1: crm.example answered {status}" for status in (404, 500)])

    def test_long(self) -> None:
        """Of a long answer the beginning is read."""
        self.service.body = b"x" * 1_000_000
        answer = self.successResultOf(self.asks())
        self.assertEqual((len(answer.body), answer.whole), (MOST_BYTES, False))

    def test_slow(self) -> None:
        """After its seconds the request is ended, and the connection closed."""
        self.service.body = None
        asking = self.asks()
        self.assertNoResult(asking)
        elapse(self.reactor, 3)
        self.assertIn("crm.example did not answer in time", self.fails(asking))
        self.assertEqual((self.service.lost, self.reactor.waiting), (1, []))

    def test_cancelled(self) -> None:
        """Cancelling closes the connection, and says nothing."""
        self.service.body = None
        asking = self.asks()
        asking.cancel()
        self.failureResultOf(asking, CancelledError)
        elapse(self.reactor, 1)
        self.assertEqual((self.service.lost, self.logged(), self.reactor.waiting), (1, [], []))

    def test_trouble(self) -> None:
        """Each trouble of the network has its sentence, which says what to look at."""
        self.assertIn("cannot be found: check this machine's DNS", self.fails(self.asks("http://nobody.example/")))
        self.reactor.network.refuse(PUBLIC)
        self.assertIn("refused the connection", self.fails(self.asks()))
        self.reactor.network.accept(PUBLIC)
        self.service.body = None
        asking = self.asks()
        self.reactor.network.cut(PUBLIC)
        elapse(self.reactor, 1)
        self.assertIn("the connection was lost", self.fails(asking))

    def test_certificate(self) -> None:
        """A bad certificate is told from everything else."""
        self.assertIn("no good TLS certificate", _sentence(SSL.Error(), "crm.example"))
