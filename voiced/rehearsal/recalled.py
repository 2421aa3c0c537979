"""Makes a scenario of a call that the journal has kept with its wire (`journal: wire`).

What came from outside becomes what the scenario's caller, agents, lookups and services do; what was said and walked
becomes what is expected of the flows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import attrs

from voiced.call.records import Ending
from voiced.rehearsal.acts import Act, Came, HangsUp, Hears, Presses, Says, Waits
from voiced.rehearsal.moments import before, recalled
from voiced.rehearsal.scenario import STRANGER, Again, Callee, Desk, Expect, Fault, Once, Scenario, WebAnswer
from voiced.rehearsal.turns import AgentFails, AgentHears, AgentSays, AgentSees, HasOutcome, Stalls, Turn, UsesTool
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
PAUSE_SECONDS = 0.2
"""What an agent waits for more of the caller's words (voiced.rehearsal.hearing)."""
ANSWER_SECONDS = 0.55
"""From the end of an answer until it is understood (voiced.call.answering)."""
CUTTING_SECONDS = 0.5
"""From the first word over a sentence until that is cut (voiced.call.bargein)."""
BREATH = 0.5
"""Seconds between the end of a message and the key, or the click, that ends the recording."""
MARGIN = 20.0
"""Seconds longer than then that the caller waits for what they did something upon."""
_CUT = "…"
_WAYS = {"busy": "busy", "no_answer": "no-answer", "cancelled": "no-answer"}
"""What somebody did who did not answer, by how the call ended."""
CUT_OFF = "cut off"
"""Why something has failed, or an agent has left, that nobody waited for any longer."""
NEVER = 600.0
"""Seconds that nothing takes."""
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

    def again(self) -> Again:
        """The same call once more: its caller follows whatever the flows say now."""
        events = self.line["wire"]
        lookups, tools = _named(events, "lookup"), _tools(events)
        return Again(
            **self._setting(_answers(events)),
            steps=tuple(_Acts(events).loose()),
            faults=tuple(_faults(events)),
            mute=_unsaid(_named(events, "spoken")),
            lookups_in_order={each["name"]: _known(lookups, each["name"]) for each in lookups if "known" in each},
            tools_in_order={each["name"]: _told(tools, each["name"]) for each in tools},
            dice_in_order=tuple(event["shows"] for event in _named(events, "chance")),
        )

    def scenario(self) -> Scenario:
        """A scenario that holds the flows to what was said and walked then."""
        ending = Ending(self.line["ending"]) if self.line["ending"] else None
        nodes = [step["node"] for step in self.line["steps"]]
        steps = tuple(node for place, node in enumerate(nodes) if not place or nodes[place - 1] != node)
        events = self.line["wire"]
        return Scenario(
            **self._setting(_first_answers(events)),
            steps=tuple(_Acts(events).strict()),
            faults=(*_faults(events), *_mute(events)),
            lookups={event["name"]: event["known"] for event in _named(events, "lookup") if "known" in event},
            tools={event["name"]: event.get("text", "") for event in _tools(events)},
            expect=Expect(ending=ending, steps=steps),
        )

    def _setting(self, http: Iterable[WebAnswer]) -> dict[str, Any]:
        line, events = self.line, self.line["wire"]
        outbound = line["direction"] == "outbound"
        began = datetime.fromisoformat(line["began"] or line["time"])
        return {
            "scenario": f"{line['call']}, {began:%Y-%m-%d %H:%M}",
            "call": _callee(line, events) if outbound else None,
            "flow": None if outbound else line["flow"],
            "caller": STRANGER if outbound or "•" in line["caller"] else line["caller"],
            "at": f"{began:%Y-%m-%d %H:%M:%S}",
            "http": tuple(http),
            "desks": {event["to"]: _desk(event) for event in _named(events, "dialled")},
            "chance": next((event["shows"] for event in _named(events, "chance")), 0.5),
            "agents": _agents(events),
            "patience": min(3600.0, 60.0 + round(line["seconds"])),
        }


def spoken(line: Mapping[str, Any]) -> list[str]:
    """Every sentence that the flows of a call have said, as the journal has it."""
    return [event["text"] for event in _named(line.get("wire", ()), "spoken")]


def walked(line: Mapping[str, Any]) -> list[str]:
    """Every step that they have walked."""
    return [f"{step['node']}.{step['step']} {step['verb']}" for step in line["steps"]]


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


def _known(lookups: Sequence[Event], name: str) -> tuple[dict[str, str], ...]:
    return tuple(event.get("known", {}) for event in lookups if event["name"] == name)


def _told(tools: Sequence[Event], name: str) -> tuple[str, ...]:
    return tuple(event.get("text", "") for event in tools if event["name"] == name)


def _answers(events: Sequence[Event]) -> Iterator[Once]:
    for event in _named(events, "http"):
        late, asked = event.get("took", 0.0), (event["url"], event["method"])
        if "status" in event:
            yield Once(*asked, event["status"], body=event["body"], late=late)
        else:
            yield Once(*asked, late=NEVER if event["failed"] == CUT_OFF else late, fails=True)


def _first_answers(events: Sequence[Event]) -> Iterator[WebAnswer]:
    """A scenario says one answer to each."""
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
                about = {field: name, "first": number, "times": 1}
                cut_off = event.get("failed") == CUT_OFF
                if late := NEVER if cut_off else event.get("took", 0.0):
                    yield Fault(**about, late=late)
                if "failed" in event or (what == "tool" and event.get("error")):
                    yield Fault(**about, fails=True)
    for event in _named(events, "lost"):
        yield Fault(stream="lost", after=max(0.0, event["at"]))


def _mute(events: Sequence[Event]) -> Iterator[Fault]:
    """Sentences that a voice did not say."""
    asked: Counter[str] = Counter()
    for event in _named(events, "spoken"):
        asked[event["voice"]] += 1
        if _is_mute(event) and event["voice"]:
            yield Fault(voice=event["voice"], fails=True, first=asked[event["voice"]], times=1)


def _unsaid(sentences: Sequence[Event]) -> dict[str, int]:
    """Those that no voice said in the end, and how often one had said them."""
    said = Counter(event["text"] for event in sentences if not _is_mute(event))
    return {event["text"]: said[event["text"]] for event in sentences if _is_mute(event)}


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
                yield conversation
                conversation = []


def _turns(event: Event, before: Sequence[Turn]) -> list[Turn]:
    if event["what"] == "line":
        return [AgentSays(event["text"].rstrip(_CUT))] if event["who"] == "agent" else [AgentHears()]
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


@attrs.frozen
class _Acts:
    """What the caller did, in order."""

    events: Sequence[Event]

    def loose(self) -> Iterator[Act]:
        """Each act as long after what came before it as it was then."""
        moments, last = recalled(self.events), 0.0
        for place, event in enumerate(self.events):
            acts = [act for act in self._acts(place) if not isinstance(act, Waits)]
            for act in acts:
                at = self._began(place, act)
                anchor = before(moments, at, place)
                if anchor is not None:
                    within = max(0.0, anchor.at - last) + MARGIN
                    yield Came(anchor.what, anchor.count, round(at - anchor.at, 3), within)
                yield act
                last = event["at"]

    def _began(self, place: int, act: Act) -> float:
        """When the caller began with it: words are known when they are over."""
        event = self.events[place]
        at: float = event["at"]
        if not isinstance(act, Says):
            return at
        message = self._message_of(place)
        if message is not None:
            return float(max(0.0, message["at"] - message.get("took", message["seconds"])) + BEEP_SECONDS)
        if event["what"] == "heard":
            began = at - len(act.text) / LETTERS - ANSWER_SECONDS
            cut = self._cut_by_words(place)
            return began if cut is None else min(began, cut["at"] - CUTTING_SECONDS)
        earlier = [each for each in self.events[:place] if each["what"] in ("line", "agent")]
        soonest = earlier[-1]["at"] + SOON if earlier else 0.0
        return min(at, max(soonest, at - len(act.text) / LETTERS - PAUSE_SECONDS))

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
            case "heard" if event["text"]:
                cut = self._cut_by_words(place)
                if cut is not None:
                    yield Waits(SOON)
                yield Says(event["text"] if cut is None else event["text"].upper())
            case "recorded" if event.get("kept") and event["ended_by"] in ("silence", "limit", "hangup"):
                yield from _message(event)
            case "gone" if event["why"] == Ending.CALLER_HUNG_UP.value:
                yield from self._pause(place)
                yield HangsUp()

    def _message_of(self, place: int) -> Event | None:
        """The recording that this event ends."""
        for event in self.events[place : place + 2]:
            if event["what"] == "recorded" and event.get("kept"):
                return event
        return None

    def _cut_by_words(self, place: int) -> Event | None:
        """The sentence into which an answer was said."""
        earlier = [event for event in self.events[:place] if event["what"] in ("spoken", "key", "heard")]
        return earlier[-1] if earlier and earlier[-1]["what"] == "spoken" and earlier[-1].get("cut") else None

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
    quiet = event.get("silence", 0.0) if event["ended_by"] == "silence" else BREATH
    seconds = event.get("took", event["seconds"] + quiet + BEEP_SECONDS) - quiet - BEEP_SECONDS
    yield Waits(BEEP_SECONDS)
    letters = max(1, round(seconds * LETTERS))
    yield Says(("message " * (letters // 8 + 1))[: letters - 1].replace(" ", "-") + "e")
