"""Patterns: words to listen for, as people write them in YAML: "breakfast", "what time * eat", "room {number} is".

Words in order, anywhere in what was said; `*` is any words or none, `{name}` one word or more, to be used in the
answer. Case, punctuation and short forms do not count: "what's" is "what is", "good-bye" is "goodbye".
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import attrs

from voiced.agents.talking.words import FILLERS, SHORT_ENDS, SHORT_FORMS

_WORD = re.compile(r"[^\W_]+(?:['\u2019][^\W_]+)*")
_PART = re.compile(r"\{\s*(\w+)\s*\}|\*|[^\W_]+(?:['\u2019][^\W_]+)*|[{}]")
_GOODBYE = re.compile(r"\bgood[\s-]bye\b", re.IGNORECASE)
"""What the recogniser makes of every other "goodbye"."""
_MOST_WORDS = 200
"""Words of what was said that are looked at: more is no answer to anything."""


def _long(word: str) -> list[str]:
    """A word without its short form."""
    word = word.lower().replace("\u2019", "'")
    if word in SHORT_FORMS:
        return SHORT_FORMS[word].split()
    for end, long in SHORT_ENDS.items():
        if word.endswith(end) and word != end:
            return [word.removesuffix(end), long]
    return [word]


@attrs.frozen
class Words:
    """What was said, in words: each as it is compared, and as it was said."""

    compared: tuple[str, ...]
    said: tuple[str, ...]

    @classmethod
    def of(cls, text: str) -> Words:
        """Fillers ("um") are left out."""
        said = [word for word in _WORD.findall(_GOODBYE.sub("goodbye", text)) if word.lower() not in FILLERS][
            :_MOST_WORDS
        ]
        # The second half of "what's" was not said as a word of its own.
        pairs = [(long, "" if at else word) for word in said for at, long in enumerate(_long(word))]
        return cls(tuple(long for long, _ in pairs), tuple(word for _, word in pairs))


@attrs.frozen
class Pattern:
    """Words to listen for; `parts` are plain words, `*` and `{name}`."""

    source: str
    parts: tuple[str, ...]

    @classmethod
    def parse(cls, source: str) -> Pattern:
        """Raises ValueError with a sentence."""
        parts: list[str] = []
        for match in _PART.finditer(_GOODBYE.sub("goodbye", source)):
            if match[0] in "{}":
                raise ValueError(f"the brace in {source!r} is not a place like {{name}}")
            parts += [f"{{{match[1]}}}"] if match[1] else _long(match[0])
        if not any(_literal(part) for part in parts):
            raise ValueError(f"there is no word to listen for in {source!r}; `otherwise` answers what no rule knows")
        return cls(source, tuple(parts))

    @property
    def open(self) -> bool:
        """Whether it ends with a place: then more words may belong to it."""
        return self.parts[-1].startswith("{")

    def match(self, words: Words) -> Mapping[str, str] | None:
        """What the places are, when these words are in it; None when they are not. Takes no longer for any text.

        The first place where the next words stand is always good enough, so nothing is tried twice.
        """
        places: dict[str, str] = {}
        at = 0
        for gap, literals in self._stretches():
            names = [part[1:-1] for part in gap if part != "*"]
            least = at + len(names)
            begin = _find(literals, words.compared, least) if literals or "*" in gap else len(words.compared)
            if begin is None or begin < least:
                return None
            for name in names:
                end = begin if name == names[-1] and "*" not in gap else at + 1
                places[name] = " ".join(filter(None, words.said[at:end]))
                at = end
            at = begin + len(literals)
        return places

    def _stretches(self) -> list[tuple[list[str], list[str]]]:
        """The plain words in stretches, each after the gap before it; anything may stand before the first."""
        stretches: list[tuple[list[str], list[str]]] = [(["*"] if _literal(self.parts[0]) else [], [])]
        for part in self.parts:
            gap, literals = stretches[-1]
            if _literal(part):
                literals.append(part)
            elif literals:
                stretches.append(([part], []))
            else:
                gap.append(part)
        return stretches


def _literal(part: str) -> bool:
    return part != "*" and not part.startswith("{")


def _find(literals: Sequence[str], words: Sequence[str], least: int) -> int | None:
    """Where these words stand first, from there on."""
    size = len(literals)
    starts = range(least, len(words) - size + 1)
    return next((at for at in starts if list(words[at : at + size]) == literals), None)
