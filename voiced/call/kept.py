"""Keeps what was said until the caller has certainly heard it: after a pause it is sent once more from there."""

from __future__ import annotations

from collections.abc import Iterator

from voiced.call import audio

BACK = 3200
"""Bytes (0.4 s) that speech may go back when it goes on: to where the word began, for half a word is none."""


class Kept:
    """Audio by its position. Pieces are kept as they came, not copied."""

    def __init__(self) -> None:
        self.begins = 0
        self.ends = 0
        self._pieces: list[bytes] = []

    def add(self, piece: bytes) -> None:
        """What comes next."""
        self._pieces.append(piece)
        self.ends += len(piece)

    def forget(self, before: int) -> None:
        """What stands before this position will not be wanted any more; some of it may be kept all the same."""
        past = 0
        for piece in self._pieces:
            if self.begins + len(piece) > before:
                break
            self.begins += len(piece)
            past += 1
        del self._pieces[:past]

    def clear(self, begins: int = 0) -> None:
        """Nothing is kept, and positions go on from there."""
        self._pieces.clear()
        self.begins = self.ends = begins

    def between(self, start: int, stop: int) -> Iterator[bytes]:
        """The audio from one position to the other, in pieces, none of them empty."""
        at = self.begins
        for piece in self._pieces:
            part = piece[max(start - at, 0) : max(stop - at, 0)]
            if part:
                yield part
            at += len(piece)

    def word_before(self, position: int) -> int:
        """Where to go on after a break at this position: the quietest frame of the last BACK bytes that are kept."""
        first = max(position - BACK, self.begins)
        past = b"".join(self.between(first, position))
        frames = range(len(past) % audio.FRAME, len(past), audio.FRAME)
        quietest = min(frames, key=lambda at: (audio.loudness(past[at : at + audio.FRAME]), -at), default=len(past))
        return first + quietest
