"""Makes a scenario of a call that the journal has kept with its wire (`journal: wire`).

What came from outside becomes what the scenario's caller, agents, lookups and services do; what was said and walked
becomes what is expected of the flows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import attrs

from voiced.call.records import Ending
from voiced.rehearsal.acts import Act, Came, HangsUp, Hears, Presses, Says, Waits
from voiced.rehearsal.scenario import STRANGER, Callee, Desk, Expect, Fault, Scenario, WebAnswer
from voiced.rehearsal.turns import AgentFails, AgentHears, AgentSays, HasOutcome, Stalls, Turn, UsesTool
from voiced.settings.chosen import READY_TOOLS
from voiced.settings.numbers import e164

Event = Mapping[str, Any]

PERSON = "+14155550199"
"""Whom we called, where the journal hides the number."""
SOON = 0.2
"""Seconds within which the caller does what cut a sentence, once it has begun."""
BEEP_SECONDS = 0.6
"""What a beep takes, and a breath after it."""
LETTERS = 20
"""Letters that the caller of a scenario says in a second."""
_CUT = "…"
_WAYS = {"busy": "busy", "no_answer": "no-answer", "cancelled": "no-answer"}
"""What somebody did who did not answer, by how the call ended."""
_BY_ITSELF = ("caller_silent", "timeout")
"""Outcomes that nobody chooses."""


@attrs.frozen
class Recalled:
    """A call as it was, and as scenarios."""

    line: Mapping[str, Any]
    """What the journal has of it."""

    @property
    def spoken(self) -> list[str]:
        """Every sentence of the flows, heard to its end or not."""
        return spoken(self.line)

    @property
    def steps(self) -> list[str]:
        """Every step: `node.2 menu`."""
        return walked(self.line)

    def again(self) -> Scenario:
        """The same call once more: its caller follows whatever the flows say now."""
        return self._scenario(tuple(_Acts(self.line["wire"]).loose()), Expect())

    def scenario(self) -> Scenario:
        """A scenario that holds the flows to what was said and walked then."""
        ending = Ending(self.line["ending"]) if self.line["ending"] else None
        nodes = [step["node"] for step in self.line["steps"]]
        steps = tuple(node for place, node in enumerate(nodes) if not place or nodes[place - 1] != node)
        return self._scenario(tuple(_Acts(self.line["wire"]).strict()), Expect(ending=ending, steps=steps))

    def _scenario(self, acts: tuple[Act, ...], expect: Expect) -> Scenario:
        line, events = self.line, self.line["wire"]
        outbound = line["direction"] == "outbound"
        began = datetime.fromisoformat(line["began"] or line["time"])
        return Scenario(
            scenario=f"{line['call']}, {began:%Y-%m-%d %H:%M}",
            call=_callee(line, events) if outbound else None,
            flow=None if outbound else line["flow"],
            caller=STRANGER if outbound else e164(line["caller"]) or STRANGER,
            at=f"{began:%Y-%m-%d %H:%M:%S}",
            lookups={event["name"]: event["known"] for event in _named(events, "lookup") if "known" in event},
            tools={event["name"]: event.get("text", "") for event in _tools(events)},
            http=tuple(_answers(events)),
            desks={event["to"]: _desk(event) for event in _named(events, "dialled")},
            faults=tuple(_faults(events)),
            chance=next((event["shows"] for event in _named(events, "chance")), 0.5),
            agents=_agents(events),
            steps=acts,
            expect=expect,
        )


def spoken(line: Mapping[str, Any]) -> list[str]:
    """Every sentence that the flows of a call have said, as the journal has it."""
    return [event["text"] for event in _named(line.get("wire", ()), "spoken")]


def walked(line: Mapping[str, Any]) -> list[str]:
    """Every step that they have walked."""
    return [f"{step['node']}.{step['step']} {step['verb']}" for step in line["steps"]]


def _named(events: Sequence[Event], what: str) -> list[Event]:
    return [event for event in events if event["what"] == what]


def _tools(events: Sequence[Event]) -> list[Event]:
    return [event for event in _named(events, "tool") if event["name"] not in READY_TOOLS]


def _callee(line: Mapping[str, Any], events: Sequence[Event]) -> Callee:
    asked: Event = next(iter(_named(events, "asked")), {})
    who: Any = next((event["who"] for event in _named(events, "answered_by")), "human")
    does: Any = "answers" if line["answered"] else _WAYS.get(line["ending"], "failed")
    number, variables = e164(line["called"]) or PERSON, dict(asked.get("variables") or {})
    return Callee(
        number, line["flow"], variables, asked.get("prompt"), asked.get("first_message"), does, answered_by=who
    )


def _answers(events: Sequence[Event]) -> Iterator[WebAnswer]:
    for event in _named(events, "http"):
        if "status" in event:
            yield WebAnswer(event["url"], event["method"], event["status"], body=event["body"])


def _desk(event: Event) -> Desk:
    does = {"answered": "answers", "busy": "busy", "no_answer": "no-answer"}.get(event["result"], "failed")
    return Desk(does, max(1.0, event["seconds"]))  # type: ignore[arg-type]


def _faults(events: Sequence[Event]) -> Iterator[Fault]:
    for what, field, those in (("lookup", "lookup", _named(events, "lookup")), ("tool", "tool", _tools(events))):
        for name in dict.fromkeys(event["name"] for event in those):
            for number, event in enumerate((each for each in those if each["name"] == name), 1):
                if "failed" in event or (what == "tool" and event.get("error")):
                    yield Fault(**{field: name}, fails=True, first=number, times=1)
    for event in _named(events, "lost"):
        yield Fault(stream="lost", after=max(0.0, event["at"]))


def _agents(events: Sequence[Event]) -> dict[str, tuple[Turn, ...]]:
    """What each agent has done, in all its conversations."""
    turns: dict[str, list[Turn]] = {}
    for conversation in _conversations(events):
        mine = turns.setdefault(conversation[0]["name"], [])
        for event in conversation[1:]:
            mine.extend(_turns(event, mine))
    return {name: tuple(found) for name, found in turns.items()}


def _conversations(events: Sequence[Event]) -> Iterator[list[Event]]:
    conversation: list[Event] = []
    for event in events:
        if event["what"] == "agent":
            conversation = [event]
        elif event["what"] in ("line", "tool", "outcome") and conversation:
            conversation.append(event)
            if event["what"] == "outcome":
                yield conversation
                conversation = []


def _turns(event: Event, before: Sequence[Turn]) -> list[Turn]:
    if event["what"] == "line":
        return [AgentSays(event["text"].rstrip(_CUT))] if event["who"] == "agent" else [AgentHears()]
    if event["what"] == "tool":
        return [UsesTool({event["name"]: {key: str(value) for key, value in event["arguments"].items()}})]
    if event["name"] == "failed":
        return [AgentFails(event["error"] or "it has failed")]
    if event["name"] in _BY_ITSELF:
        return [Stalls()]
    if event["name"] == "cut off" or (before and isinstance(before[-1], UsesTool) and before[-1].name in READY_TOOLS):
        return []  # the caller had gone, or the tool has ended it
    return [HasOutcome(event["name"], dict(event["facts"]))]


@attrs.frozen
class _Acts:
    """What the caller did, in order."""

    events: Sequence[Event]

    def loose(self) -> Iterator[Act]:
        """Each act when as much was said, by whomever, as had been then."""
        said = agents = 0
        for place, event in enumerate(self.events):
            said += event["what"] == "spoken"
            agents += event["what"] == "agent"
            if acts := list(self._acts(place)):
                yield from (Came("spoken", said) for _ in range(said > 0))
                yield from (Came("agent", agents) for _ in range(agents > 0))
                yield from acts

    def strict(self) -> Iterator[Act]:
        """Each act after the sentences that were heard to their end before it."""
        for place, event in enumerate(self.events):
            if (event["what"] == "spoken" and not event.get("cut", True) and "•" not in event["text"]) or (
                _is_line(event, "agent") and not event["text"].endswith(_CUT)
            ):
                yield Hears(event["text"])
            yield from self._acts(place)

    def _acts(self, place: int) -> Iterator[Act]:
        event = self.events[place]
        match event["what"]:
            case "key":
                yield from self._presses(place)
            case "line" if event["who"] == "caller":
                before = self.events[place - 1] if place else event
                cuts = _is_line(before, "agent") and before["text"].endswith(_CUT)
                yield Says(event["text"].upper() if cuts else event["text"])
            case "recorded" if event.get("kept") and event["ended_by"] in ("silence", "limit", "hangup"):
                yield from _message(event)
            case "gone" if event["why"] == Ending.CALLER_HUNG_UP.value:
                yield from self._pause(place)
                yield HangsUp()

    def _presses(self, place: int) -> Iterator[Act]:
        after = self.events[place + 1] if place + 1 < len(self.events) else {"what": ""}
        if after["what"] == "recorded" and after.get("kept") and after["ended_by"] == "key":
            yield from _message(after)
        elif after["what"] == "spoken" and after.get("cut"):
            yield Waits(SOON)
        else:
            yield from self._pause(place)
        yield Presses(self.events[place]["key"] or "0")

    def _pause(self, place: int) -> Iterator[Act]:
        """As long as the caller had done nothing since something last happened."""
        before = self.events[place - 1]["at"] if place else 0.0
        seconds = round(self.events[place]["at"] - before, 2)
        if seconds > 0:
            yield Waits(seconds)


def _is_line(event: Event, who: str) -> bool:
    return bool(event["what"] == "line" and event["who"] == who)


def _message(event: Event) -> Iterator[Act]:
    """Something as long as what was recorded."""
    yield Waits(BEEP_SECONDS)
    yield Says("message " * max(1, round(event["seconds"] * LETTERS / len("message "))))
