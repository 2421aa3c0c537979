"""Message: one JSON text of a vendor's socket, read part by part, what it means by its type, and how we write ours.

Whatever came (bytes that are no text, text that is no JSON, JSON of another shape), reading raises Malformed only.
"""

from __future__ import annotations

import base64
import json
import re
from binascii import b2a_base64
from collections.abc import Callable, Container, Mapping
from functools import cache
from typing import Annotated, Any, TypeVar

import attrs
import msgspec
from msgspec import Meta

from voiced.agents.dialects.events import Event, Unknown
from voiced.errors import VoicedError

Number = Annotated[int, Meta(ge=-(2**53), le=2**53)]
"""An event's number: what JavaScript can count (RFC 8259 §6). A longer one could not even be written back."""

_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,63}")

_Shape = TypeVar("_Shape")

_decoder: Callable[[Any], Any] = cache(msgspec.json.Decoder)
"""Of a shape; made once, for making one costs more than reading a message."""


class Malformed(VoicedError):
    """A message that cannot be read; `kind` names it, as far as it may be shown."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        super().__init__(kind)


@attrs.frozen
class Message:
    """A message of some type, its `event`; its parts are read when they are asked for."""

    event: str
    _parts: Mapping[str, msgspec.Raw] = attrs.field(repr=False)

    @property
    def kind(self) -> str:
        """Its type as it may be shown: a vendor's types are words, and a caller's sentence is none."""
        return self.event if _WORD.fullmatch(self.event) else "a type that is no word"

    def part(self, name: str, shape: type[_Shape]) -> _Shape:
        """The part of that name, in that shape; one that is not there is null."""
        try:
            return _decode(self._parts.get(name, b"null"), shape)
        except Malformed:
            raise Malformed(f"{self.kind} (malformed)") from None

    def sound(self, text: str) -> bytes:
        """The bytes that this base64 stands for."""
        try:
            return base64.b64decode(text, validate=True)
        except ValueError:  # binascii.Error is one, and so is a text that is not even ASCII
            raise Malformed(f"{self.kind} (not base64)") from None


def read(text: str | bytes) -> Message:
    """A message."""
    parts = _decode(text, dict[str, msgspec.Raw])
    if "type" not in parts:
        raise Malformed("no type")
    try:
        return Message(_decode(parts["type"], str), parts)
    except Malformed:
        raise Malformed("a type that is no text") from None


_Dialect = TypeVar("_Dialect")
Meaning = Callable[[_Dialect, Message], list[Event]]
"""What a message of one type means: a method of a dialect."""


def understand(
    dialect: _Dialect, text: str | bytes, meanings: Mapping[str, Meaning[_Dialect]], ignored: Container[str]
) -> list[Event]:
    """What a message means to a dialect, by its type; Unknown for what is malformed or has no meaning."""
    try:
        message = read(text)
        if message.event in ignored:
            return []
        meaning = meanings.get(message.event)
        return [Unknown(message.kind)] if meaning is None else meaning(dialect, message)
    except Malformed as malformed:
        return [Unknown(malformed.kind)]


def read_object(text: str | bytes) -> Mapping[str, Any] | None:
    """The JSON object in a text of a language model's; None when it holds none."""
    try:
        return _decode(text, dict[str, Any])
    except Malformed:
        return None


def write(message: Mapping[str, Any]) -> str:
    """A message of ours as it travels."""
    return json.dumps(message, separators=(",", ":"))


def write_sound(form: str, audio: bytes) -> str:
    """A message with these bytes, many times a second: `form` is its JSON with a %s where they go, for base64 needs
    no escapes."""
    return form % b2a_base64(audio, newline=False).decode("ascii")


def _decode(text: str | bytes | msgspec.Raw, shape: type[_Shape]) -> _Shape:
    try:
        decoded: _Shape = _decoder(shape).decode(text)
        return decoded
    except (msgspec.MsgspecError, ValueError, RecursionError):  # ValueError: half a character, in text or in bytes
        raise Malformed("not JSON of that shape") from None
