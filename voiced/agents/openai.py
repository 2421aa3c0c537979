"""OpenAI Realtime: a model of OpenAI's that hears and speaks itself, as voiced speaks with it.

    wss://api.openai.com/v1/realtime?model=… ──► session.update ──► session.updated ──► audio both ways

(The wire is voiced.agents.dialects.openai and its family; the driver is voiced.agents.realtime.)
"""

from __future__ import annotations

from urllib.parse import urlencode

from twisted.internet.defer import Deferred, succeed

from voiced.agents.dialects.openai import OpenAIDialect
from voiced.agents.dialects.openai_settings import Settings
from voiced.agents.grouping import group_seconds
from voiced.agents.realtime import Realtime
from voiced.ivoiced import Brief, Door, IAgent, IAgentDialect, ICall, Tools

__all__ = ["SESSION_SECONDS", "Settings", "door", "make"]

SESSION_SECONDS = 55 * 60.0
"""How long a conversation lasts at most: OpenAI ends it after 60 minutes, without a word before."""


def make(settings: Settings, tools: Tools) -> IAgent:
    """The agent. Nothing is asked of OpenAI before the first conversation."""

    def open_door() -> Deferred[Door]:
        return succeed(door(settings))

    def dialect(call: ICall, brief: Brief) -> IAgentDialect:
        return OpenAIDialect(settings, brief, call.facts)

    return Realtime(tools, open_door, dialect, group_seconds(settings.group_ms, tools.watch.lag))


def door(settings: Settings) -> Door:
    """Where its socket is. No `OpenAI-Beta` header: it would choose the shapes of the beta."""
    scheme, _, rest = settings.base_url.rstrip("/").partition("://")
    url = f"{'wss' if scheme == 'https' else 'ws'}://{rest}/v1/realtime?{urlencode({'model': settings.model})}"
    return Door(url, {"Authorization": f"Bearer {settings.api_key.reveal()}"}, most_seconds=SESSION_SECONDS)
