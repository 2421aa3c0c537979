"""What the live calls cost this machine: the reactor's lag, and the memory of this process."""

from __future__ import annotations

import resource
from pathlib import Path

import attrs
from zope.interface import implementer

from voiced.iwatch import ILag, ILoad

STATM = Path("/proc/self/statm")
"""Linux: sizes in pages; the second is what is resident (proc(5))."""


@implementer(ILoad)
@attrs.frozen
class Load:
    """See ILoad."""

    lag: ILag
    statm: Path = STATM

    def memory(self) -> int | None:
        """See ILoad. Some 30 µs: the kernel makes the file as it is read."""
        try:
            return int(self.statm.read_bytes().split()[1]) * resource.getpagesize()
        except (OSError, ValueError, IndexError):
            return None
