"""The step that knows opening hours: hours."""

from __future__ import annotations

from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from zope.interface import implementer

from voiced.call.opening import Opening
from voiced.call.week import DAYS, NoDay, Span, Week, days, spans
from voiced.ivoiced import ICall, IStep, Mentions

FACTS = ("hours.open", "hours.holiday", "hours.next")
"""The facts that it sets."""


@implementer(IStep)
class Hours(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"week": "open"}):
    """Go on within the opening hours, and to `otherwise` when it is closed.

    `time_zone` is whose clock counts, like `Europe/Berlin`; `open` are the days and their hours: `mon-fri:
    "9:00-17:00"`, `sat: ["10:00-12:00", "14:00-16:00"]`, `fri: "20:00-2:00"` (over midnight). A day that is not there
    is closed. `holidays` is a file in a folder beside the flow's (`calendars/germany.yaml`) that lists days with
    their names (`2026-12-25: Christmas Day`): they are closed.

    `{hours.open}` is `yes` or `no`, `{hours.holiday}` the name of today's holiday, and `{hours.next}` when it opens
    again, within two weeks: "We open again on {hours.next:date} at {hours.next:time}."
    """

    time_zone: str
    week: Annotated[dict[str, str | list[str]], msgspec.Meta(min_length=1)]
    holidays: str | None = None
    otherwise: str | None = None

    def __post_init__(self) -> None:
        try:
            ZoneInfo(self.time_zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError(
                f"`time_zone` is one like Europe/London or America/New_York, not {self.time_zone!r}"
            ) from None
        self._read()

    def mentions(self) -> Mentions:
        """The node for when it is closed, and the calendar."""
        return Mentions(
            nodes=(self.otherwise,) if self.otherwise else (),
            sets=FACTS,
            calendars=(self.holidays,) if self.holidays else (),
        )

    async def run(self, call: ICall) -> str | None:
        """Look at the clock."""
        holidays = call.holidays(self.holidays) if self.holidays else {}
        opening = Opening(ZoneInfo(self.time_zone), self._read(), holidays)
        now = call.clock.seconds()
        is_open = opening.is_open(now)
        values = ("yes" if is_open else "no", holidays.get(opening.today(now), ""), opening.next(now))
        call.facts.update(zip(FACTS, values, strict=True))
        call.note("open" if is_open else "closed")
        return None if is_open else self.otherwise

    def _read(self) -> Week:
        """The hours of each day. Raises ValueError."""
        week: dict[int, tuple[Span, ...]] = {}
        for written, hours in self.week.items():
            try:
                named = days(written)
            except NoDay as error:
                raise ValueError(f"`open`: {error}: there are {', '.join(DAYS)}, mon-fri and daily") from None
            if twice := [DAYS[day] for day in named if day in week]:
                raise ValueError(
                    f"`open`: {twice[0]} is here twice, in {written!r}, too: write all its hours into one line"
                )
            try:
                of_day = spans(", ".join([hours] if isinstance(hours, str) else hours), over_midnight=True)
            except ValueError as error:
                raise ValueError(f"`open`: {written!r}: {error}") from None
            week.update(dict.fromkeys(named, of_day))
        return week
