"""Where a call stands in its flows, and what is known of it: the verbs that need no line."""

from __future__ import annotations

from collections.abc import Mapping

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from voiced.call.flow import Flow, Run
from voiced.call.leg import Position
from voiced.call.ordered import Ordered
from voiced.call.parts import Parts
from voiced.call.program import Program
from voiced.call.records import CallInfo, CallRecord, StepRecord
from voiced.call.wire import Wire
from voiced.errors import FlowError
from voiced.ivoiced import (
    IStep,
)

LANGUAGE_FACT = "call.language"
"""The fact that says which language is spoken: a flow may set it."""
ARGUMENT = "argument."
"""What the facts begin with that one flow passes to another."""

log = Logger()


class Scene:
    """A call between its steps: its facts, its place in the flows, the parts that it is in, its record."""

    def __init__(
        self,
        info: CallInfo,
        program: Program,
        flow: Flow,
        clock: IReactorTime,
        ordered: Ordered | None = None,
        parts: Parts | None = None,
    ) -> None:
        self.info = info
        self.program = program
        self.flow = flow
        self.clock = clock
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
        self.record = CallRecord(info, flow.name, clock.seconds(), version=program.version.hash)
        self.wire = Wire(clock, program.keeps_wire, self._hidden)
        self.record.wire = self.wire.events

    @property
    def scene(self) -> Flow:
        """The flow whose step runs: of flows that have called one another, the last."""
        name = self.position[-1][0] if self.position else self.flow.name
        return self.flow if name == self.flow.name else self.program.flows[name]

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
        return self._parts.enter(part, self.info.sid, most)

    def leave(self, part: str, after: float = 0.0) -> None:
        """See ICall."""
        self._stay(part)
        if after:
            self._leaving[part] = self.clock.callLater(after, self.leave, part)
        else:
            self._parts.leave(part, self.info.sid)

    def chance(self) -> float:
        """See ICall."""
        chance = self.program.chance()
        self.wire.note("chance", shows=chance)
        return chance

    def journal(self, fact: str, value: str) -> None:
        """See ICall."""
        self.record.facts[fact] = self.program.privacy.fact(
            value, private=fact in self.private, party=self.info.party
        )

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
    def step(self) -> IStep | None:
        """The step that runs."""
        if self.stepping is None:
            return None
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

    def _pass(self, arguments: Mapping[str, str]) -> None:
        for name in [name for name in self.facts if name.startswith(ARGUMENT)]:
            del self.facts[name]
        self.facts.update(arguments)

    def _hidden(self, text: str) -> str:
        """A text without what may not be written down: private facts, and the human's number."""
        text = self.program.privacy.fact(text, private=False, party=self.info.party)
        for value in {self.facts.get(name, "") for name in self.private} - {""}:
            for written in (value, " ".join(value)):
                text = text.replace(written, "•" * len(value))
        return text
