"""Callers who are in a database: what is asked, what is a fact, what fails how, and that nothing is ever changed."""

from __future__ import annotations

import sqlite3
import sys
from pathlib import Path
from typing import Any
from unittest import mock

import attrs
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.worker_threads import Threads
from voiced.call.template import Template
from voiced.errors import LookupFailed, VoicedError
from voiced.ivoiced import ICallerLookup
from voiced.lookups import database, sql
from voiced.lookups.query import query
from voiced.secret import Secret
from voiced.testing.contracts import CallerLookupContract
from voiced.testing.fake_call import INFO, FakeCall
from voiced.testing.fakes import FakeTools

PARTY = "+14155550100"
KEY = "k-123456"
NAME = "SELECT name FROM customers WHERE phone = :party"
FOR_EVER = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) AS c FROM n"
SCHEMA = """
CREATE TABLE customers (phone TEXT, name TEXT, visits INTEGER, owes REAL, photo BLOB, note TEXT, "since when" TEXT);
INSERT INTO customers VALUES ('+14155550100', 'Ann', 3, 12.5, x'ff00', NULL, '2026-01-02');
INSERT INTO customers VALUES ('+14155550101', 'Bo', 0, 3.0, x'68', '', NULL);
"""


def customers(directory: str, name: str) -> Path:
    """A database with two people in it."""
    path = Path(directory).absolute() / name
    path.parent.mkdir(parents=True)
    with sqlite3.connect(path) as connection:
        connection.executescript(SCHEMA)
    connection.close()
    return path


class SqlCase(SynchronousTestCase):
    """Test cases with a database."""

    def setUp(self) -> None:
        """It is there."""
        self.path = customers(self.mktemp(), "customers.db")
        self.clock = Clock()

    def lookup(self, written: str = NAME, in_thread: Any = None, **settings: Any) -> ICallerLookup:
        """The lookup; its threads are none, unless they are given."""
        tools = FakeTools(self.clock)
        tools = tools if in_thread is None else attrs.evolve(tools, in_thread=in_thread)
        return sql.make(sql.Settings(Secret(f"sqlite:///{self.path}"), written, **settings), tools)

    def ask(self, lookup: ICallerLookup, party: str = PARTY, **facts: str) -> Deferred[Any]:
        """What it says of a caller; facts may have `__` for their dots."""
        call = FakeCall(info=attrs.evolve(INFO, caller=party), clock=self.clock)
        call.facts.update({name.replace("__", "."): value for name, value in facts.items()})
        return lookup.lookup(call)

    def known(self, written: str = NAME, party: str = PARTY, **settings: Any) -> Any:
        """The facts."""
        return self.successResultOf(self.ask(self.lookup(written, **settings), party))

    def failure(self, asking: Deferred[Any]) -> str:
        """The sentence that it fails with."""
        return str(self.failureResultOf(asking, LookupFailed).value)


class FactTests(SqlCase):
    """What is a fact."""

    def test_row(self) -> None:
        """The first row's columns, as texts; what is NULL or no text is left out."""
        ann = {"phone": PARTY, "name": "Ann", "visits": "3", "owes": "12.5", "since_when": "2026-01-02"}
        self.assertEqual(self.known("SELECT * FROM customers WHERE phone = :party"), ann)
        bo = {"phone": "+14155550101", "name": "Bo", "visits": "0", "owes": "3", "photo": "h", "note": ""}
        self.assertEqual(self.known("SELECT * FROM customers WHERE phone = :party", bo["phone"]), bo)
        self.assertEqual(self.known("SELECT name FROM customers ORDER BY name;", parameters={}), {"name": "Ann"})

    def test_nobody(self) -> None:
        """No row is nobody; neither is a row of nothing."""
        self.assertEqual(self.known(party="+442071234567"), {})
        self.assertEqual(self.known("SELECT note FROM customers WHERE phone = :party"), {})

    def test_parameters(self) -> None:
        """They are filled with facts of the call."""
        written = (
            "WITH who AS (SELECT :a AS a) SELECT a, :b AS b, '12:30 :x' AS c, 'it''s' || '--' AS d FROM who -- :e"
        )
        parameters = {"a": Template.parse("{party.tier|none}/{call.party}"), "b": Template.parse("{party.id}")}
        lookup = self.lookup(written.replace(":x", r"\:x").replace(":e", "e"), parameters=parameters)
        facts = self.successResultOf(self.ask(lookup, party__id="7"))
        self.assertEqual(facts, {"a": f"none/{PARTY}", "b": "7", "c": "12:30 :x", "d": "it's--"})

    def test_hostile(self) -> None:
        """Whatever a fact holds, it is compared and nothing else."""
        for party in (
            "' OR 1=1 --",
            "'; DROP TABLE customers; --",
            "%",
            "_",
            "\0",
            '"',
            "\\",
            ":party",
            "x" * 100_000,
        ):
            self.assertEqual(self.known(party=party), {}, party)
        self.assertEqual(
            self.known("SELECT :party AS p", "'; DROP TABLE customers"), {"p": "'; DROP TABLE customers"}
        )
        self.assertEqual(self.known(), {"name": "Ann"})

    @given(st.text())
    def test_any_party(self, party: str) -> None:
        """A fact comes back as it went in, or it cannot be asked for."""
        asked = self.ask(self.lookup("SELECT :party AS p"), party)
        try:
            party.encode()
        except UnicodeEncodeError:
            self.failure(asked)
        else:
            self.assertEqual(self.successResultOf(asked), {"p": party})

    def test_replaced(self) -> None:
        """A file that is replaced by another one is read."""
        lookup = self.lookup()
        self.successResultOf(self.ask(lookup))
        other = customers(self.mktemp(), "other.db")
        with sqlite3.connect(other) as connection:
            connection.execute("UPDATE customers SET name = 'Zoe'")
        connection.close()
        other.rename(self.path)
        self.assertEqual(self.successResultOf(self.ask(lookup)), {"name": "Zoe"})

    def test_odd_file(self) -> None:
        """A file whose name holds what a URL reads otherwise."""
        path = customers(self.mktemp(), "our customers#1.db")
        settings = sql.Settings(Secret(f"sqlite:///{path}"), NAME)
        self.assertEqual(self.successResultOf(self.ask(sql.make(settings, FakeTools(self.clock)))), {"name": "Ann"})


class ReadOnlyTests(SqlCase):
    """Nothing is changed."""

    def opened(self) -> database.Database:
        """The database, without the check of its questions."""
        return database.Database.open(database.database_url(f"sqlite:///{self.path}"), 1.0)

    def test_read_only(self) -> None:
        """What the check would not see, SQLite itself refuses."""
        before = self.path.read_bytes()
        for written in ("INSERT INTO customers (name) VALUES ('x')", "DELETE FROM customers", "DROP TABLE customers"):
            error = self.assertRaises(LookupFailed, self.opened().first, text(written), {}, lambda: False)
            self.assertIn("attempt to write a readonly database", str(error))
        self.assertEqual(self.path.read_bytes(), before)

    def test_not_made(self) -> None:
        """A file that is not there is not made."""
        self.path.unlink()
        self.assertIn("customers.db: the database gave no answer", self.failure(self.ask(self.lookup())))
        self.assertFalse(self.path.exists())

    def test_servers(self) -> None:
        """Others are told before the question that nothing is to be changed, and when to give up."""

        class Server:
            def __init__(self, name: str, is_mariadb: bool = False) -> None:
                self.dialect = self
                self.name = name
                self.is_mariadb = is_mariadb
                self.told: list[Any] = []

            def execution_options(self, **options: Any) -> Server:
                self.told.append(options)
                return self

            def exec_driver_sql(self, told: str) -> None:
                self.told.append(told)

        begin = "START TRANSACTION READ ONLY"
        for server, told in (
            (Server("postgresql"), [{"postgresql_readonly": True}, "SET LOCAL statement_timeout = 1500"]),
            (Server("mysql"), ["SET SESSION max_execution_time = 1500", begin]),
            (Server("mysql", is_mariadb=True), ["SET SESSION max_statement_time = 1.5", begin]),
            (Server("mariadb", is_mariadb=True), ["SET SESSION max_statement_time = 1.5", begin]),
        ):
            database._only_reading(server, 1.5, lambda: False)  # type: ignore[arg-type]
            self.assertEqual(server.told, told, server.name)

    def test_ended_early(self) -> None:
        """A question that nobody waits for any more is given up, even one without an end."""
        asked = iter([False] * 5)
        question = query(FOR_EVER, ())
        error = self.assertRaises(LookupFailed, self.opened().first, question, {}, lambda: next(asked, True))
        self.assertIn("interrupted", str(error))


class TurnTests(SqlCase):
    """Threads, time and cancelling."""

    def setUp(self) -> None:
        """Threads that wait."""
        super().setUp()
        self.threads = Threads()
        self.slow = self.lookup(in_thread=self.threads, timeout=1.0)

    def test_in_thread(self) -> None:
        """It runs in a thread."""
        asking = self.ask(self.slow)
        self.assertNoResult(asking)
        self.threads.run()
        self.assertEqual(self.successResultOf(asking), {"name": "Ann"})

    def test_turns(self) -> None:
        """A few at once; one that is over before its turn is not begun."""
        asking = [self.ask(self.slow) for _ in range(database.AT_ONCE + 2)]
        self.assertEqual(len(self.threads.work), database.AT_ONCE)
        asking[-2].cancel()
        self.failureResultOf(asking[-2], CancelledError)
        for left in (4, 3, 2, 1, 0):
            self.threads.run()
            self.assertEqual(len(self.threads.work), left)
        self.assertEqual(self.successResultOf(asking[-1]), {"name": "Ann"})

    def test_cancelled(self) -> None:
        """Cancelling forgets it at once; its turn is over when its thread is, and the next one has it."""
        asking = [self.ask(self.slow) for _ in range(database.AT_ONCE + 1)]
        asking[0].cancel()
        self.failureResultOf(asking[0], CancelledError)
        self.assertEqual(len(self.threads.work), database.AT_ONCE)
        self.threads.run()
        self.assertEqual(len(self.threads.work), database.AT_ONCE)
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_timeout(self) -> None:
        """After its time it fails, and SQLite gives it up."""
        lookup = self.lookup(FOR_EVER, in_thread=self.threads, parameters={}, timeout=0.5)
        asking = self.ask(lookup)
        self.clock.advance(0.5)
        self.assertEqual(self.failure(asking), "customers.db: no answer within 0.5 s")
        self.threads.run()
        self.assertEqual(self.clock.getDelayedCalls(), [])


class TroubleTests(SqlCase):
    """What fails, and how that is said."""

    def test_sentences(self) -> None:
        """SQLite's own words, and what to look at."""
        for written, words in (
            ("SELECT x FROM customers WHERE :party", "no such column: x"),
            ("SELECT :party AS a FROM nowhere", "no such table: nowhere"),
            ("SELECT :party AS a FRO customers", "syntax error"),
            ("SELECT count(*) FROM customers WHERE phone = :party", "column 1 of `query` has no name of its own"),
            ("SELECT phone, name AS phone FROM customers WHERE phone = :party", "column 2 of `query` has no name"),
            ("SELECT :party AS a, '+1' || :party", "column 2 of `query` has no name"),
        ):
            sentence = self.failure(self.ask(self.lookup(written)))
            self.assertTrue(sentence.startswith("customers.db: "), sentence)
            self.assertIn(words, sentence)

    def test_no_caller_in_it(self) -> None:
        """What the database says is not repeated where it may be the caller's, or the password."""
        sentence = self.failure(self.ask(self.lookup("SELECT json_extract('{}', :party) AS a"), "xyz"))
        self.assertIn("(OperationalError)", sentence)
        self.assertNotIn("xyz", sentence)

    def test_no_password_in_it(self) -> None:
        """Nor is it repeated where it may be the password."""
        engine = mock.Mock()
        engine.url.password = "open-sesame"
        engine.connect.side_effect = OSError("access denied: sesame is wrong")
        error = self.assertRaises(LookupFailed, database.Database("db", engine, 1.0).first, text("x"), {}, bool)
        self.assertEqual(str(error).partition(":")[2].partition(":")[0], " the database gave no answer (OSError)")

    def test_of_a_driver(self) -> None:
        """pg8000 gives the fields of PostgreSQL's answer: its code and message are said."""
        engine = mock.Mock()
        engine.url.password = None
        fields = {"S": "ERROR", "C": "42703", "M": 'column "nope" does not exist', "F": "parse_relation.c"}
        engine.connect.side_effect = ValueError(fields)
        error = self.assertRaises(LookupFailed, database.Database("db", engine, 1.0).first, text("x"), {}, bool)
        self.assertIn('(ValueError, 42703, column "nope" does not exist)', str(error))

    def test_no_database(self) -> None:
        """A file that is something else."""
        self.path.write_text("number,name\n" * 1000)
        self.assertIn("file is not a database", self.failure(self.ask(self.lookup())))

    def test_locked(self) -> None:
        """A database that another process keeps locked is waited for, for a time."""
        other = sqlite3.connect(self.path, isolation_level=None)
        self.addCleanup(other.close)
        other.execute("BEGIN EXCLUSIVE")
        self.assertIn("database is locked", self.failure(self.ask(self.lookup(timeout=0.01))))
        other.execute("ROLLBACK")
        self.assertEqual(self.known(), {"name": "Ann"})

    def test_driver(self) -> None:
        """A driver that is not installed is named with its package."""
        for url, module, package in (
            ("postgresql+psycopg://u@h/d", "psycopg", "'psycopg[binary]'"),
            ("postgresql+pg8000://u@h/d", "pg8000", "'pg8000'"),
            ("mysql+pymysql://u@h/d", "pymysql", "'pymysql'"),
            ("mariadb+mysqldb://u@h/d", "MySQLdb", "'mysqlclient'"),
        ):
            settings = sql.Settings(Secret(url), NAME)
            with mock.patch.dict(sys.modules, {module: None}):
                error = self.assertRaises(VoicedError, sql.make, settings, FakeTools(self.clock))
            self.assertIn(f"is not installed: pip install {package}", str(error))


class SettingsTests(SynchronousTestCase):
    """What is refused before anybody calls."""

    def refuse(self, words: str, url: str = "sqlite:////x.db", written: str = NAME, **settings: Any) -> None:
        """These settings are refused, with a sentence that has these words, and no key."""
        error = self.assertRaises(ValueError, sql.Settings, Secret(url), written, **settings)
        self.assertIn(words, str(error))
        self.assertNotIn(KEY, str(error))

    def test_urls(self) -> None:
        """A database of which voiced can make sure that it only reads, by a driver that it knows."""
        for url, words in (
            (KEY, "must be like postgresql+psycopg://"),
            (f"postgresql+nonsense://u:{KEY}@h/d", "must be like postgresql+psycopg://"),
            (f"postgresql://u:{KEY}@h:port/d", "must be like postgresql+psycopg://"),
            (f"postgresql+asyncpg://u:{KEY}@h/d", "psycopg, psycopg2, pg8000, as in postgresql+psycopg://"),
            (f"mysql+aiomysql://u:{KEY}@h/d", "pymysql, mysqldb, as in mysql+pymysql://"),
            ("sqlite+aiosqlite:////x.db", "pysqlite, as in sqlite+pysqlite://"),
            (f"oracle://u:{KEY}@h/d", "SQLite, PostgreSQL, MySQL or MariaDB"),
            ("sqlite://", "with four slashes"),
            ("sqlite:///x.db", "with four slashes"),
            ("sqlite:///:memory:", "with four slashes"),
            ("sqlite:///file:/x.db?mode=rwc&uri=true", "with four slashes"),
        ):
            self.refuse(words, url)
        for url in ("postgresql://u@h/d", "postgresql+pg8000://u@h/d?sslmode=require", "mariadb+pymysql://u@h/d"):
            sql.Settings(Secret(url), NAME)

    def test_no_way_round(self) -> None:
        """What a URL says of how to open a file does not count."""
        url = database.database_url("sqlite:////x.db?mode=rwc&immutable=1")
        self.assertEqual(dict(url.query), {"mode": "ro", "uri": "true"})

    def test_queries(self) -> None:
        """One SELECT and nothing else, whose parameters are there."""
        for written, words in (
            ("", "must begin with SELECT"),
            ("DELETE FROM customers", "must begin with SELECT"),
            ("PRAGMA user_version", "must begin with SELECT"),
            ("-- SELECT\nDROP TABLE customers", "must begin with SELECT"),
            ("SELECTED", "must begin with SELECT"),
            (f"{NAME}; {NAME}", "must be one statement"),
            (f"{NAME};;", "must be one statement"),
            ("WITH x AS (DELETE FROM customers RETURNING *) SELECT * FROM x", "the word DELETE"),
            ("WITH x AS (SELECT 1) INSERT INTO customers SELECT * FROM x", "the word INSERT"),
            ("SELECT * INTO other FROM customers", "the word INTO"),
            (f"{NAME} FOR UPDATE", "the word UPDATE"),
            ("SELECT 1 /*! INTO OUTFILE 'x' */", "MySQL carries out"),
            ("SELECT 'a", "not closed"),
            ("SELECT name FROM customers WHERE phone = '{call.party}'", "has {call.party}: write :name there"),
            ("SELECT name FROM customers WHERE phone = ':party'", ":party in quotes"),
            ("SELECT name FROM customers WHERE phone = :caller", "has :caller, and `parameters` has no 'caller'"),
            ("SELECT :party::text AS a", "write CAST(:party AS"),
            ("SELECT name FROM customers", "`parameters` has 'party', and `query` has no :party"),
        ):
            self.refuse(words, written=written)

    def test_good_queries(self) -> None:
        """What only looks like a change is none."""
        for written in (
            ' \n-- who; calls?\n(SELECT "update" FROM customers WHERE phone = :party);  -- the first',
            NAME.lower(),
            "WITH x AS (SELECT :party) SELECT replace(name, ';', 'insert into') AS name, $a$; delete$a$ AS b FROM x",
            f"{NAME} AND deleted = 'f' AND `into` = 1 AND updated::date > '2026-01-01' /* drop; */",
            "SELECT '{}'::jsonb AS x, '{a.b}' AS y, :party AS z",
        ):
            sql.Settings(Secret("sqlite:////x.db"), written)

    def test_secrets_are_not_shown(self) -> None:
        """Neither the settings nor the lookup show a password."""
        settings = sql.Settings(Secret("sqlite:////x.db"), NAME)
        lookup = sql.make(settings, FakeTools(Clock()))
        self.assertNotIn("sqlite", repr(settings) + repr(lookup))


class SqlContract(CallerLookupContract, SynchronousTestCase):
    """The lookup `sql` keeps what lookups promise."""

    known = PARTY

    def make_lookup(self) -> ICallerLookup:
        """A lookup in a database with two people in it."""
        self.clock = Clock()
        self.file = Path(customers(self.mktemp(), "x.db"))
        return sql.make(sql.Settings(Secret(f"sqlite:///{self.file}"), NAME), FakeTools(self.clock, late=True))

    def break_lookup(self) -> None:
        """The database is gone."""
        self.file.unlink()
