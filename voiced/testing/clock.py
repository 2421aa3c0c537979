"""A clock for tests that takes no more than the reactor does."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.interfaces import IDelayedCall
from twisted.internet.task import Clock


class StrictClock(Clock):
    """`task.Clock` that refuses a delay of less than nothing.

    The reactor raises AssertionError for one (ReactorBase.callLater), `task.Clock` takes it: tests on that are blind
    for whoever subtracts times and comes too late.
    """

    def callLater(
        self,
        delay: float,
        callable: Callable[..., object],  # noqa: A002 - its signature
        *args: object,
        **kw: object,
    ) -> IDelayedCall:
        """See IReactorTime. Raises AssertionError where the reactor does."""
        if delay < 0:
            raise AssertionError(f"{delay} is not greater than or equal to 0 seconds")
        return super().callLater(delay, callable, *args, **kw)
