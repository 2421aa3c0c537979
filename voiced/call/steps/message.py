"""The step that takes a message: voicemail."""

from __future__ import annotations

from typing import Annotated, ClassVar

import msgspec
from zope.interface import implementer

from voiced.call.recorder import BEEP, FACTS
from voiced.call.template import Template
from voiced.ivoiced import ICall, IStep, Mentions, Prompt, RecordLimits


@implementer(IStep)
class Voicemail(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Ask for a message, beep, and record it.

    It ends when the caller is silent for `silence` seconds, presses one of `keys`, hangs up, or has spoken for
    `max_seconds`; the silence at its end is cut off. Where it is, is read as `{voicemail.file}`, how long it is as
    `{voicemail.seconds}`, and why it ended as `{voicemail.ended_by}` (`silence`, `key`, `limit` or `hangup`): also in
    the flow's `on_hangup`. When nothing was said, there is no file, and the flow goes to `otherwise`, or on with the
    next step.

    With `transcribe: true` our own ears write down what was said, beside the file (needs the extra `local`). `beep:
    false` is for a prompt that has its own; `voice` names another voice than the flow's. A key cuts the prompt short.
    """

    shorthand: ClassVar[str] = "prompt"

    prompt: Template = Template.parse("Please leave a message after the tone.")
    beep: bool = True
    max_seconds: Annotated[float, msgspec.Meta(gt=0, le=3600)] = 120.0
    silence: Annotated[float, msgspec.Meta(ge=1)] = 5.0
    keys: Annotated[str, msgspec.Meta(pattern=r"^[0-9*#A-D]*$")] = "#"
    transcribe: bool = False
    otherwise: str | None = None
    voice: str | None = None

    def mentions(self) -> Mentions:
        """What it says, whether it needs ears, the node of `otherwise`, and the facts it sets."""
        return Mentions(
            nodes=(self.otherwise,) if self.otherwise else (),
            voices=(self.voice,) if self.voice else (),
            hears=self.transcribe,
            prompts=() if self._quiet else (Prompt(self.prompt, self.voice),),
            reads=self.prompt.needs,
            sets=FACTS,
            keys=tuple(self.keys),
            waits=True,
        )

    async def run(self, call: ICall) -> str | None:
        """Take the message."""
        if not self._quiet:
            await call.say(self.prompt, self.voice)
        if self.beep:
            await call.play(BEEP, interruptible=False)
        while call.has_key():
            await call.listen(0)  # pressed before the tone: to cut the prompt, not to end the message
        limits = RecordLimits(self.max_seconds, self.silence, self.keys, self.transcribe)
        recorded = await call.record_voice(limits)
        if not recorded.file:
            call.note(f"nothing was said, ended by {recorded.ended_by}")
            return self.otherwise
        call.note(f"{recorded.seconds:.1f} s, ended by {recorded.ended_by}")
        return None

    @property
    def _quiet(self) -> bool:
        return self.prompt.static and not self.prompt.fill({}).strip()
