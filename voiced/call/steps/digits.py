"""The steps that ask for keys of the telephone: menu (one of several), gather (a number)."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from zope.interface import implementer

from voiced.call.keywords import plainly
from voiced.call.steps.facts import check_fact
from voiced.call.template import Template
from voiced.ivoiced import ICall, IStep, Mentions, Prompt

Key = Literal["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "*", "#", "A", "B", "C", "D"]
"""The keys of a telephone; A to D are on the military ones, and in every tone decoder."""

CHOSEN = "menu.key"
"""The fact that holds the key the caller chose; "" when none was."""

_Seconds = Annotated[float, msgspec.Meta(gt=0)]
_Retries = Annotated[int, msgspec.Meta(ge=0)]
_Terminator = Annotated[str, msgspec.Meta(pattern=r"^[#*]?$", description='# or *, or "" for none')]
_Length = Annotated[int, msgspec.Meta(ge=1, le=64)]


@implementer(IStep)
class Menu(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Ask for one key, and go to the node of that key.

    `timeout` is how many seconds to wait for a key once the prompt was heard, `retries` how often to ask again.
    After a key that is not in `keys`, `invalid` is spoken, then the prompt again. When the last try brought nothing,
    the flow goes to `otherwise`, else to its `on_silence` if there was no key at all, else on with the next step. A
    key that was typed ahead skips the prompt, unless `interruptible: false`. A prompt that is empty is not spoken:
    what was said before has asked.

    `words` are what the caller may say instead, for each key: `words: {"1": [yes, confirm], "2": [cancel, no]}`
    (needs the extra `local`). Words that are none of these are a wrong key. They are listened for once the prompt was
    heard, and with `barge_in: speech` while it is spoken, too: it is cut then.
    """

    prompt: Template
    keys: Annotated[dict[Key, str], msgspec.Meta(min_length=1)]
    timeout: _Seconds = 6.0
    retries: _Retries = 2
    invalid: Template | None = None
    otherwise: str | None = None
    voice: str | None = None
    interruptible: bool = True
    words: dict[Key, Annotated[list[str], msgspec.Meta(min_length=1)]] = {}
    barge_in: Literal["key", "speech"] = "key"

    def __post_init__(self) -> None:
        if self.barge_in == "speech" and not self.words:
            raise ValueError("`barge_in: speech` needs `words`: what the caller may say for each key")
        if self.barge_in == "speech" and not self.interruptible:
            raise ValueError("`barge_in: speech` and `interruptible: false` contradict each other: take one out")
        if strange := [key for key in self.words if key not in self.keys]:
            raise ValueError(f"`words` has the key {strange[0]!r}, and `keys` has no node for it")
        known: dict[str, str] = {}
        for key, phrases in self.words.items():
            for phrase in phrases:
                if not plainly(phrase):
                    raise ValueError(f"`words`: {phrase!r} of key {key} has no word in it")
                if known.setdefault(plainly(phrase), key) != key:
                    raise ValueError(f"`words`: {phrase!r} stands for two keys")

    def mentions(self) -> Mentions:
        """The nodes of all keys and of `otherwise`, what it says, whether it needs ears, and the fact it sets."""
        texts = [text for text in (self.prompt, self.invalid) if text is not None and not text.silent]
        otherwise = (self.otherwise,) if self.otherwise else ()
        return Mentions(
            nodes=(*self.keys.values(), *otherwise),
            voices=(self.voice,) if self.voice else (),
            hears=bool(self.words),
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
            call.note("no key" if key is None else f"key {call.key_note(key)}" if key else "other words")
            if key in self.keys:
                call.facts[CHOSEN] = key
                node = self.keys[key]
                break
            if key is not None and self.invalid is not None and not self.invalid.silent:
                await call.say(self.invalid, self.voice, self.interruptible)
        return call.on_silence if silent and node is None else node

    async def _ask(self, call: ICall) -> str | None:
        if not self.prompt.silent and not (self.interruptible and call.has_key()):
            await call.say(self.prompt, self.voice, self.interruptible, self.barge_in == "speech")
        if not self.words:
            return await call.listen(self.timeout)
        return await call.answer(self.timeout, {str(key): phrases for key, phrases in self.words.items()})


@implementer(IStep)
class Gather(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Ask for a number, key by key, into a fact: `gather: {prompt: "Your PIN, please.", into: pin, digits: 4}`.

    `digits` is how many there are, or `least` and `most`. The number ends with the last digit that it may have, with
    the key `terminator` ("" for none), or when no key follows within `between` seconds; `timeout` is how many seconds
    to wait for the first one, once the prompt was heard. Digits that were typed ahead count, and skip the prompt,
    unless `interruptible: false`. A prompt that is empty is not spoken.

    After a number of another length `invalid` is spoken, then the prompt again, as often as `retries` says. When the
    last try brought nothing, the fact is "", and the flow goes to `otherwise`, else to its `on_silence` if there was
    no key at all, else on with the next step. With `private: true` nothing of the number is ever written down.
    """

    prompt: Template
    into: str
    digits: _Length | None = None
    least: _Length | None = None
    most: _Length | None = None
    terminator: _Terminator = "#"
    timeout: _Seconds = 6.0
    between: _Seconds = 4.0
    retries: _Retries = 2
    invalid: Template | None = None
    private: bool = False
    otherwise: str | None = None
    voice: str | None = None
    interruptible: bool = True

    def __post_init__(self) -> None:
        check_fact(self.into)
        if self.digits is not None and (self.least is not None or self.most is not None):
            raise ValueError("`digits` says how many there are: take `least` and `most` out")
        if self._least > self._most:
            raise ValueError(f"`least: {self._least}` is more than `most: {self._most}`")

    @property
    def _least(self) -> int:
        return self.digits or self.least or 1

    @property
    def _most(self) -> int:
        return self.digits or self.most or 64

    def mentions(self) -> Mentions:
        """What it says, the fact it sets, and the node of `otherwise`."""
        texts = [text for text in (self.prompt, self.invalid) if text is not None and not text.silent]
        return Mentions(
            nodes=(self.otherwise,) if self.otherwise else (),
            voices=(self.voice,) if self.voice else (),
            prompts=tuple(Prompt(text, self.voice) for text in texts),
            reads=tuple(fact for text in texts for fact in text.needs),
            sets=(self.into,),
            keys=tuple("0123456789" + self.terminator),
            waits=True,
        )

    async def run(self, call: ICall) -> str | None:
        """Ask until there is a number of that length, as often as `retries` says."""
        call.facts[self.into], silent = "", True
        if self.private:
            call.private.add(self.into)
        for _ in range(1 + self.retries):
            number = await self._ask(call)
            if number is None:
                call.note("no key")
                continue
            silent = False
            call.note(f"{len(number)} keys")
            if self._least <= len(number) <= self._most and number.isdecimal():
                call.facts[self.into] = number
                return None
            if self.invalid is not None and not self.invalid.silent:
                await call.say(self.invalid, self.voice, self.interruptible)
        return call.on_silence if silent and self.otherwise is None else self.otherwise

    async def _ask(self, call: ICall) -> str | None:
        """The keys, without the one that ends them; None when none was pressed."""
        key = None
        while self.interruptible and call.has_key() and key in (None, self.terminator):
            key = await call.listen(0)  # a terminator may be left over from a number before
        if key in (None, self.terminator):
            if not self.prompt.silent:
                await call.say(self.prompt, self.voice, self.interruptible)
            key = await call.listen(self.timeout)
        if key is None:
            return None
        number = ""
        while key is not None and key != self.terminator:
            number += key
            if len(number) == self._most:
                break
            key = await call.listen(self.between)
        return number
