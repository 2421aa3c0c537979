"""The web of a rehearsal: it answers what the scenario says, and nothing else is there."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from typing import Any
from urllib.parse import urlsplit

import attrs
import msgspec
from treq.client import HTTPClient
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.web.iweb import IAgent
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request, Site
from zope.interface import implementer

from voiced.rehearsal.agents import Complain
from voiced.rehearsal.scenario import WebAnswer
from voiced.simulator.memory import MemoryNetwork, whole_body
from voiced.webservices import WebRules, WebServices


class Answers(Resource):
    """One host. The first answer whose URL and method fit is given, so often as it is to be; a query that it does
    not have does not matter.
    """

    isLeaf = True

    def __init__(self, answers: Sequence[WebAnswer], clock: IReactorTime, complain: Complain) -> None:
        super().__init__()
        self._answers = list(answers)
        self._clock = clock
        self._complain = complain

    def render(self, request: Request) -> bytes | int:
        """Named by Twisted."""
        answer = self._answer(request)
        if answer is None:
            return b""
        if not (answer.late or answer.fails):
            return self._give(request, answer)
        due = self._clock.callLater(answer.late, self._give_late, request, answer)

        def over(_: object) -> None:
            if due.active():
                due.cancel()

        request.notifyFinish().addBoth(over)
        return NOT_DONE_YET

    def _answer(self, request: Request) -> WebAnswer | None:
        path, method = request.uri.decode(), request.method.decode()
        for place, answer in enumerate(self._answers):
            wanted = urlsplit(answer.url)
            target = wanted.path or "/"
            bare = path if wanted.query else path.partition("?")[0]
            if bare == target + (f"?{wanted.query}" if wanted.query else "") and answer.method in (None, method):
                return self._used(place)
        host = request.getRequestHostname().decode()
        self._complain(f"{method} https://{host}{path} is asked, and `http:` has no answer for it")
        request.setResponseCode(404)
        return None

    def _used(self, place: int) -> WebAnswer:
        """The answer there; one that has been given so often as it is to be is given no more."""
        answer = self._answers[place]
        if answer.times is not None:
            left = [] if answer.times == 1 else [msgspec.structs.replace(answer, times=answer.times - 1)]
            self._answers[place : place + 1] = left
        return answer

    def _give_late(self, request: Request, answer: WebAnswer) -> None:
        if answer.fails:
            request.loseConnection()
        else:
            request.write(self._give(request, answer))
            request.finish()

    def _give(self, request: Request, answer: WebAnswer) -> bytes:
        request.setResponseCode(answer.status)
        if answer.json is not None:
            request.setHeader("content-type", "application/json")
        body = answer.body if answer.json is None else json.dumps(answer.json)
        return body.encode()


@implementer(IAgent)
@attrs.frozen
class Web:
    """The way there: a host that the scenario does not name fails it."""

    _agent: IAgent
    _hosts: Collection[str]
    _complain: Complain

    def request(self, method: bytes, uri: bytes, *more: Any, **others: Any) -> Deferred[Any]:
        """See IAgent."""
        if (urlsplit(uri.decode()).hostname or "") not in self._hosts:
            self._complain(f"{method.decode()} {uri.decode()} is asked, and `http:` has no answer for it")
        return self._agent.request(method, uri, *more, **others)


def client(network: MemoryNetwork, answers: Sequence[WebAnswer], complain: Complain) -> HTTPClient:
    """An HTTP client for plugins."""
    return HTTPClient(_way(network, answers, complain), data_to_body_producer=whole_body)


def services(
    rules: WebRules, network: MemoryNetwork, answers: Sequence[WebAnswer], clock: IReactorTime, complain: Complain
) -> WebServices:
    """Whom the step `http` asks: signed and with headers as the daemon does it."""
    way = _way(network, answers, complain)
    return WebServices(rules, way, way, clock, lambda: "rehearsed")


def _way(network: MemoryNetwork, answers: Sequence[WebAnswer], complain: Complain) -> Web:
    return Web(network.agent(), {urlsplit(answer.url).hostname or "" for answer in answers}, complain)


def listen(network: MemoryNetwork, answers: Sequence[WebAnswer], clock: IReactorTime, complain: Complain) -> None:
    """Every host that the scenario names is there."""
    for host in dict.fromkeys(urlsplit(answer.url).hostname or "" for answer in answers):
        mine = [answer for answer in answers if urlsplit(answer.url).hostname == host]
        network.listen(host, Site(Answers(mine, clock, complain), reactor=clock))
