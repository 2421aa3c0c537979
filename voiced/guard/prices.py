"""What a call costs, by the operator's own table: so much a minute, and a minute that has begun counts whole."""

from __future__ import annotations

import math
from collections.abc import Mapping

import attrs

from voiced.guard.destinations import Destination
from voiced.guard.patterns import Pattern, closest


@attrs.frozen
class Prices:
    """A price list. Its currency is the one that `spend_per_day` is in."""

    table: Mapping[Pattern, float] = attrs.field(factory=dict)
    """Price per minute; the pattern that names a destination most narrowly wins."""
    default: float | None = None

    def per_minute(self, to: Destination) -> float | None:
        """The price of a minute to there; None when the list has none."""
        pattern = closest(self.table, to)
        return self.default if pattern is None else self.table[pattern]


def cost(per_minute: float, seconds: float) -> float:
    """What so many seconds cost: a minute that has begun counts whole, a call nobody answers nothing."""
    return per_minute * math.ceil(seconds / 60)
