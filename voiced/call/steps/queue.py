"""The step that lets callers wait in line for a human: queue."""

from __future__ import annotations

from typing import Annotated, ClassVar

import msgspec
from twisted.internet.defer import CancelledError
from twisted.logger import Logger
from zope.interface import implementer

from voiced.call.leg import CONNECTING, SHORTEST_RING
from voiced.call.life import COMING_BACK
from voiced.call.steps.digits import Key
from voiced.call.steps.filling import filled
from voiced.call.steps.handover import dial_target
from voiced.call.steps.waiting import POSITION, Line, Music
from voiced.call.template import Template, Unspoken
from voiced.call.tones import WAITING
from voiced.errors import CallOver, Refused, VoicedError
from voiced.ivoiced import Dial, End, ICall, IStep, Mentions, Prompt

RESULT, WAITED = "queue.result", "queue.waited"
"""The facts that say how the waiting ended, and after how many seconds."""

_Seconds = Annotated[float, msgspec.Meta(gt=0)]

log = Logger()


@implementer(IStep)
class Queue(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Let callers wait in line until somebody takes the call: `queue: "+14155550100"`.

    Whoever is first is connected: `transfer` (a number or a SIP address, as in the step `transfer`) rings for `ring`
    seconds, and again every `retry` seconds while nobody is there. The others wait, with `music` (a sound file, again
    and again; without one a soft tone), and hear `position` every `every` seconds; an empty one is not spoken. All
    steps that transfer to the same number, or name the same `part`, share one line.

    A caller waits for `most` seconds at most, and no more than `most_waiting` do; then the flow goes to `otherwise`,
    or on with the next step. `key` leads to the node `message` at any time ("Press one to leave a message instead").
    `{queue.result}` says how it ended: `time`, `full`, `key`, `refused` by a rule for good, or `failed` where there
    is nobody to be called; `{queue.waited}` after how many seconds.
    """

    shorthand: ClassVar[str] = "transfer"

    transfer: Unspoken
    music: str | None = None
    position: Template = Template.parse("You are number {queue.position} in line.")
    every: Annotated[float, msgspec.Meta(ge=5)] = 30.0
    retry: Annotated[float, msgspec.Meta(ge=1)] = 20.0
    ring: Annotated[int, msgspec.Meta(ge=SHORTEST_RING, le=600)] = 20
    most: _Seconds = 600.0
    most_waiting: Annotated[int, msgspec.Meta(ge=1)] | None = None
    key: Key | None = None
    message: str | None = None
    otherwise: str | None = None
    part: Annotated[str, msgspec.Meta(min_length=1)] | None = None
    voice: str | None = None

    def __post_init__(self) -> None:
        if self.transfer.static and dial_target(self.transfer.fill({})) is None:
            raise ValueError(
                "`transfer` is a telephone number like +14155550100, in quotes, or a SIP address like "
                f"sip:desk@example.com, not {self.transfer.fill({})!r}"
            )
        if (self.key is None) is not (self.message is None):
            raise ValueError("`key` and `message`, the node that it leads to, need each other")

    def mentions(self) -> Mentions:
        """Whom it names, what it says and plays, the key that it waits for, and where it leads."""
        spoken = () if self.position.silent else (Prompt(self.position, self.voice),)
        return Mentions(
            nodes=tuple(node for node in (self.message, self.otherwise) if node),
            voices=(self.voice,) if self.voice else (),
            files=(self.music,) if self.music else (),
            prompts=spoken,
            reads=(*self.transfer.needs, *(fact for fact in self.position.needs if fact != POSITION)),
            sets=(POSITION, RESULT, WAITED),
            keys=(self.key,) if self.key else (),
            waits=True,
            goes_on=self.otherwise is None,
            targets=(target,) if self.transfer.static and (target := dial_target(self.transfer.fill({}))) else (),
        )

    async def run(self, call: ICall) -> str | End | None:
        """Wait. Whenever a try was in vain the line comes back, and this step is run again."""
        to = dial_target(filled(call, self.transfer, "`transfer`", ""))
        line = Line(call, f"queue {self.part or to}")
        dialled = call.dialled()
        if to is None:
            log.warn("{call}: what stands in `transfer` of a queue is no number", call=call.info.sid)
            return self._leave(line, "failed")
        try:
            if dialled is not None and dialled.result == "refused":
                return self._leave(line, "refused")
            if not line.take_place(self.most_waiting):
                return self._leave(line, "full")
            return await self._wait(line, Dial(to, timeout=self.ring))
        except Refused:
            return self._leave(line, "refused")
        except (CallOver, CancelledError):
            # A lost line may come back on another stream, and has kept the place; who was taken elsewhere has not.
            call.leave(line.part, COMING_BACK)
            raise
        except VoicedError:
            line.leave()
            raise

    async def _wait(self, line: Line, dial: Dial) -> str | End | None:
        call = line.call
        if line.new:
            line.begin()
            while call.has_key():
                await call.listen(0)  # pressed before, and meant for something else
        music = Music(call, call.sound(self.music) if self.music else WAITING)
        try:
            while line.waited < self.most:
                number = line.number
                if number == 1 and line.due("tried", self.retry):
                    music.stop()
                    if await self._dial(line, dial):
                        return End.TRANSFERRED
                if not self.position.silent and line.due("said", self.every):
                    music.stop()
                    await call.say(self.position, self.voice)
                    line.done("said")
                music.go_on()
                if await call.listen(line.patience(self.most)) == self.key and self.key is not None:
                    return self._leave(line, "key", self.message)
        finally:
            music.hush()
        return self._leave(line, "time")

    async def _dial(self, line: Line, dial: Dial) -> bool:
        """Leave the line to the carrier; False where a rule forbids it for now. Raises Refused where for good."""
        line.done("tried")
        try:
            await line.call.dial(dial)
        except Refused as error:
            log.warn("{call}: nobody is called for the queue: rule {rule}", call=line.call.info.sid, rule=error.rule)
            if error.retry_after is None or line.waited + error.retry_after >= self.most:
                raise
            return False
        line.call.note(f"try {line.tries}")
        # Who is away for longer than it may ring talks with somebody, and is not in line any more.
        line.call.leave(line.part, self.ring + 2 * CONNECTING)
        return True

    def _leave(self, line: Line, result: str, node: str | None = None) -> str | None:
        line.call.facts |= {RESULT: result, WAITED: f"{line.waited:.0f}"}
        line.call.note(result)
        line.leave()
        return node or self.otherwise
