"""The agent: ElevenLabs' socket, of an agent that says back whatever it hears, at once.

    ◄ conversation_initiation_client_data, {"user_audio_chunk": base64}, contextual_update, pong
    ► conversation_initiation_metadata, audio, interruption; and every five seconds a turn begins: user_transcript,
      agent_response, ping

The base64 of a frame is pasted into the answer as it came: the stamps go back to whom they are from. Of several
frames each is told when the youngest was sent, since they may not go back together.
"""

from __future__ import annotations

import time

import msgspec
from picows import WSFrame, WSListener, WSMsgType, WSTransport

from bench.load import sound

TURN = 250
"""Frames after which the agent begins to say something new."""
FIRST_TURN = 10
"""After so many for the first time."""
AHEAD = 100
"""Frames that the agent speaks ahead before it is interrupted: two seconds."""
_METADATA = (
    b'{"type":"conversation_initiation_metadata","conversation_initiation_metadata_event":{"conversation_id":"conv_%d",'
    b'"agent_output_audio_format":"ulaw_8000","user_input_audio_format":"ulaw_8000"}}'
)
_AUDIO = b'{"type":"audio","audio_event":{"audio_base_64":"%b","event_id":%d}}'
_TRANSCRIPT = (
    b'{"type":"user_transcript","user_transcription_event":{"user_transcript":"And what then?","event_id":%d}}'
)
_RESPONSE = (
    b'{"type":"agent_response","agent_response_event":{"agent_response":"You will hear it from me.","event_id":%d}}'
)
_PING = b'{"type":"ping","ping_event":{"event_id":%d,"ping_ms":20}}'
_INTERRUPTION = b'{"type":"interruption","interruption_event":{"event_id":%d}}'
_MUCH = sound.unstamped(AHEAD)


class _Message(msgspec.Struct):
    """What the program says; no audio: something else."""

    user_audio_chunk: str | None = None
    type: str = ""


_read = msgspec.json.Decoder(_Message).decode


class Agent(WSListener):
    """One conversation. `agents` finds it by the number of the call that it hears."""

    def __init__(self, agents: dict[int, Agent]) -> None:
        self._agents = agents
        self._call = 0
        self._event = 1
        self._left = FIRST_TURN
        self.met = 0
        """When the program has begun the conversation (ns)."""
        self.told = False
        """Whether it was told something besides: what was said with an agent before."""

    def speak_ahead(self) -> None:
        """Say two seconds at once, as agents do."""
        self._begin_turn()
        self._send(_AUDIO % (_MUCH, self._event))

    def interrupt(self) -> int:
        """The caller is noticed: what was said is not to be heard any more. Gives when that was sent (ns)."""
        event, self._event = self._event, self._event + 1
        now = time.monotonic_ns()
        self._send(_INTERRUPTION % event)
        return now

    def on_ws_connected(self, transport: WSTransport) -> None:
        """Named by picows."""
        self._transport: WSTransport | None = transport

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        """Named by picows."""
        if frame.msg_type == WSMsgType.TEXT:
            message = _read(frame.get_payload_as_bytes())
            if message.user_audio_chunk is not None:
                self._answer(message.user_audio_chunk)
            elif message.type == "contextual_update":
                self.told = True
            elif message.type == "conversation_initiation_client_data":
                self.met = time.monotonic_ns()
                self._send(_METADATA % id(self))
        elif frame.msg_type == WSMsgType.CLOSE:
            transport.send_close(frame.get_close_code())
            transport.disconnect()

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        """Named by picows."""
        self._transport = None
        if self._agents.get(self._call) is self:
            del self._agents[self._call]

    def _answer(self, chunk: str) -> None:
        if not self._call:
            _, self._call = sound.stamp(sound.decoded(chunk), 0)
            self._agents[self._call] = self
        self._left -= 1
        if self._left <= 0:
            self._begin_turn()
        said = chunk.encode() if len(chunk) <= sound.LENGTH else sound.came_together(chunk)
        self._send(_AUDIO % (said, self._event))

    def _begin_turn(self) -> None:
        self._left = TURN
        self._event += 1
        for message in (_TRANSCRIPT, _RESPONSE, _PING):
            self._send(message % self._event)

    def _send(self, message: bytes) -> None:
        if self._transport is not None:
            self._transport.send(WSMsgType.TEXT, message)
