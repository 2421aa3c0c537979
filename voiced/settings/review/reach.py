"""Nodes and steps that no call comes to."""

from __future__ import annotations

from collections.abc import Iterator

from voiced.errors import Fault
from voiced.settings.review.places import finding
from voiced.settings.review.road import Road
from voiced.settings.review.scripts import Scripts, mentions_of


def unreached(road: Road, scripts: Scripts) -> Iterator[Fault]:
    """Each such node of the flow's own file, and the first such step of a node."""
    reached = road.beyond(road.entries)
    named = {node for steps in road.loading.nodes.values() for step in steps for node in mentions_of(step).nodes}
    own = road.loading.shared.flow["nodes"]
    for name, steps in road.loading.nodes.items():
        if (name, 0) not in reached:
            if name in own:  # nodes of an included file are there for several flows
                who = "only steps that no call comes to lead" if name in named else "no step and no setting leads"
                yield finding(own[name], f"{who} to this node: take it away", named=True)
            continue
        for number, step in enumerate(steps):
            if (name, number) not in reached:
                why = "it is never reached, for the step before it never goes on: take it away, or move it"
                yield finding(step.body, why, named=True)
                break
