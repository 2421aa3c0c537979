"""Reads the settings and flows again while calls are live: all is good and new calls follow, or nothing changes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.defer import TimeoutError as TimedOut
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from voiced.call.version import Reloaded, Version
from voiced.errors import ConfigError, Overloaded, VoicedError
from voiced.settings.load import Configuration

log = Logger()

MOST_SECONDS = 60.0
"""For reading the files: a disk that does not answer must not keep everybody waiting, and every reload after it."""


class Reloading:
    """One reload at a time; whoever asks meanwhile waits for the next one, together.

    `read()` reads and checks the files, in a worker thread; it raises ConfigError. `follow(configuration)` makes what
    is new and swaps it in, in one turn of the reactor, or raises ConfigError and leaves all as it is. `version()` is
    what new calls follow; while `stopping()`, nothing is read.
    """

    def __init__(
        self,
        read: Callable[[], Configuration],
        in_thread: Callable[..., Deferred[Any]],
        follow: Callable[[Configuration], Reloaded],
        version: Callable[[], Version],
        stopping: Callable[[], bool],
        clock: IReactorTime,
    ) -> None:
        self._read = read
        self._in_thread = in_thread
        self._follow = follow
        self._version = version
        self._stopping = stopping
        self._clock = clock
        self._waiting: list[Deferred[Reloaded]] = []
        """For the reload that has not begun: it will read whatever is in the files by then."""
        self._at_work = False

    def __call__(self) -> Deferred[Reloaded]:
        """Reload. Fails with ConfigError (nothing has changed) or Overloaded (the daemon stops, or the files
        cannot be read in time).

        It is not to be cancelled: others may wait for it.
        """
        waiting: Deferred[Reloaded] = Deferred()
        self._waiting.append(waiting)
        self._begin()
        return waiting

    def _begin(self) -> None:
        if self._waiting and not self._at_work:
            self._at_work = True
            waiting, self._waiting = self._waiting, []
            Deferred.fromCoroutine(self._reload()).addBoth(self._done, waiting)

    def _done(self, result: Any, waiting: list[Deferred[Reloaded]]) -> None:
        self._at_work = False
        for each in waiting:
            each.callback(result)
        self._begin()

    async def _reload(self) -> Reloaded:
        try:
            self._check()
            configuration = await self._found()
            self._check()
            return self._told(self._follow(configuration), configuration)
        except VoicedError as error:
            self._refused(error)
            raise

    async def _found(self) -> Configuration:
        """What is in the files. The thread may go on when it is too late, and nobody looks at what it finds."""
        try:
            found: Configuration = await self._in_thread(self._read).addTimeout(MOST_SECONDS, self._clock)
        except TimedOut:
            why = "does the disk, or the network that they are on, answer? Reload again then"
            raise Overloaded(f"the files could not be read within {MOST_SECONDS:g} seconds: {why}") from None
        return found

    def _check(self) -> None:
        if self._stopping():
            raise Overloaded("the daemon is stopping: it reads the settings again when it starts")

    def _told(self, reloaded: Reloaded, configuration: Configuration) -> Reloaded:
        log.info(
            "reloaded {file}: version {before} -> {version}, {n} flows",
            file=configuration.file,
            before=reloaded.before.hash,
            version=reloaded.version.hash,
            n=len(reloaded.flows),
        )
        for name in reloaded.restart:
            log.warn("`{name}` is another now, and cannot change while the daemon runs: restart it", name=name)
        return reloaded

    def _refused(self, error: VoicedError) -> None:
        for fault in error.faults if isinstance(error, ConfigError) else (error,):
            log.error("{fault}", fault=str(fault))
        log.error("not reloaded: new calls follow version {version} as before", version=self._version().hash)
