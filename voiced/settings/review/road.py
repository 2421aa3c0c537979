"""The ways through a flow: from each step to those that may follow it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import attrs

from voiced.call.flow import Flow
from voiced.settings.flowfile import Loading
from voiced.settings.review.scripts import mentions_of
from voiced.settings.stepbody import WrittenStep

Place = tuple[str, int]
"""A node, and a step of it, from 0."""


@attrs.frozen
class Road:
    """One flow without a fault, as it is written and as it was made."""

    loading: Loading
    flow: Flow
    _after: dict[Place, list[Place | None]] = attrs.field(factory=dict, repr=False, eq=False)

    def step(self, place: Place) -> WrittenStep:
        """The step there."""
        node, number = place
        return self.loading.nodes[node][number]

    def places(self) -> Iterator[Place]:
        """Every place, in the order of the files."""
        for node, steps in self.loading.nodes.items():
            yield from ((node, number) for number in range(len(steps)))

    def after(self, place: Place) -> list[Place | None]:
        """The places that may follow; None among them: the flow may be at its end there."""
        if place not in self._after:
            self._after[place] = self._follow(place)
        return self._after[place]

    def _follow(self, place: Place) -> list[Place | None]:
        mentions = mentions_of(self.step(place))
        follow: list[Place | None] = [(node, 0) for node in dict.fromkeys(mentions.nodes)]
        if mentions.waits and self.flow.on_silence is not None:
            follow.append((self.flow.on_silence, 0))
        if mentions.goes_on:
            node, number = place
            last = number + 1 == len(self.loading.nodes[node])
            follow.append(None if last else (node, number + 1))
        elif not mentions.nodes:
            follow.append(None)
        return follow

    def beyond(self, nodes: Iterable[str | None]) -> dict[Place, None]:
        """Every place that is reached from the beginnings of these nodes."""
        ahead: list[Place | None] = [(node, 0) for node in nodes if node is not None]
        found: dict[Place, None] = {}
        while ahead:
            place = ahead.pop()
            if place is not None and place not in found:
                found[place] = None
                ahead += self.after(place)
        return found

    @property
    def entries(self) -> tuple[str | None, ...]:
        """The nodes that a call comes to from outside."""
        flow = self.flow
        return (flow.start, flow.on_error, flow.on_silence, flow.on_hangup, flow.message)
