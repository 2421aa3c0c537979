"""Whether there is room for another call: by how many live, how late the reactor is, and the memory taken."""

from __future__ import annotations

import enum

import attrs
from zope.interface import implementer

from voiced.errors import Overloaded
from voiced.iwatch import ILag, ILoad, Punctual

MEGABYTE = 1_000_000


class Purpose(enum.Enum):
    """What a call is for, that wants in."""

    INBOUND = "inbound"
    """Somebody rings us: all of the limits are theirs."""
    OUTBOUND = "outbound"
    """We place it: it leaves the reserve to those who ring us."""
    ON_CALL = "on call"
    """We ring our operator in trouble: it may be that very load, so only the number of calls counts."""


@attrs.frozen
class Limits:
    """How much this daemon takes on at once. None: as much as comes."""

    calls: int = 200
    lag: float | None = 0.25
    """Seconds that the reactor may be late (ILag.p95): beyond, whoever talks would hear it."""
    memory: int | None = None
    """Bytes resident."""
    reserve: int = 10
    """Per cent of each that calls which we place may not take: they can wait, who rings us does not."""


@implementer(ILoad)
@attrs.frozen
class Unloaded:
    """A machine that is never late, and of whose memory nobody knows."""

    lag: ILag = attrs.field(factory=Punctual)

    def memory(self) -> int | None:
        """See ILoad."""
        return None


@attrs.define
class Room:
    """Says no when there is none. Who is inside stays, whatever it says."""

    limits: Limits = Limits()
    """What holds from now on."""
    load: ILoad = Unloaded()

    def check(self, live: int, purpose: Purpose = Purpose.INBOUND, *, beyond: int = 0) -> None:
        """Raises Overloaded where there is no room beside so many live calls; `beyond`: calls that may be more."""
        limits = self.limits
        reserve = limits.reserve if purpose is Purpose.OUTBOUND else 0
        share, kept = 1 - reserve / 100, limits.calls * reserve // 100
        if live >= limits.calls - kept + beyond:
            for_them = f", and {kept} places are kept for callers" if kept else ""
            raise Overloaded(f"{live} calls are live{for_them}", "calls")
        if purpose is Purpose.ON_CALL:
            return
        late = self.load.lag.p95
        if limits.lag is not None and late > limits.lag * share:
            raise Overloaded(f"this machine is busy: the reactor is {late * 1000:.0f} ms late", "lag")
        taken = None if limits.memory is None else self.load.memory()
        if limits.memory is not None and taken is not None and taken > limits.memory * share:
            raise Overloaded(f"{taken / MEGABYTE:.0f} MB of memory are taken", "memory")
