"""What was answered a moment ago: remembered for a time, and never more than so many answers."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

import attrs
from twisted.internet.interfaces import IReactorTime

MOST = 1000
"""Answers; the one that was not asked for longest goes."""

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


@attrs.define
class Remembered(Generic[K, V]):
    """Answers, by what was asked. With 0 `seconds` nothing is remembered."""

    _clock: IReactorTime
    _seconds: float
    _answers: OrderedDict[K, tuple[float, V]] = attrs.field(init=False, repr=False, factory=OrderedDict)
    """Until when it holds, and the answer; what was asked for last is last."""

    def get(self, asked: K) -> V | None:
        """The answer; None when there is none that still holds."""
        if asked not in self._answers:
            return None
        until, answer = self._answers[asked]
        if self._clock.seconds() >= until:
            del self._answers[asked]
            return None
        self._answers.move_to_end(asked)
        return answer

    def put(self, asked: K, answer: V) -> None:
        """Remember it, from now on."""
        if self._seconds <= 0:
            return
        self._answers[asked] = self._clock.seconds() + self._seconds, answer
        self._answers.move_to_end(asked)
        if len(self._answers) > MOST:
            self._answers.popitem(last=False)
