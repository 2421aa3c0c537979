"""Texts with facts in them: "Good morning, {party.name|and welcome}. It is {order.total:money EUR}."

A place is a dotted name; after a colon, how it is said (voiced.call.spoken); after a bar, what to say when the fact
is not known. `{{` and `}}` are plain braces. It is not str.format and never evaluates anything.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Annotated

import attrs

from voiced.call.spoken import check_format, spoken

_NAME = r"[A-Za-z_][\w-]*(?:\.[A-Za-z_][\w-]*)*"
FACT = re.compile(_NAME)
"""The dotted name of a fact."""
_PLACE = re.compile(
    rf"\{{\{{|\}}\}}|\{{\s*({_NAME})\s*(?::\s*([a-z]+)(?:\s+([A-Za-z]+))?\s*)?(?:\|([^{{}}]*))?\}}|[{{}}]"
)


@attrs.frozen
class Place:
    """A place in a template: the fact's dotted name, and what to say when there is none (None: nobody said)."""

    fact: str
    default: str | None = None
    format: str = ""
    """How it is said; "": as it is."""
    argument: str = ""

    def fill(self, facts: Mapping[str, str], language: str) -> str:
        """What is said there."""
        value = facts.get(self.fact)
        if not value:
            return self.default or ""
        return spoken(value, self.format, self.argument, language) if self.format else value


@attrs.frozen
class Template:
    """A text to be filled with facts; `parts` are plain texts and places, in order.

    It may be worded in several languages: `others` has the other wordings, by their tags.
    """

    source: str
    parts: tuple[str | Place, ...]
    language: str = ""
    """The tag of the first wording, which is said where there is none in the language of the call; "": any."""
    others: tuple[Template, ...] = ()

    @classmethod
    def parse(cls, source: str, constants: Mapping[str, str] = {}) -> Template:
        """Raises ValueError, with the column, for a brace that opens or closes nothing.

        A place of a constant's name becomes plain text.
        """
        parts: list[str | Place] = []
        at = 0
        for match in _PLACE.finditer(source):
            parts.append(source[at : match.start()])
            at = match.end()
            if match[1]:
                parts.append(_place(match, constants))
            elif match[0] in ("{{", "}}"):
                parts.append(match[0][0])
            else:
                raise ValueError(
                    f"the brace at character {match.start() + 1} is not a place like {{party.name|there}}; "
                    f"write {match[0] * 2} for a plain brace"
                )
        parts.append(source[at:])
        return cls(source, tuple(part for part in parts if part))

    @classmethod
    def plain(cls, text: str) -> Template:
        """Just this text, whatever stands in it."""
        return cls(text, (text,) if text else ())

    @classmethod
    def worded(cls, wordings: Mapping[str, Template]) -> Template:
        """One text in several languages, by their tags; at least one."""
        first, *others = (attrs.evolve(template, language=tag) for tag, template in wordings.items())
        return attrs.evolve(first, others=tuple(others))

    @property
    def wordings(self) -> tuple[Template, ...]:
        """Each wording, the first one first."""
        return (attrs.evolve(self, others=()), *self.others)

    def wording(self, language: str) -> Template:
        """The wording for a language: its own, that of the language without its region, else the first."""
        if not self.others:
            return self
        by_tag = {each.language: each for each in reversed(self.wordings)}
        return by_tag.get(language) or by_tag.get(language.partition("-")[0]) or self.wordings[0]

    @property
    def static(self) -> bool:
        """Whether the text is the same for every caller of a language."""
        return not self.facts

    @property
    def silent(self) -> bool:
        """Whether there is nothing to be said."""
        return self.static and not self.fill({}).strip()

    @property
    def facts(self) -> tuple[str, ...]:
        """The dotted names it reads, in all its wordings."""
        return tuple(place.fact for place in self.places())

    @property
    def needs(self) -> tuple[str, ...]:
        """Those of them that it has no default for."""
        return tuple(place.fact for place in self.places() if place.default is None)

    def places(self) -> Iterator[Place]:
        """Its places, of all its wordings."""
        for wording in (self, *self.others):
            yield from (part for part in wording.parts if isinstance(part, Place))

    def missing(self, facts: Mapping[str, str], language: str = "") -> list[str]:
        """The facts that it would say nothing for, and nobody has said that this is right."""
        parts = self.wording(language).parts
        places = [part for part in parts if isinstance(part, Place)]
        return [place.fact for place in places if place.default is None and not facts.get(place.fact)]

    def fill(self, facts: Mapping[str, str], language: str = "") -> str:
        """The text in that language, with each place filled from the facts; an unknown or empty one gives its
        default."""
        wording = self.wording(language)
        tag = language if not wording.language or language.startswith(wording.language) else wording.language
        return "".join(part if isinstance(part, str) else part.fill(facts, tag) for part in wording.parts)


class OneWording:
    """Marks a setting whose text no human hears: a mapping there would be a slip, and never wordings by language."""


Unspoken = Annotated[Template, OneWording]
"""The type of such a setting."""


def _place(match: re.Match[str], constants: Mapping[str, str]) -> str | Place:
    name, form, argument, default = match.groups()
    if form is not None:
        try:
            check_format(form, argument or "")
        except ValueError as error:
            raise ValueError(f"in the place at character {match.start() + 1}, {error}") from None
    place = Place(name, default, form or "", argument or "")
    # A format needs the language, which only the call has.
    return constants[name] if name in constants and not form else place
