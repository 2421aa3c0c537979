"""The local model: hibari, loaded once in a process; a sentence in, telephone audio out. Blocks: for worker threads.

hibari is thread-safe and releases the GIL while it computes. Needs the extra `local`.
"""

from __future__ import annotations

import os
import re
import textwrap
import threading
from typing import Any

import hibari
import numpy as np

from voiced.speech.mastering import master
from voiced.speech.spelling import spell_out

# onnxruntime, which hibari loads when it first speaks, would report to its makers; a telephone line tells nobody.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

_SEED = 0
"""Of the voice's breath noise: fixed, so that a text always gives the same bytes."""
_LONGEST = 400
"""Characters that are synthesized at once; a longer sentence is broken between words."""
_TAG = re.compile(r"</?[A-Za-z][^<>]*>")

_lock = threading.Lock()
_loaded: list[Any] = []


def sentences(text: str) -> list[str]:
    """The text in the pieces it is spoken in. Tags (SSML, HTML) are left out: the model would read them aloud."""
    plain = spell_out(_TAG.sub(" ", text))
    return [
        piece
        for sentence in hibari.Hibari.split_sentences(plain)
        for piece in (textwrap.wrap(sentence, _LONGEST) if len(sentence) > _LONGEST else [sentence])
    ]


def render(sentence: str, speed: float) -> bytes:
    """One sentence as audio, without silence around it; empty when there is nothing in it that can be said."""
    model = _model()
    spoken = [phonemes for phonemes in model.phonemize(sentence) if any(map(str.isalpha, phonemes))]
    parts = [model.from_phonemes(phonemes, speed, _SEED) for phonemes in spoken]
    return master(np.concatenate(parts), hibari.SAMPLE_RATE) if parts else b""


def warm() -> None:
    """Load the model and its dictionaries (0.3 to 1 s), so that no caller waits for it."""
    render("Hello.", 1.0)


def _model() -> Any:
    with _lock:
        if not _loaded:
            _loaded.append(hibari.Hibari())
    return _loaded[0]
