"""Shapes: what voiced reads of ElevenLabs' events, and which it does not read.

What it makes nothing of is not required either.

elevenlabs/packages, agent.asyncapi.yaml, 2026-08.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from voiced.agents.dialects.message import Number

IGNORED = frozenset({
    "agent_chat_response_part", "agent_reasoning_response_part", "agent_tool_request", "context_usage",
    "asr_initiation_metadata", "internal_turn_probability", "internal_tentative_agent_response", "agent_typing",
    "external_agent_connected", "external_agent_disconnected", "rich_content", "agent_response_metadata",
    "agent_response_complete",
})  # fmt: skip


class Metadata(msgspec.Struct):
    conversation_id: str
    agent_output_audio_format: str
    user_input_audio_format: str


class Audio(msgspec.Struct):
    audio_base_64: str
    event_id: Number | None = None


class UsualAudio(msgspec.Struct, gc=False):
    audio_base_64: bytes
    event_id: Number | None = None


class AudioMessage(msgspec.Struct, gc=False):
    """The whole of the message that comes all the time, its base64 read on the way."""

    type: Literal["audio"]
    audio_event: UsualAudio


class OldAudio(msgspec.Struct):
    chunk: str


class Numbered(msgspec.Struct):
    event_id: Number


class AgentResponse(msgspec.Struct):
    agent_response: str
    event_id: Number | None = None


class Correction(msgspec.Struct):
    corrected_agent_response: str


class Transcript(msgspec.Struct):
    user_transcript: str


class Vad(msgspec.Struct):
    vad_score: Annotated[float, Meta(ge=0, le=1)]


class ToolCall(msgspec.Struct):
    tool_name: str
    tool_call_id: str
    parameters: msgspec.Raw = msgspec.Raw(b"{}")


class ToolResponse(msgspec.Struct):
    tool_name: str
    is_error: bool = False


class McpCall(msgspec.Struct):
    tool_call_id: str
    state: str


class McpServer(msgspec.Struct):
    is_connected: bool


class McpStatus(msgspec.Struct):
    integrations: list[McpServer]


class Error(msgspec.Struct):
    code: Number = 1011
    error_type: str | None = None
    message: str | None = None
    reason: str | None = None
