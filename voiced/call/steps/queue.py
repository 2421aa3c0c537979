"""The step that lets callers wait in line for a human: queue."""

from __future__ import annotations

from typing import Annotated, ClassVar

import attrs
import msgspec
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from zope.interface import implementer

from voiced.call.audio import RATE
from voiced.call.leg import CONNECTING, SHORTEST_RING
from voiced.call.steps.digits import Key
from voiced.call.steps.handover import dial_target
from voiced.call.template import Template
from voiced.call.tones import WAITING, looped
from voiced.errors import CallOver, Refused, VoicedError
from voiced.ivoiced import Dial, End, Heard, ICall, IStep, Mentions, Prompt

POSITION, RESULT, WAITED = "queue.position", "queue.result", "queue.waited"
"""The facts that it sets: the number in line, how the waiting ended, and after how many seconds."""

_LOOK = 1.0
"""Seconds after which a caller's place in line is looked at again."""
_PIECE = 6.0
"""Seconds of music that are sent at once; the next ones follow two seconds before they are over, without a gap."""
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
    `{queue.result}` says how it ended: `time`, `full`, `key`, `refused` by a rule, or `failed` where there is nobody
    to be called; `{queue.waited}` after how many seconds.
    """

    shorthand: ClassVar[str] = "transfer"

    transfer: Template
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
        to = dial_target(self.transfer.fill(call.facts))
        line = _Line(call, f"queue {self.part or to}")
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
        except CallOver:
            raise  # the caller may come back on another stream, and has kept the place
        except VoicedError:
            line.leave()
            raise

    async def _wait(self, line: _Line, dial: Dial) -> str | End | None:
        call = line.call
        if line.new:
            line.begin()
            while call.has_key():
                await call.listen(0)  # pressed before, and meant for something else
        music = _Music(call, call.sound(self.music) if self.music else WAITING)
        try:
            while line.waited < self.most:
                number = line.number
                if number == 1 and line.due("tried", self.retry):
                    music.stop()
                    return self._dial(line, dial)
                if not self.position.silent and line.due("said", self.every):
                    music.stop()
                    await call.say(self.position, self.voice)
                    line.done("said")
                music.go_on()
                if await call.listen(min(_LOOK, self.most - line.waited)) == self.key and self.key is not None:
                    music.stop()
                    return self._leave(line, "key", self.message)
            music.stop()
        finally:
            music.forget()
        return self._leave(line, "time")

    def _dial(self, line: _Line, dial: Dial) -> str | End | None:
        try:
            line.call.dial(dial)
        except Refused as error:
            log.warn("{call}: nobody is called for the queue: rule {rule}", call=line.call.info.sid, rule=error.rule)
            return self._leave(line, "refused")
        line.done("tried")
        line.call.note(f"try {line.tries}")
        # Who is away for longer than it may ring talks with somebody, and is not in line any more.
        line.call.leave(line.part, self.ring + 2 * CONNECTING)
        return End.TRANSFERRED

    def _leave(self, line: _Line, result: str, node: str | None = None) -> str | None:
        line.call.facts |= {RESULT: result, WAITED: f"{line.waited:.0f}"}
        line.call.note(result)
        line.leave()
        return node or self.otherwise


@attrs.frozen
class _Line:
    """A caller's place in a line, and what has to be remembered of the waiting while the carrier has the caller.

    All times are facts, in seconds since the epoch, by names that no other line has and no template can read.
    """

    call: ICall
    part: str

    @property
    def new(self) -> bool:
        """Whether the waiting begins now."""
        return self._name("since") not in self.call.facts

    @property
    def waited(self) -> float:
        """Seconds since it began, those while somebody was rung among them."""
        return self.call.clock.seconds() - float(self.call.facts.get(self._name("since"), self.call.clock.seconds()))

    @property
    def tries(self) -> int:
        """How often somebody was rung."""
        return int(self.call.facts.get(self._name("tries"), "0"))

    @property
    def number(self) -> int:
        """The number in line, from 1; it is a fact, too."""
        number = self.call.enter(self.part) or 1
        self.call.facts[POSITION] = str(number)
        return number

    def take_place(self, most: int | None) -> bool:
        """Take a place, or keep it; False where the line is full."""
        return self.call.enter(self.part, most if self.new else None) is not None

    def begin(self) -> None:
        """The waiting begins."""
        self.call.facts[self._name("since")] = repr(self.call.clock.seconds())

    def due(self, what: str, every: float) -> bool:
        """Whether it was done so long ago, or never."""
        last = self.call.facts.get(self._name(what))
        return last is None or self.call.clock.seconds() >= float(last) + every

    def done(self, what: str) -> None:
        """It is done now."""
        self.call.facts[self._name(what)] = repr(self.call.clock.seconds())
        if what == "tried":
            self.call.facts[self._name("tries")] = str(self.tries + 1)

    def leave(self) -> None:
        """Give the place back, and remember nothing."""
        self.call.leave(self.part)
        for what in ("since", "said", "tried", "tries"):
            self.call.facts.pop(self._name(what), None)

    def _name(self, what: str) -> str:
        return f"queue.{what} of {self.part}"


@attrs.define
class _Music:
    """What is heard in the meantime, again and again."""

    _call: ICall
    _sound: bytes
    _at: int = 0
    """The byte of it that comes next."""
    _until: float | None = None
    """When what was sent will be over; None: nothing is playing."""
    _playing: list[Deferred[Heard | None]] = attrs.field(factory=list)

    def go_on(self) -> None:
        """Send the next piece, if it is time to."""
        now = self._call.clock.seconds()
        if self._until is not None and now < self._until - 2 * _LOOK:
            return
        piece = looped(self._sound, _PIECE, self._at)
        self._at = (self._at + len(piece)) % len(self._sound)
        self._until = max(now, self._until or now) + _PIECE
        self._playing = [playing for playing in self._playing if not playing.called]
        self._playing.append(self._call.play(piece, interruptible=False).addErrback(_none))

    def stop(self) -> None:
        """Silence it at once."""
        if self._until is not None:
            unheard = max(0.0, self._until - self._call.clock.seconds())
            self._at = (self._at - round(unheard * RATE)) % len(self._sound)
            self._until = None
            self.forget()
            self._call.interrupt()

    def forget(self) -> None:
        """Nobody waits for it any more."""
        playing, self._playing = self._playing, []
        for each in playing:
            each.cancel()


def _none(failure: object) -> None:
    """Music that is not heard is no trouble, and who has no line is told so by the next verb."""
