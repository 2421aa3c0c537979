"""The steps that share callers out: random (by dice), limit (as many as there is room for)."""

from __future__ import annotations

from itertools import accumulate
from typing import Annotated, ClassVar

import msgspec
from zope.interface import implementer

from voiced.ivoiced import ICall, IStep, Mentions

CHOSEN = "random.chosen"
"""The fact that says which node the dice have chosen."""


@implementer(IStep)
class Random(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Go to one of several nodes, by chance: `random: {friendly: 3, brief: 1}`.

    Of four callers three are friendly, on the average; a weight of 0 is never chosen. `{random.chosen}` says which it
    was, for the record (`journal`) and for later.
    """

    entries: ClassVar[str] = "weights"

    weights: Annotated[dict[str, Annotated[float, msgspec.Meta(ge=0)]], msgspec.Meta(min_length=1)]

    def __post_init__(self) -> None:
        if not any(self.weights.values()):
            raise ValueError("no node can be chosen: give one a weight of more than 0")

    def mentions(self) -> Mentions:
        """The nodes."""
        return Mentions(nodes=tuple(self.weights), sets=(CHOSEN,), goes_on=False)

    async def run(self, call: ICall) -> str:
        """Throw the dice."""
        weights = {node: weight for node, weight in self.weights.items() if weight}
        at = call.chance() * sum(weights.values())
        node = next((node for node, end in zip(weights, accumulate(weights.values()), strict=True) if at < end), "")
        node = node or list(weights)[-1]  # what rounding has left over
        call.facts[CHOSEN] = node
        call.note(f"chose {node}")
        return node


@implementer(IStep)
class Limit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Let at most so many calls at once into this part of the flows; others go to `otherwise`.

    A call keeps its place in the part until it is over, or until `limit: {part: sales, leave: true}` gives it back.
    The part's name is yours; steps of several flows may share it.
    """

    part: Annotated[str, msgspec.Meta(min_length=1)]
    most: Annotated[int, msgspec.Meta(ge=1)] | None = None
    otherwise: str | None = None
    leave: bool = False

    def __post_init__(self) -> None:
        if self.leave and (self.most is not None or self.otherwise is not None):
            raise ValueError(
                "`leave: true` gives a place back, and `most` and `otherwise` say nothing: take them out"
            )
        if not self.leave and (self.most is None or self.otherwise is None):
            raise ValueError("it needs `most` (calls at once) and `otherwise` (the node for all others)")

    def mentions(self) -> Mentions:
        """The node for those whom there is no place for."""
        return Mentions(nodes=(self.otherwise,) if self.otherwise else ())

    async def run(self, call: ICall) -> str | None:
        """Take a place, or give it back."""
        if self.leave:
            call.leave(self.part)
            call.note(f"left {self.part}")
            return None
        number = call.enter(self.part, self.most)
        call.note(f"{self.part} is full" if number is None else f"number {number} in {self.part}")
        return self.otherwise if number is None else None
