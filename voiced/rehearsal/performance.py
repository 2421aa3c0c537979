"""How a scenario went: what was heard, which steps were walked, how it ended, and what was not as expected."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import attrs

from voiced.rehearsal.reading import Sentence
from voiced.simulator.sheet import Entry

ROUNDING = 0.002
"""Seconds: the journal's times are whole milliseconds, and audio begins at a sample."""


@attrs.frozen
class Step:
    """A step that was walked, as the journal has it."""

    node: str
    number: int
    """Its place in the node, from 1."""
    verb: str
    began: float
    """Seconds since the ring."""
    result: str = ""
    flow: str = ""
    """Whose node it is."""

    @property
    def place(self) -> str:
        """`node.number`."""
        return f"{self.node}.{self.number}"


@attrs.frozen
class Line:
    """A line of a conversation with an agent."""

    who: str
    text: str
    at: float
    """Seconds since the ring."""
    agent: str


@attrs.frozen
class Failure:
    """Something that was not as the scenario has it."""

    message: str
    step: int = 0
    """The number of the scenario's step, from 1; 0: none of them."""
    detail: str = ""
    """More lines about it: what was heard instead."""
    where: tuple[str | int, ...] = ()
    """The setting of the scenario that says otherwise: `("expect", "ending")`; (): none, or its step."""


@attrs.frozen
class Performance:
    """One scenario, played to its end."""

    scenario: str
    flow: str = ""
    heard: tuple[Sentence, ...] = ()
    awaited: frozenset[int] = frozenset()
    """Which of those, from 0, the caller has waited for."""
    steps: tuple[Step, ...] = ()
    ending: str = ""
    """The word of voiced.call.records.Ending; "" where there was no call."""
    reason: str = ""
    seconds: float = 0.0
    """From the ring to the end."""
    transcript: tuple[Line, ...] = ()
    legs: tuple[str, ...] = ()
    """Whom the caller was connected with, or was to be."""
    recordings: tuple[str, ...] = ()
    facts: Mapping[str, str] = attrs.field(factory=dict)
    faults: tuple[str, ...] = ()
    """What the daemon noted that went wrong."""
    refusals: tuple[tuple[str, str], ...] = ()
    """What the guard has refused: rule and sentence."""
    log: tuple[str, ...] = ()
    """What the daemon warned of."""
    sheet: tuple[Entry, ...] = ()
    """The carrier's call sheet."""
    kept: Mapping[str, Any] = attrs.field(factory=dict, repr=False)
    """The journal's last line of the call."""
    failures: tuple[Failure, ...] = ()
    took: float = 0.0
    """Seconds of real time."""

    @property
    def passed(self) -> bool:
        """Whether all went as the scenario has it."""
        return not self.failures

    def place_at(self, second: float) -> str:
        """Where the flow stood then: `node.number`, "" before its first step."""
        return _place(self.steps, second)


def _place(steps: Sequence[Step], second: float) -> str:
    began = [step for step in steps if step.began <= second + ROUNDING]
    return began[-1].place if began else ""


def from_journal(lines: Sequence[Mapping[str, Any]], call: str, rang: float) -> dict[str, Any]:
    """What the journal says of a call that rang then (seconds since the epoch), as fields of Performance."""
    refusals = tuple((line["rule"], line["message"]) for line in lines if line["event"] == "refused")
    ended = [line for line in lines if line["event"] == "ended" and line["call"] == call]
    if not ended:
        return {"refusals": refusals}
    line = ended[-1]
    steps = [
        Step(
            step["node"],
            step["step"],
            step["verb"],
            _since(step["began"], rang),
            step["result"],
            step.get("flow", ""),
        )
        for step in line["steps"]
    ]
    said = [
        Line(each["who"], each["text"], _since(each["time"], rang), agent["agent"])
        for agent in line["agents"]
        for each in agent.get("transcript", ())
    ]
    return {
        "kept": line,
        "refusals": refusals,
        "flow": line["flow"],
        "steps": tuple(steps),
        "ending": line["ending"],
        "reason": line["reason"],
        "seconds": line["seconds"],
        "transcript": tuple(said),
        "legs": tuple(leg["to"] for leg in line["legs"]),
        "recordings": tuple(recording["file"] for recording in line["recordings"]),
        "faults": tuple(line["faults"]),
    }


def _since(time: str, rang: float) -> float:
    return round(datetime.fromisoformat(time).timestamp() - rang, 3)
