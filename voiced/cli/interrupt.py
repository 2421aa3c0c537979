"""Ctrl-C, for commands that have something to finish before they end."""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import Any


def on_interrupt(reactor: Any, interrupted: Callable[[], object]) -> None:
    """Have this called in the reactor at each Ctrl-C, instead of the reactor's being stopped."""

    def told(number: int, frame: object) -> None:
        reactor.callFromThread(interrupted)

    reactor.callWhenRunning(signal.signal, signal.SIGINT, told)  # the reactor takes it for itself when it starts
