"""Circles that nobody is in: a call that comes there goes round until it is stopped after so many steps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from voiced.call.flow import MOST_STEPS
from voiced.errors import Fault
from voiced.settings.review.places import finding
from voiced.settings.review.road import Place, Road
from voiced.settings.review.scripts import Scripts, mentions_of

MOST_NAMED = 5
"""Nodes of a circle that are named: more would hide what is said of them."""


def circles(road: Road, scripts: Scripts) -> Iterator[Fault]:
    """Each circle that waits for no caller and has no way out, at its first step."""
    caught: set[Place] = set()
    for place in road.places():
        if place in caught:
            continue
        round_ = _round(road, place)
        caught |= round_
        if round_ and not any(_waits(road, each, scripts) for each in round_):
            nodes = _listed([*dict.fromkeys(node for node, _ in sorted(round_))])
            yield finding(
                road.step(place).body,
                f"from here the flow goes round for ever (by {nodes}), waits for no caller and has no way out: it is "
                f"stopped after {MOST_STEPS} steps. Let it wait (`menu`), or lead out of the circle",
                named=True,
            )


def _listed(nodes: list[str]) -> str:
    more = f" and {len(nodes) - MOST_NAMED} more" if len(nodes) > MOST_NAMED else ""
    return ", ".join(map(repr, nodes[:MOST_NAMED])) + more


def _round(road: Road, start: Place) -> set[Place]:
    """All places that a call may come to from here, where it can do nothing but come back; else none."""
    before: dict[Place, set[Place]] = {start: set()}
    ahead = [start]
    while ahead:
        place = ahead.pop()
        for follow in road.after(place):
            if follow is None:
                return set()
            if follow not in before:
                before[follow] = set()
                ahead.append(follow)
            before[follow].add(place)
    return set(before) if _leading_to(start, before) == set(before) else set()


def _leading_to(start: Place, before: Mapping[Place, set[Place]]) -> set[Place]:
    """All places from which a call may come to this one."""
    found: set[Place] = set()
    ahead = [start]
    while ahead:
        new = before[ahead.pop()] - found
        found |= new
        ahead += new
    return found


def _waits(road: Road, place: Place, scripts: Scripts) -> bool:
    """Whether the step waits for the caller, or a flow that it calls may wait, or end the call."""
    mentions = mentions_of(road.step(place))
    return mentions.waits or any(scripts.waits(flow) or scripts.stops(flow) for flow in mentions.flows)
