"""The messages of an ElevenLabs conversation, as the vendor speaks and hears them. Pure: values in, JSON out.

    daemon -> vendor   conversation_initiation_client_data  {user_audio_chunk}*  pong*  client_tool_result*
                       contextual_update*  user_message*  user_activity*  (others are read and kept)
    vendor -> daemon   conversation_initiation_metadata  audio*  agent_response*  agent_response_correction*
                       interruption*  user_transcript*  client_tool_call*  agent_tool_response*  ping*  error

Audio of the caller is the one message without a `type`. Source: the vendor's AsyncAPI document (elevenlabs/packages,
agent.asyncapi.yaml, 2026-08). Which error a fault gets is said in full nowhere: here it is as the descriptions there
suggest.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Mapping
from typing import Any

from attrs import frozen

Json = dict[str, Any]
"""A message on the wire."""

REQUIRED: dict[str, dict[str, type]] = {
    "conversation_initiation_client_data": {},
    "pong": {"event_id": int},
    "client_tool_result": {"tool_call_id": str, "result": str, "is_error": bool},
    "contextual_update": {"text": str},
    "user_message": {},
    "user_activity": {},
    "feedback": {"event_id": int},
    "mcp_tool_approval_result": {"tool_call_id": str, "is_approved": bool},
    "multimodal_message": {},
}
"""What each message must have besides its type."""


@frozen
class BadMessage(Exception):
    """The daemon sent something that the vendor closes the socket for."""

    error_type: str
    text: str
    code: int = 1008


@frozen
class CallerAudio:
    """In the agent's `user_input_audio_format`."""

    audio: bytes


@frozen
class ToolResult:
    """What became of a client tool."""

    tool_call_id: str
    result: str
    is_error: bool


@frozen
class Spoken:
    """Any other message."""

    type: str
    message: Json


def parse(payload: bytes, binary: bool) -> Json:
    """A message as JSON. Raises BadMessage."""
    if binary:
        raise BadMessage("invalid_message", f"a binary message of {len(payload)} bytes")
    try:
        message = json.loads(payload)
    except ValueError as error:
        raise BadMessage("invalid_message", f"not JSON: {error}") from error
    if not isinstance(message, dict):
        raise BadMessage("invalid_message", f"not an object: {payload[:80]!r}")
    return message


def read(message: Json) -> CallerAudio | ToolResult | Spoken:
    """What a message says. Raises BadMessage."""
    if "type" not in message:
        return CallerAudio(_audio(message))
    kind = message["type"]
    if not isinstance(kind, str) or kind not in REQUIRED:
        raise BadMessage("invalid_message", f"no such type: {kind!r:.80}")
    for name, wanted in REQUIRED[kind].items():
        if name not in message:
            raise BadMessage("missing_fields", f"{kind}: {name} is missing")
        if type(message[name]) is not wanted:
            raise BadMessage("value_error", f"{kind}: {name} is no {wanted.__name__}: {message[name]!r:.80}")
    if kind == "client_tool_result":
        return ToolResult(message["tool_call_id"], message["result"], message["is_error"])
    return Spoken(kind, message)


def _audio(message: Json) -> bytes:
    chunk = message.get("user_audio_chunk")
    if not isinstance(chunk, str):
        raise BadMessage("missing_fields", "a message with neither type nor user_audio_chunk")
    try:
        return b64decode(chunk, validate=True)
    except ValueError as error:
        raise BadMessage("value_error", f"user_audio_chunk is not base64: {error}") from error


def wanted_events(initiation: Json) -> list[Any] | None:
    """The `client_events` that an initiation asks for, if it does."""
    found: Any = initiation
    for name in ("conversation_config_override", "conversation", "client_events"):
        found = found.get(name) if isinstance(found, dict) else None
    return found if isinstance(found, list) else None


def _event(kind: str, key: str, **fields: object) -> Json:
    return {"type": kind, key: fields}


def metadata(conversation_id: str, output_format: str, input_format: str) -> Json:
    """The conversation has begun."""
    return _event(
        "conversation_initiation_metadata",
        "conversation_initiation_metadata_event",
        conversation_id=conversation_id,
        agent_output_audio_format=output_format,
        user_input_audio_format=input_format,
    )


def audio(sound: bytes, event_id: int) -> Json:
    """A piece of what the agent says, in its `agent_output_audio_format`."""
    return _event("audio", "audio_event", audio_base_64=b64encode(sound).decode("ascii"), event_id=event_id)


def legacy_audio(sound: bytes) -> Json:
    """The same as old examples show it; no document of today knows it."""
    return {"type": "audio", "audio": {"chunk": b64encode(sound).decode("ascii")}}


def agent_response(text: str, event_id: int) -> Json:
    """The text of what the agent says."""
    return _event("agent_response", "agent_response_event", agent_response=text, event_id=event_id)


def correction(original: str, corrected: str, event_id: int) -> Json:
    """What of a text was heard before the caller interrupted it."""
    return _event(
        "agent_response_correction",
        "agent_response_correction_event",
        original_agent_response=original,
        corrected_agent_response=corrected,
        event_id=event_id,
    )


def interruption(event_id: int) -> Json:
    """The caller speaks: audio up to this event is not to be heard any more."""
    return _event("interruption", "interruption_event", event_id=event_id)


def user_transcript(text: str, event_id: int) -> Json:
    """What the caller has said."""
    return _event("user_transcript", "user_transcription_event", user_transcript=text, event_id=event_id)


def tool_call(name: str, parameters: Mapping[str, Any], call_id: str, event_id: int) -> Json:
    """A client tool is to be run."""
    return _event(
        "client_tool_call",
        "client_tool_call",
        tool_name=name,
        tool_call_id=call_id,
        parameters=dict(parameters),
        event_id=event_id,
    )


def tool_response(name: str, call_id: str, event_id: int) -> Json:
    """The agent itself has run one of the system's tools."""
    return _event(
        "agent_tool_response",
        "agent_tool_response",
        tool_name=name,
        tool_call_id=call_id,
        tool_type="system",
        is_error=False,
        is_called=True,
        event_id=event_id,
    )


def ping(event_id: int, ping_ms: int | None) -> Json:
    """To be answered at once; `ping_ms` is an estimate of the last round trip, not a delay."""
    return _event("ping", "ping_event", event_id=event_id, ping_ms=ping_ms)


def error(code: int, error_type: str, message: str) -> Json:
    """Comes before a close with that code."""
    return _event("error", "error_event", code=code, error_type=error_type, message=message)
