"""Agents that may fail without anybody there to take the call on.

An agent's step says its `fallback`, and the flow goes on with the outcome `failed`. Good is every way on that comes
to a step which decides by `agent.outcome` and has a word for `failed` (or an `otherwise`), or to one that waits for
the caller (a menu, a voicemail, a transfer, another agent), before the flow is at its end.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from voiced.call.steps.handover import OUTCOME
from voiced.call.steps.routing import Choose
from voiced.errors import Fault
from voiced.ivoiced import IStep
from voiced.settings.review.places import finding
from voiced.settings.review.road import Place, Road
from voiced.settings.review.scripts import Scripts, mentions_of, name_of

FAILED = "failed"


def unfollowed(road: Road, scripts: Scripts) -> Iterator[Fault]:
    """Each agent that nothing goes on for when it fails."""
    called = bool(scripts.callers(name_of(road.loading)))  # then whoever has called it decides at its end
    for place in road.beyond(road.entries):
        step = road.step(place)
        if mentions_of(step).agents and _comes_to_the_end(road, place, scripts, called):
            yield finding(
                step.body,
                "when this agent fails, the call just ends: let a `choose` on agent.outcome follow, with a case "
                "`failed` or an `otherwise`, or a step that takes the caller on (`transfer`, `voicemail`, `menu`)",
                named=True,
            )


def _comes_to_the_end(road: Road, agent: Place, scripts: Scripts, called: bool) -> bool:
    silent = road.flow.on_silence
    # `on_silence` is for a caller who says nothing, not for an agent that has failed.
    ahead = [place for place in road.after(agent) if silent is None or place != (silent, 0)]
    seen = {agent}
    while ahead:
        place = ahead.pop()
        if place is None:
            if not called:
                return True
        elif place not in seen and not _takes_on(road, place, scripts):
            seen.add(place)
            ahead += road.after(place)
    return False


def _takes_on(road: Road, place: Place, scripts: Scripts) -> bool:
    """Whether the step decides about the failure, or asks the caller."""
    step = road.step(place)
    mentions = mentions_of(step)
    if mentions.waits or (OUTCOME in mentions.reads and _decides(step.placed.step)):
        return True
    return any(map(scripts.waits, mentions.flows))


def _decides(step: IStep) -> bool:
    if isinstance(step, Choose):
        named = step.fact == OUTCOME and FAILED in step.cases
        led = [each for each in step.when if (each.fact or step.fact) == OUTCOME]
        return bool(step.otherwise) or named or any(each.holds({OUTCOME: FAILED}, OUTCOME) for each in led)
    return bool(getattr(step, "otherwise", None)) or FAILED in _words(step)


def _words(value: Any) -> Iterator[str]:
    """Every text in the settings of a step of somebody else's, names too."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, msgspec.Struct):
        for name in value.__struct_fields__:
            yield from _words(getattr(value, name))
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _words(name)
            yield from _words(inner)
    elif isinstance(value, list | tuple | set | frozenset):
        for inner in value:
            yield from _words(inner)
