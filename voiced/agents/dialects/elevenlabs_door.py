"""ElevenLabs' door: how the socket of an agent is asked for, and where it is. Pure.

    ► GET {base_url}/v1/convai/conversation/get-signed-url?agent_id=…   xi-api-key: …
    ◄ 200 {"signed_url": "wss://…/v1/convai/conversation?agent_id=…&conversation_signature=…"}   good for 15 minutes
    ◄ 4xx, 5xx {"detail": {"status" or "code", "message"}}, {"detail": [{"loc", "msg"}]}, HTML, or nothing

A public agent is not asked for: its socket is wss://{host}/v1/convai/conversation?agent_id=….
Source: elevenlabs.io/docs, "Get signed URL". A signed URL is as good as a key, and is never shown; nor is the text of
the vendor's refusal.
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import SplitResult, urlencode, urlsplit

import msgspec

from voiced.agents.dialects.elevenlabs_settings import Settings
from voiced.errors import AgentError
from voiced.ivoiced import Door

_PATH = "/v1/convai/conversation"
_FAMILY = ".elevenlabs.io"
"""Hosts that may answer for each other: a region's socket may be at another host than the region's API."""

_KEY = "ElevenLabs does not accept this api_key: make a new one at elevenlabs.io and set it"
_CREDITS = "the ElevenLabs account has no credits left: top it up, or raise the plan"
_RIGHTS = "ElevenLabs does not allow this: the api_key needs access to ElevenLabs Agents (Conversational AI)"
_AGENT = "ElevenLabs knows no agent {agent!r}: check `agent_id`, and that it belongs to this key's account and region"
_BUSY = "all conversations that the ElevenLabs plan allows at once are taken: raise the plan, or lower limits.calls"
_HURRY = "ElevenLabs asks for fewer requests: try again, or raise the plan"
_BY_CODE = {
    "quota_exceeded": _CREDITS,  # comes with 401
    "insufficient_credits": _CREDITS,
    "payment_required": _CREDITS,
    "invalid_api_key": _KEY,
    "missing_api_key": _KEY,
    "missing_permissions": _RIGHTS,
    "agent_not_found": _AGENT,
    "invalid_agent_id": _AGENT,
    "concurrent_limit_exceeded": _BUSY,
    "too_many_concurrent_requests": _BUSY,
    "rate_limit_exceeded": _HURRY,
}
_BY_STATUS = {401: _KEY, 402: _CREDITS, 403: _RIGHTS, 404: _AGENT, 422: _AGENT, 429: _HURRY}
_NO_URL = "ElevenLabs answered without a signed URL: check the agent's base_url"


class _Answer(msgspec.Struct):
    signed_url: str


def request(settings: Settings) -> tuple[str, dict[str, str]]:
    """The URL to GET for a signed one, and its headers. Only for an agent with an `api_key`."""
    if settings.api_key is None:
        raise ValueError("a public agent has no signed URL")
    names = ("agent_id", "branch_id", "version_id", "environment")
    query = {name: value for name in names if (value := getattr(settings, name)) is not None}
    url = f"{settings.base_url.rstrip('/')}{_PATH}/get-signed-url?{urlencode(query)}"
    return url, {"xi-api-key": settings.api_key.reveal()}


def public_door(settings: Settings) -> Door:
    """The socket of a public agent."""
    scheme, _, rest = settings.base_url.rstrip("/").partition("://")
    return Door(
        f"{'wss' if scheme == 'https' else 'ws'}://{rest}{_PATH}?{urlencode({'agent_id': settings.agent_id})}"
    )


def signed_door(settings: Settings, body: bytes) -> Door:
    """The socket that a 200 gives. Raises AgentError when it gives none, or one that is not ElevenLabs'."""
    try:
        url = msgspec.json.decode(body, type=_Answer).signed_url
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port  # a port that is no number raises, too
    except (msgspec.MsgspecError, ValueError, RecursionError):
        raise AgentError(_NO_URL) from None
    if not _is_plain(url, parts):
        raise AgentError(_NO_URL)
    base = urlsplit(settings.base_url)
    if not _is_of(host or "", base.hostname or "") or (base.scheme == "https" and parts.scheme != "wss"):
        raise AgentError(
            "ElevenLabs' signed URL leads to another place than base_url: check it, and proxies on the way"
        )
    return Door(url)


def refusal(settings: Settings, status: int, body: bytes) -> AgentError:
    """The error for an answer of this status; `body` is its beginning, and may be anything."""
    sentence = next((_BY_CODE[word] for word in _words(body) if word in _BY_CODE), None) or _BY_STATUS.get(status)
    if sentence is None and 300 <= status < 400:
        sentence = "the agent's base_url redirects elsewhere: set it to where it leads"
    if sentence is None and status >= 500:
        sentence = "ElevenLabs has trouble of its own; see status.elevenlabs.io"
    sentence = sentence or "ElevenLabs refused to open a conversation: check the agent's settings"
    kind = "quota" if sentence is _CREDITS else "refused"
    return AgentError(f"{sentence.format(agent=settings.agent_id)} ({status})", kind=kind)


def _is_plain(url: str, parts: SplitResult) -> bool:
    """Whether it is a socket's URL that can be dialled as it is."""
    printable = url.isascii() and url.isprintable() and " " not in url
    return printable and parts.scheme in ("ws", "wss") and parts.username is None and parts.hostname is not None


def _is_of(host: str, base: str) -> bool:
    return host == base or (host.endswith(_FAMILY) and base.endswith(_FAMILY))


def _words(body: bytes) -> list[str]:
    """The words that name the trouble, the most exact first."""
    try:
        answer: Any = json.loads(body)
    except (ValueError, RecursionError):
        return []
    detail = answer.get("detail") if isinstance(answer, dict) else None
    if isinstance(detail, str):
        return [detail]
    if not isinstance(detail, dict):
        return []
    return [word for name in ("code", "status", "type") if isinstance(word := detail.get(name), str)]
