"""The caller of a scenario: does its steps one after the other, and listens."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import attrs

from voiced.call.audio import RATE
from voiced.call.session import CallSession
from voiced.rehearsal.acts import (
    Act,
    After,
    Begins,
    Came,
    Comes,
    HangsUp,
    Hears,
    NeverHears,
    Presses,
    Reaches,
    Says,
    Waits,
    Within,
)
from voiced.rehearsal.difference import difference
from voiced.rehearsal.listener import Listener
from voiced.rehearsal.moments import KINDS, moments
from voiced.rehearsal.performance import ROUNDING, Failure
from voiced.rehearsal.stage import Stage
from voiced.simulator.carrier import SimulatedCall
from voiced.simulator.memory import elapse
from voiced.testing.fakes import spell

BREATH = 0.15
"""Seconds between what the caller has heard and what they do: a voice has come to its end by then."""
TICK = 0.02
"""Seconds between two looks: a frame of the line."""
SOON = 1e-4
"""Seconds within which two moments are one: a clock at today's date is not finer than 0.2 us."""


@attrs.define
class Caller:
    """Plays the steps of the stage's scenario on a call."""

    _stage: Stage
    call: SimulatedCall
    listener: Listener
    session: CallSession | None = None
    failures: list[Failure] = attrs.field(factory=list)
    _never: list[tuple[int, NeverHears, int]] = attrs.field(factory=list)
    """Numbers of steps, what must not be heard, and after how many sentences."""
    _begun: list[tuple[int, Begins, int]] = attrs.field(factory=list)
    """Numbers of steps, what has begun so, and which sentence that was: how it went on is known later."""
    awaited: set[int] = attrs.field(factory=set)
    """Which sentences the caller has waited for."""
    _sentence: int = 0
    """The sentence in which the caller heard what was expected last ..."""
    _place: int = 0
    """... and where in its words that ended."""
    _fresh: int = 0
    """The first sentence of which nothing was waited for yet."""
    _step: int = 0
    """How many of the flow's steps were reached."""
    _came_so_far: Counter[str] = attrs.field(factory=Counter)
    """How many things of each kind were waited for."""
    _since: float = attrs.field(init=False)
    """When what was waited for last was."""
    _within: float | None = None
    _free_at: float = 0.0
    """When the caller has finished speaking ..."""
    _breathed_at: float = 0.0
    """... and taken breath after listening."""

    def __attrs_post_init__(self) -> None:
        self._since = self.call.rang_at

    def play(self) -> None:
        """All steps; the first that fails is the last. Then the call comes to its end."""
        for number, act in enumerate(self._stage.scenario.steps, 1):
            failure = self._act(number, act)
            if failure is not None:
                self.failures.append(failure)
                break
        else:
            self._until(lambda: self.call.over, self._stage.scenario.patience, to_its_end=False)
        self.call.hang_up()
        self._look()
        for number, begins, place in self._begun:
            for said in self.listener.sentences[place : place + 1]:
                if not begins.fits(said.text):
                    self.failures.append(Failure(f"{_shown(begins)}, and it was {said.shown!r}", number))
        for number, act, after in self._never:
            for sentence in self.listener.sentences[after:]:
                if Hears(act.text).end_in(sentence.text) is not None:
                    why = f"never hears {act.text!r}, and heard {sentence.shown!r} at {sentence.began:.2f} s"
                    self.failures.append(Failure(why, number))

    def passes(self, seconds: float) -> None:
        """Time passes, and the caller listens."""
        until = self._now + seconds
        while self._now < until - SOON:
            elapse(self._stage.clock, min(TICK, until - self._now))
            self._look()

    @property
    def _now(self) -> float:
        return self._stage.clock.seconds()

    def _look(self) -> None:
        self.listener.look()
        if self.session is None:
            self.session = self._stage.session(self.call)

    def _until(self, there: Callable[[], bool], seconds: float, *, to_its_end: bool) -> bool:
        """Whether it comes to that within so many seconds; or, a sentence that has begun by then, to its end."""
        until = self._now + seconds
        self._look()
        while not there():
            if self.call.over or (self._now > until - SOON and not (to_its_end and self._speaking_since(until))):
                return False
            self.passes(TICK)
        return True

    def _speaking_since(self, moment: float) -> bool:
        """Whether what is being said now had begun then."""
        speaking = self.listener.speaking
        return speaking is not None and self.call.rang_at + speaking.began <= moment

    def _act(self, number: int, act: Act) -> Failure | None:
        match act:
            case Within(seconds):
                self._within = seconds
            case Hears():
                return self._hears(number, act)
            case NeverHears():
                self._never.append((number, act, len(self.listener.sentences)))
            case Begins() | Reaches() | Comes():
                return self._waits_for(number, act)
            case After(seconds):
                self.passes(max(self._free_at, self._since + seconds) - self._now)
                self._breathed_at = 0.0
            case Came():
                self._comes(act)
            case _:
                return self._does(number, act)
        return None

    def _does(self, number: int, act: Act) -> Failure | None:
        """What the caller does with hand and mouth."""
        self.passes(max(self._free_at, self._breathed_at) - self._now)
        if self.call.over and isinstance(act, Says | Presses):
            return Failure(f"{_shown(act)}, but the call is over: {self._how_it_ended()}", number, self._so_far())
        match act:
            case Waits(seconds):
                self.passes(seconds)
            case Presses(keys):
                self.call.press(keys)
            case Says(text):
                audio = spell(text)
                self.call.speak(audio, text)
                self._free_at = self._now + len(audio) / RATE
            case HangsUp():
                self.call.hang_up()
        return None

    def _hears(self, number: int, act: Hears) -> Failure | None:
        seconds = self._patience(act.within)
        if self._until(lambda: self._heard(act), seconds, to_its_end=True):
            self._breathed_at = self._now + BREATH
            return None
        why = f"{_shown(act)}: not within {seconds:g} s" if not self.call.over else f"{_shown(act)}: never"
        near = difference(act.text, [sentence.text for sentence in self.listener.all[self._sentence :]])
        return Failure(why, number, near + self._so_far())

    def _heard(self, act: Hears) -> bool:
        """Whether it is in what was heard since the last; then the next is looked for behind it."""
        for number in range(self._sentence, len(self.listener.sentences)):
            sentence = self.listener.sentences[number]
            end = act.end_in(sentence.text, self._place if number == self._sentence else 0)
            if end is not None and act.voice in (None, sentence.voice):
                self._sentence, self._place, self._fresh = number, end, max(self._fresh, number + 1)
                self.awaited.add(number)
                self._since = self.call.rang_at + sentence.ended
                return True
        return False

    def _waits_for(self, number: int, act: Begins | Reaches | Comes) -> Failure | None:
        seconds = self._patience(act.within)
        if self._until(lambda: self._is_there(number, act), seconds, to_its_end=False):
            return None
        why = f"{_shown(act)}: not within {seconds:g} s" if not self.call.over else f"{_shown(act)}: never"
        return Failure(why, number, self._so_far())

    def _is_there(self, number: int, act: Begins | Reaches | Comes) -> bool:
        """What is waited for; only once of the same."""
        match act:
            case Begins():
                return self._begins(number, act)
            case Reaches():
                return self._reached(act)
            case Comes():
                return self._has_come(act)

    def _begins(self, number: int, act: Begins) -> bool:
        for place, sentence in list(enumerate(self.listener.all))[self._fresh :]:
            if act.fits(sentence.text):
                self._sentence, self._place, self._fresh = place, 0, place + 1
                self._begun.append((number, act, place))
                self.awaited.add(place)
                self._since = self.call.rang_at + sentence.began
                return True
        return False

    def _reached(self, act: Reaches) -> bool:
        steps = [] if self.session is None else self.session.record.steps
        for place in range(self._step, len(steps)):
            if act.fits(steps[place].flow, steps[place].node, steps[place].number):
                self._step = place + 1
                self._since = steps[place].began
                return True
        return False

    def _has_come(self, act: Comes) -> bool:
        found = [] if self.session is None else moments(self.session, KINDS[act.what])
        wanted = self._came_so_far[act.what] + act.times
        if len(found) < wanted:
            return False
        self._came_so_far[act.what] = wanted
        self._since = found[wanted - 1]
        return True

    def _comes(self, act: Came) -> None:
        if self._until(lambda: self._came(act) is not None, act.within, to_its_end=False):
            self.passes((self._came(act) or 0.0) + act.after - self._now)

    def _came(self, act: Came) -> float | None:
        """When it was, in seconds since the epoch."""
        found = [] if self.session is None else moments(self.session, act.what)
        return found[act.count - 1] if len(found) >= act.count else None

    def _patience(self, within: float | None) -> float:
        """How many seconds the next thing may take."""
        said, self._within = self._within, None
        return next((each for each in (within, said) if each is not None), self._stage.scenario.patience)

    def _so_far(self) -> str:
        """What was heard, line by line, and where the flow stands."""
        lines = []
        for sentence in self.listener.all:
            voice = f"  ({sentence.voice})" if sentence.voice else ""
            lines.append(f"  {sentence.began:7.2f} s  {self._node_at(sentence.began):<14} {sentence.shown!r}{voice}")
        heard = "heard so far:\n" + ("\n".join(lines) or "  nothing")
        return f"{heard}\n{self._stands()}"

    def _node_at(self, second: float) -> str:
        if self.session is None:
            return ""
        steps = self.session.record.steps
        began = [step for step in steps if step.began - self.call.rang_at <= second + ROUNDING]
        return f"{began[-1].node}.{began[-1].number}" if began else ""

    def _stands(self) -> str:
        if self.session is None or not self.session.record.steps:
            return "the flow has not begun" if not self.call.over else f"the call is over: {self._how_it_ended()}"
        last = self.session.record.steps[-1]
        where = f"the flow {self.session.flow.name!r} stood at {last.node}.{last.number} ({last.verb})"
        return f"{where}; the call is over: {self._how_it_ended()}" if self.call.over else where

    def _how_it_ended(self) -> str:
        ended = [line["ending"] for line in self._stage.journal.lines if line["event"] == "ended"]
        return str(ended[-1] if ended else self.call.status)


def _shown(act: Act) -> str:
    """An act as the scenario writes it."""
    match act:
        case Hears(text, matches):
            return f"hears {text!r}" if text is not None else f"hears what matches {matches!r}"
        case Begins(text):
            return f"begins {text!r}" if text is not None else "begins"
        case Comes(what):
            return f"comes {what}"
        case Reaches(node):
            return f"reaches {node}"
        case Presses(keys):
            return f"presses {keys}"
        case Says(text):
            return f"says {text!r}"
        case Waits(seconds):
            return f"waits {seconds:g} s"
    return "hangs up"
