"""Deferreds that wait for something with a name: a pong, a tool's result, the end."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Generic, TypeVar

from twisted.internet.defer import Deferred

T = TypeVar("T")


class Waiting(Generic[T]):
    """Who waits for what. Cancelling one of the Deferreds only stops waiting."""

    def __init__(self) -> None:
        self._waiting: list[tuple[Hashable, Deferred[T]]] = []

    def wait(self, name: Hashable = None) -> Deferred[T]:
        """Fires when that has come."""
        waiting: Deferred[T] = Deferred(self._forget)
        self._waiting.append((name, waiting))
        return waiting

    def come(self, value: T, name: Hashable = None) -> None:
        """That has come, for whoever waits for it now."""
        self._fire([one for key, one in self._waiting if key == name], value)

    def give_up(self, value: T) -> None:
        """Nothing will come any more; everybody gets this."""
        self._fire([one for _, one in self._waiting], value)

    def _fire(self, found: list[Deferred[T]], value: T) -> None:
        for one in found:
            self._forget(one)
        for one in found:
            one.callback(value)

    def _forget(self, gone: Deferred[T]) -> None:
        self._waiting = [(name, one) for name, one in self._waiting if one is not gone]
