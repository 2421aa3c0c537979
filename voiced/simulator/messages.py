"""The messages of Media Streams, as the carrier speaks and hears them. Pure: values in, text out, and back.

    carrier -> daemon   connected, start, media*, dtmf*, mark*, stop
    daemon -> carrier   media*, mark*, clear*

Numbers travel as strings. What the daemon sends is read without mercy, as Twilio does, except that Twilio says so
only once a stream: an unknown key, a wrong stream SID or a name in snake_case and the message is dropped (31951).
Source: the Media Streams pages (websocket-messages), errors 31950/31951 of Twilio's dictionary.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Mapping
from typing import Any

from attrs import define, frozen

MALFORMED = 31950
INVALID = 31951


@frozen
class Media:
    audio: bytes


@frozen
class MarkRequest:
    name: str


@frozen
class Clear:
    pass


@frozen
class BadMessage(Exception):
    """The daemon sent something that Twilio drops."""

    code: int
    text: str


@define
class Writer:
    """Writes the carrier's messages of one stream, and counts them."""

    account_sid: str
    call_sid: str
    stream_sid: str
    sequence: int = 0
    """Number of the message written last; a lost frame takes one too."""

    def connected(self) -> str:
        return _text({"event": "connected", "protocol": "Call", "version": "1.0.0"})

    def start(self, parameters: Mapping[str, str]) -> str:
        about = {
            "accountSid": self.account_sid,
            "streamSid": self.stream_sid,
            "callSid": self.call_sid,
            "tracks": ["inbound"],
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
            "customParameters": dict(parameters),
        }
        return self._numbered("start", start=about)

    def media(self, chunk: int, timestamp: int, audio: bytes) -> str:
        """`timestamp` in ms since the stream began; `chunk` counts from 1."""
        payload = b64encode(audio).decode("ascii")
        about = {"track": "inbound", "chunk": str(chunk), "timestamp": str(timestamp), "payload": payload}
        return self._numbered("media", media=about)

    def dtmf(self, digit: str) -> str:
        return self._numbered("dtmf", dtmf={"track": "inbound_track", "digit": digit})

    def mark(self, name: str) -> str:
        return self._numbered("mark", mark={"name": name})

    def stop(self) -> str:
        return self._numbered("stop", stop={"accountSid": self.account_sid, "callSid": self.call_sid})

    def _numbered(self, event: str, **about: object) -> str:
        self.sequence += 1
        return _text({"event": event, "sequenceNumber": str(self.sequence), "streamSid": self.stream_sid, **about})


def _text(message: Mapping[str, object]) -> str:
    return json.dumps(message, separators=(",", ":"))


def read(payload: bytes, stream_sid: str) -> Media | MarkRequest | Clear:
    """What the daemon sent, or BadMessage."""
    message = _parsed(payload)
    event = message.get("event")
    if event not in ("media", "mark", "clear"):
        raise BadMessage(INVALID, f"no such event: {event!r:.80}")
    _has_exactly(message, {"event", "streamSid"} | ({event} - {"clear"}), event)
    if message["streamSid"] != stream_sid:
        raise BadMessage(INVALID, f"{event}: streamSid {message['streamSid']!r:.80} is not {stream_sid}")
    if event == "media":
        return Media(_audio(_body(message, "media", "payload")))
    return MarkRequest(_body(message, "mark", "name")) if event == "mark" else Clear()


def _parsed(payload: bytes) -> dict[str, Any]:
    try:
        message = json.loads(payload)
    except ValueError as error:
        raise BadMessage(MALFORMED, f"not JSON: {error}") from error
    if not isinstance(message, dict):
        raise BadMessage(MALFORMED, f"not an object: {payload!r:.80}")
    return message


def _has_exactly(found: Mapping[str, object], wanted: set[str], where: str) -> None:
    if missing := wanted - found.keys():
        raise BadMessage(INVALID, f"{where}: {', '.join(sorted(missing))} is missing")
    if unknown := found.keys() - wanted:
        raise BadMessage(INVALID, f"{where}: {', '.join(sorted(unknown))} is unknown")


def _body(message: Mapping[str, Any], event: str, key: str) -> str:
    body = message[event]
    if not isinstance(body, dict):
        raise BadMessage(INVALID, f"{event}: not an object")
    _has_exactly(body, {key}, event)
    value = body[key]
    if not isinstance(value, str) or not value:
        raise BadMessage(INVALID, f"{event}: {key} is not a text, or is empty")
    return value


def _audio(payload: str) -> bytes:
    try:
        return b64decode(payload, validate=True)
    except ValueError as error:
        raise BadMessage(INVALID, f"media: payload is not base64: {error}") from error
