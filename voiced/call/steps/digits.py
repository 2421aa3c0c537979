"""The step that asks for a key of the telephone: menu."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from zope.interface import implementer

from voiced.call.template import Template
from voiced.ivoiced import ICall, IStep, Mentions, Prompt

Key = Literal["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "*", "#", "A", "B", "C", "D"]
"""The keys of a telephone; A to D are on the military ones, and in every tone decoder."""

CHOSEN = "menu.key"
"""The fact that holds the key the caller chose; "" when none was."""


@implementer(IStep)
class Menu(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Ask for one key, and go to the node of that key.

    `timeout` is how many seconds to wait for a key once the prompt was heard, `retries` how often to ask again.
    After a key that is not in `keys`, `invalid` is spoken, then the prompt again. When the last try brought nothing,
    the flow goes to `otherwise`, else to its `on_silence` if there was no key at all, else on with the next step. A
    key that was typed ahead skips the prompt, unless `interruptible: false`.
    """

    prompt: Template
    keys: Annotated[dict[Key, str], msgspec.Meta(min_length=1)]
    timeout: Annotated[float, msgspec.Meta(gt=0)] = 6.0
    retries: Annotated[int, msgspec.Meta(ge=0)] = 2
    invalid: Template | None = None
    otherwise: str | None = None
    voice: str | None = None
    interruptible: bool = True

    def mentions(self) -> Mentions:
        """The nodes of all keys and of `otherwise`, what it says, and the fact it sets."""
        texts = [text for text in (self.prompt, self.invalid) if text is not None]
        otherwise = (self.otherwise,) if self.otherwise else ()
        return Mentions(
            nodes=(*self.keys.values(), *otherwise),
            voices=(self.voice,) if self.voice else (),
            prompts=tuple(Prompt(text, self.voice) for text in texts),
            reads=tuple(fact for text in texts for fact in text.needs),
            sets=(CHOSEN,),
            keys=tuple(self.keys),
            waits=True,
            goes_on=self.otherwise is None,
        )

    async def run(self, call: ICall) -> str | None:
        """Ask until a key is chosen, as often as `retries` says."""
        node, silent = self.otherwise, True
        call.facts[CHOSEN] = ""
        for _ in range(1 + self.retries):
            key = await self._ask(call)
            silent = silent and key is None
            call.note(f"key {call.key_note(key)}" if key else "no key")
            if key in self.keys:
                call.facts[CHOSEN] = key
                node = self.keys[key]
                break
            if key and self.invalid:
                await call.say(self.invalid, self.voice, self.interruptible)
        return call.on_silence if silent and node is None else node

    async def _ask(self, call: ICall) -> str | None:
        if not (self.interruptible and call.has_key()):
            await call.say(self.prompt, self.voice, self.interruptible)
        return await call.listen(self.timeout)
