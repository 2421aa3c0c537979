"""The `inbound:` of voiced.yaml: who may call, how much, and what is said to whoever may not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal

import msgspec

from voiced.guard.rules import Cap, Denied, Inbound, Outcome, Unattested
from voiced.settings import check
from voiced.settings.outbound import Count, patterns
from voiced.settings.part import Part
from voiced.settings.plainyaml import BROKEN

Sentence = Annotated[str, msgspec.Meta(min_length=1)]
_NUMBERS = "numbers"
_RULES = ("deny", "anonymous", "unattested", "calls_at_once", "calls_per_day", "agent_minutes_per_day")


class WrittenOutcome(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What becomes of whoever is refused; neither: the daemon's `refusal` is said."""

    say: Sentence | None = None
    """What whoever is refused hears."""
    flow: str | None = None
    """The flow that takes them instead."""

    def __post_init__(self) -> None:
        if self.say is not None and self.flow is not None:
            raise ValueError("has both `say` and `flow`: a caller gets one of them")

    def outcome(self) -> Outcome:
        """The same for the guard."""
        return Outcome(self.say, self.flow)


class WrittenCap(WrittenOutcome, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """At most so many; a bare number is `most`."""

    most: Count
    """How many."""


class WrittenMinutes(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """At most so many minutes of agents; the caller is in a flow already, so none takes them instead."""

    most: Count
    """How many minutes a day."""
    say: Sentence | None = None
    """What the caller hears instead of the agent."""

    def outcome(self) -> Outcome:
        """The same for the guard; without `say`, the step's own fallback is spoken."""
        return Outcome(self.say)


class WrittenUnattested(WrittenOutcome, frozen=True, forbid_unknown_fields=True):
    """Which attestation is enough (STIR/SHAKEN)."""

    least: Literal["A", "B", "C"] = "C"
    """A, B or C is enough."""


class Written(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What says all it means."""

    max_seconds: Annotated[int, msgspec.Meta(ge=1, le=86400)] = 14400
    """Of a call."""
    anonymous: WrittenOutcome | None = None
    """What becomes of callers without a number."""
    unattested: WrittenUnattested | None = None
    """What becomes of callers whose number nobody vouches for."""
    calls_at_once: Count | WrittenCap | None = None
    """Of one caller."""
    calls_per_day: Count | WrittenCap | None = None
    """Of one caller."""
    agent_minutes_per_day: Count | WrittenMinutes | None = None
    """Of all agents together; then an `agent` step says its fallback."""


def inbound(part: Part) -> Inbound | None:
    """The rules, or None; whatever is wrong is noted."""
    written = check.decode(part, Written, ("deny",))
    deny = _deny(part["deny"])
    if written is None:
        return None
    loose = written.unattested
    return Inbound(
        written.max_seconds,
        deny,
        None if written.anonymous is None else written.anonymous.outcome(),
        None if loose is None else Unattested(loose.least, loose.outcome()),
        **{name: _cap(getattr(written, name)) for name in _RULES[3:] if getattr(written, name) is not None},
    )


def _deny(part: Part) -> Denied:
    if part.value is None:
        return Denied()
    numbers = patterns(part[_NUMBERS])
    if _NUMBERS not in part and isinstance(part.value, dict):
        part.wrong("`numbers` is missing: whom it denies", named=True)
    outcome = check.decode(part, WrittenOutcome, (_NUMBERS,))
    return Denied(numbers, Outcome() if outcome is None else outcome.outcome())


def _cap(written: Any) -> Cap:
    return Cap(written) if isinstance(written, int) else Cap(written.most, written.outcome())


def inbound_flows(part: Part) -> Iterator[Part]:
    """Where it names flows."""
    for rule in _RULES[:-1]:
        if part[rule].value is not BROKEN:
            yield part[rule]["flow"]
