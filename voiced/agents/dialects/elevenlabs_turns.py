"""Turns: which of the things that the agent said a piece of its audio or text belongs to, and which comes too late.

ElevenLabs numbers its events (`event_id`). A number is a response's: all the audio of one carries the same, as far as
we know (elevenlabs-python#829), and a later response has a greater one. Nothing here breaks where every piece has a
number of its own, or none.

*Too late.* After an `interruption`, audio of its number or a lower one is not played, as in the Python SDK. Only when
that number was never seen before, it is the answer's, and is played: the SDK's rule would keep the agent silent
(elevenlabs-python#829; the JavaScript client plays what is equal).

*Cut by us.* Our own ears may be quicker than those of ElevenLabs, and a key is no interruption there at all. There is
nothing to tell it; what still comes of the response that was cut, or of one before it, is not played. The caller's
next words lift that: what the agent says after them is an answer, whatever its number.

*Items.* One thing said is one item: ElevenLabs names none. An item ends when the caller was understood or has
interrupted, and where the agent says a second text; its text comes before its audio, or after.
"""

from __future__ import annotations

from collections.abc import Collection

import attrs


@attrs.define
class _Turn:
    item: str
    number: int = -1
    sounded: bool = False
    said: bool = False


class Turns:
    """The turns of one conversation. `number` is an event's, None where it has none."""

    def __init__(self) -> None:
        self._turn: _Turn | None = None
        self._begun = 0
        self._newest = -1
        self._interrupted = -1
        self._cut = -1

    def audio(self, number: int | None) -> str | None:
        """The item that this piece of audio belongs to; None when it came too late."""
        turn = self._turn
        if turn is not None and turn.number == number and turn.sounded:
            return turn.item  # one more of what is being said: most of them are
        if self._late(number):
            return None
        turn = self._present(number)
        turn.sounded = True
        return turn.item

    def second_text(self, number: int | None) -> bool:
        """Whether a text with this number belongs to a new item, though the present one is not over."""
        return not self._late(number) and self._turn is not None and self._turn.said

    def text(self, number: int | None) -> str:
        """The item that this text belongs to."""
        if self._late(number):
            return str(self._begun)
        turn = self._present(number)
        turn.said = True
        return turn.item

    def over(self) -> str | None:
        """The present item is over; its name, where it was heard at all."""
        turn, self._turn = self._turn, None
        return turn.item if turn is not None and turn.sounded else None

    def answered(self) -> None:
        """The caller was understood: what comes now is the answer."""
        self._cut = -1

    def interrupted(self, number: int | None) -> None:
        """ElevenLabs has ended the present item, and says so with this number."""
        if number is not None:
            self._interrupted = max(self._interrupted, number if number <= self._newest else number - 1)
        self._turn = None

    def cut(self, items: Collection[str]) -> bool:
        """We have ended these items; whether the present one is among them. An answer may have begun since."""
        if self._turn is None or self._turn.item not in items:
            return False
        self._cut, self._turn = self._turn.number, None
        return True

    def _present(self, number: int | None) -> _Turn:
        if self._turn is None:
            self._begun += 1
            self._turn = _Turn(str(self._begun))
        if number is not None:
            self._turn.number = max(self._turn.number, number)
            self._newest = max(self._newest, number)
        return self._turn

    def _late(self, number: int | None) -> bool:
        return number is not None and number <= max(self._interrupted, self._cut)
