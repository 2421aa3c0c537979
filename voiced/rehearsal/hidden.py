"""What the journal hides stands there as `•`: anything may have been in its place."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

HIDDEN = "•"
_BULLETS = re.compile(rf"{HIDDEN}(?:[ {HIDDEN}]*{HIDDEN})?")
_ANYTHING = ".+?"


def expression(text: str, spelled: Callable[[str], str] = str) -> str:
    """A regular expression of all that may have been; what is not hidden is compared as `spelled`."""
    return _ANYTHING.join(re.escape(spelled(piece)) for piece in _BULLETS.split(text))


def alike(was: Sequence[str], now: Sequence[str]) -> list[str]:
    """What is said now; where it fits, in its place, a line of then in which something is hidden, that line."""
    head = _fitting(was, now)
    tail = _fitting(was[head:][::-1], now[head:][::-1])
    rest, others = was[head : len(was) - tail], now[head : len(now) - tail]
    end = list(was[len(was) - tail :])
    return [*was[:head], *_aligned(rest, others), *end]


def _fitting(was: Sequence[str], now: Sequence[str]) -> int:
    """How many of them fit from the beginning on."""
    pairs = enumerate(zip(was, now, strict=False))
    return next((place for place, (then, text) in pairs if not _fits(then, text)), min(len(was), len(now)))


def _fits(then: str, text: str) -> bool:
    return then == text or (HIDDEN in then and re.fullmatch(expression(then), text, re.DOTALL) is not None)


def _aligned(was: Sequence[str], now: Sequence[str]) -> list[str]:
    """The same for lines of which some have no counterpart: as many as can be fit one another, in order."""
    best = [[0] * (len(now) + 1) for _ in range(len(was) + 1)]
    for i in range(len(was) - 1, -1, -1):
        for j in range(len(now) - 1, -1, -1):
            both = best[i + 1][j + 1] + 1 if _fits(was[i], now[j]) else 0
            best[i][j] = max(both, best[i + 1][j], best[i][j + 1])
    found = list(now)
    i = j = 0
    while i < len(was) and j < len(now):
        if _fits(was[i], now[j]) and best[i][j] == best[i + 1][j + 1] + 1:
            found[j] = was[i]
            i, j = i + 1, j + 1
        elif best[i + 1][j] >= best[i][j + 1]:
            i += 1
        else:
            j += 1
    return found
