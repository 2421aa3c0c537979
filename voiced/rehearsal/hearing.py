"""What a scripted agent has heard and seen of the caller: their words, once they pause, and their keys."""

from __future__ import annotations

from collections.abc import Callable

import attrs
from twisted.internet.defer import Deferred

from voiced.call.audio import RATE, SILENCE
from voiced.rehearsal.reading import read

PAUSE = round(0.2 * RATE)
"""Bytes of silence after which the caller has finished."""


class _Waiting:
    """Things that come, in order, and whoever waits for the next of them."""

    def __init__(self) -> None:
        self._there: list[str] = []
        self._wanted: Deferred[str] | None = None

    def put(self, what: str) -> None:
        self._there.append(what)
        self._give()

    def take(self) -> Deferred[str]:
        wanted = self._wanted = Deferred(self._forget)
        self._give()
        return wanted

    def _give(self) -> None:
        if self._wanted is not None and self._there:
            wanted, self._wanted = self._wanted, None
            wanted.callback(self._there.pop(0))

    def _forget(self, _: Deferred[str]) -> None:
        self._wanted = None


@attrs.define(eq=False)
class CallerHeard:
    """The caller of one conversation. `said(text)` is called with all that they say, when they have said it."""

    _said: Callable[[str], object]
    _audio: bytearray = attrs.field(factory=bytearray)
    _words: _Waiting = attrs.field(factory=_Waiting)
    _keys: _Waiting = attrs.field(factory=_Waiting)

    def hear(self, frame: bytes) -> None:
        """Audio of theirs."""
        self._audio += frame
        if not self._audio.strip(SILENCE):
            self._audio.clear()
        elif self._audio.endswith(SILENCE * PAUSE):
            text = " ".join(filter(None, map(read, bytes(self._audio).split(SILENCE * (RATE // 100)))))
            self._audio.clear()
            self._said(text)
            self._words.put(text)

    def press(self, key: str) -> None:
        """A key of theirs."""
        self._keys.put(key)

    def words(self) -> Deferred[str]:
        """Fires with the next thing that they say, or have said and nobody has asked for yet."""
        return self._words.take()

    def key(self) -> Deferred[str]:
        """Fires with the next key, or one that waits."""
        return self._keys.take()
