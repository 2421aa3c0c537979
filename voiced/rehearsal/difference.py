"""Shows where what was heard differs from what was expected."""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import SequenceMatcher

_NEAR = 0.6
"""How alike words have to be to what was expected, to be shown beside it."""
_WORD = re.compile(r"\S+")


def difference(expected: str | None, heard: Sequence[str]) -> str:
    """What was expected, the nearest that was heard below it, and marks below what differs; "" where nothing is near.

    `^` is below a letter that is another one, or too much; `*` where something is missing.
    """
    if expected is None:
        return ""
    near = max((_window(expected, text) for text in heard), default=(0.0, ""))
    if near[0] < _NEAR:
        return ""
    found = near[1]
    return f"expected: {expected}\nheard:    {found}\n          {_marks(expected, found)}".rstrip() + "\n"


def _window(expected: str, text: str) -> tuple[float, str]:
    """The words of the text that are most like what was expected, and how much."""
    count = len(expected.split())
    spans = [(found.start(), found.end()) for found in _WORD.finditer(text)]
    windows = [text[spans[at][0] : spans[min(at + count, len(spans)) - 1][1]] for at in range(len(spans))]
    return max(((_alike(expected, window), window) for window in windows), default=(0.0, ""))


def _alike(expected: str, found: str) -> float:
    return SequenceMatcher(None, expected.casefold(), found.casefold(), autojunk=False).ratio()


def _marks(expected: str, found: str) -> str:
    marks = [" "] * (len(found) + 1)
    matcher = SequenceMatcher(None, expected.casefold(), found.casefold(), autojunk=False)
    for what, _, _, start, end in matcher.get_opcodes():
        if what == "delete":
            marks[start] = "*"
        elif what != "equal":
            marks[start:end] = "^" * (end - start)
    return "".join(marks)
