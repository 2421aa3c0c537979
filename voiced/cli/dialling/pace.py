"""How fast: `1/s`, `30/m`, `100/h`, and times like `15m`, as people write them."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import attrs
import click

UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
"""Seconds."""

_RATE = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*/\s*([smhd])")
_SPAN = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*([smhd])")


def interval(rate: str) -> float:
    """The seconds from one call to the next at this rate: `30/m` is 2. Raises BadParameter."""
    written = _RATE.fullmatch(rate.strip())
    if written is None or not float(written[1]):
        raise click.BadParameter(f"{rate!r} is no rate; one is 1/s, 30/m or 100/h")
    return UNITS[written[2]] / float(written[1])


def seconds(span: str) -> float:
    """`15m` in seconds. Raises BadParameter."""
    written = _SPAN.fullmatch(span.strip())
    if written is None:
        raise click.BadParameter(f"{span!r} is no time; one is 30s, 15m or 2h")
    return float(written[1]) * UNITS[written[2]]


@attrs.define
class Pace:
    """When the next call may begin: `interval` seconds after the last one, and not while all have to wait."""

    interval: float
    _free: float = 0.0

    def began(self, now: float) -> None:
        """A call begins."""
        self._free = max(self._free, now + self.interval)

    def hold(self, until: float) -> None:
        """No call may begin before that moment."""
        self._free = max(self._free, until)

    def wait(self, now: float) -> float:
        """Seconds until the next call may begin."""
        return max(0.0, self._free - now)


def span(seconds: float) -> str:
    """A time for people: `45 s`, `15 min`, `2 h 5 min`."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return " ".join(filter(None, (f"{hours} h" if hours else "", f"{minutes} min" if minutes else "")))


def moment(seconds: float) -> str:
    """A time since the epoch for people: `2023-11-14 22:13 UTC`."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")
