"""When everything is looked through for garbage: all calls wait for it.

Python counts references, and looks besides for what refers to itself in a circle: a call that is over, a webhook that
is answered. To look through what is new takes no time that anybody hears. To look through everything takes about a
microsecond for each object, a tenth of a second with 500 live calls, and Python does it whenever there is a quarter
more than before: often as calls come, and while they talk. Here it is done when half as much again is in use, and as
soon as nobody is on the line.
"""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Callable

from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

EVERY = 5.0
"""Seconds between two looks at how much is in use: some 0.1 ms each."""
GROWTH = 1.5
"""Of what was in use after the last collection: so much is in use when the next one comes ..."""
SPARE = 200_000
"""... and at least so many blocks more: about 15 MB, what 200 calls have in use."""
QUIET = 10_000
"""Blocks more that are reason enough where no call is live."""
NEVER = 1_000_000_000
"""Collections of what is new that Python makes before one of everything."""

log = Logger()


class Garbage:
    """Python's own collections of everything are put off, and made by `EVERY` of this where there is reason to.

    `live` tells how many calls wait for one; `blocks` how many pieces of memory are in use, 0 if nobody counts them
    (PYTHONMALLOC=malloc): then Python goes by its own rules. What is there at `begin` stays, and is never looked at.
    """

    def __init__(
        self,
        clock: IReactorTime,
        live: Callable[[], int],
        blocks: Callable[[], int] = sys.getallocatedblocks,
        collect: Callable[[], int] = gc.collect,
    ) -> None:
        self._live, self._blocks, self._collect = live, blocks, collect
        self._looking = LoopingCall(self._look)
        self._looking.clock = clock
        self._usual: tuple[int, int, int] | None = None
        self._base = 0
        self._kept = 0
        """Blocks in use after the last collection, without those that are never looked at."""

    def begin(self) -> None:
        """From now on. Takes as long as a collection."""
        self._collect()
        gc.freeze()
        self._base = self._blocks()
        if not self._base:
            return
        new, young, _ = self._usual = gc.get_threshold()
        gc.set_threshold(new, young, NEVER)
        self._looking.start(EVERY, now=False)

    def stop(self) -> None:
        """As it was before `begin`."""
        gc.unfreeze()
        if self._usual is not None:
            gc.set_threshold(*self._usual)
            self._usual = None
            self._looking.stop()

    def _look(self) -> None:
        more, live = self._blocks() - self._base - self._kept, self._live()
        if more <= (max(SPARE, self._kept * (GROWTH - 1.0)) if live else QUIET):
            return
        began = time.monotonic()
        found = self._collect()
        log.debug(
            "looked for garbage: {found} objects, {ms:.0f} ms, {live} calls live",
            found=found, ms=(time.monotonic() - began) * 1000, live=live,
        )  # fmt: skip
        self._kept = max(self._blocks() - self._base, 0)
