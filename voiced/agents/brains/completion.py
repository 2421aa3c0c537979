"""Completion: what a streamed chat completion says, chunk by chunk: texts in, a text and tool calls out. Pure.

    <- {"choices": [{"delta": {"content": "Good "}, "finish_reason": null}]}
    <- {"choices": [{"delta": {"tool_calls": [{"index": 0, "id": "call_1",
                                               "function": {"name": "book", "arguments": "{\\"ta"}}]}}]}
    <- {"choices": [{"delta": {}, "finish_reason": "stop"}]}
    <- [DONE]

platform.openai.com/docs, API reference, "Chat", "Streaming". Others write null, or leave out, what they do not use.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import attrs

from voiced.errors import AgentError

DONE = "[DONE]"
QUOTA = ("insufficient_quota", "billing_hard_limit_reached", "billing_not_active", "insufficient_credits")
"""Words of a complaint that mean: nothing is answered until somebody pays."""
_THINK, _THOUGHT = "<think>", "</think>"
_WORD = re.compile(r"[A-Za-z_]{1,64}")


@attrs.define
class ToolUse:
    """A tool that the model wants used, as far as it has said so."""

    id: str
    name: str = ""
    arguments: str = ""

    def parsed(self) -> Mapping[str, Any] | None:
        """The arguments; None when they are no JSON object."""
        try:
            arguments = json.loads(self.arguments or "{}")
        except ValueError:
            return None
        return arguments if isinstance(arguments, dict) else None


class Completion:
    """One completion; `tools` and `finish` are complete when its stream has ended."""

    def __init__(self) -> None:
        self.text = ""
        self.tools: list[ToolUse] = []
        self.finish = ""
        """Why the model stopped: "stop", "tool_calls", "length", "content_filter"."""
        self._thoughts = _Thoughts()

    def receive(self, event: str) -> str:
        """A chunk; gives what it adds to the text. Raises AgentError for an error, or what is no chunk."""
        if event == DONE:
            return ""
        try:
            chunk = json.loads(event)
        except ValueError:
            chunk = None
        if not isinstance(chunk, dict):
            raise AgentError("the chat endpoint sent something that is no chunk of a completion: check its base_url")
        if chunk.get("error"):
            why = complaint(chunk)
            raise AgentError(f"the chat endpoint broke off: {why}", kind="quota" if why in QUOTA else "failed")
        text = ""
        for choice in _mappings(chunk.get("choices")):
            self.finish = str(choice.get("finish_reason") or self.finish)
            text += self._delta(choice.get("delta"))
        self.text += text
        return text

    def _delta(self, delta: object) -> str:
        if not isinstance(delta, dict):
            return ""
        for call in _mappings(delta.get("tool_calls")):
            self._tool(call)
        content = delta.get("content")
        return self._thoughts.without(content) if isinstance(content, str) else ""

    def _tool(self, call: Mapping[str, Any]) -> None:
        name = call.get("id")
        at = call.get("index")
        if not isinstance(at, int):  # Google's endpoint leaves it out, and sends every call whole
            at = len(self.tools) if name or not self.tools else len(self.tools) - 1
        if at >= len(self.tools):
            self.tools.append(ToolUse(str(name or f"call_{len(self.tools)}")))
        tool = self.tools[min(max(at, 0), len(self.tools) - 1)]
        function = call.get("function")
        if isinstance(function, dict):
            tool.name += str(function.get("name") or "")
            arguments = function.get("arguments") or ""
            tool.arguments += arguments if isinstance(arguments, str) else json.dumps(arguments)


class _Thoughts:
    """Leaves out what a reasoning model thinks aloud between <think> and </think>: nobody wants to hear it."""

    def __init__(self) -> None:
        self._rest = ""
        self._thinking = False

    def without(self, text: str) -> str:
        """This piece of the text without its thoughts; a tag may come in several pieces."""
        self._rest += text
        said = ""
        while True:
            tag = _THOUGHT if self._thinking else _THINK
            before, found, after = self._rest.partition(tag)
            if not found:
                break
            said += "" if self._thinking else before
            self._rest, self._thinking = after, not self._thinking
        kept = _beginning_of(tag, self._rest)
        if not self._thinking:
            said += self._rest[: len(self._rest) - kept]
        self._rest = self._rest[len(self._rest) - kept :]
        return said


def complaint(answer: object) -> str:
    """The word by which an error answer names the trouble. Its sentence is never shown: it may quote the caller."""
    error = answer.get("error", answer) if isinstance(answer, dict) else None
    named = (error.get(name) for name in ("code", "type")) if isinstance(error, dict) else ()
    return next((word for word in named if isinstance(word, str) and _WORD.fullmatch(word)), "without a reason")


def _beginning_of(tag: str, text: str) -> int:
    """How many characters at the end of the text may be the beginning of this tag."""
    return next((size for size in range(len(tag) - 1, 0, -1) if text.endswith(tag[:size])), 0)


def _mappings(value: object) -> Iterator[Mapping[str, Any]]:
    return (each for each in (value if isinstance(value, list) else []) if isinstance(each, dict))
