"""Whether messages are as OpenAI's own Python package types them: a check for its double."""

from __future__ import annotations

import typing
from functools import cache


class Undocumented(Exception):
    """A message that the vendor's package does not know so."""


def documented(direction, message):
    """A check for `OpenAI(check=…)`; without the package everything is fine."""
    if models := _models(direction):
        kind = message["type"]
        if kind not in models:
            raise Undocumented(f"{kind!r} is not among {sorted(models)}")
        if extra := models[kind].model_validate(message, strict=True).model_extra:
            raise Undocumented(f"{kind}: unknown are {sorted(extra)}")


def chunk_documented(chunk):
    """Whether this is a chunk of a streamed chat completion."""
    from openai.types.chat import ChatCompletionChunk

    return ChatCompletionChunk.model_validate(chunk, strict=True)


def available():
    """Whether there is a package to compare with."""
    return bool(_models("received"))


@cache
def _models(direction):
    """Type -> pydantic model of the messages of one direction."""
    try:
        from openai.types.realtime import RealtimeClientEvent, RealtimeServerEvent
    except ImportError:
        return {}
    union = typing.get_args(RealtimeClientEvent if direction == "received" else RealtimeServerEvent)[0]
    found = {}
    for model in typing.get_args(union):
        for kind in typing.get_args(model.model_fields["type"].annotation) if "type" in model.model_fields else ():
            found[kind] = model
    return found
