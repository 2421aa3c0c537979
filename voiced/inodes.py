"""Other daemons with the same data directory: who of them has a call, and how it comes to the right one."""

from __future__ import annotations

from collections.abc import Collection

from twisted.internet.defer import Deferred
from zope.interface import Interface

from voiced.net.exchange import Answer
from voiced.net.relaying import Asked


class INeighbours(Interface):
    """The other daemons. Fails with Unreachable (and StoreError) only: whoever asks may try again."""

    def ask(names: Collection[str], asked: Asked) -> Deferred[Answer | None]:
        """Have whichever daemon has the call of these names (its SID, and our reference) answer this request; fires
        with its answer.

        None: it is ours to answer. Nobody has the call; or it was that of a daemon which runs no more, and is taken
        up here by now; or it is over, and known to be (Switchboard.has_ended).
        """

    def bring(call_sid: str) -> Deferred[int | None]:
        """A stream of this call comes to us: have the daemon that has it hand it over. Fires when it is here, or
        nobody has it; or with the status to refuse the stream with, where it is to stay where it is."""

    def settled() -> Deferred[None]:
        """Fires when the others can see which calls are here."""
