"""Texts with facts in them: "Good morning, {party.name|and welcome}."

A place is a dotted name and, after a bar, what to say when the fact is not known (nothing, when there is no bar).
`{{` and `}}` are plain braces. It is not str.format and never evaluates anything.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import attrs

_NAME = r"[A-Za-z_][\w-]*(?:\.[A-Za-z_][\w-]*)*"
_PLACE = re.compile(rf"\{{\{{|\}}\}}|\{{\s*({_NAME})\s*(?:\|([^{{}}]*))?\}}|[{{}}]")


@attrs.frozen
class Place:
    """A place in a template: the fact's dotted name, and the text when there is none."""

    fact: str
    default: str


@attrs.frozen
class Template:
    """A text to be filled with facts; `parts` are plain texts and places, in order."""

    source: str
    parts: tuple[str | Place, ...]

    @classmethod
    def parse(cls, source: str) -> Template:
        """Raises ValueError, with the column, for a brace that opens or closes nothing."""
        parts: list[str | Place] = []
        at = 0
        for match in _PLACE.finditer(source):
            parts.append(source[at : match.start()])
            at = match.end()
            if match[1]:
                parts.append(Place(match[1], match[2] or ""))
            elif match[0] in ("{{", "}}"):
                parts.append(match[0][0])
            else:
                raise ValueError(
                    f"the brace at character {match.start() + 1} is not a place like {{party.name|there}}; "
                    f"write {match[0] * 2} for a plain brace"
                )
        parts.append(source[at:])
        return cls(source, tuple(part for part in parts if part))

    @property
    def static(self) -> bool:
        """Whether the text is the same for every caller."""
        return not self.facts

    @property
    def facts(self) -> tuple[str, ...]:
        """The dotted names it reads."""
        return tuple(part.fact for part in self.parts if isinstance(part, Place))

    def fill(self, facts: Mapping[str, str]) -> str:
        """The text with each place filled from the facts; an unknown or empty one gives its default."""
        return "".join(
            (facts.get(part.fact) or part.default) if isinstance(part, Place) else part for part in self.parts
        )
