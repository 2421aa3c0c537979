"""The step that asks for the number of a parcel: parcel_number."""

from __future__ import annotations

from typing import Annotated, ClassVar

import msgspec
from zope.interface import implementer

from acme_voiced.parcel import LENGTH, is_parcel_number
from voiced.call.template import Template
from voiced.ivoiced import ICall, IStep, Mentions, Prompt

NUMBER = "parcel.number"
"""The fact that holds the number; "" when the caller typed none that is right."""
DIGITS = "0123456789"
END_KEY = "#"


@implementer(IStep)
class ParcelNumber(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Ask for the nine digits of a parcel number, and go on with `{parcel.number}` when they are right.

    `timeout` is how many seconds to wait for each key, `retries` how often to ask again. After digits that cannot be
    right, `wrong` is spoken first. When the last try brought nothing, the flow goes to `otherwise`, else on with the
    next step.
    """

    shorthand: ClassVar[str] = "prompt"

    prompt: Template
    wrong: Template | None = None
    timeout: Annotated[float, msgspec.Meta(gt=0)] = 6.0
    retries: Annotated[int, msgspec.Meta(ge=0)] = 2
    otherwise: str | None = None
    voice: str | None = None

    def mentions(self) -> Mentions:
        """All that it names: so it is checked, spoken into the cache and drawn before anybody calls."""
        texts = [text for text in (self.prompt, self.wrong) if text is not None]
        return Mentions(
            nodes=(self.otherwise,) if self.otherwise else (),
            voices=(self.voice,) if self.voice else (),
            prompts=tuple(Prompt(text, self.voice) for text in texts),
            reads=tuple(fact for text in texts for fact in text.needs),
            sets=(NUMBER,),
            keys=(*DIGITS, END_KEY),
            waits=True,
        )

    async def run(self, call: ICall) -> str | None:
        """Ask until a number is right, as often as `retries` says."""
        call.facts[NUMBER] = ""
        for _ in range(1 + self.retries):
            typed = await self._ask(call)
            call.note(f"{len(typed)} digits")  # for the record: how it went, and nothing that is the caller's
            if is_parcel_number(typed):
                call.facts[NUMBER] = typed
                return None
            if typed and self.wrong:
                await call.say(self.wrong, self.voice)
        return self.otherwise

    async def _ask(self, call: ICall) -> str:
        """The digits that the caller types, whatever they are worth; a caller who types ahead hears no prompt."""
        if not call.has_key():
            await call.say(self.prompt, self.voice)
        typed = ""
        while len(typed) < LENGTH:
            key = await call.listen(self.timeout)
            if key is None or key == END_KEY:
                break
            typed += key if key in DIGITS else ""
        return typed
