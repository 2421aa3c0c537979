"""Shapes: what voiced reads of OpenAI's events, and which it does not read.

What it makes nothing of is not required either.

openai 3.54, `openai.types.realtime`.
"""

from __future__ import annotations

import msgspec

IGNORED = frozenset({
    # told again by others, or of no consequence
    "session.created", "rate_limits.updated", "conversation.created", "conversation.item.created",
    "conversation.item.done", "conversation.item.truncated", "conversation.item.deleted",
    "conversation.item.retrieved", "conversation.item.input_audio_transcription.delta",
    "conversation.item.input_audio_transcription.segment", "input_audio_buffer.committed",
    "input_audio_buffer.cleared", "input_audio_buffer.timeout_triggered", "response.output_item.added",
    "response.content_part.added", "response.content_part.done", "response.output_audio_transcript.delta",
    "response.function_call_arguments.delta", "response.function_call_arguments.done",
    # of models that write
    "response.output_text.delta", "response.output_text.done",
    # of WebRTC and SIP
    "output_audio_buffer.started", "output_audio_buffer.stopped", "output_audio_buffer.cleared",
    "input_audio_buffer.dtmf_event_received",
    # of MCP servers, which a session of ours has none of
    "mcp_list_tools.in_progress", "mcp_list_tools.completed", "mcp_list_tools.failed",
    "response.mcp_call_arguments.delta", "response.mcp_call_arguments.done", "response.mcp_call.in_progress",
    "response.mcp_call.completed", "response.mcp_call.failed",
})  # fmt: skip


class Session(msgspec.Struct):
    id: str = ""


class Item(msgspec.Struct):
    type: str = ""
    status: str | None = None
    call_id: str | None = None
    name: str | None = None
    arguments: str = ""


class Error(msgspec.Struct):
    type: str | None = None
    code: str | None = None
    param: str | None = None
    event_id: str | None = None


class StatusDetails(msgspec.Struct):
    reason: str | None = None
    error: Error | None = None


class Response(msgspec.Struct):
    id: str
    status: str | None = None
    status_details: StatusDetails | None = None
