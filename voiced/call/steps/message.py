"""The steps that record the caller: voicemail (a message), record (anything else)."""

from __future__ import annotations

from typing import Annotated, ClassVar

import msgspec
from zope.interface import implementer

from voiced.call.recorder import names_of
from voiced.call.steps.facts import check_fact
from voiced.call.template import Template
from voiced.call.tones import BEEP
from voiced.ivoiced import ICall, IStep, Mentions, Prompt, RecordLimits

_MaxSeconds = Annotated[float, msgspec.Meta(gt=0, le=3600)]
_Silence = Annotated[float, msgspec.Meta(ge=1)]
_Keys = Annotated[str, msgspec.Meta(pattern=r"^[0-9*#A-D]*$")]


async def _take(call: ICall, limits: RecordLimits, beep: bool, otherwise: str | None) -> str | None:
    """Record, and say where the flow goes on."""
    if beep:
        await call.play(BEEP, interruptible=False)
    while call.has_key():
        await call.listen(0)  # pressed before: to cut the prompt, not to end the recording
    recorded = await call.record_voice(limits)
    if not recorded.file:
        call.note(f"nothing was said, ended by {recorded.ended_by}")
        return otherwise
    call.note(f"{recorded.seconds:.1f} s, ended by {recorded.ended_by}")
    return None


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
    max_seconds: _MaxSeconds = 120.0
    silence: _Silence = 5.0
    keys: _Keys = "#"
    transcribe: bool = False
    otherwise: str | None = None
    voice: str | None = None

    def mentions(self) -> Mentions:
        """What it says, whether it needs ears, the node of `otherwise`, and the facts it sets."""
        return Mentions(
            nodes=(self.otherwise,) if self.otherwise else (),
            voices=(self.voice,) if self.voice else (),
            hears=self.transcribe,
            prompts=() if self.prompt.silent else (Prompt(self.prompt, self.voice),),
            reads=self.prompt.needs,
            sets=names_of("voicemail"),
            keys=tuple(self.keys),
            waits=True,
        )

    async def run(self, call: ICall) -> str | None:
        """Take the message."""
        if not self.prompt.silent:
            await call.say(self.prompt, self.voice)
        limits = RecordLimits(self.max_seconds, self.silence, self.keys, self.transcribe)
        return await _take(call, limits, self.beep, self.otherwise)


@implementer(IStep)
class Record(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Record what the caller says, for any purpose: a name, an order, a complaint.

    It ends as a `voicemail` does, and what became of it is read as `{record.file}`, `{record.seconds}` and
    `{record.ended_by}`, or by facts that begin with `into`. When nothing was said, the flow goes to `otherwise`, or
    on with the next step.

    `consent` is a sentence that is said first, and that nobody can cut short ("This is recorded."): once it was
    heard, `{record.consent}` is `yes`, and the call's record keeps that. `prompt` follows; a key cuts it short.
    """

    shorthand: ClassVar[str] = "prompt"

    prompt: Template = Template.parse("")
    consent: Template | None = None
    beep: bool = False
    max_seconds: _MaxSeconds = 120.0
    silence: _Silence = 5.0
    keys: _Keys = "#"
    transcribe: bool = False
    into: str = "record"
    otherwise: str | None = None
    voice: str | None = None

    def __post_init__(self) -> None:
        check_fact(self.into)
        if self.consent is not None and self.consent.silent:
            raise ValueError("`consent` is empty: write the sentence that the caller must hear, or take it out")

    def mentions(self) -> Mentions:
        """What it says, whether it needs ears, the node of `otherwise`, and the facts it sets."""
        texts = [text for text in (self.consent, self.prompt) if text is not None and not text.silent]
        return Mentions(
            nodes=(self.otherwise,) if self.otherwise else (),
            voices=(self.voice,) if self.voice else (),
            hears=self.transcribe,
            prompts=tuple(Prompt(text, self.voice) for text in texts),
            reads=tuple(fact for text in texts for fact in text.needs),
            sets=(*names_of(self.into), *((self._consent,) if self.consent else ())),
            keys=tuple(self.keys),
            waits=True,
        )

    async def run(self, call: ICall) -> str | None:
        """Say what must be said, and record."""
        if self.consent is not None:
            self._keep(call, "no")
            heard = await call.say(self.consent, self.voice, interruptible=False)
            self._keep(call, "no" if heard.cut else "yes")
        if not self.prompt.silent:
            await call.say(self.prompt, self.voice)
        limits = RecordLimits(self.max_seconds, self.silence, self.keys, self.transcribe, self.into)
        return await _take(call, limits, self.beep, self.otherwise)

    @property
    def _consent(self) -> str:
        return f"{self.into}.consent"

    def _keep(self, call: ICall, heard: str) -> None:
        call.facts[self._consent] = heard
        call.journal(self._consent, heard)
