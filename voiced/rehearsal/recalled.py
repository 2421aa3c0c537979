"""Makes a scenario of a call that the journal has kept with its wire (`journal: wire`).

What came from outside becomes what the scenario's caller, agents, lookups and services do; what was said and walked
becomes what is expected of the flows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import attrs
import msgspec

from voiced.call.records import Ending
from voiced.rehearsal.acts import words
from voiced.rehearsal.recalledacts import CUT, Event, loose, strict
from voiced.rehearsal.scenario import STRANGER, Callee, Desk, Expect, Fault, Scenario, WebAnswer
from voiced.rehearsal.turns import AgentFails, AgentHears, AgentSays, AgentSees, HasOutcome, Stalls, Turn, UsesTool
from voiced.settings.chosen import READY_TOOLS
from voiced.settings.numbers import e164

PERSON = "+14155550199"
"""Whom we called, where the journal hides the number."""
_WAYS = {"busy": "busy", "no_answer": "no-answer", "cancelled": "no-answer"}
"""What somebody did who did not answer, by how the call ended."""
CUT_OFF = "cut off"
"""Why something has failed, or an agent has left, that nobody waited for any longer."""
NEVER = 600.0
"""Seconds that nothing takes."""
_CALLERS_ENDINGS = (None, Ending.CALLER_HUNG_UP.value, Ending.TRANSFERRED.value)
"""How calls end that the caller has left."""
_BY_ITSELF = ("caller_silent", "timeout", CUT_OFF)
"""Outcomes that no agent chooses."""


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

    @property
    def deeds(self) -> list[str]:
        """Whom else it spoke to: texts, transfers, web services."""
        return deeds(self.line)

    @property
    def hidden_keys(self) -> int:
        """Keys that nobody may know: the caller presses 0 for each."""
        return sum(event["what"] == "key" and not event["key"] for event in self.line["wire"])

    def again(self) -> Scenario:
        """The same call once more: its caller follows whatever the flows say now."""
        return Scenario(**self._setting(), steps=tuple(loose(self._wire)))

    def scenario(self) -> Scenario:
        """A scenario that holds the flows to what was said and walked then, and to nothing else."""
        ending = Ending(self.line["ending"]) if self.line["ending"] else None
        steps = tuple(map(_place, self.line["steps"]))
        acts = tuple(each for each in strict(self._wire) if not isinstance(each, str))
        return Scenario(**self._setting(), steps=acts, expect=Expect(ending=ending, steps=steps, only=True))

    @property
    def notes(self) -> dict[int, str]:
        """What is to be known before the steps of that scenario, by their number, from 1."""
        notes: dict[int, str] = {}
        number = 1
        for each in strict(self._wire):
            if isinstance(each, str):
                notes[number] = each
            else:
                number += 1
        return notes

    @property
    def _wire(self) -> list[Event]:
        """What came from outside. That the caller is gone is said again by the carrier, and also when we hang up:
        it counts once, and only where it ended the call.
        """
        wire = self.line["wire"]
        gone = [place for place, event in enumerate(wire) if event["what"] == "gone"]
        told_after = gone[1:] if self.line["ending"] in _CALLERS_ENDINGS else gone
        return [event for place, event in enumerate(wire) if place not in told_after]

    def _setting(self) -> dict[str, Any]:
        line, events = self.line, self.line["wire"]
        outbound = line["direction"] == "outbound"
        began = datetime.fromisoformat(line["began"] or line["time"])
        return {
            "scenario": f"{line['call']}, {began:%Y-%m-%d %H:%M}",
            "call": _callee(line, events) if outbound else None,
            "flow": None if outbound else line["flow"],
            "caller": STRANGER if outbound or "•" in line["caller"] else line["caller"],
            "at": f"{began:%Y-%m-%d %H:%M:%S}",
            "lookups": _in_order(_named(events, "lookup"), "known", {}),
            "tools": _in_order(_tools(events), "text", ""),
            "http": _answers(events),
            "faults": (*_faults(events), *_mute(_named(events, "spoken"))),
            "desks": {event["to"]: _desk(event) for event in _named(events, "dialled")},
            "chance": _few([event["shows"] for event in _named(events, "chance")]) or 0.5,
            "trouble": next((event["found"] for event in _named(events, "operator") if "found" in event), {}),
            "reloaded": not any(event.get("result") == "none" for event in _named(events, "operator")),
            "agents": _agents(events),
            "patience": min(3600.0, 60.0 + round(line["seconds"])),
        }


def spoken(line: Mapping[str, Any]) -> list[str]:
    """Every sentence that the flows of a call have said, as the journal has it."""
    return [event["text"] for event in _named(line.get("wire", ()), "spoken")]


def walked(line: Mapping[str, Any]) -> list[str]:
    """Every step that they have walked."""
    return [f"{step['node']}.{step['step']} {step['verb']}" for step in line["steps"]]


def _place(step: Mapping[str, Any]) -> str:
    """A step, as scenarios name it."""
    flow = step.get("flow")
    return f"{flow}/{step['node']}.{step['step']}" if flow else f"{step['node']}.{step['step']}"


def deeds(line: Mapping[str, Any]) -> list[str]:
    """Whom else the flows of a call have spoken to: by text, to web services; then those whom it was to be connected
    with."""
    done = [text for event in line.get("wire", ()) for text in _deed(event)]
    return [*done, *(f"transfer to {leg['to']}" for leg in line["legs"])]


def _deed(event: Event) -> Iterator[str]:
    if event["what"] == "text":
        yield f"text: {event['text']}"
    if event["what"] == "http":
        yield " ".join(filter(None, (event["method"], event["url"], event.get("sent"))))


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


def _in_order(events: Sequence[Event], field: str, nothing: Any) -> dict[str, Any]:
    """What each of a name was answered, one after the other; where it has failed, nothing."""
    names = dict.fromkeys(event["name"] for event in events)
    return {name: _few([each.get(field, nothing) for each in events if each["name"] == name]) for name in names}


def _few(answers: Sequence[Any]) -> Any:
    """All of them, or the one that all are."""
    return answers[0] if answers and all(each == answers[0] for each in answers) else tuple(answers)


def _answers(events: Sequence[Event]) -> tuple[WebAnswer, ...]:
    """Those of each URL in order; the last one is for all that come."""
    found: dict[tuple[str, str], list[WebAnswer]] = {}
    for event in _named(events, "http"):
        mine, answer = found.setdefault((event["url"], event["method"]), []), _answer(event)
        if mine and msgspec.structs.replace(mine[-1], times=None) == answer:
            mine[-1] = msgspec.structs.replace(mine[-1], times=(mine[-1].times or 1) + 1)
        else:
            mine.append(msgspec.structs.replace(answer, times=1))
    last = [msgspec.structs.replace(mine.pop(), times=None) for mine in found.values()]
    return (*(answer for mine in found.values() for answer in mine), *last)


def _answer(event: Event) -> WebAnswer:
    late, asked = event.get("took", 0.0), (event["url"], event["method"])
    if "status" in event:
        return WebAnswer(*asked, event["status"], body=event["body"], late=late)
    return WebAnswer(*asked, late=NEVER if event["failed"] == CUT_OFF else late, fails=True)


def _desk(event: Event) -> Desk:
    does = {"answered": "answers", "busy": "busy", "no_answer": "no-answer"}.get(event["result"], "failed")
    return Desk(does, max(1.0, event["seconds"]))  # type: ignore[arg-type]


def _faults(events: Sequence[Event]) -> Iterator[Fault]:
    for what, field, those in (("lookup", "lookup", _named(events, "lookup")), ("tool", "tool", _tools(events))):
        for name in dict.fromkeys(event["name"] for event in those):
            for number, event in enumerate((each for each in those if each["name"] == name), 1):
                about = {field: name, "first": number, "times": 1}
                cut_off = event.get("failed") == CUT_OFF
                if late := NEVER if cut_off else event.get("took", 0.0):
                    yield Fault(**about, late=late)
                if ("failed" in event and not cut_off) or (what == "tool" and event.get("error")):
                    yield Fault(**about, fails=True)
    for event in _named(events, "lost"):
        yield Fault(stream="lost", after=max(0.0, event["at"]))


def _mute(sentences: Sequence[Event]) -> Iterator[Fault]:
    """Sentences that no voice said."""
    asked: Counter[str] = Counter()
    for event in sentences:
        asked[words(event["text"])] += 1
        if _is_mute(event) and event["text"]:
            yield Fault(sentence=event["text"], fails=True, first=asked[words(event["text"])], times=1)


def _is_mute(event: Event) -> bool:
    return event.get("failed") not in (None, CUT_OFF)


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
        elif event["what"] in ("line", "tool", "outcome", "key") and conversation:
            conversation.append(event)
            if event["what"] == "outcome":
                yield sorted(conversation, key=_rank)
                conversation = []


def _rank(event: Event) -> tuple[float, int]:
    """Its place in a conversation: lines are noted when that is over, tools when they are used."""
    ranks = {"agent": 0, "line": 1 if event.get("who") == "caller" else 3, "tool": 2, "outcome": 4}
    return event["at"], ranks.get(event["what"], 1)


def _turns(event: Event, before: Sequence[Turn]) -> list[Turn]:
    if event["what"] == "line":
        return [AgentSays(event["text"].rstrip(CUT))] if event["who"] == "agent" else [AgentHears()]
    if event["what"] == "tool":
        return [UsesTool({event["name"]: {key: str(value) for key, value in event["arguments"].items()}})]
    if event["what"] == "key":
        return [AgentSees(event["key"] or "0")]
    if event["name"] == "failed":
        return [AgentFails(event["error"] or "it has failed")]
    if before and isinstance(before[-1], UsesTool) and before[-1].name in READY_TOOLS:
        return []  # the tool has ended it
    if event["name"] in _BY_ITSELF:
        return [Stalls()]
    return [HasOutcome(event["name"], dict(event["facts"]))]
