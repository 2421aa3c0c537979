"""ElevenLabs' settings: what voiced.yaml may say of such an agent.

Who the agent is, is set at elevenlabs.io. What is set here is said anew in every conversation (an "override"), and
what is not set is not said at all: each one must be allowed in the agent's Security tab, or ElevenLabs ends the
conversation at once. Names and ranges are the contract's (elevenlabs/packages, agent.asyncapi.yaml, 2026-08).
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from voiced.agents.grouping import GroupMs
from voiced.call.template import Template
from voiced.secret import Secret

_Url = Annotated[
    str,
    Meta(
        pattern=r"^https?://[A-Za-z0-9.:\[\]-]+(/[A-Za-z0-9._~/-]*)?$",
        description="a URL: https:// and a host, at most a path",
    ),
]
_Id = Annotated[
    str, Meta(pattern=r"^[A-Za-z0-9_-]{4,128}$", description="an id of 4 to 128 letters, digits, `_` and `-`")
]
_Tag = Annotated[str, Meta(pattern=r"^[a-z]{2}(-[a-z]{2})?$", description="the code of a language, like en or de")]
_Model = Annotated[str, Meta(pattern=r"^[A-Za-z0-9._/@:-]{1,64}$", description="the name of a model")]

ClientEvent = Literal[
    "audio", "agent_response", "agent_response_correction", "interruption", "user_transcript",
    "tentative_user_transcript", "conversation_initiation_metadata", "client_tool_call", "agent_tool_response",
    "agent_tool_response_full_payload", "mcp_tool_call", "mcp_connection_status", "vad_score", "ping",
    "guardrail_triggered",
]  # fmt: skip
"""Those of the contract's events that voiced makes something of."""
NEEDED_EVENTS = frozenset({"audio", "interruption", "conversation_initiation_metadata"})
"""Without them there is no conversation on a telephone."""

_Text = Annotated[str, Meta(min_length=1)]
_Name = Annotated[
    str, Meta(pattern=r"^[A-Za-z0-9_-]{1,64}$", description="an id of 1 to 64 letters, digits, `_` and `-`")
]
_Share = Annotated[float, Meta(ge=0, le=1)]


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An agent `agent: elevenlabs` of voiced.yaml."""

    # The agent's id, as in its URL at elevenlabs.io.
    agent_id: _Id
    # The account's key (xi-api-key). None: the agent is public, and asks nobody who they are.
    api_key: Secret | None = None
    # Another region (https://api.us.elevenlabs.io, https://api.eu.residency.elevenlabs.io), a proxy, a simulator.
    base_url: _Url = "https://api.elevenlabs.io"
    # A branch, a version or an environment of the agent, where it has several; they need an api_key.
    branch_id: _Name | None = None
    version_id: _Name | None = None
    environment: _Name | None = None
    # Overrides. A step's own brief goes before them. The first two may hold facts: {party.name|there}.
    prompt: Template | None = None
    # "": the agent waits for the caller to begin.
    first_message: Template | None = None
    # ISO 639-1, and "pt-br".
    language: _Tag | None = None
    # A voice's id.
    voice: _Name | None = None
    # The language model, by ElevenLabs' name for it.
    llm: _Model | None = None
    # 0 lively to 1 even.
    stability: _Share | None = None
    # 1 is the voice's own pace.
    speed: Annotated[float, Meta(ge=0.7, le=5)] | None = None
    # 0 to 1: how close to the original voice.
    similarity_boost: _Share | None = None
    # Words that the caller is likely to say.
    keywords: tuple[_Text, ...] = ()
    # The events that ElevenLabs sends; empty: those that are enabled in the agent's Advanced tab.
    client_events: tuple[ClientEvent, ...] = ()
    # Whether the caller's number is given as `user_id`, so that ElevenLabs keeps the callers apart.
    user_id: bool = False
    # Whether the agent is told who calls, and all that the flow knows, as dynamic variables.
    facts: bool = True
    # Milliseconds of the caller's audio in a message, 20 to 250: fewer messages cost less CPU, and delay what is said
    # by as much. adaptive: 20 while this machine is quick enough, up to 100 while it is not.
    group_ms: GroupMs = "adaptive"

    def __post_init__(self) -> None:
        key = self.api_key.reveal() if self.api_key is not None else "public"
        if not key or not key.isascii() or not key.isprintable() or " " in key:
            raise ValueError("`api_key` is empty, or holds a space or a line break: copy the key alone")
        if self.api_key is None and (self.branch_id or self.version_id or self.environment):
            raise ValueError("`branch_id`, `version_id` and `environment` need an `api_key`")
        if self.prompt is not None and not self.prompt.source.strip():
            raise ValueError("`prompt` is empty, and to ElevenLabs that is an override as well: leave it out")
        if self.client_events and (missing := sorted(NEEDED_EVENTS.difference(self.client_events))):
            raise ValueError(f"`client_events` lacks {', '.join(missing)}: no conversation can do without")
