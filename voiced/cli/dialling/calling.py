"""Asks the daemon for one call and waits for its end, through whatever trouble there is on the way."""

from __future__ import annotations

from collections.abc import Callable

import attrs
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater

from voiced.cli.apiclient import Api, Call, Denied, Unanswered, Wanted
from voiced.cli.dialling.answers import Again, Finished, Later, Stop, verdict
from voiced.errors import VoicedError

LOOK_SECONDS = 2.0
"""From one look at a live call to the next."""
BACKOFF = (1.0, 2.0, 4.0, 8.0, 16.0, 30.0)
"""Seconds to wait when the daemon is in trouble, time after time."""
PATIENCE = 180.0
"""Seconds without any good answer of the daemon's after which we give up: a restart takes less."""
MOST_MISSING = 5
"""Times that the daemon may not know a call that it has placed: it may be just over, and on its way to the disk."""


class Stopped(VoicedError):
    """It makes no sense to go on; the sentence says why. `undone`: what was asked for last was certainly not done."""

    def __init__(self, message: str, *, undone: bool = False) -> None:
        self.undone = undone
        super().__init__(message)


@attrs.frozen
class Left:
    """It is not known what became of the request: the next run asks again, with the same key."""

    why: str = ""


@attrs.define(eq=False)
class Calling:
    """All calls of a run, one daemon. `relieved()` is called when it is in trouble no more, or we know no better."""

    _clock: IReactorTime
    _api: Api
    _says: Callable[[str], object]
    _relieved: Callable[[], object]
    stopping: bool = False
    """Nothing is asked for a second time then."""
    _repeating: int = attrs.field(init=False, default=0)
    """Requests to place a call that are made again and again."""
    _silent_since: float | None = attrs.field(init=False, default=None)

    @property
    def troubled(self) -> bool:
        """Whether the daemon is in trouble: nobody else will fare better than those who ask again already."""
        return self._repeating > 0

    async def place(self, wanted: Wanted) -> str | Later | Finished | Left:
        """The SID of the call, or why there is none. Raises Stopped."""
        tries = 0
        try:
            while True:
                placed = await self._ask(wanted, tries)
                if not isinstance(placed, float):
                    return placed
                self._repeating += not tries
                tries += 1
                await deferLater(self._clock, placed)
                if self.stopping:
                    return Left()
        finally:
            if tries:
                self._repeating -= 1
                self._relieved()

    async def _ask(self, wanted: Wanted, tries: int) -> str | Later | Finished | Left | float:
        """The same, or the seconds after which it is to be asked again."""
        wait = BACKOFF[min(tries, len(BACKOFF) - 1)]
        try:
            call_sid = await self._api.place(wanted)
        except Unanswered as error:
            self._trouble(error)
            return wait
        except Denied as denied:
            self._silent_since = None
            match verdict(denied):
                case Stop(undone):
                    raise Stopped(_sentence(denied), undone=undone) from denied
                case Later() | Finished() as end:
                    return end
                case Again() if tries >= len(BACKOFF):
                    return Left(_sentence(denied))
            return max(wait, denied.retry_after or 0.0)
        self._silent_since = None
        return call_sid

    async def end_of(self, call_sid: str) -> Call | None:
        """The call, once it is over; None when the daemon does not know it. Raises Stopped."""
        missing, wait = 0, LOOK_SECONDS
        while True:
            await deferLater(self._clock, wait)
            wait = LOOK_SECONDS
            try:
                call = await self._api.look(call_sid)
            except Unanswered as error:
                self._trouble(error)
            except Denied as denied:
                if denied.status == 404:
                    missing += 1
                    if missing >= MOST_MISSING:
                        return None
                elif isinstance(verdict(denied), Again | Later):
                    self._trouble(denied)
                    wait = max(wait, denied.retry_after or 0.0)
                else:
                    raise Stopped(_sentence(denied)) from denied
            else:
                self._silent_since = None
                if call.over:
                    return call

    def _trouble(self, error: VoicedError) -> None:
        """The daemon did not answer, or not well. Raises Stopped when that has gone on for too long."""
        now = self._clock.seconds()
        if self._silent_since is None:
            self._silent_since = now
            self._says(f"{error}; trying again")
        elif now - self._silent_since > PATIENCE:
            raise Stopped(str(error)) from error


def _sentence(denied: Denied) -> str:
    return f"{' '.join(str(denied).split())} ({denied.status})"
