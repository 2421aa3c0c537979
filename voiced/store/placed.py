"""The idempotency keys of the last 24 hours, over a restart."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, select, union
from sqlalchemy.dialects.sqlite import insert
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from zope.interface import implementer

from voiced.errors import StoreError
from voiced.icarrier import CallOrder
from voiced.ikept import IPlacedCalls, Others, Placed
from voiced.store.database import Database
from voiced.store.schema import KEPT, LIVE, PLACED

KEPT_SECONDS = 24 * 3600.0
"""How long a key stands for its call."""

_IF_NEW = insert(PLACED).on_conflict_do_nothing(index_elements=[PLACED.c.key])
_COLUMNS = (PLACED.c.fingerprint, PLACED.c.order, PLACED.c.asked, PLACED.c.sid)


@implementer(IPlacedCalls)
class PlacedCalls:
    """Keys in a table, each as its SHA-256: they are as long as clients like, and say what clients like."""

    def __init__(self, database: Database, clock: IReactorTime) -> None:
        self._database = database
        self._clock = clock

    def begin(self, key: str, placed: Placed) -> Deferred[Placed | None]:
        """See IPlacedCalls."""
        over = PLACED.delete().where(PLACED.c.asked <= self._clock.seconds() - KEPT_SECONDS)
        new = _IF_NEW.values(
            key=_digest(key),
            fingerprint=placed.fingerprint,
            order=msgspec.json.encode(placed.order).decode(),
            asked=placed.asked,
            sid=placed.sid,
        )
        known = select(*_COLUMNS).where(PLACED.c.key == _digest(key))

        def write(connection: Connection) -> Placed | None:
            connection.execute(over)
            if connection.execute(new).rowcount:
                return None
            fingerprint, order, asked, sid = connection.execute(known).one()
            return Placed(fingerprint, _order(order), asked, sid)

        return self._database.run(write)

    def named(self, key: str, sid: str) -> Deferred[None]:
        """See IPlacedCalls. Nothing happens where the key is forgotten by now."""
        return self._write(PLACED.update().where(PLACED.c.key == _digest(key)).values(sid=sid))

    def forget(self, key: str) -> Deferred[None]:
        """See IPlacedCalls."""
        return self._write(PLACED.delete().where(PLACED.c.key == _digest(key)))

    def others(self, key: str, sids: Sequence[str], to: str) -> Deferred[Others]:
        """See IPlacedCalls."""
        others = (PLACED.c.key != _digest(key)) & self._fresh
        theirs = select(PLACED.c.sid).where(others, PLACED.c.sid.in_(sids), PLACED.c.sid != "")
        # Without a key, too: of another daemon of this data directory, which has named it, or ended it.
        named_live = select(LIVE.c.call).where(LIVE.c.call.in_(sids))
        named_kept = select(KEPT.c.call).where(KEPT.c.call.in_(sids))
        unnamed = select(PLACED.c.order).where(others, PLACED.c.sid == "")

        def read(connection: Connection) -> Others:
            named = frozenset(connection.execute(union(theirs, named_live, named_kept)).scalars())
            return Others(named, any(_order(order).to == to for order in connection.execute(unnamed).scalars()))

        return self._database.run(read)

    def called(self, call_sid: str) -> Deferred[Placed | None]:
        """See IPlacedCalls."""
        known = select(*_COLUMNS).where(PLACED.c.sid == call_sid, PLACED.c.sid != "", self._fresh)

        def read(connection: Connection) -> Placed | None:
            row = connection.execute(known).first()
            return None if row is None else Placed(row[0], _order(row[1]), row[2], row[3])

        return self._database.run(read)

    @property
    def _fresh(self) -> Any:
        """Of the last 24 hours."""
        return PLACED.c.asked > self._clock.seconds() - KEPT_SECONDS

    def _write(self, statement: object) -> Deferred[None]:
        def write(connection: Connection) -> None:
            connection.execute(statement)  # type: ignore[call-overload]

        return self._database.run(write)


def _digest(key: str) -> bytes:
    # A lone surrogate has no bytes in UTF-8; as a key it is as good as any.
    return hashlib.sha256(key.encode(errors="surrogatepass")).digest()


def _order(text: str) -> CallOrder:
    try:
        return msgspec.json.decode(text, type=CallOrder)
    except msgspec.MsgspecError as error:
        raise StoreError(f"the order of a call that was asked for before cannot be read ({error})") from error
