"""What the daemon logs while a scenario is played: for whoever wants to see it, and to know of its own faults."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import attrs
from twisted.logger import ILogObserver, LogEvent, LogLevel, formatEvent, globalLogPublisher
from zope.interface import implementer

_OURS = "voiced."


@implementer(ILogObserver)
@attrs.define
class Overheard:
    """Lines of the log, from warnings on."""

    lines: list[str] = attrs.field(factory=list)
    faults: list[str] = attrs.field(factory=list)
    """Tracebacks, each as a sentence: what no good daemon, and no good plugin, logs."""

    def __call__(self, event: LogEvent) -> None:
        """See ILogObserver."""
        level, failure = event.get("log_level"), event.get("log_failure")
        if failure is not None:
            self.faults.append(f"{formatEvent(event)}: {failure.type.__name__}: {failure.getErrorMessage()}")
        elif level is not None and level >= LogLevel.warn and str(event.get("log_namespace", "")).startswith(_OURS):
            self.lines.append(formatEvent(event))


@contextmanager
def overhearing() -> Iterator[Overheard]:
    """Listen to the log meanwhile."""
    overheard = Overheard()
    globalLogPublisher.addObserver(overheard)
    try:
        yield overheard
    finally:
        globalLogPublisher.removeObserver(overheard)
