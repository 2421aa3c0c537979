"""Refusal: what ElevenLabs means when it does not synthesize, as a sentence that tells the operator what to do next.

    <- 401 {"detail": {"type": "authentication_error", "code": "invalid_api_key", "message": …, "request_id": …}}
    <- 429 {"detail": {"status": "too_many_concurrent_requests", "message": …}}          (the older shape)
    <- 422 {"detail": [{"loc": ["body", "voice_settings", "speed"], "msg": …, "type": …}]}   (FastAPI's)
    <- 500 {"detail": "…"}, HTML, or nothing

Codes: elevenlabs.io/docs, error reference. The vendor's own message is never shown, nor anything else that it chose:
it may quote the text, which may be a caller's, or the key.
"""

from __future__ import annotations

import json
from typing import Any

from voiced.errors import SynthesisError

_CREDITS = "the ElevenLabs account has no credits left: top it up or raise the key's limit"
_BUSY = "all syntheses that the ElevenLabs plan allows at once are taken: raise the plan, or lower limits.calls"
_HURRY = "ElevenLabs asks for fewer requests: prerender prompts, or raise the plan"
_SYSTEM = "ElevenLabs is overloaded; it may work a moment later"
_KEY = "ElevenLabs does not accept this api_key: make a new one at elevenlabs.io and set it"
_RIGHTS = "ElevenLabs does not allow this: the api_key needs the right to text to speech, the plan its features"
_VOICE = "ElevenLabs knows no voice {voice!r}: check `voice`, and that it is in the library of this key's account"
_MODEL = "ElevenLabs does not take the model {model!r}: check `model`, and whether the plan includes it"
_LONG = "the text is too long for the model {model!r}: split it, or use a model that takes more"
_FORMAT = "ElevenLabs does not give ulaw_8000 to this plan or model: check `model` and the plan"

_RETRY = {_BUSY, _HURRY, _SYSTEM}
_KINDS = {_CREDITS: "quota", _BUSY: "busy", _HURRY: "busy", _SYSTEM: "busy", _KEY: "key", _RIGHTS: "key"}
"""What whoever counts is told; of all other sentences, that we were `refused`."""

_BY_CODE = {
    "quota_exceeded": _CREDITS,  # comes with 401
    "insufficient_credits": _CREDITS,
    "payment_required": _CREDITS,
    "concurrent_limit_exceeded": _BUSY,
    "too_many_concurrent_requests": _BUSY,
    "rate_limit_exceeded": _HURRY,
    "system_busy": _SYSTEM,
    "invalid_api_key": _KEY,
    "missing_api_key": _KEY,
    "missing_permissions": _RIGHTS,
    "voice_not_found": _VOICE,
    "model_not_found": _MODEL,
    "text_too_long": _LONG,
    "max_character_limit_exceeded": _LONG,
    "invalid_output_format": _FORMAT,
    "output_format_not_allowed": _FORMAT,
}
_BY_STATUS = {401: _KEY, 402: _CREDITS, 403: _RIGHTS, 404: _VOICE, 413: _LONG, 429: _HURRY}
_LATER = {408, 425, 429, 500, 502, 503, 504}
"""Statuses after which the same request may work a moment later."""
_FIELDS = {
    "model_id", "language_code", "voice_settings", "stability", "similarity_boost", "style", "use_speaker_boost",
    "speed", "seed", "text", "apply_text_normalization", "apply_language_text_normalization", "output_format",
    "pronunciation_dictionary_locators", "optimize_streaming_latency", "enable_logging", "voice_id",
}  # fmt: skip
"""The names of ours that a validation error may be about; no other word of it is shown."""


def refusal(status: int, body: bytes, *, voice: str, model: str) -> SynthesisError:
    """The error for a response of this status; `body` is its beginning, and may be anything."""
    detail = _detail(body)
    for word in _words(detail):
        if word in _BY_CODE:
            return _error(_BY_CODE[word], status, voice, model)
    if status in _BY_STATUS:
        return _error(_BY_STATUS[status], status, voice, model)
    if status >= 500 or status in _LATER:
        return SynthesisError(
            f"ElevenLabs has trouble of its own ({status})", retry=status in _LATER, kind="unreachable"
        )
    if 300 <= status < 400:
        why = f"the voice's base_url redirects elsewhere ({status}): set it to where it leads"
        return SynthesisError(why, kind="refused")
    about = ", ".join(_blamed(detail))
    why = f"ElevenLabs refused the request ({status}): check the voice's {about or 'settings'}"
    return SynthesisError(why, kind="refused")


def _error(sentence: str, status: int, voice: str, model: str) -> SynthesisError:
    retry, kind = sentence in _RETRY, _KINDS.get(sentence, "refused")
    return SynthesisError(f"{sentence.format(voice=voice, model=model)} ({status})", retry=retry, kind=kind)


def _detail(body: bytes) -> Any:
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return answer.get("detail") if isinstance(answer, dict) else None


def _words(detail: Any) -> list[str]:
    """The words that name the trouble, the most exact first."""
    if isinstance(detail, str):
        return [detail]
    if not isinstance(detail, dict):
        return []
    return [word for name in ("code", "status", "type") if isinstance(word := detail.get(name), str)]


def _blamed(detail: Any) -> list[str]:
    """The settings that a validation error complains of."""
    if not isinstance(detail, list):
        return []
    places = [entry["loc"] for entry in detail if isinstance(entry, dict) and isinstance(entry.get("loc"), list)]
    named = [[step for step in place if isinstance(step, str) and step in _FIELDS] for place in places]
    return sorted({".".join(steps) for steps in named if steps})
