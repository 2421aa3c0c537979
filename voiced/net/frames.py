"""The fast lane for media frames: what comes 50 times a second on every call goes past Autobahn's general machinery.

It knows one frame: text, final, of ASCII, under 64 KiB, whole in what the socket gives at once (RFC 6455, 5.2):

    0x81 | mask bit, length 0..125                       | mask (4 bytes), from clients only | payload
    0x81 | mask bit, 126 | length 126..65535 (2 bytes)   | mask (4 bytes), from clients only | payload

Whatever is not exactly that (fragments, pings, closing, compression, part of a frame, anything wrong, anything before
the handshake is done or after the closing has begun) is Autobahn's, byte for byte as if there were no lane: messages,
errors and close codes are the same. Autobahn's statistics and its "message" listeners do not see what takes the lane.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from voiced.net.immediate import writer

_TEXT = 0x81
"""The first byte of a whole text message: FIN, no RSV, opcode 1."""
_MASKED = 0x80
_SHORT = 125
"""Bytes of payload whose length stands in the second byte."""
_TWO_BYTES = 126
"""In place of a length: it follows in two bytes."""
_LEAST = 4
"""Bytes of a frame that takes the lane: a length of two bytes can be read."""
LONGEST = 0xFFFF
"""Bytes of payload that take the lane at most."""


class FastLane:
    """Stands before an Autobahn protocol class among the bases: `class P(FastLane, WebSocketServerProtocol)`.

    `onMessage` is called as ever. The lane opens with the handshake, and only on a socket without options that change
    what is on the wire (compression, logged frames, odd masks).
    """

    _lane = False
    _write: Callable[[bytes], None]
    _receives_masked: int
    _longest_in: int
    _longest_out: int

    # What Autobahn's class has
    data: bytes
    state: int

    def _onOpen(self) -> None:
        """Named by Autobahn: the handshake is done, and the options are what they are."""
        here: Any = self
        server = here.factory.isServer
        masks = not here.maskServerFrames if server else here.maskClientFrames and here.applyMask
        usual = here.requireMaskedClientFrames if server else not here.acceptMaskedServerFrames
        plain = here._perMessageCompress is None and not (here.trackTimings or here.logFrames or here.logOctets)
        self._lane = bool(plain and masks and usual and here.applyMask and not here.autoFragmentSize)
        self._write = writer(here.transport)
        self._receives_masked = _MASKED if server else 0
        self._longest_out = min(here.maxMessagePayloadSize or LONGEST, LONGEST)
        self._longest_in = min(here.maxFramePayloadSize or LONGEST, self._longest_out)
        super()._onOpen()  # type: ignore[misc]

    def dataReceived(self, data: bytes) -> None:
        """Named by Twisted: bytes have come."""
        here: Any = self
        if (
            not self._lane
            or self.data
            or here.current_frame is not None
            or here.inside_message
            or here.autoPingTimeoutCall is not None
        ):
            super().dataReceived(data)  # type: ignore[misc]
            return
        at, end = 0, len(data)
        while at < end and self.state == here.STATE_OPEN and not here.failedByMe:
            payload, after = self._read(data, at, end)
            if payload is None:
                break
            at = after
            here.onMessage(payload, False)
        if at < end:
            super().dataReceived(data[at:] if at else data)  # type: ignore[misc]

    def _read(self, data: bytes, at: int, end: int) -> tuple[bytes | None, int]:
        """The payload of the frame that begins there, and where the next begins; None: it is not for the lane."""
        if end - at < _LEAST or data[at] != _TEXT:
            return None, at
        masked, size = data[at + 1] & _MASKED, data[at + 1] & ~_MASKED
        begin = at + 2
        if size == _TWO_BYTES:
            size = data[at + 2] << 8 | data[at + 3]
            begin = at + 4
            if size <= _SHORT:
                return None, at
        elif size > _SHORT:
            return None, at
        if masked != self._receives_masked or not 0 < size <= self._longest_in:
            return None, at
        if masked:
            begin += 4
        after = begin + size
        if after > end:
            return None, at
        payload = data[begin:after]
        if masked:
            payload = xor(payload, data[begin - 4 : begin])
        return (payload, after) if payload.isascii() else (None, at)

    def sendMessage(
        self,
        payload: bytes,
        isBinary: bool = False,
        fragmentSize: int | None = None,
        sync: bool = False,
        doNotCompress: bool = False,
    ) -> None:
        """Named by Autobahn, and as it says there; raises Disconnected when the socket is not open (any more)."""
        here: Any = self
        size = len(payload)
        if (
            not self._lane
            or isBinary
            or fragmentSize is not None
            or sync
            or size > self._longest_out
            or self.state != here.STATE_OPEN
            or here.send_queue
            or type(payload) is not bytes
        ):
            super().sendMessage(payload, isBinary, fragmentSize, sync, doNotCompress)  # type: ignore[misc]
            return
        self._write(frame(payload, masked=not self._receives_masked))


def frame(payload: bytes, *, masked: bool) -> bytes:
    """A whole text message of at most 64 KiB, as it is on the wire; with a fresh mask, as clients have to."""
    size = len(payload)
    bit = _MASKED if masked else 0
    head = bytes((_TEXT, bit | size)) if size <= _SHORT else bytes((_TEXT, bit | _TWO_BYTES, size >> 8, size & 0xFF))
    if not masked:
        return head + payload
    mask = random.getrandbits(32).to_bytes(4, "big")  # against proxies, not against whoever listens
    return head + mask + xor(payload, mask)


def xor(payload: bytes, mask: bytes) -> bytes:
    """Masked, or unmasked (RFC 6455, 5.3): two big numbers are quicker than many bytes."""
    size = len(payload)
    repeated = (mask * (size // 4 + 1))[:size]
    return (int.from_bytes(payload, "big") ^ int.from_bytes(repeated, "big")).to_bytes(size, "big")
