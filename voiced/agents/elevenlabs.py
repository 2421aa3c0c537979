"""ElevenLabs Agents: an agent that is made and hosted at elevenlabs.io, as voiced speaks with it.

    GET get-signed-url ──► wss://… ──► conversation_initiation_client_data ──► metadata ──► audio both ways

(The wire is voiced.agents.dialects.elevenlabs and its family; the driver is voiced.agents.realtime.)
"""

from __future__ import annotations

from urllib.parse import urlsplit

from twisted.internet.defer import Deferred, succeed
from twisted.python.failure import Failure

from voiced.agents.dialects.elevenlabs import ElevenLabsDialect
from voiced.agents.dialects.elevenlabs_door import public_door, refusal, request, signed_door
from voiced.agents.dialects.elevenlabs_settings import Settings
from voiced.agents.grouping import group_seconds
from voiced.agents.realtime import Realtime
from voiced.call.template import FACT
from voiced.errors import AgentError
from voiced.ivoiced import Brief, Door, IAgent, IAgentDialect, ICall, Tools
from voiced.net.exchange import Answer, read_answer
from voiced.net.trouble import NETWORK, sentence

__all__ = ["Settings", "make"]

_MOST = 16 * 1024
"""Bytes of the answer that are read: a signed URL has some 300."""


def make(settings: Settings, tools: Tools) -> IAgent:
    """The agent. Nothing is asked of ElevenLabs before the first conversation."""

    def open_door() -> Deferred[Door]:
        if settings.api_key is None:
            return succeed(public_door(settings))
        url, headers = request(settings)
        asked = tools.http.get(url, headers=headers, unbuffered=True, allow_redirects=False, reactor=tools.reactor)
        return read_answer(asked, _MOST).addCallbacks(opened, shut)

    def opened(answer: Answer) -> Door:
        if answer.status != 200:
            raise refusal(settings, answer.status, answer.body)
        return signed_door(settings, answer.body)

    def shut(failure: Failure) -> Failure:
        if failure.check(*NETWORK):
            return Failure(AgentError(sentence(failure, urlsplit(settings.base_url).netloc), kind="unreachable"))
        return failure

    def dialect(call: ICall, brief: Brief) -> IAgentDialect:
        # A private fact is for nobody but the flow; and some are notes of steps, which no text can name.
        told = {name: fact for name, fact in call.facts.items() if name not in call.private and FACT.fullmatch(name)}
        return ElevenLabsDialect(settings, brief, told, call.info.party)

    return Realtime(tools, open_door, dialect, group_seconds(settings.group_ms, tools.watch.lag))
