"""What survives a restart, in memory: for tests that have something else to look at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs
from twisted.internet.defer import Deferred, fail, succeed
from zope.interface import implementer

from voiced.errors import StoreError
from voiced.ikept import IKeptCalls, IPlacedCalls, KeptPage, Others, Placed


@implementer(IPlacedCalls)
class FakePlacedCalls:
    """Idempotency keys in a dictionary; all fail with `broken`, when it is set."""

    def __init__(self) -> None:
        self.known: dict[str, Placed] = {}
        self.broken: StoreError | None = None

    def begin(self, key: str, placed: Placed) -> Deferred[Placed | None]:
        """See IPlacedCalls."""
        if self.broken:
            return fail(self.broken)
        if key in self.known:
            return succeed(self.known[key])
        self.known[key] = placed
        return succeed(None)

    def named(self, key: str, sid: str) -> Deferred[None]:
        """See IPlacedCalls."""
        if self.broken:
            return fail(self.broken)
        if key in self.known:
            self.known[key] = attrs.evolve(self.known[key], sid=sid)
        return succeed(None)

    def forget(self, key: str) -> Deferred[None]:
        """See IPlacedCalls."""
        if self.broken:
            return fail(self.broken)
        self.known.pop(key, None)
        return succeed(None)

    def others(self, key: str, sids: Sequence[str], to: str) -> Deferred[Others]:
        """See IPlacedCalls."""
        if self.broken:
            return fail(self.broken)
        strangers = [placed for name, placed in self.known.items() if name != key]
        waiting = any(not placed.sid and placed.order.to == to for placed in strangers)
        return succeed(Others(frozenset(sids) & {placed.sid for placed in strangers if placed.sid}, waiting))

    def called(self, call_sid: str) -> Deferred[Placed | None]:
        """See IPlacedCalls."""
        if self.broken:
            return fail(self.broken)
        return succeed(
            next((placed for placed in self.known.values() if placed.sid and placed.sid == call_sid), None)
        )


@implementer(IKeptCalls)
class FakeKeptCalls:
    """Calls that are over, in a list, the newest last; a cursor is a place in it."""

    def __init__(self) -> None:
        self.lines: list[Mapping[str, Any]] = []

    def keep(self, line: Mapping[str, Any]) -> Deferred[None]:
        """See IKeptCalls."""
        self.lines.append(line)
        return succeed(None)

    def find(self, call_sid: str) -> Deferred[Mapping[str, Any] | None]:
        """See IKeptCalls."""
        return succeed(next((line for line in self.lines if line["call"] == call_sid), None))

    def page(self, limit: int, before: str | None, flows: frozenset[str] | None) -> Deferred[KeptPage]:
        """See IKeptCalls."""
        places = range(len(self.lines) if before is None else int(before))
        mine = [place for place in reversed(places) if flows is None or self.lines[place]["flow"] in flows]
        page = mine[:limit]
        lines = [self.lines[place] for place in page]
        return succeed(KeptPage(lines, str(page[-1]) if len(mine) > limit else None))
