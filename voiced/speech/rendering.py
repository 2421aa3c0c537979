"""Rendering: one synthesis that several calls listen to.

Two callers who need the same prompt at the same moment pay for it once. Whoever joins late first gets what was
delivered so far. Whoever cancels leaves alone; when the last has left, the synthesis is cancelled.
"""

from __future__ import annotations

from collections.abc import Callable

import attrs
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from voiced.ivoiced import Deliver

_log = Logger()


@attrs.frozen(eq=False)
class _Listener:
    deliver: Deliver
    done: Deferred[None]


class Rendering:
    """A synthesis in progress, its audio so far, and those who wait for it.

    `over` is called once: when it has ended, or when the last of them has left. A listener that raises is logged and
    harms no other.
    """

    def __init__(self, over: Callable[[], object]) -> None:
        self._over = over
        self._pieces: list[bytes] = []
        self._listeners: list[_Listener] = []
        self._synthesis: Deferred[None] | None = None

    def join(self, deliver: Deliver) -> Deferred[None]:
        """Listen: `deliver` gets at once what there is, then each piece; fires or fails as the synthesis does."""
        listener = _Listener(deliver, Deferred(lambda _: self._leave(listener)))
        self._listeners.append(listener)
        if self._pieces:
            _give(listener, b"".join(self._pieces))
        return listener.done

    def follow(self, synthesis: Deferred[None]) -> None:
        """This is the synthesis: its end is everybody's end, and it is cancelled when nobody is left."""
        self._synthesis = synthesis
        synthesis.addBoth(self._end)

    def deliver(self, piece: bytes) -> None:
        """What the synthesis delivers to, a piece at a time."""
        self._pieces.append(piece)
        for listener in tuple(self._listeners):
            if listener in self._listeners:  # it may have left because of this piece, at another's hand
                _give(listener, piece)

    def _leave(self, listener: _Listener) -> None:
        self._listeners.remove(listener)
        if not self._listeners:
            self._over()
            if self._synthesis is not None:
                self._synthesis.cancel()

    def _end(self, result: Failure | None) -> None:
        listeners, self._listeners = self._listeners, []
        if listeners:
            self._over()
        for listener in listeners:
            listener.done.callback(result)


def _give(listener: _Listener, audio: bytes) -> None:
    try:
        listener.deliver(audio)
    except Exception:  # noqa: BLE001 - nothing is awaited here, and the other callers must not pay for this one's bug
        _log.failure("A listener raised at a piece of audio")
