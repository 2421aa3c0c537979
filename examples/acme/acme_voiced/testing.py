"""Acme's web service in memory, for tests: `http` is a client that reaches it, on the test's own clock."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock, deferLater
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request, Site

from voiced.secret import Secret
from voiced.simulator.memory import MemoryNetwork

HOST = "parcels.example.com"
URL = f"https://{HOST}/v1"
KEY = Secret("a key of Acme's")
KNOWS = {
    b"/v1/customers/%2B14155550100": b'{"name": "Ann", "parcel": "473124829", "state": "underway", "since": 2019}',
    b"/v1/customers/%2B14155550101": b'{"name": 7}',
    b"/v1/parcels/473124829": b'{"state": "underway", "place": "Oakland"}',
}


class AcmeService(Resource):
    """Answers after 0.1 s what it knows, or with `status`. `open` counts the questions that it works on."""

    isLeaf = True

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self.status = 200
        self.open = 0
        self._clock = clock
        network = MemoryNetwork(clock)
        network.listen(HOST, Site(self, reactor=clock, timeout=None))
        self.http = network.http()

    def render(self, request: Request) -> int:
        """Called by twisted.web."""
        self.open += 1
        answer: Deferred[None] = deferLater(self._clock, 0.1, self._answer, request)
        answer.addErrback(lambda _: None)
        request.notifyFinish().addErrback(lambda _: answer.cancel()).addBoth(self._ended)
        return NOT_DONE_YET

    def _answer(self, request: Request) -> None:
        known = KNOWS.get(request.uri)
        right = request.getHeader("authorization") == f"Bearer {KEY.reveal()}"
        request.setResponseCode(401 if not right else 404 if known is None else self.status)
        request.write(known or b"")
        request.finish()

    def _ended(self, _: object) -> None:
        self.open -= 1
