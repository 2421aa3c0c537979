"""Watches over a conversation: the agent comes in time, speaks in time, and nobody is left in silence."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from voiced.ivoiced import AgentLimits, Outcome

READY_SECONDS = 2.0
"""Within which an agent must be there: signed URL, connection and greeting together."""


class Vigil:
    """The clocks of one conversation. When one runs out, it is over by `leave(outcome)` or by `fail(reason, kind)`.

    `occupied()` says whether there is something that nobody has to speak beside: speech being played, a tool at work.
    `silent(seconds)` is told how long nobody was heard when it was the agent's turn.
    """

    def __init__(
        self,
        clock: IReactorTime,
        limits: AgentLimits,
        occupied: Callable[[], bool],
        leave: Callable[[Outcome], None],
        fail: Callable[[str, str], None],
        silent: Callable[[float], object] = lambda seconds: None,
    ) -> None:
        self._clock = clock
        self._limits = limits
        self._occupied = occupied
        self._leave = leave
        self._fail = fail
        self._silent = silent
        self._timers: dict[str, IDelayedCall] = {}
        self.quiet_since = clock.seconds()
        """When somebody was heard last (seconds since the epoch); in the future while the agent's speech is being
        played, which sets it with every piece."""
        self._asked = False
        """Whether it is the agent's turn to say something."""
        self._spoken = False
        self.awaits_agent = True
        """Whether that turn, or its first word, has not come yet: `agent_speaks` is to be called when it does."""

    def begin(self) -> None:
        """The agent is called."""
        why = f"the agent was not there within {READY_SECONDS:g} s"
        self._time("ready", READY_SECONDS, self._fail, why, "late")
        if self._limits.seconds is not None:
            self._time("seconds", self._limits.seconds, self._leave, Outcome("timeout"))

    @property
    def waiting(self) -> bool:
        """Whether the agent is still on its way."""
        return "ready" in self._timers

    def agent_comes(self) -> None:
        """It is there."""
        self._stop("ready")
        self.quiet_since = self._clock.seconds()
        if self._limits.first_audio is not None and not self._spoken:
            why = f"the agent has said nothing within {self._limits.first_audio:g} s"
            self._time("first_audio", self._limits.first_audio, self._fail, why, "silent")
        if self._limits.silence is not None:
            self._time("silence", self._limits.silence, self._look)

    def agent_speaks(self) -> None:
        """It is heard now; whoever plays it sets `quiet_since` to when it will not be any more."""
        self._stop("first_audio")
        self._silent(self._clock.seconds() - self.quiet_since)
        self._spoken, self._asked, self.awaits_agent = True, False, False

    def agent_goes_on(self, seconds: float) -> None:
        """What it had said already will be heard for so long from now."""
        self.quiet_since = self._clock.seconds() + seconds

    def agent_falls_silent(self) -> None:
        """What it had said is not heard any more."""
        self.quiet_since = min(self.quiet_since, self._clock.seconds())

    def caller_waits(self, waits: bool = True) -> None:
        """From now on it is the agent's turn, or it is not, after all."""
        self._asked = waits
        self.awaits_agent = waits or not self._spoken
        self.sign_of_life()

    def sign_of_life(self) -> None:
        """Something is heard of somebody."""
        self.quiet_since = max(self.quiet_since, self._clock.seconds())

    def end(self) -> None:
        """Nothing is watched any more."""
        for name in list(self._timers):
            self._stop(name)

    def _look(self) -> None:
        """The silence may have lasted long enough; if not, look again when it may have."""
        silence = self._limits.silence or 0.0
        since = self._clock.seconds() if self._occupied() else self.quiet_since
        left = since + silence - self._clock.seconds()
        if left > 0:
            self._time("silence", left, self._look)
        elif self._asked:
            self._silent(self._clock.seconds() - self.quiet_since)
            self._fail(f"the agent has not answered for {silence:g} s", "silent")
        else:
            self._leave(Outcome("caller_silent"))

    def _time(self, name: str, seconds: float, act: Callable[..., None], *arguments: Any) -> None:
        def due() -> None:
            del self._timers[name]
            act(*arguments)

        self._timers[name] = self._clock.callLater(seconds, due)

    def _stop(self, name: str) -> None:
        timer = self._timers.pop(name, None)
        if timer is not None:
            timer.cancel()
