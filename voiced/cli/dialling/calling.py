"""Asks the daemon for one call and waits for its end, through whatever trouble there is on the way."""

from __future__ import annotations

from collections.abc import Callable

import attrs
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.internet.task import deferLater

from voiced.cli.apiclient import Api, Call, Denied, Unanswered, Wanted
from voiced.cli.dialling.answers import Again, Finished, Later, Stop, one_line, verdict
from voiced.errors import VoicedError

LOOK_SECONDS = 2.0
"""From one look at a live call to the next."""
BACKOFF = (1.0, 2.0, 4.0, 8.0, 16.0, 30.0)
"""Seconds to wait when the daemon is in trouble, time after time."""
PATIENCE = 180.0
"""Seconds without any good answer of the daemon's after which we give up: a restart takes less."""
REMIND_SECONDS = 30.0
"""After which the same trouble is said once more."""
FORGET_SECONDS = 120.0
"""After which it is another one: we wait less from one try to the next."""
MOST_MISSING = 5
"""Times that the daemon may not know a call that it has placed: it may be just over, and on its way to the disk."""


class Stopped(VoicedError):
    """It makes no sense to go on; the sentence says why, and `remedy` what to change.

    `undone`: what was asked for last was certainly not done.
    """

    def __init__(self, message: str, *, undone: bool = False, remedy: str = "") -> None:
        self.undone = undone
        self.remedy = remedy
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
    asking: int = attrs.field(init=False, default=0)
    """Requests to place a call that are on their way."""
    _repeating: int = attrs.field(init=False, default=0)
    """Requests to place a call that are made again and again."""
    _naps: dict[Deferred[None], IDelayedCall] = attrs.field(init=False, factory=dict)
    """Those of them that wait until they may be made again."""
    _silent_since: float | None = attrs.field(init=False, default=None)
    _told: dict[str, float] = attrs.field(init=False, factory=dict)
    """When each trouble was said last."""

    @property
    def troubled(self) -> bool:
        """Whether the daemon is in trouble: nobody else will fare better than those who ask again already."""
        return self._repeating > 0

    def stop(self) -> None:
        """Ask for nothing a second time."""
        self.stopping = True
        for nap, timer in list(self._naps.items()):
            timer.cancel()
            nap.callback(None)

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
                if not self.stopping:
                    await self._nap(placed)
                if self.stopping:
                    return Left()
        finally:
            if tries:
                self._repeating -= 1
                self._relieved()

    async def _nap(self, seconds: float) -> None:
        """Wait, but not once we are told to stop."""
        nap: Deferred[None] = Deferred()
        self._naps[nap] = timer = self._clock.callLater(seconds, nap.callback, None)
        try:
            await nap
        finally:
            del self._naps[nap]
            if timer.active():
                timer.cancel()

    async def _ask(self, wanted: Wanted, tries: int) -> str | Later | Finished | Left | float:
        """The same, or the seconds after which it is to be asked again."""
        wait = BACKOFF[min(tries, len(BACKOFF) - 1)]
        self.asking += 1
        try:
            call_sid = await self._api.place(wanted)
        except Unanswered as error:
            self._trouble(error)
            return wait
        except Denied as denied:
            self._silent_since = None
            match verdict(denied):
                case Stop(undone, remedy):
                    raise Stopped(_sentence(denied), undone=undone, remedy=remedy) from denied
                case Later() | Finished() as end:
                    return end
                case Again() if tries >= len(BACKOFF):
                    return Left(_sentence(denied))
            self._tell(denied)
            return max(wait, denied.retry_after or 0.0)
        finally:
            self.asking -= 1
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
                meant = verdict(denied)
                if denied.status == 404:
                    missing += 1
                    if missing >= MOST_MISSING:
                        return None
                elif isinstance(meant, Again | Later):
                    self._trouble(denied)
                    wait = max(wait, denied.retry_after or 0.0)
                else:
                    remedy = meant.remedy if isinstance(meant, Stop) else ""
                    raise Stopped(_sentence(denied), remedy=remedy) from denied
            else:
                self._silent_since = None
                if call.over:
                    return call

    def _trouble(self, error: VoicedError) -> None:
        """The daemon did not answer, or not well. Raises Stopped when that has gone on for too long."""
        now = self._clock.seconds()
        if self._silent_since is None:
            self._silent_since = now
        elif now - self._silent_since > PATIENCE:
            raise Stopped(_sentence(error)) from error
        self._tell(error)

    def _tell(self, error: VoicedError) -> None:
        """Say what is wrong: at once, and then now and then."""
        now, sentence = self._clock.seconds(), _sentence(error)
        told = self._told.get(sentence, 0.0)
        if now - told >= REMIND_SECONDS:
            self._told[sentence] = now
            self._says(f"{sentence}; {'still trying' if now - told < FORGET_SECONDS else 'trying again'}")


def _sentence(error: VoicedError) -> str:
    return f"{one_line(error)} ({error.status})" if isinstance(error, Denied) else one_line(error)
