"""What is worth keeping of a human who is recorded: from just before the first sound until just after the last."""

from __future__ import annotations

from collections import deque

from voiced.call import audio

DEAF = 0.4
"""Seconds at the beginning in which no sound counts: it may be the echo of our own beep. Who speaks on is heard."""
BEFORE = round(1.5 * audio.RATE)
"""Bytes kept from before the first sound. It is known late where a soft caller speaks from the first moment on: until
they pause between two words, nobody can tell a voice from a noisy line."""
MARGIN = round(0.4 * audio.RATE)
"""Bytes before a later sound that belong to it: it is 0.1 s old when it counts as one, and a consonant is fainter."""
AFTER = round(0.5 * audio.RATE)
"""Bytes kept after the last sound: a word fades away."""
LONGEST = 15 * audio.RATE
"""Bytes of the longest piece: recognisers are made for sentences."""

_LOUDER = 8
"""Steps of loudness (voiced.call.audio) above the noise, 3 dB, that are a sound. Measured with a synthetic caller: at
-39 dBFS all is heard above noise of -48, at -29 dBFS above -33; steady noise alone is silence."""
_FAINTEST = 16
"""What is below this is none on the quietest of lines."""
_RUN = 5
"""Frames in a row that it takes: less than 0.1 s is a click."""
_BLOCK, _BLOCKS = 25, 6
"""The noise is the quietest 0.1 s of the last three seconds, looked at every half second: no word lasts that long."""


class Sounds:
    """Tells sounds from the noise of one line, and follows that noise. 2.5 microseconds a frame of 20 ms.

    Finer than voiced.call.activity: that one only resets a timer, and this one may lose a message.
    """

    def __init__(self) -> None:
        self._last: deque[float] = deque(maxlen=_RUN)
        self._quietest: deque[float] = deque([127.0], maxlen=_BLOCKS)
        """Of each block; the last is the one that is not over."""
        self._frames = 0
        self._run = 0

    def feed(self, frame: bytes) -> bool:
        """Whether there is a sound in this frame, and was in those before it."""
        loudness = audio.loudness(frame)
        self._last.append(loudness)
        self._quietest[-1] = min(self._quietest[-1], sum(self._last) / len(self._last))
        loud = loudness > max(_FAINTEST, min(self._quietest) + _LOUDER)
        self._run = self._run + 1 if loud else 0
        self._frames += 1
        if self._frames % _BLOCK == 0:
            self._quietest.append(127.0)
        return self._run >= _RUN


class Take:
    """One recording's audio, frame by frame of 20 ms. Positions are bytes from the beginning of what is kept."""

    def __init__(self) -> None:
        self._sounds = Sounds()
        self._before = b""
        self._came = 0
        self._quiet = 0
        self._kept = 0
        self._spoken: list[tuple[int, int]] = []
        """From where to where there were sounds, with what belongs to each."""

    @property
    def quiet(self) -> float:
        """Seconds since the last sound, or since the beginning; what was lost on the way is no silence."""
        return audio.seconds(self._quiet)

    @property
    def length(self) -> int:
        """Bytes of what was kept that are worth it: without the silence at the end. 0 when there was no sound."""
        return min(self._spoken[-1][1], self._kept) if self._spoken else 0

    def hear(self, frame: bytes, lost: float = 0.0) -> bytes:
        """The next frame, and how many seconds were lost before it; gives what is to be kept now, maybe nothing."""
        sound = self._sounds.feed(frame) and audio.seconds(self._came) >= DEAF
        piece = audio.silence(lost) + frame
        self._came += len(piece)
        self._quiet = 0 if sound else self._quiet + len(frame)
        if not sound and not self._spoken:
            self._before = (self._before + piece)[-BEFORE:]
            return b""
        piece, self._before = self._before + piece, b""
        self._kept += len(piece)
        if sound:
            self._note(self._kept - MARGIN if self._spoken else 0, self._kept + AFTER)
        return piece

    def pieces(self) -> list[tuple[int, int]]:
        """From where to where to listen for words: cut where there was a pause, no longer than LONGEST."""
        pieces: list[tuple[int, int]] = []
        for start, stop in self._spoken:
            if pieces and stop - pieces[-1][0] <= LONGEST:
                start = pieces.pop()[0]
            end = min(stop, self._kept)
            pieces += [(at, min(at + LONGEST, end)) for at in range(start, end, LONGEST)]
        return pieces

    def _note(self, start: int, stop: int) -> None:
        if self._spoken and start <= self._spoken[-1][1]:
            start = self._spoken.pop()[0]
        self._spoken.append((start, stop))
