"""Telephone audio: G.711 mu-law at 8000 bytes a second, and the few ways in and out of it.

Everywhere in voiced "audio" means these bytes: mono, headerless, one byte a sample (ITU-T G.711, RFC 3551 PCMU).
"""

from __future__ import annotations

import array
import struct
import sys

RATE = 8000
"""Bytes, and samples, in a second."""
FRAME = 160
"""Bytes of the 20 ms frame that telephone networks think in; what we cut ourselves is cut at its multiples."""
SILENCE = b"\xff"
"""The mu-law byte of a zero sample."""

ENDLESS = 0x7FFFF000
"""From this size on in a WAV, its writer did not know it: a program that wrote into a pipe (sox, ffmpeg)."""
HEADERLESS = (".ulaw", ".ul", ".mulaw", ".pcmu")
"""How the names of headerless mu-law files end."""
_CONVERT = "convert it with `sox %s -r 8000 -c 1 -e mu-law out.wav`"
_BIAS, _CLIP = 0x84, 32635
_PCM, _MULAW = 1, 7  # WAVE format tags, RFC 2361


def seconds(audio: bytes | int) -> float:
    """How long so much audio (or so many bytes of it) takes to play."""
    return (audio if isinstance(audio, int) else len(audio)) / RATE


def silence(length: float) -> bytes:
    """So many seconds of nothing."""
    return SILENCE * round(length * RATE)


def _expand(code: int) -> int:
    code = ~code & 0xFF
    magnitude = (((code & 0x0F) << 3) + _BIAS << ((code & 0x70) >> 4)) - _BIAS
    return -magnitude if code & 0x80 else magnitude


def _compress(sample: int) -> int:
    sign = 0x80 if sample < 0 else 0
    magnitude = min(abs(sample), _CLIP) + _BIAS
    segment = magnitude.bit_length() - 8
    return ~(sign | segment << 4 | magnitude >> segment + 3 & 0x0F) & 0xFF


_LINEAR = [_expand(code) for code in range(256)]
# Indexed by the sample as Python indexes: 0..32767, then -32768..-1 from the end.
_CODES = bytes(_compress(sample) for sample in (*range(32768), *range(-32768, 0)))


MAGNITUDES = bytes(~code & 0x7F for code in range(256))
"""For `translate`: how loud each sample is, from 0 to 127."""


def loudness(audio: bytes) -> float:
    """How loud it is on the average, from 0 (silence) to 127: logarithmic as mu-law is, about 2.7 steps a decibel."""
    return sum(audio.translate(MAGNITUDES)) / len(audio) if audio else 0.0


def from_linear(pcm: bytes) -> bytes:
    """16-bit little-endian samples at 8 kHz, as audio."""
    samples = array.array("h", pcm)
    if sys.byteorder == "big":
        samples.byteswap()
    return bytes(map(_CODES.__getitem__, samples))


def to_linear(audio: bytes) -> bytes:
    """Audio as 16-bit little-endian samples at 8 kHz."""
    samples = array.array("h", map(_LINEAR.__getitem__, audio))
    if sys.byteorder == "big":
        samples.byteswap()
    return samples.tobytes()


def wav(audio: bytes) -> bytes:
    """Audio as a WAV file that any player opens (mu-law inside, 8 kHz mono)."""
    form = struct.pack("<HHIIHHH", _MULAW, 1, RATE, RATE, 1, 8, 0)
    pad = b"\0" * (len(audio) % 2)
    body = (
        b"WAVE"
        + _chunk(b"fmt ", form)
        + _chunk(b"fact", struct.pack("<I", len(audio)))
        + _chunk(b"data", audio)
        + pad
    )
    return _chunk(b"RIFF", body)


def _chunk(name: bytes, body: bytes) -> bytes:
    return name + struct.pack("<I", len(body)) + body


def from_file(name: str, content: bytes) -> bytes:
    """The audio in a file's content: a WAV (8 kHz mono, 16-bit or mu-law), or headerless mu-law.

    `name` is the file's: `.wav`, or one of HEADERLESS. Raises ValueError with a sentence that says how to convert it.
    """
    if name.lower().endswith(HEADERLESS):
        if content.startswith(b"RIFF"):
            raise ValueError("it is a WAV file: name it .wav, for headerless mu-law has no header to play as noise")
        return content
    if not name.lower().endswith(".wav"):
        raise ValueError(f"a sound is a .wav file, or headerless mu-law ({', '.join(HEADERLESS)}): {_CONVERT % name}")
    tag, channels, rate, bits, samples = _parse_wav(content)
    if (channels, rate) != (1, RATE) or (tag, bits) not in ((_PCM, 16), (_MULAW, 8)):
        raise ValueError(
            f"it is {rate} Hz, {channels} channel(s), {bits} bit; a telephone line plays 8000 Hz, mono, mu-law or "
            f"16 bit: {_CONVERT % name}"
        )
    return samples if tag == _MULAW else from_linear(samples)


def _parse_wav(content: bytes) -> tuple[int, int, int, int, bytes]:
    """(format tag, channels, rate, bits a sample, the samples) of a WAV file."""
    if content[:4] != b"RIFF" or content[8:12] != b"WAVE":
        raise ValueError("it is not a WAV file")
    form: tuple[int, int, int, int] | None = None
    at = 12
    while at + 8 <= len(content):
        name, size = struct.unpack_from("<4sI", content, at)
        body = content[at + 8 : at + 8 + size]
        if name == b"fmt " and len(body) >= 16:
            tag, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", body)
            form = (tag, channels, rate, bits)
        if name == b"data" and form is not None:
            if len(body) < size < ENDLESS:
                raise ValueError(f"it is cut off: {len(body)} of its {size} bytes of sound are there")
            return (*form, body[: len(body) // 2 * 2] if form[0] == _PCM else body)
        at += 8 + size + size % 2
    raise ValueError("it is a WAV file without sound in it")
