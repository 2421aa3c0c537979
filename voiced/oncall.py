"""Rings the operator in trouble, at most once in ten minutes; who takes the call is not rung again for the same.

A call that cannot be placed is tried for as long as the trouble stands: what broke is often what calls need, too.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from voiced.call.records import CallRecord, Ending
from voiced.call.wish import Wish
from voiced.errors import Refused, VoicedError
from voiced.iguard import Party
from voiced.ioperator import OnCall
from voiced.watch.trouble import Trouble

BETWEEN = 600.0
"""Seconds between two calls to the operator, whatever happens."""
AGAIN = 60.0
"""Seconds after which a call that could not be placed is tried again, ..."""
QUICK_TRIES = 6
"""... so many times; then it is tried every BETWEEN."""
MOST_TRIES = 6
"""Calls for one trouble that have rung, and nobody has taken one. What could not be placed is none of them."""
LOOK_EVERY = 10.0
"""Seconds between two looks at what is wrong, and whether somebody is to be rung."""
PARTY = Party("(on call)", on_call=True)
"""Who asks for these calls."""

log = Logger()


class Ringing:
    """`place(wish, party)` places a call (Placing.place); `look()` has whoever notices trouble look for it;
    `stands(trouble)` says whether it is still so, for all they know: nobody is rung for what is over.

    Nobody is rung before `begin`, nor after `stop`.
    """

    def __init__(
        self,
        on_call: OnCall | None,
        place: Callable[[Wish, Party], Deferred[str]],
        look: Callable[[], object],
        stands: Callable[[Trouble], bool],
        clock: IReactorTime,
    ) -> None:
        self.on_call = on_call
        """Whom to ring from now on; None: nobody."""
        self._place = place
        self._look = look
        self._stands = stands
        self._clock = clock
        self._loop = LoopingCall(self._round)
        self._loop.clock = clock
        self._next = -math.inf
        """When somebody may be rung again."""
        self._untold: Trouble | None = None
        """What the operator is still to be told."""
        self._told: Trouble | None = None
        """What they were told last."""
        self._untaken = 0
        """Calls for it that have rung, and nobody has taken."""
        self._unplaced = 0
        """Calls for it that could not be placed."""
        self._rings_for: Trouble | None = None
        """While a call to them lives, or is asked for: what they are rung for."""
        self._perhaps: Trouble | None = None
        """What they may be rung for: nobody knows whether the carrier has placed that call."""

    def begin(self) -> None:
        """Look for trouble from now on."""
        if not self._loop.running:
            self._loop.start(LOOK_EVERY, now=False).addErrback(_broke)

    def stop(self) -> None:
        """No more."""
        if self._loop.running:
            self._loop.stop()

    def notice(self, trouble: Trouble) -> None:
        """There is trouble. The operator is rung, now or when the ten minutes are over; for the same that they have
        been told within those, not again."""
        log.error(
            "trouble: {text} {where}", text=trouble.text, where=f"(call {trouble.call})" if trouble.call else ""
        )
        if trouble.is_again(self._told) and self._clock.seconds() < self._next:
            return
        if not trouble.is_again(self._untold):
            self._tell(trouble)
        self._untold = trouble
        self._ring()

    def is_ours(self, record: CallRecord) -> bool:
        """Whether the call is one to the operator."""
        return record.placed_by == PARTY.name

    def ended(self, record: CallRecord) -> None:
        """A call to the operator is over. If they have taken it, they know."""
        trouble, self._rings_for, self._perhaps = self._rings_for or self._perhaps, None, None
        if record.answered is None or record.ending is Ending.MACHINE:
            self._untaken += 1
            if self._untaken < MOST_TRIES:
                log.warn("the operator has not taken the call: it is tried again in ten minutes")
                return
            log.error("the operator has not taken {n} calls: not rung again for this", n=self._untaken)
        self._told = trouble
        if self._untold is not None and self._untold.is_again(trouble):  # else there is another one meanwhile
            self._tell(None)

    def _tell(self, trouble: Trouble | None) -> None:
        """This is what they are to be told now, None: nothing; nothing has been tried for it."""
        self._untold, self._untaken, self._unplaced = trouble, 0, 0

    def _round(self) -> None:
        self._look()
        self._ring()

    def _ring(self) -> None:
        """Ring them, if there is something to be told and it is time."""
        to, now = self.on_call, self._clock.seconds()
        if (
            to is None
            or not self._loop.running
            or self._untold is None
            or self._rings_for is not None
            or now < self._next
        ):
            return
        if not self._stands(self._untold):
            log.info("the operator is not rung, it is over: {text}", text=self._untold.text)
            self._tell(None)
            return
        self._rings_for, self._perhaps, self._next = self._untold, None, now + BETWEEN
        log.warn("ringing the operator (`oncall`): {text}", text=self._untold.text)
        self._place(Wish(to.number, flow=to.flow), PARTY).addErrback(self._not_placed)

    def _not_placed(self, failure: Failure) -> None:
        trouble, self._rings_for = self._rings_for, None
        if failure.check(VoicedError) is None:
            log.failure("the operator could not be rung, by a fault of ours", failure)
            return
        if getattr(failure.value, "unsure", False):  # it may ring all the same: then `ended` is told of it
            self._perhaps = trouble
        else:
            self._unplaced += 1
            asked = failure.value.retry_after if isinstance(failure.value, Refused) else None
            wait = AGAIN if self._unplaced < QUICK_TRIES else BETWEEN
            self._next = self._clock.seconds() + max(asked or 0.0, wait)
        log.error(
            "the operator could not be rung: {error}; it is tried again in {seconds} s, while there is trouble",
            error=failure.getErrorMessage(),
            seconds=round(self._next - self._clock.seconds()),
        )


def _broke(failure: Failure) -> None:
    log.failure("looking for trouble broke down: nobody is rung until the daemon is restarted", failure)
