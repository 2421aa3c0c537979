"""The steps that speak to the caller, or keep silent: say, play, pause."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import msgspec
from zope.interface import implementer

from voiced.call.spoken import Language
from voiced.call.template import Template
from voiced.ivoiced import ICall, IStep, Mentions, Prompt


@implementer(IStep)
class Say(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Speak a text, and go on when the caller has heard it.

    The text may be worded in several languages (`text: {en: "Good morning.", de: "Guten Morgen."}`): what is said is
    the one that the call is in, or `language`. `voice` names another voice than the flow's.

    A key cuts the text short and is kept for the next `menu`, and with `barge_in: speech` words of the caller do so,
    too (needs the extra `local`); `interruptible: false` lets the text be heard to its end.
    """

    shorthand: ClassVar[str] = "text"

    text: Template
    voice: str | None = None
    interruptible: bool = True
    barge_in: Literal["key", "speech"] = "key"
    language: Language | None = None

    def __post_init__(self) -> None:
        if self.barge_in == "speech" and not self.interruptible:
            raise ValueError("`barge_in: speech` and `interruptible: false` contradict each other: take one out")

    def mentions(self) -> Mentions:
        """The text, the voice, and the facts that the text reads."""
        return Mentions(
            voices=(self.voice,) if self.voice else (),
            hears=self.barge_in == "speech",
            prompts=(Prompt(self.text, self.voice, self.language),),
            reads=self.text.needs,
        )

    async def run(self, call: ICall) -> None:
        """Speak it."""
        await call.say(self.text, self.voice, self.interruptible, self.barge_in == "speech", self.language)


@implementer(IStep)
class Play(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Play a sound file, and go on when the caller has heard it.

    The file stands beside the flow's: WAV with 8000 Hz mono (16-bit or mu-law), or headerless mu-law.
    """

    shorthand: ClassVar[str] = "file"

    file: str
    interruptible: bool = True

    def mentions(self) -> Mentions:
        """The file."""
        return Mentions(files=(self.file,))

    async def run(self, call: ICall) -> None:
        """Play it."""
        await call.play(call.sound(self.file), self.interruptible)


@implementer(IStep)
class Pause(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Keep silent for so many seconds."""

    shorthand: ClassVar[str] = "seconds"

    seconds: Annotated[float, msgspec.Meta(gt=0)]

    def mentions(self) -> Mentions:
        """Nothing."""
        return Mentions()

    async def run(self, call: ICall) -> None:
        """Wait."""
        await call.wait(self.seconds)
