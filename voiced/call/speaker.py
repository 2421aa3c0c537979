"""Our side of what is said on a call: the queue at the carrier, and the one utterance that is under way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred

from voiced.call.playback import Playback
from voiced.call.speaking import Speaking
from voiced.ivoiced import Deliver, Heard

DRAIN_GRACE = 2.0
"""Seconds that the last mark may come later than its audio should have ended."""
LAST_WORDS = 30.0
"""Seconds that an utterance may go on when its call is evicted in the middle of it."""


class Speaker(Playback):
    """A call's playback, with the utterance that a step waits for."""

    _utterance: Speaking | None = None

    def say(
        self,
        synthesize: Callable[[Deliver], Deferred[Any]],
        interruptible: bool,
        told: Callable[[Heard], object] = lambda heard: None,
    ) -> Deferred[Heard]:
        """Speak what `synthesize(deliver)` delivers; fires when it is heard or cut, as ICall.say says.

        `told` as in Speaking.
        """
        self._utterance = Speaking(self.speak(), interruptible, told)
        return self._utterance.start(synthesize)

    def key_pressed(self) -> None:
        """The caller pressed a key: whatever may be cut is."""
        if self._utterance is not None and self._utterance.interruptible and self._utterance.awaited:
            self.interrupt()

    @property
    def heard(self) -> int | None:
        """Bytes that were certainly heard of what a step waits for; None when it waits for nothing."""
        return self._utterance.confirmed if self._utterance is not None and self._utterance.awaited else None

    @property
    def protected(self) -> bool:
        """Whether a step, or a tool, waits for something that nobody may interrupt."""
        return self._utterance is not None and self._utterance.awaited and not self._utterance.interruptible

    def cut(self) -> None:
        """The caller has interrupted, as our own ears say."""
        self.interrupt()

    def last_words(self) -> Deferred[None]:
        """The utterance under way is the last, and will be heard to its end, whoever stops waiting for it."""
        if self._utterance is not None:
            self._utterance.outlive()
        return self.when_heard()

    def drain_limit(self) -> float:
        """Seconds within which all must have been heard."""
        if self._utterance is not None and self._utterance.active:
            return LAST_WORDS
        return self.queued + DRAIN_GRACE
