"""Telephone audio as the models want it: numbers between -1 and 1. Needs the extra `local`."""

from __future__ import annotations

from typing import Any

import numpy as np

from voiced.call.audio import to_linear

_TABLE = np.frombuffer(to_linear(bytes(range(256))), "<i2").astype(np.float32) / 32768


def samples(audio: bytes) -> Any:
    """Its samples, 8000 a second, as an array of float32."""
    return _TABLE[np.frombuffer(audio, np.uint8)]
