"""An agent's settings as ElevenLabs' API shows and takes them: what its dashboard would.

    GET   /v1/convai/agents/{agent_id}   -> {"agent_id", "name", "conversation_config", "platform_settings", ...}
    PATCH /v1/convai/agents/{agent_id}   {"conversation_config"?, "platform_settings"?} -> the same

Source: elevenlabs.io's OpenAPI description (GetAgentResponseModel, 2025-08); the switches of overrides are those of
elevenlabs 2.78 (AgentConfigOverrideConfig and its family).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from attrs import evolve

from voiced.simulator.vendors.elevenlabs_agent import Agent
from voiced.simulator.vendors.elevenlabs_refusals import invalid_body
from voiced.simulator.vendors.vendor import Refusal

FORMATS = ("pcm_8000", "pcm_16000", "pcm_22050", "pcm_24000", "pcm_44100", "pcm_48000", "ulaw_8000")
EVENTS = (
    *("conversation_initiation_metadata", "asr_initiation_metadata", "ping", "audio", "interruption"),
    *("user_transcript", "tentative_user_transcript", "agent_response", "agent_response_correction"),
    *("client_tool_call", "mcp_tool_call", "mcp_connection_status", "agent_tool_response", "vad_score"),
    *("internal_turn_probability", "internal_tentative_agent_response"),
)
SWITCHES = (
    *("agent.first_message", "agent.language", "agent.prompt.prompt", "agent.prompt.llm"),
    *("agent.prompt.native_mcp_server_ids", "tts.voice_id", "tts.stability", "tts.speed"),
    *("tts.similarity_boost", "asr.keywords", "conversation.text_only"),
)
"""The overrides that its Security tab has a switch for."""

Json = dict[str, Any]


def shown(agent_id: str, agent: Agent) -> Json:
    """The whole of an agent."""
    allowed = [name for name in SWITCHES if any(f"{name}.".startswith(f"{one}.") for one in agent.overrides)]
    switches: Json = {}
    for name in SWITCHES:
        *inner, last = name.split(".")
        block = switches
        for part in inner:
            block = block.setdefault(part, {})
        block[last] = name in allowed
    events = EVENTS if agent.client_events is None else agent.client_events
    return {
        "agent_id": agent_id,
        "name": "A pretend agent",
        "conversation_config": {
            "agent": {"first_message": "", "language": "en", "prompt": {"prompt": "", "llm": "gpt-4o"}},
            "asr": {"quality": "high", "provider": "elevenlabs", "user_input_audio_format": agent.input_format,
                    "keywords": []},
            "conversation": {"text_only": False, "max_duration_seconds": 600, "client_events": list(events)},
            "tts": {"model_id": "eleven_flash_v2", "voice_id": "a_voice", "stability": 0.5, "speed": 1.0,
                    "agent_output_audio_format": agent.output_format},
            "turn": {"turn_timeout": 7.0},
        },
        "platform_settings": {
            "auth": {"enable_auth": not agent.public, "allowlist": [], "shareable_token": None},
            "overrides": {
                "conversation_config_override": switches,
                "custom_llm_extra_body": False,
                "enable_conversation_initiation_client_data_from_webhook": False,
            },
        },
        "metadata": {"created_at_unix_secs": 0},
        "phone_numbers": [],
        "tags": [],
    }  # fmt: skip


def patched(agent_id: str, agent: Agent, body: bytes) -> Agent:
    """The agent as the request wants it. Raises Refusal."""
    try:
        patch = json.loads(body)
    except ValueError:
        raise Refusal(422, invalid_body("json_invalid", "JSON decode error")) from None
    if not isinstance(patch, dict):
        raise Refusal(422, invalid_body("model_attributes_type", "Input should be a valid dictionary"))
    whole = _merged(shown(agent_id, agent), patch)
    config, platform = whole["conversation_config"], whole["platform_settings"]
    said, heard = config["tts"]["agent_output_audio_format"], config["asr"]["user_input_audio_format"]
    events = config["conversation"]["client_events"]
    for value, known, name in ((said, FORMATS, "tts"), (heard, FORMATS, "asr")):
        if value not in known:
            raise Refusal(422, invalid_body("enum", f"Input should be one of {known}", "conversation_config", name))
    if unknown := [event for event in events if event not in EVENTS]:
        raise Refusal(422, invalid_body("enum", f"unknown {unknown}", "conversation_config", "client_events"))
    switches = platform["overrides"]["conversation_config_override"]
    return evolve(
        agent,
        output_format=said,
        input_format=heard,
        public=not platform["auth"]["enable_auth"],
        overrides=[name for name, allowed in _leaves(switches) if allowed is True and name in SWITCHES],
        client_events=None if set(events) == set(EVENTS) else tuple(events),
    )


def _merged(whole: Any, patch: Any) -> Any:
    """What is named in the patch is replaced, block by block; all else stays."""
    if not isinstance(whole, dict) or not isinstance(patch, dict):
        return patch
    return {**whole, **{name: _merged(whole.get(name), value) for name, value in patch.items()}}


def _leaves(block: Mapping[str, Any], where: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in block.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{where}{name}.")
        else:
            yield f"{where}{name}", value
