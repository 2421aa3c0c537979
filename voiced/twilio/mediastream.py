"""Twilio's Media Streams, as text in and events out. Pure.

    Twilio ► us    connected   {"event", "protocol", "version"}                             once, first
                   start       {"event", "sequenceNumber", "streamSid", "start": {…}}       once, second
                   media       {…, "media": {"track", "chunk", "timestamp", "payload"}}     the caller, mu-law
                   dtmf        {…, "dtmf": {"track", "digit"}}                               a key
                   mark        {…, "mark": {"name"}}                                         ours, come back
                   stop        {…, "stop": {"accountSid", "callSid"}}                        the call is over
    us ► Twilio    media, mark, clear

Numbers travel as strings, and have gaps: Twilio drops caller audio when we are slow (error 31930). Gaps are counted
and never punished. Source: twilio.com/docs/voice/media-streams/websocket-messages.
"""

from __future__ import annotations

import base64
import json

import attrs
import msgspec

from voiced.errors import RemoteProtocolError

INVALID_PAYLOAD = 1007
POLICY_VIOLATION = 1008
TOO_BIG = 1009
INTERNAL_ERROR = 1011
"""Close codes, RFC 6455 §7.4.1."""
LARGEST = 64 * 1024
"""Bytes of the largest message that is read; Twilio's own are under 1 KiB."""
ENCODING, SAMPLE_RATE, CHANNELS = "audio/x-mulaw", 8000, 1


@attrs.frozen
class Start:
    """The stream has begun. `parameters` are the TwiML's `<Parameter>`s."""

    stream_sid: str
    call_sid: str
    account_sid: str
    parameters: dict[str, str] = attrs.field(repr=False)


@attrs.frozen
class Media:
    """Some of the caller's audio; `missing` frames before it never came."""

    audio: bytes = attrs.field(repr=False)
    missing: int = 0


@attrs.frozen
class Key:
    """The caller pressed a key: 0-9, *, #, A-D."""

    digit: str


@attrs.frozen
class Mark:
    """A mark of ours: what was queued before it has been played, or cleared."""

    name: str


@attrs.frozen
class Stop:
    """The call is over, or has left the stream."""


Event = Start | Media | Key | Mark | Stop


class _Format(msgspec.Struct, rename="camel"):
    encoding: str
    sample_rate: int
    channels: int


class _Start(msgspec.Struct, rename="camel"):
    stream_sid: str
    call_sid: str
    account_sid: str
    media_format: _Format
    custom_parameters: dict[str, str] = {}


class _Media(msgspec.Struct, rename="camel"):
    payload: str
    chunk: int | None = None
    track: str = "inbound"


class _Key(msgspec.Struct, rename="camel"):
    digit: str


class _Mark(msgspec.Struct, rename="camel"):
    name: str


class _Message(msgspec.Struct, rename="camel"):
    event: str
    stream_sid: str = ""
    start: _Start | None = None
    media: _Media | None = None
    dtmf: _Key | None = None
    mark: _Mark | None = None


class MediaStream:
    """One stream's wire: give it each message, get what happened, or None where nothing did."""

    def __init__(self) -> None:
        self._connected = False
        self._stream_sid: str | None = None
        self._sid = b'""'
        self._chunk = 0

    def receive(self, text: bytes) -> Event | None:
        """One text message. Raises RemoteProtocolError with the close code it deserves."""
        message = self._decode(text)
        if message.event == "connected":
            self._expect(not self._connected, "a second `connected`")
            self._connected = True
            return None
        if message.event == "start":
            return self._start(message)
        if message.event not in ("media", "dtmf", "mark", "stop"):
            return None
        self._expect(self._stream_sid is not None, f"`{message.event}` before `start`")
        self._expect(message.stream_sid == self._stream_sid, f"`{message.event}` of another stream")
        if message.event == "stop":
            return Stop()
        return self._body(message)

    def media(self, audio: bytes) -> bytes:
        """A message that queues this audio."""
        payload = base64.b64encode(audio)
        return b'{"event":"media","streamSid":%b,"media":{"payload":"%b"}}' % (self._sid, payload)

    def mark(self, name: str) -> bytes:
        """A message that asks for this name back."""
        return b'{"event":"mark","streamSid":%b,"mark":{"name":%b}}' % (self._sid, json.dumps(name).encode())

    def clear(self) -> bytes:
        """A message that empties the queue."""
        return b'{"event":"clear","streamSid":%b}' % self._sid

    def _decode(self, text: bytes) -> _Message:
        if len(text) > LARGEST:
            raise RemoteProtocolError(TOO_BIG, f"a message of {len(text)} bytes")
        try:
            return msgspec.json.decode(text, type=_Message, strict=False)
        except msgspec.ValidationError as error:
            raise RemoteProtocolError(INVALID_PAYLOAD, f"a message of another shape: {error}") from error
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise RemoteProtocolError(INVALID_PAYLOAD, "a message that is not JSON") from error

    def _start(self, message: _Message) -> Start:
        start = message.start
        self._expect(self._stream_sid is None, "a second `start`")
        if start is None:
            raise RemoteProtocolError(INVALID_PAYLOAD, "`start` without its body")
        form = start.media_format
        self._expect(
            (form.encoding, form.sample_rate, form.channels) == (ENCODING, SAMPLE_RATE, CHANNELS),
            f"audio as {form.encoding} at {form.sample_rate} Hz; a line is {ENCODING} at {SAMPLE_RATE} Hz, mono",
        )
        self._expect(message.stream_sid == start.stream_sid, "`start` with two stream SIDs")
        self._stream_sid = start.stream_sid
        self._sid = json.dumps(start.stream_sid).encode()
        return Start(start.stream_sid, start.call_sid, start.account_sid, start.custom_parameters)

    def _body(self, message: _Message) -> Event | None:
        if message.event == "media" and message.media is not None:
            return self._media(message.media)
        if message.event == "dtmf" and message.dtmf is not None:
            self._expect(message.dtmf.digit in set("0123456789*#ABCD"), "a key that no telephone has")
            return Key(message.dtmf.digit)
        if message.event == "mark" and message.mark is not None:
            return Mark(message.mark.name)
        raise RemoteProtocolError(INVALID_PAYLOAD, f"`{message.event}` without its body")

    def _media(self, media: _Media) -> Media | None:
        if media.track != "inbound":
            return None
        missing = 0
        if media.chunk is not None:
            missing = max(media.chunk - self._chunk - 1, 0)
            self._chunk = max(media.chunk, self._chunk)
        try:
            return Media(base64.b64decode(media.payload, validate=True), missing)
        except ValueError as error:  # binascii.Error is one, and so is a payload that is not even ASCII
            raise RemoteProtocolError(INVALID_PAYLOAD, "audio that is not base64") from error

    def _expect(self, so: bool, otherwise: str) -> None:
        if not so:
            raise RemoteProtocolError(POLICY_VIOLATION, otherwise)
