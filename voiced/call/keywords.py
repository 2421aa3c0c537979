"""Which key a caller means who says its words: phrases are found as whole words, the longest first."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence

_APOSTROPHES = re.compile("['`\u2019\u00b4]")
_BETWEEN = re.compile(r"[\W_]+")


def plainly(text: str) -> str:
    """The words of a text, with a space between: neither case nor punctuation matters ("That's right!")."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return _BETWEEN.sub(" ", _APOSTROPHES.sub("", folded)).strip()


def key_for(text: str, words: Mapping[str, Sequence[str]]) -> str:
    """The key that one of its phrases in this text stands for; "" where there is none."""
    said = f" {plainly(text)} "
    phrases = [(plainly(phrase), key) for key, several in words.items() for phrase in several]
    found = [(len(phrase), key) for phrase, key in phrases if f" {phrase} " in said]
    return max(found, key=lambda each: each[0])[1] if found else ""
