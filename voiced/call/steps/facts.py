"""The steps that say what a flow knows, and what is written down of it: set, journal."""

from __future__ import annotations

from typing import Annotated, ClassVar

import msgspec
from twisted.logger import Logger
from zope.interface import implementer

from voiced.call.spoken import language
from voiced.call.steps.filling import filled
from voiced.call.template import FACT, Unspoken
from voiced.ivoiced import ICall, IStep, Mentions

LANGUAGE = "call.language"
"""The one fact of the call itself that a flow may set: the language that is spoken from then on."""

log = Logger()


def check_fact(name: str) -> None:
    """Raises ValueError, with a sentence, for what is no name of a fact that a flow may set."""
    if not FACT.fullmatch(name):
        raise ValueError(f"a fact is called like `order.number`: letters, digits, `_` and `-`, not {name!r}")
    if name.partition(".")[0] == "call" and name != LANGUAGE:
        raise ValueError(f"{name!r} comes of the call itself: name the fact otherwise")


@implementer(IStep)
class Set(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Set facts, by name: `set: {name: "{party.first} {party.last}", call.language: de}`.

    They are set one after the other, so that one may read the one before. `call.language` is the language that is
    spoken from now on; what is no language leaves it as it is. A fact that is made of private ones is private.
    """

    entries: ClassVar[str] = "facts"

    facts: Annotated[dict[str, Unspoken], msgspec.Meta(min_length=1)]

    def __post_init__(self) -> None:
        for name, text in self.facts.items():
            check_fact(name)
            if name == LANGUAGE and text.static:
                language(text.fill({}))

    def mentions(self) -> Mentions:
        """What it sets, and what it reads that it has not set itself."""
        known: set[str] = set()
        reads: list[str] = []
        for name, text in self.facts.items():
            reads += [fact for fact in text.needs if fact not in known]
            known.add(name)
        return Mentions(reads=tuple(reads), sets=tuple(self.facts))

    async def run(self, call: ICall) -> None:
        """Set them."""
        for name, text in self.facts.items():
            if name == LANGUAGE:
                _speak(call, text.fill(call.facts, call.language))
                continue
            call.facts[name] = filled(call, text, f"the fact {name}")
            if call.private.intersection(text.facts):
                call.private.add(name)
        call.note(", ".join(self.facts))


def _speak(call: ICall, tag: str) -> None:
    try:
        call.facts[LANGUAGE] = language(tag)
    except ValueError as error:
        log.warn("{call}: the language stays {now}: {error}", call=call.info.sid, now=call.language, error=str(error))


@implementer(IStep)
class Journal(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Write facts down in the call's record: `journal: [order.number, rating]`.

    Or under other names: `journal: {order: order.number}`. What is not known is written as "". The setting `privacy`
    holds, and nothing of a private fact is written. It needs no line: `on_hangup` may have it, too.
    """

    entries: ClassVar[str] = "facts"

    facts: Annotated[list[str], msgspec.Meta(min_length=1)] | Annotated[dict[str, str], msgspec.Meta(min_length=1)]

    def __post_init__(self) -> None:
        for name in (*self._named, *self._named.values()):
            if not FACT.fullmatch(name):
                raise ValueError(f"a fact is called like `order.number`: letters, digits, `_` and `-`, not {name!r}")

    @property
    def _named(self) -> dict[str, str]:
        """The facts, by the names that they have in the record."""
        return self.facts if isinstance(self.facts, dict) else {fact: fact for fact in self.facts}

    def mentions(self) -> Mentions:
        """What it reads."""
        return Mentions(reads=tuple(dict.fromkeys(self._named.values())))

    async def run(self, call: ICall) -> None:
        """Write them down."""
        for name, fact in self._named.items():
            if fact in call.private:
                call.private.add(name)
            call.journal(name, call.facts.get(fact, ""))
        call.note(", ".join(self._named))
