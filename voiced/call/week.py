"""Days and hours as people write them: `mon-fri` and `9:00-12:00, 13:00-17:00`."""

from __future__ import annotations

import re
from collections.abc import Mapping

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY = 24 * 60
"""Minutes."""

Span = tuple[int, int]
"""From and to, in minutes after midnight by the local clock; `to` is not in it. Beyond DAY it is the next day's."""
Week = Mapping[int, tuple[Span, ...]]
"""Day of the week (Monday is 0) -> its hours. A day that is not here has none."""

_TIMES = re.compile(r"([0-9]{1,2}):([0-9]{2})\s*-\s*([0-9]{1,2}):([0-9]{2})")


class NoDay(ValueError):
    """Something that stands for no day of the week: `day` is what."""

    def __init__(self, written: str, day: str) -> None:
        self.day = day
        super().__init__(f"{written!r} is no day")


def days(written: str) -> list[int]:
    """`mon`, `mon-fri`, `mon, wed, fri`, `daily`. Raises NoDay."""
    if written == "daily":
        return list(range(7))
    found: list[int] = []
    for piece in written.lower().replace(" ", "").split(","):
        first, dash, last = piece.partition("-")
        last = last if dash else first
        for day in (first, last):
            if day not in DAYS:
                raise NoDay(written, day)
        length = (DAYS.index(last) - DAYS.index(first)) % 7 + 1
        found += [(DAYS.index(first) + ahead) % 7 for ahead in range(length)]
    return found


def spans(written: str, *, over_midnight: bool = False) -> tuple[Span, ...]:
    """`9:00-12:00, 13:00-20:00`; where it may be, `22:00-2:00` ends on the next day. Raises ValueError."""
    return tuple(_span(piece.strip(), over_midnight) for piece in written.split(","))


def _span(piece: str, over_midnight: bool) -> Span:
    times = _TIMES.fullmatch(piece)
    start, end = (int(times[1]) * 60 + int(times[2]), int(times[3]) * 60 + int(times[4])) if times else (0, 0)
    if not times or int(times[2]) > 59 or int(times[4]) > 59 or end > DAY or start >= DAY:
        raise ValueError(f"{piece!r} is not of the form 9:00-20:00")
    if start < end:
        return start, end
    if not over_midnight:
        raise ValueError(f"{piece!r} ends before it begins: hours over midnight belong to two days")
    if start == end:
        raise ValueError(f"{piece!r} ends when it begins: a whole day is 0:00-24:00")
    return start, end + DAY
