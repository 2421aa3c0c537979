"""Opening: how a conversation with an ElevenLabs agent begins, and what it is told of this call.

    ► {"type": "conversation_initiation_client_data",
       "conversation_config_override": {"agent": {"prompt": {"prompt", "llm"}, "first_message", "language"},
                                        "tts": {"voice_id", "stability", "speed", "similarity_boost"},
                                        "asr": {"keywords"}, "conversation": {"client_events"}},
       "dynamic_variables": {"caller": "+1…", …}, "user_id": "+1…", "source_info": {"source": "voiced", "version"}}

What is not set is left out, down to the whole `conversation_config_override`: to ElevenLabs an empty text or a null
is an override as well, and one that the agent does not allow ends the conversation (elevenlabs.io/docs, overrides).
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

from voiced.agents.dialects.briefing import last_words, told
from voiced.agents.dialects.elevenlabs_settings import Settings
from voiced.ivoiced import Brief

_VERSION = version("voiced")
_RESERVED = "system__"
"""How ElevenLabs' own variables begin; nobody else may set one."""
_LEFT_OUT = ("agent.transcript",)
"""Facts that no agent is given: what another one has heard from this caller."""
_SHORT = {"caller": "call.caller", "called": "call.called", "call_sid": "call.sid"}


def opening(settings: Settings, brief: Brief, facts: Mapping[str, str], party: str) -> dict[str, Any]:
    """The first message. `facts` are the flow's, by dotted name; `party` is the human's number."""
    return _set(
        type="conversation_initiation_client_data",
        conversation_config_override=_overrides(settings, brief, facts) or None,
        dynamic_variables=variables(facts if settings.facts else {}, brief.variables),
        user_id=party if settings.user_id and party else None,
        source_info={"source": "voiced", "version": _VERSION},
    )


def variables(facts: Mapping[str, str], given: Mapping[str, str]) -> dict[str, str]:
    """What the agent's texts may name as `{{name}}`: every fact, its dots as `_`, and over them what is given."""
    named = {name.replace(".", "_"): value for name, value in facts.items() if name not in _LEFT_OUT}
    short = {name: facts[fact] for name, fact in _SHORT.items() if fact in facts}
    every = {**named, **short, **given}
    return {name: value for name, value in every.items() if not name.startswith(_RESERVED)}


def _overrides(settings: Settings, brief: Brief, facts: Mapping[str, str]) -> dict[str, Any]:
    prompt = _set(prompt=told(brief.prompt, settings.prompt, facts), llm=settings.llm)
    first = told(brief.first_message, settings.first_message, facts)
    agent = _set(
        prompt=prompt or None,
        # Where none is set, the agent may not allow another one than its own.
        first_message=first and (last_words(brief) or first),
        language=_first(brief.language, settings.language),
    )
    voice = _set(
        voice_id=_first(brief.voice, settings.voice),
        stability=settings.stability,
        speed=settings.speed,
        similarity_boost=settings.similarity_boost,
    )
    asr = _set(keywords=list(settings.keywords) or None)
    conversation = _set(client_events=list(settings.client_events) or None)
    return _set(agent=agent or None, tts=voice or None, asr=asr or None, conversation=conversation or None)


def _first(brief: str | None, settings: str | None) -> str | None:
    return settings if brief is None else brief


def _set(**values: Any) -> dict[str, Any]:
    """Those of these that are set."""
    return {name: value for name, value in values.items() if value is not None}
