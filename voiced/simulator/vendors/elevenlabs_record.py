"""What the vendor's end of an ElevenLabs conversation keeps of it, and which messages it takes in which order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import define, field
from twisted.logger import Logger

from voiced.simulator.vendors import elevenlabs_messages as messages
from voiced.simulator.vendors.agent_end import AgentEnd
from voiced.simulator.vendors.elevenlabs_messages import BadMessage, CallerAudio, Json, Spoken, ToolResult

INITIATION = "conversation_initiation_client_data"

Check = Callable[[str, Json], object]
"""Given "received" or "sent" and a message, raises if the message is not as the vendor documents it."""

_log = Logger()


@define(eq=False)
class Record(AgentEnd):
    """One conversation as it has been so far."""

    _check: Check
    initiation: Json | None = field(init=False, default=None)
    """conversation_initiation_client_data, once it has come."""
    audio: bytearray = field(init=False, factory=bytearray)
    """The caller's, in the agent's input format."""
    chunks: int = field(init=False, default=0)
    """How many messages it came in."""
    pongs: list[int] = field(init=False, factory=list)
    """The event ids that were answered."""
    tool_results: list[ToolResult] = field(init=False, factory=list)
    context: list[Json] = field(init=False, factory=list)
    """Contextual updates."""
    user_messages: list[str] = field(init=False, factory=list)
    received: list[Json] = field(init=False, factory=list)
    """Every good message but the caller's audio."""
    sent: list[Json] = field(init=False, factory=list)
    """Every message of ours but raw ones."""
    bad: BadMessage | None = field(init=False, default=None)
    """What the conversation was closed for, if the other side broke the rules."""

    def take(self, payload: bytes, binary: bool) -> CallerAudio | ToolResult | Spoken:
        """Read a message, and keep it. Raises BadMessage."""
        message = messages.parse(payload, binary)
        said = messages.read(message)
        self._expect(said)
        self._compare(message)
        self._keep(said)
        return said

    def events(self, kind: str) -> list[Any]:
        """What was sent of that type: the object under its key (`error_event` ...), in order."""
        return [
            next(v for k, v in message.items() if k != "type") for message in self.sent if message["type"] == kind
        ]

    def _expect(self, said: CallerAudio | ToolResult | Spoken) -> None:
        first = isinstance(said, Spoken) and said.type == INITIATION
        if self.initiation is None and not first:
            raise BadMessage("invalid_message", f"something before {INITIATION}")
        if self.initiation is not None and first:
            raise BadMessage("invalid_message", f"a second {INITIATION}")

    def _compare(self, message: Json) -> None:
        """Ask the vendor's own schema, if there is one. What it alone finds is a fault to be told aloud."""
        try:
            self._check("received", message)
        except Exception as error:
            _log.failure("{type}: not as the vendor documents it", type=message.get("type", "user_audio_chunk"))
            raise BadMessage("invalid_message", f"not as documented: {error!s:.200}") from error

    def _keep(self, said: CallerAudio | ToolResult | Spoken) -> None:
        match said:
            case CallerAudio(audio):
                self.audio += audio
                self.chunks += 1
            case ToolResult():
                self.tool_results.append(said)
            case Spoken(kind, message):
                self.received.append(message)
                self._sort(kind, message)

    def _sort(self, kind: str, message: Json) -> None:
        match kind:
            case "conversation_initiation_client_data":
                self.initiation = message
            case "pong":
                self.pongs.append(message["event_id"])
            case "contextual_update":
                self.context.append(message)
            case "user_message":
                self.user_messages.append(message.get("text") or "")
