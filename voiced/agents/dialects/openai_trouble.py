"""Trouble: what OpenAI means when something goes wrong, as an outcome, or as a sentence that says what to do.

    ◄ {"type": "error", "error": {"type", "code", "message", "param", "event_id"}}   most leave all as it was
    ◄ {"type": "response.done", "response": {"status": "failed", "status_details": {"error": {"type", "code"}}}}
    ◄ {"type": "response.done", "response": {"status": "incomplete", "status_details": {"reason"}}}
    ◄ close 1001 "Your session hit the maximum duration of 60 minutes.", 3000 "invalid_request_error.invalid_api_key"

The vendor's own message is never shown: it may quote the instructions, the key, or what the caller said.
"""

from __future__ import annotations

import re

from voiced.agents.dialects.events import Ended, Event, Failed, Trouble
from voiced.agents.dialects.openai_shapes import Error, StatusDetails
from voiced.ivoiced import Outcome

_KEY = "OpenAI does not accept this api_key: make a new one at platform.openai.com and set it"
_QUOTA = "the OpenAI account has no credits left: top it up, or raise the project's limits"
_MODEL = "OpenAI does not give this key the model: check `model`, and what the project may use"
_RATE = "OpenAI asks for fewer requests: raise the project's rate limits, or lower limits.calls"
_OWN = "OpenAI has trouble of its own; see status.openai.com"
_LOST = "the connection to OpenAI was lost"
_REGION = "OpenAI does not serve this country or region"
_CLOSED = "OpenAI has ended the conversation, and not said why"
_LONG = "an answer was cut off at its longest: ask for shorter ones in `prompt`"
_FILTER = "OpenAI's content filter has cut off an answer"
_UNANSWERED = "OpenAI could not make an answer"
TRANSCRIPTION = "OpenAI could not write down what the caller said: check `transcription_model`"

_FATAL = {
    "invalid_api_key": _KEY,
    "incorrect_api_key": _KEY,
    "account_deactivated": _KEY,
    "insufficient_quota": _QUOTA,
    "billing_hard_limit_reached": _QUOTA,
    "billing_not_active": _QUOTA,
    "model_not_found": _MODEL,
    "invalid_model": _MODEL,
    "unsupported_country_region_territory": _REGION,
}
_PASSING = {
    "rate_limit_exceeded": _RATE,
    "server_error": _OWN,
    "internal_error": _OWN,
}
BUSY = "conversation_already_has_active_response"
"""The code of the error for a `response.create` that came while a response was being made."""
_HARMLESS = {"response_cancel_not_active", BUSY}
"""What a conversation that moves on while our messages travel cannot help."""
_EXPIRED = ("session_expired", "maximum duration")
_BY_STATUS = {401: _KEY, 403: _MODEL, 404: _MODEL, 429: _RATE}
_BY_CODE = {1006: _LOST, 1011: _OWN, 1012: _OWN, 1013: _OWN, 3000: _KEY}
_SETTING = re.compile(r"session\.[a-z_]+(?:[.\[][a-z0-9_\]]+){0,6}")
_WORD = re.compile(r"[a-z_]{1,64}")

CUT = "voiced_cut"
"""The id of messages of ours that may come too late, and then are no trouble: truncations and cancellations."""


def error(what: Error, ready: bool) -> Event | None:
    """What an `error` event means; before the session is as we want it, every one is the end."""
    code = what.code or what.type or ""
    if what.event_id == CUT or code in _HARMLESS:
        return None
    if code == "session_expired":
        return Ended(Outcome("timeout"))
    if sentence := _FATAL.get(code) or _FATAL.get(what.type or ""):
        return _fatal(sentence, code)
    if not ready:
        param = what.param or ""
        setting = f"`{param}`" if _SETTING.fullmatch(param) else "the agent's settings"
        return Failed(f"OpenAI does not take the session: check {setting} ({_named(code)})")
    return Trouble(f"{_PASSING.get(code, 'OpenAI did not accept a message')} ({_named(code)})")


def response(status: str, details: StatusDetails) -> Event | None:
    """What it means that a response is over in this way."""
    if status == "incomplete":
        return Trouble({"max_output_tokens": _LONG, "content_filter": _FILTER}.get(details.reason or "", _UNANSWERED))
    if status != "failed":
        return None
    why = details.error or Error()
    code = why.code or why.type or ""
    if sentence := _FATAL.get(code) or _FATAL.get(why.type or ""):
        return _fatal(sentence, code)
    return Trouble(f"{_PASSING.get(code, _UNANSWERED)} ({_named(code)})")


def closed(code: int | None, reason: str) -> Ended | Failed:
    """What it means that the socket was closed so; no code where nobody said goodbye."""
    lower = reason.lower()
    if any(word in lower for word in _EXPIRED):
        return Ended(Outcome("timeout"))
    for word, sentence in _FATAL.items():
        if word in lower:
            return _fatal(sentence, word)
    if code == 1000:
        return Ended(Outcome("completed"))
    return Failed(_LOST if code is None else f"{_BY_CODE.get(code, _CLOSED)} (code {code})")


def refused(status: int) -> Failed:
    """What it means that the handshake was answered with this HTTP status."""
    sentence = _BY_STATUS.get(status, _OWN if status >= 500 else "OpenAI refused the connection: check base_url")
    return Failed(f"{sentence} ({status})")


def _fatal(sentence: str, code: str) -> Failed:
    return Failed(f"{sentence} ({code})", "quota" if sentence is _QUOTA else "")


def _named(code: str) -> str:
    """A code of the vendor's as it may be shown: a word."""
    return code if _WORD.fullmatch(code) else "no code"
