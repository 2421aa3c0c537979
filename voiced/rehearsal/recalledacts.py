"""What the caller of a call that the journal has kept did, in order: as acts of a scenario, each in its moment."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import attrs

from voiced.call.records import Ending
from voiced.rehearsal.acts import Act, After, Begins, Came, Comes, HangsUp, Hears, Presses, Says, words
from voiced.rehearsal.hidden import HIDDEN, expression
from voiced.rehearsal.moments import AT_ONCE, KINDS, Moment, before, recalled

Event = Mapping[str, Any]

SOON = 0.2
"""Seconds within which the caller does what cut a sentence, once it has begun."""
BEEP_SECONDS = 0.6
"""What a beep takes, and a breath after it."""
LETTERS = 20
"""Letters that anybody says in a second of a scenario."""
PAUSE_SECONDS = 0.2
"""What an agent waits for more of the caller's words (voiced.rehearsal.hearing)."""
ANSWER_SECONDS = 0.55
"""From the end of an answer until it is understood (voiced.call.answering)."""
CUTTING_SECONDS = 0.5
"""From the first word over a sentence until that is cut (voiced.call.bargein)."""
BREATH = 0.5
"""Seconds between the end of a message and the key, or the click, that ends the recording."""
BEFORE, AFTER = 1.5, 0.5
"""Seconds kept of a recording before its first sound, and after its last (voiced.call.take)."""
MARGIN = 20.0
"""Seconds longer than then that the caller waits for what they did something upon."""
REST = 0.1
"""Seconds of silence with which a voice ends (voiced.rehearsal.voices)."""
SAME = 0.05
"""Seconds that are not worth waiting for something else than a sentence."""
CUT = "…"
"""What stands behind what was not heard to its end."""
PRIVATE_KEY = "What was pressed here is private, and the journal does not have it: write what is to be pressed."
PRIVATE_WORDS = "What was said here is private, and the journal does not have it: write what is to be said."
HIDDEN_WORDS = f"The journal hides a part of what was said here ({HIDDEN}): write what is to be said."
_CALLED = {kind: name for name, kind in KINDS.items()}


def loose(events: Sequence[Event]) -> Iterator[Act]:
    """Each act as long after what came before it as it was then, whatever is said."""
    found, last = recalled(events), 0.0
    for place, event in enumerate(events):
        for act in _acts(events, place):
            at = _began(events, place, act)
            anchor = before(found, at, place)
            if anchor is not None:
                within = max(0.0, anchor.at - last) + MARGIN
                yield Came(anchor.what, anchor.count, round(at - anchor.at, 3), within)
            yield act
            last = event["at"]


def strict(events: Sequence[Event]) -> list[Act | str]:
    """The same after every sentence that was heard; a text is a note on the act behind it."""
    writing = _Writing(recalled(events), sorted(_sentences(events)))
    for at, place, act in _in_time(events):
        writing.act(at, place, act)
    return [*writing.acts, *(sentence.act for sentence in writing.left)]


def _in_time(events: Sequence[Event]) -> Iterator[tuple[float, int, Act | str]]:
    """Acts and notes, with their moments and the places of their events; keys of one moment as one act."""
    all_ = [(_began(events, place, act), place, act) for place in range(len(events)) for act in _noted(events, place)]
    last: tuple[float, int, Act | str] | None = None
    for each in sorted(all_, key=lambda one: one[:2]):
        match last, each:
            case (float(at), place, Presses(keys)), (float(now), _, Presses(more)) if now - at < AT_ONCE:
                last = (at, place, Presses(keys + more))
            case None, _:
                last = each
            case _:
                yield last
                last = each
    if last is not None:
        yield last


@attrs.frozen(order=True)
class _Sentence:
    """Something that was heard: the end of it, or its beginning, where it was cut."""

    due: float
    """When a scenario hears that."""
    place: int
    cut: bool
    text: str

    @property
    def act(self) -> Act:
        return _begins(self.text) if self.cut else _hears(self.text)

    def before(self, at: float, place: int) -> bool:
        """Whether it was before what happened then, and stands at that place."""
        return self.due <= at and (self.place < place or self.due < at - AT_ONCE)


@attrs.define
class _Writing:
    """A list of acts that grows."""

    _moments: Sequence[Moment]
    left: list[_Sentence]
    """What was heard and nobody has waited for yet."""
    acts: list[Act | str] = attrs.field(factory=list)
    _since: float = 0.0
    """When what was waited for last was ..."""
    _place: int = -1
    """... and where it stands, if it was a sentence."""
    _came: Counter[str] = attrs.field(factory=Counter)

    def act(self, at: float, place: int, act: Act | str) -> None:
        """What was done then, and before it what was heard until then."""
        while self.left and self.left[0].before(at, place):
            sentence = self.left.pop(0)
            self.acts.append(sentence.act)
            self._since, self._place = sentence.due, sentence.place
        if isinstance(act, str):
            self.acts.append(act)
            return
        notes = [self.acts.pop()] if self.acts and isinstance(self.acts[-1], str) else []
        anchor = before(self._moments, at, place)
        if anchor is not None:
            self._wait_for(anchor)
        self.acts += [After(round(max(0.0, at - self._since), 3)), *notes, act]

    def _wait_for(self, anchor: Moment) -> None:
        """What it came after, unless it is what was heard last."""
        if anchor.place == self._place:
            return
        began = next((each for each in self.left if each.place == anchor.place), None)
        if anchor.what in ("saying", "line") and began is not None:
            self.acts.append(_begins(began.text))
        elif anchor.at - self._since > SAME and anchor.count > self._came[anchor.what]:
            self.acts.append(Comes(_CALLED[anchor.what], anchor.count - self._came[anchor.what]))  # type: ignore[arg-type]
            self._came[anchor.what] = anchor.count
        else:
            return
        self._since, self._place = anchor.at, -1


def _sentences(events: Sequence[Event]) -> Iterator[_Sentence]:
    until = 0.0  # when the agent has said the line before: of some, two come at once
    for place, event in enumerate(events):
        at, text = event["at"], event.get("text", "")
        if event["what"] == "spoken" and text.strip() and event.get("seconds"):
            cut = event["cut"]
            yield _Sentence(round(at - (event["seconds"] if cut else REST), 3), place, cut, text)
        elif is_line(event, "agent") and text.strip(f"{CUT} "):
            cut, text = text.endswith(CUT), text.rstrip(CUT)
            until = at if cut else round(max(at, until) + len(text.encode()) / LETTERS, 3)
            yield _Sentence(until, place, cut, text)


def _begins(text: str) -> Begins:
    return Begins(text.partition(HIDDEN)[0].strip() or None)


def _hears(text: str) -> Hears:
    return Hears(matches=expression(text, _spelled)) if HIDDEN in text else Hears(text.strip())


def _spelled(text: str) -> str:
    """As it is compared, with the spaces at its ends."""
    return words(f".{text}.")[1:-1]


def _began(events: Sequence[Event], place: int, act: Act | str) -> float:
    """When the caller began with it: words are known when they are over."""
    event = events[place]
    at: float = event["at"]
    if not isinstance(act, Says):
        return at
    message = _message_of(events, place)
    if message is not None:
        return float(max(0.0, message["at"] - _took(message)) + _spoken(message)[0])
    if event["what"] == "heard":
        began = at - len(act.text) / LETTERS - ANSWER_SECONDS
        cut = _cut_by_words(events, place)
        return began if cut is None else min(began, cut["at"] - CUTTING_SECONDS)
    earlier = [each for each in events[:place] if each["what"] in ("line", "agent")]
    soonest = earlier[-1]["at"] + SOON if earlier else 0.0
    return min(at, max(soonest, at - len(act.text) / LETTERS - PAUSE_SECONDS))


def _noted(events: Sequence[Event], place: int) -> Iterator[Act | str]:
    """The acts of an event, each behind what is to be known of it."""
    event = events[place]
    if event["what"] == "heard" and not event["text"]:
        yield PRIVATE_WORDS
    for act in _acts(events, place):
        if isinstance(act, Presses) and not event["key"]:
            yield PRIVATE_KEY
        if isinstance(act, Says) and HIDDEN in act.text:
            yield HIDDEN_WORDS
        yield act


def _acts(events: Sequence[Event], place: int) -> Iterator[Act]:
    event = events[place]
    match event["what"]:
        case "key":
            after = events[place + 1] if place + 1 < len(events) else {"what": ""}
            if after["what"] == "recorded" and after.get("kept") and after["ended_by"] == "key":
                yield _message(after)
            yield Presses(event["key"] or "0")
        case "line" if event["who"] == "caller":
            before = events[place - 1] if place else event
            cuts = is_line(before, "agent") and before["text"].endswith(CUT)
            yield Says(event["text"].upper() if cuts else event["text"])
        case "heard" if event["text"]:
            yield Says(event["text"] if _cut_by_words(events, place) is None else event["text"].upper())
        case "recorded" if event.get("kept") and event["ended_by"] in ("silence", "limit", "hangup"):
            yield _message(event)
        case "gone" if event["why"] == Ending.CALLER_HUNG_UP.value:
            yield HangsUp()


def _message_of(events: Sequence[Event], place: int) -> Event | None:
    """The recording that this event ends."""
    for event in events[place : place + 2]:
        if event["what"] == "recorded" and event.get("kept"):
            return event
    return None


def _cut_by_words(events: Sequence[Event], place: int) -> Event | None:
    """The sentence into which an answer was said."""
    earlier = [event for event in events[:place] if event["what"] in ("spoken", "key", "heard")]
    return earlier[-1] if earlier and earlier[-1]["what"] == "spoken" and earlier[-1].get("cut") else None


def is_line(event: Event, who: str) -> bool:
    """Whether it is a line of a conversation, of the agent or the caller."""
    return bool(event["what"] == "line" and event["who"] == who)


def _took(event: Event) -> float:
    """How long it was recorded."""
    return float(event.get("took", event["seconds"] + event.get("silence", 0.0)))


def _spoken(event: Event) -> tuple[float, float]:
    """When something was said into a recording, and until when, so that as much of it is kept as then."""
    silent = event["ended_by"] == "silence"
    end = _took(event) - event.get("silence", 0.0) if silent else _took(event) - BREATH
    end = min(end, event["seconds"] - AFTER) if not silent and event["seconds"] < _took(event) - AT_ONCE else end
    kept_from = end + AFTER - event["seconds"] if silent else 0.0
    begin = max(BEEP_SECONDS, kept_from + BEFORE if kept_from > 0.0 else 0.0)
    letters = max(1, math.floor((end - begin) * LETTERS + AT_ONCE))
    return end - letters / LETTERS, end


def _message(event: Event) -> Says:
    """Something as long as what was recorded."""
    begin, end = _spoken(event)
    letters = round((end - begin) * LETTERS)
    return Says(("message " * (letters // 8 + 1))[: letters - 1].replace(" ", "-") + "e")
