"""The moments of a call that its caller can wait for: in the journal's wire, and while it is lived through again.

Those are what was said to them (`saying` when it began, `spoken` when it was over, `line` for an agent's), that a
recording began (`recording`), and whatever else came over the wires, by its own name.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import attrs

from voiced.call.records import Said
from voiced.call.session import CallSession

_ASKED = {"saying": "spoken", "recording": "recorded"}
"""Moments at which something began, and what is noted at its end."""
_WAITED_FOR = (
    *("stream", "agent", "lookup", "http", "text", "dialled", "recorded", "outcome", "lost", "answered_by", "spoken"),
)
KINDS: Mapping[str, str] = {
    "stream": "stream",
    "sentence": "saying",
    "sentence over": "spoken",
    "agent": "agent",
    "agent line": "line",
    "outcome": "outcome",
    "lookup": "lookup",
    "http": "http",
    "text": "text",
    "transfer over": "dialled",
    "recording": "recording",
    "recording over": "recorded",
    "stream lost": "lost",
    "answered by": "answered_by",
}
"""What scenarios call them."""
AT_ONCE = 0.004
"""Seconds within which one thing may have been the cause of another: the journal has whole milliseconds."""


@attrs.frozen(order=True)
class Moment:
    """When something was, in seconds since the call began: the `count`th of its kind."""

    at: float
    place: int
    """Of its event in the wire."""
    what: str
    count: int
    began: bool = False
    """Whether its event was noted later, when it was over."""


def moments(session: CallSession, what: str) -> list[float]:
    """When the things of a kind were so far, in order; seconds since the epoch."""
    if what in _ASKED:
        return session.wire.asked.get(_ASKED[what], [])
    if what == "line":
        return [line.at for line in _lines(session) if line.who == "agent"]
    return [event.at for event in session.wire.events if event.what == what]


def recalled(events: Sequence[Mapping[str, Any]]) -> list[Moment]:
    """All moments of a wire that the journal has kept, in order."""
    return sorted(_recalled(events))


def before(moments: Sequence[Moment], at: float, place: int) -> Moment | None:
    """The last one before what happened then, and stands at that place of the wire."""
    found = [each for each in moments if each.at <= at and (each.place < place or _begun(each, at))]
    return found[-1] if found else None


def _begun(moment: Moment, at: float) -> bool:
    return moment.began and moment.at < at - AT_ONCE


def _recalled(events: Sequence[Mapping[str, Any]]) -> Iterator[Moment]:
    counts: Counter[str] = Counter()
    for place, event in enumerate(events):
        what = event["what"]
        began = next((name for name, ends in _ASKED.items() if ends == what), None)
        if began is not None:
            counts[began] += 1
            # Of a sentence, when it was to be heard: a voice takes its time.
            seconds = event.get("seconds") if began == "saying" else event.get("took")
            if seconds:
                yield Moment(round(event["at"] - seconds, 3), place, began, counts[began], began=True)
        if what in _WAITED_FOR or (what == "line" and event["who"] == "agent"):
            counts[what] += 1
            yield Moment(event["at"], place, what, counts[what])


def _lines(session: CallSession) -> Iterator[Said]:
    for agent in session.record.agents:
        yield from agent.transcript or (session.said() if agent is session.record.agents[-1] else ())
