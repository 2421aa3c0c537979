"""Hands calls over to other daemons of the data directory, whose streams have come to them.

    POST /node/hand-over/CA…?node=2&boot=…   ──►  204: it is theirs; 404: it is not here; 409: it stays

A call whose stream is here, or that waits for no stream, stays.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET

from voiced.call.switchboard import Switchboard
from voiced.errors import CallOver, StoreError
from voiced.istanding import ISharedStandings, Keeper, Standing
from voiced.net.relaying import MISDIRECTED

PATH = "/node/hand-over"

log = Logger()


class HandingOver(Resource):
    """`adopt(standing)` takes a call up again that could not be handed over."""

    isLeaf = True

    def __init__(
        self, switchboard: Switchboard, standings: ISharedStandings, adopt: Callable[[Standing], object]
    ) -> None:
        super().__init__()
        self._switchboard = switchboard
        self._standings = standings
        self._adopt = adopt

    def render_POST(self, request: Any) -> int:
        """Named by twisted.web."""
        sid = request.path.decode("latin-1").rpartition("/")[2]
        node, boot = (request.args.get(name, [b""])[0].decode("latin-1") for name in (b"node", b"boot"))
        handing = Deferred.fromCoroutine(self._hand_over(sid, Keeper(node, boot)))
        handing.addErrback(_broke, sid).addCallback(_answer, request)
        return NOT_DONE_YET

    async def _hand_over(self, sid: str, to: Keeper) -> int:
        session = self._switchboard.find(sid)
        if session is None:
            return MISDIRECTED
        try:
            standing = self._switchboard.hand_over(session)
        except CallOver:
            return 409
        try:
            await self._standings.hand_over(standing, to)
        except StoreError as error:
            log.error("{call}: it cannot be handed over: {error}", call=sid, error=str(error))
            self._adopt(standing)
            return 503
        log.info("{call}: its stream came to the daemon {node!r}, which goes on with it", call=sid, node=to.node)
        return 204


def _broke(failure: Failure, sid: str) -> int:
    log.failure("{call}: handing it over broke down", failure, call=sid)
    return 500


def _answer(status: int, request: Any) -> None:
    request.setResponseCode(status)
    request.finish()
