"""mu-law at 8000 samples a second, as the carrier hears it: tables, levels, and a WAV file to listen to.

One byte is one sample is 125 microseconds (ITU-T G.711, table 2a). Plain Python is fast enough for 160 at a time.
"""

from __future__ import annotations

import io
import wave
from array import array
from collections.abc import Sequence
from functools import cache
from itertools import zip_longest

from voiced.call.audio import FRAME, RATE, SILENCE, from_linear, silence, to_linear

__all__ = ["FRAME", "RATE", "SILENCE", "decode", "encode", "gain", "linear", "read_wav", "silence", "wav"]


@cache
def linear() -> tuple[int, ...]:
    """mu-law byte -> 16-bit sample."""
    return tuple(decode(bytes(range(256))))


def encode(samples: Sequence[float]) -> bytes:
    """16-bit samples, clipped where they are louder than that."""
    return from_linear(array("h", (max(-32768, min(32767, int(sample))) for sample in samples)).tobytes())


def decode(mulaw: bytes) -> list[int]:
    """16-bit samples."""
    return array("h", to_linear(mulaw)).tolist()


def gain(decibels: float) -> float:
    """The factor for a level: -20 dB is a tenth."""
    return float(10 ** (decibels / 20))


def wav(*channels: bytes) -> bytes:
    """A WAV file (16-bit PCM) of one or two channels given as mu-law; the shorter one is filled with silence."""
    samples = array("h")
    for moment in zip_longest(*map(decode, channels), fillvalue=0):
        samples.extend(moment)
    written = io.BytesIO()
    with wave.open(written, "wb") as file:
        file.setparams((len(channels), 2, RATE, 0, "NONE", "NONE"))
        file.writeframes(samples.tobytes())
    return written.getvalue()


def read_wav(file: bytes) -> bytes:
    """The mu-law of a WAV file (8000 Hz, one channel, mu-law or 16-bit PCM); other bytes are bare mu-law."""
    if file[:4] != b"RIFF" or b"data" not in file:
        return file
    begin = file.index(b"data") + 8
    size = int.from_bytes(file[begin - 4 : begin], "little")
    sound, form = file[begin : begin + size], int.from_bytes(file[20:22], "little")
    return encode(array("h", sound[: len(sound) // 2 * 2])) if form == 1 else sound
