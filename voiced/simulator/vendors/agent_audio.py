"""The audio of an agent that does not exist: its voice, its ear, and the formats it may be set to.

Within a double all audio is mu-law at 8000 samples a second; what goes over the wire is in the agent's formats,
named as ElevenLabs names them: `ulaw_8000`, `pcm_8000`, `pcm_16000` ... (16 bits, little-endian, one channel).
"""

from __future__ import annotations

import enum
import sys
from array import array
from collections.abc import Callable

from voiced.simulator.mulaw import FRAME, RATE, decode, encode, linear

CELL = RATE // 20
"""Bytes of audio (50 ms) that each byte of a text becomes when it is spelled."""

Voice = Callable[[str], bytes]
"""Text to mu-law."""


def spell(text: str) -> bytes:
    """Audio that spells a text: each byte of its UTF-8 becomes 50 ms of that mu-law byte. Never 0xFF, silence."""
    return b"".join(bytes([byte]) * CELL for byte in text.encode())


def from_mulaw(audio: bytes, form: str) -> bytes:
    """mu-law in a format of the wire; samples are repeated, not interpolated."""
    if form == "ulaw_8000":
        return audio
    rate, samples = _rate(form), decode(audio)
    return _little_endian(array("h", (samples[at * RATE // rate] for at in range(len(samples) * rate // RATE))))


def to_mulaw(audio: bytes, form: str) -> bytes:
    """mu-law of what came in a format of the wire; samples are dropped, not averaged."""
    if form == "ulaw_8000":
        return audio
    rate, samples = _rate(form), array("h")
    samples.frombytes(audio[: len(audio) // 2 * 2])
    if sys.byteorder == "big":
        samples.byteswap()
    return encode([samples[at * rate // RATE] for at in range(len(samples) * RATE // rate)])


def _rate(form: str) -> int:
    return int(form.removeprefix("pcm_"))


def _little_endian(samples: array[int]) -> bytes:
    if sys.byteorder == "big":
        samples.byteswap()
    return samples.tobytes()


class Speech(enum.Enum):
    """What an ear notices."""

    BEGINS = "begins"
    ENDS = "ends"


class Ear:
    """Notices speech by its energy alone, in 20 ms at a time.

    Loud are samples (of 16 bits) with a mean magnitude above `loudness`; speech ends after `pause` seconds of audio
    that is not loud. 100 is about -50 dBFS: most spelled texts are louder, a good line is not.
    """

    def __init__(self, loudness: float = 100.0, pause: float = 0.4) -> None:
        self._loudness = loudness
        self._pause = int(pause * RATE)
        self._quiet: int | None = None
        """Bytes since it was last loud, while somebody speaks."""

    @property
    def speaking(self) -> bool:
        """Whether somebody is heard speaking."""
        return self._quiet is not None

    def hear(self, mulaw: bytes) -> list[Speech]:
        """What is noticed in a chunk, in order."""
        noticed = [self._listen(mulaw[at : at + FRAME]) for at in range(0, len(mulaw), FRAME)]
        return [speech for speech in noticed if speech is not None]

    def _listen(self, frame: bytes) -> Speech | None:
        samples = linear()
        if sum(abs(samples[byte]) for byte in frame) > self._loudness * len(frame):
            before, self._quiet = self._quiet, 0
            return Speech.BEGINS if before is None else None
        if self._quiet is None:
            return None
        self._quiet += len(frame)
        if self._quiet < self._pause:
            return None
        self._quiet = None
        return Speech.ENDS
