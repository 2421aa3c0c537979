"""Speech recognition by Moonshine (tiny-en, MIT), in PyPI's moonshine-voice 0.1.0. Blocks; needs the extra `local`.

A Transcriber is not thread-safe: two threads on one mixed up 52 of 64 texts, so that words of one call could turn up
in another. Whoever makes a Moonshine uses it in one thread only (voiced.hearing.local). The library cannot report to
anybody: libmoonshine.so imports no socket function.
"""

from __future__ import annotations

import threading

import numpy as np
import soxr
from moonshine_voice.moonshine_api import ModelArch  # type: ignore[import-untyped,unused-ignore]
from moonshine_voice.transcriber import Transcriber  # type: ignore[import-untyped,unused-ignore]
from moonshine_voice.utils import get_model_path  # type: ignore[import-untyped,unused-ignore]

from voiced.call.audio import RATE
from voiced.hearing.samples import samples

_RATE = 16000
_OPTIONS = {"vad_threshold": "0.0", "return_audio_data": "false"}
"""Its own voice activity detection is off (it begins 1.2 s late); who calls has cut the audio out already."""
_PADDING = np.zeros(round(0.3 * RATE), np.float32)
"""Silence before and after: of a word cut out closely, or cut off in its middle, it makes up another one without
("Stop." at 350 ms: "Star, Star"; with it "Stop.")."""

_loading = threading.Lock()  # the package sets up its library unguarded: two at once find it half made


class Moonshine:
    """A recogniser. Making it loads its model (0.3 s, 90 MB)."""

    def __init__(self) -> None:
        with _loading:
            self._transcriber = Transcriber(str(get_model_path("tiny-en")), ModelArch.TINY, options=_OPTIONS)

    def recognise(self, audio: bytes) -> str:
        """The words in this audio (20 to 130 ms for 0.5 to 3 s of it); "" when there are none."""
        if not audio:
            return ""
        heard = soxr.resample(np.concatenate((_PADDING, samples(audio), _PADDING)), RATE, _RATE)
        lines = self._transcriber.transcribe_without_streaming(heard.tolist(), _RATE).lines
        return " ".join(line.text.strip() for line in lines).strip()

    def close(self) -> None:
        """Free the model."""
        self._transcriber.close()
