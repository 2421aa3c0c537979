"""A script that is played line by line: each begins when the one before is done."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Any, Generic, Protocol, TypeVar

from twisted.internet.defer import CancelledError, Deferred, maybeDeferred, succeed
from twisted.logger import Logger
from twisted.python.failure import Failure

T_contra = TypeVar("T_contra", contravariant=True)
T = TypeVar("T")

_log = Logger()


class Playable(Protocol[T_contra]):
    """One line."""

    def play(self, stage: T_contra, /) -> Deferred[Any] | None:
        """Do it; the next line waits for the Deferred, which may be cancelled."""


class Performance(Generic[T]):
    """A script on a stage."""

    def __init__(self, lines: Iterable[Playable[T]]) -> None:
        self._left = deque(lines)
        self._line: Deferred[Any] = succeed(None)

    def go_on(self, stage: T) -> None:
        """Play what is left."""
        while self._left:
            self._line = maybeDeferred(self._left.popleft().play, stage).addErrback(cancelled)
            if not self._line.called:
                self._line.addCallback(lambda _: self.go_on(stage))
                return

    def stop(self) -> None:
        """No further line, and an end of this one."""
        self._left.clear()
        self._line.cancel()


def cancelled(failure: Failure) -> None:
    """An errback for what may be cancelled; anything else is told aloud."""
    if not failure.check(CancelledError):
        _log.failure("a fault in a script", failure=failure)
