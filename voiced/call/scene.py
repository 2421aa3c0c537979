"""Where a call stands in its flows, and what is known of it: the verbs that need no line."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from voiced.call.flow import Flow, Run
from voiced.call.leg import Position
from voiced.call.ordered import Ordered
from voiced.call.parts import Parts
from voiced.call.program import Program
from voiced.call.records import CallInfo, CallRecord, StepRecord
from voiced.call.wire import Wire, WiredOperator
from voiced.errors import FlowError
from voiced.ioperator import IOperator
from voiced.ivoiced import (
    IStep,
)
from voiced.iwatch import IWatch, Unwatched

LANGUAGE_FACT = "call.language"
"""The fact that says which language is spoken: a flow may set it."""
ARGUMENT = "argument."
"""What the facts begin with that one flow passes to another."""

_BETWEEN = r"[\s,.'()/-]{0,2}"
"""What may stand between the letters of something that is spelled."""

log = Logger()


class Scene:
    """A call between its steps: its facts, its place in the flows, the parts that it is in, its record."""

    _secrets: frozenset[str] = frozenset()
    """Every value that a private fact has had; one for all calls that have none."""

    def __init__(
        self,
        info: CallInfo,
        program: Program,
        flow: Flow,
        clock: IReactorTime,
        ordered: Ordered | None = None,
        parts: Parts | None = None,
        watch: IWatch | None = None,
    ) -> None:
        self.changed: Callable[..., object] = lambda within=0.0: None
        """Called when the call stands somewhere else than before."""
        self.info = info
        self.program = program
        self.flow = flow
        self.clock = clock
        self.watch = watch or Unwatched()
        """Who is told what happens."""
        self.ordered = ordered
        """What was asked for, of a call that we have placed."""
        self.facts = {
            **flow.constants,
            **info.facts(),
            "call.flow": flow.name,
            LANGUAGE_FACT: flow.language,
            **(ordered.facts() if ordered else {}),
        }
        self.private: set[str] = set()
        self.position: list[Position] = []
        """Where the flow stands: frames of (flow, node, step from 0), of flows that have called one another the first
        one first. JSON, so that it can be kept."""
        self.entered: list[dict[str, str | None]] = []
        """For each flow that was called and has not come back: the facts that its arguments and constants stand in
        the place of. JSON, a part of the position."""
        self.rescued = False
        """Whether `on_error` has been tried; a part of the position, for it is tried once a call."""
        self.inputs = 0
        """How often something came of the caller: keys, words, a conversation, a leg."""
        self._run = Run()
        self.stepping: StepRecord | None = None
        """What is written down of the step that runs."""
        self._parts = Parts() if parts is None else parts
        self._leaving: dict[str, IDelayedCall] = {}
        """The parts that it will leave by and by."""
        self._since: dict[str, float] = {}
        """The parts that it has a place in, and since when."""
        self.record = CallRecord(info, flow.name, clock.seconds(), version=program.version.hash)
        self.wire = Wire(clock, program.keeps_wire, self._hidden)
        self.record.wire = self.wire.events

    @property
    def scene(self) -> Flow:
        """The flow whose step runs: of flows that have called one another, the last."""
        name = self.position[-1][0] if self.position else self.flow.name
        return self.flow if name == self.flow.name else self.program.flows[name]

    @property
    def operator(self) -> IOperator:
        """See ICall."""
        return WiredOperator(self.program.operator, self.wire)

    @property
    def language(self) -> str:
        """See ICall."""
        return self.facts.get(LANGUAGE_FACT) or self.flow.language

    @property
    def on_silence(self) -> str | None:
        """See ICall."""
        return self.scene.on_silence

    def sound(self, file: str) -> bytes:
        """See ICall."""
        if file not in self.scene.sounds:
            raise FlowError(f"flow {self.scene.name!r} has no sound {file!r}")
        return self.scene.sounds[file]

    def holidays(self, file: str) -> Mapping[str, str]:
        """See ICall."""
        if file not in self.scene.calendars:
            raise FlowError(f"flow {self.scene.name!r} has no calendar {file!r}")
        return self.scene.calendars[file]

    def enter(self, part: str, most: int | None = None) -> int | None:
        """See ICall."""
        self._stay(part)
        number = self._parts.enter(part, self.info.sid, most)
        if number is not None:
            self._since.setdefault(part, self.clock.seconds())
        self.changed()
        return number

    def leave(self, part: str, after: float = 0.0) -> None:
        """See ICall."""
        self._stay(part)
        if after:
            self._leaving[part] = self.clock.callLater(after, self.leave, part)
        else:
            self._since.pop(part, None)
            self._parts.leave(part, self.info.sid)
        self.changed()

    def chance(self) -> float:
        """See ICall."""
        chance = self.program.chance()
        self.wire.note("chance", shows=chance)
        return chance

    def journal(self, fact: str, value: str) -> None:
        """See ICall."""
        self.remember_private()
        private = fact in self.private or value in self._secrets
        self.record.facts[fact] = self.program.privacy.fact(value, private=private, party=self.info.party)

    def hang_up_because(self, reason: str) -> None:
        """See ICall."""
        if self.record.opted_out is None:  # nothing is more of a reason
            self.record.reason = reason

    def note(self, result: str) -> None:
        """See ICall."""
        if self.stepping is not None:  # else what is noted has come too late
            self.stepping.result = str(result)

    def key_note(self, key: str) -> str:
        """See ICall."""
        return self.program.privacy.key(key)

    @property
    def step(self) -> IStep:
        """The step that runs, or ran last."""
        _, node, place = self.position[-1]
        return self.scene.nodes[node][place].step

    # Within

    def _stay(self, part: str) -> None:
        """It does not leave that part later."""
        leaving = self._leaving.pop(part, None)
        if leaving is not None and leaving.active():
            leaving.cancel()

    def _out_of_parts(self) -> None:
        """It is in no part any more, and nothing is to come of any."""
        for part in list(self._leaving):
            self._stay(part)
        self._parts.over(self.info.sid)

    def _enter(self, flow: Flow, arguments: Mapping[str, str]) -> dict[str, str | None]:
        """Give a flow that is called its arguments and constants; what they stand in the place of (None: nothing)."""
        given = {ARGUMENT + name: value for name, value in arguments.items()} | dict(flow.constants)
        hidden = {name for name in self.facts if name.startswith(ARGUMENT)}
        before = {name: self.facts.get(name) for name in {*hidden, *given}}
        self._put({**dict.fromkeys(hidden), **given})
        return before

    def _leave_flow(self, depth: int) -> None:
        """The flow at this depth was left: what was there before it is there again."""
        for before in reversed(self.entered[depth - 1 :]):
            self._put(before)
        del self.entered[depth - 1 :]

    def _put(self, facts: Mapping[str, str | None]) -> None:
        for name, value in facts.items():
            if value is None:
                self.facts.pop(name, None)
            else:
                self.facts[name] = value

    def remember_private(self) -> None:
        """What private facts are now is to be hidden for the rest of the call, whatever becomes of them."""
        if self.private:
            self._secrets |= {self.facts.get(name, "") for name in self.private} - {""}

    def _hidden(self, text: str) -> str:
        """A text without what may not be written down: values of private facts, and the human's number, in whatever
        way they are spelled there: `4711`, `4 7 1 1`, `4,711`, `%2B1415…`."""
        self.remember_private()
        party, shown = self.info.party, self.program.privacy.party(self.info.party)
        if shown != party:
            text = _spelled(party).sub(lambda _: shown, text)
        for value in sorted(self._secrets, key=len, reverse=True):
            text = _spelled(value).sub("•" * len(value), text)
        return text


def _spelled(value: str) -> re.Pattern[str]:
    """A value in any spelling of its letters and digits, by itself."""
    letters = _BETWEEN.join(map(re.escape, filter(str.isalnum, value)))
    return re.compile(rf"(?<!\w)(?:\+|%2B)?{letters or re.escape(value)}(?!\w)", re.IGNORECASE)
