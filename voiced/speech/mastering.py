"""Mastering: makes telephone audio of what a model synthesized: no silence around it, one loudness, 8 kHz mu-law.

Needs numpy and soxr (the extra `local`).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import soxr

from voiced.call.audio import RATE, from_linear

_FRAME = RATE // 100
"""Samples (10 ms) over which loudness is measured."""
_AUDIBLE = 0.02
"""Share of the loudest frame's loudness that is speech: below are the model's noise floor and its fade."""
_BEFORE, _AFTER = 4, 6
"""Frames kept around the speech: a soft "h" begins below the threshold, and the last breath ends there."""
_VOICED = 0.1
"""Share of the loudest frame's loudness above which frames count for the level: pauses must not."""
_LEVEL = 0.14
"""Loudness (root mean square of full scale, -17 dB) of the speech itself."""
_PEAK = 0.8
"""Amplitude, of full scale, that nothing exceeds: -2 dB, for the telephone network's own conversions."""
_SILENT = 1e-4

Samples = Any
"""A one-dimensional numpy array of float32, full scale at 1."""


def master(samples: Samples, rate: int) -> bytes:
    """The samples (`rate` a second) as audio; nothing when they are silent.

    Every sentence is brought to the same loudness, not to the same peak: peaks of one voice at one loudness differ by
    7 dB between sentences (measured, hibari), and levelled by them, "Yes." would be twice as loud as the question.
    Sentence by sentence, since nothing waits for the last one; their loudness differs little.
    """
    narrow = soxr.resample(samples, rate, RATE) if len(samples) else samples
    loudness = _loudness(narrow)
    if not len(loudness) or loudness.max() < _SILENT:
        return b""
    speech = _trimmed(narrow, loudness)
    levelled = speech * _gain(speech, loudness)
    return from_linear((levelled * 32767).astype("<i2").tobytes())


def _loudness(samples: Samples) -> Samples:
    """The root mean square of each whole frame."""
    frames = samples[: len(samples) // _FRAME * _FRAME].reshape(-1, _FRAME)
    return np.sqrt(np.mean(np.square(frames), axis=1))


def _trimmed(samples: Samples, loudness: Samples) -> Samples:
    audible = np.nonzero(loudness > loudness.max() * _AUDIBLE)[0]
    start = max(int(audible[0]) - _BEFORE, 0)
    return samples[start * _FRAME : (int(audible[-1]) + 1 + _AFTER) * _FRAME]


def _gain(samples: Samples, loudness: Samples) -> float:
    voiced = loudness[loudness > loudness.max() * _VOICED]
    level = float(np.sqrt(np.mean(np.square(voiced))))
    return min(_LEVEL / level, _PEAK / float(np.abs(samples).max()))
