"""OpenAI's dialect: a conversation with a realtime model (GA) as its socket speaks it. Pure.

    ► session.update                 first (voiced.agents.dialects.openai_opening)
      response.create                for the greeting, and after tools (voiced.agents.dialects.openai_answers)
      input_audio_buffer.append      {"audio"}: the caller
      conversation.item.create       {"item"}: a tool's result; a key, for the model to know
      conversation.item.truncate     {"item_id", "content_index", "audio_end_ms"}: what was heard of what was cut
      response.cancel                {"response_id"}: when it was not the model that noticed the interruption
    ◄ session.updated                now it hears as we speak: Ready
      response.created, .done        which response is being made, and what became of it
      response.output_audio.delta    {"delta", "item_id", "response_id", "content_index"}, .done
      response.output_audio_transcript.done   {"transcript", "item_id"}: what the agent says
      response.output_item.done      {"item"}: a function call, when its status is `completed`
      conversation.item.added        {"item"}: a tool's result has arrived there
      conversation.item.input_audio_transcription.completed, .failed   what the caller said; may come late
      input_audio_buffer.speech_started, .speech_stopped   the caller; the model stops by itself
      error                          most leave the session as it is
      ignored: see openai_shapes.IGNORED

Source: openai 3.54, `openai.types.realtime`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar

import attrs
from zope.interface import implementer

from voiced.agents.dialects import openai_shapes as shapes
from voiced.agents.dialects import openai_trouble as trouble
from voiced.agents.dialects.events import (
    AgentSaid,
    Audio,
    CallerActive,
    CallerSaid,
    Ended,
    Event,
    Failed,
    Interrupted,
    Ready,
    Reply,
    Spoken,
    ToolCall,
    Trouble,
)
from voiced.agents.dialects.message import Malformed, Message, Number, read_object, understand, write, write_sound
from voiced.agents.dialects.openai_answers import Answers
from voiced.agents.dialects.openai_opening import greeting, opening
from voiced.agents.dialects.openai_settings import Settings
from voiced.call.audio import RATE
from voiced.ivoiced import Brief, Cut, IAgentDialect, ToolResult


@attrs.define
class _Item:
    """Something that the model says: of which response, where in the item, and how much of it has come, in bytes."""

    response: str
    content_index: int
    size: int = 0

    @property
    def milliseconds(self) -> int:
        return self.size * 1000 // RATE


@implementer(IAgentDialect)
class OpenAIDialect:
    """One conversation. `facts` are the flow's, by dotted name."""

    def __init__(self, settings: Settings, brief: Brief, facts: Mapping[str, str]) -> None:
        self._opening = opening(settings, brief, facts)
        self._greeting = greeting(settings, brief, facts)
        self._ready = False
        self._answers = Answers()
        self._items: dict[str, _Item] = {}
        self._unheard: set[str] = set()
        """Items that the caller may not have heard to their end."""
        self._cut: set[str] = set()
        """Items and responses of which nothing is heard any more."""

    def opening(self) -> Sequence[str]:
        """The whole session; what is not set is left to OpenAI."""
        opening, self._opening = self._opening, {}  # it is long, and told once
        return [write(opening)]

    def receive(self, text: str | bytes) -> Sequence[Event]:
        """See the table above."""
        return understand(self, text, self._MEANINGS, shapes.IGNORED)

    def audio(self, audio: bytes) -> Sequence[str]:
        """Nothing until Ready: until then the session would take it for audio of another format."""
        if not self._ready or not audio:
            return []
        return [write_sound('{"type":"input_audio_buffer.append","audio":"%s"}', audio)]

    def key(self, key: str) -> Sequence[str]:
        """A note in the conversation; the model reads it when it speaks next."""
        text = f"[The caller pressed {key} on the telephone keypad]"
        content = [{"type": "input_text", "text": text}]
        return [_create({"type": "message", "role": "user", "content": content})]

    def interrupted(self, cut: Sequence[Cut]) -> Sequence[str]:
        """The model shall remember of each item what was heard, and nothing that was not.

        More than has come cannot be: OpenAI answers that with an error, and the item stays whole. When the model did
        not notice the interruption itself, it still speaks: it is told to stop.
        """
        known = [(each, item) for each in cut if (item := self._items.get(each.item)) is not None]
        messages = []
        speaking = self._answers.active
        if speaking is not None and speaking not in self._cut and any(item.response == speaking for _, item in known):
            self._cut.add(speaking)
            messages.append(write({"type": "response.cancel", "event_id": trouble.CUT, "response_id": speaking}))
        for each, item in known:
            self._cut.add(each.item)
            self._unheard.discard(each.item)
            messages.append(_truncate(each.item, item, round(each.heard.seconds * 1000)))
        return messages

    def tool_result(self, call: str, result: ToolResult) -> Sequence[str]:
        """The result, and where the model would keep silent else, that it shall go on."""
        output = _create({"type": "function_call_output", "call_id": call, "output": result.text})
        ask = self._answers.result_sent(call, answer=result.leave is None)
        return [output, *([_GO_ON] if ask else [])]

    def closing(self) -> Sequence[str]:
        """Closing the socket says it all."""
        return []

    def refused(self, status: int) -> Failed:
        """See IAgentDialect."""
        return trouble.refused(status)

    def closed(self, code: int | None, reason: str) -> Ended | Failed:
        """See voiced.agents.dialects.openai_trouble."""
        return trouble.closed(code, reason)

    def _updated(self, message: Message) -> list[Event]:
        session = message.part("session", shapes.Session)
        if self._ready:
            return []
        self._ready = True
        first = [] if self._greeting is None else [Reply(write(self._greeting))]
        return [Ready(session.id), *first]

    def _response_created(self, message: Message) -> list[Event]:
        self._answers.begun(message.part("response", shapes.Response).id)
        return []

    def _response_done(self, message: Message) -> list[Event]:
        response = message.part("response", shapes.Response)
        details = response.status_details or shapes.StatusDetails()
        ask = self._answers.done(answered_later=details.reason == "turn_detected")
        event = trouble.response(response.status or "", details)
        return [*([event] if event is not None else []), *([Reply(_GO_ON)] if ask else [])]

    def _delta(self, message: Message) -> list[Event]:
        name, response = message.part("item_id", str), message.part("response_id", str)
        piece = message.sound(message.part("delta", str))
        if not piece or not self._cut.isdisjoint((name, response)):
            return []
        item = self._items.setdefault(name, _Item(response, message.part("content_index", Number)))
        item.size += len(piece)
        self._unheard.add(name)
        return [Audio(piece, name)]

    def _audio_done(self, message: Message) -> list[Event]:
        name = message.part("item_id", str)
        return [Spoken(name)] if name in self._items and name not in self._cut else []

    def _said(self, message: Message) -> list[Event]:
        text, name = message.part("transcript", str).strip(), message.part("item_id", str)
        never_heard = name not in self._items and message.part("response_id", str) in self._cut
        return [AgentSaid(text, name)] if text and not never_heard else []

    def _item_done(self, message: Message) -> list[Event]:
        item = message.part("item", shapes.Item)
        if item.type != "function_call" or item.status != "completed":
            return []
        if item.call_id is None or item.name is None:
            raise Malformed(f"{message.kind} (malformed)")
        self._answers.tool_called(item.call_id)
        return [ToolCall(item.call_id, item.name, read_object(item.arguments) if item.arguments.strip() else {})]

    def _item_added(self, message: Message) -> list[Event]:
        item = message.part("item", shapes.Item)
        if item.type == "function_call_output" and item.call_id is not None:
            self._answers.result_received(item.call_id)
        return []

    def _caller_said(self, message: Message) -> list[Event]:
        text = message.part("transcript", str).strip()
        return [CallerSaid(text)] if text else []

    def _not_transcribed(self, message: Message) -> list[Event]:
        return [Trouble(trouble.TRANSCRIPTION)]

    def _speech_started(self, message: Message) -> list[Event]:
        """The model has stopped by itself; what is on its way of that response is not heard."""
        self._answers.caller_speaks()
        if self._answers.active is not None:
            self._cut.add(self._answers.active)
        unheard, self._unheard = self._unheard, set()
        return [CallerActive(), *([Interrupted()] if unheard else [])]

    def _speech_stopped(self, message: Message) -> list[Event]:
        return [CallerActive()]

    def _error(self, message: Message) -> list[Event]:
        error = message.part("error", shapes.Error)
        if error.code == trouble.BUSY:
            self._answers.refused()
        event = trouble.error(error, self._ready)
        return [event] if event is not None else []

    _MEANINGS: ClassVar[dict[str, Callable[[OpenAIDialect, Message], list[Event]]]] = {
        "session.updated": _updated,
        "response.created": _response_created,
        "response.done": _response_done,
        "response.output_audio.delta": _delta,
        "response.output_audio.done": _audio_done,
        "response.output_audio_transcript.done": _said,
        "response.output_item.done": _item_done,
        "conversation.item.added": _item_added,
        "conversation.item.input_audio_transcription.completed": _caller_said,
        "conversation.item.input_audio_transcription.failed": _not_transcribed,
        "input_audio_buffer.speech_started": _speech_started,
        "input_audio_buffer.speech_stopped": _speech_stopped,
        "error": _error,
    }


_GO_ON = write({"type": "response.create"})


def _create(item: dict[str, object]) -> str:
    return write({"type": "conversation.item.create", "item": item})


def _truncate(name: str, item: _Item, heard: int) -> str:
    """`heard` in milliseconds."""
    return write({
        "type": "conversation.item.truncate",
        "event_id": trouble.CUT,
        "item_id": name,
        "content_index": item.content_index,
        "audio_end_ms": max(min(heard, item.milliseconds), 0),
    })  # fmt: skip
