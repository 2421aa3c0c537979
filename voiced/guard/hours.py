"""Calling hours: when a destination may be called, by the clock of wherever it may be.

A number says at most where it was given out. Where that may be in several time zones (an Australian mobile one), it
may be called only while it is within the hours in every one of them: whoever would be woken up is in one.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import attrs
import phonenumbers
from phonenumbers import PhoneNumberType, timezone

from voiced.call.week import Week
from voiced.guard.destinations import Destination

_AHEAD = 8
"""Days that are looked through for the next opening: one day of the week, and the same a week later."""
_OF_A_PLACE = (PhoneNumberType.FIXED_LINE, PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE)


@attrs.frozen
class Hours:
    """When people may be called."""

    week: Week
    zone: str | None = None
    """The clock for destinations that are of no place: toll-free numbers, satellites, SIP addresses. None: a number
    of no place may not be called, and a SIP address always (it is an operator's own, not anybody's bedroom)."""

    def zones(self, to: Destination) -> tuple[str, ...] | None:
        """The time zones that this destination may be in, () when nobody knows; None: hours are not for it."""
        if to.host:
            return (self.zone,) if self.zone else None
        known = _zones(to)
        return known or ((self.zone,) if self.zone else ())

    def opens(self, zones: Collection[str], now: float) -> float | None:
        """In how many seconds it is within the hours in all of these zones: 0 for now, None for never.

        `now` is in seconds since the epoch.
        """
        places = [_place(zone) for zone in zones]
        clocks = [place for place in places if place is not None]
        if not clocks or len(clocks) < len(places):
            return None
        moment = datetime.fromtimestamp(now, UTC)
        if self._open(moment, clocks):
            return 0.0
        # All are open from the moment on at which the last of them opens.
        openings = sorted(opening for clock in clocks for opening in self._openings(moment, clock))
        return next(
            ((opening - moment).total_seconds() for opening in openings if self._open(opening, clocks)),
            None,
        )

    def _open(self, moment: datetime, clocks: Collection[ZoneInfo]) -> bool:
        for clock in clocks:
            local = moment.astimezone(clock)
            minute = local.hour * 60 + local.minute
            if not any(start <= minute < end for start, end in self.week.get(local.weekday(), ())):
                return False
        return True

    def _openings(self, moment: datetime, clock: ZoneInfo) -> list[datetime]:
        """The moments after this one at which hours begin by that clock.

        Hours that begin while the clocks are put forward begin when they would have by the clock of before.
        """
        today = moment.astimezone(clock).date()
        openings = []
        for ahead in range(_AHEAD):
            day = today + timedelta(days=ahead)
            for start, _ in self.week.get(day.weekday(), ()):
                local = datetime(day.year, day.month, day.day, start // 60, start % 60, tzinfo=clock)
                # An hour that the clocks, put back, show twice begins twice.
                openings += [local.replace(fold=fold).astimezone(UTC) for fold in (0, 1)]
        return [opening for opening in openings if opening > moment]


def _zones(to: Destination) -> tuple[str, ...]:
    """What the library knows of a number's place.

    It answers for a mobile number with all zones of the country's code, which is right where that is one country; a
    Jamaican one (+1…) would then be in Guam, too. So a number of one of the smaller countries that share a code is
    looked up by its digits, as a fixed line is.
    """
    if to.number is None or phonenumbers.number_type(to.number) not in _OF_A_PLACE:
        return ()
    main = phonenumbers.region_code_for_country_code(to.number.country_code or 0)
    of_digits = to.region != main or phonenumbers.is_number_geographical(to.number)
    look_up = timezone.time_zones_for_geographical_number if of_digits else timezone.time_zones_for_number
    return tuple(zone for zone in look_up(to.number) if zone != timezone.UNKNOWN_TIMEZONE)


@cache
def _place(zone: str) -> ZoneInfo | None:
    """None for a zone that this machine's time zone database has not."""
    try:
        return ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError):
        return None
