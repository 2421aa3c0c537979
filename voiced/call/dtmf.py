"""Dual tones (DTMF) as audio: what a telephone's keys sound like to the other end.

Twilio has no message that sends a key into a media stream, so keys are played in band. Frequencies are those of
ITU-T Q.23; levels and lengths are within what every receiver of Q.24 takes, with room for a transcoder on the way.
"""

from __future__ import annotations

import math
import re
import struct
from functools import cache

from voiced.call.audio import RATE, from_linear, silence

PAUSE = "w"
"""Stands among the keys for a pause, as in Twilio's `sendDigits`."""
PAUSE_SECONDS = 0.5
TONE, GAP = 0.1, 0.1
"""Seconds that a key sounds, and is silent afterwards: Q.24 asks for 40 ms of each, old menus for 70."""
PLAYABLE = re.compile(r"[0-9*#A-Dw]*", re.ASCII)
"""What `tones` takes."""

_ROWS, _COLUMNS = (697, 770, 852, 941), (1209, 1336, 1477, 1633)
_KEYS = ("123A", "456B", "789C", "*0#D")
_PAIRS = {_KEYS[row][column]: (_ROWS[row], _COLUMNS[column]) for row in range(4) for column in range(4)}
_LOUDEST = 3.17
"""dBm0 of a sine that just fills mu-law (ITU-T G.711, table 2a) ..."""
_FULL = 32636
"""... whose peak is this 16-bit sample."""
_ROW_LEVEL, _COLUMN_LEVEL = -9.0, -7.0
"""dBm0: the high tone is the louder one, since lines take more of it."""
_RAMP = 0.005
"""Seconds to fade in and out: a click at either end is energy outside of the two tones."""


def tones(keys: str) -> bytes:
    """These keys as audio, one after the other; a `w` is half a second of silence.

    Raises ValueError for what is no key.
    """
    if not PLAYABLE.fullmatch(keys):
        raise ValueError("keys are 0 to 9, *, #, A to D, and w for a pause")
    return b"".join(silence(PAUSE_SECONDS) if key == PAUSE else _tone(key) for key in keys)


@cache
def _tone(key: str) -> bytes:
    row, column = _PAIRS[key]
    length = round(TONE * RATE)
    samples = [
        _fade(n, length) * (_wave(n, row, _ROW_LEVEL) + _wave(n, column, _COLUMN_LEVEL)) for n in range(length)
    ]
    return from_linear(struct.pack(f"<{length}h", *map(round, samples))) + silence(GAP)


def _wave(n: int, frequency: int, level: float) -> float:
    return _FULL * 10 ** ((level - _LOUDEST) / 20) * math.sin(2 * math.pi * frequency * n / RATE)


def _fade(n: int, length: int) -> float:
    """A raised cosine at both ends, 1 between them."""
    edge = min(1.0, min(n, length - 1 - n) / (_RAMP * RATE))
    return (1 - math.cos(math.pi * edge)) / 2
