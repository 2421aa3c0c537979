"""The calls that are over, as the journal has them, to be looked at page by page."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, select
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from voiced.errors import StoreError
from voiced.ikept import IKeptCalls, KeptPage
from voiced.store.database import Database
from voiced.store.schema import KEPT

KEPT_SECONDS = 30 * 24 * 3600.0
"""How long a call is kept."""
MOST = 100_000
"""Calls that are kept; the oldest make room."""
_PLACE = re.compile(r"[1-9a-f][0-9a-f]{0,14}")
"""Where a page ends, as our pages say it: a row's number."""

log = Logger()


@implementer(IKeptCalls)
class KeptCalls:
    """Lines of the journal in a table, in the order in which calls ended."""

    def __init__(self, database: Database, clock: IReactorTime, most: int = MOST) -> None:
        self._database = database
        self._clock = clock
        self._most = most
        self._failing = False

    def keep(self, line: Mapping[str, Any]) -> Deferred[None]:
        """See IKeptCalls. A call that ended before, as one does that outlived a daemon, is kept as it ended last."""
        now = self._clock.seconds()
        new = KEPT.insert().prefix_with("OR REPLACE")
        row = {"call": _text(line["call"]), "flow": _text(line["flow"]), "time": now, "line": json.dumps(line)}
        old = KEPT.delete().where(KEPT.c.time <= now - KEPT_SECONDS)
        last = select(func.max(KEPT.c.number)).scalar_subquery()
        too_many = KEPT.delete().where(KEPT.c.number <= last - self._most)

        def write(connection: Connection) -> None:
            connection.execute(new, row)
            connection.execute(old)
            connection.execute(too_many)

        return self._database.run(write).addCallbacks(self._kept, self._not_kept)

    def find(self, call_sid: str) -> Deferred[Mapping[str, Any] | None]:
        """See IKeptCalls."""
        wanted = select(KEPT.c.line).where(KEPT.c.call == _text(call_sid), self._young())

        def read(connection: Connection) -> Mapping[str, Any] | None:
            line = connection.execute(wanted).scalar()
            return None if line is None else _line(line)

        return self._database.run(read)

    def page(self, limit: int, before: str | None, flows: frozenset[str] | None) -> Deferred[KeptPage]:
        """See IKeptCalls. Raises ValueError at once for a `before` that no page of ours has said, or no `limit`."""
        if limit < 1:
            raise ValueError(f"a page of {limit} calls")
        wanted = select(KEPT.c.number, KEPT.c.line).where(self._young()).order_by(KEPT.c.number.desc())
        if before is not None:
            wanted = wanted.where(KEPT.c.number < _number(before))
        if flows is not None:
            wanted = wanted.where(KEPT.c.flow.in_([_text(flow) for flow in flows]))
        wanted = wanted.limit(limit + 1)

        def read(connection: Connection) -> KeptPage:
            rows = connection.execute(wanted).all()
            more = len(rows) > limit
            return KeptPage(
                [_line(line) for _, line in rows[:limit]], f"{rows[limit - 1].number:x}" if more else None
            )

        return self._database.run(read)

    def _young(self) -> ColumnElement[bool]:
        """Whether a call is to be kept still: where no call has ended for days, nothing has swept."""
        return KEPT.c.time > self._clock.seconds() - KEPT_SECONDS

    def _kept(self, _: object) -> None:
        if self._failing:
            log.info("calls that are over are being kept again; some in between are in the journal at most")
        self._failing = False

    def _not_kept(self, failure: Failure) -> None:
        failure.trap(StoreError)
        if not self._failing:
            log.error("a call that is over is in the journal at most: {error}", error=failure.getErrorMessage())
        self._failing = True


def _number(place: str) -> int:
    if not _PLACE.fullmatch(place):
        raise ValueError("this is not where a page has ended")
    return int(place, 16)


def _text(text: str) -> str:
    """A text as it can be asked for: one with lone surrogates, which UTF-8 has no bytes for, is never found."""
    return text.encode(errors="replace").decode()


def _line(text: str) -> Mapping[str, Any]:
    try:
        line: Mapping[str, Any] = json.loads(text)
    except ValueError as error:
        raise StoreError(f"the line of a call that was kept cannot be read ({error})") from error
    return line
