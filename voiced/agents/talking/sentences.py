"""Sentences: cuts a text into pieces that can be spoken one after the other, while it is still being written."""

from __future__ import annotations

import re

from voiced.agents.talking.words import ABBREVIATIONS

_STOP = re.compile(r"[.!?…]+[\"'\u201d\u2019)\]]*(?=\s)|\n")
"""Where a sentence may end; what follows must be there already, for "3." may become "3.5"."""
_LAST_WORD = re.compile(r"([^\s(\"'\u201c\u2018]+)\.$")
_CLAUSE = re.compile(r"[,;:](?=\s)|\s[-\u2013\u2014](?=\s)|\u2014")
_LEAST_WORDS = 3
"""Words that a first clause has, and that are left after it: less sounds torn."""
_MARKUP = re.compile(r"[*_`#~|]+|^\s*(?:[-•>]|\d+[.)])\s+")
"""What a language model writes for the eye (Markdown), and nobody can say."""


class Sentences:
    """Text in, sentences out. With `clause_first`, a first sentence that begins with a clause comes in two.

    That is for who waits for the text as it is written; a voice speaks a whole sentence better than its parts.
    """

    def __init__(self, clause_first: bool = True) -> None:
        self._text = ""
        self._whole = not clause_first

    def feed(self, text: str) -> list[str]:
        """More of the text; gives the sentences that it completes."""
        self._text += text
        found = []
        while (end := self._end()) is not None:
            found.append(self._text[:end])
            self._text = self._text[end:]
            self._whole = self._whole or bool(_spoken(found[-1]))
        return [spoken for piece in found if (spoken := _spoken(piece))]

    def end(self) -> list[str]:
        """There is no more of it; gives what is left."""
        left = self.feed("\n")
        self._text = ""
        return left

    def _end(self) -> int | None:
        """Where the first piece of what is there ends."""
        stop = next((match.end() for match in _STOP.finditer(self._text) if self._ends(match)), None)
        clause = None if self._whole else _clause(self._text[:stop], complete=stop is not None)
        return stop if clause is None else clause

    def _ends(self, stop: re.Match[str]) -> bool:
        """Whether that is the end of a sentence, and no abbreviation or initial."""
        if stop[0] != ".":
            return True
        word = _LAST_WORD.search(self._text[: stop.end()])
        return word is None or not (word[1].lower() in ABBREVIATIONS or (len(word[1]) == 1 and word[1].isupper()))


def split(text: str) -> list[str]:
    """The sentences of a whole text."""
    sentences = Sentences(clause_first=False)
    return sentences.feed(text) + sentences.end()


def _clause(text: str, complete: bool) -> int | None:
    """Where the first clause of this sentence ends. How long the rest gets is not known until it is there."""
    for match in _CLAUSE.finditer(text):
        before, after = text[: match.start()].split(), text[match.end() :].split()
        if complete and len(after) < _LEAST_WORDS:
            return None
        if len(before) >= _LEAST_WORDS:
            return match.end()
    return None


def _spoken(piece: str) -> str:
    """The piece as it can be said; "" when there is nothing in it to say."""
    text = " ".join(_MARKUP.sub("", piece).split())
    return text if any(map(str.isalnum, text)) else ""
