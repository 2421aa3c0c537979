"""What somebody may have meant: the known name that is nearest to one that is not known."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def instead(name: str, known: Iterable[str]) -> str:
    """The end of a sentence about an unknown name: the nearest known one, else all of them."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, 1)
    if near:
        return f"; did you mean {near[0]!r}?"
    return f"; there are: {', '.join(names)}" if names else "; there are none"
