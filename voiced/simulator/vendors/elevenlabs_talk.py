"""One conversation with an ElevenLabs agent: it plays its script, and does what it is told by hand.

    double.conversations[-1].says("Hello.")

Whatever is told to a conversation that is over, or stalled, does nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from attrs import Factory, define, field
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IDelayedCall

from voiced.simulator.mulaw import RATE
from voiced.simulator.vendors import elevenlabs_messages as messages
from voiced.simulator.vendors.agent_audio import Ear, Speech, Voice, from_mulaw, to_mulaw
from voiced.simulator.vendors.agent_socket import SocketEnd
from voiced.simulator.vendors.elevenlabs_agent import Agent
from voiced.simulator.vendors.elevenlabs_messages import BadMessage, CallerAudio, Json, Spoken, ToolResult
from voiced.simulator.vendors.elevenlabs_record import INITIATION, Record
from voiced.simulator.vendors.script import Performance, cancelled
from voiced.simulator.vendors.waiting import Waiting


@define(eq=False)
class Conversation(Record):
    """The vendor's end of one conversation."""

    id: str
    agent: Agent
    query: Mapping[str, str]
    """Of the URL that the socket came with."""
    _script: Performance[Conversation]
    _voice: Voice
    _last_event: int = field(init=False, default=Factory(lambda self: self.agent.first_event - 1, takes_self=True))
    _tools: Waiting[ToolResult | None] = field(init=False, factory=Waiting)
    _pings: Waiting[None] = field(init=False, factory=Waiting)
    _spoken: Waiting[None] = field(init=False, factory=Waiting)
    _ear: Ear = field(init=False, factory=Ear)
    _heard_at: float = field(init=False, default=0.0)
    """When all that was said will have been heard, if it is played as it comes."""
    _saying: Deferred[None] = field(init=False, factory=lambda: succeed(None))
    _late: Deferred[Any] = field(init=False, factory=lambda: succeed(None))
    """The metadata that is still to be sent."""
    _patience: IDelayedCall | None = field(init=False, default=None)

    def __attrs_post_init__(self) -> None:
        if self.agent.interrupt_above is not None:
            self._ear = Ear(self.agent.interrupt_above)
        if self.agent.receive_timeout is not None:
            self._patience = self._clock.callLater(self.agent.receive_timeout, self._tire)

    # What a script or a test has it do

    def says(
        self,
        text: str,
        *,
        event_id: int | None = None,
        audio: bytes | None = None,
        pieces: int = 1,
        pace: float = 0.0,
        text_first: bool = True,
        legacy: bool = False,
    ) -> Deferred[None]:
        """Say a text: its agent_response and its audio, all with one event id (the next one).

        `audio` is mu-law at 8000, instead of the voice's; it is sent in so many `pieces`, `pace` seconds apart, the
        text before or after them. `legacy` sends them as old examples show it. Fires when all is sent or was cut.
        """
        if self.closed is not None:
            return succeed(None)
        event, sound = self._event(event_id), self._voice(text) if audio is None else audio
        size = max(1, -(-len(sound) // pieces))
        cut = [from_mulaw(sound[at : at + size], self.agent.output_format) for at in range(0, len(sound), size)]
        saying = Deferred.fromCoroutine(self._say(text, cut, size / RATE, event, pace, text_first, legacy))
        self._saying = saying.addErrback(cancelled)
        return self._saying

    def interrupts(self, event_id: int | None = None) -> None:
        """The caller is noticed: what was said up to that event (the last one) is not to be heard any more."""
        self._heard_at = self._clock.seconds()
        self._send(messages.interruption(self._last_event if event_id is None else event_id))
        self._saying.cancel()  # last: the script goes on at once

    def corrects(self, original: str, corrected: str, event_id: int | None = None) -> None:
        """What of a text was heard; of the last event, unless another is named."""
        self._send(messages.correction(original, corrected, self._last_event if event_id is None else event_id))

    def hears(self, text: str, event_id: int | None = None) -> None:
        """The caller is understood so."""
        self._send(messages.user_transcript(text, self._event(event_id)))

    def calls_tool(
        self, name: str, parameters: Mapping[str, Any] | None = None, call_id: str | None = None
    ) -> Deferred[ToolResult | None]:
        """Call a client tool. Fires with its result, or None when the conversation ends without one."""
        event = self._event(None)
        call = call_id or f"toolu_{event}"
        waiting = self._tools.wait(call)
        self._send(messages.tool_call(name, parameters or {}, call, event))
        return waiting

    def pings(self, event_id: int | None = None, ping_ms: int | None = None) -> Deferred[None]:
        """Fires when the pong has come, or the conversation is over."""
        event = self._event(event_id)
        waiting = self._pings.wait(event)
        self._send(messages.ping(event, ping_ms))
        return waiting

    def ends(self) -> None:
        """Hang up with the tool `end_call`."""
        event = self._event(None)
        self._send(messages.tool_response("end_call", f"toolu_{event}", event))
        self.closes(1000)

    def fails(
        self, code: int = 1011, error_type: str = "unknown_websocket_crash", message: str = "Something broke"
    ) -> None:
        """An error, and the close that follows it."""
        self._send(messages.error(code, error_type, message))
        self.closes(code, message)

    # What can be waited for

    def when_spoken(self) -> Deferred[None]:
        """Fires when the caller, by the loudness of the audio, has spoken and stopped."""
        return self._spoken.wait()

    @property
    def unheard(self) -> float:
        """Seconds of what was said that cannot have been heard yet, if it was played as it came."""
        return max(0.0, self._heard_at - self._clock.seconds())

    # What the socket tells it

    def receive(self, payload: bytes, binary: bool) -> None:
        """A message has come."""
        if self.bad is not None:
            return
        try:
            said = self.take(payload, binary)
            self._obey(said)
        except BadMessage as bad:
            self.bad = bad
            self.fails(bad.code, bad.error_type, bad.text)

    def lost(self, end: SocketEnd) -> None:
        """It is over."""
        super().lost(end)
        self._tools.give_up(None)
        self._pings.give_up(None)
        self._spoken.give_up(None)

    # What its socket's end asks for (AgentEnd)

    @property
    def output_format(self) -> str:
        """See AgentEnd."""
        return self.agent.output_format

    def stop(self) -> None:
        """See AgentEnd."""
        self._script.stop()
        self._late.cancel()
        self._saying.cancel()
        if self._patience is not None and self._patience.active():
            self._patience.cancel()

    def carry(self, sound: bytes) -> Json:
        """See AgentEnd."""
        return messages.audio(sound, self._event(None))

    # Within

    def _obey(self, said: CallerAudio | ToolResult | Spoken) -> None:
        match said:
            case CallerAudio(audio):
                self._be_patient()
                self._hear(to_mulaw(audio, self.agent.input_format))
            case ToolResult(call_id):
                self._tools.come(said, call_id)
            case Spoken("pong", message):
                self._pings.come(None, message["event_id"])
            case Spoken("user_message" | "user_activity"):
                self._be_patient()
            case Spoken(kind, message) if kind == INITIATION:
                self.agent.check(message)
                self._greet()

    def _greet(self) -> None:
        after = self.agent.metadata_after
        if after is not None:
            self._late = self.waits(after) if after else succeed(None)
            self._late.addCallback(self._introduce).addErrback(cancelled)

    def _introduce(self, _: object) -> None:
        self._send(messages.metadata(self.id, self.agent.output_format, self.agent.input_format))
        self._script.go_on(self)

    async def _say(
        self, text: str, cut: list[bytes], seconds: float, event: int, pace: float, text_first: bool, legacy: bool
    ) -> None:
        if text_first:
            self._send(messages.agent_response(text, event))
        for number, piece in enumerate(cut):
            if number and pace:
                await self.waits(pace)
            self._heard_at = max(self._heard_at, self._clock.seconds()) + seconds
            if legacy:
                self.sends(json.dumps(messages.legacy_audio(piece)))
            else:
                self._send(messages.audio(piece, event))
        if not text_first:
            self._send(messages.agent_response(text, event))

    def _hear(self, mulaw: bytes) -> None:
        for speech in self._ear.hear(mulaw):
            if speech is Speech.ENDS:
                self._spoken.come(None)
            elif self.agent.interrupt_above is not None and self.unheard:
                self.interrupts()

    def _event(self, event_id: int | None) -> int:
        event = self._last_event + 1 if event_id is None else event_id
        self._last_event = max(self._last_event, event)
        return event

    def _send(self, message: Json) -> None:
        if self.closed is None and self.agent.sends(message["type"], messages.wanted_events(self.initiation or {})):
            self._check("sent", message)
            self.sent.append(message)
            self._socket.send(json.dumps(message))

    def _be_patient(self) -> None:
        if self._patience is not None and self._patience.active() and self.agent.receive_timeout is not None:
            self._patience.reset(self.agent.receive_timeout)

    def _tire(self) -> None:
        self.fails(1002, "transport_receive_timeout", "No user input for a long time")
