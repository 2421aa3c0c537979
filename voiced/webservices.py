"""Asks web services for flows: in public, or of our own network those that voiced.yaml names; signed, once.

    -> POST /calls/CA…  {"rating": "5"}     with the headers that voiced.yaml has for the host, and the signature
    <- any status, with at most 128 KiB of a body

What a caller says may stand in URL and body: nothing of them, nor of the answer, is logged or in an error.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from secrets import token_hex
from typing import NoReturn

import attrs
from twisted.internet import defer, error
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.iweb import IAgent
from zope.interface import implementer

from voiced.errors import HttpFailed
from voiced.ivoiced import HttpAnswer, HttpRequest
from voiced.iweb import IWebServices
from voiced.net.exchange import exchange
from voiced.net.outside import PrivateAddress, web_agent
from voiced.net.signature import Signature
from voiced.net.trouble import NETWORK, reason_of, service_sentence
from voiced.net.url import UrlTemplate
from voiced.secret import Secret

MOST_BYTES = 128 * 1024
"""What is read of an answer."""

_log = Logger()


@attrs.frozen
class WebRules:
    """What voiced.yaml says of the step `http`. Hosts are in small letters, without a port."""

    signature: Signature | None = None
    private: frozenset[str] = frozenset()
    """Hosts that may be of our own network."""
    headers: Mapping[str, Mapping[str, Secret]] = attrs.field(factory=dict)
    """What else each host is sent, and nobody else is: never in clear over the internet."""


@implementer(IWebServices)
class WebServices:
    """See IWebServices. `public` connects to public addresses only, `inside` to any."""

    def __init__(
        self,
        rules: WebRules,
        public: IAgent,
        inside: IAgent,
        clock: IReactorTime,
        new_name: Callable[[], str] = lambda: token_hex(16),
    ) -> None:
        self._rules = rules
        self._public = public
        self._inside = inside
        self._clock = clock
        self._new_name = new_name

    @classmethod
    def real(cls, rules: WebRules, reactor: IReactorTime) -> WebServices:
        """With connections of its own."""
        return cls(rules, web_agent(reactor), web_agent(reactor, inside=True), reactor)

    def ask(self, request: HttpRequest, call: str = "") -> Deferred[HttpAnswer]:
        """See IWebServices."""
        return Deferred.fromCoroutine(self._ask(request, call))

    async def _ask(self, request: HttpRequest, call: str) -> HttpAnswer:
        try:
            url = UrlTemplate.parse(request.url)
        except ValueError as fault:
            raise HttpFailed(str(fault)) from None
        private = url.host in self._rules.private
        agent = self._inside if private else self._public
        headers = self._headers(url.host, request.body, trusted=private or url.encrypted)
        asking = exchange(agent, request.method, request.url, headers, request.body, MOST_BYTES)
        asking.addTimeout(request.timeout, self._clock)
        answer = await asking.addErrback(self._unanswered, url.host, call)
        if not 200 <= answer.status < 300:
            _log.warn("{call}: {host} answered {status}", call=call, host=url.host, status=answer.status)
        return HttpAnswer(answer.status, answer.body, answer.whole)

    def _headers(self, host: str, body: bytes | None, *, trusted: bool) -> Mapping[str, str]:
        headers = {"user-agent": "voiced", "accept": "application/json, */*;q=0.1"}
        if body is not None:
            headers["content-type"] = "application/json"
        if trusted:
            headers |= {name.lower(): value.reveal() for name, value in self._rules.headers.get(host, {}).items()}
        if self._rules.signature is not None:
            headers |= self._rules.signature.headers(self._new_name(), int(self._clock.seconds()), body or b"")
        return headers

    def _unanswered(self, failure: Failure, host: str, call: str) -> NoReturn:
        """The network's trouble as an HttpFailed, and logged for the operator; a bug's as it is."""
        failure.trap(*NETWORK)
        sentence = _sentence(reason_of(failure), host)
        _log.warn("{call}: {sentence}", call=call, sentence=sentence)
        raise HttpFailed(sentence)


def _sentence(reason: BaseException | None, host: str) -> str:
    match reason:
        case PrivateAddress():
            goes_on = "is in our own network, by its name's address: if flows may ask it, name it in `http.private`"
        case error.TimeoutError() | error.TCPTimedOutError() | defer.TimeoutError():
            goes_on = "did not answer in time: check it, or give the step a longer `timeout`"
        case _:
            goes_on = service_sentence(reason)
    return f"{host} {goes_on}"
