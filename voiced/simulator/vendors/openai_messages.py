"""The messages of OpenAI's Realtime API (GA, over WebSocket), as the vendor speaks and hears them. Pure.

    daemon -> vendor   session.update  input_audio_buffer.append* .commit .clear  response.create .cancel
                       conversation.item.create .truncate .delete
    vendor -> daemon   session.created .updated  input_audio_buffer.speech_started .speech_stopped .committed
                       conversation.item.added .done .truncated .input_audio_transcription.completed
                       response.created .output_item.added .content_part.added .output_audio.delta* .done
                       .output_audio_transcript.delta* .done .function_call_arguments.delta* .done
                       .content_part.done .output_item.done .done  rate_limits.updated  error

Most errors leave the session as it is. Source: `openai.types.realtime` of the vendor's Python package, 3.54.
"""

from __future__ import annotations

import json
from typing import Any

from attrs import frozen

Json = dict[str, Any]
"""A message on the wire, or a part of one."""

REQUIRED: dict[str, dict[str, type]] = {
    "session.update": {"session": dict},
    "input_audio_buffer.append": {"audio": str},
    "input_audio_buffer.commit": {},
    "input_audio_buffer.clear": {},
    "conversation.item.create": {"item": dict},
    "conversation.item.truncate": {"item_id": str, "content_index": int, "audio_end_ms": int},
    "conversation.item.delete": {"item_id": str},
    "response.create": {},
    "response.cancel": {},
}
"""What each message must have besides its type. `output_audio_buffer.clear` is for WebRTC and SIP only."""

SESSION_KEYS = {
    "type": None,
    "audio": {
        "input": {"format": None, "noise_reduction": None, "transcription": None, "turn_detection": None},
        "output": {"format": None, "speed": None, "voice": None},
    },
    "include": None,
    "instructions": None,
    "max_output_tokens": None,
    "model": None,
    "output_modalities": None,
    "parallel_tool_calls": None,
    "prompt": None,
    "reasoning": None,
    "tool_choice": None,
    "tools": None,
    "tracing": None,
    "truncation": None,
}
"""What a session may be set to; what was flat in the beta (`voice`, `input_audio_format` ...) is unknown here."""

FORMATS = {"audio/pcmu": "ulaw_8000", "audio/pcm": "pcm_24000"}
"""Formats of the wire that the double speaks (the vendor knows audio/pcma too) -> `agent_audio`'s names for them."""

DEFAULT_SESSION: Json = {
    "type": "realtime",
    "output_modalities": ["audio"],
    "instructions": "Be a helpful assistant.",
    "audio": {
        "input": {
            "format": {"type": "audio/pcm", "rate": 24000},
            "turn_detection": {"type": "server_vad", "create_response": True, "interrupt_response": True},
            "transcription": None,
            "noise_reduction": None,
        },
        "output": {"format": {"type": "audio/pcm", "rate": 24000}, "voice": "marin", "speed": 1.0},
    },
    "tools": [],
    "tool_choice": "auto",
    "max_output_tokens": "inf",
    "truncation": "auto",
}


@frozen
class Fault(Exception):
    """What the vendor answers with an error."""

    message: str
    code: str | None = "invalid_value"
    param: str | None = None
    type: str = "invalid_request_error"

    def body(self, client_event: str | None = None) -> Json:
        """The `error` of an error event, or of an HTTP body."""
        return {"type": self.type, "code": self.code, "message": self.message, "param": self.param} | (
            {"event_id": client_event} if client_event else {}
        )


def read(payload: bytes, binary: bool) -> Json:
    """A message of the daemon's. Raises Fault."""
    if binary:
        raise Fault(f"Expected text, got {len(payload)} bytes of binary.", "invalid_message")
    try:
        message = json.loads(payload)
    except ValueError as error:
        raise Fault(f"Could not parse the message as JSON: {error}", "invalid_json") from error
    kind = message.get("type") if isinstance(message, dict) else None
    if not isinstance(kind, str) or kind not in REQUIRED:
        raise Fault(f"Invalid value: {kind!r:.80}. Supported values are: {', '.join(REQUIRED)}.", param="type")
    for name, wanted in REQUIRED[kind].items():
        if name not in message:
            raise Fault(f"Missing required parameter: '{name}'.", "missing_required_parameter", name)
        if type(message[name]) is not wanted:
            raise Fault(f"Invalid type for '{name}': expected {wanted.__name__}.", "invalid_type", name)
    return dict(message)


def check_session(session: Json) -> None:
    """Whether a session can be set so. Raises Fault."""
    if "type" not in session:
        raise Fault("Missing required parameter: 'session.type'.", "missing_required_parameter", "session.type")
    if session["type"] != "realtime":
        raise Fault(f"Passing a {session['type']!r:.40} session to a realtime one.", param="session.type")
    _check_keys(session, SESSION_KEYS, "session")
    audio = session.get("audio", {})
    for way in ("input", "output"):
        _check_format(audio.get(way, {}).get("format"), f"session.audio.{way}.format")
    turns = audio.get("input", {}).get("turn_detection")
    if turns is not None and (not isinstance(turns, dict) or turns.get("type") not in ("server_vad", "semantic_vad")):
        raise Fault("Invalid turn detection.", param="session.audio.input.turn_detection.type")
    _check_tools(session.get("tools", []))


def merged(session: Json, changes: Json) -> Json:
    """A session with these changes: an object changes what it names, anything else replaces."""
    both = {
        name: merged(session[name], value)
        if isinstance(value, dict) and isinstance(session.get(name), dict) and name != "format"
        else value
        for name, value in changes.items()
    }
    return session | both


def _check_keys(found: Json, known: Json, where: str) -> None:
    for name, value in found.items():
        if name not in known:
            raise Fault(f"Unknown parameter: '{where}.{name}'.", "unknown_parameter", f"{where}.{name}")
        if known[name] is not None:
            if not isinstance(value, dict):
                raise Fault(f"Invalid type for '{where}.{name}'.", "invalid_type", f"{where}.{name}")
            _check_keys(value, known[name], f"{where}.{name}")


def _check_tools(tools: Any) -> None:
    if not isinstance(tools, list) or not all(isinstance(tool, dict) for tool in tools):
        raise Fault("Invalid type for 'session.tools': expected a list of objects.", "invalid_type", "session.tools")
    for number, tool in enumerate(tools):
        if tool.get("type") == "function" and not tool.get("name"):
            where = f"session.tools[{number}].name"
            raise Fault(f"Missing required parameter: '{where}'.", "missing_required_parameter", where)


def _check_format(form: Any, where: str) -> None:
    if form is None:
        return
    if not isinstance(form, dict) or form.get("type") not in FORMATS:
        raise Fault(f"Invalid value: {form!r:.80}. This double speaks {', '.join(FORMATS)}.", param=f"{where}.type")
    if form["type"] == "audio/pcm" and form.get("rate") != 24000:
        raise Fault("audio/pcm is at 24000 samples a second only.", param=f"{where}.rate")
