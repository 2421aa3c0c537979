"""How the daemon is: how late it is, and how much of the machine it takes. voiced.ivoiced has the rules."""

from __future__ import annotations

from zope.interface import Attribute, Interface


class ILag(Interface):
    """How late the reactor is: what waits for it (a frame, a timer, a webhook) waits that long besides."""

    p95: float = Attribute("Seconds that it was late at most, in 95 of 100 moments of the last five seconds.")


class ILoad(Interface):
    """What the live calls cost this machine now."""

    lag: ILag = Attribute("How late the reactor is.")

    def memory() -> int | None:
        """Bytes of this process that are resident; None where nobody can say. Never waits for a disk."""
