"""Worker threads in the test's hands."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred


class Threads:
    """Called as `deferToThread` is; each piece of work waits until `run`."""

    def __init__(self) -> None:
        self.work: list[tuple[Deferred[Any], Any, Any]] = []

    def __call__(self, f: Any, *args: Any) -> Deferred[Any]:
        """Take a piece of work."""
        done: Deferred[Any] = Deferred()
        self.work.append((done, f, args))
        return done

    def run(self) -> None:
        """Do what was asked first."""
        done, f, args = self.work.pop(0)
        maybeDeferred(f, *args).chainDeferred(done)
