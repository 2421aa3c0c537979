"""What is kept, of calls, of counts, of what was asked for. voiced.ivoiced has the rules."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import attrs
from twisted.internet.defer import Deferred
from zope.interface import Interface

from voiced.icarrier import CallOrder


@attrs.frozen
class Placed:
    """What is kept of a call that was asked for with an idempotency key."""

    fingerprint: str
    """Of the request: the same key may not stand for another one."""
    order: CallOrder
    asked: float
    """Seconds since the epoch."""
    sid: str = ""
    """The call's SID, once the carrier has said it."""


@attrs.frozen
class Others:
    """What is known of the calls of other idempotency keys."""

    sids: frozenset[str]
    """SIDs that belong to one of them."""
    waiting: bool
    """Whether one of them waits for the SID of a call to the same number."""


class IPlacedCalls(Interface):
    """The idempotency keys of the last 24 hours, kept over a restart. Fails with StoreError only."""

    def begin(key: str, placed: Placed) -> Deferred[Placed | None]:
        """Remember that a call is about to be asked for; fires with what is known under this key already, if anything
        is (and keeps that), else with None, once it is on the disk. Of two at once only one gets None."""

    def named(key: str, sid: str) -> Deferred[None]:
        """The carrier has given it this SID."""

    def forget(key: str) -> Deferred[None]:
        """It was certainly not placed: the key is free again."""

    def others(key: str, sids: Sequence[str], to: str) -> Deferred[Others]:
        """Which of these SIDs belong to other keys than this one, and whether one of them waits for its own."""

    def called(call_sid: str) -> Deferred[Placed | None]:
        """The call of that SID, if it was asked for with a key."""


class ICounts(Interface):
    """What the guard has counted, kept over a restart: by the name of the count, until when it counts (seconds since
    the epoch) and how much it is."""

    def load() -> Mapping[str, tuple[float, float]]:
        """All that still counts. Reads the disk: at the start only. Raises StoreError."""

    def keep(counts: Mapping[str, tuple[float, float]]) -> Deferred[None]:
        """Replace these, and forget what counts no more; fires when they are on the disk. Fails with StoreError."""


AT_ONCE = "@"
"""What the names of counts begin with that say how many there are at this moment, and not in a window of time."""


@attrs.frozen
class CountedElsewhere:
    """What another daemon of this data directory has counted under a name, for as long as it counts."""

    node: str
    name: str
    until: float
    amount: float


@attrs.frozen
class Elsewhere:
    """What the other daemons of this data directory have counted and learnt since we looked last."""

    counts: Sequence[CountedElsewhere]
    opted_out: Sequence[str]
    """Numbers (E.164) that are new on the list."""
    gone: frozenset[str]
    """Those of them that have counted, and that do not run now."""


class ISharedCounts(Interface):
    """The counts of several daemons with one data directory: each has its own, and all hold for each."""

    def together(decide: Callable[[Elsewhere], Mapping[str, tuple[float, float]]]) -> Deferred[None]:
        """Call `decide` with what is new, while nobody else can count, and keep the counts that it gives (as
        ICounts.keep) before anybody can again. Fires when they are on the disk.

        Fails with StoreError: where that was before, `decide` was not called; where it was afterwards, nothing is
        kept of what it gave.
        """


@attrs.frozen
class OptedOut:
    """A number whose owner does not want to be called any more."""

    number: str
    """E.164."""
    at: float
    """Seconds since the epoch."""
    how: str
    """See OptOutRecord; `operator`: somebody has put it on the list by hand."""
    call: str = ""
    """The SID of the call on which they have said so."""


class IOptedOut(Interface):
    """The do-not-call list that calls themselves make: for good, and over restarts."""

    def load() -> Sequence[OptedOut]:
        """All of it, the oldest first. Reads the disk: at the start only. Raises StoreError."""

    def keep(opted_out: Sequence[OptedOut]) -> Deferred[None]:
        """Put these on it, but for those that are there; fires when they are on the disk. Fails with StoreError."""

    def forget(number: str) -> Deferred[bool]:
        """Take a number off it; fires with whether it was there. Fails with StoreError."""


class IKeptCalls(Interface):
    """The calls that are over, newest first, as the journal has them. Fails with StoreError only."""

    def keep(line: Mapping[str, Any]) -> Deferred[None]:
        """Keep a call's last line of the journal (voiced.journal.ended). Never fails: trouble is logged."""

    def find(call_sid: str) -> Deferred[Mapping[str, Any] | None]:
        """The line of that call."""

    def page(limit: int, before: str | None, flows: frozenset[str] | None) -> Deferred[KeptPage]:
        """A page of them; `before` is where the last one ended, `flows` leaves out calls of others (None: none).

        Raises ValueError for a `before` that was never given.
        """


@attrs.frozen
class KeptPage:
    """Some of the calls that are over, newest first."""

    lines: Sequence[Mapping[str, Any]]
    before: str | None
    """Where the next page begins; None: there is no more."""


class IJournal(Interface):
    """Where calls are written down."""

    def write(record: Mapping[str, Any]) -> Deferred[None]:
        """Write one record; fires when it is written, or when it could not be and that was logged. Never fails."""
