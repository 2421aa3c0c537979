"""OpenAI's settings: what voiced.yaml may say of an agent that is a realtime model.

Names and ranges are those of the vendor's own package (openai 3.54, `openai.types.realtime`).
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

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
    str, Meta(pattern=r"^[A-Za-z0-9_-]{1,64}$", description="an id of 1 to 64 letters, digits, `_` and `-`")
]
_Tag = Annotated[str, Meta(pattern=r"^[a-z]{2,3}$", description="the code of a language, like en or de")]
_Model = Annotated[str, Meta(pattern=r"^[A-Za-z0-9._:-]{1,128}$", description="the name of a model")]

_Milliseconds = Annotated[int, Meta(ge=0, le=60_000)]


class ServerVad(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="server_vad"):
    """The caller's turn is over when it has been quiet for long enough."""

    # 0 to 1: how loud a caller must be; higher for noisy lines. OpenAI's own is 0.5.
    threshold: Annotated[float, Meta(ge=0, le=1)] | None = None
    # How much of the audio before the speech belongs to it. OpenAI's own is 300.
    prefix_padding_ms: _Milliseconds | None = None
    # How long a pause ends the turn. OpenAI's own is 500.
    silence_duration_ms: _Milliseconds | None = None
    # After so long a silence of the caller's the agent speaks by itself.
    idle_timeout_ms: Annotated[int, Meta(ge=1, le=60_000)] | None = None


class SemanticVad(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="semantic_vad"):
    """The caller's turn is over when it sounds complete."""

    # How soon the agent answers a caller who may go on: after 8, 4 or 2 s at the latest.
    eagerness: Literal["low", "medium", "high", "auto"] | None = None


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An agent `agent: openai` of voiced.yaml."""

    # A key of the project.
    api_key: Secret
    model: _Model = "gpt-realtime-2.1"
    # A proxy, a simulator.
    base_url: _Url = "https://api.openai.com"
    # Who the agent is and what it shall do. A step's own brief goes before this and the next three. This and the
    # next may hold facts: {party.name|there}.
    prompt: Template | None = None
    # What it says first, word for word. "": the caller begins.
    first_message: Template | None = None
    # ISO 639-1: what it speaks, and what the caller is expected to speak.
    language: _Tag | None = None
    # alloy, ash, ballad, coral, echo, sage, shimmer, verse, marin or cedar; or a voice_… of your own.
    voice: _Id = "marin"
    # Whether the agent speaks first, where there is no first_message.
    greet: bool = True
    # 1 is the voice's own pace.
    speed: Annotated[float, Meta(ge=0.25, le=1.5)] | None = None
    turn_detection: ServerVad | SemanticVad = ServerVad()
    # What writes down the caller's words for the transcript; the agent itself needs none. null: nothing does.
    transcription_model: _Model | None = "gpt-transcribe"
    # Before anything listens; far_field keeps an agent from hearing itself in a caller's loudspeaker.
    noise_reduction: Literal["near_field", "far_field", "off"] = "far_field"
    # Milliseconds of the caller's audio in a message, 20 to 250: fewer messages cost less CPU, and delay what is said
    # by as much. adaptive: 20 while this machine is quick enough, up to 100 while it is not.
    group_ms: GroupMs = "adaptive"

    def __post_init__(self) -> None:
        key = self.api_key.reveal()
        if not key or not key.isascii() or not key.isprintable() or " " in key:
            raise ValueError("`api_key` is empty, or holds a space or a line break: copy the key alone")

    def turns(self) -> dict[str, Any]:
        """Turn detection as the session has it. The model answers, and stops for the caller, by itself."""
        turns = msgspec.to_builtins(self.turn_detection)
        chosen = {name: value for name, value in turns.items() if value is not None}
        return {**chosen, "create_response": True, "interrupt_response": True}
