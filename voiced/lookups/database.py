"""A database that is only read: how each kind is opened so that nothing is changed, and no answer takes for ever.

SQLite is opened with `mode=ro` (https://www.sqlite.org/uri.html#urimode) for every question, so that a file that has
been replaced is seen. The others are asked in a read-only transaction with a time limit of their own, which is rolled
back: https://www.postgresql.org/docs/current/sql-set-transaction.html,
https://dev.mysql.com/doc/refman/8.4/en/commit.html, https://mariadb.com/kb/en/max_statement_time/
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import attrs
from sqlalchemy import Connection, Engine, TextClause, create_engine, make_url
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError, NoSuchModuleError
from sqlalchemy.pool import NullPool

from voiced.errors import LookupFailed, VoicedError
from voiced.lookups.facts import is_name, name_of, text_of

AT_ONCE = 4
"""Questions to one database at the same time: each keeps one of the daemon's worker threads (there are ten)."""
_RECYCLE_SECONDS = 600
"""Firewalls forget connections that are idle for longer."""
_PACKAGES = {
    "sqlite": {"pysqlite": ""},
    "postgresql": {"psycopg": "psycopg[binary]", "psycopg2": "psycopg2-binary", "pg8000": "pg8000"},
    "mysql": {"pymysql": "pymysql", "mysqldb": "mysqlclient"},
    "mariadb": {"pymysql": "pymysql", "mysqldb": "mysqlclient"},
}
"""Each kind of database, its drivers that are known to be read with, and the packages they are in."""
_CONNECT: Mapping[str, Callable[[float], dict[str, Any]]] = {
    "pysqlite": lambda seconds: {"timeout": seconds},
    "psycopg": lambda seconds: {"connect_timeout": math.ceil(seconds)},
    "psycopg2": lambda seconds: {"connect_timeout": math.ceil(seconds)},
    "pg8000": lambda seconds: {"timeout": seconds},
    "pymysql": lambda seconds: {"connect_timeout": math.ceil(seconds), "read_timeout": math.ceil(seconds)},
    "mysqldb": lambda seconds: {"connect_timeout": math.ceil(seconds), "read_timeout": math.ceil(seconds)},
}
"""How each driver is told how long it may wait: libpq and MySQL know whole seconds only."""
_WORD = re.compile(r"\w{3,}")


def database_url(text: str) -> URL:
    """Check a URL. Raises ValueError with a sentence that does not repeat it: it holds a password."""
    try:
        url = make_url(text)
        driver = url.get_dialect().driver
    except (ArgumentError, NoSuchModuleError, ValueError):
        raise ValueError(
            "`url` must be like postgresql+psycopg://user:password@host/database, mysql+pymysql://… or "
            "sqlite:////path/of/file.db"
        ) from None
    drivers = _PACKAGES.get(url.get_backend_name())
    if drivers is None:
        raise ValueError("`url` must lead to SQLite, PostgreSQL, MySQL or MariaDB: of others we cannot only read")
    if driver not in drivers:
        raise ValueError(f"`url` must name one of the drivers {', '.join(drivers)}, as in {_example(url, drivers)}")
    if url.get_backend_name() != "sqlite":
        return url
    if not Path(url.database or "").is_absolute():
        raise ValueError(
            "`url` must have the whole path of SQLite's file, with four slashes: sqlite:////path/of/file.db"
        )
    return url.set(database=f"file:{quote(url.database or '')}", query={"mode": "ro", "uri": "true"})


def _example(url: URL, drivers: Mapping[str, str]) -> str:
    return f"{url.get_backend_name()}+{next(iter(drivers))}://…"


@attrs.frozen
class Database:
    """What questions are put to. All that it does blocks: in a worker thread."""

    name: str
    """The host, or the file: for sentences."""
    _engine: Engine = attrs.field(repr=False)
    _seconds: float
    """A question may take so long."""

    @classmethod
    def open(cls, url: URL, seconds: float) -> Database:
        """Nothing is connected yet. Raises VoicedError when the driver is not installed.

        `url` comes from `database_url`.
        """
        kind, driver = url.get_backend_name(), url.get_dialect().driver
        pool: dict[str, Any] = {"poolclass": NullPool}
        if kind != "sqlite":
            pool = {"pool_size": AT_ONCE, "max_overflow": 0, "pool_recycle": _RECYCLE_SECONDS, "pool_pre_ping": True}
        try:
            # hide_parameters: a traceback shows no numbers.
            engine = create_engine(url, connect_args=_CONNECT[driver](seconds), hide_parameters=True, **pool)
        except ImportError as error:
            raise VoicedError(
                f"the driver {driver!r} of this database is not installed: pip install '{_PACKAGES[kind][driver]}', "
                "where voiced is installed"
            ) from error
        return cls(url.host or Path(unquote(url.database or "")).name, engine, seconds)

    def first(self, query: TextClause, values: Mapping[str, str], over: Callable[[], bool]) -> dict[str, str]:
        """The first row as facts; {} when there is none. SQLite ends early when `over()`.

        Raises LookupFailed, with a sentence that holds none of the values.
        """
        try:
            with self._engine.connect() as connection:
                result = _only_reading(connection, self._seconds, over).execute(query, values)
                columns, row = list(result.keys()), result.first()
        except Exception as error:  # a driver's own, too: not all that they raise is a SQLAlchemyError
            raise LookupFailed(f"{self.name}: {self._sentence(error, values)}") from error
        return self._facts(columns, row)

    def _facts(self, columns: list[str], row: Any) -> dict[str, str]:
        names = [name_of(column) for column in columns]
        for at, name in enumerate(names):
            if not is_name(name) or name in names[:at]:
                raise LookupFailed(
                    f"{self.name}: column {at + 1} of `query` has no name of its own that a flow can read: give it "
                    "one with AS"
                )
        texts = {name: text_of(value) for name, value in zip(names, row or [None] * len(names), strict=True)}
        return {name: text for name, text in texts.items() if text is not None}

    def _sentence(self, error: Exception, values: Mapping[str, str]) -> str:
        """What the database says, where no word of it may be the caller's or the password."""
        orig = getattr(error, "orig", None) or error
        detail: Any = orig.args[0] if orig.args else ""
        if isinstance(detail, dict):  # pg8000's: the fields of PostgreSQL's answer; M is its message
            said, code = str(detail.get("M", "")), detail.get("C", "")
        else:
            said, code = str(orig), getattr(orig, "sqlstate", None) or getattr(orig, "pgcode", None) or ""
        said = (said.splitlines() or [""])[0]
        hidden = [*values.values(), self._engine.url.password or ""]
        if any(word in value for word in _WORD.findall(said) for value in hidden):
            said = ""
        what = ", ".join(filter(None, (type(orig).__name__, str(code), said)))
        return f"the database gave no answer ({what}): check `url`, `query`, and what its user may read"


def _only_reading(connection: Connection, seconds: float, over: Callable[[], bool]) -> Connection:
    """The connection, so that nothing can be changed by it from now on."""
    milliseconds = math.ceil(seconds * 1000)
    match connection.dialect.name:
        case "sqlite":
            driver: Any = connection.connection.driver_connection
            driver.set_progress_handler(over, 1000)
        case "postgresql":
            connection = connection.execution_options(postgresql_readonly=True)
            connection.exec_driver_sql(f"SET LOCAL statement_timeout = {milliseconds}")
        case _:
            mariadb = getattr(connection.dialect, "is_mariadb", False)
            limit = f"max_statement_time = {seconds:g}" if mariadb else f"max_execution_time = {milliseconds}"
            connection.exec_driver_sql(f"SET SESSION {limit}")
            connection.exec_driver_sql("START TRANSACTION READ ONLY")
    return connection
