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

RATE = 8000
"""Bytes (samples) a second."""

FRAME = 160
"""Bytes in the 20 ms that Twilio puts in one media message."""

SILENCE = b"\xff"
"""mu-law for zero."""


@cache
def linear() -> tuple[int, ...]:
    """mu-law byte -> 16-bit sample."""
    return tuple(_expand(byte) for byte in range(256))


def _expand(byte: int) -> int:
    inverted = ~byte & 0xFF
    magnitude = ((((inverted & 0x0F) << 3) + 0x84) << ((inverted & 0x70) >> 4)) - 0x84
    return -magnitude if inverted & 0x80 else magnitude


@cache
def _compressed() -> bytes:
    """16-bit sample, offset by 32768 and shifted right by two (mu-law hears fourteen bits), -> mu-law byte."""
    return bytes(_compress((index << 2) - 32768) for index in range(16384))


def _compress(sample: int) -> int:
    sign = 0x80 if sample < 0 else 0
    magnitude = min(abs(sample), 32635) + 0x84
    exponent = magnitude.bit_length() - 8
    return ~(sign | exponent << 4 | (magnitude >> exponent + 3) & 0x0F) & 0xFF


def encode(samples: Sequence[float]) -> bytes:
    """16-bit samples, clipped where they are louder than that."""
    table = _compressed()
    return bytes(table[(max(-32768, min(32767, int(sample))) + 32768) >> 2] for sample in samples)


def decode(mulaw: bytes) -> list[int]:
    table = linear()
    return [table[byte] for byte in mulaw]


def gain(decibels: float) -> float:
    """The factor for a level: -20 dB is a tenth."""
    return float(10 ** (decibels / 20))


def silence(seconds: float) -> bytes:
    return SILENCE * round(seconds * RATE)


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
