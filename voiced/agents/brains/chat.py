"""Chat: a brain behind any endpoint that speaks as OpenAI's chat completions do: OpenAI, Ollama, vLLM, llama.cpp, …

brain:
  openai-chat:
    base_url: http://127.0.0.1:11434/v1
    model: llama3.2
    prompt: "You answer the telephone of the Seaview Hotel. …"
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from msgspec import Meta
from twisted.internet.defer import Deferred
from zope.interface import implementer

from voiced.agents.brains.asking import Asking, Unanswered
from voiced.agents.brains.brain import IBrain, Say
from voiced.agents.brains.completion import Completion, ToolUse
from voiced.agents.talking.sentences import Sentences
from voiced.agents.talking.talk import Talk
from voiced.call.template import Template
from voiced.errors import AgentError
from voiced.ivoiced import Outcome, ToolResult, Tools, Utterance, Who
from voiced.secret import Secret

_Url = Annotated[
    str,
    Meta(
        pattern=r"^https?://[A-Za-z0-9.:\[\]-]+(/[A-Za-z0-9._~/-]*)?$",
        description="a URL: https:// and a host, at most a path",
    ),
]

_PROMPT = Template.parse(
    "You are on the telephone. Answer in one or two short sentences, in plain spoken English, without lists, "
    "without markup and without emoji. What the caller says was recognised by a machine and may be misheard: "
    "when it makes no sense, ask."
)
_ROUNDS = 5
"""Requests for one answer: so often may the model use tools before it has to answer."""
_LINES = 60
"""Lines of the talk that the model is told, at most."""
_ROLES = {Who.CALLER: "user", Who.AGENT: "assistant"}

Message = dict[str, Any]


class Chat(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A brain `openai-chat`."""

    model: Annotated[str, Meta(min_length=1)]
    base_url: _Url = "https://api.openai.com/v1"
    # None where the endpoint asks for none.
    api_key: Secret | None = None
    # What the model is told to be; the flow or the API may say otherwise.
    prompt: Template = _PROMPT
    temperature: Annotated[float, Meta(ge=0, le=2)] | None = None
    # Tokens of an answer, at most; some models only take `max_completion_tokens`.
    max_tokens: Annotated[int, Meta(ge=1)] | None = None
    max_completion_tokens: Annotated[int, Meta(ge=1)] | None = None
    # "none", "minimal", "low": of models that think before they speak; the caller waits meanwhile.
    reasoning_effort: str | None = None
    # Seconds until the first word, and between two pieces; then the agent has failed.
    first_token: Annotated[float, Meta(gt=0, le=60)] = 6.0
    stall: Annotated[float, Meta(gt=0, le=60)] = 5.0

    def __post_init__(self) -> None:
        key = self.api_key.reveal() if self.api_key is not None else "none"
        if not key.isascii() or not key.isprintable() or " " in key:
            raise ValueError("`api_key` holds a space or a line break: copy the key alone")

    def body(self) -> Message:
        """All of a request's body but the messages and tools; what is not set is left out."""
        names = ("temperature", "max_tokens", "max_completion_tokens", "reasoning_effort")
        given = {name: value for name in names if (value := getattr(self, name)) is not None}
        return {"model": self.model, "stream": True, **given}


@implementer(IBrain)
class ChatBrain:
    """A language model, in one conversation: told what was really heard, spoken sentence by sentence as it writes."""

    def __init__(self, settings: Chat, tools: Tools, talk: Talk) -> None:
        self._settings = settings
        self._http = tools.http
        self._clock = tools.reactor
        self._talk = talk
        self._used: dict[int, list[Message]] = {}
        """The tools that were used, by the number of the caller's turn."""

    def understands(self, text: str) -> bool:
        """Nobody knows before it is asked."""
        return False

    def foresee(self, text: str) -> Utterance | None:
        """It would cost a request for each pause that the caller makes."""
        return None

    def answer(self, say: Say) -> Deferred[Outcome | None]:
        """One request, and one more after each use of tools."""
        return Deferred.fromCoroutine(self._converse(say))

    async def _converse(self, say: Say) -> Outcome | None:
        messages = self._messages()
        used = self._used[self._talk.turns] = []
        for _ in range(_ROUNDS):
            completion = await self._complete(messages, say)
            if not completion.tools:
                return None
            results = [_asked(completion), *(_unfinished(tool) for tool in completion.tools)]
            used += results
            for at, tool in enumerate(completion.tools, start=1):
                result = await self._use(tool)
                results[at]["content"] = result.text
                if result.leave is not None:
                    return result.leave
            messages += results
        raise AgentError(f"the model has used tools {_ROUNDS} times in a row, and said nothing to the caller")

    async def _complete(self, messages: list[Message], say: Say) -> Completion:
        """Ask; once more when nothing came, for a connection that was kept may have died unnoticed."""
        try:
            return await self._ask(messages, say)
        except Unanswered as error:
            if not error.retry:
                raise
        return await self._ask(messages, say)

    def _ask(self, messages: list[Message], say: Say) -> Deferred[Completion]:
        completion = Completion()
        sentences = Sentences()

        def speak(found: list[str]) -> None:
            for sentence in found:
                say(Utterance(sentence))

        def receive(event: str) -> bool:
            text = completion.receive(event)
            speak(sentences.feed(text))
            return bool(text or completion.tools)

        settings = self._settings
        asking = Asking(receive, lambda: speak(sentences.end()), self._clock, settings.first_token, settings.stall)
        key = settings.api_key
        headers = {"authorization": f"Bearer {key.reveal()}"} if key is not None else {}
        url = settings.base_url.rstrip("/") + "/chat/completions"
        asking.start(self._http, url, headers, {**settings.body(), "messages": messages, **self._tools()})
        return asking.done.addCallback(lambda _: _something(completion))

    async def _use(self, tool: ToolUse) -> ToolResult:
        toolbox, arguments = self._talk.brief.tools, tool.parsed()
        if toolbox is None or arguments is None:
            return ToolResult("There is no such tool, or these arguments are no JSON object.", error=True)
        return await toolbox.use(tool.name, arguments)

    def _tools(self) -> Mapping[str, Any]:
        toolbox = self._talk.brief.tools
        if toolbox is None or not toolbox.tools:
            return {}
        functions = [
            {"name": name, "description": tool.description, "parameters": dict(tool.parameters)}
            for name, tool in toolbox.tools.items()
        ]
        return {"tools": [{"type": "function", "function": function} for function in functions]}

    def _messages(self) -> list[Message]:
        """The talk as the model is told it: what was heard, and not what was meant to be said."""
        prompt = self._talk.brief.prompt
        told = self._settings.prompt.fill(self._talk.facts) if prompt is None else prompt
        messages: list[Message] = [{"role": "system", "content": told}]
        turn = sum(line.who is Who.CALLER for line in self._talk.lines[:-_LINES])
        for line in self._talk.lines[-_LINES:]:
            _add(messages, _ROLES[line.who], line.heard)
            if line.who is Who.CALLER:
                turn += 1
                messages += self._used.get(turn, ())
        _add(messages, "user", self._talk.said)
        return messages


def _add(messages: list[Message], role: str, text: str) -> None:
    """One more message, or more of the last one: some models insist on taking turns."""
    if messages[-1]["role"] == role and "tool_calls" not in messages[-1]:
        messages[-1] = {"role": role, "content": f"{messages[-1]['content']} {text}".strip()}
    elif text:
        messages.append({"role": role, "content": text})


def _something(completion: Completion) -> Completion:
    """The completion, if it is one: who gets no answer hangs up."""
    if not completion.text.strip() and not completion.tools:
        raise Unanswered(f"the model answered nothing ({completion.finish or 'for no reason'})", retry=True)
    return completion


def _asked(completion: Completion) -> Message:
    """The model's own message, in which it asked for tools."""
    calls = [
        {"id": tool.id, "type": "function", "function": {"name": tool.name, "arguments": tool.arguments or "{}"}}
        for tool in completion.tools
    ]
    return {"role": "assistant", "content": completion.text or None, "tool_calls": calls}


def _unfinished(tool: ToolUse) -> Message:
    """A tool's result until it is there; it stays so when the caller speaks first, and the tool is cancelled."""
    text = "Interrupted by the caller: it is not known whether this was done."
    return {"role": "tool", "tool_call_id": tool.id, "content": text}
