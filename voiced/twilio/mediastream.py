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

import json
from binascii import a2b_base64, b2a_base64
from collections.abc import Callable
from functools import cache, partial
from typing import Annotated, Any, Literal, TypeVar

import attrs
import msgspec

from voiced.call.records import NO_GAP, Gap
from voiced.errors import RemoteProtocolError

INVALID_PAYLOAD = 1007
POLICY_VIOLATION = 1008
TOO_BIG = 1009
INTERNAL_ERROR = 1011
"""Close codes, RFC 6455 §7.4.1."""
LARGEST = 64 * 1024
"""Bytes of the largest message that is read; Twilio's own are under 1 KiB."""
LONGEST = 10
"""A number that has so many digits is none: a stream of 115 days has fewer milliseconds."""
LEAST_GAP = 0.1
"""Seconds between the end of one piece of audio and the beginning of the next that are a gap; less is rounding, and
the first piece of a stream begins a little after the stream."""
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
    """Some of the caller's audio, and what never came before it."""

    audio: bytes = attrs.field(repr=False)
    missing: Gap = NO_GAP


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
    chunk: Any = None
    timestamp: Any = None
    track: str = "inbound"


class _Key(msgspec.Struct, rename="camel"):
    digit: str


class _Mark(msgspec.Struct, rename="camel"):
    name: str


class _UsualMedia(msgspec.Struct, rename="camel", gc=False):
    payload: bytes
    chunk: int
    timestamp: Annotated[int, msgspec.Meta(ge=0, lt=10 ** (LONGEST - 1))]
    track: Literal["inbound"]


class _UsualMessage(msgspec.Struct, rename="camel", gc=False):
    """The message that comes 50 times a second, read in one go: numbers that are numbers, and audio of the
    caller, whose base64 is read on the way."""

    stream_sid: str
    sequence_number: int
    media: _UsualMedia


class _UsualMark(msgspec.Struct, rename="camel", gc=False):
    """A mark that comes back, read in one go: three times a second while an agent speaks."""

    stream_sid: str
    sequence_number: int
    mark: _Mark


class _Message(msgspec.Struct, rename="camel"):
    """Any message; its body is read only when it is one that we know."""

    event: str
    stream_sid: Any = None
    sequence_number: Any = None
    start: msgspec.Raw = msgspec.Raw(b"null")
    media: msgspec.Raw = msgspec.Raw(b"null")
    dtmf: msgspec.Raw = msgspec.Raw(b"null")
    mark: msgspec.Raw = msgspec.Raw(b"null")


_Shape = TypeVar("_Shape")

_decoder: Callable[[Any], Any] = cache(partial(msgspec.json.Decoder, strict=False))
"""Of a shape; made once, for making one costs more than reading a message."""

_USUAL = b'{"event":"media",'
"""How a message with audio begins, when nothing is unusual about it."""
_read_usual = msgspec.json.Decoder(_UsualMessage, strict=False).decode
_USUAL_MARK = b'{"event":"mark",'
_read_usual_mark = msgspec.json.Decoder(_UsualMark, strict=False).decode


class MediaStream:
    """One stream's wire: give it each message, get what happened, or None where nothing did."""

    def __init__(self) -> None:
        self._connected = False
        self._stream_sid: str | None = None
        self._sid = b'""'
        self._opens_media = b""
        """How our media messages begin."""
        self._gaps = Gaps()

    def receive(self, text: bytes) -> Event | None:
        """One text message. Raises RemoteProtocolError with the close code it deserves."""
        if len(text) > LARGEST:
            raise RemoteProtocolError(TOO_BIG, f"a message of {len(text)} bytes")
        usual = self._next_mark(text) if text.startswith(_USUAL_MARK) else self.next_audio(text)
        if usual is not None:
            return usual if isinstance(usual, Mark) else Media(usual)
        message = _decode(text, _Message)
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
        self._gaps.message(message.sequence_number)
        return self._known(message)

    def next_audio(self, text: bytes) -> bytes | None:
        """The caller's next audio, if the message is just that, and nothing is missing before it. None: nothing has
        happened, it is for `receive`."""
        if not text.startswith(_USUAL):
            return None
        try:
            message = _read_usual(text)
        except (msgspec.MsgspecError, ValueError, RecursionError):
            return None
        media, gaps = message.media, self._gaps
        audio = media.payload
        begins, before = media.timestamp / 1000, gaps.heard_until
        if (
            message.sequence_number != gaps.sequence + 1
            or media.chunk != gaps.chunk + 1
            or gaps.messages
            or not -LEAST_GAP <= begins - before <= LEAST_GAP
            or message.stream_sid != self._stream_sid
        ):
            return None
        gaps.sequence += 1
        gaps.chunk += 1
        until = begins + len(audio) / SAMPLE_RATE
        if until > before:
            gaps.heard_until = until
        return audio

    def _next_mark(self, text: bytes) -> Mark | None:
        """The mark that has come back, if the message is just that, and the next one. None: nothing has happened."""
        try:
            message = _read_usual_mark(text)
        except (msgspec.MsgspecError, ValueError, RecursionError):
            return None
        gaps = self._gaps
        if message.sequence_number != gaps.sequence + 1 or message.stream_sid != self._stream_sid:
            return None
        gaps.sequence += 1
        return Mark(message.mark.name)

    def media(self, audio: bytes) -> bytes:
        """A message that queues this audio."""
        return b'%b%b"}}' % (self._opens_media, b2a_base64(audio, newline=False))

    def mark(self, name: str) -> bytes:
        """A message that asks for this name back."""
        return b'{"event":"mark","streamSid":%b,"mark":{"name":%b}}' % (self._sid, json.dumps(name).encode())

    def clear(self) -> bytes:
        """A message that empties the queue."""
        return b'{"event":"clear","streamSid":%b}' % self._sid

    def _start(self, message: _Message) -> Start:
        self._expect(self._stream_sid is None, "a second `start`")
        start = _decode(message.start, _Start)
        form = start.media_format
        self._expect(
            (form.encoding, form.sample_rate, form.channels) == (ENCODING, SAMPLE_RATE, CHANNELS),
            f"audio as {form.encoding} at {form.sample_rate} Hz; a line is {ENCODING} at {SAMPLE_RATE} Hz, mono",
        )
        self._expect(message.stream_sid == start.stream_sid, "`start` with two stream SIDs")
        self._stream_sid = start.stream_sid
        self._sid = json.dumps(start.stream_sid).encode()
        self._opens_media = b'{"event":"media","streamSid":%b,"media":{"payload":"' % self._sid
        self._gaps.message(message.sequence_number)
        return Start(start.stream_sid, start.call_sid, start.account_sid, start.custom_parameters)

    def _known(self, message: _Message) -> Event | None:
        match message.event:
            case "stop":
                return Stop()
            case "dtmf":
                digit = _decode(message.dtmf, _Key).digit
                self._expect(digit in set("0123456789*#ABCD"), "a key that no telephone has")
                return Key(digit)
            case "mark":
                return Mark(_decode(message.mark, _Mark).name)
        return self._media(_decode(message.media, _Media))

    def _media(self, media: _Media) -> Media | None:
        if media.track != "inbound":
            return None
        try:
            audio = a2b_base64(media.payload, strict_mode=True)
        except ValueError as error:  # binascii.Error is one, and so is a payload that is not even ASCII
            raise RemoteProtocolError(INVALID_PAYLOAD, "audio that is not base64") from error
        return Media(audio, self._gaps.audio(media.chunk, media.timestamp, len(audio)))

    def _expect(self, so: bool, otherwise: str) -> None:
        if not so:
            raise RemoteProtocolError(POLICY_VIOLATION, otherwise)


class Gaps:
    """What is missing, by the numbers on the messages. One that is absent, nonsense, or goes back, tells nothing."""

    __slots__ = ("chunk", "heard_until", "messages", "sequence")

    def __init__(self) -> None:
        self.sequence = 0
        """The number of the last message."""
        self.chunk = 0
        """The number of the last audio."""
        self.heard_until = 0.0
        """Where on the stream's clock it ended (seconds)."""
        self.messages = 0
        """How many are missing since then."""

    def message(self, sequence: object) -> None:
        """A message with this `sequenceNumber`."""
        number = _count(sequence, self.sequence)
        self.messages += max(number - self.sequence - 1, 0)
        self.sequence = max(number, self.sequence)

    def audio(self, chunk: object, timestamp: object, size: int) -> Gap:
        """So many bytes of audio, with this `chunk` and this `timestamp` (ms); what was missing up to it."""
        number = _count(chunk, self.chunk)
        frames = max(number - self.chunk - 1, 0)
        self.chunk = max(number, self.chunk)
        begins = _count(timestamp, self.heard_until * 1000) / 1000
        seconds = begins - self.heard_until
        self.heard_until = max(begins + size / SAMPLE_RATE, self.heard_until)
        messages, self.messages = self.messages, 0
        return Gap(frames, messages, round(seconds, 3) if seconds > LEAST_GAP else 0.0)


def _count(number: object, otherwise: _Shape) -> int | _Shape:
    """A number as it travels, or what to take for one that is not there."""
    return int(number) if isinstance(number, str) and number.isdecimal() and len(number) < LONGEST else otherwise


def _decode(text: bytes | msgspec.Raw, shape: type[_Shape]) -> _Shape:
    """JSON of that shape; whatever is not is answered 1007."""
    try:
        decoded: _Shape = _decoder(shape).decode(text)
        return decoded
    except msgspec.ValidationError as error:
        raise RemoteProtocolError(INVALID_PAYLOAD, f"a message of another shape: {error}") from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RemoteProtocolError(INVALID_PAYLOAD, "a message that is not JSON") from error
