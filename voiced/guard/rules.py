"""The guard's rules as voiced.yaml has them: `outbound:` and `inbound:`, checked."""

from __future__ import annotations

import attrs

from voiced.guard.hours import Hours
from voiced.guard.patterns import Pattern
from voiced.guard.prices import Prices


@attrs.frozen
class Outbound:
    """Who may be called, and texted. All counts are per carrier account.

    Unless told, nobody may; and the caps are those of one small team's line, so that a stolen key or a mad loop is
    noticed while it costs little: thirty calls a minute are half of what an account may place (one a second), and
    nobody is rung a fourth time on one day.
    """

    flow: str | None = None
    """The flow of calls that are asked for without one."""
    allow: tuple[Pattern, ...] = ()
    risky: tuple[Pattern, ...] = ()
    """Risky numbers (voiced.guard.risky) that may be called all the same. Being here is being allowed."""
    dnc: frozenset[str] = frozenset()
    """The do-not-call list, each as Destination.who."""
    hours: Hours | None = None
    calls_per_minute: int = 30
    calls_per_day: int = 500
    calls_at_once: int = 10
    per_destination_per_day: int = 3
    transfers_at_once: int = 50
    """Callers who are connected with targets that the operator has named take no place from the calls, nor the other
    way round: whoever uses those up must not cut the callers off from the reception."""
    transfers_per_minute: int = 60
    transfers_per_destination_per_day: int = 200
    """The reception's own telephone rings more than three times."""
    texts_per_day: int = 200
    """Text messages; a caller makes us send them, so they are few."""
    texts_per_destination_per_day: int = 5
    timeout: int = 45
    """Seconds a call may ring, unless asked otherwise."""
    max_seconds: int = 900
    """How long a call may last."""
    spend_per_day: float | None = None
    """In the currency of `prices`; None: no cap."""
    prices: Prices = attrs.field(factory=Prices)


@attrs.frozen
class Outcome:
    """What becomes of a caller who is refused: a sentence, a flow, or (neither) the daemon's `refusal`.

    The flow of a cap takes as many calls of theirs again, and no more.
    """

    say: str | None = None
    flow: str | None = None


@attrs.frozen
class Cap:
    """At most so many, and what becomes of the next one."""

    most: int
    outcome: Outcome = Outcome()


@attrs.frozen
class Denied:
    """Callers who are refused."""

    numbers: tuple[Pattern, ...] = ()
    outcome: Outcome = Outcome()


@attrs.frozen
class Unattested:
    """Callers whose number their own telephone company does not vouch for (STIR/SHAKEN)."""

    least: str = "C"
    """The lowest level that is enough: A (it is their number), B (they are known), C (it came from somewhere)."""
    outcome: Outcome = Outcome()


@attrs.frozen
class Inbound:
    """Who may call, and how much. All counts are per carrier account.

    Unless told, everybody may: most of the world's calls carry no attestation, and in some countries many carry no
    number. The caps are far above what one caller does, and below what an automatic dialler does.
    """

    max_seconds: int = 14400
    """How long a call may last; Twilio's own limit unless told."""
    deny: Denied = Denied()
    anonymous: Outcome | None = None
    """What becomes of callers without a number; None: they are welcome."""
    unattested: Unattested | None = None
    calls_at_once: Cap = Cap(5)
    """Per caller. Those without a number count as one caller: nothing tells them apart."""
    calls_per_day: Cap = Cap(100)
    """Per caller."""
    agent_minutes_per_day: Cap = Cap(600)
    """Of all agents together, on inbound and outbound calls: ten hours."""
