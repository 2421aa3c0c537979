"""What a model of OpenAI's answers: one response, from its creation to its end, as a script wants it.

Reply("One moment.", calls=[Call("transfer_call", {"to": "ann"})])
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from attrs import define, field, frozen
from twisted.internet.defer import CancelledError, Deferred

from voiced.simulator.mulaw import RATE
from voiced.simulator.vendors.agent_audio import from_mulaw
from voiced.simulator.vendors.openai_messages import Json
from voiced.simulator.vendors.script import cancelled


@frozen
class Call:
    """A function that the model wants called."""

    name: str
    arguments: Mapping[str, Any] = field(factory=dict)
    id: str | None = None


@frozen
class Reply:
    """What a response consists of, and what goes wrong with it."""

    text: str = ""
    """What the model says; without it, and without audio, there is no message."""
    calls: Sequence[Call] = ()
    audio: bytes | None = field(default=None, kw_only=True)
    """mu-law at 8000, instead of the voice's."""
    pieces: int = field(default=1, kw_only=True)
    pace: float = field(default=0.0, kw_only=True)
    """Seconds between two pieces of audio."""
    after: float = field(default=0.0, kw_only=True)
    """Seconds between the response's creation and its first piece."""
    heard: str = field(default="", kw_only=True)
    """What the caller has said that this replies to, where the double listens by itself (`Model.listens`)."""
    status: str = field(default="completed", kw_only=True)
    """Or `failed`, `incomplete` ..."""
    details: Mapping[str, Any] | None = field(default=None, kw_only=True)
    """... and the `status_details` that say why."""
    stall_after: int | None = field(default=None, kw_only=True)
    """Nothing comes after so many pieces."""
    break_after: int | None = field(default=None, kw_only=True)
    """The connection breaks after so many pieces."""


@define(eq=False)
class Item:
    """Something in the conversation, as far as truncating needs to know it."""

    id: str
    type: str
    role: str = ""
    audio: int = 0
    """Bytes of mu-law at 8000 that were sent of it."""
    spoken: bool = False
    """Whether it has audio of the model's."""

    @property
    def milliseconds(self) -> int:
        """How long its audio is."""
        return self.audio * 1000 // RATE


class Stage(Protocol):
    """What a response needs of its session."""

    @property
    def output_format(self) -> str:
        """The format of the audio, by `agent_audio`'s name for it."""

    def send(self, kind: str, **fields: object) -> None:
        """Send a message of that type."""

    def sound(self, text: str) -> bytes:
        """A text in mu-law."""

    def add(self, item: Item, call_id: str | None = None) -> str | None:
        """The conversation has one more, a function call if it has an id of that; gives the id of the one before."""

    def number(self, kind: str) -> str:
        """A new id: `item_7`."""

    def waits(self, seconds: float) -> Deferred[Any]:
        """Fires after so many seconds."""

    def drops(self) -> None:
        """The connection breaks."""


@define(eq=False)
class Response:
    """One response."""

    id: str
    _stage: Stage
    _reply: Reply
    _over: Callable[[Response], object]
    """Called when it is done, whatever it came to."""
    _output: list[Json] = field(init=False, factory=list)
    _running: Deferred[None] = field(init=False)
    _why: str = field(init=False, default="client_cancelled")
    _open: Callable[[str], None] | None = field(init=False, default=None)
    """Ends the item that is being spoken, with that status."""

    def begin(self) -> None:
        """Generate it."""
        self._running = Deferred.fromCoroutine(self._generate())
        self._running.addErrback(cancelled)

    def cancel(self, why: str) -> None:
        """Cut it short: `turn_detected` or `client_cancelled`."""
        self._why = why
        self._running.cancel()

    async def _generate(self) -> None:
        reply = self._reply
        self._stage.send("response.created", response=self._body("in_progress", None))
        try:
            if reply.after:
                await self._stage.waits(reply.after)
            if reply.text or reply.audio is not None:
                await self._speak()
            for call in reply.calls:
                self._call(call)
        except CancelledError:
            if self._open is not None:
                self._open("incomplete")
            self._end("cancelled", {"type": "cancelled", "reason": self._why})
        else:
            self._end(reply.status, None if reply.details is None else {"type": reply.status, **reply.details})

    async def _speak(self) -> None:
        stage, reply, index = self._stage, self._reply, len(self._output)
        item = Item(stage.number("item"), "message", "assistant", spoken=True)
        self._begin_item(item, {"role": "assistant", "content": []})
        where = {"response_id": self.id, "item_id": item.id, "output_index": index, "content_index": 0}
        stage.send("response.content_part.added", part={"type": "audio", "transcript": ""}, **where)
        said: list[str] = []

        def close(status: str) -> None:
            self._open = None
            text = "".join(said)
            stage.send("response.output_audio.done", **where)
            stage.send("response.output_audio_transcript.done", transcript=text, **where)
            stage.send("response.content_part.done", part={"type": "audio", "transcript": text}, **where)
            content = [{"type": "output_audio", "transcript": text}]
            self._end_item(item, {"role": "assistant", "content": content, "status": status})

        self._open = close
        sound = stage.sound(reply.text) if reply.audio is None else reply.audio
        for number, (text, piece) in enumerate(_cut(reply.text, sound, reply.pieces)):
            await self._pause(number)
            said.append(text)
            item.audio += len(piece)
            stage.send("response.output_audio_transcript.delta", delta=text, **where)
            delta = b64encode(from_mulaw(piece, stage.output_format)).decode("ascii")
            stage.send("response.output_audio.delta", delta=delta, **where)
        await self._pause(reply.pieces, paced=False)
        close("completed")

    async def _pause(self, number: int, paced: bool = True) -> None:
        if number and self._reply.pace and paced:
            await self._stage.waits(self._reply.pace)
        if number == self._reply.break_after:
            self._stage.drops()
        if number in (self._reply.break_after, self._reply.stall_after):
            await Deferred()

    def _call(self, call: Call) -> None:
        stage, index, written = self._stage, len(self._output), json.dumps(dict(call.arguments))
        item = Item(stage.number("item"), "function_call")
        about = {"name": call.name, "call_id": call.id or stage.number("call")}
        self._begin_item(item, {**about, "arguments": ""})
        where = {"response_id": self.id, "item_id": item.id, "output_index": index, "call_id": about["call_id"]}
        stage.send("response.function_call_arguments.delta", delta=written, **where)
        stage.send("response.function_call_arguments.done", arguments=written, name=call.name, **where)
        self._end_item(item, {**about, "arguments": written, "status": "completed"})

    def _begin_item(self, item: Item, about: Json) -> None:
        before = self._stage.add(item, about.get("call_id"))
        body = _item(item, {"status": "in_progress", **about})
        where = {"response_id": self.id, "output_index": len(self._output)}
        self._stage.send("response.output_item.added", item=body, **where)
        self._stage.send("conversation.item.added", item=body, previous_item_id=before)

    def _end_item(self, item: Item, about: Json) -> None:
        body = _item(item, about)
        self._stage.send("conversation.item.done", item=body)
        where = {"response_id": self.id, "output_index": len(self._output)}
        self._stage.send("response.output_item.done", item=body, **where)
        self._output.append(body)

    def _end(self, status: str, details: Json | None) -> None:
        self._over(self)
        self._stage.send("response.done", response=self._body(status, details))

    def _body(self, status: str, details: Json | None) -> Json:
        tokens = {"total_tokens": 30, "input_tokens": 20, "output_tokens": 10}
        return {
            "object": "realtime.response",
            "id": self.id,
            "status": status,
            "status_details": details,
            "output": list(self._output),
            "output_modalities": ["audio"],
            "usage": None if status == "in_progress" else tokens,
            "metadata": None,
        }


def _item(item: Item, about: Json) -> Json:
    return {"id": item.id, "object": "realtime.item", "type": item.type, **about}


def _cut(text: str, sound: bytes, pieces: int) -> list[tuple[str, bytes]]:
    """Text and audio in so many pieces."""
    size, length = -(-len(sound) // pieces), -(-len(text) // pieces)
    return [
        (text[at * length : (at + 1) * length], sound[at * size : (at + 1) * size])
        for at in range(pieces)
        if sound[at * size :] or text[at * length :]
    ]
