"""Opening: how a conversation with a realtime model begins: what it is, how it hears and speaks, what it says first.

    ► {"type": "session.update", "session": {"type", "instructions", "output_modalities", "audio", "tools"}}
    ► {"type": "response.create", "response": {"instructions": "Say exactly …"}}     once the session is updated

Telephone audio is `audio/pcmu` both ways, which has no `rate` here. The model itself is named in the socket's URL.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from voiced.agents.dialects.briefing import so_far, told
from voiced.agents.dialects.openai_settings import Settings
from voiced.ivoiced import Brief

_PCMU = {"type": "audio/pcmu"}
_OWN_VOICE = "voice_"


def opening(settings: Settings, brief: Brief, facts: Mapping[str, str]) -> dict[str, Any]:
    """The first message. `facts` are the flow's, by dotted name; only what the settings' texts name is told."""
    text = _instructions(settings, brief, facts)
    tools = _tools(brief)
    session = {
        "type": "realtime",
        **({"instructions": text} if text else {}),
        "output_modalities": ["audio"],
        "audio": {"input": _input(settings, brief), "output": _output(settings, brief)},
        **({"tools": tools, "tool_choice": "auto"} if tools else {}),
    }
    return {"type": "session.update", "session": session}


def greeting(settings: Settings, brief: Brief, facts: Mapping[str, str]) -> dict[str, Any] | None:
    """What makes the model speak first; None when the caller begins."""
    if brief.comes_back:
        return {"type": "response.create"}
    text = told(brief.first_message, settings.first_message, facts)
    if text:
        exactly = f"Say exactly this to the caller, word for word, and nothing else: {text}"
        return {"type": "response.create", "response": {"instructions": exactly, "tool_choice": "none"}}
    return {"type": "response.create"} if text is None and settings.greet else None


def _instructions(settings: Settings, brief: Brief, facts: Mapping[str, str]) -> str:
    language = brief.language or settings.language
    known = "\n".join(f"- {name}: {value}" for name, value in brief.variables.items())
    parts = (
        told(brief.prompt, settings.prompt, facts),
        language and f"Speak the language whose ISO 639 code is {language!r}.",
        known and f"What is known about this call:\n{known}",
        so_far(brief),
    )
    return "\n\n".join(part for part in parts if part)


def _input(settings: Settings, brief: Brief) -> dict[str, Any]:
    language = brief.language or settings.language
    transcription = {"model": settings.transcription_model, **({"language": language} if language else {})}
    return {
        "format": _PCMU,
        "turn_detection": settings.turns(),
        "transcription": transcription if settings.transcription_model else None,
        "noise_reduction": None if settings.noise_reduction == "off" else {"type": settings.noise_reduction},
    }


def _output(settings: Settings, brief: Brief) -> dict[str, Any]:
    voice = settings.voice if brief.voice is None else brief.voice
    named = {"id": voice} if voice.startswith(_OWN_VOICE) else voice
    return {"format": _PCMU, "voice": named, **({} if settings.speed is None else {"speed": settings.speed})}


def _tools(brief: Brief) -> list[dict[str, Any]]:
    tools = brief.tools.tools if brief.tools is not None else {}
    return [
        {"type": "function", "name": name, "description": tool.description, "parameters": dict(tool.parameters)}
        for name, tool in tools.items()
    ]
