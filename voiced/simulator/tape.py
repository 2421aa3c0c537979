"""A tape: mu-law laid down at sample positions, with silence wherever nothing was."""

from __future__ import annotations

from bisect import bisect_right

from attrs import define, field

from voiced.simulator.mulaw import SILENCE


@define
class Tape:
    """Positions are in samples (bytes) from the tape's beginning; pieces are laid down in order and never overlap."""

    _starts: list[int] = field(factory=list)
    _pieces: list[bytes] = field(factory=list)

    @property
    def end(self) -> int:
        """Where the last piece ends."""
        return self._starts[-1] + len(self._pieces[-1]) if self._starts else 0

    def put(self, at: int, mulaw: bytes) -> int:
        """Lay this down at that position, or after what is there already; returns where it ends."""
        start = max(at, self.end)
        if mulaw:
            self._starts.append(start)
            self._pieces.append(mulaw)
        return start + len(mulaw)

    def cut(self, at: int) -> None:
        """Take away everything from that position on."""
        while self._starts and self._starts[-1] >= at:
            self._starts.pop()
            self._pieces.pop()
        if self._starts:
            self._pieces[-1] = self._pieces[-1][: at - self._starts[-1]]

    def read(self, start: int, end: int) -> bytes:
        """What is on the tape between two positions; before its beginning there is silence too."""
        heard = bytearray(SILENCE * max(0, end - start))
        first = max(0, bisect_right(self._starts, start) - 1)
        for at, piece in zip(self._starts[first:], self._pieces[first:], strict=True):
            if at >= end:
                break
            sound = piece[max(0, start - at) : end - at]
            heard[max(0, at - start) : max(0, at - start) + len(sound)] = sound
        return bytes(heard)

    def amount(self, until: int) -> int:
        """How many bytes of sound (not silence) lie before that position."""
        return sum(
            min(len(piece), until - at) for at, piece in zip(self._starts, self._pieces, strict=True) if at < until
        )
