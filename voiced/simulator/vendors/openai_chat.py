"""OpenAI's chat completions, streamed: what a language model behind a voice of one's own says.

    POST /v1/chat/completions   {"model": …, "messages": [{"role": …, "content": …}], "stream": true, "tools": […]}
    <- data: {"choices": [{"index": 0, "delta": {"content": "Hel"}, "finish_reason": null}]}
       data: {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
       data: [DONE]

Only streams are spoken here. Source: `openai.types.chat` of the vendor's Python package, 3.54.
"""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import Iterator, Sequence
from itertools import count
from typing import Any

from attrs import define, field, frozen
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.web.server import Request

from voiced.simulator.vendors.openai_messages import Json
from voiced.simulator.vendors.openai_refusals import refusal
from voiced.simulator.vendors.openai_reply import Call
from voiced.simulator.vendors.vendor import Asked, Weather


@frozen
class ChatReply:
    """One completion."""

    text: str = ""
    """Comes word by word."""
    calls: Sequence[Call] = ()
    pace: float = field(default=0.0, kw_only=True)
    """Seconds between two pieces."""
    finish_reason: str | None = field(default=None, kw_only=True)
    """None: `stop`, or `tool_calls`."""
    stall_after: int | None = field(default=None, kw_only=True)
    """Nothing comes after so many pieces (the first one is empty), and the response never ends."""
    break_after: int | None = field(default=None, kw_only=True)
    """The connection breaks after so many pieces."""


@define(eq=False)
class Chat:
    """What the model answers next; change it at any time."""

    weather: Weather
    replies: deque[ChatReply] = field(factory=deque)
    """One for each completion; an empty one when there are no more."""
    asked: list[Json] = field(factory=list)
    """The bodies that were good."""
    _numbers: count[int] = field(init=False, factory=lambda: count(1))

    def expect(self, *replies: ChatReply | str) -> None:
        """The next completions say this."""
        self.replies.extend(ChatReply(reply) if isinstance(reply, str) else reply for reply in replies)

    async def complete(self, clock: IReactorTime, request: Request, asked: Asked) -> None:
        """Serve one request. Raises Refusal."""
        body = _read(asked)
        self.asked.append(body)
        await self.weather.pass_by(clock)
        reply = self.replies.popleft() if self.replies else ChatReply()
        request.setHeader("Content-Type", "text/event-stream; charset=utf-8")
        head = {"id": f"chatcmpl-{next(self._numbers)}", "object": "chat.completion.chunk", "model": body["model"]}
        head["created"] = int(clock.seconds())
        usage = (body.get("stream_options") or {}).get("include_usage") is True
        number = 0
        for number, (delta, reason) in enumerate(_deltas(reply)):
            await _pause(clock, request, reply, number)
            choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}
            _write(request, json.dumps({**head, "choices": [choice]} | ({"usage": None} if usage else {})))
        await _pause(clock, request, reply, number + 1, paced=False)
        if usage:
            tokens = {"prompt_tokens": 20, "completion_tokens": number, "total_tokens": 20 + number}
            _write(request, json.dumps({**head, "choices": [], "usage": tokens}))
        _write(request, "[DONE]")
        request.finish()


async def _pause(clock: IReactorTime, request: Request, reply: ChatReply, number: int, paced: bool = True) -> None:
    if number and reply.pace and paced:
        await deferLater(clock, reply.pace)
    if number in (reply.stall_after, reply.break_after):
        request.write(b"")  # the head goes out, if nothing else did
        if number == reply.break_after:
            request.loseConnection()
        await Deferred()


def _write(request: Request, event: str) -> None:
    request.write(f"data: {event}\n\n".encode())


def _deltas(reply: ChatReply) -> Iterator[tuple[Json, str | None]]:
    """What changes with each chunk, and why it was the last."""
    yield {"role": "assistant", "content": "" if reply.text or not reply.calls else None, "refusal": None}, None
    for word in re.findall(r"\s*\S+|\s+$", reply.text):
        yield {"content": word}, None
    for index, call in enumerate(reply.calls):
        written = json.dumps(dict(call.arguments))
        function = {"name": call.name, "arguments": ""}
        about = {"index": index, "id": call.id or f"call_{index + 1}", "type": "function", "function": function}
        yield {"tool_calls": [about]}, None
        for piece in (written[: len(written) // 2], written[len(written) // 2 :]):
            yield {"tool_calls": [{"index": index, "function": {"arguments": piece}}]}, None
    yield {}, reply.finish_reason or ("tool_calls" if reply.calls else "stop")


def _read(asked: Asked) -> Json:
    try:
        body: Any = json.loads(asked.body)
    except ValueError as error:
        raise refusal(400, "invalid_request_error", None, f"We could not parse the JSON body: {error}") from error
    for name, wanted in (("model", str), ("messages", list)):
        if not isinstance(body, dict) or not isinstance(body.get(name), wanted) or not body[name]:
            message = f"Missing required parameter: '{name}'."
            raise refusal(400, "invalid_request_error", "missing_required_parameter", message, name)
    if body.get("stream") is not True:
        raise refusal(400, "invalid_request_error", "unsupported_value", "This double only streams.", "stream")
    return dict(body)
