"""Tones that a call is given: the beep to speak after, a ringing, and a quiet one for who waits."""

from __future__ import annotations

import math
import struct

from voiced.call import audio


def tone(seconds: float, hertz: float, level: float) -> bytes:
    """A tone of so many dBm0 (G.711: a full sine is +3.17), which fades in and out for 10 ms so as not to click."""
    peak = 32124 * 10 ** ((level - 3.17) / 20)
    count, fade = round(seconds * audio.RATE), round(0.01 * audio.RATE)
    samples = [
        round(peak * min(1.0, n / fade, (count - n) / fade) * math.sin(2 * math.pi * hertz * n / audio.RATE))
        for n in range(count)
    ]
    return audio.from_linear(struct.pack(f"<{count}h", *samples))


BEEP = tone(0.4, 1000.0, -13.0)
"""What tells the caller to speak: about as loud as speech is on a telephone."""

RINGING = tone(1.0, 425.0, -16.0) + audio.silence(4.0)
"""A ringing as most of the world has it (ITU-T E.180: 425 Hz, 0.67 to 1.5 s on, 3 to 5 s off); to be repeated."""

WAITING = tone(0.15, 425.0, -30.0) + audio.silence(0.1) + tone(0.15, 425.0, -30.0) + audio.silence(4.6)
"""What says, softly and every five seconds, that the line is not dead; to be repeated."""


def looped(sound: bytes, seconds: float, start: int = 0) -> bytes:
    """So many seconds of a sound that begins again when it is over, from that byte of it on."""
    length = round(seconds * audio.RATE)
    start %= len(sound)
    return (sound[start:] + sound * (length // len(sound) + 1))[:length]
