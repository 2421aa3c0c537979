"""Facts that a step reads before any other can have set them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from voiced.call.facts import OF_CALLS, covers
from voiced.call.ordered import VARIABLES
from voiced.errors import Fault
from voiced.settings.review.places import finding, read_in
from voiced.settings.review.road import Place, Road
from voiced.settings.review.scripts import Scripts, mentions_of, name_of
from voiced.settings.review.unknown import ARGUMENT

_COME_WITH_THE_CALL = (*OF_CALLS, VARIABLES + "*", ARGUMENT + "*")


def early(road: Road, scripts: Scripts) -> Iterator[Fault]:
    """Each fact that no way to the step sets, for each step that needs it."""
    for place, known in _known(road, scripts).items():
        step = road.step(place)
        mentions = mentions_of(step)
        own = mentions.sets if mentions.waits else ()  # it may ask, and then say what it was told
        for fact in dict.fromkeys(mentions.reads):
            if fact not in known and not any(covers(each, fact) for each in chain(known, own)):
                part, in_text = read_in(step.body, fact)
                shown, hint = repr(fact), "move it behind the step that sets it"
                if in_text:
                    shown, hint = f"{{{fact}}}", f"{hint}, or write a default, like {{{fact}|there}}"
                yield finding(part, f"{shown} is read here, and no way to here has set it yet: {hint}")


def _known(road: Road, scripts: Scripts) -> dict[Place, frozenset[str]]:
    """The facts that may be set when a call comes to a place, for each place that it comes to."""
    flow, outside = road.flow, _outside(road, scripts)
    sets = {place: frozenset(scripts.sets(road.step(place))) for place in road.places()}
    ahead: list[tuple[Place, frozenset[str]]] = [((flow.start, 0), outside)]
    # From wherever a call may be when something happens to it.
    for node in (flow.on_error, flow.on_hangup, flow.message):
        if node is not None:
            others = [entry for entry in road.entries if entry not in (node, flow.on_hangup)]
            within = outside.union(*(sets[place] for place in road.beyond([flow.start, *others])))
            ahead.append(((node, 0), within))
    known: dict[Place, frozenset[str]] = {}
    while ahead:
        place, facts = ahead.pop()
        if place not in known or not facts <= known[place]:
            known[place] = facts = facts | known.get(place, frozenset())
            ahead += [(after, facts | sets[place]) for after in road.after(place) if after is not None]
    return known


def _outside(road: Road, scripts: Scripts) -> frozenset[str]:
    """What is known when the flow begins: of the call, and what the flows may have set that call it."""
    name = name_of(road.loading)
    others = scripts.family(name) - {name} if scripts.callers(name) else set()
    constants = chain.from_iterable(scripts.flows[other].shared.constants for other in (name, *others))
    return frozenset(chain(_COME_WITH_THE_CALL, constants, *map(scripts.set_in, others)))
