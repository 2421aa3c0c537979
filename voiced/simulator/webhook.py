"""What the carrier asks of the daemon over HTTP: signed forms, with the patience that the URL's fragment asks for.

    POST /call/incoming  X-Twilio-Signature, I-Twilio-Idempotency-Token, form  ->  an answer, or WebhookFailed

Source: twilio.com/docs/usage/webhooks (webhooks-security, webhooks-connection-overrides).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Self
from urllib.parse import parse_qsl, urlencode, urlsplit

from attrs import define, field, frozen
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ConnectError
from twisted.internet.error import TimeoutError as NoConnection
from twisted.internet.interfaces import IProtocol, IProtocolFactory, IStreamClientEndpoint
from twisted.python.failure import Failure
from twisted.web.client import URI, Agent, PartialDownloadError, ResponseFailed, readBody
from twisted.web.http_headers import Headers
from twisted.web.iweb import UNKNOWN_LENGTH, IAgentEndpointFactory
from zope.interface import implementer

from voiced.simulator.account import Account
from voiced.simulator.memory import whole_body


@frozen
class Answer:
    """What the daemon answered."""

    status: int
    headers: Headers
    body: bytes
    sized: bool
    """Whether it came with a Content-Length."""

    @property
    def content_type(self) -> str:
        return (self.headers.getRawHeaders("content-type") or [""])[0]

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", "replace")


@frozen
class Patience:
    """Connection overrides: how long the carrier waits, and how often it tries. Times in seconds."""

    connect: float = 5.0
    read: float = 15.0
    total: float = 15.0
    retries: int = 1
    retry_on: frozenset[str] = frozenset({"ct"})
    """ct (no connection), rt (no answer in time), 4xx, 5xx, all."""

    @classmethod
    def of(cls, url: str) -> Self:
        """Read `#ct=2000&rt=5000&tt=10000&rc=2&rp=all`."""
        given = dict(parse_qsl(urlsplit(url).fragment))
        seconds = {key: int(given[key]) / 1000 for key in ("ct", "rt", "tt") if key in given}
        return cls(
            min(seconds.get("ct", 5.0), 10.0),
            min(seconds.get("rt", 15.0), 15.0),
            min(seconds.get("tt", 15.0), 15.0),
            min(int(given.get("rc", "1")), 5),
            frozenset(given.get("rp", "ct").split(",")),
        )


@frozen
class WebhookFailed(Exception):
    """No use trying any more: Twilio's error code, and the URL that failed."""

    code: int
    url: str
    text: str
    kind: str = ""
    """ct, rt, 4xx or 5xx."""


@implementer(IAgentEndpointFactory, IStreamClientEndpoint)
@frozen
class _Door:
    """The daemon's endpoint, for a while: connecting takes `patience` seconds at most."""

    _account: Account
    _patience: float
    opened: Deferred[None] = field(factory=Deferred)
    """Fires when there is a connection."""

    def endpointForURI(self, uri: URI) -> IStreamClientEndpoint:
        return self

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        def late(result: IProtocol | Failure, timeout: float) -> IProtocol | Failure:
            raise NoConnection(f"no connection within {timeout} s")

        connecting: Deferred[IProtocol] = self._account.daemon.connect(protocolFactory)
        connecting.addTimeout(self._patience, self._account.clock, onTimeoutCancel=late)
        return connecting.addCallback(self._tell)

    def _tell(self, protocol: IProtocol) -> IProtocol:
        self.opened.callback(None)
        return protocol


@frozen
class Exchanged:
    """A request that was answered, as the call's events tell of it."""

    method: str
    url: str
    form: Mapping[str, str]
    answer: Answer
    at: float
    """Clock time of the answer."""
    seconds: float
    """How long it took."""


@define(eq=False)
class Webhooks:
    """Makes the requests of one account."""

    _account: Account
    refuse: int = 0
    """This many requests from now on find the daemon's port closed."""
    lose_answers: int = 0
    """This many requests from now on are made, but their answers never arrive."""
    requests: deque[tuple[str, str, Mapping[str, str]]] = field(factory=lambda: deque(maxlen=1000))
    """Method, URL and form of what was tried last."""
    exchanged: deque[Exchanged] = field(factory=lambda: deque(maxlen=1000))
    """What was answered last."""

    async def fetch(
        self, url: str, form: Mapping[str, str], method: str = "POST", token: str | None = None
    ) -> Answer:
        """The answer, after as many tries as the URL's fragment allows; a status of 4xx or 5xx fails too (11200)."""
        patience, clock = Patience.of(url), self._account.clock
        token = token or self._account.new_sid("")
        until, tries = clock.seconds() + patience.total, patience.retries
        while True:
            try:
                self._refuse(url)
                answer = await self.once(url, form, method, token, patience, until - clock.seconds())
                return _good(url, self._lose(url, answer))
            except WebhookFailed as failed:
                tries -= 1
                hopeful = {failed.kind, "all"} & patience.retry_on and clock.seconds() < until
                if tries < 0 or not hopeful:
                    raise

    async def once(
        self,
        url: str,
        form: Mapping[str, str],
        method: str = "POST",
        token: str = "",
        patience: Patience = Patience(),
        remaining: float = 15.0,
        signature: str | None = None,
    ) -> Answer:
        """One try, whatever the status; `signature` in place of the right one (empty: none at all)."""
        bare = url.partition("#")[0]
        if method == "GET" and form:
            bare += ("&" if "?" in bare else "?") + urlencode(form)
        body = urlencode(form) if method == "POST" else ""
        signed = self._account.signature(bare, dict(form) if body else None) if signature is None else signature
        self.requests.append((method, url, form))
        if not self._account.reaches(url):
            raise WebhookFailed(11210, url, "no such host", "ct")
        door = _Door(self._account, min(patience.connect, remaining))
        answering = Deferred.fromCoroutine(self._exchange(door, method, bare, body, _headers(signed, token)))
        clock = self._account.clock
        began = clock.seconds()
        timers = [clock.callLater(remaining, answering.cancel)]
        door.opened.addCallback(lambda _: timers.append(clock.callLater(patience.read, answering.cancel)))
        try:
            answer = await answering
            now = clock.seconds()
            self.exchanged.append(Exchanged(method, url, dict(form), answer, now, now - began))
            return answer
        except ConnectError as error:
            raise WebhookFailed(11205, url, str(error), "ct") from error
        except (ResponseFailed, PartialDownloadError, CancelledError) as error:
            raise WebhookFailed(11205, url, "no answer", "rt") from error
        finally:
            for timer in timers:
                if timer.active():
                    timer.cancel()

    async def _exchange(self, door: _Door, method: str, url: str, body: str, headers: Headers) -> Answer:
        agent = Agent.usingEndpointFactory(self._account.clock, door)
        producer = whole_body(body) if method == "POST" else None
        response = await agent.request(method.encode(), url.encode(), headers, producer)
        content = await readBody(response)
        return Answer(response.code, response.headers, content, response.length != UNKNOWN_LENGTH)

    def _refuse(self, url: str) -> None:
        if self.refuse > 0:
            self.refuse -= 1
            raise WebhookFailed(11205, url, "connection refused", "ct")

    def _lose(self, url: str, answer: Answer) -> Answer:
        if self.lose_answers > 0:
            self.lose_answers -= 1
            raise WebhookFailed(11205, url, "the answer was lost", "rt")
        return answer


def _headers(signature: str, token: str) -> Headers:
    headers = Headers(
        {"Content-Type": ["application/x-www-form-urlencoded; charset=UTF-8"], "User-Agent": ["TwilioProxy/1.1"]}
    )
    for name, value in (("X-Twilio-Signature", signature), ("I-Twilio-Idempotency-Token", token)):
        if value:
            headers.addRawHeader(name, value)
    return headers


def _good(url: str, answer: Answer) -> Answer:
    if answer.status >= 300:
        raise WebhookFailed(11200, url, f"HTTP status {answer.status}", f"{answer.status // 100}xx")
    return answer
