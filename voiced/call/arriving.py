"""Agents that come back to the calls of a daemon before us: not all of them at once.

Each has little time to be there from when it is asked, and asking it costs work: of hundreds that are asked at once,
most would come too late.
"""

from __future__ import annotations

from twisted.internet.defer import Deferred, DeferredSemaphore, succeed

AT_ONCE = 32
"""How many agents are on their way at once. 200 that take half a second each are back in 3.5 s; and 32 of them cost
less of a core (20 ms each) than they have time."""


class Arrivals:
    """The calls of one daemon before us, each waiting for its agent's turn. A call has one turn."""

    def __init__(self, at_once: int = AT_ONCE) -> None:
        self._gate = DeferredSemaphore(at_once)

    def turn(self) -> Deferred[Turn]:
        """Fires when it is this agent's; cancelling leaves the line."""
        return self._gate.acquire().addCallback(Turn)


class Turn:
    """It lasts until the agent is there, or will not be."""

    def __init__(self, gate: DeferredSemaphore | None = None) -> None:
        self._gate = gate

    def over(self) -> None:
        """Somebody else's turn; saying it again changes nothing."""
        gate, self._gate = self._gate, None
        if gate is not None:
            gate.release()


def at_once() -> Deferred[Turn]:
    """The turn of an agent that need not wait."""
    return succeed(Turn())
