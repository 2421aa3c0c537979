"""Trouble: what it means when ElevenLabs ends a conversation, as an outcome, or as a sentence that says what to do.

    ◄ {"type": "error", "error_event": {"code", "error_type", "message", "reason", "debug_message", "details"}}
    ◄ close 1000 in order; 1002 trouble of its own; 1008 our fault; 1011 a crash of its own; 3000 not authorized

Types and codes: elevenlabs/packages, agent.asyncapi.yaml, 2026-08. The vendor's own text is never shown: it may quote
the prompt, or what the caller said. It is searched for words that are known, and those alone are said.
"""

from __future__ import annotations

from voiced.agents.dialects.events import Ended, Failed
from voiced.ivoiced import Outcome

NATIVE_TOOLS = {"transfer_to_number", "play_keypad_touch_tone"}
"""Tools of ElevenLabs' that work on its own telephone numbers alone (elevenlabs.io/docs, system tools)."""
NATIVE = "the agent's tool `{tool}` works on ElevenLabs' own telephone numbers alone: give it one of voiced's instead"
APPROVAL = (
    "an MCP tool of the agent asks for an approval that nobody on a telephone can give, and was refused: let it run "
    "without, in the MCP server's settings at elevenlabs.io"
)
MCP_AWAY = "an MCP server of the agent is not connected: check it at elevenlabs.io, under the agent's Tools"
GUARDRAIL = "a guardrail of the agent was triggered: see the conversation at elevenlabs.io, under Conversations"

_OVERRIDE = (
    "the agent does not allow {field} to be overridden: allow it in the agent's Security tab, under Overrides, or "
    "take it out of voiced.yaml and of the step"
)
_VARIABLE = (
    "the agent's prompt or first message names a {{variable}} that it was not given: add it to the step's "
    "`variables`, or take it out of the agent's texts"
)
_MESSAGE = "ElevenLabs did not understand a message of voiced's: please report this"
_TELEPHONE = "this agent only transcribes, and cannot hold a telephone conversation: choose another `agent_id`"
_MCP = "one of the agent's MCP servers cannot be used: check it under the agent's Tools (https only)"
_SAFETY = "ElevenLabs' safety rules have ended the conversation: read it at elevenlabs.io, under Conversations"
_LLM = "the agent's language model did not answer: choose another one, or a backup, in the agent's settings"
_CUSTOM = (
    "the agent's own language model (custom LLM) failed: check its server and its secret in the agent's settings"
)
_SILENT = "ElevenLabs heard nothing for a minute, not even silence: check the machine's load and its network"
_EARS = "ElevenLabs could not make out the caller's audio; try again, and see status.elevenlabs.io"
_VOICE = "the agent's voice failed: choose another voice or voice model in the agent's Voice tab"
_OWN = "ElevenLabs has trouble of its own; see status.elevenlabs.io"
_CREDITS = "the ElevenLabs account has no credits left: top it up, or raise the plan"
_BUSY = "all conversations that the ElevenLabs plan or the agent allows at once are taken: raise its limits"
_AGENT = "ElevenLabs knows no such agent: check `agent_id`, and that it belongs to this key's account and region"
_AUTH = (
    "ElevenLabs does not let us in: check `api_key` and the agent's Security tab (authentication, allowed hosts); "
    "without an `api_key` only a public agent answers"
)
_LOST = "the connection to ElevenLabs was lost"
_REFUSED = (
    "ElevenLabs has ended the conversation over something it was sent: check that the agent's Security tab allows "
    "every override that voiced.yaml and the step set"
)
_SILENTLY = "ElevenLabs has ended the conversation, and not said why: see it at elevenlabs.io, under Conversations"

_BY_TYPE = {
    "override_error": _OVERRIDE,
    "missing_dynamic_variable": _VARIABLE,
    "missing_dynamic_variable_transfer": _VARIABLE,
    "invalid_message": _MESSAGE,
    "missing_fields": _MESSAGE,
    "value_error": _MESSAGE,
    "telephony_agent_error": _TELEPHONE,
    "mcp_tool_error": _MCP,
    "mcp_https_error": _MCP,
    "auth": _AUTH,
    "websocket_disconnect": _LOST,
    "safety_violation": _SAFETY,
    "llm_timeout": _LLM,
    "llm_error": _LLM,
    "cascade_brain_error": _LLM,
    "custom_llm_error": _CUSTOM,
    "transport_receive_timeout": _SILENT,
    "asr_transcription_error": _EARS,
    "vad_error": _EARS,
    "turn_probability_error": _EARS,
    "tts_cascade_error": _VOICE,
    "asyncio_timeout": _OWN,
    "http_exception": _OWN,
    "redis_timeout_error": _OWN,
    "unknown_websocket_crash": _OWN,
}
_MAX_DURATION = "max_duration_exceeded"

_BY_WORDS = (
    ("override", _OVERRIDE),
    ("dynamic variable", _VARIABLE),
    ("quota", _CREDITS),
    ("credits", _CREDITS),
    ("payment", _CREDITS),
    ("concurren", _BUSY),
    ("does not exist", _AGENT),
    ("agent not found", _AGENT),
    ("agent_not_found", _AGENT),
    ("authori", _AUTH),
    ("authenti", _AUTH),
    ("api key", _AUTH),
    ("signed url", _AUTH),
    ("custom llm", _CUSTOM),
    ("custom_llm", _CUSTOM),
)
"""What the vendor's text may hold (lower case), the surest first; as users have reported them."""
_DURATION_WORDS = ("max_duration", "max duration", "maximum duration", "maximum call duration", "time limit")
_FIELDS = (
    "first_message", "prompt", "language", "voice_id", "stability", "speed", "similarity_boost", "llm", "keywords",
    "client_events",
)  # fmt: skip
"""The names of ours that an override error may be about."""
_BY_CODE = {
    1002: _OWN,
    1006: _LOST,
    1008: _REFUSED,
    1011: _OWN,
    3000: _AUTH,
}
_BY_STATUS = {401: _AUTH, 402: _CREDITS, 403: _AUTH, 404: _AGENT, 429: _BUSY}


def error(code: int, error_type: str, text: str) -> Ended | Failed:
    """What an `error` event means; `text` is all that it says in words."""
    if error_type == _MAX_DURATION:
        return Ended(Outcome("timeout"))
    if sentence := _BY_TYPE.get(error_type):
        return _failed(sentence, text, error_type)
    return _by_words(code, text)


def closed(code: int | None, reason: str) -> Ended | Failed:
    """What it means that the socket was closed so; no code where nobody said goodbye."""
    return Failed(_LOST) if code is None else _by_words(code, reason)


def refused(status: int) -> Failed:
    """What it means that the handshake was answered with this HTTP status."""
    return _named(_BY_STATUS.get(status, _OWN), str(status))


def _by_words(code: int, text: str) -> Ended | Failed:
    lower = text.lower()
    if any(word in lower for word in _DURATION_WORDS):
        return Ended(Outcome("timeout"))
    if code == 1000:
        return Ended(Outcome("completed"))
    for words, sentence in _BY_WORDS:
        if words in lower:
            return _failed(sentence, text, f"code {code}")
    return _failed(_BY_CODE.get(code, _SILENTLY), text, f"code {code}")


def _failed(sentence: str, text: str, name: str) -> Failed:
    if sentence is _OVERRIDE:
        field = next((f"`{field}`" for field in _FIELDS if field in text.lower()), "something that is set")
        sentence = sentence.format(field=field)
    return _named(sentence, name)


def _named(sentence: str, name: str) -> Failed:
    return Failed(f"{sentence} ({name})", "quota" if sentence is _CREDITS else "")
