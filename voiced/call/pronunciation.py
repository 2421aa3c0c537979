"""Words that a voice would say wrongly, and what it is given to say instead."""

from __future__ import annotations

import re
from collections.abc import Mapping

import attrs


@attrs.frozen
class Pronunciation:
    """Whole words, written as they stand in texts, each with what sounds right: `{"SQL": "sequel"}`."""

    words: Mapping[str, str] = attrs.field(factory=dict)

    def of(self, text: str) -> str:
        """The text as it is given to a voice. Of two words that begin alike, the longer one counts."""
        if not self.words:
            return text
        longest_first = sorted(self.words, key=len, reverse=True)
        written = re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, longest_first))})(?!\w)")
        return written.sub(lambda word: self.words[word[0]], text)
