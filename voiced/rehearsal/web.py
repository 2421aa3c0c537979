"""The web of a rehearsal: it answers what the scenario says, and nothing else is there."""

from __future__ import annotations

import json
from collections.abc import Sequence
from urllib.parse import urlsplit

from twisted.internet.defer import Deferred, fail
from twisted.internet.interfaces import IReactorTime
from twisted.web.resource import Resource
from twisted.web.server import Request, Site
from zope.interface import implementer

from voiced.errors import HttpFailed
from voiced.ivoiced import HttpAnswer, HttpRequest
from voiced.iweb import IWebServices
from voiced.rehearsal.agents import Complain
from voiced.rehearsal.scenario import WebAnswer
from voiced.simulator.memory import MemoryNetwork
from voiced.webservices import WebRules, WebServices


class Answers(Resource):
    """One host. The first answer whose URL and method fit is given; a query that it does not have does not matter."""

    isLeaf = True

    def __init__(self, answers: Sequence[WebAnswer], complain: Complain) -> None:
        super().__init__()
        self._answers = answers
        self._complain = complain

    def render(self, request: Request) -> bytes:
        """Named by Twisted."""
        path, method = request.uri.decode(), request.method.decode()
        for answer in self._answers:
            wanted = urlsplit(answer.url)
            target = wanted.path or "/"
            bare = path if wanted.query else path.partition("?")[0]
            if bare == target + (f"?{wanted.query}" if wanted.query else "") and answer.method in (None, method):
                return self._give(request, answer)
        host = request.getRequestHostname().decode()
        self._complain(f"{method} https://{host}{path} is asked, and `http:` has no answer for it")
        request.setResponseCode(404)
        return b""

    def _give(self, request: Request, answer: WebAnswer) -> bytes:
        request.setResponseCode(answer.status)
        if answer.json is not None:
            request.setHeader("content-type", "application/json")
        body = answer.body if answer.json is None else json.dumps(answer.json)
        return body.encode()


@implementer(IWebServices)
class RehearsedWeb:
    """What the step `http` asks: as the daemon asks, of the hosts of the scenario and nobody else."""

    def __init__(
        self,
        rules: WebRules,
        answers: Sequence[WebAnswer],
        network: MemoryNetwork,
        clock: IReactorTime,
        complain: Complain,
    ) -> None:
        self._hosts = {urlsplit(answer.url).hostname for answer in answers}
        self._services = WebServices(rules, network.agent(), network.agent(), clock, lambda: "rehearsed")
        self._complain = complain

    def ask(self, request: HttpRequest, call: str = "") -> Deferred[HttpAnswer]:
        """See IWebServices."""
        if urlsplit(request.url).hostname not in self._hosts:
            self._complain(f"{request.method} {request.url} is asked, and `http:` has no answer for it")
            return fail(HttpFailed("nobody answers in this scenario"))
        return self._services.ask(request, call)


def listen(network: MemoryNetwork, answers: Sequence[WebAnswer], clock: object, complain: Complain) -> None:
    """Every host that the scenario names is there."""
    for host in dict.fromkeys(urlsplit(answer.url).hostname or "" for answer in answers):
        mine = [answer for answer in answers if urlsplit(answer.url).hostname == host]
        network.listen(host, Site(Answers(mine, complain), reactor=clock))
