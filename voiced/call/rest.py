"""The rest of an utterance that was heard in part: spoken anew, it is sent on from the word that was cut."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred

from voiced.call.kept import BACK, Kept
from voiced.ivoiced import Deliver


class Rest:
    """Takes all of an utterance, and delivers it from the word on in which `heard` bytes (mu-law/8000) were heard.

    A voice may say it faster the second time than it did before; then its last word is delivered.
    """

    def __init__(self, heard: int) -> None:
        self.start = heard
        """Where it begins, in bytes of the utterance."""
        self._deliver: Deliver = _nobody
        self._kept: Kept | None = Kept() if heard else None

    def feed(self, piece: bytes) -> None:
        """What comes next of the utterance."""
        if self._kept is None:
            self._deliver(piece)
            return
        self._kept.add(piece)
        if self._kept.ends > self.start:
            self._begin(self._kept, self.start)
        else:
            self._kept.forget(self._kept.ends - BACK)

    def end(self) -> None:
        """There is no more."""
        if self._kept is not None:
            self._begin(self._kept, self._kept.ends)

    def _begin(self, kept: Kept, heard: int) -> None:
        self._kept, self.start = None, kept.word_before(heard)
        for piece in kept.between(self.start, kept.ends):
            self._deliver(piece)

    def speak(self, synthesize: Callable[[Deliver], Deferred[Any]], deliver: Deliver) -> Deferred[Any]:
        """Have a voice speak all of it, and deliver the rest; fires and fails as `synthesize` does. Once."""
        self._deliver = deliver
        return synthesize(self.feed).addCallback(self._ended)

    def _ended(self, result: Any) -> Any:
        self.end()
        return result


def _nobody(piece: bytes) -> None:
    """Nobody listens yet."""
