"""What `choose` may ask of a fact: its conditions."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Annotated

import msgspec

Name = Annotated[str, msgspec.Meta(min_length=1)]


class When(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"among": "in", "node": "goto"}):
    """A condition, and the node that it leads to: `{equals: gold, goto: vip}`, `{at_least: 100, goto: bulk}`.

    One kind of condition each: `equals`, `in` (a list), `prefix` (a text or a list), a range of numbers (`at_least`
    or `above`, `below` or `at_most`; of two bounds both must hold), or `present` (whether anything is known). A fact
    that is no number is in no range. `fact` is another one than that of the step.
    """

    node: Name
    fact: Name | None = None
    equals: str | None = None
    among: Annotated[list[str], msgspec.Meta(min_length=1)] | None = None
    prefix: Name | Annotated[list[Name], msgspec.Meta(min_length=1)] | None = None
    at_least: Decimal | None = None
    above: Decimal | None = None
    below: Decimal | None = None
    at_most: Decimal | None = None
    present: bool | None = None

    def __post_init__(self) -> None:
        kinds = (self.equals, self.among, self.prefix, self._bounds or None, self.present)
        if sum(kind is not None for kind in kinds) != 1:
            raise ValueError(
                "a condition is one of `equals`, `in`, `prefix`, `present`, or a range of numbers (`at_least` or "
                "`above`, `below` or `at_most`)"
            )
        for one, other in (("at_least", "above"), ("below", "at_most")):
            if {one, other} <= set(self._bounds):
                raise ValueError(f"`{one}` and `{other}` are the same bound: take one out")
        lower, upper = self._end("at_least", "above"), self._end("below", "at_most")
        touching = set(self._bounds) == {"at_least", "at_most"}
        if lower is not None and upper is not None and (lower > upper or (lower == upper and not touching)):
            raise ValueError(f"no number is between {lower} and {upper} so")

    @property
    def _bounds(self) -> dict[str, Decimal]:
        names = ("at_least", "above", "below", "at_most")
        return {name: bound for name in names if (bound := getattr(self, name)) is not None}

    def _end(self, *names: str) -> Decimal | None:
        return next((bound for name, bound in self._bounds.items() if name in names), None)

    def holds(self, facts: Mapping[str, str], fact: str) -> bool:
        """Whether it is so; `fact` is the step's."""
        value = facts.get(self.fact or fact, "")
        if self.equals is not None:
            return value == self.equals
        if self.among is not None:
            return value in self.among
        if self.prefix is not None:
            return value.startswith((self.prefix,) if isinstance(self.prefix, str) else tuple(self.prefix))
        if self.present is not None:
            return bool(value) is self.present
        return self._within(value)

    def _within(self, value: str) -> bool:
        try:
            number = Decimal(value.strip())
        except InvalidOperation:
            return False
        if not number.is_finite():
            return False
        return (
            (self.at_least is None or number >= self.at_least)
            and (self.above is None or number > self.above)
            and (self.below is None or number < self.below)
            and (self.at_most is None or number <= self.at_most)
        )
