"""What somebody may have meant: the known name that is nearest to one that is not known."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that is nearest to this one; None where none is near."""
    return next(iter(difflib.get_close_matches(name, sorted(known), 1)), None)


def instead(name: str, known: Iterable[str]) -> str:
    """The end of a sentence about an unknown name: the nearest known one, else all of them."""
    names = sorted(known)
    near = nearest(name, names)
    if near is not None:
        return f"; did you mean {near!r}?"
    return f"; there are: {', '.join(names)}" if names else "; there are none"
