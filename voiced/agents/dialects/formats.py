"""Formats: an agent's audio as telephone audio, and the caller's as the agent wants it, piece by piece.

ElevenLabs names them `ulaw_8000` (ours: it passes through untouched) and `pcm_{rate}` (16-bit little-endian, mono).
Other rates than 8000 need numpy and soxr, the extra `local`.
"""

from __future__ import annotations

from typing import Any, Protocol

from voiced.call import audio as telephone
from voiced.errors import AgentError

OURS = "ulaw_8000"
_RATES = {
    "pcm_8000": 8000,
    "pcm_16000": 16000,
    "pcm_22050": 22050,
    "pcm_24000": 24000,
    "pcm_44100": 44100,
    "pcm_48000": 48000,
}
_SPOKEN = (
    "the agent's voice is {format}, and a telephone line is mu-law at 8000 Hz: set \"μ-law 8000 Hz\" in the agent's "
    'Voice tab ("TTS output format"), and in its Advanced tab ("User input audio format") too'
)
_HEARD = (
    'the agent wants to hear {format}, and a telephone line is mu-law at 8000 Hz: set "μ-law 8000 Hz" in the '
    'agent\'s Advanced tab ("User input audio format"), and in its Voice tab ("TTS output format") too'
)
_INSTALL = "; or install voiced's extra `local`, which converts it"


class Converter(Protocol):
    """Converts one stream of audio."""

    def convert(self, piece: bytes) -> bytes:
        """The next piece; it may be cut anywhere, and what it gives may be empty."""

    def rest(self) -> bytes:
        """What is still held back, at the end of something said; then a new stream begins."""


def spoken(name: str) -> Converter:
    """From the agent's format to telephone audio. Raises AgentError with what to change."""
    if name == OURS:
        return SAME
    rate = _rate(name, _SPOKEN)
    return _Samples(_resampler(rate, telephone.RATE, _SPOKEN.format(format=name)))


def heard(name: str) -> Converter:
    """From telephone audio to the format that the agent hears. Raises AgentError with what to change."""
    if name == OURS:
        return SAME
    rate = _rate(name, _HEARD)
    return _Mulaw(_resampler(telephone.RATE, rate, _HEARD.format(format=name)))


def _rate(name: str, sentence: str) -> int:
    if name not in _RATES:
        raise AgentError(sentence.format(format="in a format that voiced does not know"))
    return _RATES[name]


class _Same:
    """Nothing to convert."""

    def convert(self, piece: bytes) -> bytes:
        return piece

    def rest(self) -> bytes:
        return b""


SAME = _Same()
"""Telephone audio as it is: whoever passes on many small pieces need not call it for each."""


class _Samples:
    """16-bit samples to telephone audio."""

    def __init__(self, resampler: Converter) -> None:
        self._resampler = resampler
        self._odd = b""

    def convert(self, piece: bytes) -> bytes:
        piece = self._odd + piece
        whole = len(piece) // 2 * 2
        self._odd = piece[whole:]
        return telephone.from_linear(self._resampler.convert(piece[:whole]))

    def rest(self) -> bytes:
        self._odd = b""
        return telephone.from_linear(self._resampler.rest())


class _Mulaw:
    """Telephone audio to 16-bit samples."""

    def __init__(self, resampler: Converter) -> None:
        self._resampler = resampler

    def convert(self, piece: bytes) -> bytes:
        return self._resampler.convert(telephone.to_linear(piece))

    def rest(self) -> bytes:
        return self._resampler.rest()


def _resampler(from_rate: int, to_rate: int, otherwise: str) -> Converter:
    if from_rate == to_rate:
        return SAME
    try:
        return _Resampler(from_rate, to_rate)
    except ImportError as error:
        raise AgentError(otherwise + _INSTALL) from error


class _Resampler:
    """16-bit samples at another rate. Its state is kept from piece to piece: else each would begin with a click."""

    # vr: soxr's engine for rates that vary is never more than 30 ms late (measured for all of _RATES); its usual one
    # works in blocks, and is up to 130 ms late.

    def __init__(self, from_rate: int, to_rate: int) -> None:
        import numpy
        import soxr

        self._numpy = numpy
        self._stream: Any = soxr.ResampleStream(from_rate, to_rate, 1, dtype="int16", vr=True)

    def convert(self, piece: bytes) -> bytes:
        return self._resample(piece, last=False)

    def rest(self) -> bytes:
        held = self._resample(b"", last=True)
        self._stream.clear()
        return held

    def _resample(self, piece: bytes, last: bool) -> bytes:
        samples = self._numpy.frombuffer(piece, dtype="<i2").astype("int16")
        resampled: bytes = self._stream.resample_chunk(samples, last=last).astype("<i2").tobytes()
        return resampled
