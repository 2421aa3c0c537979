"""All that survives a restart, opened together."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import attrs
from sqlalchemy import Connection, false
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

from voiced.errors import StoreError
from voiced.ikept import ICounts, IKeptCalls, IOptedOut, IPlacedCalls, ISharedCounts
from voiced.store.counts import Counts, SharedCounts
from voiced.store.database import Database
from voiced.store.kept import KeptCalls
from voiced.store.lock import Lock, is_gone
from voiced.store.optedout import OptedOutNumbers
from voiced.store.placed import PlacedCalls
from voiced.store.schema import COUNTS
from voiced.store.standings import Standings

FILE = "voiced.sqlite"
"""Its name in the data directory."""


@attrs.frozen
class Store:
    """One open database, by what is in it."""

    counts: ICounts
    placed: IPlacedCalls
    kept: IKeptCalls
    opted_out: IOptedOut
    standings: Standings
    """As IStandings, and as ISharedStandings."""
    shared: ISharedCounts | None
    """The counts of all daemons of the data directory; None: this is the only one."""
    database: Database
    lock: Lock | None
    """Keeps other daemons out; in memory there are none."""

    def can_be_written(self) -> Deferred[bool]:
        """Fires with True when it can be, full disks aside. Fails with StoreError."""
        return self.database.run(_write_nothing).addCallback(lambda _: True)

    def close(self) -> Deferred[None]:
        """Close it when all that was given before is on the disk; whatever comes later fails with StoreError. Then
        another daemon may open it."""
        return self.database.close().addBoth(self._let_go)

    def _let_go(self, result: Any) -> Any:
        if self.lock is not None:
            self.lock.release()
        return result


def _write_nothing(connection: Connection) -> None:
    """Take the lock that writing takes, and change nothing."""
    connection.execute(COUNTS.delete().where(false()))


def open_store(
    path: Path | None,
    in_thread: Callable[..., Deferred[Any]],
    clock: IReactorTime,
    pepper: bytes = b"",
    node: str = "",
) -> Store:
    """Open the file, which is made where it is not there. None: in memory, for a daemon that forgets.

    `in_thread` as in Tools, `clock` says what is over; where live calls stand is sealed with `pepper`, a secret of
    the settings. With a `node`, daemons of other names may have it open, too, and count together with this one.
    Blocks: at the start only. Raises StoreError: a daemon that cannot count, or that others beside it do not count
    with, must not start, for it would place calls that the guard forbids; and says what is to be done.
    """
    lock = None if path is None else Lock(path, node)
    gone: Callable[[str], bool] = (lambda _: True) if path is None else partial(is_gone, path)
    try:
        database = Database(path, in_thread)
    except StoreError:
        if lock is not None:
            lock.release()
        raise
    counts = Counts(database, clock, node)
    return Store(
        counts,
        PlacedCalls(database, clock),
        KeptCalls(database, clock),
        OptedOutNumbers(database, node),
        Standings(database, pepper, node, gone),
        SharedCounts(database, counts, clock, node, gone) if node else None,
        database,
        lock,
    )
