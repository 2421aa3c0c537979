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
from struct import Struct
from typing import Any

from autobahn.exception import Disconnected
from autobahn.websocket.protocol import WebSocketProtocol
from twisted.protocols.policies import ProtocolWrapper

from voiced.net.immediate import outlet

_OPEN = WebSocketProtocol.STATE_OPEN
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
_WORD = 4
"""Bytes of a mask."""
_SMALL = 512
"""Words of payload up to which the factor that repeats a mask is kept: it is as long as the payload."""
_HEAD = Struct(">HH").pack
_MASKED_HEAD = Struct(">HHI").pack
"""The head of a frame whose length is in two bytes; from a client with its mask."""
_HEAD_OF_TWO_BYTES = _TEXT << 8 | _TWO_BYTES
_MASKED_HEAD_OF_TWO_BYTES = _HEAD_OF_TWO_BYTES | _MASKED
_number = int.from_bytes
_bits = random.getrandbits


class FastLane:
    """Stands before an Autobahn protocol class among the bases: `class P(FastLane, WebSocketServerProtocol)`.

    `onMessage` is called as ever. The lane opens with the handshake, and only on a socket without options that change
    what is on the wire (compression, logged frames, odd masks).

    What every frame is asked for lies side by side, in slots: some of it is Autobahn's, whose names have to be looked
    for in a dict of a hundred. After each wait of the process all of that has left the processor's caches, and
    a frame costs what it touches.
    """

    __slots__ = (
        "_begins",
        "_clear",
        "_head",
        "_hears",
        "_lane",
        "_longest_in",
        "_longest_out",
        "_outlet",
        "_receives_masked",
        "autoPingTimeoutCall",
        "failedByMe",
        "send_queue",
        "state",
    )

    _lane: bool
    """Whether what is sent may take it."""
    _clear: bool
    """Whether what arrives may: nothing that came before is with Autobahn still."""
    _outlet: Any
    _receives_masked: int
    _head: int
    """What the first four bytes of a voice's frame are, but for its length: text, of a length that follows in two
    bytes."""
    _begins: int
    """Where its payload does."""
    _longest_in: int
    _longest_out: int

    # What Autobahn's class has
    autoPingTimeoutCall: Any
    data: bytes
    failedByMe: bool
    send_queue: Any
    state: int

    def makeConnection(self, transport: Any) -> None:
        """Named by Twisted: all is Autobahn's until the handshake is done."""
        self._lane = self._clear = False
        super().makeConnection(transport)  # type: ignore[misc]

    def _onOpen(self) -> None:
        """Named by Autobahn: the handshake is done, and the options are what they are."""
        here: Any = self
        server = here.factory.isServer
        masks = not here.maskServerFrames if server else here.maskClientFrames and here.applyMask
        usual = here.requireMaskedClientFrames if server else not here.acceptMaskedServerFrames
        plain = here._perMessageCompress is None and not (here.trackTimings or here.logFrames or here.logOctets)
        self._lane = bool(plain and masks and usual and here.applyMask and not here.autoFragmentSize)
        self._outlet = outlet(here.transport)
        if type(here.transport) is ProtocolWrapper:
            wrapper: Any = here.transport
            wrapper.dataReceived = self.dataReceived  # it passes on what comes, and has nothing to add
        self._receives_masked = _MASKED if server else 0
        self._head = (_MASKED_HEAD_OF_TWO_BYTES if server else _HEAD_OF_TWO_BYTES) << 16
        self._begins = 2 + 2 + (_WORD if server else 0)
        self._longest_out = min(here.maxMessagePayloadSize or LONGEST, LONGEST)
        self._longest_in = min(here.maxFramePayloadSize or LONGEST, self._longest_out)
        self._hears = here.onMessage
        super()._onOpen()  # type: ignore[misc]

    def dataReceived(self, data: bytes) -> None:
        """Named by Twisted: bytes have come. Most of all they are one frame of a voice, which is looked for first."""
        if not self._clear or self.autoPingTimeoutCall is not None:
            self._slowly(data)
            return
        begins = self._begins
        size = len(data) - begins
        if (
            _SHORT < size <= self._longest_in
            and _number(data[:_LEAST], "big") - size == self._head
            and self.state == _OPEN
            and not self.failedByMe
        ):
            payload = data[begins:]
            if self._receives_masked:
                payload = _xor(payload, _number(data[4:begins], "big"))
            if payload.isascii():
                self._hears(payload, False)
                return
        self._one_by_one(data)

    def _one_by_one(self, data: bytes) -> None:
        """The frames that are whole and take the lane; from the first on that does not, all is Autobahn's."""
        at, end = 0, len(data)
        while at < end and self.state == _OPEN and not self.failedByMe:
            payload, after = self._read(data, at, end)
            if payload is None:
                break
            at = after
            self._hears(payload, False)
        if at < end:
            self._slowly(data[at:] if at else data)

    def _slowly(self, data: bytes) -> None:
        """By Autobahn. What it has not done with then, more data will end."""
        here: Any = self
        super().dataReceived(data)  # type: ignore[misc]
        self._clear = bool(self._lane and not self.data and here.current_frame is None and not here.inside_message)

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
            begin += _WORD
        after = begin + size
        if after > end:
            return None, at
        payload = data[begin:after]
        if masked:
            payload = xor(payload, data[begin - _WORD : begin])
        return (payload, after) if payload.isascii() else (None, at)

    def say(self, text: bytes, then: bytes = b"") -> None:
        """Send a text message, and then another one, if the socket is open; on one that is closing or gone they are
        dropped."""
        size = len(text)
        if self._lane and _SHORT < size <= self._longest_out and self.state == _OPEN and not self.send_queue:
            if self._receives_masked:
                whole = _HEAD(_HEAD_OF_TWO_BYTES, size) + text
            else:
                mask = _bits(8 * _WORD)  # against proxies, not against whoever listens
                whole = _MASKED_HEAD(_MASKED_HEAD_OF_TWO_BYTES, size, mask) + _xor(text, mask)
            if then and len(then) <= self._longest_out:
                whole += frame(then, not self._receives_masked)
                then = b""
            self._outlet.write(whole)
            if then:
                self.say(then)
        elif self.state == _OPEN:
            try:
                for each in filter(None, (text, then)):
                    self.sendMessage(each)
            except Disconnected:  # the other side's close is on its way to us
                pass

    def sendMessage(
        self,
        payload: bytes,
        isBinary: bool = False,
        fragmentSize: int | None = None,
        sync: bool = False,
        doNotCompress: bool = False,
    ) -> None:
        """Named by Autobahn, and as it says there; raises Disconnected when the socket is not open (any more)."""
        if (
            self._lane
            and len(payload) <= self._longest_out
            and self.state == _OPEN
            and not (isBinary or sync or self.send_queue or fragmentSize is not None)
            and type(payload) is bytes
        ):
            self._outlet.write(frame(payload, not self._receives_masked))
        else:
            super().sendMessage(payload, isBinary, fragmentSize, sync, doNotCompress)  # type: ignore[misc]


def frame(payload: bytes, masked: bool) -> bytes:
    """A whole text message of at most 64 KiB, as it is on the wire; with a fresh mask, as clients have to."""
    size = len(payload)
    if not masked:
        return (_HEAD(_HEAD_OF_TWO_BYTES, size) if size > _SHORT else bytes((_TEXT, size))) + payload
    mask = _bits(8 * _WORD)
    if size > _SHORT:
        return _MASKED_HEAD(_MASKED_HEAD_OF_TWO_BYTES, size, mask) + _xor(payload, mask)
    return bytes((_TEXT, _MASKED | size)) + mask.to_bytes(_WORD, "big") + _xor(payload, mask)


def xor(payload: bytes, mask: bytes) -> bytes:
    """Masked, or unmasked (RFC 6455, 5.3)."""
    return _xor(payload, _number(mask, "big"))


def _xor(payload: bytes, mask: int) -> bytes:
    """Two big numbers are quicker than many bytes."""
    size = len(payload)
    words = (size + _WORD - 1) // _WORD
    repeated = mask * (_factors[words] if words <= _SMALL else _repeating(words)) >> 8 * (words * _WORD - size)
    return (_number(payload, "big") ^ repeated).to_bytes(size, "big")


def _repeating(words: int) -> int:
    """The factor that makes so many of a mask, one after the other."""
    return _number(b"\0\0\0\1" * words, "big")


_factors = [_repeating(words) for words in range(_SMALL + 1)]
"""Half a megabyte; a table is found sooner than what is looked up."""
