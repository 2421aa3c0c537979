"""What a service manager sees of the daemon: ready, alive, stopping, and a line of what it is doing."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall

from voiced.net.notify import ServiceManager

NEWS_SECONDS = 10.0
"""How often the status is told, unless signs of life are wanted more often."""


class Supervised:
    """Tells `manager` how we are, by the reactor's own clock: a reactor that stands still gives no sign of life.

    `status()` is what `systemctl status` shows.
    """

    def __init__(self, manager: ServiceManager, clock: IReactorTime, status: Callable[[], str]) -> None:
        self._manager = manager
        self._status = status
        self._beat = LoopingCall(self._alive)
        self._beat.clock = clock
        # Half of what is allowed, as sd_watchdog_enabled(3) advises: one may be late.
        self._every = min(NEWS_SECONDS, (manager.silence or 2 * NEWS_SECONDS) / 2)

    def ready(self) -> None:
        """We answer from now on."""
        self._manager.tell(READY=1, STATUS=self._status())
        if self._manager.listens and not self._beat.running:
            self._beat.start(self._every)

    def stopping(self, seconds: float) -> None:
        """We stop, and may take so many seconds: we are not killed sooner, whatever TimeoutStopSec= says."""
        self._manager.tell(STOPPING=1, STATUS=self._status(), EXTEND_TIMEOUT_USEC=round(seconds * 1e6))

    def stop(self) -> None:
        """No more news. For when all is done: signs of life are wanted as long as anything is."""
        if self._beat.running:
            self._beat.stop()

    def _alive(self) -> None:
        alive = {} if self._manager.silence is None else {"WATCHDOG": 1}
        self._manager.tell(**alive, STATUS=self._status())
