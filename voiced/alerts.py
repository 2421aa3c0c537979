"""What Twilio's debugger tells us by itself: each alert a line of the journal, and a sentence of the log, once."""

from __future__ import annotations

from collections import OrderedDict

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger, LogLevel

from voiced import journal
from voiced.ikept import IJournal
from voiced.twilio.debugger import Alert

KNOWN = 1000
"""Alerts of which it is remembered that they have come: Twilio repeats what it is not sure of."""

log = Logger()


class Alerts:
    """Takes them in."""

    def __init__(self, records: IJournal, clock: IReactorTime) -> None:
        self._records = records
        self._clock = clock
        self._seen: OrderedDict[str, None] = OrderedDict()

    def __call__(self, alert: Alert) -> None:
        """Write it down, unless it was here before."""
        if alert.sid and alert.sid in self._seen:
            return
        self._seen[alert.sid] = None
        if len(self._seen) > KNOWN:
            self._seen.popitem(last=False)
        message, fix = alert.meaning.sentence, alert.fix
        # What happens when all is well (we close a stream, and that is 31921) is not news.
        level = LogLevel.info if not alert.meaning.alarm else LogLevel.levelWithName(_LEVELS[alert.level])
        log.emit(
            level, "{call}: Twilio reports {code}: {message}. To do: {fix}", call=alert.call or alert.account,
            code=alert.code, message=message, fix=fix,
        )  # fmt: skip
        self._records.write(
            journal.alert(
                time=self._clock.seconds(), call=alert.call, account=alert.account, sid=alert.sid, level=alert.level,
                code=alert.code, message=message, fix=fix, url=alert.url, status=alert.status,
            )
        )  # fmt: skip


_LEVELS = {"error": "error", "warning": "warn"}
