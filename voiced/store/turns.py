"""Turns: of whatever several daemons write into one database, which came first. Each looks for what is newer than the
last turn that it has seen."""

from __future__ import annotations

from sqlalchemy import Connection, select

from voiced.store.schema import TURNS

_ON = TURNS.update().values(number=TURNS.c.number + 1)
_LAST = select(TURNS.c.number)


def next_turn(connection: Connection) -> int:
    """A turn that nobody has had. For a transaction that writes with it; nobody else gets one until that is over."""
    connection.execute(_ON)
    return last_turn(connection)


def last_turn(connection: Connection) -> int:
    """The last one that was written."""
    number: int = connection.execute(_LAST).scalar_one()
    return number
