"""Audio that says when it was sent, and by whom: a stamp in the first bytes of each frame of mu-law.

A stamp is the generator's own clock (ns) and the number of the call. It has 12 bytes, which are 16 characters of
base64 exactly: the rest of a frame is encoded once, and each stamp pasted before it. Of frames that came together the
agent writes after the stamp when the youngest was sent: for that one the others have waited.
"""

from __future__ import annotations

import struct
from binascii import a2b_base64, b2a_base64

FRAME = 160
"""Bytes of mu-law at 8000 Hz in 20 ms."""
FRAME_NS = 20_000_000
BYTE_NS = 125_000
_STAMP = struct.Struct("<QI")
_TOGETHER = struct.Struct("<Q")
_FILLED = FRAME - _STAMP.size - _TOGETHER.size
_REST = b2a_base64(bytes(_TOGETHER.size) + bytes(range(0x20, 0x20 + _FILLED)), newline=False)
LENGTH = len(b2a_base64(bytes(_STAMP.size), newline=False)) + len(_REST)
"""Characters of the payload of one frame."""


def payload(now: int, call: int) -> bytes:
    """The base64 of a frame of that call, sent at that time (ns)."""
    return b2a_base64(_STAMP.pack(now, call), newline=False) + _REST


def came_together(text: str) -> bytes:
    """That payload again, and each of its frames tells when the youngest of them was sent."""
    audio = bytearray(decoded(text))
    frames = len(audio) // FRAME
    youngest, _ = stamp(audio, frames - 1)
    for frame in range(frames):
        _TOGETHER.pack_into(audio, frame * FRAME + _STAMP.size, youngest)
    return b2a_base64(audio, newline=False)


def unstamped(frames: int) -> bytes:
    """The base64 of frames that tell nothing."""
    return b2a_base64((bytes(_STAMP.size) + b"\x20" * (FRAME - _STAMP.size)) * frames, newline=False)


def decoded(text: str | bytes) -> bytes:
    """The audio of a payload."""
    return a2b_base64(text)


def stamp(audio: bytes | bytearray, frame: int) -> tuple[int, int]:
    """When and by which call a frame of this audio was sent; (0, 0) for one without a stamp."""
    return _STAMP.unpack_from(audio, frame * FRAME)


def youngest(audio: bytes, frame: int) -> int:
    """When the youngest was sent of those that came to the agent with this frame: itself, where it came alone."""
    together: int = _TOGETHER.unpack_from(audio, frame * FRAME + _STAMP.size)[0]
    return together or stamp(audio, frame)[0]
