"""A lookup in a database: one SELECT, whose first row has the facts. It runs in a worker thread, and only reads."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any, NoReturn

import attrs
import msgspec
from sqlalchemy import TextClause
from twisted.internet.defer import Deferred, DeferredSemaphore, succeed
from twisted.internet.defer import TimeoutError as TimedOut
from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure
from zope.interface import implementer

from voiced.call.template import Template, Unspoken
from voiced.errors import LookupFailed
from voiced.ivoiced import ICall, ICallerLookup, Tools
from voiced.lookups.database import AT_ONCE, Database, database_url
from voiced.lookups.query import query
from voiced.secret import Secret


def _party() -> dict[str, Template]:
    return {"party": Template.parse("{call.party}")}


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Ask a database, which is only read: SQLite, PostgreSQL, MySQL or MariaDB.

    The columns of the first row are the facts; no row says that nothing is known of this caller.
    """

    # SQLAlchemy's form: postgresql+psycopg://user:password@host/database, mysql+pymysql://…, sqlite:////path/of/file.db
    url: Secret
    # One SELECT; parameters stand in it as :name, never in quotes.
    query: str
    # By name, as texts with facts in them.
    parameters: dict[str, Unspoken] = msgspec.field(default_factory=_party)
    # Seconds, connecting and waiting for one's turn among them.
    timeout: Annotated[float, msgspec.Meta(gt=0, le=30)] = 2.0

    def __post_init__(self) -> None:
        database_url(self.url.reveal())
        self.statement()

    def statement(self) -> TextClause:
        """The query. Raises ValueError."""
        return query(self.query, self.parameters)


@implementer(ICallerLookup)
@attrs.frozen
class Sql:
    """A few questions at once; the others wait for their turn."""

    _settings: Settings
    _query: TextClause
    _database: Database
    _clock: IReactorTime
    _in_thread: Callable[..., Deferred[Any]]
    _turns: DeferredSemaphore = attrs.field(factory=lambda: DeferredSemaphore(AT_ONCE))

    def lookup(self, call: ICall) -> Deferred[Mapping[str, str]]:
        """Cancelling forgets the question. One that has begun ends by itself: SQLite's at once, others' in time."""
        values = {name: text.fill(call.facts) for name, text in self._settings.parameters.items()}
        # Cancelling must not give the turn to another one while the thread is at work: the answer stands beside it.
        answer: Deferred[Mapping[str, str]] = Deferred()
        done: Deferred[Any] = self._turns.run(self._ask, answer, values)
        done.chainDeferred(answer)
        return answer.addTimeout(self._settings.timeout, self._clock).addErrback(self._named)

    def _ask(self, answer: Deferred[Mapping[str, str]], values: Mapping[str, str]) -> Deferred[Any]:
        if answer.called:
            return succeed({})
        return self._in_thread(self._database.first, self._query, values, lambda: answer.called)

    def _named(self, failure: Failure) -> NoReturn:
        failure.trap(TimedOut)
        raise LookupFailed(f"{self._database.name}: no answer within {self._settings.timeout:g} s")


def make(settings: Settings, tools: Tools) -> Sql:
    """The lookup. Raises VoicedError when the database's driver is not installed."""
    database = Database.open(database_url(settings.url.reveal()), settings.timeout)
    return Sql(settings, settings.statement(), database, tools.reactor, tools.in_thread)
