"""What stands in the database: its tables, and how a file of an older version becomes one of this version.

`VERSIONS` is the truth about the tables, and what stands there never changes: a new version is a new entry. The
tables below it are what statements are made of, as the newest version has them.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Column, Connection, Float, Integer, LargeBinary, MetaData, String, Table

from voiced.errors import StoreError

VERSIONS: tuple[tuple[str, ...], ...] = (
    (
        """
        CREATE TABLE counts (name TEXT NOT NULL PRIMARY KEY, until REAL NOT NULL, amount REAL NOT NULL)
        WITHOUT ROWID
        """,
        """
        CREATE TABLE placed (key BLOB NOT NULL PRIMARY KEY, asked REAL NOT NULL, fingerprint TEXT NOT NULL,
                             sid TEXT NOT NULL, "order" TEXT NOT NULL)
        WITHOUT ROWID
        """,
        "CREATE INDEX placed_asked ON placed (asked)",
        # AUTOINCREMENT: a number is never used again, so that where a page ended stays where it was. The line comes
        # last: what stands before it is read without it.
        """
        CREATE TABLE kept (number INTEGER PRIMARY KEY AUTOINCREMENT, call TEXT NOT NULL UNIQUE, flow TEXT NOT NULL,
                           time REAL NOT NULL, line TEXT NOT NULL)
        """,
        "CREATE INDEX kept_time ON kept (time)",
        "CREATE INDEX kept_flow ON kept (flow, number)",
    ),
    (
        """
        CREATE TABLE opted_out (number TEXT NOT NULL PRIMARY KEY, at REAL NOT NULL, how TEXT NOT NULL,
                                call TEXT NOT NULL)
        WITHOUT ROWID
        """,
    ),
    ("CREATE TABLE live (call TEXT NOT NULL PRIMARY KEY, standing BLOB NOT NULL)",),
    (
        # Several daemons on one file: each has rows of its own, and `turn` says what is new for the others.
        """
        CREATE TABLE counted (node TEXT NOT NULL DEFAULT '', name TEXT NOT NULL, until REAL NOT NULL,
                              amount REAL NOT NULL, turn INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (node, name))
        WITHOUT ROWID
        """,
        "INSERT INTO counted (name, until, amount) SELECT name, until, amount FROM counts",
        "DROP TABLE counts",
        "ALTER TABLE counted RENAME TO counts",
        # A daemon without a name writes no turns: its index stays empty.
        "CREATE INDEX counts_turn ON counts (turn) WHERE turn > 0",
        "ALTER TABLE opted_out ADD COLUMN turn INTEGER NOT NULL DEFAULT 0",
        "CREATE INDEX opted_out_turn ON opted_out (turn) WHERE turn > 0",
        "ALTER TABLE live ADD COLUMN node TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE live ADD COLUMN boot TEXT NOT NULL DEFAULT ''",
        "CREATE TABLE turns (number INTEGER NOT NULL)",
        "INSERT INTO turns VALUES (0)",
    ),
)
"""The statements that make each version of the database, from 1, out of the one before."""

_metadata = MetaData()

COUNTS = Table(
    "counts",
    _metadata,
    Column("node", String, primary_key=True, server_default=""),
    Column("name", String, primary_key=True),
    Column("until", Float, nullable=False),
    Column("amount", Float, nullable=False),
    Column("turn", Integer, nullable=False, server_default="0"),
)
"""ICounts and ISharedCounts. `until` in seconds since the epoch, `node` the daemon that has counted it, `turn` when
it was written, among all that several daemons write (0: by one without a name)."""

PLACED = Table(
    "placed",
    _metadata,
    Column("key", LargeBinary, primary_key=True),
    Column("asked", Float, nullable=False),
    Column("fingerprint", String, nullable=False),
    Column("sid", String, nullable=False),
    Column("order", String, nullable=False),
)
"""IPlacedCalls. `key` is a SHA-256, `asked` in seconds since the epoch, `order` a CallOrder as JSON."""

KEPT = Table(
    "kept",
    _metadata,
    Column("number", Integer, primary_key=True),
    Column("call", String, nullable=False),
    Column("flow", String, nullable=False),
    Column("time", Float, nullable=False),
    Column("line", String, nullable=False),
)
"""IKeptCalls. `number` counts the calls as they ended, `time` is when that was, in seconds since the epoch."""

OPTED_OUT = Table(
    "opted_out",
    _metadata,
    Column("number", String, primary_key=True),
    Column("at", Float, nullable=False),
    Column("how", String, nullable=False),
    Column("call", String, nullable=False),
    Column("turn", Integer, nullable=False, server_default="0"),
)
"""IOptedOut. `number` is E.164, in clear: the operator has to be able to say who is on the list, and why. `at` is in
seconds since the epoch."""


LIVE = Table(
    "live",
    _metadata,
    Column("call", String, primary_key=True),
    Column("standing", LargeBinary, nullable=False),
    Column("node", String, nullable=False, server_default=""),
    Column("boot", String, nullable=False, server_default=""),
)
"""IStandings. `call` is a SID, or our reference as long as there is none; `standing` a sealed Standing, as JSON;
`node` the daemon that has the call, `boot` which start of it."""

TURNS = Table("turns", _metadata, Column("number", Integer, nullable=False))
"""One row: the last turn that was written."""


def upgrade(connection: Connection, name: str, versions: Sequence[Sequence[str]] = VERSIONS) -> None:
    """Make the tables of the newest version, whatever version the file has; `name` is the file's.

    Raises StoreError for a version that is newer still.
    """
    version: int = connection.exec_driver_sql("PRAGMA user_version").scalar_one()
    if version > len(versions):
        raise StoreError(
            f"{name} was written by a newer voiced (its database has version {version}, this one's {len(versions)}): "
            "install that one again, or name another directory at `data:`"
        )
    for statements in versions[version:]:
        for statement in statements:
            connection.exec_driver_sql(statement)
    if version < len(versions):
        connection.exec_driver_sql(f"PRAGMA user_version = {len(versions)}")
