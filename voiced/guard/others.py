"""What other daemons of this data directory have counted, as far as we have looked."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from twisted.internet.interfaces import IReactorTime

from voiced.ikept import AT_ONCE, CountedElsewhere

GONE_SECONDS = 60.0
"""So long the places of a daemon that runs no more are taken still: its calls live at the carrier, which asks the
others about them, or the next one of its name, for 45 s (COMING_BACK in voiced.call.life)."""
_SWEEP = 600.0


class Others:
    """Their counts by name, each with until when it counts."""

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._counts: defaultdict[str, dict[str, CountedElsewhere]] = defaultdict(dict)
        self._gone: dict[str, float] = {}
        """Who does not run, and since when we know."""
        self._swept = clock.seconds()

    def see(self, counts: Iterable[CountedElsewhere], gone: frozenset[str]) -> None:
        """This is new, and these do not run."""
        now = self._clock.seconds()
        self._gone = {node: self._gone.get(node, now) for node in gone}
        for count in counts:
            self._counts[count.name][count.node] = count
        if now >= self._swept + _SWEEP:
            self._swept = now
            for name in list(self._counts):
                alive = {node: count for node, count in self._counts.pop(name).items() if count.until > now}
                if alive:
                    self._counts[name] = alive

    def amount(self, name: str) -> float:
        """How much of it they have counted that counts now; of places, how many they have."""
        now, at_once = self._clock.seconds(), name.startswith(AT_ONCE)
        counts = self._counts.get(name, {}).values()
        return sum(
            count.amount
            for count in counts
            if count.until > now and not (at_once and self._gone.get(count.node, now) <= now - GONE_SECONDS)
        )
