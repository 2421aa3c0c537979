"""Who does not want to be called any more: for the guard, over a restart, and for the operator to look at."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import Connection, select
from sqlalchemy.dialects.sqlite import insert
from twisted.internet.defer import Deferred
from zope.interface import implementer

from voiced.errors import StoreError
from voiced.ikept import IOptedOut, OptedOut
from voiced.store.database import Database
from voiced.store.schema import OPTED_OUT
from voiced.store.turns import next_turn

BUSY_SECONDS = 5.0
_IF_NEW = insert(OPTED_OUT).on_conflict_do_nothing(index_elements=[OPTED_OUT.c.number])
_ALL = select(OPTED_OUT.c.number, OPTED_OUT.c.at, OPTED_OUT.c.how, OPTED_OUT.c.call).order_by(
    OPTED_OUT.c.at, OPTED_OUT.c.number
)


@implementer(IOptedOut)
class OptedOutNumbers:
    """Numbers in a table; each is there once, as of when it was said first. Where the daemon has a name, the others
    see what is new."""

    def __init__(self, database: Database, node: str = "") -> None:
        self._database = database
        self._node = node

    def load(self) -> Sequence[OptedOut]:
        """See IOptedOut."""
        return [OptedOut(*row) for row in self._database.now(lambda connection: connection.execute(_ALL).all())]

    def keep(self, opted_out: Sequence[OptedOut]) -> Deferred[None]:
        """See IOptedOut."""
        rows = [{"number": each.number, "at": each.at, "how": each.how, "call": each.call} for each in opted_out]

        def write(connection: Connection) -> None:
            turn = next_turn(connection) if self._node else 0
            connection.execute(_IF_NEW, [{**row, "turn": turn} for row in rows])

        return self._database.run(write)

    def forget(self, number: str) -> Deferred[bool]:
        """See IOptedOut."""
        gone = OPTED_OUT.delete().where(OPTED_OUT.c.number == number)
        return self._database.run(lambda connection: connection.execute(gone).rowcount > 0)


def listed(path: Path) -> list[OptedOut]:
    """What the file at this path holds, read beside the daemon that has it open, and changed in nothing.

    Nothing where there is no file yet, or one of an older version. Blocks. Raises StoreError.
    """
    if not path.exists():
        return []
    query = str(_ALL.compile(compile_kwargs={"literal_binds": True}))
    try:
        where = f"file:{quote(str(path.absolute()))}?mode=ro"
        with closing(sqlite3.connect(where, timeout=BUSY_SECONDS, uri=True)) as connection:
            there = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'opted_out'").fetchone()
            return [OptedOut(*row) for row in connection.execute(query)] if there else []
    except sqlite3.Error as error:
        raise StoreError(f"{path} cannot be read ({error}): run this as the user that voiced runs as") from error
