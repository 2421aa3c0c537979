"""How often those who ask are refused: a client gone mad must not fill the journal."""

from __future__ import annotations

from collections import Counter

from twisted.internet.interfaces import IReactorTime

from voiced.errors import Refused

MOST = 60
"""Refusals a minute that an API key is told, each by its rule, and that are told of."""
RULE = "refusals_per_minute"
_MINUTE = 60


class Refusals:
    """Counts refusals by API key, in minutes of UTC. Nothing of it outlives a restart."""

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._minute = 0
        self._counts: Counter[str] = Counter()

    def one_more(self, refusal: Refused, key: str) -> tuple[Refused, bool]:
        """What this key is told, and whether it is to be told of: beyond the cap once a minute."""
        now = self._clock.seconds()
        minute = int(now // _MINUTE)
        if minute != self._minute:
            self._minute, self._counts = minute, Counter()
        self._counts[key] += 1
        if self._counts[key] <= MOST:
            return refusal, True
        wait = (minute + 1) * _MINUTE - now
        too_many = Refused(RULE, f"this key was refused {MOST} times within a minute", retry_after=wait)
        return too_many, self._counts[key] == MOST + 1
