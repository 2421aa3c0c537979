"""How the daemon logs: as text for people, or one flat JSON object a line for programs; how much, by subject.

    {"time": "2026-03-01T09:00:00.123+00:00", "level": "info", "subject": "voiced.call.session",
     "call": "CA…", "message": "CA…: over, completed"}

Nothing but these is in it (and `traceback`, where there is one): what else an event carries is for its sentence, and
may be a caller's. Nothing is rotated here: that is the system's (journald, logrotate).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import IO, Any

import attrs
from twisted.logger import (
    FileLogObserver,
    FilteringLogObserver,
    ILogObserver,
    LogLevel,
    LogLevelFilterPredicate,
    eventAsText,
    textFileLogObserver,
)


@attrs.frozen
class Logs:
    """What is logged, and how. Levels are debug, info, warn, error and critical."""

    json: bool = False
    level: str = "info"
    levels: Mapping[str, str] = attrs.field(factory=dict)
    """By subject: the dotted name of a module, or its beginning; the longest that fits holds."""


class Logging:
    """What an observer lets through; the levels may change while it is at work."""

    def __init__(self, logs: Logs) -> None:
        self._json = logs.json
        self._levels = LogLevelFilterPredicate()
        self.follow(logs)

    def follow(self, logs: Logs) -> None:
        """These are the levels from now on; what the lines look like stays."""
        self._levels.defaultLogLevel = LogLevel.lookupByName(logs.level)
        self._levels.clearLogLevels()
        for subject, level in logs.levels.items():
            self._levels.setLogLevelForNamespace(subject, LogLevel.lookupByName(level))

    def into(self, file: IO[Any]) -> ILogObserver:
        """An observer that writes into a text file, and flushes each line."""
        observer = FileLogObserver(file, as_json) if self._json else textFileLogObserver(file)
        return self.through(observer)

    def through(self, observer: ILogObserver) -> ILogObserver:
        """An observer that gives that one what the levels let through."""
        return FilteringLogObserver(observer, (self._levels,))


def as_json(event: dict[str, Any]) -> str | None:
    """An event as one line; None for one that says nothing."""
    message = eventAsText(event, includeTraceback=False, includeTimestamp=False, includeSystem=False)
    failure = event.get("log_failure")
    if not message and failure is None:
        return None
    told = {} if failure is None else {"traceback": failure.getTraceback()}
    level, call = event.get("log_level"), event.get("call")
    line = {
        "time": datetime.fromtimestamp(event.get("log_time", 0.0), UTC).isoformat(timespec="milliseconds"),
        "level": "info" if level is None else level.name,
        "subject": event.get("log_namespace") or "-",
        **({"call": call} if isinstance(call, str) and call else {}),
        "message": message,
        **told,
    }
    # Whatever a stranger had us log stays one line, and is text that every reader takes.
    return json.dumps(line, ensure_ascii=True) + "\n"
