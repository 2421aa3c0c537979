"""Opening hours at one place: whether it is open at a moment, and when it opens next, by its own clock.

Hours are written as the clock on the wall shows them. An hour that the clock, put forward, leaves out begins when it
would have by the clock of before; one that it shows twice begins the first time and ends the second.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import attrs

from voiced.call.week import DAY, Week

AHEAD = 14
"""Days that are looked through for the next opening."""


@attrs.frozen
class Opening:
    """The hours of a place: its clock, its week, and the days (`2026-12-25`) on which it stays closed."""

    zone: ZoneInfo
    week: Week
    holidays: Mapping[str, str] = attrs.field(factory=dict)

    def today(self, now: float) -> str:
        """The date there (`2026-11-23`); `now` is in seconds since the epoch."""
        return datetime.fromtimestamp(now, self.zone).date().isoformat()

    def is_open(self, now: float) -> bool:
        """Whether it is open."""
        return any(begin <= now < end for begin, end in self._around(now))

    def next(self, now: float) -> str:
        """The moment at which it opens next, by its own clock (`2026-11-24T09:00+01:00`); "" where that is far."""
        begin = min((begin for begin, _ in self._around(now) if begin > now), default=None)
        return "" if begin is None else datetime.fromtimestamp(begin, self.zone).isoformat(timespec="minutes")

    def _around(self, now: float) -> Iterator[tuple[float, float]]:
        """From when to when it is open, from yesterday on (its hours may last over midnight)."""
        today = datetime.fromtimestamp(now, self.zone).date()
        for ahead in range(-1, AHEAD + 1):
            day = today + timedelta(days=ahead)
            if day.isoformat() not in self.holidays:
                for start, end in self.week.get(day.weekday(), ()):
                    yield self._moment(day, start), self._moment(day, end, fold=1)

    def _moment(self, day: date, minute: int, fold: int = 0) -> float:
        local = datetime.combine(day, time()) + timedelta(days=minute // DAY, minutes=minute % DAY)
        return local.replace(tzinfo=self.zone, fold=fold).timestamp()
