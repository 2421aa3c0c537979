"""A caller: one media stream as Twilio speaks it, with a clock that plays what comes and returns marks.

► connected, start, media 50 times a second, mark when what was before it has been played, stop
◄ media, mark, clear
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from typing import Any

import msgspec
from picows import WSFrame, WSListener, WSMsgType, WSTransport

from bench.load import sound
from bench.load.account import ACCOUNT
from bench.load.tally import Tally

_MEDIA = (
    b'{"event":"media","sequenceNumber":"%d","media":{"track":"inbound","chunk":"%d","timestamp":"%d","payload":"%b"},'
    b'"streamSid":"%b"}'
)


class _Media(msgspec.Struct):
    payload: str


class _Mark(msgspec.Struct):
    name: str


class _Message(msgspec.Struct):
    """What the program says."""

    event: str
    media: _Media | None = None
    mark: _Mark | None = None


_read = msgspec.json.Decoder(_Message).decode


class Caller(WSListener):
    """One call's stream. `tally` is the window that is measured now; whoever opens a new one sets it."""

    tally: Tally

    def __init__(
        self,
        number: int,
        call_sid: str,
        parameters: dict[str, str],
        tally: Tally,
        after: str = "",
        talks: bool = True,
    ) -> None:
        """`after` is the path at which the carrier asks what follows the stream."""
        self.number = number
        self.after = after
        self.talks = talks
        """Whether there is an agent, who answers."""
        self.call_sid = call_sid
        self.tally = tally
        self.started = 0
        """When `start` was sent."""
        self.first_audio: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        """When the first audio came."""
        self.answered: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        """When the first of this caller's own frames came back."""
        self.cleared: asyncio.Future[int] | None = None
        """When `clear` came, for whoever waits for it."""
        self.gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.hung_up = False
        self._sid = f"MZ{number:032x}".encode()
        self._parameters = parameters
        self._transport: WSTransport | None = None
        self._sequence = 0
        self._chunk = 0
        self._plays_until = 0
        self._heard_at = 0
        self._marks: deque[tuple[int, str]] = deque()
        self._part = b""

    @property
    def reached(self) -> asyncio.Future[int]:
        """When there was what this caller rings for: an agent's answer, or something to hear."""
        return self.answered if self.talks else self.first_audio

    # What the pacer and the carrier have it do

    def speak(self, now: int, due: int) -> None:
        """20 ms of audio are due; and so are the marks that were passed meanwhile."""
        if self._transport is None:
            return
        tally = self.tally
        if self.answered.done() and tally.begins <= now < tally.ends:
            tally.sent += 1
            tally.late.add(now - due)
        self._sequence += 1
        self._chunk += 1
        message = _MEDIA % (
            self._sequence, self._chunk, self._chunk * 20 - 20, sound.payload(now, self.number), self._sid,
        )  # fmt: skip
        self._transport.send(WSMsgType.TEXT, message)
        while self._marks and self._marks[0][0] <= now:
            self._return_mark()

    def hang_up(self) -> None:
        """Say `stop` and go."""
        self.hung_up = True
        if self._transport is not None:
            self._say("stop", stop={"accountSid": ACCOUNT, "callSid": self.call_sid})
            self._transport.send_close()
            self._transport.disconnect()

    # What picows tells us

    def on_ws_connected(self, transport: WSTransport) -> None:
        """Named by picows."""
        self._transport = transport
        self._send({"event": "connected", "protocol": "Call", "version": "1.0.0"})
        about = {
            "accountSid": ACCOUNT,
            "streamSid": self._sid.decode(),
            "callSid": self.call_sid,
            "tracks": ["inbound"],
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
            "customParameters": self._parameters,
        }
        self.started = time.monotonic_ns()
        self._say("start", start=about)

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        """Named by picows."""
        if frame.msg_type == WSMsgType.TEXT:
            now = time.monotonic_ns()
            message = _read(frame.get_payload_as_bytes())
            if message.media is not None:
                self._hear(now, sound.decoded(message.media.payload))
            elif message.mark is not None:
                self._marks.append((self._plays_until, message.mark.name))
            elif message.event == "clear":
                self._clear(now)
        elif frame.msg_type == WSMsgType.CLOSE:
            transport.send_close(frame.get_close_code())
            transport.disconnect()

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        """Named by picows."""
        self._transport = None
        if not self.hung_up:
            self.tally.ended += 1
        for future in (self.first_audio, self.answered, self.cleared):
            if future is not None and not future.done():
                future.cancel()
        self.gone.set_result(None)

    # Within

    def _hear(self, now: int, audio: bytes) -> None:
        if not self.first_audio.done():
            self.first_audio.set_result(now)
        self._plays_until = max(self._plays_until, now) + len(audio) * sound.BYTE_NS
        audio = self._part + audio
        frames = len(audio) // sound.FRAME
        self._part = audio[frames * sound.FRAME :]
        if frames:
            self._count(now, audio, frames)

    def _count(self, now: int, audio: bytes, frames: int) -> None:
        if not sound.stamp(audio, frames - 1)[0]:
            return
        if not self.answered.done():
            self.answered.set_result(now)
            self._heard_at = now
        tally = self.tally
        if tally.begins <= now < tally.ends:
            tally.came_back += frames
            tally.dead_air = max(tally.dead_air, now - max(self._heard_at, tally.begins))
        self._heard_at = now
        stamps = [sound.stamp(audio, frame)[0] for frame in range(frames)]
        mine = sum(tally.begins <= at < tally.ends for at in stamps)
        if mine:
            tally.returned += mine
            tally.added.add(now - sound.youngest(audio, frames - 1))
            tally.grouped.add(now - stamps[0])

    def _clear(self, now: int) -> None:
        self._plays_until = now
        self._part = b""
        if self.cleared is not None and not self.cleared.done():
            self.cleared.set_result(now)
        while self._marks:
            self._return_mark()

    def _return_mark(self) -> None:
        self._say("mark", mark={"name": self._marks.popleft()[1]})

    def _say(self, event: str, **about: Any) -> None:
        self._sequence += 1
        number = str(self._sequence)
        self._send({"event": event, "sequenceNumber": number, "streamSid": self._sid.decode(), **about})

    def _send(self, message: dict[str, Any]) -> None:
        if self._transport is not None:
            self._transport.send(WSMsgType.TEXT, msgspec.json.encode(message))
