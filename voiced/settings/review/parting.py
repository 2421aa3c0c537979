"""Steps of `on_hangup` that need the caller, who has gone then."""

from __future__ import annotations

from collections.abc import Iterator

from voiced.errors import Fault
from voiced.settings.review.places import finding
from voiced.settings.review.road import Road
from voiced.settings.review.scripts import Scripts, mentions_of


def unheard(road: Road, scripts: Scripts) -> Iterator[Fault]:
    """Each step that speaks, plays or listens after the caller has hung up."""
    for place in road.beyond([road.flow.on_hangup]):
        mentions = mentions_of(road.step(place))
        if mentions.prompts or mentions.files or mentions.waits:
            yield finding(
                road.step(place).body,
                "`on_hangup` leads here, and nobody is on the line then: the steps end here. Leave it to steps that "
                "need no caller",
                named=True,
            )
