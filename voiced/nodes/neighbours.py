"""Finds the calls that other daemons of the data directory have, and brings them here, or requests there.

    webhook of a call that is not here  ──► who has it? ─┬─ nobody ──► it is ours to answer
                                                         ├─ one that runs ──► it answers, by its socket
                                                         └─ one that is gone ──► taken up here, once
    a stream of such a call             ──► who has it? ─┬─ one that runs ──► POST /node/hand-over/CA… ──► taken up
                                                         └─ one that is gone ──► taken up

Who has a call stands in the database; to take it is one transaction, so that of two who try only one goes on with it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from urllib.parse import urlencode

import attrs
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.web.iweb import IAgent
from zope.interface import implementer

from voiced.errors import Unreachable
from voiced.inodes import INeighbours
from voiced.istanding import ISharedStandings, Keeper, Standing
from voiced.net.exchange import Answer, exchange
from voiced.net.relaying import MISDIRECTED, Asked
from voiced.net.trouble import NETWORK
from voiced.nodes.handing import PATH
from voiced.nodes.reaching import HOST

PATIENCE = 10.0
"""Seconds within which a daemon that runs has to answer, one that just begins, too: Twilio waits for 15."""
AGAIN = 0.25
"""Seconds until one that does not is asked again."""
MOST = 1_000_000
"""Bytes of an answer."""

log = Logger()


@implementer(INeighbours)
@attrs.frozen
class Neighbours:
    """See INeighbours. `adopt(standing)` takes a call up here, `over(call_sid)` is told of one that has ended, and
    `written()` fires when all that the others have to know of ours is in the database."""

    _standings: ISharedStandings
    _agent: IAgent
    _clock: IReactorTime
    _adopt: Callable[[Standing], object]
    _over: Callable[[str], object]
    _written: Callable[[], Deferred[None]]

    def ask(self, names: Collection[str], asked: Asked) -> Deferred[Answer | None]:
        """See INeighbours."""
        return Deferred.fromCoroutine(self._ask(names, asked))

    def bring(self, call_sid: str) -> Deferred[int | None]:
        """See INeighbours."""
        return Deferred.fromCoroutine(self._bring(call_sid))

    def settled(self) -> Deferred[None]:
        """See INeighbours."""
        return self._written()

    async def _ask(self, names: Collection[str], asked: Asked) -> Answer | None:
        until = self._clock.seconds() + PATIENCE
        while (keeper := await self._elsewhere(names)) is not None:
            answer = await self._exchanged(keeper, asked, until)
            if answer is not None and answer.status != MISDIRECTED:  # else it is on its way from one to another
                return answer
            await self._wait(keeper, until)
        return None

    async def _bring(self, call_sid: str) -> int | None:
        me, until = self._standings.me, self._clock.seconds() + PATIENCE
        uri = f"{PATH}/{call_sid}?" + urlencode({"node": me.node, "boot": me.boot})
        while (keeper := await self._elsewhere([call_sid])) is not None:
            answer = await self._exchanged(keeper, Asked("POST", uri, {}, b""), until)
            # Where there is no answer it may have been done: the database knows.
            if answer is not None and answer.status not in (204, MISDIRECTED):
                return answer.status
            if answer is None:
                await self._wait(keeper, until)
        return None

    async def _elsewhere(self, names: Collection[str]) -> Keeper | None:
        """The daemon that runs and has this call; None where it is ours to go on with."""
        while True:
            where = await self._standings.where(names)
            if where.over:
                for name in names:
                    self._over(name)
            if where.over or where.keeper is None:
                return None
            if where.keeper.node != self._standings.me.node and not where.keeper.gone:
                return where.keeper
            standing = await self._standings.take(names, where.keeper)
            if standing is not None:
                if where.keeper.gone:
                    log.warn(
                        "{call}: the daemon {node!r} that had it runs no more: it goes on here",
                        call=standing.name,
                        node=where.keeper.node,
                    )
                self._adopt(standing)
                return None
            if (await self._standings.where(names)) == where:  # what is kept of it cannot be read
                return None

    async def _exchanged(self, keeper: Keeper, asked: Asked, until: float) -> Answer | None:
        """What that daemon answers; None where it does not."""
        url = f"http://{keeper.node}{HOST}{asked.uri}"
        asking = exchange(self._agent, asked.method, url, asked.headers, asked.body, MOST)
        try:
            return await asking.addTimeout(max(AGAIN, until - self._clock.seconds()), self._clock)
        except NETWORK as error:
            log.warn(
                "the daemon {node!r} of this data directory does not answer: {why}",
                node=keeper.node,
                why=type(error).__name__,
            )
            return None

    async def _wait(self, keeper: Keeper, until: float) -> None:
        if self._clock.seconds() >= until:
            raise Unreachable(f"the daemon {keeper.node!r}, which has this call, does not answer: does it hang?")
        await deferLater(self._clock, AGAIN)
