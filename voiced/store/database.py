"""The SQLite file: opens it, brings it up to date, and does one thing after the other with it in a worker thread.

Every transaction that has been committed is on the disk (WAL with synchronous=FULL): an idempotency key and a count
have to be there before the carrier is asked, and a call's line costs one fsync a call, which nobody waits for.
https://www.sqlite.org/pragma.html#pragma_synchronous
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, create_engine, event
from sqlalchemy.engine import URL
from sqlalchemy.exc import DatabaseError
from sqlalchemy.pool import StaticPool
from twisted.internet.defer import Deferred, DeferredLock

from voiced.errors import StoreError
from voiced.store.schema import VERSIONS, upgrade

BUSY_SECONDS = 5.0
"""How long another process may keep the file locked."""
_PRIMARY = 0xFF
"""The bits of SQLite's result codes that say what, and not where (https://www.sqlite.org/rescode.html)."""

_T = TypeVar("_T")
Work = Callable[[Connection], object]


class Database:
    """One connection to the file at `path` (None: a database in memory, gone when it is closed).

    Opening it blocks, for the start only. Raises StoreError with what an operator has to do.
    """

    def __init__(
        self,
        path: Path | None,
        in_thread: Callable[..., Deferred[Any]],
        versions: Sequence[Sequence[str]] = VERSIONS,
    ) -> None:
        self._name = str(path or "the database in memory")
        self._on_disk = path is not None
        self._in_thread = in_thread
        self._lock = DeferredLock()
        self._closed = False
        if path is not None:
            _make_private(path)
        # One connection, whichever thread it is used in: the lock lets one at a time use it. SQLite's own module
        # begins no transactions (isolation_level None): it would not begin one for tables that are made.
        self._engine = create_engine(
            URL.create("sqlite", database=None if path is None else str(path)),
            poolclass=StaticPool,
            connect_args={"check_same_thread": False, "isolation_level": None, "timeout": BUSY_SECONDS},
            hide_parameters=True,  # a traceback shows no numbers
        )
        event.listen(self._engine, "connect", _set_up)
        event.listen(self._engine, "begin", _begin)
        self.now(partial(_check, name=self._name))
        self.now(partial(upgrade, name=self._name, versions=versions))

    def now(self, work: Callable[[Connection], _T]) -> _T:
        """Call `work(connection)` in a transaction, in this thread. Only while nothing else is done with it: at the
        start. Raises StoreError; nothing of the work is left then."""
        try:
            return self._transact(work, alone=True)
        finally:
            if self._on_disk:
                # twistd forks after the start: no connection of SQLite's may be carried over a fork, so that the next
                # thread makes a new one (https://www.sqlite.org/howtocorrupt.html, 2.6).
                self._engine.dispose()

    def run(self, work: Callable[[Connection], _T]) -> Deferred[_T]:
        """Call `work(connection)` in a transaction, in a worker thread, when all that was given before is done; fires
        with what it returns, when it is on the disk. Fails with StoreError; nothing of the work is left then.

        Cancelling before its turn leaves it undone; what has begun is done to its end, and nobody is told.
        """
        # Cancelling must not release the lock while the thread is at work: what is given back stands beside it.
        result: Deferred[_T] = Deferred()
        done: Deferred[Any] = self._lock.run(self._do, result, work)
        done.chainDeferred(result)
        return result

    def across(self, look: Callable[[Connection], _T], decide: Callable[[_T], Work | None]) -> Deferred[None]:
        """One transaction, in which nobody else can write, no other process either: `look(connection)` in a worker
        thread, `decide(what it gave)` here, and what that gives in a worker thread again (None: nothing is written).
        Fires when it is on the disk.

        Fails with StoreError, before or after `decide` was called: nothing is written then. Not to be cancelled.
        """
        done: Deferred[None] = self._lock.run(lambda: Deferred.fromCoroutine(self._across(look, decide)))
        return done

    def close(self) -> Deferred[None]:
        """Close the file when all that was given before is done; whatever comes later fails with StoreError."""
        closed: Deferred[None] = self._lock.run(self._close)
        return closed

    def _do(self, result: Deferred[_T], work: Callable[[Connection], _T]) -> Any:
        if result.called:
            return None
        if self._closed:
            raise StoreError(f"{self._name} is closed: the daemon is stopping")
        return self._in_thread(self._transact, work)

    def _transact(self, work: Callable[[Connection], _T], *, alone: bool = False) -> _T:
        """`alone`: from its beginning nobody else can write, which work that reads and then writes needs."""
        engine = self._engine.execution_options(alone=True) if alone else self._engine
        with self._translated(), engine.begin() as connection:
            return work(connection)

    async def _across(self, look: Callable[[Connection], _T], decide: Callable[[_T], Work | None]) -> None:
        if self._closed:
            raise StoreError(f"{self._name} is closed: the daemon is stopping")
        connection, seen = await self._in_thread(self._look, look)
        work: Work | None = None
        try:
            work = decide(seen)
        finally:
            await self._in_thread(self._leave, connection, work)

    def _look(self, look: Callable[[Connection], _T]) -> tuple[Connection, _T]:
        with self._translated():
            connection = self._engine.connect().execution_options(alone=True)
            try:
                connection.begin()
                return connection, look(connection)
            except BaseException:
                connection.close()
                raise

    def _leave(self, connection: Connection, work: Work | None) -> None:
        with self._translated(), connection:  # leaving it without a commit undoes all
            if work is not None:
                work(connection)
                connection.commit()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except DatabaseError as error:
            raise StoreError(_sentence(self._name, error.orig)) from error

    def _close(self) -> Any:
        if self._closed:
            return None
        self._closed = True
        return self._in_thread(self._engine.dispose)


def _make_private(path: Path) -> None:
    """Nobody else may read it: it holds numbers, and names of calls. SQLite's files beside it get the same mode."""
    try:
        path.touch(mode=0o600)
        if path.stat().st_mode & 0o077:
            path.chmod(0o600)
    except OSError as error:
        raise StoreError(
            f"{path} cannot be made or written ({error.strerror}): the user that voiced runs as must own it and its "
            "directory; `data:` in voiced.yaml names another"
        ) from error


def _set_up(connection: Any, _: object) -> None:
    """Of SQLAlchemy's events: a connection of sqlite3's was made."""
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "secure_delete = ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: Connection) -> None:
    """Of SQLAlchemy's events: a transaction begins."""
    alone = connection.get_execution_options().get("alone")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if alone else "BEGIN")


def _check(connection: Connection, name: str) -> None:
    """Look for what a failing disk leaves where it is decisive, and small: the calls that are over are neither."""
    for table in ("counts", "placed", "opted_out"):
        known = connection.exec_driver_sql("SELECT 1 FROM sqlite_master WHERE name = ?", (table,)).first()
        verdict = connection.exec_driver_sql(f"PRAGMA integrity_check({table})").scalar() if known else "ok"
        if verdict != "ok":
            raise StoreError(_broken(name, str(verdict)))


def _broken(name: str, how: str) -> str:
    return (
        f"{name} is broken ({how}): move it away, with the files beside it that are named like it, and start again; "
        "the guard then counts from nothing, and the idempotency keys, the list of past calls and the numbers of "
        "those who have opted out are lost (`voiced dnc list` before that may still read them)"
    )


def _sentence(name: str, error: BaseException | None) -> str:
    """What happened to the file, and what to do about it. Of `error` only what SQLite says is shown."""
    match getattr(error, "sqlite_errorcode", 0) & _PRIMARY:
        case sqlite3.SQLITE_FULL:
            return f"{name} cannot be written: the disk is full; make room on it"
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_PERM | sqlite3.SQLITE_AUTH:
            return (
                f"{name} cannot be written ({error}): the user that voiced runs as must own it and its directory, on "
                "a disk that can be written"
            )
        case sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_NOTADB:
            return _broken(name, str(error))
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return f"{name} is locked by another process: is a second voiced running in this data directory?"
        case sqlite3.SQLITE_IOERR:
            advice = "is the disk full? If not, look for a failing one in the system's log"
            return f"{name} cannot be read or written ({error}): {advice}"
        case _:
            return f"{name} cannot be used ({error})"
