"""ElevenLabs' dialect: a conversation with an agent of theirs as its socket speaks it. Pure.

    ► conversation_initiation_client_data   first (voiced.agents.dialects.elevenlabs_opening)
      user_audio_chunk                      {"user_audio_chunk": base64}: the caller, without a `type`
      pong                                  {"event_id"}, at once: `ping_ms` is a measurement, and no delay to keep
      contextual_update                     {"text", "context_id"}: the keys, for the agent to know; what was said
                                            before, where it comes back to the call of a daemon that ended
      client_tool_result                    {"tool_call_id", "result", "is_error"}
      mcp_tool_approval_result              {"tool_call_id", "is_approved": false}
    ◄ handled     conversation_initiation_metadata, audio, agent_response, agent_response_correction, interruption,
                  user_transcript, tentative_user_transcript, vad_score, ping, client_tool_call, agent_tool_response,
                  agent_tool_response_full_payload, mcp_tool_call, mcp_connection_status, guardrail_triggered, error
      ignored     agent_chat_response_part, agent_reasoning_response_part: of agents that write
                  agent_tool_request, context_usage, asr_initiation_metadata: of no consequence to a call
                  internal_turn_probability, internal_tentative_agent_response: not for us, says the contract
                  agent_typing, external_agent_connected, external_agent_disconnected, rich_content: of chats
                  agent_response_metadata, agent_response_complete: SDK 2.78 names them, and nobody their shape

Which of them come is set in the agent's Advanced tab (or by `client_events`). Source: elevenlabs/packages,
agent.asyncapi.yaml, 2026-08. The older shape of audio, {"audio": {"chunk"}}, is read too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar

import attrs
import msgspec
from zope.interface import implementer

from voiced.agents.dialects import elevenlabs_shapes as shapes
from voiced.agents.dialects import elevenlabs_trouble as trouble
from voiced.agents.dialects import formats
from voiced.agents.dialects.briefing import so_far
from voiced.agents.dialects.elevenlabs_opening import opening
from voiced.agents.dialects.elevenlabs_settings import Settings
from voiced.agents.dialects.elevenlabs_turns import Turns
from voiced.agents.dialects.events import (
    AgentSaid,
    Audio,
    CallerActive,
    CallerSaid,
    Corrected,
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
from voiced.agents.dialects.message import Malformed, Message, read_object, understand, write, write_sound
from voiced.errors import AgentError
from voiced.ivoiced import Brief, Cut, IAgentDialect, Outcome, ToolResult

SPEECH = 0.7
"""From this `vad_score` on the caller is taken to speak; ElevenLabs does not say where it draws the line itself."""
_KEYS = 64
"""How many keys the agent is reminded of."""
_LONG = 250
"""Characters of a message that is probably audio, and is read in one go."""
_read_audio = msgspec.json.Decoder(shapes.AudioMessage).decode


@attrs.frozen
class _Sound:
    """The agent's voice and its ears, as it has been set to speak and to hear."""

    voice: formats.Converter
    ears: formats.Converter


@implementer(IAgentDialect)
class ElevenLabsDialect:
    """One conversation. `facts` are the flow's, by dotted name; `party` is the human's number."""

    def __init__(self, settings: Settings, brief: Brief, facts: Mapping[str, str], party: str = "") -> None:
        self._opening = opening(settings, brief, facts, party)
        self._so_far = so_far(brief)
        self._sound: _Sound | None = None
        self._turns = Turns()
        self._keys: list[str] = []

    def opening(self) -> Sequence[str]:
        """What is told of this call, and nothing that is not set."""
        opening, self._opening = self._opening, {}  # it is long, and told once
        return [write(opening)]

    def receive(self, text: str | bytes) -> Sequence[Event]:
        """See the table above."""
        if len(text) >= _LONG and self._sound is not None:
            try:
                usual = _read_audio(text).audio_event
            except (msgspec.MsgspecError, ValueError, RecursionError):
                pass  # something else, or something wrong: that is read part by part
            else:
                return self._spoken(self._sound, usual.audio_base_64, usual.event_id)
        return understand(self, text, self._MEANINGS, shapes.IGNORED)

    def audio(self, audio: bytes) -> Sequence[str]:
        """Nothing until Ready: only then it is known how the agent hears."""
        sound = self._sound
        if sound is None:
            return []
        heard = audio if sound.ears is formats.SAME else sound.ears.convert(audio)
        return [write_sound('{"user_audio_chunk":"%s"}', heard)] if heard else []

    def key(self, key: str) -> Sequence[str]:
        """All keys so far, in one note that takes the place of the former one."""
        self._keys.append(key)
        del self._keys[:-_KEYS]
        text = f"The caller has pressed these keys on the telephone so far: {' '.join(self._keys)}"
        return [write({"type": "contextual_update", "text": text, "context_id": "keys"})]

    def interrupted(self, cut: Sequence[Cut]) -> Sequence[str]:
        """ElevenLabs keeps no account of what was heard. What still comes of it is dropped (elevenlabs_turns)."""
        if self._turns.cut({each.item for each in cut}):
            self._drop_rest()
        return []

    def tool_result(self, call: str, result: ToolResult) -> Sequence[str]:
        """The agent goes on by itself when it has it."""
        return [
            write({
                "type": "client_tool_result",
                "tool_call_id": call,
                "result": result.text,
                "is_error": result.error,
            })
        ]  # fmt: skip

    def closing(self) -> Sequence[str]:
        """Closing the socket says it all."""
        return []

    def refused(self, status: int) -> Failed:
        """See IAgentDialect."""
        return trouble.refused(status)

    def closed(self, code: int | None, reason: str) -> Ended | Failed:
        """See voiced.agents.dialects.elevenlabs_trouble."""
        return trouble.closed(code, reason)

    def _metadata(self, message: Message) -> list[Event]:
        metadata = message.part("conversation_initiation_metadata_event", shapes.Metadata)
        if self._sound is not None:
            return []
        try:
            voice = formats.spoken(metadata.agent_output_audio_format)
            self._sound = _Sound(voice, formats.heard(metadata.user_input_audio_format))
        except AgentError as error:
            return [Failed(str(error))]
        before, self._so_far = self._so_far, None
        note = {"type": "contextual_update", "text": before, "context_id": "so_far"}
        return [Ready(metadata.conversation_id), *([Reply(write(note))] if before else [])]

    def _audio(self, message: Message) -> list[Event]:
        new = message.part("audio_event", shapes.Audio | None)  # type: ignore[arg-type]
        if new is None:
            new = shapes.Audio(message.part("audio", shapes.OldAudio).chunk)
        piece = message.sound(new.audio_base_64)
        if self._sound is None:
            raise Malformed("audio before conversation_initiation_metadata")
        return self._spoken(self._sound, piece, new.event_id)

    def _spoken(self, sound: _Sound, piece: bytes, number: int | None) -> list[Event]:
        item = self._turns.audio(number)
        if item is None:
            return []
        audio = piece if sound.voice is formats.SAME else sound.voice.convert(piece)
        return [Audio(audio, item)] if audio else []

    def _agent_response(self, message: Message) -> list[Event]:
        response = message.part("agent_response_event", shapes.AgentResponse)
        if not response.agent_response.strip():
            return []
        before = self._turn_over() if self._turns.second_text(response.event_id) else []
        return [*before, AgentSaid(response.agent_response.strip(), self._turns.text(response.event_id))]

    def _correction(self, message: Message) -> list[Event]:
        return [
            Corrected(message.part("agent_response_correction_event", shapes.Correction).corrected_agent_response)
        ]

    def _interruption(self, message: Message) -> list[Event]:
        event = message.part("interruption_event", shapes.Numbered | None)  # type: ignore[arg-type]
        self._turns.interrupted(event.event_id if event is not None else None)
        self._drop_rest()
        return [Interrupted()]

    def _user_transcript(self, message: Message) -> list[Event]:
        text = message.part("user_transcription_event", shapes.Transcript).user_transcript
        self._turns.answered()
        # A caller who keeps silent is transcribed as "...": it is the agent's turn all the same.
        said: list[Event] = [CallerSaid(text.strip())] if any(map(str.isalnum, text)) else []
        return [*self._turn_over(), *said]

    def _tentative(self, message: Message) -> list[Event]:
        text = message.part("tentative_user_transcription_event", shapes.Transcript).user_transcript
        return [CallerActive()] if any(map(str.isalnum, text)) else []

    def _vad(self, message: Message) -> list[Event]:
        return [CallerActive()] if message.part("vad_score_event", shapes.Vad).vad_score >= SPEECH else []

    def _ping(self, message: Message) -> list[Event]:
        number = message.part("ping_event", shapes.Numbered).event_id
        return [Reply(write({"type": "pong", "event_id": number}))]

    def _tool_call(self, message: Message) -> list[Event]:
        call = message.part("client_tool_call", shapes.ToolCall)
        parameters = bytes(call.parameters)
        arguments = {} if parameters == b"null" else read_object(parameters)
        return [ToolCall(call.tool_call_id, call.tool_name, arguments)]

    def _tool_response(self, message: Message) -> list[Event]:
        response = message.part(message.event, shapes.ToolResponse)
        if response.tool_name == "end_call" and not response.is_error:
            return [*self._turn_over(), Ended(Outcome("completed"))]
        if response.tool_name in trouble.NATIVE_TOOLS and response.is_error:
            return [Trouble(trouble.NATIVE.format(tool=response.tool_name))]
        return []

    def _mcp_call(self, message: Message) -> list[Event]:
        call = message.part("mcp_tool_call", shapes.McpCall)
        if call.state != "awaiting_approval":
            return []
        answer = {"type": "mcp_tool_approval_result", "tool_call_id": call.tool_call_id, "is_approved": False}
        return [Reply(write(answer)), Trouble(trouble.APPROVAL)]

    def _mcp_status(self, message: Message) -> list[Event]:
        servers = message.part("mcp_connection_status", shapes.McpStatus).integrations
        return [Trouble(trouble.MCP_AWAY)] if not all(server.is_connected for server in servers) else []

    def _guardrail(self, message: Message) -> list[Event]:
        return [Trouble(trouble.GUARDRAIL)]

    def _error(self, message: Message) -> list[Event]:
        error = message.part("error_event", shapes.Error)
        words = f"{error.reason or ''} {error.message or ''}"
        return [trouble.error(error.code, error.error_type or "", words)]

    def _turn_over(self) -> list[Event]:
        """The present item is over: what the converter holds back is its end."""
        item = self._turns.over()
        if item is None or self._sound is None:
            return []
        rest = self._sound.voice.rest()
        return [*([Audio(rest, item)] if rest else []), Spoken(item)]

    def _drop_rest(self) -> None:
        if self._sound is not None:
            self._sound.voice.rest()

    _MEANINGS: ClassVar[dict[str, Callable[[ElevenLabsDialect, Message], list[Event]]]] = {
        "conversation_initiation_metadata": _metadata,
        "audio": _audio,
        "agent_response": _agent_response,
        "agent_response_correction": _correction,
        "interruption": _interruption,
        "user_transcript": _user_transcript,
        "tentative_user_transcript": _tentative,
        "vad_score": _vad,
        "ping": _ping,
        "client_tool_call": _tool_call,
        "agent_tool_response": _tool_response,
        "agent_tool_response_full_payload": _tool_response,
        "mcp_tool_call": _mcp_call,
        "mcp_connection_status": _mcp_status,
        "guardrail_triggered": _guardrail,
        "error": _error,
    }
