"""Where the log goes: what twistd's own options say (--logfile, --syslog, --nodaemon), by what `logs:` lets through.

twistd itself would begin a new file after each megabyte. Here nothing is rotated: whoever moves the file away sends
SIGUSR1 afterwards (logrotate's `postrotate`), and it is opened anew.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Mapping
from typing import IO, Any

from twisted.logger import ILogObserver, LegacyLogObserverWrapper
from twisted.python.logfile import LogFile

from voiced.watch.logs import Logging

DEFAULT = "twistd.log"
"""As twistd has it, for a daemon that was told of no file."""


def observer(
    options: Mapping[str, Any], logging: Logging, later: Callable[[Callable[[], object]], object]
) -> ILogObserver:
    """The observer that these options of twistd's want. `later(act)` does it in the reactor, from a signal's handler.

    Raises OSError when the file cannot be opened.
    """
    if options.get("syslog"):
        from twisted.python.syslog import SyslogObserver  # not on every system

        system: Any = SyslogObserver(options.get("prefix") or "").emit
        return logging.through(LegacyLogObserverWrapper(system))
    return logging.into(_file(options.get("logfile") or "", bool(options.get("nodaemon")), later))


def _file(name: str, stays: bool, later: Callable[[Callable[[], object]], object]) -> IO[Any]:
    if stays and name in ("", "-"):
        return sys.stdout
    if name == "-":
        sys.exit("Daemons cannot log to stdout, exiting!")  # twistd's own words
    file: Any = LogFile.fromFullPath(name or DEFAULT, rotateLength=None)
    if signal.getsignal(signal.SIGUSR1) in (None, signal.SIG_DFL):
        signal.signal(signal.SIGUSR1, lambda number, frame: later(file.reopen))
    return file  # type: ignore[no-any-return]
