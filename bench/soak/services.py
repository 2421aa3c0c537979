"""Everybody's web services, whom flows, tools and lookups ask: they answer, mostly."""

from __future__ import annotations

import json
from random import Random

from twisted.internet.interfaces import IReactorTime
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request, Site

ANSWERS = (
    {"customer": {"name": "Ann", "tier": "gold"}, "state": "open", "updated": "2026-11-20"},
    {
        "customer": {"name": "Bob", "tier": "none"},
        "state": "solved",
        "bookings": [{"day": "2026-11-28", "people": 4}],
    },
    {},
)


class Services(Resource):
    """All hosts in one: a good answer, a late one, an error, none at all, or a line that breaks."""

    isLeaf = True

    def __init__(self, clock: IReactorTime, random: Random) -> None:
        super().__init__()
        self._clock = clock
        self._random = random

    def site(self) -> Site:
        """To be listened with."""
        site = Site(self, reactor=self._clock)
        site.log = lambda request: None
        return site

    def render(self, request: Request) -> int:
        """Named by Twisted."""
        dice = self._random.random()
        late = self._random.choice((0.0, 0.05, 0.4)) if dice < 0.9 else 6.0
        due = self._clock.callLater(late, self._answer, request, dice)

        def over(_: object) -> None:
            if due.active():
                due.cancel()

        request.notifyFinish().addBoth(over)
        return NOT_DONE_YET

    def _answer(self, request: Request, dice: float) -> None:
        if dice > 0.97:
            request.loseConnection()
            return
        request.setResponseCode(self._random.choice((403, 404, 500, 503)) if dice < 0.12 else 200)
        request.setHeader("content-type", "application/json")
        request.write(b"no JSON" if dice < 0.03 else json.dumps(self._random.choice(ANSWERS)).encode())
        request.finish()
