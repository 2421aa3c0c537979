"""Whether there is room for another call: by how many live, how late the reactor is, and the memory taken."""

from __future__ import annotations

import attrs
from zope.interface import implementer

from voiced.errors import Overloaded
from voiced.iwatch import ILag, ILoad, Punctual

MEGABYTE = 1_000_000


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

    def check(self, live: int, *, inbound: bool = True, beyond: int = 0, urgent: bool = False) -> None:
        """Raises Overloaded where there is no room beside so many live calls; `beyond`: calls that may be more;
        `urgent`: only how many they are counts, not the load."""
        limits, share = self.limits, 1.0 if inbound else 1 - self.limits.reserve / 100
        places = limits.calls + beyond if inbound else limits.calls - limits.calls * limits.reserve // 100
        if live >= places:
            kept = "" if inbound else f", and {limits.calls - places} places are kept for callers"
            raise Overloaded(f"{live} calls are live{kept}", "calls")
        if urgent:
            return
        late = self.load.lag.p95
        if limits.lag is not None and late > limits.lag * share:
            raise Overloaded(f"this machine is busy: the reactor is {late * 1000:.0f} ms late", "lag")
        taken = None if limits.memory is None else self.load.memory()
        if limits.memory is not None and taken is not None and taken > limits.memory * share:
            raise Overloaded(f"{taken / MEGABYTE:.0f} MB of memory are taken", "memory")
