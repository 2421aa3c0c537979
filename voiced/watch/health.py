"""Whether the daemon is well enough for new calls, and in a word why not."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping
from pathlib import Path

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from voiced.call.switchboard import Switchboard
from voiced.errors import Overloaded, VoicedError

LEAST_FREE = 100_000_000
"""Bytes of the data directory's disk below which it is as good as full: speech, journal and database go there."""
LOOK_EVERY = 5.0
"""Seconds between two looks at a disk."""
LOOK_SECONDS = 2.0
"""Seconds within which a disk says how full it is; one that does not has more trouble than that."""

log = Logger()


class Health:
    """`troubles` are further reasons, each by its word: whether it is one now. None of them may wait for anything."""

    def __init__(self, switchboard: Switchboard, troubles: Mapping[str, Callable[[], bool]] | None = None) -> None:
        self._switchboard = switchboard
        self._troubles = dict(troubles or {})

    def why_not(self) -> list[str]:
        """Why new calls should go elsewhere: `draining`, `calls`, `lag`, `memory`, and the words of the troubles.

        None of them is about a caller, a path or a secret: strangers may read it.
        """
        try:
            self._switchboard.check_room()
            words = []
        except Overloaded as error:
            words = [error.short or "draining"]
        return words + self.troubles()

    def troubles(self) -> list[str]:
        """The words of the troubles alone."""
        return [word for word, holds in self._troubles.items() if holds()]


class Look:
    """A trouble that only a disk can tell: `look()` fires with whether all is well, or fails with OSError or a
    VoicedError.

    One look at a time, and no more than one in `LOOK_EVERY` seconds: a disk that does not answer would have all
    threads, one after the other.
    """

    def __init__(self, look: Callable[[], Deferred[bool]], clock: IReactorTime) -> None:
        self._look = look
        self._clock = clock
        self._looked = -math.inf
        self._looking = False
        self._trouble = False

    def __call__(self) -> bool:
        """Whether there is trouble, as far as is known: an answer that does not come is trouble, too."""
        now = self._clock.seconds()
        if not self._looking and now - self._looked >= LOOK_EVERY:
            self._looking, self._looked = True, now
            maybeDeferred(self._look).addCallbacks(self._seen, self._not_seen)
        return self._trouble or (self._looking and now - self._looked > LOOK_SECONDS)

    def _seen(self, well: bool) -> None:
        self._looking, self._trouble = False, not well

    def _not_seen(self, failure: Failure) -> None:
        known, self._looking, self._trouble = self._trouble, False, True
        if not known and not failure.check(OSError, VoicedError):
            log.failure("a look at the disk broke down; new calls go elsewhere until one succeeds", failure)


def has_room(directory: Path) -> bool:
    """Whether there is some room left on the disk of that directory. Blocks. Raises OSError."""
    found = os.statvfs(directory)
    return found.f_bavail * found.f_frsize >= LEAST_FREE
