"""What the guard has counted, over a restart, and together with the other daemons of a data directory."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sqlalchemy import ColumnElement, Connection, func, literal_column, select
from sqlalchemy.dialects.sqlite import insert
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from zope.interface import implementer

from voiced.ikept import AT_ONCE, CountedElsewhere, Elsewhere, ICounts, ISharedCounts
from voiced.store.database import Database
from voiced.store.schema import COUNTS, OPTED_OUT
from voiced.store.turns import last_turn, next_turn

LEFT_SECONDS = 3600.0
"""How long it stands that a place was left: until every other daemon has looked."""

_NEW = insert(COUNTS)
_REPLACE = _NEW.on_conflict_do_update(
    index_elements=[COUNTS.c.node, COUNTS.c.name],
    set_={"until": _NEW.excluded.until, "amount": _NEW.excluded.amount, "turn": _NEW.excluded.turn},
)
_ZERO: ColumnElement[int] = literal_column("0")
"""The index has only those above: SQLite has to see that in the statement."""
_PLACES = COUNTS.c.name.startswith(AT_ONCE, autoescape=True)


@implementer(ICounts)
class Counts:
    """Counts in a table, one row for each that still counts, and for each daemon that has counted it."""

    def __init__(self, database: Database, clock: IReactorTime, node: str = "") -> None:
        self._database = database
        self._clock = clock
        self._node = node

    def load(self) -> Mapping[str, tuple[float, float]]:
        """See ICounts. A daemon without a name is the only one: what others have counted is its own from then on.
        Nobody has a place when it begins."""
        rows = self._database.now(self._leave_places if self._node else self._take_over)
        return {name: (until, amount) for name, until, amount in rows}

    def keep(self, counts: Mapping[str, tuple[float, float]]) -> Deferred[None]:
        """See ICounts. What they are now is kept, whatever becomes of them before it is written."""
        counts, now = dict(counts), self._clock.seconds()
        return self._database.run(lambda connection: self.write(connection, counts, now))

    def write(self, connection: Connection, counts: Mapping[str, tuple[float, float]], now: float) -> None:
        """Replace these of ours, and forget what counts no more. Work for the database."""
        turn = next_turn(connection) if self._node and counts else 0
        rows = [
            {"node": self._node, "name": name, "until": until, "amount": amount, "turn": turn}
            for name, (until, amount) in counts.items()
        ]
        if rows:
            connection.execute(_REPLACE, rows)
        connection.execute(COUNTS.delete().where(COUNTS.c.until <= now))

    def _take_over(self, connection: Connection) -> list[tuple[str, float, float]]:
        others = connection.execute(select(COUNTS.c.name).where(COUNTS.c.node != "").limit(1)).first()
        alive = select(COUNTS.c.name, func.max(COUNTS.c.until), func.sum(COUNTS.c.amount)).group_by(COUNTS.c.name)
        alive = alive.where(COUNTS.c.until > self._clock.seconds(), ~(_PLACES & (COUNTS.c.node != "")))
        rows = [(name, until, max(0.0, amount)) for name, until, amount in connection.execute(alive).all()]
        if others:
            connection.execute(COUNTS.delete())
            self.write(connection, {name: (until, amount) for name, until, amount in rows}, 0.0)
        return rows

    def _leave_places(self, connection: Connection) -> list[tuple[str, float, float]]:
        mine, now = COUNTS.c.node == self._node, self._clock.seconds()
        left = {"amount": 0.0, "until": now + LEFT_SECONDS, "turn": next_turn(connection)}
        connection.execute(COUNTS.update().where(mine, _PLACES, COUNTS.c.amount != 0.0).values(left))
        alive = select(COUNTS.c.name, COUNTS.c.until, COUNTS.c.amount).where(mine, ~_PLACES, COUNTS.c.until > now)
        return [(name, until, amount) for name, until, amount in connection.execute(alive).all()]


@implementer(ISharedCounts)
class SharedCounts:
    """The counts of all daemons. `is_gone(node)` says, in a worker thread, whether one does not run."""

    def __init__(
        self, database: Database, own: Counts, clock: IReactorTime, node: str, is_gone: Callable[[str], bool]
    ):
        self._database = database
        self._own = own
        self._clock = clock
        self._node = node
        self._is_gone = is_gone
        self._seen: int | None = None
        """The last turn that we have looked at."""
        self._nodes: set[str] = set()
        """All who have ever counted."""

    def together(self, decide: Callable[[Elsewhere], Mapping[str, tuple[float, float]]]) -> Deferred[None]:
        """See ISharedCounts."""

        def decided(elsewhere: Elsewhere) -> Callable[[Connection], None] | None:
            counts, now = dict(decide(elsewhere)), self._clock.seconds()
            return (lambda connection: self._own.write(connection, counts, now)) if counts else None

        return self._database.across(self._look, decided)

    def _look(self, connection: Connection) -> Elsewhere:
        counts = select(COUNTS.c.node, COUNTS.c.name, COUNTS.c.until, COUNTS.c.amount)
        counts = counts.where(COUNTS.c.node != self._node)
        opted_out = select(OPTED_OUT.c.number)
        if self._seen is not None:
            counts = counts.where(COUNTS.c.turn > _ZERO, COUNTS.c.turn > self._seen)
            opted_out = opted_out.where(OPTED_OUT.c.turn > _ZERO, OPTED_OUT.c.turn > self._seen)
        rows = [CountedElsewhere(*row) for row in connection.execute(counts).all()]
        numbers = tuple(connection.execute(opted_out).scalars())
        self._seen = last_turn(connection)
        self._nodes.update(row.node for row in rows)
        return Elsewhere(rows, numbers, frozenset(node for node in self._nodes if self._is_gone(node)))
