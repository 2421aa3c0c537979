"""Shows where what was heard differs from what was expected."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from voiced.rehearsal.acts import words

_NEAR = 0.5
"""How alike a sentence has to be to be shown beside what was expected."""


def difference(expected: str | None, heard: Sequence[str]) -> str:
    """Two lines, with the nearest sentence below the expected one, and marks below what differs; "" without any."""
    if expected is None:
        return ""
    near = difflib.get_close_matches(words(expected), [words(text) for text in heard], 1, _NEAR)
    if not near:
        return ""
    found = next(text for text in heard if words(text) == near[0])
    return f"expected: {expected}\nheard:    {found}\n          {_marks(expected, found)}".rstrip() + "\n"


def _marks(expected: str, found: str) -> str:
    """A `^` below each letter of `found` that is another one, or too much; a `*` where something is missing."""
    marks = [" "] * (len(found) + 1)
    for what, _, _, start, end in difflib.SequenceMatcher(None, expected, found, autojunk=False).get_opcodes():
        if what == "delete":
            marks[start] = "*"
        elif what != "equal":
            marks[start:end] = "^" * (end - start)
    return "".join(marks)
