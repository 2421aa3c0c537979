"""A lookup that asks a web service who is calling.

-> GET /callers/+14155550100                       facts of the call, in the URL's places, in headers …
-> POST /search  {"caller": "+14155550100"}        … or in a body
<- 200 {"customer": {"name": "Ann"}}               the facts, at the places that `facts` names
<- 404, 204                                        nothing is known
<- anything else: LookupFailed, with a sentence for the log that holds no number and no key
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, NoReturn

import attrs
import msgspec
from twisted.internet.defer import Deferred
from twisted.internet.defer import TimeoutError as TimedOut
from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure
from twisted.web.iweb import IAgent
from zope.interface import implementer

from voiced.call.template import Unspoken
from voiced.errors import LookupFailed
from voiced.ivoiced import ICall, ICallerLookup, Tools
from voiced.lookups.answer import NOT_KNOWN, check_paths, facts_in, refusal
from voiced.lookups.remembered import Remembered
from voiced.lookups.request import Request, RequestTemplate
from voiced.net.exchange import Answer, exchange
from voiced.net.outside import points_inside, web_agent
from voiced.net.trouble import NETWORK, reason_of, service_sentence
from voiced.secret import Secret

MOST_BYTES = 128 * 1024
"""Of an answer: one that is longer is not read."""


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Ask a web service that answers in JSON; facts of the call stand as `{call.party}` in what it is asked.

    A status 404 or 204 says that nothing is known of this caller.
    """

    # Facts may stand in its path and query, and are quoted there: https://crm.example/callers/{call.party}
    url: str
    method: Literal["GET", "POST"] = "GET"
    # They may hold facts, too; `{{` and `}}` are plain braces.
    headers: dict[str, Secret] = {}
    # What a POST has as its body: texts by name, with facts in them.
    json: dict[str, Unspoken] = {}
    # The facts' names, and where each stands in the answer: customer.name, orders.0.id. Unless set, all at its top.
    facts: dict[str, str] = {}
    # Seconds for one request.
    timeout: Annotated[float, msgspec.Meta(gt=0, le=30)] = 2.0
    # Seconds that an answer is remembered; 0: not at all.
    cache: Annotated[float, msgspec.Meta(ge=0, le=86400)] = 60.0
    # Whether it may be a service of our own network.
    allow_private: bool = False

    def __post_init__(self) -> None:
        request = self.request()
        if points_inside(request.url.host) and not self.allow_private:
            raise ValueError(
                "`url` points inside, to this machine or its own network: allow it (allow_private: true)"
            )
        if self.headers and not (request.url.encrypted or self.allow_private):
            raise ValueError("`headers` could be read on the way: the URL must begin with https://")
        if self.json and self.method == "GET":
            raise ValueError("`json` is the body of a POST: write `method: POST`")
        check_paths(self.facts)

    def __repr__(self) -> str:
        """Without the URL, which may hold a key."""
        return f"Settings(method={self.method!r}, facts={self.facts!r}, timeout={self.timeout!r})"

    def request(self) -> RequestTemplate:
        """What is asked. Raises ValueError."""
        return RequestTemplate.parse(self.url, self.headers, self.json if self.method == "POST" else None)


@implementer(ICallerLookup)
@attrs.frozen
class Web:
    """One request for each caller, and none while its answer is remembered."""

    _settings: Settings
    _request: RequestTemplate
    _defaults: Mapping[str, str]
    """Headers that are sent where the operator has set none of that name."""
    _agent: IAgent
    _clock: IReactorTime
    _remembered: Remembered[Request, Mapping[str, str]]

    def lookup(self, call: ICall) -> Deferred[Mapping[str, str]]:
        """Cancelling closes the connection. A failure is not remembered."""
        return Deferred.fromCoroutine(self._lookup(call.facts))

    async def _lookup(self, facts: Mapping[str, str]) -> Mapping[str, str]:
        request = self._request.fill(facts)
        known = self._remembered.get(request)
        if known is None:
            known = self._read(await self._ask(request))
            self._remembered.put(request, known)
        return dict(known)

    def _ask(self, request: Request) -> Deferred[Answer]:
        headers = {**self._defaults, **dict(request.headers)}
        asked = exchange(self._agent, self._settings.method, request.url, headers, request.body, MOST_BYTES)
        return asked.addTimeout(self._settings.timeout, self._clock).addErrback(self._named)

    def _read(self, answer: Answer) -> Mapping[str, str]:
        host = self._request.url.host
        if answer.status in NOT_KNOWN:
            return {}
        if not 200 <= answer.status < 300:
            raise LookupFailed(f"{host} {refusal(answer.status)}")
        if not answer.whole:
            raise LookupFailed(f"{host} answered more than {MOST_BYTES // 1024} KiB: ask it for less")
        return facts_in(answer.body, self._settings.facts, host)

    def _named(self, failure: Failure) -> NoReturn:
        """The network's trouble as a LookupFailed; a bug's as it is."""
        failure.trap(*NETWORK)
        host = self._request.url.host
        if failure.check(TimedOut):
            raise LookupFailed(f"{host} did not answer within {self._settings.timeout:g} s")
        reason = reason_of(failure)
        raise LookupFailed(f"{host} {service_sentence(reason)}") from reason


def make(settings: Settings, tools: Tools) -> Web:
    """The lookup. It has connections of its own: what is kept of them was checked as its settings want it."""
    defaults = {"user-agent": "voiced", "accept": "application/json"}
    if settings.method == "POST":
        defaults["content-type"] = "application/json"
    agent: Any = web_agent(tools.reactor, inside=settings.allow_private)
    remembered: Remembered[Request, Mapping[str, str]] = Remembered(tools.reactor, settings.cache)
    return Web(settings, settings.request(), defaults, agent, tools.reactor, remembered)
