"""Flows that call one another round and round: none of them ever ends, and none waits for the caller."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set

from voiced.call.flow import MOST_STEPS
from voiced.errors import Fault
from voiced.settings.review.places import finding
from voiced.settings.review.road import Place, Road
from voiced.settings.review.scripts import Scripts, mentions_of, name_of, told_of


def endless(ways: Sequence[Road], scripts: Scripts) -> Iterator[Fault]:
    """Each step that calls a flow which comes back to it by calls, where there is no way out of them."""
    roads = {name_of(road.loading): road for road in ways}
    ending = _ending(roads, scripts)
    for name, road in roads.items():
        for place in () if name in ending else _walked(road, ending):
            flows = [flow for flow in mentions_of(road.step(place)).flows if name in scripts.called(flow)]
            if flows and not _passed(road, place, ending):
                yield told_of(road.loading, _fault(road, place, name, flows[0]))


def _fault(road: Road, place: Place, name: str, flow: str) -> Fault:
    whom = "this flow calls itself" if name == flow else f"flow {flow!r} calls this one again"
    why = f"{whom}, and so on: no flow on the way waits for the caller or ends, and the call is stopped"
    hint = "Let one wait (`menu`), or lead to an end without the `call`"
    return finding(road.step(place).body, f"{why} after {MOST_STEPS} steps. {hint}", named=True)


def _ending(roads: Mapping[str, Road], scripts: Scripts) -> set[str]:
    """The flows that may come to an end, or wait for the caller; a flow that calls others needs one that does."""
    ending: set[str] = set()
    ahead = list(roads)
    while ahead:
        name = ahead.pop()
        if name in roads and name not in ending and _ends(roads[name], ending, scripts):
            ending.add(name)
            ahead += scripts.called_by.get(name, ())
    return ending


def _ends(road: Road, ending: Set[str], scripts: Scripts) -> bool:
    for place in _walked(road, ending):
        mentions = mentions_of(road.step(place))
        called = [flow for flow in mentions.flows if flow in ending]
        if mentions.waits or any(scripts.waits(flow) or scripts.stops(flow) for flow in called):
            return True
        if _passed(road, place, ending) and None in road.after(place):
            return True
    return False


def _walked(road: Road, ending: Set[str]) -> dict[Place, None]:
    """The places that a call comes to from the start, when only these flows give it back."""
    ahead: list[Place | None] = [(road.flow.start, 0)]
    found: dict[Place, None] = {}
    while ahead:
        place = ahead.pop()
        if place is not None and place not in found:
            found[place] = None
            ahead += road.after(place) if _passed(road, place, ending) else ()
    return found


def _passed(road: Road, place: Place, ending: Set[str]) -> bool:
    """Whether the flow goes on behind this step."""
    return set(mentions_of(road.step(place)).flows) <= ending
