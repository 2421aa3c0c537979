"""What the guard has counted, over a restart."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection, select
from sqlalchemy.dialects.sqlite import insert
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from zope.interface import implementer

from voiced.ikept import ICounts
from voiced.store.database import Database
from voiced.store.schema import COUNTS

_NEW = insert(COUNTS)
_REPLACE = _NEW.on_conflict_do_update(
    index_elements=[COUNTS.c.name], set_={"until": _NEW.excluded.until, "amount": _NEW.excluded.amount}
)


@implementer(ICounts)
class Counts:
    """Counts in a table, one row for each that still counts."""

    def __init__(self, database: Database, clock: IReactorTime) -> None:
        self._database = database
        self._clock = clock

    def load(self) -> Mapping[str, tuple[float, float]]:
        """See ICounts."""
        alive = select(COUNTS.c.name, COUNTS.c.until, COUNTS.c.amount).where(COUNTS.c.until > self._clock.seconds())
        rows = self._database.now(lambda connection: connection.execute(alive).all())
        return {name: (until, amount) for name, until, amount in rows}

    def keep(self, counts: Mapping[str, tuple[float, float]]) -> Deferred[None]:
        """See ICounts. What they are now is kept, whatever becomes of them before it is written."""
        rows = [{"name": name, "until": until, "amount": amount} for name, (until, amount) in counts.items()]
        over = COUNTS.delete().where(COUNTS.c.until <= self._clock.seconds())

        def write(connection: Connection) -> None:
            if rows:
                connection.execute(_REPLACE, rows)
            connection.execute(over)

        return self._database.run(write)
