"""One `say` or `play` under way: from the voice to the line, until it is heard, cut, failed or cancelled."""

from __future__ import annotations

from collections.abc import Callable

import attrs
from twisted.internet.defer import CancelledError, Deferred, maybeDeferred
from twisted.python.failure import Failure

from voiced.call.playback import Speech
from voiced.errors import SynthesisError
from voiced.ivoiced import Deliver, Heard


class Speaking:
    """Feeds a speech from a synthesis. `result` is what the step awaits: Heard, or why the voice failed.

    Cancelling `result` stops the synthesis, and what was sent plays on; after `outlive` it goes on being fed, too.

    `told(heard)` is called once, whoever still waits, when its last mark is back, or when it ends before (`cut`).
    """

    def __init__(
        self, speech: Speech, interruptible: bool, told: Callable[[Heard], object] = lambda heard: None
    ) -> None:
        self.interruptible = interruptible
        self._told = told
        self._speech = speech
        self._outlives = False
        self.result: Deferred[Heard] = Deferred(self._let_go)

    def start(self, synthesize: Callable[[Deliver], Deferred[object]]) -> Deferred[Heard]:
        """Begin; gives `result`."""
        self._speech.done.addCallbacks(self._heard, self._forgotten)
        self._synthesis = maybeDeferred(synthesize, self._speech.feed)
        self._synthesis.addCallbacks(lambda _: self._speech.end(), self._failed)
        return self.result

    @property
    def awaited(self) -> bool:
        """Whether a step still waits until it is heard."""
        return not self.result.called

    @property
    def confirmed(self) -> int:
        """Bytes of it that were certainly heard."""
        return self._speech.confirmed()

    @property
    def active(self) -> bool:
        """Whether more of it may come."""
        return not self._speech.ended

    def outlive(self) -> None:
        """It is to be heard to its end, even when nobody waits for it any more."""
        self._outlives = True

    def _heard(self, heard: Heard) -> None:
        self._told(heard)
        if heard.cut:
            self._synthesis.cancel()
        if not self.result.called:
            self.result.callback(heard)

    def _forgotten(self, failure: Failure) -> None:
        failure.trap(CancelledError)
        self._told(attrs.evolve(self._speech.so_far(), cut=True))

    def _failed(self, failure: Failure) -> None:
        if self._speech.done.called:  # it was cut or let go: we stopped it
            return
        self._speech.done.cancel()
        if failure.check(CancelledError):  # nobody hung up: to the flow it must not look so
            failure = Failure(SynthesisError("the voice gave up without saying why"))
        if not self.result.called:
            self.result.errback(failure)

    def _let_go(self, _: object) -> None:
        if not self._outlives:
            self._speech.done.cancel()
            self._synthesis.cancel()
