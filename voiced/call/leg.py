"""Somebody whom the carrier connects with the human of a call: how long it may last, and how it ended."""

from __future__ import annotations

import attrs
from twisted.internet.interfaces import IReactorTime

from voiced.call.records import CallInfo, Direction, LegRecord
from voiced.iguard import IGuard, IPermit, Party
from voiced.ivoiced import Dial, Dialled

CONNECTING = 5.0
"""Seconds that the carrier may take to connect, beside the ringing (Twilio rings that much longer)."""

SHORTEST_RING = 5
"""Seconds that a leg may ring at least: less is no ringing."""

Position = tuple[str, str, int]
"""A place in a flow: flow, node, step from 0."""


@attrs.define
class Leg:
    """A `Dial` that is to come, is on its way, or lasts. Its permit is given back when it is over, once."""

    dial: Dial
    record: LegRecord
    _permit: IPermit
    _clock: IReactorTime
    step: Position | None = None
    """The step that is told when the line comes back; None where it was no step that left it."""
    returns: bool = True
    """Whether the line comes back when the other side does not answer; else the call is over then, too."""
    offered: bool = False
    """Whether the carrier was told to dial."""

    def offer(self, left: int | None = None) -> Dial:
        """What the carrier is told: ringing and talk together within the `left` seconds of the call."""
        if not self.offered:
            self.offered = True
            self.record.began = self._clock.seconds()
            if left is not None:
                timeout = min(self.dial.timeout, max(SHORTEST_RING, left // 2))
                seconds = min(self.dial.seconds or left, max(1, left - timeout))
                self.dial = attrs.evolve(self.dial, timeout=timeout, seconds=seconds)
        return self.dial

    @property
    def may_talk(self) -> bool:
        """Whether it has lasted longer than it may ring, so that somebody must have answered."""
        return self.offered and self._clock.seconds() - self.record.began > self.dial.timeout + CONNECTING

    @property
    def limit(self) -> float:
        """Seconds within which the carrier comes back with what became of it."""
        return self.dial.timeout + (self.dial.seconds or 0) + 2 * CONNECTING

    def left(self) -> None:
        """They talk on without us, and nobody will tell us how long: it counts as long as it may last."""
        self.record.ended = self._clock.seconds()
        self.record.seconds = self.record.ended - self.record.began
        self._permit.over(float(self.dial.seconds or 0))

    def over(self, dialled: Dialled | None) -> None:
        """It has ended so; None: the carrier did not say, or was never told to dial."""
        self.record.ended = self._clock.seconds()
        if dialled is not None:
            lasted = self.record.ended - self.record.began
            # An answer without a length costs what it may have cost.
            talked = dialled.seconds or (lasted if dialled.result == "answered" else 0.0)
            self.record.result, self.record.seconds = dialled.result, talked
            self._permit.over(talked)
        elif self.offered:
            self.record.seconds = self.record.ended - self.record.began
            self._permit.over(self.record.seconds)
        else:
            self._permit.over(None)


def leg(
    info: CallInfo,
    dial: Dial,
    guard: IGuard,
    clock: IReactorTime,
    left: int | None = None,
    *,
    named: bool,
    party: Party | None = None,
) -> Leg:
    """A leg that the guard lets be; it may last as long as that says, and as its call may (`left` seconds).

    Raises Refused.
    """
    dial = attrs.evolve(dial, seconds=min((n for n in (dial.seconds, left) if n is not None), default=None))
    permit = guard.leg(info, dial, named, party)
    dial = attrs.evolve(dial, seconds=permit.seconds, caller_id=dial.caller_id or _caller_id(info))
    return Leg(dial, LegRecord(dial.to, clock.seconds()), permit, clock)


def _caller_id(info: CallInfo) -> str | None:
    """Whom the other side sees: the human, where the carrier takes that (13214: else only a number of ours)."""
    if info.direction is Direction.INBOUND and info.caller.startswith("+"):
        return info.caller
    ours = info.called if info.direction is Direction.INBOUND else info.caller
    return ours if ours.startswith("+") else None
